"""How many items are unfinished in each queue, kept beside the lanes in the same transactions.

Every transaction adds a row with its change: one row a queue, changed by all, would make them wait for each
other, and grow for as long as someone holds an old snapshot. From time to time the rows are folded into one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from botkit.errors import StoreError
from botkit.store.postgres.connections import Connection, Connections

__all__ = ["CHANGE", "Backlog"]

#: writes one change
CHANGE = "INSERT INTO backlog (queue, items) VALUES ($1, $2)"

#: rows that are left before they are folded
_FOLDED_AT = 1000

_COUNT = """
SELECT coalesce(sum(items) FILTER (WHERE starts_with(queue, $1)), 0)::bigint AS items, count(*) AS changes
FROM backlog
"""

# Two processes fold different rows at the same moment.
_FOLD = """
WITH gone AS (
    DELETE FROM backlog WHERE ctid IN (SELECT ctid FROM backlog FOR UPDATE SKIP LOCKED) RETURNING queue, items
)
INSERT INTO backlog (queue, items)
SELECT queue, sum(items) FROM gone GROUP BY queue HAVING sum(items) <> 0 ORDER BY queue
"""


class Backlog:
    """Adds the changes up."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._changes = 0
        self._folding: asyncio.Task[None] | None = None

    def changed(self) -> None:
        """A transaction of this process has added changes."""
        self._changes += 1
        if self._changes >= _FOLDED_AT and self._folding is None:
            self._changes = 0
            self._folding = asyncio.create_task(self._fold_unasked(), name="botkit-store-fold")

    async def finish(self) -> None:
        """Return when nothing is being folded."""
        if self._folding is not None:
            await self._folding

    async def _fold_unasked(self) -> None:
        try:
            with suppress(StoreError):  # the next time, then
                await self.fold()
        finally:
            self._folding = None

    async def count(self, prefix: str) -> int:
        """How many items are unfinished in the queues with a prefix."""
        async with self._connections.lend() as connection:
            found = await connection.fetchrow(_COUNT, prefix)
        assert found is not None  # noqa: S101 - an aggregate has one row
        if found["changes"] > _FOLDED_AT:
            await self.fold()
        return int(found["items"])

    async def fold(self) -> None:
        """Make one row a queue of the changes so far."""

        async def fold(connection: Connection) -> None:
            await connection.execute(_FOLD)

        await self._connections.write_once(fold)
