"""Looking at a store: states, items, queues, figures; and what pruning takes away."""

from __future__ import annotations

import asyncio

import pytest

from botkit.errors import StoreUnavailable
from botkit.store.contract import Again, DeadLetter, Done, Effects, QueueStats

from .conftest import Bench, event, ids


async def test_states_that_are_not_there_are_left_out(bench: Bench) -> None:
    assert await bench.store.state([]) == {}
    assert await bench.store.state(["a", "b"]) == {}


async def test_many_states_in_one_call(bench: Bench) -> None:
    await bench.put("a", "1")
    state = {f"key-{number}": bytes([number % 256]) * 10 for number in range(700)}
    await bench.settle(await bench.claim_one(), effects=Effects(state=state))
    assert await bench.store.state([*state, "other"]) == state


async def test_queues_are_those_with_ready_lanes(bench: Bench) -> None:
    for queue in ("out:dm:1", "out:dm:2", "out:like:1", "outside"):
        await bench.put(f"lane {queue}", f"item {queue}", queue=queue)
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one(), Again(60))
    assert await bench.store.queues("out:") == ["out:dm:1", "out:dm:2", "out:like:1"]
    assert await bench.store.queues("out:dm:2") == ["out:dm:2"]
    assert await bench.store.queues("in") == []
    assert await bench.store.queues("x") == []
    await bench.claim_one(queue="out:dm:1")
    assert await bench.store.queues("out:dm") == ["out:dm:2"]
    bench.clock.now += 60
    assert await bench.store.queues("") == ["in", "out:dm:2", "out:like:1", "outside"]


async def test_unfinished_items_of_a_lane_whoever_owns_it(bench: Bench) -> None:
    await bench.put("a", *(str(number) for number in range(10)))
    claim = await bench.claim_one()
    await bench.settle(claim, release=False)
    found = await bench.store.unfinished("a", limit=3)
    assert [(item.seq, item.item_id) for item in found] == [(2, "1"), (3, "2"), (4, "3")]
    assert await bench.store.unfinished("nowhere") == []


async def test_an_item_is_found_when_it_is_done(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one())
    stored = await bench.store.item("1")
    assert stored is not None
    assert stored.payload == b"1"
    assert await bench.store.item("2") is None


async def test_figures_of_every_queue(bench: Bench) -> None:
    begun = bench.clock.now
    await bench.put("a", "1", "2")
    bench.clock.now += 5
    await bench.put("b", "3")
    await bench.put("o", "4", queue="out:dm")
    await bench.settle(await bench.claim_one(queue="out:dm"))
    (claim,) = await bench.claim(lanes=1)
    assert claim.lane == "a"
    assert await bench.store.stats() == [
        QueueStats("in", 3, 2, begun),
        QueueStats("out:dm", 0, 0, None),
    ]
    await bench.settle(claim)
    assert await bench.store.stats() == [
        QueueStats("in", 2, 2, begun),
        QueueStats("out:dm", 0, 0, None),
    ]


async def test_dead_letters_newest_first_one_for_an_item_and_handler(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    claim = await bench.claim_one()
    dead = [DeadLetter("1", f"plugin:{name}", 5, "ValueError") for name in ("one", "two")]
    await bench.settle(claim, Done(), Effects(dead=dead), release=False)
    bench.clock.now += 1
    again = [
        DeadLetter("2", "plugin:one", 5, "KeyError"),
        DeadLetter("1", "plugin:one", 6, "TypeError", "lane", "queue", bench.clock.now + 1),
    ]
    await bench.settle(claim, Done(), Effects(dead=again), seq=2)
    letters = await bench.store.dead_letters()
    assert [(letter.item_id, letter.handler, letter.attempts, letter.error) for letter in letters] == [
        ("1", "plugin:one", 6, "TypeError"),
        ("2", "plugin:one", 5, "KeyError"),
        ("1", "plugin:two", 5, "ValueError"),
    ]
    assert [letter.at - bench.clock.now for letter in letters] == [1, 0, -1]
    assert await bench.store.dead_letters(limit=1) == letters[:1]


async def test_pruning_takes_what_is_done_and_old_and_nothing_else(bench: Bench) -> None:
    await bench.put("a", "1", "2", "3")
    await bench.put("b", "4")
    claims = {claim.lane: claim for claim in await bench.claim(items=1)}
    await bench.settle(claims["a"])
    await bench.settle(claims["b"])
    bench.clock.now += 100
    await bench.put("b", "5")
    claims = {claim.lane: claim for claim in await bench.claim(items=1)}
    await bench.settle(claims["b"])
    await bench.store.release(bench.worker, [claims["a"]])
    assert await bench.store.prune(bench.clock.now) == 2
    assert await bench.store.prune(bench.clock.now) == 0
    found = [name for name in "12345" if await bench.store.item(name)]
    assert found == ["2", "3", "5"]


async def test_after_pruning_lanes_go_on_counting_and_ids_are_new_again(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    claim = await bench.claim_one()
    await bench.settle(claim, release=False)
    await bench.settle(claim, seq=2)
    bench.clock.now += 1
    assert await bench.store.prune(bench.clock.now) == 2
    assert await bench.put("a", "1", "3") == 2
    claim = await bench.claim_one()
    assert [(item.seq, item.item_id) for item in claim.items] == [(3, "1"), (4, "3")]
    assert await bench.settle(claim)


async def test_pruning_finds_what_lies_behind_many_that_stay(bench: Bench) -> None:
    await bench.store.put([event("waits", f"w{number}") for number in range(2500)])
    await bench.store.put([event("done", f"d{number}") for number in range(1500)])
    claims = {claim.lane: claim for claim in await bench.claim(items=1500)}
    for item in claims["done"].items:
        await bench.settle(claims["done"], seq=item.seq, release=False)
    bench.clock.now += 1
    assert await bench.store.prune(bench.clock.now) == 1500
    assert len(await bench.store.unfinished("waits", limit=5000)) == 2500


async def test_the_clock_and_the_proof_that_it_writes(bench: Bench) -> None:
    assert await bench.store.now() == bench.clock.now
    await bench.store.check()


async def test_a_store_that_is_not_open_says_so(bench: Bench) -> None:
    await bench.store.close()
    await bench.store.close()
    for asked in (bench.put("a", "1"), bench.store.state(["a"]), bench.store.check(), bench.claim()):
        with pytest.raises(StoreUnavailable, match="not open"):
            await asked


async def test_what_was_asked_before_closing_is_done(bench: Bench) -> None:
    puts = asyncio.gather(*(bench.put("a", str(number)) for number in range(700)))
    await bench.store.now()
    closing = bench.store.close()
    counts, _ = await asyncio.gather(puts, closing)
    assert counts == [1] * 700
    await bench.open()
    assert [len(names) for names in ids(await bench.claim(items=1000))] == [700]
