"""The engine's bench, and short names for what these tests do all the time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine.conftest import ACCOUNT, ALICE, Bench, bench, dm

__all__ = ["ACCOUNT", "ALICE", "Bench", "Dump", "bench", "dm", "run_all"]

Dump = Callable[[], list[str]]


async def run_all(bench: Bench) -> None:
    """Handle whatever is due, and whatever becomes due by trying again."""
    for _ in range(100):
        if await bench.step() is not None:
            continue
        lanes = await bench.store.lanes("in")
        if not lanes:
            return
        bench.clock.now = max(bench.clock.now, *(lane.ready_at for lane in lanes))
    raise AssertionError("it never ends")


@pytest.fixture
def dump(tmp_path: Path, bench: Bench) -> Dump:
    """All that the store's file holds, as SQL."""

    def dump() -> list[str]:
        connection = sqlite3.connect(tmp_path / "store.db")
        try:
            return list(connection.iterdump())
        finally:
            connection.close()

    return dump
