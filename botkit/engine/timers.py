"""Puts what is due: delayed actions and other timers, each once."""

from __future__ import annotations

import asyncio

from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError
from botkit.store.contract import Store

__all__ = ["Timers"]


class Timers:
    """Watches the store's timers and fires those that are due."""

    #: No timer waits longer than this after it is due, even if another process set it.
    longest_nap_s = 1.0

    def __init__(self, store: Store, *, log: FilteringBoundLogger) -> None:
        self._store = store
        self._log = log
        self._set = asyncio.Event()

    def wake(self) -> None:
        """A timer was set: look again."""
        self._set.set()

    async def run(self) -> None:
        """Fire timers until cancelled."""
        while True:
            self._set.clear()
            nap_s = self.longest_nap_s
            try:
                while await self._store.fire_timers():
                    pass
                due_at = await self._store.next_timer_at()
                if due_at is not None:
                    nap_s = min(nap_s, max(0.0, due_at - await self._store.now()))
            except StoreError as error:
                self._log.error("timers_not_fired", error=str(error))
            try:
                await asyncio.wait_for(self._set.wait(), nap_s)
            except TimeoutError:
                continue
