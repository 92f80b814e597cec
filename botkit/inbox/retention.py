"""Retention: what is done and older than bot.yaml says is deleted, once at the start and then every hour."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from structlog.typing import FilteringBoundLogger

from botkit.engine.outbox import old_marks
from botkit.errors import StoreError, UserError
from botkit.inbox.shown import moment
from botkit.store.contract import Store

__all__ = ["LEAST_S", "Retention", "prune"]

#: X delivers an event again for up to 5 days (Source: X docs, account-activity/replay), and only an id that
#: is still known tells it from a new one
LEAST_S = 5 * 86400.0


async def prune(store: Store, *, before: float | None, keep_s: float) -> dict[str, Any]:
    """Delete events and actions that are done and came before a time, Unix seconds.

    What waits is never touched, nor what a dead letter is about.

    :param before: ``None``: ``keep_s`` ago.
    :raises UserError: the time is so late that X might deliver an event again that is not known any more.
    """
    now = await store.now()
    latest = now - LEAST_S
    if before is None:
        before = now - keep_s
    if before > latest:
        raise UserError(
            f"nothing younger than 5 days can be pruned (before {moment(latest)}): X delivers an event again "
            "for up to 5 days, and it would be handled twice"
        )
    return {"before": moment(before), "pruned": await _prune(store, before)}


async def _prune(store: Store, before: float) -> int:
    """Delete what is done, and the marks that nothing stored asks for any more; how much was done."""
    pruned = await store.prune(before)
    await store.drop(*old_marks(before))
    return pruned


class Retention:
    """Prunes at an interval.

    :param keep_s: how long what is done is kept.
    :param sleep: waits for that many seconds.
    """

    every_s = 3600.0

    def __init__(
        self,
        store: Store,
        *,
        keep_s: float,
        log: FilteringBoundLogger,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._keep_s = keep_s
        self._log = log
        self._sleep = sleep

    async def run(self) -> None:
        """Prune until cancelled."""
        while True:
            try:
                pruned = await _prune(self._store, await self._store.now() - self._keep_s)
            except StoreError as error:
                self._log.error("not_pruned", error=str(error))
            else:
                if pruned:
                    self._log.info("pruned", items=pruned, keep_s=self._keep_s)
            await self._sleep(self.every_s)
