"""What runs in a process until it stops, and how long each part of it may take to end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass

__all__ = ["Grace", "Parts"]


@dataclass(frozen=True, slots=True)
class Grace:
    """How the grace period is shared out, so that a process ends within it whatever hangs.

    The web server ends first, then the worker's turns. The sender carries on while turns run, and ends when
    they do, or at half-time: requests under way then have the other half to be answered.

    :ivar web_s: for requests that came in.
    :ivar turns_s: for running turns.
    :ivar sends_s: for requests to X.
    """

    web_s: float
    turns_s: float
    sends_s: float

    @classmethod
    def of(cls, total_s: float) -> Grace:
        """Share out that many seconds."""
        web_s = min(5.0, total_s / 4)
        return cls(web_s, total_s - web_s, (total_s - web_s) / 2)


class Parts:
    """The running parts of a process; they end in the opposite order, when ``stack`` closes."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self.stack = stack
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self, name: str, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Run a part; whoever begins it also ends it."""
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        return task

    def until_cancelled(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run a part that is cancelled when its turn to end comes."""
        self.stack.push_async_callback(_cancelled, self.begin(name, work))

    @property
    def ended(self) -> dict[str, str]:
        """The parts that should run and don't, for `botkit.web.health`."""
        return {task.get_name(): "has ended" for task in self._tasks if task.done()}

    async def wait(self, stop: asyncio.Event) -> None:
        """Return when ``stop`` is set; raise what a part raised that ended by itself."""
        stopping = asyncio.create_task(stop.wait(), name="stop")
        try:
            await asyncio.wait({stopping, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        for task in self._tasks:
            if task.done():
                task.result()


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
