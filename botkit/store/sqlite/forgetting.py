"""Forgetting a person: what belongs to them is found, deleted, and wiped from the files.

It is looked for beside the commits, because it takes a look at every name. Deleting happens inside
transactions of the writer's, wiping between two of them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from botkit.store.contract import Forgotten
from botkit.store.sqlite.ledger import Ledger
from botkit.store.sqlite.rows import OneOf

__all__ = ["Found", "delete", "find", "total"]


@dataclass(frozen=True, slots=True)
class Found:
    """Names of what is to be deleted; ``items`` are ids of finished items in lanes that stay."""

    lanes: Sequence[str] = ()
    state: Sequence[str] = ()
    timers: Sequence[str] = ()
    dead: Sequence[int] = ()
    items: Sequence[str] = ()

    def __bool__(self) -> bool:
        return any((self.lanes, self.state, self.timers, self.dead, self.items))


def find(connection: sqlite3.Connection, ending: str) -> Found:
    """Everything whose name, or whose lane's name, ends so."""

    def names(table: str, wanted: str, looked_at: str) -> list[str]:
        rows = connection.execute(
            f"SELECT {wanted} FROM {table} WHERE substr({looked_at}, -length(?1)) = ?1",  # noqa: S608 - constants
            (ending,),
        )
        return [name for (name,) in rows]

    return Found(
        lanes=names("lane", "lane", "lane"),
        state=names("state", "key", "key"),
        timers=names("timer", "timer_id", "lane"),
        dead=[int(row) for row in names("dead", "row", "lane")],
    )


def delete(ledger: Ledger, found: Found) -> Forgotten:
    """Delete what was found."""
    items: Counter[str] = Counter()
    connection = ledger.connection
    tokens = [ledger.first_token]
    for lane in found.lanes:
        row = connection.execute(
            "SELECT queue, tail - done, token FROM lane WHERE lane = ?", (lane,)
        ).fetchone()
        if row is None:
            continue
        queue, unfinished, token = row
        ledger.backlog.add(queue, -unfinished)
        items[queue] += connection.execute("DELETE FROM item WHERE lane = ?", (lane,)).rowcount
        connection.execute("DELETE FROM lane WHERE lane = ?", (lane,))
        tokens.append(token)
    # A worker that still has such a lane in hand must not pass for the owner of a new lane of that name.
    ledger.first_token = max(tokens)
    connection.execute("UPDATE clock SET first_token = ?", (ledger.first_token,))
    for item_id in found.items:
        for (queue,) in connection.execute(
            "SELECT lane.queue FROM item JOIN lane ON lane.lane = item.lane "
            "WHERE item.item_id = ? AND item.seq <= lane.done",
            (item_id,),
        ).fetchall():
            items[queue] += connection.execute("DELETE FROM item WHERE item_id = ?", (item_id,)).rowcount
    state = [
        key
        for rows in OneOf("SELECT key FROM state WHERE key IN ({keys})").run(connection, found.state)
        for (key,) in rows
    ]
    _delete(connection, "DELETE FROM state WHERE key IN ({keys})", state)
    timers = _delete(connection, "DELETE FROM timer WHERE timer_id IN ({keys})", found.timers)
    dead = _delete(connection, "DELETE FROM dead WHERE row IN ({keys})", found.dead)
    return Forgotten(items, dead, timers, state)


def total(parts: Iterable[Forgotten]) -> Forgotten:
    """What was deleted in several rounds."""
    items: Counter[str] = Counter()
    dead, timers, state = 0, 0, dict[str, None]()
    for part in parts:
        items.update(part.items)
        dead, timers = dead + part.dead, timers + part.timers
        state.update(dict.fromkeys(part.state))
    return Forgotten({queue: count for queue, count in items.items() if count}, dead, timers, tuple(state))


def _delete(connection: sqlite3.Connection, text: str, keys: Sequence[object]) -> int:
    return sum(deleted.rowcount for deleted in OneOf(text).run(connection, keys))
