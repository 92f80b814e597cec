"""How much is unfinished, and what cancelling a queue takes out of it."""

from __future__ import annotations

import asyncio

import pytest

from botkit.errors import StoreError
from botkit.store.contract import Again, Effects, Mark

from .conftest import Bench, event, ids, timer


async def test_the_backlog_counts_what_is_put_and_what_is_settled(bench: Bench) -> None:
    assert await bench.store.backlog() == 0
    await bench.put("a", "1", "2")
    await bench.put("a", "2", "3")
    await bench.put("b", "4")
    assert await bench.store.backlog() == await bench.store.backlog("in") == 4
    claims = {claim.lane: claim for claim in await bench.claim()}
    action = event("o", "action", queue="out:dm")
    await bench.settle(claims["a"], effects=Effects(items=[action]), release=False)
    await bench.settle(claims["b"], Again(1.0))
    assert await bench.store.backlog("in") == 3
    assert await bench.store.backlog("out:") == 1
    assert await bench.store.backlog() == 4
    assert await bench.store.backlog("x") == 0


async def test_neither_a_mark_nor_a_lost_turn_changes_the_backlog(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    await bench.settle(claim, Mark(b"going"))
    assert await bench.store.backlog() == 1
    await bench.store.unregister(bench.worker)
    assert not await bench.settle(claim)
    assert await bench.store.backlog() == 1


async def test_what_is_refused_leaves_the_backlog_as_it_was(bench: Bench) -> None:
    await bench.put("a", "1")
    await asyncio.gather(
        bench.store.put([event("b", "2"), event("a", "3", queue="out:x")]),
        bench.put("c", "4"),
        bench.put("a", "5"),
        return_exceptions=True,
    )
    assert (await bench.store.backlog("in"), await bench.store.backlog("out:x")) == (3, 0)


async def test_the_backlog_is_that_of_all_queues_with_the_prefix(bench: Bench) -> None:
    for number, queue in enumerate(("in", "in:b", "inn", "io", "out:é", "out:z")):
        await bench.put(f"lane {queue}", *(f"{queue} {count}" for count in range(number + 1)), queue=queue)
    assert await bench.store.backlog("in") == 1 + 2 + 3
    assert await bench.store.backlog("in:") == 2
    assert await bench.store.backlog("out:") == 5 + 6
    assert await bench.store.backlog() == 21


async def test_fired_timers_and_restarts_count(bench: Bench) -> None:
    await bench.put("a", "1")
    later = timer("t", bench.clock.now + 5, event("b", "later"))
    await bench.settle(await bench.claim_one(), effects=Effects(timers=[later]))
    assert await bench.store.backlog() == 0
    bench.clock.now += 5
    await bench.store.fire_timers()
    await bench.reopen()
    assert await bench.store.backlog("in") == 1


async def test_discarding_cancels_what_waits_in_one_queue_and_in_no_other(bench: Bench) -> None:
    await bench.put("a", "1", "2", queue="out:one")
    await bench.put("b", "3", queue="out:one")
    await bench.put("c", "4", queue="out:one:more")
    await bench.settle(await bench.claim_one(queue="out:one:more"), Again(0))
    assert await bench.store.discard("out:one") == 3
    assert await bench.store.discard("out:one") == 0
    assert await bench.claim(queue="out:one") == []
    assert await bench.store.queues("out:") == ["out:one:more"]
    assert await bench.store.backlog("out:") == 1
    assert await bench.left("a") == []


async def test_a_lane_goes_on_after_it_was_discarded(bench: Bench) -> None:
    await bench.put("a", "1", "2", queue="out")
    claim = await bench.claim_one(queue="out")
    await bench.settle(claim, Again(0, b"half"))
    assert await bench.store.discard("out") == 2
    assert await bench.put("a", "2", "3", queue="out") == 1
    claim = await bench.claim_one(queue="out")
    assert (claim.attempt, claim.progress) == (0, b"")
    assert ids([claim]) == [["3"]]
    assert await bench.settle(claim)


async def test_what_was_discarded_is_pruned_like_all_that_is_done(bench: Bench) -> None:
    await bench.put("a", "1", "2", queue="out")
    await bench.store.discard("out")
    bench.clock.now += 1
    assert await bench.store.prune(bench.clock.now) == 2


async def test_a_waiting_lane_is_discarded_too(bench: Bench) -> None:
    await bench.put("a", "1", queue="out")
    await bench.settle(await bench.claim_one(queue="out"), Again(60))
    assert await bench.store.discard("out") == 1
    bench.clock.now += 60
    assert await bench.claim(queue="out") == []


async def test_the_item_that_a_worker_has_in_hand_is_left_to_it(bench: Bench) -> None:
    await bench.put("a", "1", "2", queue="out")
    claim = await bench.claim_one(queue="out", items=1)
    assert await bench.store.discard("out") == 1
    assert await bench.left("a") == ["1"]
    assert await bench.settle(claim, effects=Effects(state={"sent": b"1"}))
    assert await bench.store.state(["sent"]) == {"sent": b"1"}
    assert await bench.claim(queue="out") == []
    assert await bench.store.backlog("out") == 0


async def test_items_behind_the_one_in_hand_settle_as_lost_and_the_lane_goes_on(bench: Bench) -> None:
    await bench.put("a", "1", "2", "3")
    claim = await bench.claim_one()
    assert await bench.store.discard("in") == 2
    assert await bench.settle(claim, release=False)
    assert not await bench.settle(claim, effects=Effects(state={"a": b"1"}), seq=2)
    assert await bench.store.state(["a"]) == {}
    await bench.put("a", "4")
    assert ids(await bench.claim()) == [["4"]]


async def test_settling_out_of_order_is_still_our_bug_after_discarding(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    claim = await bench.claim_one()
    await bench.store.discard("in")
    assert await bench.settle(claim, release=False)
    with pytest.raises(StoreError, match="out of order"):
        await bench.settle(claim, seq=1)


async def test_timers_of_the_queue_are_cancelled(bench: Bench) -> None:
    await bench.put("a", "1")
    due_at = bench.clock.now + 5
    timers = [timer(name, due_at, event(name, name, queue=name)) for name in ("out:one", "out:two")]
    await bench.settle(await bench.claim_one(), effects=Effects(timers=timers))
    assert await bench.store.discard("out:one") == 1
    bench.clock.now += 5
    assert await bench.store.fire_timers() == 1
    assert await bench.store.queues("") == ["out:two"]
