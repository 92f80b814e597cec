"""The engine without the web: a process that fills a store and works it off, as it is told.

It obeys commands on standard input, one JSON object a line, whose ``do`` names one of `_Engine`'s methods.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bodies import ACCOUNT, direct_message
from benchmarks.children import Usage, loop_factory, pin
from botkit.collector import spare_the_collector
from botkit.config import parse_config
from botkit.engine.lease import Lease
from botkit.engine.turn import Turns, TurnSettings
from botkit.engine.worker import Worker
from botkit.hooks.manager import Hooks, load_plugins
from botkit.log import make_logger
from botkit.network.client import Client, Credentials
from botkit.network.transport import AiohttpTransport
from botkit.store import open_store
from botkit.store.contract import Claim, Done, Effects, NewItem, Settlement, Store
from botkit.x import split

__all__: list[str] = []

_FILLED_AT_ONCE = 500

#: every handler counts itself, so that a run can end when all of them ran
_PLUGINS = {
    "reply": """
        @on_direct_message
        async def answer(event, bot):
            bot.state["count"] = bot.state.get("count", 0) + 1
            counted()
            return "hello"
    """,
    "nothing": """
        @on_direct_message
        async def look(event):
            counted()
    """,
    "state": """
        @on_direct_message
        async def remember(event, bot):
            bot.state["count"] = bot.state.get("count", 0) + 1
            counted()
    """,
    "slow": """
        import asyncio
        @on_direct_message
        async def wait(event):
            counted()
            await asyncio.sleep(SECONDS)
    """,
    "other": """
        @on_direct_message(command("never-NUMBER"))
        async def order(event, bot):
            await bot.reply("no")
    """,
}


class _Counted:
    """Counts the handlers of one run."""

    def __init__(self) -> None:
        self.count, self.wanted = 0, 0
        self.reached = asyncio.Event()

    def want(self, count: int) -> None:
        self.count, self.wanted = 0, count
        self.reached.clear()

    def __call__(self) -> None:
        self.count += 1
        if self.count == self.wanted:
            self.reached.set()


class _Engine:
    """A store and what works on it."""

    def __init__(self, folder: Path, store: Store) -> None:
        self._folder = folder
        self._store = store
        self._counted = _Counted()
        self._log = make_logger(level="error")
        self._next = 0
        self._client = Client(
            AiohttpTransport(),
            Credentials("key", "secret", f"{ACCOUNT}-t", "s"),
            api_url="http://127.0.0.1:9",
        )

    async def fill(self, *, events: int, conversations: int = 0, size: int = 700) -> dict[str, Any]:
        """Put events; ``conversations``: over how many senders (0: one each)."""
        began = time.perf_counter()
        waiting: set[asyncio.Task[int]] = set()
        for some in _pieces(self._items(events, conversations, size), _FILLED_AT_ONCE):
            waiting.add(asyncio.create_task(self._store.put(some)))
            if len(waiting) >= 4:
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*waiting)
        return {"seconds": time.perf_counter() - began, "events": events}

    def _items(self, events: int, conversations: int, size: int) -> Iterator[NewItem]:
        for number in range(self._next, self._next + events):
            sender = number % conversations if conversations else None
            body = direct_message(number, sender=sender, size=size)
            for item in split(body):
                yield NewItem("in", item.conversation.key, item.id, item.payload)
        self._next += events

    async def run(
        self,
        *,
        events: int = 0,
        plugins: Sequence[str] = ("reply",),
        workers: int = 64,
        seconds: float = 0.0,
    ) -> dict[str, Any]:
        """Handle that many events (0: all) with the real worker, or work so long; ``other*9``: 9 plugins."""
        hooks = self._hooks(plugins)
        lease = Lease(self._store, name="bench", ttl_s=60.0, log=self._log)
        await lease.open()
        turns = Turns(
            store=self._store,
            hooks=hooks,
            caller=self._client,
            settings=TurnSettings(),
            log=self._log,
            rng=random.Random(1),
            now=time.time,
        )
        worker = Worker(
            store=self._store, lease=lease, turns=turns, concurrency=workers, grace_s=30.0, log=self._log
        )
        self._counted.want(events)
        cpu_s, began = time.process_time(), time.perf_counter()
        running = asyncio.create_task(worker.run())
        if seconds:
            await asyncio.sleep(seconds)
        elif events:
            await self._counted.reached.wait()
        else:
            await self._until_empty()
        worker.stop()
        await running
        took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
        await lease.close()
        return {
            "seconds": took_s,
            "cpu_s": cpu_s,
            "events": self._counted.count,
            "rss": Usage(os.getpid()).rss,
        }

    async def _until_empty(self) -> None:
        """Others may work on it too, so that nobody's count tells."""
        look = asyncio.Semaphore(0)
        while await self._store.backlog("in"):
            asyncio.get_running_loop().call_later(0.05, look.release)
            await look.acquire()

    def _hooks(self, plugins: Sequence[str]) -> Hooks:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        (folder / "plugins").mkdir()
        names: list[str] = []
        for plugin in plugins:
            kind, _, count = plugin.partition("*")
            kind, _, seconds = kind.partition("=")
            for number in range(int(count or 1)):
                name = f"{kind}_{len(names)}"
                source = (
                    _dedent(_PLUGINS[kind]).replace("NUMBER", str(number)).replace("SECONDS", seconds or "1")
                )
                (folder / "plugins" / f"{name}.py").write_text("from botkit import *\n" + source)
                names.append(name)
        config = parse_config(json.dumps({"plugins": names}), file=folder / "bot.yaml", environ={})
        hooks = load_plugins(config, log=self._log)
        for handler in hooks.table:
            handler.function.__globals__["counted"] = self._counted
        spare_the_collector()  # as a bot that runs does once its plugins are loaded
        return hooks

    async def claims(self, *, lanes: int = 64, items: int = 16, rounds: int = 50) -> dict[str, Any]:
        """How long it takes to claim lanes and to settle the first item of each, medians in seconds."""
        worker_id = await self._store.register("bench", 60.0)
        claimed, settled = [], []
        for _ in range(rounds):
            began = time.perf_counter()
            claims = await self._store.claim(worker_id, "in", lanes, items)
            claimed.append((time.perf_counter() - began) / max(1, len(claims)))
            began = time.perf_counter()
            await asyncio.gather(*(self._store.settle(worker_id, _done(claim)) for claim in claims))
            settled.append((time.perf_counter() - began) / max(1, len(claims)))
        await self._store.unregister(worker_id)
        return {"claim_s": statistics.median(claimed), "settle_s": statistics.median(settled)}

    async def states(self, *, first: int, conversations: int) -> dict[str, Any]:
        """Give that many conversations a state, from that number on."""
        worker_id = await self._store.register("bench", 600.0)
        await self._store.put(
            [NewItem("fill", "fill", f"fill:{first}:{number}", b"") for number in range(1000)]
        )
        (claim,) = await self._store.claim(worker_id, "fill", 1, 1000)
        began, done = time.perf_counter(), first
        share = max(1, -(-conversations // 1000))
        for item in claim.items:
            some = range(done, min(first + conversations, done + share))
            done += len(some)
            state = {_state_key(number): b"\x81\xa5count\x01" for number in some}
            last = item is claim.items[-1]
            effects = Effects(state=dict(state))
            await self._store.settle(worker_id, Settlement(claim, item.seq, Done(), effects, release=last))
        await self._store.unregister(worker_id)
        return {"seconds": time.perf_counter() - began}

    async def lookups(self, *, conversations: int, count: int = 5000, callers: int = 64) -> dict[str, Any]:
        """Look states up, each caller one at a time; seconds a lookup."""
        rng = random.Random(1)
        keys = iter([_state_key(rng.randrange(conversations)) for _ in range(count)])

        async def look() -> None:
            for key in keys:
                assert await self._store.state([key])

        began = time.perf_counter()
        await asyncio.gather(*(look() for _ in range(callers)))
        return {"lookup_s": (time.perf_counter() - began) / count}

    async def rest(self) -> dict[str, Any]:
        """What the process holds while nothing happens."""
        return {"rss": Usage(os.getpid()).rss}


def _done(claim: Claim) -> Settlement:
    return Settlement(claim, claim.items[0].seq, Done())


def _state_key(number: int) -> str:
    return f"state:bench:{ACCOUNT}:{7_000_000_000 + number}"


def _dedent(source: str) -> str:
    return "\n".join(line[8:] for line in source.splitlines())


def _pieces(items: Iterator[NewItem], size: int) -> Iterator[list[NewItem]]:
    piece: list[NewItem] = []
    for item in items:
        piece.append(item)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece


async def _main(arguments: argparse.Namespace) -> None:
    folder = Path(tempfile.mkdtemp(prefix="botkit-bench-"))
    try:
        store = open_store(arguments.store or f"sqlite:///{folder / 'bench.db'}")
        await store.open()
        await _obey(_Engine(folder, store), folder)
        await store.close()
    finally:
        if not arguments.keep:
            shutil.rmtree(folder)
        if arguments.remove:
            shutil.rmtree(Path(arguments.store.removeprefix("sqlite:///")).parent)


async def _obey(engine: _Engine, folder: Path) -> None:
    print(json.dumps({"store": f"sqlite:///{folder / 'bench.db'}"}), flush=True)
    known: dict[str, Callable[..., Any]] = {
        "fill": engine.fill,
        "run": engine.run,
        "claims": engine.claims,
        "states": engine.states,
        "lookups": engine.lookups,
        "rest": engine.rest,
    }
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        print(json.dumps(await known[command.pop("do")](**command)), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--store", default="")
    parser.add_argument("--keep", action="store_true", help="leave the store for the next process")
    parser.add_argument("--remove", action="store_true", help="remove the folder of the store at the end")
    parsed = parser.parse_args()
    pin(parsed.core)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main(parsed))
