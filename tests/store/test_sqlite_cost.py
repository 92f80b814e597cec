"""What things cost, counted in SQLite's own steps: the backlog must not show in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from botkit.store.contract import NewItem
from botkit.store.sqlite import SqliteStore
from botkit.store.sqlite.ledger import Ledger
from botkit.store.sqlite.reader import backlog, ready_queues
from botkit.testing import Clock

Measured = Callable[[Ledger], object]


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "botkit.db", clock=clock)
    await store.open()
    yield store
    await store.close()


async def _steps(store: SqliteStore, run: Measured) -> int:
    """How many instructions SQLite executes for it."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    def measured(ledger: Ledger) -> int:
        ledger.connection.set_progress_handler(step, 1)
        try:
            run(ledger)
        finally:
            ledger.connection.set_progress_handler(None, 0)
        return count

    return await store._write(measured)


async def _fill(store: SqliteStore, begin: int, count: int, lanes: int) -> None:
    for start in range(begin, begin + count, 2500):
        await store.put(
            [
                NewItem("in", f"lane-{number % lanes}", f"item-{number}", b"")
                for number in range(start, min(start + 2500, begin + count))
            ]
        )


async def test_claiming_costs_the_same_with_a_backlog_in_many_lanes_and_in_one(store: SqliteStore) -> None:
    worker = await store.register("w", 60)

    def claim_and_release(ledger: Ledger) -> None:
        claims = ledger.claim(worker, "in", 4, 2)
        assert [len(claim.items) for claim in claims] == [2] * 4
        ledger.release(worker, claims)

    await _fill(store, 0, 20, 10)
    few = await _steps(store, claim_and_release)
    await _fill(store, 20, 20_000, 2000)
    await store.put([NewItem("in", "lane-0", f"long-{number}", b"") for number in range(5000)])
    assert few < 3000
    assert await _steps(store, claim_and_release) < 1.2 * few


async def test_a_put_costs_the_same_with_a_backlog(store: SqliteStore) -> None:
    def put(name: str) -> Measured:
        return lambda ledger: ledger.put([("lane-1", "in", name, b"")])

    await _fill(store, 0, 20, 10)
    few = await _steps(store, put("first"))
    await _fill(store, 20, 20_000, 2000)
    assert await _steps(store, put("second")) < 1.2 * few


async def test_looking_for_queues_costs_the_same_with_a_backlog(store: SqliteStore) -> None:
    def queues(ledger: Ledger) -> None:
        assert [name for name, _ in ready_queues(ledger.connection, "")] == ["in", "out:x"]

    await store.put([NewItem("out:x", "o", "o", b"")])
    await _fill(store, 0, 20, 10)
    few = await _steps(store, queues)
    await _fill(store, 20, 20_000, 2000)
    assert await _steps(store, queues) < 1.2 * few


async def test_the_size_of_the_backlog_costs_the_same_whatever_it_is(store: SqliteStore) -> None:
    await _fill(store, 0, 20, 10)
    few = await _steps(store, lambda ledger: backlog(ledger.connection, ""))
    await _fill(store, 20, 20_000, 2000)
    assert await _steps(store, lambda ledger: backlog(ledger.connection, "")) == few
    assert await store.backlog("in") == 20_020
