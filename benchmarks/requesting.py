"""botkit's client alone: a process that sends direct messages with one kind of credential after the other."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from authlib.oauth1.rfc5849.client_auth import ClientAuth

from benchmarks.bodies import ACCOUNT
from benchmarks.children import loop_factory, pin
from botkit.network.credentials import Bearer, OAuth1, Shown
from botkit.network.requests import Requests
from botkit.network.transport import AiohttpTransport
from botkit.x.calls import dm
from botkit.x.wire import Auth, Request

__all__: list[str] = []

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


async def _send(requests: Requests, shown: Shown, count: int) -> dict[str, Any]:
    numbers = iter(range(count))

    async def send() -> None:
        for number in numbers:
            response = await requests.send(dm.send(str(7_000_000_000 + number), "hello"), shown)
            assert response.status == 201

    began, cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(send() for _ in range(64)))
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    return {"rate": count / took_s, "cpu_us": cpu_s / count * 1e6}


async def _main(api_url: str) -> None:
    transport = AiohttpTransport()
    requests = Requests(transport, api_url)
    shown: dict[str, Shown] = {"oauth1": OAuth1(*_KEYS), "bearer": Bearer(_BEARER), "authlib": _Authlib()}
    print(json.dumps({}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        print(json.dumps(await _send(requests, shown[command["kind"]], command["requests"])), flush=True)
    await transport.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--api-url", required=True)
    arguments = parser.parse_args()
    pin(arguments.core)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main(arguments.api_url))
