"""Clocks that are set: an hour back or an hour ahead, nothing sleeps for it and nothing is lost."""

from __future__ import annotations

import pytest

from botkit.store.contract import Again

from .conftest import Bench, ids

HOUR_S = 3600.0

# Every process has its own clock; PostgreSQL goes by the server's.
pytestmark = pytest.mark.parametrize("make_store", ["sqlite"], indirect=True)


async def test_a_lane_that_is_ready_stays_ready_when_the_clock_goes_back(bench: Bench) -> None:
    await bench.put("a", "1")
    bench.clock.now -= HOUR_S
    assert ids(await bench.claim()) == [["1"]]


async def test_a_delay_keeps_its_length_when_the_clock_goes_back(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one(), Again(10))
    bench.clock.now -= HOUR_S
    assert await bench.claim() == []
    bench.clock.now += 9
    assert await bench.claim() == []
    bench.clock.now += 1
    assert ids(await bench.claim()) == [["1"]]


async def test_a_clock_that_went_back_while_the_bot_was_stopped(bench: Bench) -> None:
    await bench.put("ready", "1")
    await bench.put("waits", "2")
    for claim in await bench.claim():
        await bench.settle(claim, Again(10 if claim.lane == "waits" else 0))
    await bench.store.close()
    bench.clock.now -= HOUR_S
    await bench.store.open()
    bench.worker = await bench.store.register("worker", 30)
    assert ids(await bench.claim()) == [["1"]]
    bench.clock.now += 10
    assert ids(await bench.claim()) == [["2"]]


async def test_a_clock_that_goes_back_again_and_again(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one(), Again(10))
    for _ in range(5):
        bench.clock.now -= HOUR_S
        assert await bench.claim() == []
    bench.clock.now += 10
    assert ids(await bench.claim()) == [["1"]]


async def test_a_refused_operation_does_not_forget_that_the_clock_went_back(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one(), Again(10))
    bench.clock.now -= HOUR_S
    with pytest.raises(Exception, match="another queue"):
        await bench.put("a", "2", queue="out:x")
    bench.clock.now += 10
    assert ids(await bench.claim()) == [["1"]]


async def test_a_lease_keeps_its_length_when_the_clock_goes_back(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.claim()
    bench.clock.now -= HOUR_S
    assert await bench.store.reap() == 0
    bench.clock.now += 31
    assert await bench.store.reap() == 1


async def test_a_rate_window_does_not_last_an_hour_longer(bench: Bench) -> None:
    assert await bench.store.take("dm", 1, limit=1, period_s=900) == 1
    bench.clock.now -= HOUR_S
    assert await bench.store.take("dm", 1, limit=1, period_s=900) == 0
    bench.clock.now += 900
    assert await bench.store.take("dm", 1, limit=1, period_s=900) == 1


async def test_a_clock_that_jumps_ahead_costs_no_live_worker_its_lanes(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    bench.clock.now += HOUR_S
    assert await bench.store.beat(bench.worker)  # a process renews before it reaps
    assert await bench.store.reap() == 0
    assert await bench.settle(claim)


async def test_a_clock_that_jumps_ahead_and_back_leaves_nothing_waiting(bench: Bench) -> None:
    bench.clock.now += HOUR_S
    await bench.put("a", "1", "2")
    await bench.settle(await bench.claim_one(), Again(5))
    bench.clock.now -= HOUR_S
    await bench.store.beat(bench.worker)
    bench.clock.now += 5
    assert ids(await bench.claim()) == [["1", "2"]]
