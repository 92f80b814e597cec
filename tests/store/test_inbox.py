"""What comes in: stored once, in order, all of a call or nothing."""

from __future__ import annotations

import asyncio

import pytest

from botkit.errors import StoreError
from botkit.store.contract import Effects, StoredItem

from .conftest import Bench, event, ids


async def test_an_item_is_kept_as_it_came_and_numbered_from_one(bench: Bench) -> None:
    assert await bench.store.put([event("a", "1", payload=b"\x00\xff{}"), event("a", "2")]) == 2
    assert await bench.store.item("1") == StoredItem(1, "1", b"\x00\xff{}", bench.clock.now)
    assert [item.seq for item in await bench.store.unfinished("a")] == [1, 2]


async def test_nothing_to_put_is_nothing_new(bench: Bench) -> None:
    assert await bench.store.put([]) == 0


async def test_an_item_that_is_known_is_dropped_and_not_counted(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    assert await bench.put("a", "2", "3") == 1
    assert await bench.left("a") == ["1", "2", "3"]
    assert [item.seq for item in await bench.store.unfinished("a")] == [1, 2, 3]


async def test_the_same_id_twice_in_one_call_is_one_item_the_first(bench: Bench) -> None:
    assert await bench.store.put([event("a", "1", payload=b"first"), event("a", "1", payload=b"second")]) == 1
    stored = await bench.store.item("1")
    assert stored is not None
    assert stored.payload == b"first"


async def test_an_id_that_comes_twice_in_a_call_keeps_its_first_place(bench: Bench) -> None:
    assert await bench.put("a", "1", "2", "1", "3", "2") == 3
    assert await bench.left("a") == ["1", "2", "3"]


async def test_an_id_is_known_in_every_lane_and_queue(bench: Bench) -> None:
    await bench.put("a", "1")
    assert await bench.put("b", "1") == 0
    assert await bench.put("c", "1", queue="out:x") == 0
    assert await bench.left("b") == []


async def test_an_id_stays_known_when_its_item_is_done(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one())
    assert await bench.put("a", "1") == 0
    assert await bench.claim() == []


async def test_a_known_item_does_not_wake_its_lane(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one())
    await bench.put("a", "1")
    assert await bench.store.queues("") == []


async def test_the_same_item_from_many_callers_at_once_is_stored_once(bench: Bench) -> None:
    counts = await asyncio.gather(*(bench.put("a", "1", str(number)) for number in range(2, 52)))
    assert sum(counts) == 51
    assert sorted(await bench.left("a"), key=int) == [str(number) for number in range(1, 52)]
    assert [item.seq for item in await bench.store.unfinished("a")] == list(range(1, 52))


async def test_an_item_that_a_turn_queues_at_the_same_moment_is_counted_by_one_of_both(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    action = event("out", "action", queue="out:x")
    settled, new = await asyncio.gather(
        bench.settle(claim, effects=Effects(items=[action])), bench.store.put([action, event("b", "2")])
    )
    assert settled
    assert new in {1, 2}
    assert await bench.left("out") == ["action"]
    assert await bench.left("b") == ["2"]


async def test_calls_made_one_after_the_other_keep_their_order_without_waiting(bench: Bench) -> None:
    await asyncio.gather(*(bench.put("a", str(number)) for number in range(40)))
    assert await bench.left("a") == [str(number) for number in range(40)]


async def test_a_thousand_items_in_one_call(bench: Bench) -> None:
    items = [event(f"lane-{number % 7}", str(number)) for number in range(1000)]
    assert await bench.store.put(items) == 1000
    assert await bench.store.put(items) == 0
    claims = await bench.claim(lanes=10, items=1000)
    assert sorted(int(name) for names in ids(claims) for name in names) == list(range(1000))
    assert all(names == sorted(names, key=int) for names in ids(claims))


async def test_a_lane_belongs_to_one_queue_and_the_call_that_says_otherwise_stores_nothing(
    bench: Bench,
) -> None:
    await bench.put("a", "1")
    with pytest.raises(StoreError, match="another queue"):
        await bench.store.put([event("b", "2"), event("a", "3", queue="out:x")])
    assert await bench.store.item("2") is None


async def test_one_call_with_two_queues_for_a_lane_stores_nothing(bench: Bench) -> None:
    with pytest.raises(StoreError, match="another queue"):
        await bench.store.put([event("a", "1"), event("a", "2", queue="out:x")])
    assert await bench.left("a") == []


async def test_a_call_that_is_refused_loses_only_itself(bench: Bench) -> None:
    outcomes = await asyncio.gather(
        bench.put("a", "1"),
        bench.store.put([event("b", "\ud800", payload=b"")]),
        bench.put("b", "2", "1"),
        bench.put("a", "3", queue="out:x"),
        bench.put("c", "4"),
        return_exceptions=True,
    )
    assert [outcome if isinstance(outcome, int) else type(outcome) for outcome in outcomes] == [
        1,
        StoreError,
        1,
        StoreError,
        1,
    ]
    assert await bench.left("a") == ["1"]
    assert await bench.left("b") == ["2"]
    assert await bench.left("c") == ["4"]


async def test_what_was_put_is_there_after_a_restart(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    await bench.reopen()
    assert ids(await bench.claim()) == [["1", "2"]]
    assert await bench.put("a", "2") == 0
