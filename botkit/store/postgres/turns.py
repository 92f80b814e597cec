"""Settlements: many turns in one transaction, each fenced; one that is refused loses only itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from botkit.errors import StoreError
from botkit.store.contract import Again, Done, Settlement
from botkit.store.postgres.batches import Operation
from botkit.store.postgres.connections import Connection, Connections
from botkit.store.postgres.faults import CommitLost, lost_race, unavailable
from botkit.store.postgres.inbox import ItemRow, distinct, insert, item_row, other_queue

__all__ = ["Settle", "Turn", "Turns"]

#: lane, worker, token, seq
Key = tuple[str, int, int, int]

#: timer id, due at, lane, queue, item id, payload
TimerRow = tuple[str, float, str, str, str, bytes]

# All transactions lock in one order, so that none waits in a circle: timers, lanes that exist, states, then
# new lanes and items; each of them sorted. (Two that create the same lane while they hold others may still
# meet; PostgreSQL ends one of them, and it runs again.)
_LOCK_TIMERS = "SELECT FROM timer WHERE timer_id = ANY($1::text[]) ORDER BY timer_id FOR UPDATE"

_LOCK_LANES = """
SELECT lane, queue, owner, token, tail, done, cut_from, cut_to FROM lane
WHERE lane = ANY($1::text[]) ORDER BY lane FOR NO KEY UPDATE
"""

_WRITE = """
WITH t AS MATERIALIZED (
    SELECT botkit_now() AS at
), v AS MATERIALIZED (
    SELECT * FROM unnest(
        $1::text[], $2::bigint[], $3::int[], $4::int[], $5::bytea[], $6::bool[], $7::float8[], $8::int[]
    ) AS v (lane, done, keep, more, progress, freed, delay, finished)
), moved AS (
    UPDATE lane SET done = v.done, attempt = lane.attempt * v.keep + v.more, progress = v.progress,
        owner = CASE WHEN NOT v.freed THEN lane.owner END,
        ready_at = CASE WHEN NOT v.freed THEN lane.ready_at
            WHEN lane.tail > v.done THEN (SELECT at FROM t) + v.delay END
    FROM v WHERE lane.lane = v.lane
    RETURNING lane.queue, lane.owner, lane.ready_at, v.finished
), b AS (
    INSERT INTO backlog (queue, items)
    SELECT queue, -sum(finished) FROM moved WHERE finished > 0 GROUP BY queue
), states AS (
    INSERT INTO state AS s (key, data)
    SELECT v.key, v.data FROM unnest($9::text[], $10::bytea[]) AS v (key, data) ORDER BY v.key COLLATE "C"
    ON CONFLICT (key) DO UPDATE SET data = excluded.data
), timers AS (
    INSERT INTO timer AS s (timer_id, due_at, lane, queue, item_id, payload)
    SELECT * FROM unnest($11::text[], $12::float8[], $13::text[], $14::text[], $15::text[], $16::bytea[])
        AS v (timer_id, due_at, lane, queue, item_id, payload) ORDER BY v.timer_id COLLATE "C"
    ON CONFLICT (timer_id) DO UPDATE SET due_at = excluded.due_at, lane = excluded.lane,
        queue = excluded.queue, item_id = excluded.item_id, payload = excluded.payload
)
SELECT pg_current_xact_id()::text AS xid, queue, bool_or(ready_at <= (SELECT at FROM t)) AS ready
FROM moved WHERE owner IS NULL AND ready_at IS NOT NULL GROUP BY queue
UNION ALL SELECT pg_current_xact_id()::text, NULL, NULL
"""

_NO_STATES = """
DELETE FROM state WHERE key IN (
    SELECT key FROM state WHERE key = ANY($1::text[]) ORDER BY key FOR UPDATE
)
"""

_NO_TIMERS = "DELETE FROM timer WHERE timer_id = ANY($1::text[])"

_DEAD = """
INSERT INTO dead (item_id, handler, attempts, error, lane, queue, at)
SELECT v.item_id, v.handler, v.attempts, v.error, v.lane, v.queue, coalesce(nullif(v.at, 0), botkit_now())
FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::float8[])
    WITH ORDINALITY AS v (item_id, handler, attempts, error, lane, queue, at, n) ORDER BY v.n
ON CONFLICT (item_id, handler) DO UPDATE
    SET attempts = excluded.attempts, error = excluded.error, at = excluded.at
"""

_OUTCOME = "SELECT pg_xact_status($1::text::xid8)"


#: turns of unknown outcome that are remembered
_DOUBTS = 10_000


@dataclass(frozen=True, slots=True)
class Turn:
    """A settlement as the statements take it."""

    queue: str
    key: Key
    #: cursor, attempts kept, attempts added, progress, freed, delay, items finished
    lane: tuple[int, int, int, bytes, bool, float, int]
    state: Mapping[str, bytes | None]
    items: Sequence[ItemRow]
    #: ``None`` cancels
    timers: Mapping[str, TimerRow | None]
    #: item id, handler, attempts, error, lane, queue, at (0: now)
    dead: Sequence[tuple[str, str, int, str, str, str, float]]

    @property
    def frees(self) -> bool:
        """Whether the lane is given back."""
        return self.lane[4]

    @classmethod
    def of(cls, worker_id: int, settlement: Settlement) -> Turn:
        """The rows of a settlement."""
        claim, seq, effects = settlement.claim, settlement.seq, settlement.effects
        match settlement.outcome:
            case Done():
                lane = (seq, 0, 0, b"", settlement.release, 0.0, 1)
            case Again() as again:
                lane = (seq - 1, 1, int(again.counts), again.progress, True, float(again.delay_s), 0)
            case mark:
                lane = (seq - 1, 1, 0, mark.progress, False, 0.0, 0)
        timers: dict[str, TimerRow | None] = dict.fromkeys(effects.cancel_timers)
        for timer in effects.timers:
            timers[timer.timer_id] = (timer.timer_id, timer.due_at, *item_row(timer.item))
        dead = {
            (letter.item_id, letter.handler): (
                letter.item_id,
                letter.handler,
                letter.attempts,
                _storable(letter.error),
                letter.lane or claim.lane,
                letter.queue or claim.queue,
                letter.at,
            )
            for letter in effects.dead
        }
        return cls(
            claim.queue,
            (claim.lane, worker_id, claim.token, seq),
            lane,
            effects.state,
            [item_row(item) for item in effects.items],
            timers,
            list(dead.values()),
        )


def _storable(text: str) -> str:
    """The text of an error is a stranger's: what PostgreSQL can't keep must not stop the turn."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class Settle(Operation):
    """One turn. Its result: whether the lane was still owned."""

    __slots__ = ("key", "turn")

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.key = turn.key[0]


class Turns:
    """Settles many turns in one transaction.

    :param woken: told the queues whose lanes have become ready, and those whose lanes will be.
    """

    #: what is asked of a lane before its turn is written; a test shows what happens without it
    fenced: ClassVar[bool] = True

    def __init__(
        self, connections: Connections, woken: Callable[[Collection[str], Collection[str]], None]
    ) -> None:
        self._connections = connections
        self._woken = woken
        #: turns whose commit was asked for on a connection that broke: the transaction's id
        self._uncertain: dict[Key, str] = {}

    async def run(self, batch: list[Settle]) -> None:
        """Work a batch off: together, or each turn by itself when one of them is refused."""
        work = _Batch(batch, fenced=self.fenced)
        try:
            if self._uncertain:
                work.settled |= await self._find_out(batch)
            await self._connections.transact(work.write)
        except Exception as error:  # noqa: BLE001 - told to every caller
            if isinstance(error, CommitLost):
                self._doubt(work)
            if len(batch) > 1 and not unavailable(error) and not lost_race(error):
                for settle in batch:
                    await self.run([settle])
                return
            for settle in batch:
                settle.failed(self._connections.translated(error))
            return
        for settle in batch:
            self._uncertain.pop(settle.turn.key, None)
        self._woken(work.ready, work.maybe)
        for settle in batch:
            refused = work.refused.get(settle.turn.key)
            if refused is None:
                settle.done(settle.turn.key in work.settled)
            else:
                settle.failed(refused)

    def _doubt(self, work: _Batch) -> None:
        self._uncertain.update(dict.fromkeys(work.written, work.xid))
        while len(self._uncertain) > _DOUBTS:  # of callers that never asked again
            del self._uncertain[next(iter(self._uncertain))]

    async def _find_out(self, batch: Iterable[Settle]) -> set[Key]:
        """The turns that an earlier try has committed after all."""
        asked = {settle.turn.key for settle in batch if settle.turn.key in self._uncertain}
        found: set[Key] = set()
        if not asked:
            return found
        async with self._connections.raw() as connection:
            statuses = {
                xid: await connection.fetchval(_OUTCOME, xid)
                for xid in {self._uncertain[key] for key in asked}
            }
        if "in progress" in statuses.values():
            raise TimeoutError
        return {key for key in asked if statuses[self._uncertain[key]] == "committed"}


class _Batch:
    """One transaction of turns of different lanes.

    :ivar settled: the turns that are written; the others lost their lanes, except for those in ``refused``.
    """

    def __init__(self, batch: Sequence[Settle], *, fenced: bool) -> None:
        self._turns = [settle.turn for settle in batch]
        self._fenced = fenced
        #: committed before this transaction
        self.settled: set[Key] = set()
        self.written: list[Key] = []
        self.refused: dict[Key, StoreError] = {}
        self.ready: set[str] = set()
        self.maybe: set[str] = set()
        self.xid = ""

    async def write(self, connection: Connection) -> None:
        """Lock, check, write."""
        self.settled.difference_update(self.written)
        self.refused.clear()
        self.ready.clear()
        turns = [turn for turn in self._turns if turn.key not in self.settled]
        self.written = []
        timer_ids = sorted({timer_id for turn in turns for timer_id in turn.timers})
        if timer_ids:
            await connection.execute(_LOCK_TIMERS, timer_ids)
        turns, lanes = await self._owned(connection, turns)
        if not lanes:
            return
        await self._lanes_and_states(connection, lanes, turns)
        dead = {letter[:2]: letter for turn in turns for letter in turn.dead}
        if dead:
            await connection.execute(_DEAD, *zip(*dead.values(), strict=True))
        items = distinct(item for turn in turns for item in turn.items)
        if items:
            new = await insert(connection, items)
            self.ready.update(item[1] for item in items if item[2] in new)
        self.written = [turn.key for turn in turns]
        self.settled.update(self.written)

    async def _owned(
        self, connection: Connection, turns: Sequence[Turn]
    ) -> tuple[list[Turn], list[tuple[object, ...]]]:
        """Lock every lane that is touched; the turns that may be written, and what their lanes become.

        Lanes whose item was cancelled behind the worker's back are among them, without their turns.
        """
        names = {turn.key[0] for turn in turns}
        names.update(item[0] for turn in turns for item in turn.items)
        found = {record["lane"]: record for record in await connection.fetch(_LOCK_LANES, sorted(names))}
        queues = {lane: record["queue"] for lane, record in found.items()}
        owned: list[Turn] = []
        lanes: list[tuple[object, ...]] = []
        for turn in turns:
            lane, worker_id, token, seq = turn.key
            record = found.get(lane)
            if record is None:
                continue
            if self._fenced and (record["owner"] != worker_id or record["token"] != token):
                continue
            if record["cut_from"] <= seq <= record["cut_to"] and record["done"] >= seq - 1:
                # It was cancelled while the worker had the item before it in hand: nothing is left to own.
                lanes.append((lane, record["done"], 1, 0, b"", True, 0.0, 0))
                continue
            if record["done"] != seq - 1 or seq > record["tail"]:
                self.refused[turn.key] = StoreError(
                    f"item {seq} of lane {lane} was settled out of order: {record['done']} are done"
                )
                continue
            mixed = other_queue(turn.items, queues)
            if mixed is not None:
                self.refused[turn.key] = StoreError(f"the lane {mixed} belongs to another queue")
                continue
            queues.update((item[0], item[1]) for item in turn.items)
            owned.append(turn)
            cursor, *others = turn.lane
            if cursor == seq and record["cut_from"] == seq + 1:
                cursor = record["cut_to"]
            lanes.append((lane, cursor, *others))
        return owned, lanes

    async def _lanes_and_states(
        self, connection: Connection, lanes: Sequence[tuple[object, ...]], turns: Sequence[Turn]
    ) -> None:
        state: dict[str, bytes | None] = {}
        timers: dict[str, TimerRow | None] = {}
        for turn in turns:
            state.update(turn.state)
            timers.update(turn.timers)
        gone = sorted(key for key, data in state.items() if data is None)
        if gone:
            await connection.execute(_NO_STATES, gone)
        cancelled = sorted(timer_id for timer_id, row in timers.items() if row is None)
        if cancelled:
            await connection.execute(_NO_TIMERS, cancelled)
        set_timers = [row for row in timers.values() if row is not None]
        found = await connection.fetch(
            _WRITE,
            *_columns(lanes, 8),
            *_columns([row for row in state.items() if row[1] is not None], 2),
            *_columns(set_timers, 6),
        )
        for record in found:
            self.xid = record["xid"]
            if record["queue"] is not None:
                (self.ready if record["ready"] else self.maybe).add(record["queue"])


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    """Rows as the arrays of their columns."""
    if not rows:
        return [[] for _ in range(width)]
    return [list(column) for column in zip(*rows, strict=True)]
