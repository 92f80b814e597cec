"""The lanes in SQL: what may stand in one transaction, on one connection.

Nothing here begins or commits: the writer does, for many operations at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import ClassVar

from botkit.errors import StoreError
from botkit.store.contract import Claim, StoredItem
from botkit.store.sqlite import holds
from botkit.store.sqlite.backlog import Backlog
from botkit.store.sqlite.rows import ManyRows, OneOf
from botkit.store.sqlite.turns import ItemRow, TimerRow, Turn, distinct
from botkit.store.sqlite.windows import Windows

__all__ = ["Ledger"]

#: how far the clock may step back before the lanes that wait for it are moved along, seconds
_STEP_S = 1.0

#: a lane without an owner: ready when something is unfinished, idle otherwise
_FREE = "owner = NULL, ready_at = CASE WHEN tail > done THEN min(coalesce(ready_at, ?1), ?1) END"


class Ledger:
    """The statements of one connection.

    ``now`` is set by the writer at the start of each transaction. ``ready`` and ``maybe`` gather the queues
    with lanes that became, or may have become, ready.
    """

    #: who may settle: the worker that claimed the lane, under the token of that claim
    fence: ClassVar[str] = "+lane.owner = v.worker AND lane.token = v.token"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.now = 0.0
        self.ready: set[str] = set()
        self.maybe: set[str] = set()
        self.payload_bytes = 0
        self.first_token = int(connection.execute("SELECT first_token FROM clock").fetchone()[0])
        self.windows = Windows(connection)
        self.backlog = Backlog(connection)
        self._known_count = OneOf("SELECT count(*) FROM item WHERE item_id IN ({keys})")
        self._known = OneOf("SELECT item_id FROM item WHERE item_id IN ({keys})")
        self._lanes = ManyRows(
            "INSERT INTO lane (lane, queue, tail, ready_at, token) VALUES {rows} "
            "ON CONFLICT (lane) DO UPDATE SET tail = lane.tail + excluded.tail, "
            "ready_at = coalesce(lane.ready_at, excluded.ready_at) "
            "WHERE lane.queue = excluded.queue",
            5,
        )
        # CROSS JOIN is SQLite's way to keep the order: rows first, then each one's lane by its key.
        self._items = ManyRows(
            "WITH v (lane, behind, item_id, payload) AS (VALUES {rows}) "
            "INSERT INTO item (lane, seq, item_id, received_at, payload) "
            "SELECT v.lane, lane.tail - v.behind, v.item_id, ?, v.payload "
            "FROM v CROSS JOIN lane ON lane.lane = v.lane",
            4,
        )
        self._claimed = ManyRows(
            "WITH v (lane, done) AS (VALUES {rows}) "
            "SELECT item.lane, item.seq, item.item_id, item.payload, item.received_at "
            "FROM v CROSS JOIN item ON item.lane = v.lane AND item.seq > v.done AND item.seq <= v.done + ?",
            2,
        )
        self._settled = ManyRows(
            "WITH v (lane, worker, token, seq, "  # noqa: S608 - the fence is a constant
            "done, keep, more, progress, freed, delay) AS (VALUES {rows}) "
            "UPDATE lane SET done = v.done, attempt = lane.attempt * v.keep + v.more, progress = v.progress, "
            "owner = CASE v.freed WHEN 0 THEN lane.owner END, ready_at = CASE "
            "WHEN v.freed = 0 THEN lane.ready_at WHEN lane.tail > v.done THEN ? + v.delay END "
            f"FROM v WHERE lane.lane = v.lane AND {self.fence} "
            "AND lane.done = v.seq - 1 AND v.seq <= lane.tail",
            10,
        )
        self._states = ManyRows(
            "INSERT INTO state (key, data) VALUES {rows} "
            "ON CONFLICT (key) DO UPDATE SET data = excluded.data",
            2,
        )
        self._no_states = OneOf("DELETE FROM state WHERE key IN ({keys})")
        self._timers = ManyRows(
            "INSERT INTO timer (timer_id, due_at, lane, queue, item_id, payload) VALUES {rows} "
            "ON CONFLICT (timer_id) DO UPDATE SET due_at = excluded.due_at, lane = excluded.lane, "
            "queue = excluded.queue, item_id = excluded.item_id, payload = excluded.payload",
            6,
        )
        self._no_timers = OneOf("DELETE FROM timer WHERE timer_id IN ({keys})")
        self._dead = ManyRows(
            "INSERT INTO dead (item_id, handler, attempts, error, lane, queue, at) VALUES {rows} "
            "ON CONFLICT (item_id, handler) DO UPDATE SET attempts = excluded.attempts, "
            "error = excluded.error, at = excluded.at",
            7,
        )
        self._queues_of = OneOf("SELECT lane, queue FROM lane WHERE lane IN ({keys})")
        self._pruned = OneOf("DELETE FROM item WHERE row IN ({keys})")

    # -- items -------------------------------------------------------------------------------------------

    def put(self, rows: Sequence[ItemRow]) -> set[str]:
        """Insert items whose ids differ, except those that are known, and return the ids of the known.

        :raises StoreError: a lane belongs to another queue.
        """
        known = self._known_ids([row[2] for row in rows])
        if known:
            rows = [row for row in rows if row[2] not in known]
        if not rows:
            return known
        lanes: dict[str, tuple[str, int]] = {}
        for lane, queue, _, payload in rows:
            before = lanes.get(lane)
            if before is None:
                lanes[lane] = (queue, 1)
            elif before[0] == queue:
                lanes[lane] = (queue, before[1] + 1)
            else:
                raise _of_another_queue(lane)
            self.payload_bytes += len(payload)
        now = self.now
        upserted = self._lanes.run(
            self.connection,
            [(lane, queue, count, now, self.first_token) for lane, (queue, count) in lanes.items()],
        )
        if upserted != len(lanes):
            raise _of_another_queue("")
        behind = {lane: count for lane, (_, count) in lanes.items()}
        items = []
        for queue, count in lanes.values():
            self.backlog.add(queue, count)
        for lane, queue, item_id, payload in rows:
            behind[lane] = left = behind[lane] - 1
            items.append((lane, left, item_id, payload))
            self.ready.add(queue)
        if self._items.run(self.connection, items, now) != len(items):
            raise StoreError("an item found no lane")
        return known

    def _known_ids(self, item_ids: Sequence[str]) -> set[str]:
        count = sum(int(found.fetchone()[0]) for found in self._known_count.run(self.connection, item_ids))
        if not count:
            return set()
        return {row[0] for found in self._known.run(self.connection, item_ids) for row in found}

    # -- lanes -------------------------------------------------------------------------------------------

    def claim(self, worker_id: int, queue: str, lanes: int, items: int) -> list[Claim]:
        """Own the lanes that waited longest. Its cost does not grow with what waits behind them."""
        execute = self.connection.execute
        if lanes < 1 or items < 1:
            return []
        if execute("SELECT 1 FROM worker WHERE id = ?", (worker_id,)).fetchone() is None:
            return []
        taken = execute(
            "SELECT lane, token + 1, done, attempt, progress FROM lane INDEXED BY lane_ready "
            "WHERE queue = ? AND owner IS NULL AND ready_at IS NOT NULL AND ready_at <= ? "
            "ORDER BY ready_at LIMIT ?",
            (queue, self.now, lanes),
        ).fetchall()
        if not taken:
            return []
        self._own_lanes(worker_id, [row[0] for row in taken])
        found: dict[str, list[StoredItem]] = {row[0]: [] for row in taken}
        rows = self._claimed.fetch(self.connection, [(row[0], row[2]) for row in taken], items)
        rows.sort(key=itemgetter(1))
        for lane, seq, item_id, payload, received_at in rows:
            found[lane].append(StoredItem(seq, item_id, payload, received_at))
        return [
            Claim(lane, queue, token, attempt, progress, tuple(found[lane]))
            for lane, token, _, attempt, progress in taken
        ]

    def _own_lanes(self, worker_id: int, lanes: Sequence[str]) -> None:
        self.connection.executemany(
            "UPDATE lane SET owner = ?, token = token + 1 WHERE lane = ?",
            [(worker_id, lane) for lane in lanes],
        )

    def settle(self, turns: Sequence[Turn]) -> list[ItemRow] | None:
        """Write turns of different lanes, except their items, which are returned for `put`.

        ``None``: not all of them own their lane; some may be written, and the caller must roll back.
        """
        if self._settled.run(self.connection, [turn.lane for turn in turns], self.now) != len(turns):
            return None
        items: list[ItemRow] = []
        state: dict[str, bytes | None] = {}
        timers: dict[str, TimerRow | None] = {}
        dead: list[tuple[object, ...]] = []
        for turn in turns:
            items += turn.items
            if turn.done:
                self.backlog.add(turn.queue, -1)
            state.update(turn.state)
            timers.update(turn.timers)
            dead += [(*letter[:6], letter[6] or self.now) for letter in turn.dead]
            if turn.lane[8]:
                self.maybe.add(turn.queue)
        if state:
            self.keep(state)
        if timers:
            self._timers.run(self.connection, [row for row in timers.values() if row is not None])
            self._delete(self._no_timers, [key for key, row in timers.items() if row is None])
        if dead:
            self._dead.run(self.connection, dead)
        return items

    def keep(self, state: Mapping[str, bytes | None]) -> None:
        """Write states."""
        self._states.run(self.connection, [row for row in state.items() if row[1] is not None])
        self._delete(self._no_states, [key for key, data in state.items() if data is None])

    def drop(self, first: str, behind: str, limit: int) -> int:
        """Delete up to ``limit`` of the states from one key on and before another; how many there were."""
        deleted = self.connection.execute(
            "DELETE FROM state WHERE key IN (SELECT key FROM state WHERE key >= ? AND key < ? LIMIT ?)",
            (first, behind, limit),
        )
        return deleted.rowcount

    def settle_alone(self, turn: Turn) -> bool:
        """Write one turn with its items.

        :raises StoreError: the lane is the worker's own, and the item is not its next: our bug.
        """
        items = self.settle([turn])
        if items is None:
            lane, worker_id, token, seq = turn.lane[:4]
            row = self.connection.execute(
                "SELECT done, tail FROM lane WHERE lane = ? AND owner = ? AND token = ?",
                (lane, worker_id, token),
            ).fetchone()
            if row is None:
                return False
            if seq <= row[1]:
                raise StoreError(f"item {seq} of lane {lane} was settled out of order: {row[0]} are done")
            # It was discarded while the worker had the item before it in hand: nothing is left to own.
            self._free(worker_id, lane, token)
            return False
        if items:
            self.put(distinct(items))
        return True

    def release(self, worker_id: int, claims: Iterable[Claim]) -> None:
        """Free lanes that are still owned under their claim."""
        for claim in claims:
            self._free(worker_id, claim.lane, claim.token)
            self.maybe.add(claim.queue)

    def _free(self, worker_id: int, lane: str, token: int) -> None:
        self.connection.execute(
            f"UPDATE lane SET {_FREE} WHERE lane = ?2 AND owner = ?3 AND token = ?4",  # noqa: S608 - a constant
            (self.now, lane, worker_id, token),
        )

    # -- workers -----------------------------------------------------------------------------------------

    def register(self, name: str, ttl_s: float) -> int:
        """A new worker's id."""
        row = self.connection.execute(
            "INSERT INTO worker (name, ttl, alive_until) VALUES (?, ?, ?)", (name, ttl_s, self.now + ttl_s)
        )
        return int(row.lastrowid or 0)

    def beat(self, worker_id: int) -> bool:
        """Renew a lease, and remember what the clock says."""
        self.see_clock()
        return (
            self.connection.execute(
                "UPDATE worker SET alive_until = ? + ttl WHERE id = ?", (self.now, worker_id)
            ).rowcount
            == 1
        )

    def reap(self) -> int:
        """End the leases that ran out."""
        dead = self.connection.execute("SELECT id FROM worker WHERE alive_until < ?", (self.now,)).fetchall()
        for (worker_id,) in dead:
            self.unregister(worker_id)
        return len(dead)

    def unregister(self, worker_id: int) -> None:
        """End a lease and free its lanes."""
        lanes = self.connection.execute("SELECT DISTINCT queue FROM lane WHERE owner = ?", (worker_id,))
        self.maybe.update(queue for (queue,) in lanes.fetchall())
        self.connection.execute(
            f"UPDATE lane SET {_FREE} WHERE owner = ?2",  # noqa: S608 - a constant
            (self.now, worker_id),
        )
        self.connection.execute("DELETE FROM worker WHERE id = ?", (worker_id,))

    def end_all(self) -> None:
        """End every lease: whoever calls this holds the store alone."""
        for (worker_id,) in self.connection.execute("SELECT id FROM worker").fetchall():
            self.unregister(worker_id)
        holds.end_all(self.connection)
        self.see_clock()

    # -- timers ------------------------------------------------------------------------------------------

    def fire(self, limit: int) -> int:
        """Put the items of due timers and delete the timers, in the order in which they are due.

        One whose lane belongs to another queue becomes a dead letter: it must not hold up the others.
        """
        due = self.connection.execute(
            "SELECT timer_id, item_id, lane, queue, payload FROM timer "
            "WHERE due_at <= ? ORDER BY due_at LIMIT ?",
            (self.now, limit),
        ).fetchall()
        if due:
            queues: dict[str, str] = {}
            for found in self._queues_of.run(self.connection, [row[2] for row in due]):
                queues.update(found)
            items: dict[str, ItemRow] = {}
            dead: list[tuple[object, ...]] = []
            for _, item_id, lane, queue, payload in due:
                if queues.setdefault(lane, queue) == queue:
                    items.setdefault(item_id, (lane, queue, item_id, payload))
                else:
                    dead.append(
                        (item_id, "timer", 1, "its lane belongs to another queue", lane, queue, self.now)
                    )
            self.put(list(items.values()))
            self._dead.run(self.connection, dead)
            self._delete(self._no_timers, [row[0] for row in due])
        return len(due)

    # -- time and space ----------------------------------------------------------------------------------

    def see_clock(self) -> None:
        """Remember what the clock says, for the next start."""
        self.connection.execute("UPDATE clock SET seen_at = ?", (self.now,))

    def seen_clock(self) -> float:
        """What the clock said when it was last remembered."""
        return float(self.connection.execute("SELECT seen_at FROM clock").fetchone()[0])

    def follow_clock(self, seen_at: float) -> None:
        """Move along what would wait for a clock that was stepped back since ``seen_at``.

        A delay is a length of time: a lane that had five seconds to wait still has five seconds to wait.
        Timers and rate windows name points in time and stay.
        """
        step = seen_at - self.now
        if step <= _STEP_S:
            return
        self.connection.execute(
            "UPDATE lane SET ready_at = ready_at - ? WHERE ready_at > ?", (step, self.now)
        )
        self.connection.execute("UPDATE worker SET alive_until = alive_until - ?", (step,))
        holds.follow_clock(self.connection, step)
        self.maybe.update(
            queue for (queue,) in self.connection.execute("SELECT DISTINCT queue FROM lane").fetchall()
        )
        self.see_clock()

    def check(self) -> None:
        """Write something, so that a commit proves something."""
        self.connection.execute("UPDATE clock SET checks = checks + 1, seen_at = ?", (self.now,))

    def prune(self, before: float, behind: int, limit: int) -> tuple[int, int | None]:
        """Delete done items received before a time among the next ``limit`` rows behind a row.

        :returns: how many, and the last row looked at; ``None`` when there is nothing further to find.
        """
        rows = self.connection.execute(
            "SELECT item.row, item.received_at < ?1 AND item.seq <= lane.done "
            "AND NOT EXISTS (SELECT 1 FROM dead WHERE dead.item_id = item.item_id), item.received_at < ?1 "
            "FROM item CROSS JOIN lane ON lane.lane = item.lane WHERE item.row > ?2 "
            "ORDER BY item.row LIMIT ?3",
            (before, behind, limit),
        ).fetchall()
        gone = [row for row, finished, _ in rows if finished]
        self._delete(self._pruned, gone)
        further = len(rows) == limit and any(old for _, _, old in rows)
        return len(gone), rows[-1][0] if further else None

    def _delete(self, statement: OneOf, keys: Sequence[object]) -> None:
        if keys:
            for _ in statement.run(self.connection, keys):
                pass


def _of_another_queue(lane: str) -> StoreError:
    return StoreError(
        f"the lane {lane} belongs to another queue" if lane else "a lane belongs to another queue"
    )
