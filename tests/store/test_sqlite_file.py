"""The file of the SQLite store: where it is, who may open it, and what its connections promise."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from botkit.errors import ConfigError, StoreInUse, StoreUnavailable
from botkit.store import open_store
from botkit.store.contract import Store
from botkit.store.sqlite import SqliteStore
from botkit.store.sqlite.schema import MIGRATIONS, connect, prepare
from botkit.store.sqlite.writer import Writer

from .conftest import event

WINDOWS = sys.platform == "win32"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "botkit.db"


@pytest.fixture
def new(path: Path) -> Callable[[], Store]:
    return lambda: open_store(f"sqlite:///{path}")


def _file_of(store: Store) -> Path:
    """Where an open store keeps its file."""
    assert isinstance(store, SqliteStore)
    return store._open().files.writer._path


def _names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def _remove(path: Path) -> None:
    path.unlink()


async def test_a_relative_address_is_in_the_working_directory(tmp_path: Path) -> None:
    with contextlib.chdir(tmp_path):
        store = open_store("sqlite:///here.db")
        await store.open()
        await store.close()
    assert "here.db" in _names(tmp_path)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
async def test_an_address_without_a_file_is_a_private_one_that_goes_with_the_store(url: str) -> None:
    one, other = open_store(url), open_store(url)
    await one.open()
    await other.open()
    await one.put([event("a", "1")])
    assert await other.item("1") is None
    folders = {_file_of(store).parent for store in (one, other)}
    assert [_names(folder)[0] for folder in folders] == ["botkit.db", "botkit.db"]
    await one.close()
    await other.close()
    assert not [folder for folder in folders if folder.exists()]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("redis://host:secret", "redis:// is no store that botkit knows; write sqlite:///botkit.db"),
        ("botkit.db", "it is not an address; write sqlite:///botkit.db"),
        ("sqlite://botkit.db", "write sqlite:///botkit.db with three slashes"),
    ],
)
def test_an_address_that_is_none_is_one_line_with_the_fix(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="choose a file in a folder that exists"):
        await open_store(f"sqlite:///{tmp_path}/nowhere/botkit.db").open()


def test_a_file_that_is_no_database(path: Path, new: Callable[[], Store]) -> None:
    path.write_text("not a database, but long enough to look like one" * 100, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"can't open .*: file is not a database; choose another file"):
        asyncio.run(new().open())


def test_a_database_of_someone_else_is_left_alone(path: Path, new: Callable[[], Store]) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.commit()
    connection.close()
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="is not a botkit store"):
        asyncio.run(new().open())
    assert path.read_bytes() == before


async def test_a_store_of_a_newer_botkit_is_refused(path: Path, new: Callable[[], Store]) -> None:
    store = new()
    await store.open()
    await store.close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match=r"newer botkit \(store version 99, this one knows \d+\); upgrade"):
        await new().open()


def test_a_failed_open_leaves_nothing_locked(path: Path, new: Callable[[], Store]) -> None:
    path.write_text("x" * 5000, encoding="utf-8")
    with pytest.raises(ConfigError):
        asyncio.run(new().open())
    path.unlink()

    async def opens() -> None:
        store = new()
        await store.open()
        await store.close()

    asyncio.run(opens())


def _version_and_tables(path: Path) -> tuple[int, set[str]]:
    connection = connect(path, cache_mib=2, writes=False)
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    return version, tables


def test_an_older_store_is_migrated_and_keeps_what_it_holds(path: Path) -> None:
    prepare(path, MIGRATIONS[:1])
    connection = connect(path, cache_mib=2, writes=True)
    connection.execute("INSERT INTO state VALUES ('key', x'01')")
    connection.close()
    prepare(path, [*MIGRATIONS[:1], "CREATE TABLE copied (key); INSERT INTO copied SELECT key FROM state;"])
    assert _version_and_tables(path)[0] == 2
    connection = connect(path, cache_mib=2, writes=False)
    assert connection.execute("SELECT key FROM copied").fetchall() == [("key",)]
    connection.close()


def test_a_migration_that_fails_changes_nothing(path: Path) -> None:
    prepare(path, MIGRATIONS[:1])
    before = _version_and_tables(path)
    with pytest.raises(ConfigError, match="no such table: nowhere"):
        prepare(path, [*MIGRATIONS[:1], "CREATE TABLE half (x); INSERT INTO half SELECT x FROM nowhere;"])
    assert _version_and_tables(path) == before == (1, before[1])


async def test_a_second_store_in_this_process_is_refused(path: Path, new: Callable[[], Store]) -> None:
    store = new()
    await store.open()
    with pytest.raises(StoreInUse) as caught:
        await new().open()
    message = str(caught.value)
    assert message.startswith(f"{path} is in use by this process already")
    assert "postgresql://" in message
    assert "\n" not in message
    await store.put([event("a", "1")])  # the first one is unharmed
    await store.close()
    again = new()
    await again.open()
    assert await again.item("1")
    await again.close()


@pytest.mark.skipif(WINDOWS, reason="symbolic links")
async def test_another_name_of_the_same_file_is_refused(
    path: Path, new: Callable[[], Store], tmp_path: Path
) -> None:
    store = new()
    await store.open()
    (tmp_path / "alias.db").symlink_to(path)
    with pytest.raises(StoreInUse):
        await open_store(f"sqlite:///{tmp_path / 'alias.db'}").open()
    await store.close()


def _child(path: Path, code: str) -> subprocess.Popen[str]:
    """Run code in a process of its own, with an open ``store``."""
    script = f"""
import asyncio, sys
from botkit.store import open_store
from botkit.store.contract import *
def say(text):
    print(text, flush=True)
async def main():
    store = open_store("sqlite:///{path}")
    await store.open()
{textwrap.indent(textwrap.dedent(code), "    ")}
asyncio.run(main())
"""
    return subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
    )


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


async def test_a_second_process_is_refused_until_the_first_is_dead(
    path: Path, new: Callable[[], Store]
) -> None:
    child = _child(path, "say('open'); sys.stdin.read()")
    try:
        assert _line(child) == "open"
        with pytest.raises(StoreInUse, match=rf"in use by another process \(pid {child.pid}\)"):
            await new().open()
    finally:
        child.kill()
        child.communicate()
    store = new()
    await store.open()
    await store.close()


async def test_what_was_put_survives_a_process_that_is_killed_at_once(
    path: Path, new: Callable[[], Store]
) -> None:
    child = _child(
        path,
        """
        worker = await store.register("w", 60)
        assert await store.put([NewItem("in", "a", "1", b"payload")]) == 1
        assert await store.claim(worker, "in", 1, 1)
        say("stored")
        sys.stdin.read()
        """,
    )
    assert _line(child) == "stored"
    child.kill()
    child.communicate()
    store = new()
    await store.open()
    worker = await store.register("w", 60)
    (claim,) = await store.claim(worker, "in", 1, 1)
    assert claim.items[0].payload == b"payload"
    await store.close()


@pytest.mark.skipif(WINDOWS, reason="POSIX modes")
async def test_messages_are_readable_by_their_owner_only(path: Path, new: Callable[[], Store]) -> None:
    store = new()
    await store.open()
    await store.put([event("a", "1")])
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir() if file.is_file()}
    assert modes.keys() >= {"botkit.db", "botkit.db-wal", "botkit.db.lock"}
    assert set(modes.values()) == {0o600}
    await store.close()


@pytest.mark.skipif(WINDOWS, reason="an open file can't be removed")
async def test_a_file_that_was_deleted_under_the_store_is_noticed(
    path: Path, new: Callable[[], Store]
) -> None:
    store = new()
    await store.open()
    await store.check()
    _remove(path)
    with pytest.raises(StoreUnavailable, match=r"botkit\.db was moved or deleted while in use"):
        await store.check()
    await store.close()


async def test_closing_leaves_one_file_and_no_thread(path: Path, new: Callable[[], Store]) -> None:
    before = set(threading.enumerate())
    store = new()
    await store.open()
    mine = {thread.name for thread in set(threading.enumerate()) - before}
    assert {name for name in mine if name.startswith("botkit")} == {
        "botkit-store-write",
        "botkit-store-read",
        "botkit-store-scan",
        "botkit-store-checkpoint",
    }
    await store.put([event("a", "1")])
    await store.close()
    left = {thread.name for thread in set(threading.enumerate()) - before}
    assert not [name for name in left if name.startswith("botkit-store")]
    assert _names(path.parent) == ["botkit.db", "botkit.db.lock"]


def test_a_program_that_does_not_close_its_store_ends_all_the_same(path: Path) -> None:
    child = _child(path, "raise SystemExit(3)")
    child.communicate(timeout=30)
    assert child.returncode == 3


async def test_an_open_that_is_cancelled_holds_no_lock(path: Path, new: Callable[[], Store]) -> None:
    locked, go_on = threading.Event(), threading.Event()

    class SlowWriter(Writer):
        def begin(self) -> None:
            locked.set()
            go_on.wait(5)
            super().begin()

    class SlowStore(SqliteStore):
        _writer_type = SlowWriter

    opening = asyncio.create_task(SlowStore(path).open())
    await asyncio.to_thread(locked.wait, 5)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    with pytest.raises(StoreInUse):
        await new().open()
    go_on.set()
    store = new()
    async with asyncio.timeout(5):
        while True:
            try:
                await store.open()
                break
            except StoreInUse:
                await asyncio.sleep(0)
    await store.close()


async def test_a_close_that_is_cancelled_closes_all_the_same(path: Path, new: Callable[[], Store]) -> None:
    store = new()
    await store.open()
    await store.put([event("a", "1")])
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    await store.close()  # waits for the one that goes on
    again = new()
    await again.open()
    await again.close()
