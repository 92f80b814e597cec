"""Reading beside the writing thread: each batch sees everything that was committed before it was asked."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from botkit.errors import StoreUnavailable
from botkit.store.contract import DeadLetter, LaneStats, Located, QueueStats, StoredItem, Window
from botkit.store.sqlite.batches import Operation
from botkit.store.sqlite.rows import OneOf
from botkit.store.sqlite.schema import connect

__all__ = [
    "Look",
    "ReadOperation",
    "Reader",
    "StateOf",
    "backlog",
    "dead_count",
    "dead_letters",
    "history",
    "item",
    "lanes",
    "locate",
    "next_timer_at",
    "ready_queues",
]
__all__ += ["search", "states", "stats", "unfinished", "window"]


class StateOf(Operation):
    """The states of some keys; those of a batch are read with one query."""

    __slots__ = ("keys",)

    def __init__(self, future: asyncio.Future[Any], keys: Sequence[str]) -> None:
        super().__init__(future)
        self.keys = keys


class Look(Operation):
    """Anything else that is read. Its result: what the function returns."""

    __slots__ = ("run",)

    def __init__(self, future: asyncio.Future[Any], run: Callable[[sqlite3.Connection], object]) -> None:
        super().__init__(future)
        self.run = run


ReadOperation = StateOf | Look


class Reader:
    """What a reading thread does with a batch, on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = connect(path, cache_mib=8, writes=False)
        self._state = OneOf("SELECT key, data FROM state WHERE key IN ({keys})")

    def run(self, batch: list[ReadOperation]) -> None:
        """Work a batch off: each operation gets its result or its error."""
        states = [operation for operation in batch if isinstance(operation, StateOf)]
        if states:
            try:
                self._states(states)
            except sqlite3.Error as error:
                for operation in states:
                    operation.error = self._unreadable(error)
        for look in batch:
            if isinstance(look, Look):
                try:
                    look.result = look.run(self._connection)
                except sqlite3.Error as error:
                    look.error = self._unreadable(error)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _states(self, states: list[StateOf]) -> None:
        keys = list({key for operation in states for key in operation.keys})
        found: dict[str, bytes] = {}
        for rows in self._state.run(self._connection, keys):
            found.update(rows)
        for operation in states:
            operation.result = {key: found[key] for key in operation.keys if key in found}

    def _unreadable(self, error: sqlite3.Error) -> StoreUnavailable:
        return StoreUnavailable(f"can't read {self._path.name}: {error}")


def ready_queues(
    connection: sqlite3.Connection, prefix: str, ignore: Collection[str] = ()
) -> list[tuple[str, float]]:
    """Each queue with waiting lanes, and when its first lane is ready.

    Jumps from queue to queue in the index: the cost grows with the queues, not with what waits in them.
    """
    found: list[tuple[str, float]] = []
    condition, name = ">=", prefix
    while True:
        row = connection.execute(
            "SELECT queue, ready_at FROM lane INDEXED BY lane_ready "  # noqa: S608 - one of two operators
            f"WHERE owner IS NULL AND ready_at IS NOT NULL AND queue {condition} ? "
            "ORDER BY queue, ready_at LIMIT 1",
            (name,),
        ).fetchone()
        if row is None or not row[0].startswith(prefix):
            return found
        condition, name = ">", row[0]
        if name not in ignore:
            found.append(row)


def states(connection: sqlite3.Connection, prefix: str) -> dict[str, bytes]:
    """The states whose keys start so."""
    return dict(
        connection.execute(
            "SELECT key, data FROM state WHERE key >= ? AND key < ?", (prefix, _behind(prefix))
        ).fetchall()
    )


def item(connection: sqlite3.Connection, item_id: str) -> StoredItem | None:
    """One item."""
    row = connection.execute(
        "SELECT seq, item_id, payload, received_at FROM item WHERE item_id = ?", (item_id,)
    ).fetchone()
    return None if row is None else StoredItem(*row)


def unfinished(connection: sqlite3.Connection, lane: str, limit: int) -> list[StoredItem]:
    """The items of a lane that are not done."""
    rows = connection.execute(
        "SELECT seq, item_id, payload, received_at FROM item WHERE lane = ?1 "
        "AND seq > (SELECT done FROM lane WHERE lane = ?1) ORDER BY seq LIMIT ?2",
        (lane, limit),
    )
    return [StoredItem(*row) for row in rows]


def history(connection: sqlite3.Connection, lane: str, since: float, limit: int) -> list[StoredItem]:
    """The latest items of a lane that were received at or after ``since``, oldest first."""
    rows = connection.execute(
        "SELECT seq, item_id, payload, received_at FROM item WHERE lane = ? AND received_at >= ? "
        "ORDER BY seq DESC LIMIT ?",
        (lane, since, limit),
    ).fetchall()
    return [StoredItem(*row) for row in reversed(rows)]


def next_timer_at(connection: sqlite3.Connection) -> float | None:
    """When the earliest timer is due."""
    due_at: float | None = connection.execute("SELECT min(due_at) FROM timer").fetchone()[0]
    return due_at


def window(connection: sqlite3.Connection, name: str) -> Window | None:
    """A rate window."""
    row = connection.execute(
        "SELECT name, max_requests, used, reset_at, frozen_until FROM rate_window WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else Window(*row)


def backlog(connection: sqlite3.Connection, prefix: str) -> int:
    """How many items are unfinished in some queues."""
    (items,) = connection.execute(
        "SELECT coalesce(sum(items), 0) FROM backlog WHERE queue >= ? AND queue < ?",
        (prefix, _behind(prefix)),
    ).fetchone()
    return int(items)


def stats(connection: sqlite3.Connection) -> list[QueueStats]:
    """How full every queue is. Looks at every lane."""
    rows = connection.execute(
        "SELECT queue, sum(tail - done), sum(tail > done), min(CASE WHEN tail > done THEN "
        "(SELECT received_at FROM item WHERE item.lane = lane.lane AND item.seq = lane.done + 1) END) "
        "FROM lane GROUP BY queue ORDER BY queue"
    )
    return [QueueStats(*row) for row in rows]


def lanes(connection: sqlite3.Connection, prefix: str, limit: int) -> list[LaneStats]:
    """Lanes with unfinished items. Looks at each of them, and at no other."""
    rows = connection.execute(
        "SELECT lane, queue, tail - done, "
        "(SELECT received_at FROM item WHERE item.lane = l.lane AND item.seq = l.done + 1), "
        "attempt, ready_at, owner IS NOT NULL FROM ("
        "SELECT * FROM lane INDEXED BY lane_ready WHERE owner IS NULL AND ready_at IS NOT NULL "
        "AND queue >= ?1 AND queue < ?2 UNION ALL "
        "SELECT * FROM lane INDEXED BY lane_owned WHERE owner IS NOT NULL AND queue >= ?1 AND queue < ?2"
        ") AS l WHERE tail > done ORDER BY 4, 1 LIMIT ?3",
        (prefix, _behind(prefix), limit),
    )
    return [
        LaneStats(lane, queue, items, oldest_at, attempt, ready_at or oldest_at, bool(owned))
        for lane, queue, items, oldest_at, attempt, ready_at, owned in rows
    ]


def locate(connection: sqlite3.Connection, item_id: str) -> Located | None:
    """One item and where it stands."""
    row = connection.execute(f"{_LOCATED} WHERE item.item_id = ?", (item_id,)).fetchone()
    return None if row is None else _located(row)


def search(connection: sqlite3.Connection, text: str, ending: str, limit: int) -> list[Located]:
    """Items that hold a text, newest first. Looks at all of them."""
    rows = connection.execute(
        f"{_LOCATED} WHERE (?1 = '' OR substr(item.lane, -length(?1)) = ?1) "
        "AND instr(lower(item.payload), ?2) > 0 ORDER BY item.row DESC LIMIT ?3",
        (ending, text.lower(), limit),
    )
    return [_located(row) for row in rows]


_LOCATED = (
    "SELECT lane.queue, item.lane, item.seq <= lane.done, "
    "item.seq, item.item_id, item.payload, item.received_at "
    "FROM item CROSS JOIN lane ON lane.lane = item.lane"
)


def _located(row: tuple[Any, ...]) -> Located:
    queue, lane, done, *item = row
    return Located(queue, lane, bool(done), StoredItem(*item))


def dead_letters(
    connection: sqlite3.Connection, limit: int, since: float, item_id: str, handler_prefix: str
) -> list[DeadLetter]:
    """Dead letters, newest first."""
    rows = connection.execute(
        "SELECT item_id, handler, attempts, error, lane, queue, at FROM dead WHERE at >= ?1 "
        "AND (?2 = '' OR item_id = ?2) AND (?3 = '' OR substr(handler, 1, length(?3)) = ?3 "
        "OR instr(item_id, '/' || ?3) > 0) ORDER BY at DESC, row DESC LIMIT ?4",
        (since, item_id, handler_prefix, limit),
    )
    return [DeadLetter(*row) for row in rows]


def dead_count(connection: sqlite3.Connection) -> int:
    """How many dead letters there are."""
    return int(connection.execute("SELECT count(*) FROM dead").fetchone()[0])


def _behind(prefix: str) -> str:
    """What follows every name with that prefix."""
    return f"{prefix}\U0010ffff"
