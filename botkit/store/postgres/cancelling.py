"""Taking out of a queue what nobody shall handle any more."""

from __future__ import annotations

import asyncpg

from botkit.store.postgres.backlog import CHANGE
from botkit.store.postgres.connections import Connection, Connections

__all__ = ["discard", "unfinished"]

_TIMERS = "DELETE FROM timer WHERE queue = $1"

# A lane that is neither owned nor waiting has nothing unfinished.
_LOCK = """
SELECT lane, owner, tail, done, cut_from, cut_to FROM lane WHERE lane IN (
    SELECT lane FROM lane WHERE queue = $1 AND owner IS NULL AND ready_at IS NOT NULL
    UNION ALL SELECT lane FROM lane WHERE queue = $1 AND owner IS NOT NULL
) ORDER BY lane FOR NO KEY UPDATE
"""

_END = """
UPDATE lane SET done = tail, attempt = 0, progress = '', ready_at = NULL WHERE lane = ANY($1::text[])
"""

_CUT = "UPDATE lane SET cut_from = done + 2, cut_to = tail WHERE lane = ANY($1::text[])"


async def discard(connections: Connections, queue: str) -> int:
    """Cancel a queue: free lanes jump to their end, owned ones jump there after the item that is in hand.

    :returns: how many items and timers were cancelled.
    """

    async def cancel(connection: Connection) -> int:
        timers = await connection.execute(_TIMERS, queue)
        lanes = await connection.fetch(_LOCK, queue)
        free = [lane for lane in lanes if lane["owner"] is None]
        owned = [lane for lane in lanes if lane["owner"] is not None and lane["tail"] > lane["done"] + 1]
        items = sum(unfinished(lane) for lane in free) + sum(unfinished(lane) - 1 for lane in owned)
        if free:
            await connection.execute(_END, [lane["lane"] for lane in free])
        if owned:
            await connection.execute(_CUT, [lane["lane"] for lane in owned])
        if items:
            await connection.execute(CHANGE, queue, -items)
        return items + int(timers.rpartition(" ")[2])

    return await connections.write(cancel)


def unfinished(lane: asyncpg.Record) -> int:
    """How many items of a lane are unfinished; those that an earlier call cut are not."""
    unfinished: int = lane["tail"] - lane["done"]
    if lane["cut_from"] == lane["done"] + 2:
        unfinished -= lane["cut_to"] - lane["cut_from"] + 1
    return unfinished
