"""Dead letters: looked at, and taken away with or without an item in their place."""

from __future__ import annotations

from collections.abc import Callable, Collection

import asyncpg

from botkit.errors import StoreError
from botkit.store.contract import DeadLetter
from botkit.store.postgres.connections import Connection, Connections
from botkit.store.postgres.inbox import ItemRow, insert

__all__ = ["Letters"]

_FIND = """
SELECT item_id, handler, attempts, error, lane, queue, at FROM dead
WHERE at >= $2 AND ($3 = '' OR item_id = $3)
    AND ($4 = '' OR starts_with(handler, $4) OR strpos(item_id, '/' || $4) > 0)
ORDER BY at DESC, row DESC LIMIT $1
"""

_COUNT = "SELECT count(*) FROM dead"

_TAKE = """
DELETE FROM dead WHERE item_id = $1 AND handler = $2
RETURNING item_id, handler, attempts, error, lane, queue, at
"""


class Letters:
    """The statements about dead letters.

    :param ready: told the queues whose lanes have become ready.
    """

    def __init__(self, connections: Connections, ready: Callable[[Collection[str]], None]) -> None:
        self._connections = connections
        self._ready = ready

    async def find(self, limit: int, since: float, item_id: str, handler_prefix: str) -> list[DeadLetter]:
        """Those that are asked for, newest first."""
        async with self._connections.lend() as connection:
            found = await connection.fetch(_FIND, limit, since, item_id, handler_prefix)
        return [DeadLetter(*record) for record in found]

    async def count(self) -> int:
        """How many there are."""
        async with self._connections.lend() as connection:
            return int(await connection.fetchval(_COUNT))

    async def take(self, item_id: str, handler: str, row: ItemRow | None) -> DeadLetter | None:
        """Delete one and put an item in its place, both or neither."""

        async def take(connection: Connection) -> DeadLetter | None:
            found = await connection.fetchrow(_TAKE, item_id, handler)
            if found is None:
                return None
            if row is not None:
                try:
                    new = await insert(connection, [row])
                except asyncpg.NotNullViolationError:
                    raise StoreError(f"the lane {row[0]} belongs to another queue") from None
                if not new:
                    raise StoreError(f"the item {row[2]} is known already")
            return DeadLetter(*found)

        letter = await self._connections.write(take)
        if letter is not None and row is not None:
            self._ready({row[1]})
        return letter
