"""botkit's client alone: a process that sends direct messages with one kind of credential after the other."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from authlib.oauth1.rfc5849.client_auth import ClientAuth

from benchmarks.bodies import ACCOUNT
from benchmarks.children import loop_factory, pin
from botkit.collector import spare_the_collector
from botkit.network.client import Client, Credentials
from botkit.network.requests import Requests
from botkit.network.transport import AiohttpTransport
from botkit.x.calls import dm
from botkit.x.calls.dm import SentMessage
from botkit.x.wire import Auth, Call, Request

__all__: list[str] = []

Do = Callable[[Call[SentMessage]], Awaitable[SentMessage]]

#: as long as those that X gives to apps
_BEARER = "A" * 22 + "b" * 90
_KEYS = ("consumer-key", "consumer-secret", f"{ACCOUNT}-token", "token-secret")


class _Authlib:
    """The reference: authlib makes every signature from scratch."""

    kind = Auth.OAUTH1_USER

    def header(self, request: Request, url: str, headers: dict[str, str]) -> str:
        key, secret, token, token_secret = _KEYS
        signer = ClientAuth(key, client_secret=secret, token=token, token_secret=token_secret)
        return str(signer.prepare(request.method, url, dict(headers), "")[1]["Authorization"])


async def _send(do: Do, count: int) -> dict[str, Any]:
    numbers = iter(range(count))

    async def send() -> None:
        for number in numbers:
            sent = await do(dm.send(str(7_000_000_000 + number), "hello"))
            assert sent.message_id

    began, cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(send() for _ in range(64)))
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    return {"rate": count / took_s, "cpu_us": cpu_s / count * 1e6}


async def _main(api_url: str) -> None:
    transport = AiohttpTransport()
    signed = Client(transport, Credentials(*_KEYS), api_url=api_url)
    borne = Client(transport, Credentials(oauth2_token=_BEARER), api_url=api_url)
    requests, authlib = Requests(transport, api_url), _Authlib()

    async def by_authlib(call: Call[SentMessage]) -> SentMessage:
        return await requests.do(call, authlib)

    kinds: dict[str, Do] = {"oauth1": signed.do, "bearer": borne.do, "authlib": by_authlib}
    spare_the_collector()  # as a bot that runs does
    print(json.dumps({}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        print(json.dumps(await _send(kinds[command["kind"]], command["requests"])), flush=True)
    await transport.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--api-url", required=True)
    arguments = parser.parse_args()
    pin(arguments.core)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main(arguments.api_url))
