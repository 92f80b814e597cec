"""Lanes: owned by one worker at a time, and given back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from operator import attrgetter

import asyncpg

from botkit.errors import StoreError
from botkit.store.contract import Claim, StoredItem
from botkit.store.postgres.batches import Operation
from botkit.store.postgres.connections import Connection, Connections
from botkit.store.postgres.faults import unavailable
from botkit.store.postgres.floors import NOWHERE, Floors

__all__ = ["FREED", "Claims", "Take"]

#: a lane without an owner: ready when something is unfinished, idle otherwise
FREED = (
    "owner = NULL, ready_at = CASE WHEN lane.tail > lane.done "
    "THEN least(lane.ready_at, (SELECT at FROM t)) END"
)

# The worker's row is locked, so that it can't be reaped in between; lanes that others lock are passed over.
# When what follows the next item was cancelled, that one comes alone.
# `ready_at <= (SELECT …)` is a bound of the index scan, which a volatile clock in its place would not be.
_CLAIM = """
WITH w AS MATERIALIZED (
    SELECT id FROM worker WHERE id = $1 FOR KEY SHARE
), t AS MATERIALIZED (
    SELECT botkit_now() AS at
), c AS MATERIALIZED (
    SELECT lane FROM lane
    WHERE (SELECT count(*) FROM w) = 1 AND queue = $2 AND owner IS NULL AND ready_at IS NOT NULL
        AND ready_at >= $5 AND ready_at <= (SELECT at FROM t)
    ORDER BY ready_at LIMIT $3 FOR UPDATE OF lane SKIP LOCKED
), u AS (
    UPDATE lane SET owner = $1, token = lane.token + 1 FROM c WHERE lane.lane = c.lane
    RETURNING lane.lane, lane.token, lane.attempt, lane.progress, lane.done, lane.ready_at, lane.cut_from
)
SELECT u.*, e.seq, e.item_id, e.payload, e.received_at FROM u LEFT JOIN LATERAL (
    SELECT seq, item_id, payload, received_at FROM item WHERE item.lane = u.lane AND item.seq > u.done
    ORDER BY item.seq LIMIT CASE WHEN u.cut_from = u.done + 2 THEN 1 ELSE $4::int END
) AS e ON true
"""

_ITEMS = """
SELECT v.lane, e.* FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS v (lane, done, most)
CROSS JOIN LATERAL (
    SELECT seq, item_id, payload, received_at FROM item
    WHERE item.lane = v.lane AND item.seq > v.done ORDER BY item.seq LIMIT v.most
) AS e
"""

_LOCK = "SELECT FROM lane WHERE lane = ANY($1::text[]) ORDER BY lane FOR NO KEY UPDATE"

_SKIP = """
WITH freed AS (
    UPDATE lane SET owner = NULL, done = p.to, attempt = 0, progress = '',
        ready_at = CASE WHEN lane.tail > p.to THEN lane.ready_at END
    FROM (
        SELECT l.lane, l.done,
            coalesce((SELECT min(seq) - 1 FROM item WHERE item.lane = l.lane AND seq > l.done), l.tail) AS to
        FROM lane AS l WHERE l.lane = ANY($1::text[])
    ) AS p WHERE lane.lane = p.lane RETURNING lane.queue, p.to - p.done AS skipped
), b AS (
    INSERT INTO backlog (queue, items) SELECT queue, -sum(skipped) FROM freed GROUP BY queue
)
SELECT queue FROM freed
"""

_RELEASE = f"""
WITH t AS MATERIALIZED (
    SELECT botkit_now() AS at
), k AS MATERIALIZED (
    SELECT lane.lane FROM unnest($2::text[], $3::bigint[]) AS v (lane, token)
    JOIN lane ON lane.lane = v.lane AND lane.owner + 0 = $1 AND lane.token = v.token
    ORDER BY lane.lane FOR NO KEY UPDATE OF lane
)
UPDATE lane SET {FREED} FROM k WHERE lane.lane = k.lane AND lane.owner + 0 = $1 RETURNING lane.queue
"""  # noqa: S608 - a constant

_RELEASE_UNKNOWN = f"""
WITH t AS MATERIALIZED (
    SELECT botkit_now() AS at
), k AS MATERIALIZED (
    SELECT lane FROM lane WHERE owner = $1 AND NOT EXISTS (
        SELECT FROM unnest($2::text[], $3::bigint[]) AS v (lane, token)
        WHERE v.lane = lane.lane AND v.token = lane.token
    ) ORDER BY lane FOR NO KEY UPDATE
)
UPDATE lane SET {FREED} FROM k WHERE lane.lane = k.lane RETURNING lane.queue
"""  # noqa: S608 - a constant


class Take(Operation):
    """Own up to ``lanes`` lanes. Its result: the claims."""

    __slots__ = ("items", "lanes", "queue", "worker_id")

    def __init__(self, worker_id: int, queue: str, lanes: int, items: int) -> None:
        self.worker_id, self.queue, self.lanes, self.items = worker_id, queue, lanes, items


class Claims:
    """Claims for the workers of this process, and what they have in hand.

    When a connection breaks while a claim commits, lanes may be owned that nobody was told of, and their
    worker goes on renewing its lease. So it is known what each worker was told, and before its next claim
    everything else that it owns is freed.

    :param maybe: told the queues whose lanes may have become ready.
    """

    def __init__(self, connections: Connections, maybe: Callable[[Collection[str]], None]) -> None:
        self._connections = connections
        self._maybe = maybe
        self.floors = Floors()
        self._in_hand: dict[int, dict[str, int]] = {}
        self._doubtful: set[int] = set()

    async def run(self, batch: list[Take]) -> None:
        """Work a batch off, a statement a claim."""
        for take in batch:
            try:
                await self._tidy(take.worker_id)
                claims = await self._take(take)
            except Exception as error:  # noqa: BLE001 - told to the caller
                if unavailable(error):
                    self._doubtful.add(take.worker_id)
                take.failed(self._connections.translated(error))
            else:
                hand = self._in_hand.setdefault(take.worker_id, {})
                hand.update((claim.lane, claim.token) for claim in claims)
                take.done(claims)

    async def _tidy(self, worker_id: int) -> None:
        if worker_id not in self._doubtful:
            return
        known = self._in_hand.get(worker_id, {})

        freed = await self._connections.once(
            lambda connection: connection.fetch(
                _RELEASE_UNKNOWN, worker_id, list(known), list(known.values())
            )
        )
        self._doubtful.discard(worker_id)
        self.floors.reset()
        self._maybe({record["queue"] for record in freed})

    async def _take(self, take: Take) -> list[Claim]:
        found = await self._own(take)
        lanes: dict[str, asyncpg.Record] = {}
        items: dict[str, list[StoredItem]] = {}
        for record in found:
            lanes[record["lane"]] = record
            if record["seq"] is not None:
                items.setdefault(record["lane"], []).append(_stored(record))
        # The statement sees items as of its beginning, and lanes as of their lock. What a put committed in
        # between is seen by the next statement: the lane is ours by now.
        unseen = [lane for lane in lanes if lane not in items]
        if unseen:
            done = [lanes[lane]["done"] for lane in unseen]
            most = [
                1 if lanes[lane]["cut_from"] == lanes[lane]["done"] + 2 else take.items for lane in unseen
            ]
            again = await self._connections.once(
                lambda connection: connection.fetch(_ITEMS, unseen, done, most)
            )
            for record in again:
                items.setdefault(record["lane"], []).append(_stored(record))
        claims = [
            Claim(
                lane,
                take.queue,
                record["token"],
                record["attempt"],
                record["progress"],
                _next(items.get(lane, ()), record["done"]),
            )
            for lane, record in sorted(lanes.items(), key=lambda pair: (pair[1]["ready_at"], pair[0]))
        ]
        missing = [claim.lane for claim in claims if not claim.items]
        if missing:
            await self._skip_missing(missing)
        return [claim for claim in claims if claim.items]

    async def _own(self, take: Take) -> list[asyncpg.Record]:
        """The lanes that waited longest, and their items as far as the statement sees them."""
        found: list[asyncpg.Record] = []
        wanted = take.lanes
        floor = self.floors.of(take.queue)
        clock = asyncio.get_running_loop().time
        while True:
            begun_at = clock()
            records = await self._connections.once(
                partial(_fetch_claim, take=take, lanes=wanted, floor=floor)
            )
            found += records
            ready = {record["lane"]: record["ready_at"] for record in records}
            if len(ready) == wanted:
                self.floors.claimed(take.queue, min(ready.values()), floor, clock() - begun_at)
                return found
            self.floors.emptied(take.queue)
            if floor == NOWHERE:
                return found
            wanted -= len(ready)
            floor = NOWHERE

    async def _skip_missing(self, lanes: Sequence[str]) -> None:
        """Move the cursors of lanes past items that someone deleted by hand, or they would wait for ever."""

        async def skip(connection: Connection) -> list[asyncpg.Record]:
            await connection.execute(_LOCK, sorted(lanes))
            return await connection.fetch(_SKIP, lanes)  # sees all that was put before the lock

        freed = await self._connections.transact(skip)
        self._maybe({record["queue"] for record in freed})

    async def release(self, worker_id: int, claims: Iterable[Claim]) -> None:
        """Give lanes back that are still owned under their claim.

        When that fails, they are freed before the worker's next claim.
        """
        claims = list(claims)
        known = worker_id in self._in_hand
        for claim in claims:
            self.settled(worker_id, claim)

        try:
            freed = await self._connections.write_once(
                lambda connection: connection.fetch(
                    _RELEASE, worker_id, [claim.lane for claim in claims], [claim.token for claim in claims]
                )
            )
            self.floors.reset()
        except StoreError:
            if known:
                self._doubtful.add(worker_id)
            raise
        self._maybe({record["queue"] for record in freed})

    def settled(self, worker_id: int, claim: Claim) -> None:
        """The worker has no longer this lane in hand."""
        hand = self._in_hand.get(worker_id)
        if hand is not None and hand.get(claim.lane) == claim.token:
            del hand[claim.lane]

    def forget(self, worker_id: int) -> None:
        """The worker is no more."""
        self._in_hand.pop(worker_id, None)
        self._doubtful.discard(worker_id)


async def _fetch_claim(
    connection: Connection, *, take: Take, lanes: int, floor: float
) -> list[asyncpg.Record]:
    return await connection.fetch(_CLAIM, take.worker_id, take.queue, lanes, take.items, floor)


def _next(items: Iterable[StoredItem], done: int) -> tuple[StoredItem, ...]:
    """Those of the items that follow the cursor without a gap."""
    following: list[StoredItem] = []
    for item in sorted(items, key=attrgetter("seq")):
        if item.seq != done + len(following) + 1:
            break
        following.append(item)
    return tuple(following)


def _stored(record: asyncpg.Record) -> StoredItem:
    return StoredItem(record["seq"], record["item_id"], record["payload"], record["received_at"])
