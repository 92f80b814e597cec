"""Whole batches: everything that was asked since the last one shares a round trip and a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from botkit.errors import StoreError

__all__ = ["Batches", "Operation"]


class Operation:
    """Something asked of the store; whoever asked waits for ``future``, which `Batches.submit` makes."""

    __slots__ = ("future",)

    future: asyncio.Future[Any]

    #: operations with the same key never share a batch, and run in the order in which they were asked
    key: str | None = None

    def done(self, result: object) -> None:
        """Tell whoever waits."""
        if not self.future.done():
            self.future.set_result(result)

    def failed(self, error: Exception) -> None:
        """The same, of an error."""
        if not self.future.done():
            self.future.set_exception(error)
            self.future.exception()  # heard: a caller that was cancelled leaves nobody to read it


Op = TypeVar("Op", bound=Operation)


class Batches(Generic[Op]):
    """Runs one batch at a time: what is asked meanwhile waits for the next, and commits together.

    :param run: works a batch off and tells every operation its outcome.
    :param most: operations a batch.
    """

    def __init__(self, name: str, run: Callable[[list[Op]], Awaitable[None]], *, most: int = 512) -> None:
        self._name = name
        self._run = run
        self._most = most
        self._waiting: list[Op] = []
        self._working: asyncio.Task[None] | None = None
        # Kept: Python 3.11 asks the kernel for the process id each time the loop is looked up.
        self._loop = asyncio.get_running_loop()

    def submit(self, operation: Op) -> asyncio.Future[Any]:
        """Ask for something."""
        operation.future = self._loop.create_future()
        self._waiting.append(operation)
        if self._working is None:
            self._working = self._loop.create_task(self._work(), name=f"botkit-store-{self._name}")
        return operation.future

    async def finish(self) -> None:
        """Return when everything that was asked is done."""
        while self._working is not None:
            await asyncio.shield(self._working)

    async def _work(self) -> None:
        try:
            while self._waiting:
                # Whoever else runs in this turn of the loop joins the batch.
                await asyncio.sleep(0)
                batch = self._take()
                try:
                    await self._run(batch)
                except Exception as error:  # noqa: BLE001 - our bug must reach the callers, or they wait for ever
                    for operation in batch:
                        operation.failed(error)
                for operation in batch:
                    operation.failed(StoreError(f"an operation of {self._name} has no outcome"))
        finally:
            self._working = None

    def _take(self) -> list[Op]:
        batch: list[Op] = []
        left: list[Op] = []
        keys: set[str] = set()
        for operation in self._waiting:
            if operation.key is not None and operation.key in keys:
                left.append(operation)
                continue
            if len(batch) == self._most:
                left.append(operation)
            else:
                batch.append(operation)
            if operation.key is not None:
                keys.add(operation.key)
        self._waiting = left
        return batch
