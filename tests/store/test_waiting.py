"""Waiting for ready lanes: no wake-up is missed, and nobody waits for what does not concern him."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botkit.store import open_store
from botkit.store.contract import Again, Effects
from botkit.store.sqlite import SqliteStore
from botkit.testing import Clock

from .conftest import Bench, event, timer

LONG_S = 60.0


async def _returns(waiting: asyncio.Task[None]) -> None:
    async with asyncio.timeout(5):
        await waiting


async def _begin(
    bench: Bench, prefix: str = "in", ignore: frozenset[str] = frozenset()
) -> asyncio.Task[None]:
    """Begin to wait, and come back when it has looked at the store and sleeps."""
    waiting = asyncio.create_task(bench.store.wait(prefix, LONG_S, ignore=ignore))
    for _ in range(3):
        await asyncio.sleep(0)
        await bench.store.queues("")
    assert not waiting.done()
    return waiting


async def test_a_ready_lane_ends_the_wait_at_once(bench: Bench) -> None:
    await bench.put("a", "1")
    await _returns(asyncio.create_task(bench.store.wait("in", LONG_S)))


async def test_a_wait_for_nothing_ends_with_its_time(bench: Bench) -> None:
    await _returns(asyncio.create_task(bench.store.wait("in", 0.01)))
    await _returns(asyncio.create_task(bench.store.wait("in", 0.0)))


async def test_a_put_wakes(bench: Bench) -> None:
    waiting = await _begin(bench)
    await bench.put("a", "1")
    await _returns(waiting)


async def test_every_waiter_is_woken(bench: Bench) -> None:
    waiting = [await _begin(bench) for _ in range(5)]
    await bench.put("a", "1")
    for one in waiting:
        await _returns(one)


async def test_other_queues_do_not_wake(bench: Bench) -> None:
    waiting = await _begin(bench, "out:")
    await bench.put("a", "1")
    await bench.store.queues("")
    assert not waiting.done()
    await bench.put("b", "2", queue="out:dm")
    await _returns(waiting)


async def test_ignored_queues_do_not_wake_whether_ready_before_or_after(bench: Bench) -> None:
    await bench.put("o", "1", queue="out:closed")
    waiting = await _begin(bench, "out:", frozenset({"out:closed", "out:too"}))
    await bench.put("p", "2", queue="out:too")
    for _ in range(3):
        await bench.store.queues("")
    assert not waiting.done()
    await bench.put("q", "3", queue="out:open")
    await _returns(waiting)


async def test_a_turn_s_action_wakes_the_sender(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    waiting = await _begin(bench, "out:")
    await bench.settle(claim, effects=Effects(items=[event("out", "1/0", queue="out:dm")]))
    await _returns(waiting)


async def test_a_release_with_more_in_the_lane_wakes(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    claim = await bench.claim_one(items=1)
    waiting = await _begin(bench)
    await bench.settle(claim)
    await _returns(waiting)


async def test_a_lane_given_back_wakes(bench: Bench) -> None:
    await bench.put("a", "1")
    claims = await bench.claim()
    waiting = await _begin(bench)
    await bench.store.release(bench.worker, claims)
    await _returns(waiting)


async def test_a_worker_s_end_wakes(bench: Bench) -> None:
    await bench.put("a", "1")
    other = await bench.store.register("other", 1.0)
    await bench.claim(worker=other)
    waiting = await _begin(bench)
    bench.clock.now += 2.0
    await bench.store.reap()
    await _returns(waiting)


async def test_a_fired_timer_wakes(bench: Bench) -> None:
    await bench.put("a", "1")
    due = timer("t", bench.clock.now, event("b", "2"))
    await bench.settle(await bench.claim_one(), effects=Effects(timers=[due]))
    waiting = await _begin(bench)
    await bench.store.fire_timers()
    await _returns(waiting)


async def test_a_release_of_an_empty_lane_does_not_end_the_wait(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    waiting = await _begin(bench)
    await bench.settle(claim)
    for _ in range(5):
        await bench.store.queues("")
    assert not waiting.done()
    await bench.put("a", "2")
    await _returns(waiting)


async def test_a_delayed_lane_ends_the_wait_when_it_is_due(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'real.db'}", clock=time.time)
    bench = Bench(lambda: store, Clock())
    await bench.open()
    try:
        await bench.put("a", "1")
        await bench.settle(await bench.claim_one(), Again(0.05))
        waiting = asyncio.create_task(store.wait("in", LONG_S))
        await _returns(waiting)
        assert await bench.claim()
    finally:
        await store.close()


async def test_a_delay_set_while_someone_waits_ends_the_wait_when_it_is_due(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path / 'real.db'}", clock=time.time)
    bench = Bench(lambda: store, Clock())
    await bench.open()
    try:
        await bench.put("a", "1")
        claim = await bench.claim_one()
        waiting = await _begin(bench)
        await bench.settle(claim, Again(0.05))
        await _returns(waiting)
        assert await bench.claim()
    finally:
        await store.close()


async def test_no_wake_up_is_lost_between_an_empty_claim_and_the_wait(bench: Bench) -> None:
    """A consumer and a producer in every interleaving that the loop happens to make: it never hangs."""
    got: list[str] = []

    async def consume() -> None:
        while len(got) < 300:
            claims = await bench.claim(items=1)
            if not claims:
                await bench.store.wait("in", LONG_S)
            for claim in claims:
                got.append(claim.items[0].item_id)
                await bench.settle(claim)

    async def produce() -> None:
        for number in range(300):
            await bench.put(f"lane-{number % 3}", str(number))
            for _ in range(number % 4):
                await asyncio.sleep(0)

    async with asyncio.timeout(30):
        await asyncio.gather(consume(), produce())
    assert sorted(got, key=int) == [str(number) for number in range(300)]


async def test_a_wake_up_for_nothing_makes_it_look_once_more_and_sleep(tmp_path: Path, clock: Clock) -> None:
    looks = 0

    class Counting(SqliteStore):
        def _read(self, run: Callable[[sqlite3.Connection], Any]) -> asyncio.Future[Any]:
            nonlocal looks
            looks += 1
            return super()._read(run)

    store = Counting(tmp_path / "counting.db", clock=clock)
    bench = Bench(lambda: store, clock)
    await bench.open()
    await bench.put("a", "1")
    claim = await bench.claim_one()
    waiting = await _begin(bench)
    before = looks
    await bench.settle(claim)
    for _ in range(20):
        await bench.store.state(["nothing"])  # as long as it takes to look twenty times
    assert looks - before == 1
    waiting.cancel()
    await store.close()


async def test_closing_ends_every_wait(bench: Bench) -> None:
    waiting = await _begin(bench)
    await bench.store.close()
    await _returns(waiting)
