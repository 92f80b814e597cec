"""Items: stored once, numbered in the order in which their lane's transactions commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import asyncpg

from botkit.errors import StoreError
from botkit.store.contract import NewItem
from botkit.store.postgres.batches import Operation
from botkit.store.postgres.connections import Connection, Connections
from botkit.store.postgres.faults import unavailable

__all__ = ["Inbox", "ItemRow", "Put", "distinct", "insert", "item_row", "other_queue"]

#: lane, queue, item id, payload
ItemRow = tuple[str, str, str, bytes]

# Known ids are dropped by the statement's snapshot. Who loses the race for an id that another transaction is
# just storing fails on the unique index, writes nothing, and runs again: a number that was handed out and not
# used would be a gap in the lane. A lane of another queue is not updated, so its items find no number, and
# NOT NULL refuses the statement.
_INSERT = """
WITH v AS MATERIALIZED (
    SELECT lane, queue, item_id, payload, n
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[])
        WITH ORDINALITY AS v (lane, queue, item_id, payload, n)
    WHERE (SELECT 1 FROM item WHERE item.item_id = v.item_id) IS NULL
), t AS MATERIALIZED (
    SELECT botkit_now() AS at
), l AS (
    INSERT INTO lane AS l (lane, queue, tail, ready_at)
    SELECT v.lane, min(v.queue), count(*), (SELECT at FROM t)
    FROM v GROUP BY v.lane ORDER BY v.lane COLLATE "C"
    ON CONFLICT (lane) DO UPDATE
        SET tail = l.tail + excluded.tail, ready_at = coalesce(l.ready_at, excluded.ready_at)
        WHERE l.queue = excluded.queue
    RETURNING l.lane, l.tail
), i AS (
    INSERT INTO item (lane, seq, item_id, payload, received_at)
    SELECT v.lane, l.tail - v.behind, v.item_id, v.payload, (SELECT at FROM t)
    FROM (
        SELECT v.*, row_number() OVER (PARTITION BY v.lane ORDER BY v.n DESC) - 1 AS behind FROM v
    ) AS v LEFT JOIN l ON l.lane = v.lane
    RETURNING item_id
), b AS (
    INSERT INTO backlog (queue, items) SELECT queue, count(*) FROM v GROUP BY queue
)
SELECT item_id FROM i
"""


def item_row(item: NewItem) -> ItemRow:
    """An item as the statements take it."""
    return (item.lane, item.queue, item.item_id, item.payload)


def distinct(rows: Iterable[ItemRow]) -> list[ItemRow]:
    """The first row of each item id, in order."""
    first: dict[str, ItemRow] = {}
    for row in rows:
        first.setdefault(row[2], row)
    return list(first.values())


async def insert(connection: Connection, rows: Sequence[ItemRow]) -> set[str]:
    """Insert items whose ids differ, except those that are known, and return the ids of the new.

    One statement: all or nothing, also outside of a transaction.

    :raises asyncpg.NotNullViolationError: a lane belongs to another queue.
    :raises asyncpg.UniqueViolationError: another transaction stored one of the ids meanwhile; run again.
    """
    found = await connection.fetch(
        _INSERT,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
    )
    return {record["item_id"] for record in found}


def other_queue(rows: Iterable[ItemRow], known: Mapping[str, str]) -> str | None:
    """The first lane that is asked for under another queue than the known one, or under two."""
    asked: dict[str, str] = {}
    for lane, queue, _, _ in rows:
        if known.get(lane, asked.setdefault(lane, queue)) != queue:
            return lane
    return None


class Put(Operation):
    """Items for their lanes, each id once. Its result: how many were new."""

    __slots__ = ("rows",)

    def __init__(self, rows: list[ItemRow]) -> None:
        self.rows = rows


class Inbox:
    """Stores the items of many calls with one statement.

    :param ready: told the queues whose lanes have become ready.
    """

    def __init__(self, connections: Connections, ready: Callable[[Collection[str]], None]) -> None:
        self._connections = connections
        self._ready = ready

    async def run(self, batch: list[Put]) -> None:
        """Work a batch off: together, or each call by itself when one of them is refused."""
        rows = distinct(row for put in batch for row in put.rows)
        try:
            new = await self._insert(rows)
        except Exception as error:  # noqa: BLE001 - told to every caller
            if len(batch) > 1 and not unavailable(error):
                for put in batch:
                    await self.run([put])
                return
            for put in batch:
                put.failed(self._told(error))
            return
        self._ready({row[1] for row in rows if row[2] in new})
        for put in batch:
            put.done(sum(row[2] in new for row in put.rows))
            # An id that two calls brought was new to the first of them.
            new.difference_update(row[2] for row in put.rows)

    async def _insert(self, rows: Sequence[ItemRow]) -> set[str]:
        if other_queue(rows, {}) is not None:
            raise StoreError("a lane belongs to another queue")
        return await self._connections.once(lambda connection: insert(connection, rows))

    def _told(self, error: Exception) -> Exception:
        if isinstance(error, asyncpg.NotNullViolationError):
            return StoreError("a lane belongs to another queue")
        return self._connections.translated(error)
