"""The fence, step by step: a worker that lost its lane changes nothing, and these tests can tell."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from botkit.errors import StoreUnavailable
from botkit.store.contract import Again, Done, Effects, Mark, Outcome, Settlement
from botkit.store.sqlite import SqliteStore
from botkit.store.sqlite.ledger import Ledger
from botkit.store.sqlite.writer import Writer
from botkit.testing import Clock

from .conftest import Bench, event, ids


async def _late(bench: Bench, outcome: Outcome) -> bool:
    """A worker is stopped for longer than its lease, another takes its lane, and the first one settles."""
    await bench.put("a", "1", "2")
    paused = await bench.store.register("paused", 10.0)
    lost = await bench.claim_one(worker=paused)
    bench.clock.now += 11.0
    assert await bench.store.reap() == 1
    await bench.claim_one()
    effects = Effects(state={"k": b"late"}, items=[event("out", "1/h/0", queue="out:x")])
    return await bench.settle(lost, outcome, effects, worker=paused)


@pytest.mark.parametrize("outcome", [Done(), Again(0, b"late"), Mark(b"late")], ids=["done", "again", "mark"])
async def test_a_settlement_of_a_lost_lane_writes_nothing(bench: Bench, outcome: Outcome) -> None:
    assert not await _late(bench, outcome)
    assert await bench.store.state(["k"]) == {}
    assert await bench.store.item("1/h/0") is None
    assert await bench.left("a") == ["1", "2"]
    assert await bench.claim() == []  # it is still the other worker's


async def test_a_reaped_worker_claims_nothing_and_is_told(bench: Bench) -> None:
    paused = await bench.store.register("paused", 10.0)
    bench.clock.now += 11.0
    await bench.store.reap()
    await bench.put("a", "1")
    assert await bench.claim(worker=paused) == []
    assert not await bench.store.beat(paused)
    assert ids(await bench.claim()) == [["1"]]


async def test_a_reaped_worker_releases_nothing_of_others(bench: Bench) -> None:
    await bench.put("a", "1")
    paused = await bench.store.register("paused", 10.0)
    lost = await bench.claim(worker=paused)
    bench.clock.now += 11.0
    await bench.store.reap()
    await bench.claim_one()
    await bench.store.release(paused, lost)
    assert await bench.claim() == []


async def test_a_settlement_under_an_older_claim_of_the_same_worker_writes_nothing(bench: Bench) -> None:
    await bench.put("a", "1")
    older = await bench.claim_one()
    await bench.store.release(bench.worker, [older])
    newer = await bench.claim_one()
    assert newer.token > older.token
    assert not await bench.settle(older, Done(), Effects(state={"k": b"late"}))
    assert await bench.settle(newer, Done(), Effects(state={"k": b"in time"}))
    assert await bench.store.state(["k"]) == {"k": b"in time"}


async def test_a_lost_lane_that_nobody_took_yet_is_lost_all_the_same(bench: Bench) -> None:
    await bench.put("a", "1")
    lost = await bench.claim_one()
    await bench.store.unregister(bench.worker)
    assert not await bench.settle(lost)


async def test_a_fenced_settlement_takes_nobody_with_it(bench: Bench) -> None:
    for lane in "abc":
        await bench.put(lane, lane)
    paused = await bench.store.register("paused", 10.0)
    (lost,) = await bench.claim(worker=paused, lanes=1)
    bench.clock.now += 11.0
    await bench.store.reap()
    first, second, _ = sorted(await bench.claim(), key=lambda claim: claim.lane == lost.lane)

    def effects(name: str) -> Effects:
        return Effects(state={name: b"1"}, items=[event("out", f"{name}/0", queue="out:x")])

    outcomes = await asyncio.gather(
        bench.settle(first, effects=effects("first")),
        bench.settle(lost, effects=effects("lost"), worker=paused),
        bench.put("d", "new"),
        bench.settle(second, effects=effects("second")),
    )
    assert outcomes == [True, False, 1, True]
    assert await bench.store.state(["first", "lost", "second"]) == {"first": b"1", "second": b"1"}
    assert sorted(await bench.left("out")) == ["first/0", "second/0"]


class _Unfenced(Ledger):
    fence = "1"


class _UnfencedStore(SqliteStore):
    _ledger_type = _Unfenced


class _CommitFails(Writer):
    """Fails when the count of commits reaches zero, once."""

    commits_left = -1

    def commit(self, connection: sqlite3.Connection) -> None:
        self.commits_left -= 1
        if self.commits_left == 0:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        super().commit(connection)


class _FailingStore(SqliteStore):
    _writer_type = _CommitFails

    def fail_at(self, commit: int) -> None:
        """Let the n-th commit from now fail."""
        writer = self._open().files.writer
        assert isinstance(writer, _CommitFails)
        writer.commits_left = commit


class _TwoTransactions(_FailingStore):
    """What a store must not do: acknowledge first and write the effects afterwards."""

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        if not await super().settle(
            worker_id, Settlement(settlement.claim, settlement.seq, settlement.outcome)
        ):
            return False
        await self.put(settlement.effects.items)
        return True


@pytest.fixture
async def open_bench(tmp_path: Path, clock: Clock) -> AsyncIterator[list[Bench]]:
    """Benches that a test adds to; closed at its end."""
    benches: list[Bench] = []
    yield benches
    for bench in benches:
        await bench.store.close()


async def _bench(
    benches: list[Bench], store_type: type[SqliteStore], name: str, folder: Path, clock: Clock
) -> Bench:
    bench = Bench(lambda: store_type(folder / f"{name}.db", clock=clock), clock)
    benches.append(bench)
    await bench.open()
    return bench


async def test_without_the_fence_the_late_settlement_is_written(
    open_bench: list[Bench], tmp_path: Path, clock: Clock
) -> None:
    """The negative control: what the tests above look for happens in a store without a fence."""
    bench = await _bench(open_bench, _UnfencedStore, "unfenced", tmp_path, clock)
    assert await _late(bench, Done())
    assert await bench.store.state(["k"]) == {"k": b"late"}


async def _half_done(bench: Bench, commit: int) -> bool:
    """Settle while a commit fails; whether the lane is acknowledged and its action is not there."""
    assert isinstance(bench.store, _FailingStore)
    await bench.put("a", "1")
    claim = await bench.claim_one()
    bench.store.fail_at(commit)
    action = event("out", "1/h/0", queue="out:x")
    with suppress(StoreUnavailable):
        await bench.settle(claim, Done(), Effects(items=[action]))
    acknowledged = await bench.left("a") == []
    return acknowledged != (await bench.store.item("1/h/0") is not None)


@pytest.mark.parametrize("commit", [1, 2])
async def test_a_failing_commit_leaves_nothing_half_done(
    open_bench: list[Bench], tmp_path: Path, clock: Clock, commit: int
) -> None:
    bench = await _bench(open_bench, _FailingStore, "failing", tmp_path, clock)
    assert not await _half_done(bench, commit)


async def test_two_transactions_leave_a_turn_half_done(
    open_bench: list[Bench], tmp_path: Path, clock: Clock
) -> None:
    """The negative control of the test above."""
    bench = await _bench(open_bench, _TwoTransactions, "two", tmp_path, clock)
    assert await _half_done(bench, 2)


async def test_after_a_failed_commit_the_same_settlement_succeeds(
    open_bench: list[Bench], tmp_path: Path, clock: Clock
) -> None:
    bench = await _bench(open_bench, _FailingStore, "failing", tmp_path, clock)
    assert isinstance(bench.store, _FailingStore)
    await bench.put("a", "1")
    claim = await bench.claim_one()
    bench.store.fail_at(1)
    with pytest.raises(StoreUnavailable, match=r"can't write to failing\.db: disk I/O error"):
        await bench.settle(claim)
    assert await bench.settle(claim)
    assert await bench.left("a") == []


async def test_after_an_error_of_the_disk_the_writer_begins_on_a_new_connection(
    open_bench: list[Bench], tmp_path: Path, clock: Clock
) -> None:
    bench = await _bench(open_bench, _FailingStore, "failing", tmp_path, clock)
    assert isinstance(bench.store, _FailingStore)
    before = bench.store._open().files.writer._ledger.connection
    bench.store.fail_at(1)
    with pytest.raises(StoreUnavailable):
        await bench.put("a", "1")
    assert await bench.put("a", "1") == 1
    assert bench.store._open().files.writer._ledger.connection is not before
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        before.execute("SELECT 1")
