"""Acknowledged means on disk: not believed, but counted, at the system calls and by the server."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from botkit.store.contract import NewItem
from botkit.store.postgres import PostgresStore
from botkit.store.postgres.connections import Connections

from ..store.postgres_server import PostgresServer  # noqa: TID252 - tests are not installed

EVENTS = 30


async def _syncs_before_acks(folder: Path, *arguments: str) -> list[int]:
    """For each event that is acknowledged, how often the disk was waited for since the one before."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: apt-get install strace")
    trace = folder / "trace"
    process = await asyncio.create_subprocess_exec(
        *("strace", "-f", "-q", "-o", str(trace), "-e", "trace=fdatasync,fsync,write"),
        *(sys.executable, "-m", "torture.acknowledging", str(folder / "botkit.db"), str(EVENTS), *arguments),
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, problems = await process.communicate()
    if b"PTRACE" in problems or b"ptrace" in problems:
        pytest.skip("this machine lets nobody trace system calls")
    assert out.decode().split() == ["begin", *["acknowledged"] * EVENTS], problems.decode()
    counts: list[int] = []
    waited = 0
    for line in trace.read_text().splitlines():
        if re.search(r"(fdatasync|fsync)(\(\d+\)| resumed>.*)\s+= 0", line):
            waited += 1
        elif '"begin' in line:
            waited = 0
        elif '"acknowledged' in line:
            counts.append(waited)
            waited = 0
    return counts


async def test_sqlite_has_every_event_on_disk_before_it_is_acknowledged(tmp_path: Path) -> None:
    counts = await _syncs_before_acks(tmp_path)
    assert len(counts) == EVENTS
    assert min(counts) >= 1


async def test_a_store_that_does_not_wait_for_the_disk_is_found_out(tmp_path: Path) -> None:
    """The negative control of the test above."""
    counts = await _syncs_before_acks(tmp_path, "normal")
    assert len(counts) == EVENTS
    assert sum(counts) < EVENTS / 2


async def _flushes(server: PostgresServer) -> int:
    """How often the server has waited for the disk to hold its log, as it counts itself."""
    connection = await asyncpg.connect(server.url())
    try:
        if connection.get_server_version().major >= 18:
            query = "SELECT sum(fsyncs)::bigint FROM pg_stat_io WHERE object = 'wal'"
        else:
            query = "SELECT wal_sync FROM pg_stat_wal"
        return int(await connection.fetchval(query))
    finally:
        await connection.close()


async def _flushes_of_puts(server: PostgresServer, store: Any) -> int:
    before = await _flushes(server)
    await store.open()
    for number in range(EVENTS):
        assert await store.put([NewItem("in", "a", str(number), b"x")]) == 1
    await store.close()  # a session tells its counts when it ends
    async with asyncio.timeout(10):
        while (now := await _flushes(server)) == before:  # noqa: ASYNC110 - the server calls nobody
            await asyncio.sleep(0.05)
    return now - before


async def test_postgres_has_every_event_on_disk_before_put_returns(postgres: PostgresServer) -> None:
    assert await _flushes_of_puts(postgres, PostgresStore(postgres.url(schema="synced"))) >= EVENTS


async def test_sessions_that_do_not_wait_for_the_disk_are_found_out(postgres: PostgresServer) -> None:
    """The negative control of the test above: what a session's setting changes is seen in the count."""

    class Careless(Connections):
        async def _lent(self, connection: Any) -> None:
            await connection.execute("SET synchronous_commit = off")

    class Store(PostgresStore):
        _connections_type = Careless

    assert await _flushes_of_puts(postgres, Store(postgres.url(schema="careless"))) < EVENTS
