"""A process that needs an account's token, with four tasks at once: see test_refresh_once.py.

Its arguments: the address of the store, that of X, and the access token that is no good any more. It says
when it is ready, begins when told to, says when it waits for the other one, and last what each task got.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from botkit.log import make_logger
from botkit.network.accounts import Accounts
from botkit.network.credentials import Credentials
from botkit.network.keys import KeyRing
from botkit.network.requests import Requests
from botkit.network.transport import AiohttpTransport
from botkit.network.vault import Vault
from botkit.store import open_store


async def main(store_url: str, api_url: str, used: str) -> None:
    store, transport = open_store(store_url), AiohttpTransport()
    await store.open()
    try:
        accounts = Accounts(
            store,
            Vault(store, KeyRing(Path.cwd(), {})),
            Requests(transport, api_url),
            Credentials("key", "consumer-secret", client_id="client", client_secret="client-secret"),
            log=make_logger(format="json"),
            sleep=_wait,
        )
        _say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        got = await asyncio.gather(*(accounts.refreshed("42", used) for _ in range(4)))
        _say(json.dumps([each.access_token for each in got]))
    finally:
        await transport.close()
        await store.close()


async def _wait(seconds: float) -> None:
    _say("waits")
    await asyncio.sleep(seconds)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
