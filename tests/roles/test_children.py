"""Receivers as children: started, watched, started again, and ended, whatever they do."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from botkit.errors import UserError
from botkit.roles.children import Child, Parent, Receivers, reserve_port

#: a child without a bot: says who it is, and ends when told
CHILD = """
import os, signal, socket, sys, time
from pathlib import Path
from botkit.roles.children import Child, Parent
told = Child.parse(sys.argv[sys.argv.index("--child") + 1])
folder = Path(sys.argv[1])
with (folder / "started").open("a") as file:
    file.write(f"{told.number} {os.getpid()} {told.port}\\n")
parent = Parent(told.descriptor)
"""
GOOD = CHILD + "parent.tell(url='http://here')\nparent._socket.recv(1)\n"
BROKEN = CHILD + "parent.tell(error='the port is taken')\nsys.exit(2)\n"
SILENT = CHILD + "sys.exit(3)\n"
DEAF = (
    CHILD + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nparent.tell(url='http://here')\nsignal.pause()\n"
)

Make = Callable[..., Receivers]


class Bed:
    """A folder with a child's program, and what children wrote into it."""

    def __init__(self, folder: Path, log: Any) -> None:
        self.folder = folder
        self.log = log
        self.now = 1000.0
        self.delays: list[int] = []
        self.slept = asyncio.Semaphore(0)
        self.wake = asyncio.Semaphore(0)

    def make(self, program: str, count: int = 1) -> Receivers:
        (self.folder / "child.py").write_text(textwrap.dedent(program))

        def delay_s(attempt: int) -> float:
            self.delays.append(attempt)
            return float(attempt + 1)

        async def sleep(seconds: float) -> None:
            self.slept.release()
            await self.wake.acquire()

        command = [sys.executable, str(self.folder / "child.py"), str(self.folder)]
        return Receivers(
            command,
            count,
            8080,
            log=self.log.logger,
            delay_s=delay_s,
            now=lambda: self.now,
            sleep=sleep,
        )

    @property
    def started(self) -> list[tuple[int, int, int]]:
        """Number, pid and port of every child that was started, in order."""
        lines = (self.folder / "started").read_text().splitlines()
        return [tuple(map(int, line.split())) for line in lines]  # type: ignore[misc]  # three each


@pytest.fixture
async def bed(tmp_path: Path, log: Any) -> AsyncIterator[Bed]:
    bed = Bed(tmp_path, log)
    yield bed
    with suppress(FileNotFoundError):
        for _, pid, _ in bed.started:
            assert not _lives(pid)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _finish(receivers: Receivers, running: asyncio.Task[None]) -> None:
    await receivers.stop(20.0)
    await receivers.end()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_all_are_started_told_their_port_and_stopped_when_we_say_so(bed: Bed) -> None:
    receivers = bed.make(GOOD, 3)
    assert receivers.down == {f"receiver-{number}": "has not started yet" for number in (1, 2, 3)}
    running = asyncio.create_task(receivers.run())
    async with asyncio.timeout(20):
        await receivers.ready()
    assert receivers.down == {}
    assert sorted((number, port) for number, _, port in bed.started) == [(1, 8080), (2, 8080), (3, 8080)]
    await receivers.stop(20.0)
    async with asyncio.timeout(20):
        await running
    await receivers.end()
    assert not bed.log.lines("receiver_killed")


async def test_one_that_is_killed_is_started_again_later_each_time(bed: Bed) -> None:
    receivers = bed.make(GOOD)
    running = asyncio.create_task(receivers.run())
    for count in (1, 2, 3):
        async with asyncio.timeout(20):
            await bed.log.until(lambda count=count: len(bed.log.lines("receiver_up")) == count)
        os.kill(bed.started[-1][1], signal.SIGKILL)
        async with asyncio.timeout(20):
            await bed.slept.acquire()
        assert receivers.down == {"receiver-1": "ended with status -9"}
        bed.wake.release()
    assert bed.delays == [0, 1, 2]
    ends = bed.log.lines("receiver_ended")
    assert [(line["level"], line["status"], line["again_in_s"]) for line in ends] == [
        ("error", -9, 1.0),
        ("error", -9, 2.0),
        ("error", -9, 3.0),
    ]
    async with asyncio.timeout(20):
        await bed.log.until(lambda: len(bed.log.lines("receiver_up")) == 4)
    assert receivers.down == {}
    await _finish(receivers, running)


async def test_one_that_lived_long_is_started_again_at_once(bed: Bed) -> None:
    receivers = bed.make(GOOD)
    running = asyncio.create_task(receivers.run())
    async with asyncio.timeout(20):
        await receivers.ready()
    bed.now += 60.0
    os.kill(bed.started[-1][1], signal.SIGTERM)
    async with asyncio.timeout(20):
        await bed.slept.acquire()
    assert bed.delays == []
    assert bed.log.lines("receiver_ended")[0]["again_in_s"] == 0.0
    await _finish(receivers, running)


@pytest.mark.parametrize(
    ("program", "said"),
    [(BROKEN, "the port is taken"), (SILENT, "receiver 1 ended with status 3 before it was ready")],
    ids=["says why", "says nothing"],
)
async def test_one_that_can_not_start_the_first_time_ends_everything(
    bed: Bed, program: str, said: str
) -> None:
    receivers = bed.make(program)
    with pytest.raises(UserError) as caught:
        async with asyncio.timeout(20):
            await receivers.run()
    assert str(caught.value) == said
    assert len(bed.started) == 1


async def test_one_that_can_not_start_later_is_tried_again(bed: Bed) -> None:
    receivers = bed.make(GOOD)
    running = asyncio.create_task(receivers.run())
    async with asyncio.timeout(20):
        await receivers.ready()
    (bed.folder / "child.py").write_text(BROKEN)
    os.kill(bed.started[-1][1], signal.SIGKILL)
    async with asyncio.timeout(20):
        await bed.slept.acquire()
        bed.wake.release()
        await bed.slept.acquire()
    assert bed.log.lines("receiver_ended")[-1]["error"] == "the port is taken"
    assert not running.done()
    await _finish(receivers, running)


async def test_one_that_does_not_stop_in_time_is_killed(bed: Bed) -> None:
    receivers = bed.make(DEAF)
    running = asyncio.create_task(receivers.run())
    async with asyncio.timeout(20):
        await receivers.ready()
    await receivers.stop(0.0)
    assert _lives(bed.started[0][1])
    await receivers.end()
    assert [line["pid"] for line in bed.log.lines("receiver_killed")] == [bed.started[0][1]]
    async with asyncio.timeout(20):
        await running


async def test_all_can_be_killed_at_once(bed: Bed) -> None:
    receivers = bed.make(DEAF, 2)
    running = asyncio.create_task(receivers.run())
    async with asyncio.timeout(20):
        await receivers.ready()
    receivers.kill()
    async with asyncio.timeout(20):
        await bed.slept.acquire()
        await bed.slept.acquire()
    await _finish(receivers, running)


async def test_a_child_notices_that_its_parent_has_gone() -> None:
    ours, theirs = socket.socketpair()
    parent = Parent(theirs.detach())
    gone = asyncio.Event()
    parent.when_gone(gone.set)
    assert parent.tell(url="http://here")
    assert ours.recv(100) == b'{"url": "http://here"}\n'
    assert not gone.is_set()
    ours.close()
    async with asyncio.timeout(5):
        await gone.wait()
    assert not parent.tell(error="too late")
    parent._socket.close()


@pytest.mark.parametrize("text", ["", "1", "1:2", "1:2:x", "1:2:3:4"])
def test_only_what_was_written_for_a_child_is_read(text: str) -> None:
    assert Child.parse(str(Child(2, 8080, 7))) == Child(2, 8080, 7)
    with pytest.raises(ValueError, match=r"."):
        Child.parse(text)


def test_a_reserved_port_is_refused_to_others_and_takes_no_connection() -> None:
    with reserve_port("127.0.0.1", 0) as reserved:
        port = reserved.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=5)
        with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
            stranger.bind(("127.0.0.1", port))
