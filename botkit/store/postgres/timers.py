"""Timers: each put once, by whichever process comes first."""

from __future__ import annotations

from collections.abc import Callable, Collection

from botkit.store.postgres.connections import Connection, Connections
from botkit.store.postgres.inbox import ItemRow, distinct, insert

__all__ = ["Timers"]

# Several processes share the work: each passes over what another one is firing.
_DUE = """
SELECT timer_id, lane, queue, item_id, payload FROM timer
WHERE due_at <= (SELECT botkit_now()) ORDER BY due_at, timer_id LIMIT $1 FOR UPDATE SKIP LOCKED
"""

_LOCK_LANES = "SELECT lane, queue FROM lane WHERE lane = ANY($1::text[]) ORDER BY lane FOR NO KEY UPDATE"

_DEAD = """
INSERT INTO dead (item_id, handler, attempts, error, lane, queue, at)
SELECT v.item_id, 'timer', 1, 'its lane belongs to another queue', v.lane, v.queue, botkit_now()
FROM unnest($1::text[], $2::text[], $3::text[]) AS v (item_id, lane, queue)
ON CONFLICT (item_id, handler) DO UPDATE
    SET attempts = excluded.attempts, error = excluded.error, at = excluded.at
"""

_DELETE = "DELETE FROM timer WHERE timer_id = ANY($1::text[])"


class Timers:
    """Fires timers.

    :param ready: told the queues whose lanes have become ready.
    """

    def __init__(self, connections: Connections, ready: Callable[[Collection[str]], None]) -> None:
        self._connections = connections
        self._ready = ready

    async def fire(self, limit: int) -> int:
        """Put the items of due timers and delete the timers, in the order in which they are due.

        One whose lane belongs to another queue becomes a dead letter: it must not hold up the others.
        """
        fired, queues = await self._connections.write(lambda connection: self._fire(connection, limit))
        self._ready(queues)
        return fired

    @staticmethod
    async def _fire(connection: Connection, limit: int) -> tuple[int, set[str]]:
        due = await connection.fetch(_DUE, limit)
        if not due:
            return 0, set()
        found = await connection.fetch(_LOCK_LANES, sorted({row["lane"] for row in due}))
        queues = {record["lane"]: record["queue"] for record in found}
        items: list[ItemRow] = []
        dead: dict[str, tuple[str, str, str]] = {}
        for row in due:
            if queues.setdefault(row["lane"], row["queue"]) == row["queue"]:
                items.append((row["lane"], row["queue"], row["item_id"], row["payload"]))
            else:
                dead[row["item_id"]] = (row["item_id"], row["lane"], row["queue"])
        if dead:
            await connection.execute(_DEAD, *zip(*dead.values(), strict=True))
        items = distinct(items)
        new = await insert(connection, items) if items else set()
        await connection.execute(_DELETE, [row["timer_id"] for row in due])
        return len(due), {row[1] for row in items if row[2] in new}

    async def next_at(self) -> float | None:
        """When the earliest timer is due."""
        async with self._connections.lend() as connection:
            due_at: float | None = await connection.fetchval("SELECT min(due_at) FROM timer")
        return due_at
