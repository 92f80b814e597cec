"""Threads that work off whole batches, so that many callers share one commit and one hand-over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

__all__ = ["Batches", "Operation"]


class Operation:
    """Something asked of a thread; its outcome is written there and handed to the future on the loop."""

    __slots__ = ("error", "future", "result")

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self.future = future
        self.result: object = None
        self.error: Exception | None = None


Op = TypeVar("Op", bound=Operation)


class Batches(Generic[Op]):
    """A thread that is handed everything that was asked since its last batch.

    Thread and loop share Python's lock: one hand-over and one wake-up a batch, not one an operation.

    :param run: works off a batch in the thread, leaving each operation's ``result`` or ``error``.
    :param finished: called on the loop after each batch, before the callers go on.
    :param most: operations a batch; more wait for the next.
    :param gather: for how many turns of the loop a batch is gathered. While the loop is busy, turns are long
        and many join; while it is idle, they take microseconds.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[list[Op]], None],
        *,
        finished: Callable[[], None] = lambda: None,
        most: int = 512,
        gather: int = 1,
    ) -> None:
        self._run = run
        self._finished = finished
        self._most = most
        self._turns = gather
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[list[Op] | None] = SimpleQueue()
        self._waiting: list[Op] = []
        self._busy = False
        self._empty = asyncio.Event()
        self._empty.set()
        # A daemon only so that a program that dies without closing its store can end; `stop` joins it.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def future(self) -> asyncio.Future[Any]:
        """A future of this loop."""
        return self._loop.create_future()

    def submit(self, operation: Op) -> None:
        """Ask for something; called on the loop."""
        self._waiting.append(operation)
        if not self._busy:
            # Not handed over at once: whoever else runs meanwhile joins the batch.
            self._busy = True
            self._empty.clear()
            self._gather(self._turns)

    async def stop(self) -> None:
        """Finish what was asked, then end the thread."""
        await self._empty.wait()
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _gather(self, turns: int) -> None:
        if turns > 0:
            self._loop.call_soon(self._gather, turns - 1)
        else:
            self._hand_over()

    def _hand_over(self) -> None:
        batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        if batch:
            self._queue.put(batch)
        else:
            self._busy = False
            self._empty.set()

    def _work(self) -> None:
        while (batch := self._queue.get()) is not None:
            try:
                self._run(batch)
            except Exception as error:  # noqa: BLE001 - our bug must reach the callers, or they wait for ever
                for operation in batch:
                    operation.error = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._settle, batch)

    def _settle(self, batch: list[Op]) -> None:
        self._finished()
        for operation in batch:
            future = operation.future
            if future.done():
                continue  # cancelled by its caller
            if operation.error is None:
                future.set_result(operation.result)
            else:
                future.set_exception(operation.error)
        # After the callers: what they ask for next joins the coming batch.
        self._gather(self._turns)
