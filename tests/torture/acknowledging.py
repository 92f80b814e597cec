"""Stores events one after the other, and writes a line for each that is acknowledged. Runs under strace.

    python -m torture.acknowledging DATABASE COUNT [normal]

``normal`` makes it a store that does not wait for the disk at every commit.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

from botkit.store.contract import NewItem
from botkit.store.sqlite import SqliteStore
from botkit.store.sqlite.writer import Writer

__all__ = ["Careless"]


class _Careless(Writer):
    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection


class Careless(SqliteStore):
    """What a store must not be: a commit returns before it is on disk."""

    _writer_type = _Careless


async def _main(path: Path, count: int, store_type: type[SqliteStore]) -> None:
    store = store_type(path)
    await store.open()
    os.write(1, b"begin\n")
    for number in range(count):
        await store.put([NewItem("in", "a", str(number), b"x" * 1000)])
        os.write(1, b"acknowledged\n")
    await store.close()


if __name__ == "__main__":
    _, where, how_many, *rest = sys.argv
    asyncio.run(_main(Path(where), int(how_many), Careless if rest else SqliteStore))
