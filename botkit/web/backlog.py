"""Back-pressure: above a number of waiting events X is asked to deliver again later."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError

__all__ = ["Backlog"]

#: events are taken again below this part of the limit, so that the door does not flap
_OPENS_BELOW = 0.9


class Backlog:
    """Looks at an interval how many events wait, and says when there are too many to take more.

    Between two looks events are taken or refused by what the last one saw: the limit may be exceeded by what
    comes in one interval, and the receive path asks nobody.

    :param count: how many events wait.
    :param limit: above that many no more are taken, until less than nine tenths of it wait; 0 is no limit.
    :param every_s: seconds between two looks.
    :param sleep: waits for that many seconds.
    """

    def __init__(
        self,
        count: Callable[[], Awaitable[int]],
        *,
        limit: int,
        log: FilteringBoundLogger,
        every_s: float = 1.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._count = count
        self._limit = limit
        self._log = log
        self._every_s = every_s
        self._sleep = sleep
        self._full = False
        self._waiting = 0

    @property
    def full(self) -> bool:
        """Whether too many wait to take more."""
        return self._full

    @property
    def problem(self) -> str:
        """What keeps events out now; ``""`` when nothing does."""
        if not self._full:
            return ""
        return f"{self._waiting} events wait, more than engine.max_backlog ({self._limit})"

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await self.look()
            await self._sleep(self._every_s)

    async def look(self) -> None:
        """Look once. A store that can't be read changes nothing: whoever puts into it is told so."""
        if not self._limit:
            return
        try:
            self._waiting = waiting = await self._count()
        except StoreError:
            return
        if not self._full and waiting > self._limit:
            self._full = True
            self._log.error("backlog_full", waiting=waiting, limit=self._limit)
        elif self._full and waiting < self._limit * _OPENS_BELOW:
            self._full = False
            self._log.info("backlog_open", waiting=waiting, limit=self._limit)
