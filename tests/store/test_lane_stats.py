"""What an operator sees of lanes, and how items are found again."""

from __future__ import annotations

from botkit.store.contract import Again, LaneStats, Located, StoredItem

from .conftest import Bench, event


async def test_lanes_that_wait_longest_come_first(bench: Bench) -> None:
    begun = bench.clock.now
    for number, lane in enumerate(("c", "a", "b")):
        await bench.put(lane, *(f"{lane}{count}" for count in range(number + 1)))
        bench.clock.now += 1
    await bench.put("o", "o1", queue="out:dm")
    assert await bench.store.lanes("in") == [
        LaneStats("c", "in", 1, begun, 0, begun, owned=False),
        LaneStats("a", "in", 2, begun + 1, 0, begun + 1, owned=False),
        LaneStats("b", "in", 3, begun + 2, 0, begun + 2, owned=False),
    ]
    assert [stats.lane for stats in await bench.store.lanes(limit=2)] == ["c", "a"]
    assert [stats.lane for stats in await bench.store.lanes("out:")] == ["o"]
    assert await bench.store.lanes("x") == []


async def test_a_lane_that_failed_and_one_in_a_workers_hands(bench: Bench) -> None:
    begun = bench.clock.now
    await bench.put("a", "1", "2")
    await bench.settle(await bench.claim_one(), Again(60))
    await bench.put("b", "3")
    await bench.claim_one()
    failed, owned = await bench.store.lanes()
    assert failed == LaneStats("a", "in", 2, begun, 1, begun + 60, owned=False)
    assert (owned.lane, owned.items, owned.oldest_at, owned.owned) == ("b", 1, begun, True)


async def test_a_lane_with_nothing_left_is_not_shown(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one())
    await bench.put("b", "2")
    claim = await bench.claim_one()
    await bench.settle(claim, release=False)
    assert await bench.store.lanes() == []


async def test_an_item_is_located_finished_or_not(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    await bench.settle(await bench.claim_one(items=1))
    assert await bench.store.locate("1") == Located(
        "in", "a", True, StoredItem(1, "1", b"1", bench.clock.now)
    )
    second = await bench.store.locate("2")
    assert second is not None
    assert (second.done, second.item.seq) == (False, 2)
    assert await bench.store.locate("3") is None


async def test_items_are_found_by_a_text_in_either_case_newest_first(bench: Bench) -> None:
    payloads = {
        "1": b'{"screen_name":"Alice"}',
        "2": b'{"screen_name":"bob"}',
        "3": b'\xff\x00{"text":"hi \xc3\xa9","screen_name":"ALICE"}',
        "4": b"",
    }
    for item_id, payload in payloads.items():
        await bench.store.put([event(f"9:{item_id}", item_id, payload=payload)])
    assert [found.item.item_id for found in await bench.store.search('"aLice"')] == ["3", "1"]
    assert [found.item.item_id for found in await bench.store.search('"alice"', limit=1)] == ["3"]
    assert [found.lane for found in await bench.store.search('"alice"', ending=":1")] == ["9:1"]
    assert await bench.store.search('"alice"', ending=":2") == []
    assert await bench.store.search("_%") == []
