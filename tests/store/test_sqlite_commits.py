"""Commits of the SQLite store: synced, shared, and moved out of a log that stays short."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from botkit.errors import StoreUnavailable
from botkit.store.sqlite import SqliteStore
from botkit.store.sqlite.checkpoints import Checkpoints
from botkit.store.sqlite.schema import connect, prepare
from botkit.store.sqlite.writer import Writer

from .conftest import event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "botkit.db"


def _size(path: Path) -> int:
    return path.stat().st_size


async def test_every_commit_is_synced(path: Path) -> None:
    prepare(path)
    writing = connect(path, cache_mib=2, writes=True)
    assert writing.execute("PRAGMA synchronous").fetchone() == (2,)
    assert writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    writing.close()


async def test_the_writer_of_an_open_store_syncs_and_its_readers_can_t_write(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()

    def pragmas(connection: sqlite3.Connection) -> tuple[object, ...]:
        return tuple(
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("synchronous", "journal_mode", "query_only")
        )

    assert await store._write(lambda ledger: pragmas(ledger.connection)) == (2, "wal", 0)
    assert (await store._read(pragmas))[1:] == ("wal", 1)
    with pytest.raises(StoreUnavailable):
        await store._read(lambda connection: connection.execute("DELETE FROM item"))
    await store.close()


class _Counting(Writer):
    """Counts what reaches the disk."""

    commits = 0

    def commit(self, connection: sqlite3.Connection) -> None:
        super().commit(connection)
        self.commits += 1


class _CountingStore(SqliteStore):
    _writer_type = _Counting


async def test_many_callers_share_a_commit_and_each_waits_for_one(path: Path) -> None:
    store = _CountingStore(path)
    await store.open()
    writer = store._open().files.writer
    assert isinstance(writer, _Counting)
    begun = writer.commits
    assert await asyncio.gather(*(store.put([event("a", str(number))]) for number in range(500))) == [1] * 500
    assert writer.commits - begun == 1
    for number in range(10):
        await store.put([event("b", f"alone-{number}")])
        assert writer.commits - begun == 2 + number
    await store.close()


class _Asked(Checkpoints):
    """Notes that a checkpoint was asked for instead of running it."""

    asked = 0

    def _ask(self) -> None:
        self.asked += 1


def test_a_checkpoint_begins_only_after_a_commit_that_began_after_the_last_one(path: Path) -> None:
    """The rule that keeps SQLite's log safe before 3.51.3, see checkpoints.py."""
    prepare(path)
    checkpoints = _Asked(path, every=1)
    checkpoints.transaction_begins(0)
    checkpoints.transaction_ended(5, 0)
    assert checkpoints.asked == 1
    checkpoints.transaction_begins(5)
    checkpoints.transaction_ended(10, 0)  # one is under way
    checkpoints.transaction_begins(10)
    checkpoints._checkpoint()  # and ends inside this transaction
    checkpoints.transaction_ended(15, 0)
    assert checkpoints.asked == 1
    checkpoints.transaction_begins(15)
    checkpoints.transaction_ended(20, 0)
    assert checkpoints.asked == 2
    checkpoints.close()


async def test_the_log_does_not_grow_with_what_is_written(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    store._open().files.writer._checkpoints._every = 50
    store._open().files.writer._checkpoints._most_pages = 200
    for number in range(400):
        await store.put(
            [event(f"lane-{number}", f"{number}/{part}", payload=b"x" * 3000) for part in range(5)]
        )
    assert _size(path) > 4_000_000
    assert _size(path.with_name("botkit.db-wal")) < 2_500_000
    await store.close()
