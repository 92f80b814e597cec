"""An end to what takes too long, where many things may take the same time: one timer for all of them."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["Deadlines"]

#: loops round times to milliseconds, and may be that early
_EARLY_S = 0.001


class Deadlines:
    """Cancels tasks that are at one thing for too long, as `asyncio.timeout` does.

    What began first is due first, so only that one needs a timer; what ends in time, as nearly everything
    does, costs none. A task does one thing at a time here::

        task = deadlines.begin()
        try:
            ...
        except asyncio.CancelledError:
            if deadlines.passed(task):
                raise TimeoutError from None
            raise
        finally:
            deadlines.end(task)

    :ivar after_s: how long one thing may take.
    """

    def __init__(self, after_s: float) -> None:
        self.after_s = after_s
        # In the order of their beginning: when each is due, and how often it was asked to stop before.
        self._due: dict[asyncio.Task[Any], tuple[float, int]] = {}
        self._late: dict[asyncio.Task[Any], int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> asyncio.Task[Any]:
        """The running task begins; `end` has to follow."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can be cancelled when its time is over")
        loop = task.get_loop()
        due = loop.time() + self.after_s
        self._due[task] = (due, task.cancelling())
        if self._timer is None or loop is not self._loop:  # a loop that is over calls nobody any more
            self._loop = loop
            self._timer = loop.call_at(due, self._look, loop)
        return task

    def passed(self, task: asyncio.Task[Any]) -> bool:
        """Whether the task was cancelled because its time was over, and by nobody else."""
        before = self._late.pop(task, None)
        return before is not None and task.uncancel() <= before

    def end(self, task: asyncio.Task[Any]) -> None:
        """It is done, in whichever way."""
        if self._due.pop(task, None) is None and self._late.pop(task, None) is not None:
            task.uncancel()  # it ended otherwise in the moment that it was cancelled

    def close(self) -> None:
        """Forget the timer; what is under way is not cancelled any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time() + _EARLY_S
        while self._due:
            task, (due, before) = next(iter(self._due.items()))
            if due > now:
                self._timer = loop.call_at(due, self._look, loop)
                return
            del self._due[task]
            self._late[task] = before
            task.cancel()
