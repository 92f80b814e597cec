"""The writing thread: everything that was asked since its last commit goes into one transaction.

A batch runs *together* first, with one statement for many rows. When one of its operations is refused or
fails, the transaction is rolled back and the batch runs again *apart*, a savepoint an operation, so that each
loses only itself. When the disk fails, nothing of the batch happened and everyone is told so.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from botkit.errors import StoreError, StoreUnavailable
from botkit.store.sqlite.batches import Operation
from botkit.store.sqlite.checkpoints import Checkpoints
from botkit.store.sqlite.ledger import Ledger
from botkit.store.sqlite.schema import PAGE_SIZE, connect
from botkit.store.sqlite.turns import ItemRow, Turn

__all__ = ["Call", "Put", "Settle", "Wipe", "WriteOperation", "Writer", "unavailable"]

#: SQLite's primary result codes that concern the file or the machine, not one operation: BUSY, LOCKED, NOMEM,
#: READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOLFS, NOTADB
_UNAVAILABLE = frozenset({5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 22, 26})
_FULL = 13


class Put(Operation):
    """Items for their lanes, each id once. Its result: how many were new."""

    __slots__ = ("rows",)

    def __init__(self, future: asyncio.Future[Any], rows: list[ItemRow]) -> None:
        super().__init__(future)
        self.rows = rows

    def run(self, ledger: Ledger) -> int:
        """Alone."""
        return len(self.rows) - len(ledger.put(self.rows))


class Settle(Operation):
    """One turn. Its result: whether the lane was still owned."""

    __slots__ = ("turn",)

    def __init__(self, future: asyncio.Future[Any], turn: Turn) -> None:
        super().__init__(future)
        self.turn = turn

    def run(self, ledger: Ledger) -> bool:
        """Alone."""
        return ledger.settle_alone(self.turn)


class Call(Operation):
    """Anything else. Its result: what the function returns."""

    __slots__ = ("run",)

    def __init__(self, future: asyncio.Future[Any], run: Callable[[Ledger], object]) -> None:
        super().__init__(future)
        self.run = run


class Wipe(Operation):
    """Leave nothing legible of what was deleted. Its result: nothing."""

    __slots__ = ()


WriteOperation = Put | Settle | Call | Wipe


class _Apart(Exception):
    """The batch can't be written together."""


class Writer:
    """What the thread does with a batch. Only `woken` is for other threads, between two batches.

    :param ledger: makes the statements for a connection.
    :param clock: Unix seconds; called in the thread.
    """

    def __init__(
        self,
        path: Path,
        *,
        ledger: Callable[[sqlite3.Connection], Ledger],
        clock: Callable[[], float],
        max_pages: int | None,
    ) -> None:
        self._path = path
        self._make_ledger = ledger
        self._clock = clock
        self._max_pages = max_pages
        self._checkpoints = Checkpoints(path)
        self._ledger = ledger(self._connect())
        opened = path.stat()
        self._identity = (opened.st_dev, opened.st_ino)
        self._sound = True
        self._seen_at = 0.0
        self._woken: tuple[set[str], set[str]] = (set(), set())
        self._woken_lock = threading.Lock()

    def begin(self) -> None:
        """Free what earlier processes held (the lock proves that they are dead), and follow the clock."""
        ledger = self._ledger
        self._seen_at = ledger.seen_clock()
        self._begin(ledger)
        ledger.end_all()
        self._commit(ledger)

    def run(self, batch: list[WriteOperation]) -> None:
        """Work a batch off: each operation gets its result or its error, after the commit."""
        wipes = [operation for operation in batch if isinstance(operation, Wipe)]
        if not wipes:
            self._write(batch)
            return
        if len(batch) > len(wipes):
            self._write([operation for operation in batch if not isinstance(operation, Wipe)])
        try:
            self._checkpoints.wipe()
        except sqlite3.Error as error:
            for wipe in wipes:
                wipe.error = StoreUnavailable(
                    f"deleted, but traces may be left in {self._path.name} ({error}); try again"
                )

    def _write(self, batch: list[WriteOperation]) -> None:
        try:
            ledger = self._open_ledger()
            self._checkpoints.make_room()
            try:
                self._begin(ledger)
                self._together(ledger, batch)
            except Exception as error:
                if unavailable(error):
                    raise
                self._roll_back(ledger)
                self._begin(ledger)
                self._apart(ledger, batch)
            self._commit(ledger)
        except Exception as error:
            self._roll_back(self._ledger)
            if not unavailable(error):
                raise
            self._sound = getattr(error, "sqlite_errorcode", 0) & 0xFF == _FULL
            for operation in batch:
                operation.error = StoreUnavailable(f"can't write to {self._path.name}: {error}")

    def woken(self) -> tuple[set[str], set[str]]:
        """The queues with lanes that became ready, and that may have, since the last call."""
        with self._woken_lock:
            woken, self._woken = self._woken, (set(), set())
        return woken

    def check_file(self) -> None:
        """Prove that what is written is where it will be looked for; in any thread.

        :raises StoreUnavailable: the file was moved or deleted while it is open.
        """
        try:
            there = self._path.stat()
        except OSError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != self._identity:
            raise StoreUnavailable(f"{self._path.name} was moved or deleted while in use; restart the bot")

    def close(self) -> None:
        """Move the log into the database and close the connections; other connections are closed before."""
        self._checkpoints.close()
        with suppress(sqlite3.Error):  # a full disk keeps the log for the next start
            self._ledger.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._ledger.connection.close()

    # -- transactions ------------------------------------------------------------------------------------

    def _connect(self) -> sqlite3.Connection:
        return connect(self._path, cache_mib=32, writes=True, max_pages=self._max_pages)

    def _open_ledger(self) -> Ledger:
        """The ledger, on a new connection after an error that may have broken the old one."""
        if not self._sound:
            with suppress(sqlite3.Error):
                self._ledger.connection.close()
            self._ledger = self._make_ledger(self._connect())
            self._sound = True
        return self._ledger

    def _begin(self, ledger: Ledger) -> None:
        self._checkpoints.transaction_begins(ledger.connection.total_changes)
        ledger.connection.execute("BEGIN IMMEDIATE")
        ledger.ready.clear()
        ledger.maybe.clear()
        ledger.backlog.clear()
        ledger.payload_bytes = 0
        ledger.now = self._clock()
        ledger.follow_clock(self._seen_at)

    def _commit(self, ledger: Ledger) -> None:
        ledger.backlog.write()
        self.commit(ledger.connection)
        self._seen_at = ledger.now
        with self._woken_lock:
            self._woken[0].update(ledger.ready)
            self._woken[1].update(ledger.maybe)
        self._checkpoints.transaction_ended(
            ledger.connection.total_changes, ledger.payload_bytes // PAGE_SIZE
        )

    def commit(self, connection: sqlite3.Connection) -> None:
        """Commit; returns when it is on disk."""
        connection.execute("COMMIT")

    def _roll_back(self, ledger: Ledger) -> None:
        try:
            if ledger.connection.in_transaction:
                ledger.connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._sound = False

    # -- operations --------------------------------------------------------------------------------------

    def _together(self, ledger: Ledger, batch: list[WriteOperation]) -> None:
        settles = [operation for operation in batch if isinstance(operation, Settle)]
        puts = [operation for operation in batch if isinstance(operation, Put)]
        rows: dict[str, ItemRow] = {}
        for row in self._settle(ledger, settles):
            rows.setdefault(row[2], row)
        for put in puts:
            put.result = sum(rows.setdefault(row[2], row) is row for row in put.rows)
        known = ledger.put(list(rows.values())) if rows else set()
        if known:
            for put in puts:
                put.result = sum(rows[row[2]] is row and row[2] not in known for row in put.rows)
        for operation in batch:
            if isinstance(operation, Call):
                operation.result = operation.run(ledger)

    @staticmethod
    def _settle(ledger: Ledger, settles: list[Settle]) -> list[ItemRow]:
        if not settles:
            return []
        if len({settle.turn.lane[0] for settle in settles}) != len(settles):
            raise _Apart
        items = ledger.settle([settle.turn for settle in settles])
        if items is None:
            raise _Apart
        for settle in settles:
            settle.result = True
        return items

    @staticmethod
    def _apart(ledger: Ledger, batch: list[WriteOperation]) -> None:
        execute = ledger.connection.execute
        for operation in batch:
            if isinstance(operation, Wipe):
                continue
            execute("SAVEPOINT operation")
            kept = ledger.backlog.keep()
            try:
                operation.result = operation.run(ledger)
            except Exception as error:
                if unavailable(error):
                    raise
                execute("ROLLBACK TO operation")
                ledger.backlog.restore(kept)
                operation.error = error if isinstance(error, StoreError) else _refused(error)
            execute("RELEASE operation")


def unavailable(error: Exception) -> bool:
    """Whether an error concerns the file or the machine."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE


def _refused(error: Exception) -> StoreError:
    """An error of one operation, without the values that it names."""
    refused = StoreError(f"SQLite refused the operation: {type(error).__name__}")
    refused.__cause__ = error
    return refused
