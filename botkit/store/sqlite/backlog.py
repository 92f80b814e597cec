"""How many items are unfinished in each queue, kept beside the lanes in the same transactions."""

from __future__ import annotations

import sqlite3

__all__ = ["Backlog"]


class Backlog:
    """What a transaction changes of the counts; written once, just before it is committed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._changes: dict[str, int] = {}

    def add(self, queue: str, items: int) -> None:
        """So many more are unfinished (or fewer, below zero)."""
        self._changes[queue] = self._changes.get(queue, 0) + items

    def clear(self) -> None:
        """Nothing was changed: a transaction begins."""
        self._changes.clear()

    def keep(self) -> dict[str, int]:
        """What was changed so far, for `restore`."""
        return dict(self._changes)

    def restore(self, kept: dict[str, int]) -> None:
        """What was changed since then was rolled back."""
        self._changes = kept

    def write(self) -> None:
        """Write the changes. A queue with nothing unfinished has no row: broadcasts come and go."""
        for queue, change in self._changes.items():
            if change:
                self._connection.execute(
                    "INSERT INTO backlog (queue, items) VALUES (?, ?) "
                    "ON CONFLICT (queue) DO UPDATE SET items = items + excluded.items",
                    (queue, change),
                )
            if change < 0:
                self._connection.execute("DELETE FROM backlog WHERE queue = ? AND items = 0", (queue,))
        self._changes.clear()
