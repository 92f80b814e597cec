"""Who waits for ready lanes, and who is woken by a commit."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

__all__ = ["Waiter", "Waiters"]


class Waiter:
    """One call of `wait`, on the loop.

    ``sure`` says that a lane became ready; otherwise a wake-up means: look again.
    """

    def __init__(self, prefix: str, ignore: Collection[str]) -> None:
        self.prefix = prefix
        self.ignore = ignore
        self.sure = False
        self._event = asyncio.Event()

    def arm(self) -> None:
        """What happens from now on ends the next `sleep`: call it before looking, and nothing is missed."""
        self._event.clear()

    async def sleep(self, longest_s: float) -> None:
        """Return when woken, or after that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(longest_s):
                await self._event.wait()

    def wake(self, *, sure: bool) -> None:
        """End the sleep."""
        self.sure = self.sure or sure
        self._event.set()

    def waits_for(self, queues: Collection[str]) -> bool:
        """Whether one of the queues concerns it."""
        return any(queue.startswith(self.prefix) and queue not in self.ignore for queue in queues)


class Waiters:
    """Everyone who waits."""

    def __init__(self) -> None:
        self._waiters: set[Waiter] = set()

    @contextmanager
    def watch(self, prefix: str, ignore: Collection[str]) -> Iterator[Waiter]:
        """Be woken while in this block."""
        waiter = Waiter(prefix, ignore)
        self._waiters.add(waiter)
        try:
            yield waiter
        finally:
            self._waiters.discard(waiter)

    def wake(self, ready: Collection[str], maybe: Collection[str]) -> None:
        """Queues have lanes that became ready, or may have."""
        for waiter in self._waiters:
            if waiter.waits_for(ready):
                waiter.wake(sure=True)
            elif waiter.waits_for(maybe):
                waiter.wake(sure=False)

    def wake_all(self) -> None:
        """The store closes."""
        for waiter in self._waiters:
            waiter.wake(sure=True)
