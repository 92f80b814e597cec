"""One process under torture: a receiver and the real engine on a real store, told what to do over a socket.

Each line that comes is a request in JSON with a number ``n`` and what to ``do``; each is answered by a line
with the same number. The process may be killed or stopped at any moment, and that is what it is for.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TextIO, cast

from botkit.config import parse_config
from botkit.engine.backoff import Backoff
from botkit.engine.lease import Lease
from botkit.engine.timers import Timers
from botkit.engine.turn import Turns, TurnSettings
from botkit.engine.worker import INBOX, Worker
from botkit.errors import BotkitError, StoreError
from botkit.hooks.manager import load_plugins
from botkit.log import make_logger
from botkit.network.client import Client, Credentials
from botkit.store.contract import NewItem, Store
from botkit.testing import Clock, FakeTransport
from botkit.x import split

from .flavours import make_store

__all__ = ["main"]

ACCOUNT = "14235326"


class _Gated:
    """A store as a worker sees it whose process is stopped: nothing passes while the gate is closed."""

    def __init__(self, store: Store, gate: asyncio.Event) -> None:
        self._store, self._gate = store, gate

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        async def gated(*args: Any, **kwargs: Any) -> Any:
            await self._gate.wait()
            result = await method(*args, **kwargs)
            await self._gate.wait()
            return result

        return gated


class _Half:
    """A worker with a lease of its own, that can be stopped as if it were a process."""

    def __init__(self, store: Store, hooks: Any, config: dict[str, Any], log: Any, name: str) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        gated = cast("Store", _Gated(store, self.gate))
        self._lease = Lease(gated, name=name, ttl_s=config["lease_s"], log=log)
        client = Client(
            FakeTransport(Clock()), Credentials("k", "s", f"{ACCOUNT}-t", "ts"), api_url="https://api.x.com"
        )
        turns = Turns(
            store=gated,
            hooks=hooks,
            caller=client,
            settings=TurnSettings(attempts=3, backoff=Backoff(0.005, 1.5, 0.2)),
            log=log,
            rng=random.Random(),
            now=Clock(),
        )
        self._worker = Worker(
            store=gated, lease=self._lease, turns=turns, concurrency=8, grace_s=2.0, log=log, items=4
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        await self._lease.open()
        self._tasks = [asyncio.create_task(self._lease.keep()), asyncio.create_task(self._worker.run())]

    async def close(self) -> None:
        """Stop as `botkit run` does: running turns finish, then the lease ends."""
        self.gate.set()
        self._worker.stop()
        keep, work = self._tasks
        await work
        keep.cancel()
        await asyncio.gather(keep, return_exceptions=True)
        await self._lease.close()


class _Child:
    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._halves: list[_Half] = []
        self._ended = asyncio.Event()

    async def run(self) -> None:
        config = self._config
        random.seed(config["seed"])
        store = self._store = make_store(config["url"], config["flavour"])
        here = Path(__file__).parent
        async with AsyncExitStack() as stack:
            stream = stack.enter_context(_append(config["log"]))
            log = make_logger(level="warning", format="json", stream=stream)
            hooks = load_plugins(
                parse_config('{"plugins": ["chain", "beside"]}', file=here / "bot.yaml", environ={}), log=log
            )
            await _until_there(store.open)
            stack.push_async_callback(store.close)
            for number in range(config["halves"]):
                half = _Half(store, hooks, config, log, f"{os.getpid()}-{number}")
                self._halves.append(half)
                await _until_there(half.open)
                stack.push_async_callback(half.close)
            timers = asyncio.create_task(Timers(store, log=log).run())
            stack.callback(timers.cancel)
            reader, self._writer = await asyncio.open_connection("127.0.0.1", config["port"])
            self._answer(0, pid=os.getpid(), name=config["name"])
            serving = asyncio.create_task(self._serve(reader))
            await self._ended.wait()
            serving.cancel()
            self._writer.close()

    async def _serve(self, reader: asyncio.StreamReader) -> None:
        running: set[asyncio.Task[None]] = set()
        async for line in reader:
            task = asyncio.create_task(self._do(json.loads(line)))
            running.add(task)
            task.add_done_callback(running.discard)
        os._exit(1)  # the test has gone

    async def _do(self, request: dict[str, Any]) -> None:
        match request["do"]:
            case "put":
                ok = await self._put(request["bodies"])
            case "pause":
                ok = self._halves[request["half"]].gate.clear() is None
            case "resume":
                ok = self._halves[request["half"]].gate.set() is None
            case "idle":
                ok = await self._idle()
            case _:
                ok = True
                self._ended.set()
        self._answer(request["n"], ok=ok)

    async def _put(self, bodies: list[str]) -> bool:
        """As the webhook does: 200 after the commit, 503 when the store can't."""
        items = [
            NewItem(INBOX, item.conversation.key, item.id, item.payload)
            for body in bodies
            for item in split(body.encode())
        ]
        try:
            await self._store.put(items)
        except StoreError:
            return False
        return True

    async def _idle(self) -> bool:
        """Return when nothing is left to do."""
        while True:
            try:
                waiting = [queue.items for queue in await self._store.stats() if queue.queue == INBOX]
                if not sum(waiting) and await self._store.next_timer_at() is None:
                    return True
            except StoreError:
                pass
            await asyncio.sleep(0.02)

    def _answer(self, number: int, **values: object) -> None:
        self._writer.write(json.dumps({"n": number, **values}).encode() + b"\n")


def _append(log: str) -> TextIO:
    return Path(log).open("a", buffering=1, encoding="utf-8")


async def _until_there(work: Any) -> None:
    while True:
        try:
            await work()
        except BotkitError:  # a server that is away at the start is the user's to mend
            await asyncio.sleep(0.05)
        else:
            return


def main(config: dict[str, Any]) -> None:
    """Run until told to end."""
    asyncio.run(_Child(config).run())
