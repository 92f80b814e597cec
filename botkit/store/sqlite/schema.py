"""The database file: its tables, its version, and the connections to it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from botkit.errors import ConfigError

__all__ = ["MIGRATIONS", "PAGE_SIZE", "connect", "prepare"]

#: bytes a page
PAGE_SIZE = 4096

#: what the WAL file is cut back to when it starts anew, bytes
_WAL_KEPT = 16 * 1024 * 1024

#: ``botk``: tells a store of ours from any other SQLite file
_APPLICATION_ID = 0x626F746B

#: UPDATE … FROM came with this version
_OLDEST_SQLITE = (3, 33, 0)

# A lane is idle (ready_at NULL), ready or waiting (owner NULL, ready_at set), or owned. An acknowledgement
# moves `done`; items are never updated. `tail` is the last seq handed out, so done+1 … tail are unfinished.
_VERSION_1 = """
CREATE TABLE lane (
    lane TEXT PRIMARY KEY,
    queue TEXT NOT NULL,
    tail INTEGER NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 0,
    progress BLOB NOT NULL DEFAULT x'',
    ready_at REAL,
    owner INTEGER,
    token INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX lane_ready ON lane (queue, ready_at) WHERE owner IS NULL AND ready_at IS NOT NULL;
CREATE INDEX lane_owned ON lane (owner) WHERE owner IS NOT NULL;

CREATE TABLE item (
    row INTEGER PRIMARY KEY,
    lane TEXT NOT NULL,
    seq INTEGER NOT NULL,
    item_id TEXT NOT NULL,
    received_at REAL NOT NULL,
    payload BLOB NOT NULL
);
CREATE UNIQUE INDEX item_id ON item (item_id);
CREATE UNIQUE INDEX item_place ON item (lane, seq);

CREATE TABLE state (key TEXT PRIMARY KEY, data BLOB NOT NULL);

CREATE TABLE timer (
    timer_id TEXT PRIMARY KEY,
    due_at REAL NOT NULL,
    lane TEXT NOT NULL,
    queue TEXT NOT NULL,
    item_id TEXT NOT NULL,
    payload BLOB NOT NULL
);
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE dead (
    row INTEGER PRIMARY KEY,
    item_id TEXT NOT NULL,
    handler TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    error TEXT NOT NULL,
    lane TEXT NOT NULL,
    queue TEXT NOT NULL,
    at REAL NOT NULL,
    UNIQUE (item_id, handler)
);
CREATE INDEX dead_at ON dead (at);

CREATE TABLE rate_window (
    name TEXT PRIMARY KEY,
    max_requests INTEGER NOT NULL,
    used INTEGER NOT NULL,
    reset_at REAL NOT NULL,
    frozen_until REAL NOT NULL
);

CREATE TABLE worker (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    ttl REAL NOT NULL,
    alive_until REAL NOT NULL
);

CREATE TABLE clock (id INTEGER PRIMARY KEY CHECK (id = 1), seen_at REAL NOT NULL, checks INTEGER NOT NULL);
INSERT INTO clock VALUES (1, 0, 0);
"""

# How much is unfinished, by queue: counting the lanes would take longer the more there are.
_VERSION_2 = """
CREATE TABLE backlog (queue TEXT PRIMARY KEY, items INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO backlog SELECT queue, sum(tail - done) FROM lane GROUP BY queue HAVING sum(tail - done) > 0;
"""

# Where the tokens of new lanes begin: above those of lanes that were forgotten, whose workers may still live.
_VERSION_3 = "ALTER TABLE clock ADD COLUMN first_token INTEGER NOT NULL DEFAULT 0;"

# Named leases: refreshing a token, reading a stream.
_VERSION_4 = (
    "CREATE TABLE hold (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;"
)

#: the n-th entry takes a store from version n to n+1; entries are never changed once released
MIGRATIONS: tuple[str, ...] = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4)


def connect(path: Path, *, cache_mib: int, writes: bool, max_pages: int | None = None) -> sqlite3.Connection:
    """A connection to an existing file, without implicit transactions, for use in any one thread at a time.

    :param writes: whether it may write; such a connection syncs to the disk at every commit.
    :param max_pages: refuse to let the file grow beyond that many pages, as a full disk would.
    :raises sqlite3.Error: the file is gone or can't be opened.
    """
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=5.0,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=512,
    )
    try:
        connection.execute(f"PRAGMA cache_size = {-1024 * cache_mib}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        if not writes:
            connection.execute("PRAGMA query_only = ON")
            return connection
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA fullfsync = ON")
        connection.execute("PRAGMA checkpoint_fullfsync = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_KEPT}")
        if max_pages is not None:
            connection.execute(f"PRAGMA max_page_count = {int(max_pages)}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(path: Path, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Create the file if there is none (readable by its owner only), and bring it to the newest version.

    Each migration is one transaction with the version that it leads to.

    :raises ConfigError: it can't be made or read, is no store of ours, or was made by a newer botkit.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise ConfigError(
            f"SQLite {sqlite3.sqlite_version} is too old",
            path="store",
            fix="use a Python with SQLite 3.33 or newer",
        )
    try:
        created = _create(path)
        connection = connect(path, cache_mib=2, writes=True)
        try:
            _migrate(connection, path, migrations)
        finally:
            connection.close()
        if created:
            _sync_folder(path.parent)
    except sqlite3.DatabaseError as error:
        raise ConfigError(f"can't open {path}: {error}", path="store", fix="choose another file") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(
            f"can't open {path}: {reason}",
            path="store",
            fix="choose a file in a folder that exists and can be written",
        ) from None


def _create(path: Path) -> bool:
    # SQLite gives the -wal and -shm files the mode of the database: messages are nobody else's business.
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return False
    return True


def _migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != _APPLICATION_ID:
        raise ConfigError(f"{path} is not a botkit store", path="store", fix="choose another file")
    newest = len(migrations)
    if version > newest:
        raise ConfigError(
            f"{path} was written by a newer botkit (store version {version}, this one knows {newest})",
            path="store",
            fix="upgrade botkit",
        )
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise ConfigError(
            f"{path} can't keep a write-ahead log there", path="store", fix="choose a file on a local disk"
        )
    for number, script in enumerate(migrations[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {script}"
            f"PRAGMA user_version = {number}; PRAGMA application_id = {_APPLICATION_ID}; COMMIT;"
        )


def _sync_folder(folder: Path) -> None:
    """Make the file's name as durable as its contents."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
