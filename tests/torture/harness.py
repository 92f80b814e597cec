"""The driver of a torture: sends events as X does, hurts the processes that take them, and counts at the end.

Senders deliver the events of their conversation in order, to one receiver or to two at once, again when they
get no answer, and now and then again although they got one. Meanwhile processes are killed and stopped beyond
their lease, workers inside a process are stopped, and the database's server is crashed. When all is quiet
again, `botkit.store` must hold exactly what was acknowledged, once, in order; see `tally`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .tally import Sent, tally

__all__ = ["Engine", "Plan", "Report", "Zygote", "torture"]

#: how long everything that is left to do may take in the end, seconds
_QUIET_S = 60.0


@dataclass(frozen=True, slots=True)
class Engine:
    """The database's server: how it is crashed, and how it is started again. Both block."""

    crash: Callable[[bool], None]
    start: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done, for how long, and to which store.

    :param flavour: which promise of the store's is broken, see `flavours`; ``""`` for none.
    :param processes: how many run beside each other; a SQLite store serves one.
    :param halves: workers a process, each with a lease of its own.
    :param pace_s: how long a sender pauses at most between two events.
    :param stubborn: how many events keep their conversation waiting, of one.
    :param ways: what goes wrong, the more often the more often it is named; empty for everything.
    :param engine: what is crashed at times, if anything.
    """

    url: str
    seed: int
    seconds: float
    flavour: str = ""
    processes: int = 1
    halves: int = 2
    conversations: int = 12
    pace_s: float = 0.03
    lease_s: float = 0.4
    stubborn: float = 0.005
    ways: tuple[str, ...] = ()
    engine: Engine | None = None


@dataclass(slots=True)
class Report:
    """What was done, and what was found."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(self.counts.items()))
        found = "\n  ".join(["", *self.violations[:20]])
        return f"seed {self.seed}: {counts}; {len(self.violations)} violations{found}"


class Zygote:
    """Starts processes in a few milliseconds: forked from one that has everything imported."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{Path(__file__).parent.name}.zygote"],
            stdin=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        )

    def start(self, config: Mapping[str, object]) -> None:
        """Start one; it connects to the port in its configuration."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(config) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the zygote; its children end when their test does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class _Gone(Exception):
    """The process ended before it answered."""


class _Child:
    """One process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pid: int) -> None:
        self._reader, self._writer = reader, writer
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._loop = asyncio.get_running_loop()
        self._pidfd = os.pidfd_open(pid)
        self.ended = asyncio.Event()
        self.stopped = False
        self._loop.add_reader(self._pidfd, self._has_ended)
        self._reading = asyncio.create_task(self._read())

    async def ask(self, do: str, **values: object) -> bool:
        """Ask for something and return the answer.

        :raises _Gone: the process ended first.
        """
        if self.ended.is_set() or self._reading.done() or self._writer.is_closing():
            raise _Gone
        number = next(self._numbers)
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiting[number] = future
        self._writer.write(json.dumps({"n": number, "do": do, **values}).encode() + b"\n")
        return await future

    def signal(self, signum: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signum)

    async def _read(self) -> None:
        with suppress(ConnectionError):
            async for line in self._reader:
                answer = json.loads(line)
                future = self._waiting.pop(answer["n"])
                if not future.done():
                    future.set_result(answer["ok"])
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(_Gone())
                future.exception()  # heard: whoever asked may have gone, too
        self._writer.close()

    def _has_ended(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self.ended.set()


class _Processes:
    """All of them: started quickly by the zygote, and found by whoever delivers."""

    def __init__(self, plan: Plan, folder: Path, zygote: Zygote, rng: random.Random) -> None:
        self._plan, self._zygote, self._rng = plan, zygote, rng
        self.log = folder / f"{plan.seed}.log"
        self.running: list[_Child] = []
        self._names = itertools.count(1)
        self._begun: set[int] = set()
        self._changed = asyncio.Condition()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=1024 * 1024)
        self._port = self._server.sockets[0].getsockname()[1]
        await asyncio.gather(*(self.start() for _ in range(self._plan.processes)))

    async def close(self) -> None:
        for child in list(self.running):
            child.signal(signal.SIGKILL)
            await child.ended.wait()
        self._server.close()
        await self._server.wait_closed()

    async def start(self) -> None:
        """Start one more, and return when it is there."""
        plan, name = self._plan, next(self._names)
        config = {
            "name": name,
            "url": plan.url,
            "flavour": plan.flavour,
            "seed": self._rng.randrange(2**32),
            "lease_s": plan.lease_s,
            "halves": plan.halves,
            "port": self._port,
            "log": str(self.log),
        }
        self._zygote.start(config)
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: name in self._begun)

    async def replace(self, child: _Child) -> None:
        """Wait until a process has ended, and start another in its place."""
        await child.ended.wait()
        self.running.remove(child)
        await self.start()

    async def any(self, *, awake: bool = False) -> _Child:
        """One that runs, when there is one."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.running)
        choice = [child for child in self.running if not child.stopped] if awake else []
        return self._rng.choice(choice or self.running)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            hello = json.loads(await reader.readline())
        except (ValueError, ConnectionError):
            writer.close()
            return  # killed before it had begun: `start` waits for nobody, for nobody kills what is not there
        async with self._changed:
            self._begun.add(hello["name"])
            self.running.append(_Child(reader, writer, hello["pid"]))
            self._changed.notify_all()


class _Torture:
    def __init__(self, plan: Plan, folder: Path, zygote: Zygote) -> None:
        self._plan = plan
        self._rng = random.Random(plan.seed)
        self._processes = _Processes(plan, folder, zygote, self._rng)
        self.report = Report(plan.seed)
        self._over = False
        self._crashing = asyncio.Lock()
        self._numbers = itertools.count(1)
        self.sent: dict[str, list[Sent]] = {}

    async def run(self) -> Report:
        await self._processes.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(self._plan.conversations):
                    tasks.create_task(self._converse(str(1000 + number), random.Random(self._rng.random())))
                tasks.create_task(self._hurt())
            await self._quieten()
        finally:
            await self._processes.close()
        if not self.report.violations:
            self.report.violations += await tally(self._plan.url, self.sent)
        self._read_log()
        return self.report

    # -- X's part ----------------------------------------------------------------------------------------

    async def _converse(self, user: str, rng: random.Random) -> None:
        """Deliver the events of one conversation, until it is over."""
        sent = self.sent[user] = []
        group = 0
        while not self._over:
            group += 1
            # Two that are delivered at the same moment have no order among themselves.
            together = 2 if rng.random() < 0.1 else 1
            events = [Sent(next(self._numbers), group, self._kind(rng)) for _ in range(together)]
            sent += events
            await asyncio.gather(*(self._deliver(user, event, rng) for event in events))
            await asyncio.sleep(rng.uniform(0.0, self._plan.pace_s))

    def _kind(self, rng: random.Random) -> str:
        if rng.random() < self._plan.stubborn:
            return "stubborn"
        return "poison" if rng.random() < 0.03 else "hello"

    async def _deliver(self, user: str, event: Sent, rng: random.Random) -> None:
        """Deliver one until it is acknowledged; to two receivers at once, or with an older one, at times."""
        bodies = [event.body(user)]
        if rng.random() < 0.15:
            older = rng.choice(self.sent[user])
            if older.acknowledged:
                bodies.insert(rng.randrange(2), older.body(user))
                self.report.counts["redeliveries"] += 1
        while True:
            receivers = [await self._processes.any() for _ in range(2 if rng.random() < 0.25 else 1)]
            answers = await asyncio.gather(
                *(child.ask("put", bodies=bodies) for child in receivers), return_exceptions=True
            )
            if True in answers:
                event.acknowledged = True
                self.report.counts["events"] += 1
                return
            self.report.counts["unanswered"] += 1
            await asyncio.sleep(rng.uniform(0.0, 0.05))

    # -- what goes wrong ---------------------------------------------------------------------------------

    async def _hurt(self) -> None:
        plan, rng, loop = self._plan, self._rng, asyncio.get_running_loop()
        ends_at = loop.time() + plan.seconds
        known = {
            "kill": self._kill,
            "stop": self._stop,
            "pause": self._pause,
            "restart": self._restart,
            "crash": self._crash,
        }
        everything: tuple[str, ...] = ("kill", "kill", "pause", "pause", "restart")
        if plan.processes > 1:
            everything += ("kill", "stop", "stop")
        if plan.engine is not None:
            everything += ("crash",)
        ways = plan.ways or everything
        # Each of them as often as it is named, whatever the dice say, and then at random.
        queue = rng.sample(ways, len(ways))
        under_way: set[asyncio.Task[None]] = set()
        while queue or loop.time() < ends_at:
            await asyncio.sleep(rng.uniform(0.03, 0.2))
            under_way.add(asyncio.create_task(known[queue.pop() if queue else rng.choice(ways)]()))
            done, under_way = await asyncio.wait(under_way, timeout=rng.choice([0.0, 0.3]))
            for task in done:
                task.result()
        await asyncio.gather(*under_way)
        self._over = True

    async def _kill(self) -> None:
        child = await self._processes.any(awake=True)
        if child.stopped:
            return
        child.stopped = True
        self.report.counts["kills"] += 1
        child.signal(signal.SIGKILL)
        await self._processes.replace(child)

    async def _stop(self) -> None:
        """Stop a process beyond its lease, as a suspended machine is, and let it go on."""
        child = await self._processes.any(awake=True)
        if child.stopped:
            return
        child.stopped = True
        self.report.counts["stops"] += 1
        child.signal(signal.SIGSTOP)
        await asyncio.sleep(self._plan.lease_s * self._rng.uniform(1.5, 3.0))
        child.signal(signal.SIGCONT)
        child.stopped = False

    async def _pause(self) -> None:
        """Stop one of a process's workers beyond its lease."""
        child = await self._processes.any(awake=True)
        half = self._rng.randrange(self._plan.halves)
        self.report.counts["pauses"] += 1
        with suppress(_Gone):
            await child.ask("pause", half=half)
            await asyncio.sleep(self._plan.lease_s * self._rng.uniform(1.2, 2.5))
            await child.ask("resume", half=half)

    async def _restart(self) -> None:
        child = await self._processes.any(awake=True)
        if child.stopped:
            return
        child.stopped = True
        self.report.counts["restarts"] += 1
        with suppress(_Gone):
            await child.ask("end")
        await self._processes.replace(child)

    async def _crash(self) -> None:
        """Crash the database's server, and start it again."""
        engine = self._plan.engine
        assert engine is not None
        async with self._crashing:
            self.report.counts["engine crashes"] += 1
            await asyncio.to_thread(engine.crash, self._rng.random() < 0.5)
            await asyncio.sleep(self._rng.uniform(0.0, 0.5))
            await asyncio.to_thread(engine.start)

    # -- the end -----------------------------------------------------------------------------------------

    async def _quieten(self) -> None:
        """Let everything finish that is left."""
        try:
            async with asyncio.timeout(_QUIET_S):
                child = await self._processes.any()
                await child.ask("idle")
                for child in list(self._processes.running):
                    with suppress(_Gone):
                        await child.ask("end")
                    await child.ended.wait()
                    self._processes.running.remove(child)
        except TimeoutError:
            self.report.violations.append(f"not idle after {_QUIET_S:g} s")

    def _read_log(self) -> None:
        """What is our own bug, whoever survives it."""
        if not self._processes.log.exists():
            return
        for line in self._processes.log.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):  # cut short by a kill
                entry: dict[str, Any] = json.loads(line)
                self.report.counts[f"logged {entry['event']}"] += 1
                if entry["event"] in {"worker_failed", "turn_crashed", "child_crashed"}:
                    self.report.violations.append(line[:2000])


async def torture(plan: Plan, folder: Path, zygote: Zygote) -> Report:
    """Torture a store, and tell what was done and found.

    :param folder: for the logs of the processes.
    """
    return await _Torture(plan, folder, zygote).run()
