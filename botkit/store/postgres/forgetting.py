"""Forgetting a person: what belongs to them is deleted, and the tables are written anew without it.

What PostgreSQL writes beside the tables is the server's: its write-ahead log until that is recycled, its
archives, standbys and backups.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence

from botkit.errors import StoreUnavailable
from botkit.store.contract import Forgotten
from botkit.store.postgres.backlog import CHANGE
from botkit.store.postgres.cancelling import unfinished
from botkit.store.postgres.connections import ANSWER_S, Connection, Connections

__all__ = ["forget"]

#: how often it is looked again for what others wrote while it deleted
_ROUNDS = 10

#: how long a table may take to be written anew, seconds
_REWRITE_S = 120 * ANSWER_S

#: between two looks whether a transaction still sees what is deleted, seconds
_LOOK_S = 0.05

#: the tables that hold anything of a person
_TABLES = ("item", "lane", "state", "timer", "dead")

_TIMERS = "DELETE FROM timer WHERE right(lane, length($1)) = $1"

_LOCK = """
SELECT lane, queue, owner, tail, done, cut_from, cut_to FROM lane
WHERE right(lane, length($1)) = $1 ORDER BY lane FOR UPDATE
"""

_STATES = "DELETE FROM state WHERE right(key, length($1)) = $1 RETURNING key"

_DEAD = "DELETE FROM dead WHERE right(lane, length($1)) = $1"

_ITEMS = """
WITH gone AS (DELETE FROM item WHERE lane = ANY($1::text[]) RETURNING lane)
SELECT lane.queue, count(*) AS items FROM gone JOIN lane ON lane.lane = gone.lane GROUP BY lane.queue
"""

_LANES = "DELETE FROM lane WHERE lane = ANY($1::text[])"

_FINISHED = """
DELETE FROM item USING lane
WHERE item.item_id = ANY($1::text[]) AND lane.lane = item.lane AND item.seq <= lane.done
RETURNING lane.queue
"""

_XID = "SELECT pg_current_xact_id()::text"

_STILL_SEEN = """
SELECT count(*) FROM (
    SELECT backend_xmin AS xmin FROM pg_stat_activity WHERE pid <> pg_backend_pid()
        AND (datid IS NULL OR datid = (SELECT oid FROM pg_database WHERE datname = current_database()))
    UNION ALL SELECT xmin FROM pg_replication_slots
    UNION ALL SELECT transaction FROM pg_prepared_xacts
) AS seen WHERE age(xmin) >= age($1::text::xid8::xid)
"""


async def forget(
    connections: Connections, ending: str, items: Collection[str], *, patience_s: float
) -> Forgotten:
    """Delete the lanes and states whose names end so, and finished items; then write the tables anew.

    :param patience_s: how long to wait for transactions that still see what is deleted.
    :raises StoreUnavailable: it could not be deleted, or others still see it; to be asked again.
    """
    counts: Counter[str] = Counter()
    dead, timers, state = 0, 0, dict[str, None]()
    xid = "0"
    wanted = list(items)

    async def delete(connection: Connection) -> tuple[Forgotten, str]:
        return await _delete(connection, ending, wanted), await connection.fetchval(_XID)

    for _ in range(_ROUNDS):
        gone, xid = await connections.write(delete)
        counts.update(gone.items)
        dead, timers = dead + gone.dead, timers + gone.timers
        state.update(dict.fromkeys(gone.state))
        if gone == Forgotten():
            break
    await _rewrite(connections, xid, patience_s)
    return Forgotten(dict(counts), dead, timers, tuple(state))


async def _delete(connection: Connection, ending: str, items: Sequence[str]) -> Forgotten:
    timers = await connection.execute(_TIMERS, ending)
    lanes = await connection.fetch(_LOCK, ending)
    counts: Counter[str] = Counter()
    if lanes:
        names = [lane["lane"] for lane in lanes]
        for record in await connection.fetch(_ITEMS, names):
            counts[record["queue"]] += record["items"]
        await connection.execute(_LANES, names)
        left: Counter[str] = Counter()
        for lane in lanes:
            left[lane["queue"]] += unfinished(lane)
        for queue, count in sorted(left.items()):
            await connection.execute(CHANGE, queue, -count)
    if items:
        counts.update(record["queue"] for record in await connection.fetch(_FINISHED, items))
    state = tuple(record["key"] for record in await connection.fetch(_STATES, ending))
    dead = await connection.execute(_DEAD, ending)
    return Forgotten(
        {queue: count for queue, count in counts.items() if count}, _count(dead), _count(timers), state
    )


async def _rewrite(connections: Connections, xid: str, patience_s: float) -> None:
    """Write the tables anew, once nobody sees what was deleted up to a transaction."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience_s
    async with connections.lend() as connection:
        while await connection.fetchval(_STILL_SEEN, xid):
            if loop.time() >= deadline:
                raise StoreUnavailable(
                    "it is deleted, but an older transaction (of a backup?) still sees it: ask again later"
                )
            await asyncio.sleep(_LOOK_S)
        for table in _TABLES:
            await connection.execute(f"VACUUM (FULL) {table}", timeout=_REWRITE_S)


def _count(status: str) -> int:
    """How many rows a statement changed, by what the server says of it."""
    return int(status.rpartition(" ")[2])
