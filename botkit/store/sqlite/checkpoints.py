"""Moves the write-ahead log into the database beside the commits, and keeps the log from growing.

A checkpoint on the writing thread would stop every commit for as long as it takes, so it has a thread and a
connection of its own. SQLite before 3.51.3 can corrupt a log when a checkpoint *begins* on a log that is
moved completely while a commit starts that log anew. Here there is one connection that checkpoints and one
that commits, and a checkpoint beside the commits begins only after a commit that itself began after the last
checkpoint ended: that commit has started the log anew already, or left something in it that is not moved.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue

from botkit.store.sqlite.schema import connect

__all__ = ["Checkpoints"]

#: row changes (and pages of payload) between two checkpoints
_EVERY = 4000

#: pages of log from which the writer makes room itself: 64 MiB
_MOST_PAGES = 16_384


class Checkpoints:
    """The checkpointing thread; what has no other mark is called on the writing thread.

    :param every: row changes between two checkpoints.
    :param most_pages: how long the log may become before a commit waits for a complete checkpoint.
    """

    def __init__(self, path: Path, *, every: int = _EVERY, most_pages: int = _MOST_PAGES) -> None:
        self._connection = connect(path, cache_mib=2, writes=True)
        self._every = every
        self._most_pages = most_pages
        self._lock = threading.Lock()
        self._wanted: SimpleQueue[bool] = SimpleQueue()
        self._asked = False
        self._ended = 0
        self._begun_after = 0
        self._changes_before = 0
        #: what was written in all: until now, when a checkpoint was asked for, and when the log was measured
        self._written = 0
        self._asked_at = 0
        self._measured_at = 0
        self._log_pages = 0
        self._room_wanted = False
        self._thread = threading.Thread(target=self._work, name="botkit-store-checkpoint", daemon=True)
        self._thread.start()

    def transaction_begins(self, total_changes: int) -> None:
        """A transaction is about to begin. ``total_changes``: as the connection counts them."""
        self._begun_after = self._ended
        self._changes_before = total_changes

    def transaction_ended(self, total_changes: int, payload_pages: int) -> None:
        """A transaction was committed: ask for a checkpoint when enough has gathered."""
        self._written += total_changes - self._changes_before + payload_pages
        if self._log_pages + self._written - self._measured_at > self._most_pages:
            self._room_wanted = True
        elif (
            self._written - self._asked_at >= self._every
            and not self._asked
            and self._begun_after == self._ended
        ):
            self._asked = True
            self._asked_at = self._written
            self._ask()

    def make_room(self) -> None:
        """Between two transactions: move a log that is too long completely, so that the next starts anew."""
        if self._room_wanted:
            self._room_wanted = False
            if self._checkpoint():
                self._log_pages = 0

    def wipe(self) -> None:
        """Between two transactions: write the database anew, and nothing but what it still holds.

        What was deleted stays legible in free pages, in the gaps of pages that were split, and in the log.
        Afterwards the file has no free page or gap of old, and the log is empty.

        :raises sqlite3.Error: there is no room for a second copy, or somebody reads for too long.
        """
        with self._lock:
            self._connection.execute("PRAGMA temp_store = FILE")  # the copy may be larger than the memory
            self._connection.execute("VACUUM")
            (busy, _, _) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            self._ended += 1
            self._log_pages = 0
            if busy:
                raise sqlite3.OperationalError("somebody reads the old log")

    def close(self) -> None:
        """End the thread and close its connection."""
        self._wanted.put(False)
        self._thread.join()
        self._connection.close()

    def _ask(self) -> None:
        self._wanted.put(True)

    def _work(self) -> None:
        while self._wanted.get():
            self._checkpoint()

    def _checkpoint(self) -> bool:
        """Move what can be moved without waiting for readers; whether that was all."""
        complete = False
        with self._lock:
            written = self._written
            # A checkpoint that fails moves nothing and loses nothing; the next one tries again.
            with suppress(sqlite3.Error):
                _, log_pages, moved = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                self._log_pages, self._measured_at = log_pages, written
                complete = log_pages == moved
            self._ended += 1
            self._asked = False
        return complete
