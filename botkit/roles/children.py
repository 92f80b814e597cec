"""Receivers as processes of their own, on one port: started, watched, started again, and ended with us.

Each child is ``botkit run … --role receiver --child …`` and holds one end of a socket pair; we hold the
other. The child writes one line of JSON when it is ready, or why it can't start. When our end closes it stops
gracefully, so no child outlives us, even after kill -9. Children are in sessions of their own: Ctrl-C reaches
us alone, and we stop them in our own order.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from botkit.errors import UserError

__all__ = ["Child", "Parent", "Receivers", "reserve_port"]

#: a child that lived that long had no trouble to start: the next one is started without delay
_LIVED_S = 60.0


@dataclass(frozen=True, slots=True)
class Child:
    """What a child is told on its command line.

    :param port: the port that it shares with the others.
    :param descriptor: its end of the socket pair.
    """

    number: int
    port: int
    descriptor: int

    @classmethod
    def parse(cls, text: str) -> Child:
        """Read what `str` wrote.

        :raises ValueError: it is something else.
        """
        number, port, descriptor = map(int, text.split(":"))
        return cls(number, port, descriptor)

    def __str__(self) -> str:
        return f"{self.number}:{self.port}:{self.descriptor}"

    @property
    def name(self) -> str:
        """What it is called in logs."""
        return f"receiver-{self.number}"


class Parent:
    """The process that started this one, as seen from here."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)

    def tell(self, **what: str) -> bool:
        """Say that this process is ready (``url=``), or why it can't start (``error=``). False: too late."""
        try:
            self._socket.sendall(json.dumps(what).encode() + b"\n")
        except OSError:
            return False
        return True

    def when_gone(self, stop: Callable[[], None]) -> None:
        """Call ``stop`` when the parent ends, or wants this process to end."""
        loop = asyncio.get_running_loop()

        def look() -> None:
            try:
                gone = not self._socket.recv(1)
            except OSError:
                gone = True
            if gone:
                loop.remove_reader(self._socket)
                stop()

        self._socket.setblocking(False)
        loop.add_reader(self._socket, look)


def reserve_port(host: str, port: int) -> socket.socket:
    """Keep a port for children that share it, without listening on it: nobody is connected to us.

    :raises OSError: it can't be had.
    :raises UserError: this system can't share a port.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise UserError("this system can't share a port between processes; run without --processes")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    reserved = socket.socket(family, socket.SOCK_STREAM)
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind((host, port))
    except OSError:
        reserved.close()
        raise
    return reserved


@dataclass(slots=True)
class _Running:
    process: asyncio.subprocess.Process
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


class Receivers:
    """Keeps children running.

    :param command: starts a child; ``--child`` is appended.
    :param port: the port that they share.
    :param delay_s: how long a child that ended early waits to be started again, by how often it did so in a
        row before.
    :param now: seconds from any beginning.
    """

    def __init__(
        self,
        command: Sequence[str],
        count: int,
        port: int,
        *,
        log: FilteringBoundLogger,
        delay_s: Callable[[int], float],
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._command = command
        self._count = count
        self._port = port
        self._log = log
        self._delay_s = delay_s
        self._now = now
        self._sleep = sleep
        self._stopping = asyncio.Event()
        self._running: dict[int, _Running] = {}
        self._down = dict.fromkeys(range(1, count + 1), "has not started yet")
        self._all_up = asyncio.Event()

    @property
    def down(self) -> dict[str, str]:
        """The children that don't receive now, and why; for `botkit.web.health`."""
        return {f"receiver-{number}": why for number, why in self._down.items()}

    async def ready(self) -> None:
        """Return when every child receives."""
        await self._all_up.wait()

    async def run(self) -> None:
        """Start the children, and start them again, until cancelled.

        :raises UserError: one can't start the first time; the message is the child's own.
        """
        keeping = [
            asyncio.create_task(self._keep(number), name=f"receiver-{number}")
            for number in range(1, self._count + 1)
        ]
        try:
            await asyncio.gather(*keeping)
        finally:
            for task in keeping:
                task.cancel()
            await asyncio.gather(*keeping, return_exceptions=True)

    async def stop(self, within_s: float) -> None:
        """Tell all to stop gracefully, and wait that long for them."""
        self._stopping.set()
        running = list(self._running.values())
        for child in running:
            child.writer.close()
        waits = [asyncio.ensure_future(child.process.wait()) for child in running]
        if waits:
            _, left = await asyncio.wait(waits, timeout=within_s)
            for wait in left:
                wait.cancel()

    async def end(self) -> None:
        """Kill those that are left, and see all off."""
        self._stopping.set()
        left = list(self._running.values())
        for child in left:
            child.writer.close()
            with contextlib.suppress(ProcessLookupError):
                child.process.kill()
                self._log.warning("receiver_killed", pid=child.process.pid)
        for child in left:
            await child.process.wait()

    def kill(self) -> None:
        """Kill all at once."""
        for child in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                child.process.kill()

    # -- one child ---------------------------------------------------------------------------------------

    async def _keep(self, number: int) -> None:
        was_ready, early_ends = False, 0
        while not self._stopping.is_set():
            began = self._now()
            child = await self._spawn(number)
            try:
                said = await _first_line(child.reader)
                if "url" in said:
                    was_ready = True
                    self._log.info("receiver_up", number=number, pid=child.process.pid)
                    self._up(number)
                status = await child.process.wait()
            finally:
                child.writer.close()
                del self._running[number]
            self._down[number] = f"ended with status {status}"
            if self._stopping.is_set():
                return
            why = said.get("error", "")
            if not was_ready:
                raise UserError(why or f"receiver {number} ended with status {status} before it was ready")
            early_ends = 0 if self._now() - began >= _LIVED_S else early_ends + 1
            delay_s = self._delay_s(early_ends - 1) if early_ends else 0.0
            tell = self._log.error if status else self._log.info
            more = {"error": why} if why else {}
            tell("receiver_ended", number=number, status=status, again_in_s=round(delay_s, 1), **more)
            await self._sleep(delay_s)

    def _up(self, number: int) -> None:
        self._down.pop(number, None)
        if not self._down:
            self._all_up.set()

    async def _spawn(self, number: int) -> _Running:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                told = Child(number, self._port, theirs.fileno())
                process = await asyncio.create_subprocess_exec(
                    *self._command,
                    "--child",
                    str(told),
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()  # a child that was begun sees it, and stops
            raise
        child = self._running[number] = _Running(process, reader, writer)
        if self._stopping.is_set():
            writer.close()
        return child


async def _first_line(reader: asyncio.StreamReader) -> dict[str, str]:
    """What a child says of itself; nothing when it ends without a word."""
    try:
        line = await reader.readline()
        said = json.loads(line) if line else {}
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
