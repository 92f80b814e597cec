"""What is only looked at, and the deletion of what is old."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import asyncpg

from botkit.store.contract import LaneStats, Located, QueueStats, StoredItem
from botkit.store.postgres.batches import Operation
from botkit.store.postgres.connections import ANSWER_S, Connections

__all__ = ["Reader", "StateOf"]

# Jumps from queue to queue in the index: the cost grows with the queues, not with what waits in them.
_READY = """
WITH RECURSIVE q AS (
    (SELECT queue, ready_at FROM lane
        WHERE owner IS NULL AND ready_at IS NOT NULL AND queue >= $1 ORDER BY queue, ready_at LIMIT 1)
    UNION ALL
    SELECT n.queue, n.ready_at FROM q CROSS JOIN LATERAL (
        SELECT lane.queue, lane.ready_at FROM lane
        WHERE owner IS NULL AND ready_at IS NOT NULL AND lane.queue > q.queue
        ORDER BY lane.queue, lane.ready_at LIMIT 1
    ) AS n WHERE starts_with(q.queue, $1)
)
SELECT queue, ready_at - (SELECT botkit_now()) AS delay FROM q WHERE starts_with(queue, $1)
"""

_STATES = "SELECT key, data FROM state WHERE key = ANY($1::text[])"

_ITEM = "SELECT seq, item_id, payload, received_at FROM item WHERE item_id = $1"

_UNFINISHED = """
SELECT seq, item_id, payload, received_at FROM item
WHERE lane = $1 AND seq > (SELECT done FROM lane WHERE lane = $1)
    AND NOT EXISTS (SELECT FROM lane WHERE lane = $1 AND seq BETWEEN cut_from AND cut_to)
ORDER BY seq LIMIT $2
"""

_HISTORY = """
SELECT seq, item_id, payload, received_at FROM item WHERE lane = $1 AND received_at >= $2
ORDER BY seq DESC LIMIT $3
"""

_STATS = """
SELECT queue,
    sum(tail - done - CASE WHEN cut_from = done + 2 THEN cut_to - cut_from + 1 ELSE 0 END)::bigint,
    count(*) FILTER (WHERE tail > done), min(
    CASE WHEN tail > done THEN
        (SELECT received_at FROM item WHERE item.lane = lane.lane AND item.seq = lane.done + 1)
    END
) FROM lane GROUP BY queue ORDER BY queue
"""

_LANES = """
SELECT lane, queue,
    tail - done - CASE WHEN cut_from = done + 2 THEN cut_to - cut_from + 1 ELSE 0 END AS items,
    (SELECT received_at FROM item WHERE item.lane = l.lane AND item.seq = l.done + 1) AS oldest_at,
    attempt, ready_at, owner IS NOT NULL AS owned
FROM (
    SELECT * FROM lane WHERE owner IS NULL AND ready_at IS NOT NULL AND starts_with(queue, $1)
    UNION ALL SELECT * FROM lane WHERE owner IS NOT NULL AND starts_with(queue, $1)
) AS l WHERE tail > done ORDER BY oldest_at, lane LIMIT $2
"""

_LOCATED = """
SELECT lane.queue, item.lane,
    item.seq <= lane.done OR item.seq BETWEEN lane.cut_from AND lane.cut_to AS done,
    item.seq, item.item_id, item.payload, item.received_at
FROM item CROSS JOIN LATERAL (SELECT * FROM lane WHERE lane.lane = item.lane OFFSET 0) AS lane
"""

_LOCATE = f"{_LOCATED} WHERE item.item_id = $1"

# Bytes have no lower case in SQL, so they are looked at in the notation where what is not ASCII is \\nnn.
_SEARCH = f"""{_LOCATED}
WHERE strpos(lower(encode(item.payload, 'escape') COLLATE "C"), $1) > 0
    AND right(item.lane, length($2)) = $2
ORDER BY item.received_at DESC, item.ctid DESC
"""

_CHECK = "UPDATE botkit_store SET checks = checks + 1"

_BLOCKS = "SELECT pg_relation_size('item') / current_setting('block_size')::bigint"

_PRUNE = """
DELETE FROM item WHERE ctid >= $1 AND ctid < $2 AND received_at < $3
    AND seq <= (SELECT done FROM lane WHERE lane.lane = item.lane)
    AND NOT EXISTS (SELECT FROM dead WHERE dead.item_id = item.item_id)
"""

#: blocks of the table that are looked at in one transaction of `Reader.prune`
_PRUNED_AT_ONCE = 128

#: how long a look at every lane may take, seconds
_SCAN_S = 20 * ANSWER_S


class StateOf(Operation):
    """The states of some keys; those of a batch are read with one query."""

    __slots__ = ("keys",)

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys


class Reader:
    """Queries. Each sees everything that was committed before it was asked."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def states(self, batch: list[StateOf]) -> None:
        """Work a batch of states off."""
        keys = list({key for operation in batch for key in operation.keys})
        try:
            async with self._connections.lend() as connection:
                found = {record["key"]: record["data"] for record in await connection.fetch(_STATES, keys)}
        except Exception as error:  # noqa: BLE001 - told to every caller
            for operation in batch:
                operation.failed(error)
            return
        for operation in batch:
            operation.done({key: found[key] for key in operation.keys if key in found})

    async def now(self) -> float:
        """The database's clock."""
        async with self._connections.lend() as connection:
            now: float = await connection.fetchval("SELECT botkit_now()")
        return now

    async def check(self) -> None:
        """Commit something."""
        async with self._connections.lend() as connection:
            await connection.execute(_CHECK)

    async def ready(self, prefix: str, ignore: Collection[str] = ()) -> list[tuple[str, float]]:
        """Each queue with waiting lanes, and in how many seconds its first lane is ready."""
        async with self._connections.lend() as connection:
            found = await connection.fetch(_READY, prefix)
        return [(record["queue"], record["delay"]) for record in found if record["queue"] not in ignore]

    async def unfinished(self, lane: str, limit: int) -> list[StoredItem]:
        """The items of a lane that are not done."""
        async with self._connections.lend() as connection:
            return [StoredItem(*record) for record in await connection.fetch(_UNFINISHED, lane, limit)]

    async def history(self, lane: str, since: float, limit: int) -> list[StoredItem]:
        """The latest items of a lane that were received at or after a time, oldest first."""
        async with self._connections.lend() as connection:
            found = await connection.fetch(_HISTORY, lane, since, limit)
        return [StoredItem(*record) for record in reversed(found)]

    async def item(self, item_id: str) -> StoredItem | None:
        """One item."""
        async with self._connections.lend() as connection:
            record = await connection.fetchrow(_ITEM, item_id)
        return None if record is None else StoredItem(*record)

    async def stats(self) -> list[QueueStats]:
        """How full every queue is. Looks at every lane."""
        async with self._connections.lend() as connection:
            return [QueueStats(*record) for record in await connection.fetch(_STATS, timeout=_SCAN_S)]

    async def lanes(self, prefix: str, limit: int) -> list[LaneStats]:
        """Lanes with unfinished items. Looks at each of them."""
        async with self._connections.lend() as connection:
            found = await connection.fetch(_LANES, prefix, limit, timeout=_SCAN_S)
        return [
            LaneStats(
                record["lane"],
                record["queue"],
                record["items"],
                record["oldest_at"],
                record["attempt"],
                record["ready_at"] or record["oldest_at"],
                record["owned"],
            )
            for record in found
        ]

    async def locate(self, item_id: str) -> Located | None:
        """One item and where it stands."""
        async with self._connections.lend() as connection:
            record = await connection.fetchrow(_LOCATE, item_id)
        return None if record is None else _located(record)

    async def search(self, text: str, ending: str, limit: int) -> list[Located]:
        """Items that hold a text, newest first. Looks at all of them."""
        wanted = text.lower()
        escaped = wanted.replace("\\", "\\\\")
        found: list[Located] = []
        async with self._connections.lend() as connection, connection.transaction(readonly=True):
            async for record in connection.cursor(_SEARCH, escaped, ending, prefetch=64, timeout=_SCAN_S):
                if len(found) == limit:
                    break
                # The digits of an escaped byte are no text.
                if wanted.encode() in record["payload"].lower():
                    found.append(_located(record))
        return found

    async def prune(self, before: float) -> int:
        """Delete old items that are done, a piece of the table at a time: others commit in between."""
        async with self._connections.lend() as connection:
            blocks: int = await connection.fetchval(_BLOCKS)
        gone = 0
        for start in range(0, blocks, _PRUNED_AT_ONCE):
            async with self._connections.lend() as connection:
                done = await connection.execute(_PRUNE, (start, 0), (start + _PRUNED_AT_ONCE, 0), before)
            gone += int(done.rpartition(" ")[2])
        return gone


def _located(record: asyncpg.Record) -> Located:
    queue, lane, done, *item = record
    return Located(queue, lane, done, StoredItem(*item))
