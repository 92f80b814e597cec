"""Leases: what a dead worker held is free again, what a live one holds is its own."""

from __future__ import annotations

from .conftest import Bench, ids


async def test_ids_of_workers_are_never_used_again(bench: Bench) -> None:
    first = await bench.store.register("w", 10)
    await bench.store.unregister(first)
    second = await bench.store.register("w", 10)
    await bench.reopen()
    assert len({first, second, bench.worker}) == 3
    assert first < second < bench.worker


async def test_a_worker_that_renews_its_lease_keeps_its_lanes(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    for _ in range(10):
        bench.clock.now += 20.0
        assert await bench.store.beat(bench.worker)
        assert await bench.store.reap() == 0
    assert await bench.settle(claim)


async def test_reaping_frees_the_lanes_of_those_whose_lease_ran_out_only(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.put("b", "2")
    dead = await bench.store.register("dead", 10.0)
    (lost,) = await bench.claim(worker=dead, lanes=1)
    await bench.claim(lanes=1)
    bench.clock.now += 10.5
    assert await bench.store.reap() == 1
    assert [claim.lane for claim in await bench.claim()] == [lost.lane]
    assert await bench.store.reap() == 0


async def test_unregistering_frees_lanes_at_once_with_what_they_remember(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    other = await bench.store.register("other", 10.0)
    claim = await bench.claim_one(worker=other)
    await bench.settle(claim, worker=other, release=False)
    await bench.store.unregister(other)
    assert ids(await bench.claim()) == [["2"]]
    assert not await bench.store.beat(other)


async def test_unregistering_a_worker_that_holds_a_finished_lane_leaves_it_idle(bench: Bench) -> None:
    await bench.put("a", "1")
    other = await bench.store.register("other", 10.0)
    await bench.settle(await bench.claim_one(worker=other), worker=other, release=False)
    await bench.store.unregister(other)
    assert await bench.claim() == []


async def test_a_restart_frees_what_was_held_at_once(bench: Bench) -> None:
    await bench.put("a", "1")
    old = bench.worker
    await bench.claim_one()
    await bench.reopen()
    assert not await bench.store.beat(old)
    assert ids(await bench.claim()) == [["1"]]
