"""Lanes: claimed by one, handled in order, settled once."""

from __future__ import annotations

import asyncio

import pytest

from botkit.errors import StoreError
from botkit.store.contract import Again, DeadLetter, Done, Effects, Mark, NewItem

from .conftest import Bench, event, ids, timer


async def test_a_claim_takes_the_next_items_of_lanes_of_its_queue_only(bench: Bench) -> None:
    await bench.put("a", "1", "2", "3")
    await bench.put("o", "4", queue="out:x")
    (claim,) = await bench.claim(items=2)
    assert (claim.lane, claim.queue, claim.attempt, claim.progress) == ("a", "in", 0, b"")
    assert [(item.seq, item.item_id, item.payload) for item in claim.items] == [
        (1, "1", b"1"),
        (2, "2", b"2"),
    ]


async def test_an_owned_lane_is_not_claimed_again(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    await bench.claim()
    other = await bench.store.register("other", 30)
    assert await bench.claim(worker=other) == []
    assert await bench.claim() == []


async def test_two_claims_at_once_share_no_lane(bench: Bench) -> None:
    for number in range(10):
        await bench.put(f"lane-{number}", str(number))
    first, second = await asyncio.gather(bench.claim(lanes=6), bench.claim(lanes=6))
    lanes = [claim.lane for claim in first + second]
    assert len(lanes) == len(set(lanes)) == 10


async def test_lanes_that_waited_longest_come_first(bench: Bench) -> None:
    for lane in ("c", "a", "b"):
        bench.clock.now += 1
        await bench.put(lane, f"item-{lane}")
    bench.clock.now += 1
    await bench.put("c", "another")
    assert [claim.lane for claim in await bench.claim(lanes=2)] == ["c", "a"]
    assert [claim.lane for claim in await bench.claim(lanes=2)] == ["b"]


async def test_a_lane_that_was_served_goes_to_the_end_of_the_line(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    bench.clock.now += 1
    await bench.put("b", "3")
    bench.clock.now += 1
    (claim,) = await bench.claim(lanes=1, items=1)
    assert claim.lane == "a"
    await bench.settle(claim)
    assert [claim.lane for claim in await bench.claim()] == ["b", "a"]


async def test_done_moves_on_and_an_empty_lane_is_idle(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    claim = await bench.claim_one(items=1)
    assert await bench.settle(claim)
    assert await bench.left("a") == ["2"]
    assert await bench.settle(await bench.claim_one())
    assert await bench.claim() == []
    assert await bench.store.queues("") == []


async def test_done_without_release_keeps_the_lane_for_the_next_item(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    claim = await bench.claim_one()
    assert await bench.settle(claim, release=False)
    assert await bench.claim() == []
    assert await bench.settle(claim, seq=2)
    assert await bench.left("a") == []


async def test_an_item_put_into_an_owned_lane_is_ready_after_the_release(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    await bench.put("a", "2")
    assert await bench.claim() == []
    await bench.settle(claim)
    assert ids(await bench.claim()) == [["2"]]


async def test_an_item_put_at_the_moment_of_the_release_is_not_forgotten(bench: Bench) -> None:
    await bench.put("a", "1")
    for number in range(2, 30):
        claim = await bench.claim_one()
        await asyncio.gather(bench.settle(claim), bench.put("a", str(number)))
    assert ids(await bench.claim()) == [["29"]]


async def test_an_item_put_after_done_without_release_is_ready_after_the_release(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    await bench.settle(claim, release=False)
    await bench.put("a", "2")
    await bench.store.release(bench.worker, [claim])
    assert ids(await bench.claim()) == [["2"]]


async def test_a_lane_kept_after_its_last_item_is_idle_when_it_is_given_back(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    await bench.settle(claim, release=False)
    await bench.store.release(bench.worker, [claim])
    assert await bench.claim() == []
    assert await bench.store.queues("") == []


async def test_again_waits_and_comes_back_with_its_attempt_and_progress(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    assert await bench.settle(await bench.claim_one(), Again(5, b"one is done"))
    bench.clock.now += 4.9
    assert await bench.claim() == []
    bench.clock.now += 0.2
    claim = await bench.claim_one()
    assert (claim.attempt, claim.progress) == (1, b"one is done")
    assert ids([claim]) == [["1", "2"]]


async def test_a_wait_that_is_no_attempt_is_not_counted(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one(), Again(0))
    await bench.settle(await bench.claim_one(), Again(0, b"p", counts=False))
    claim = await bench.claim_one()
    assert (claim.attempt, claim.progress) == (1, b"p")


async def test_a_delayed_lane_waits_when_more_comes_and_others_flow(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one(), Again(3600))
    await bench.put("a", "2")
    await bench.put("b", "3")
    assert ids(await bench.claim()) == [["3"]]
    bench.clock.now += 3600
    assert ids(await bench.claim()) == [["1", "2"]]


async def test_the_next_item_begins_without_attempts_and_progress(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    await bench.settle(await bench.claim_one(), Again(0, b"p"))
    await bench.settle(await bench.claim_one(), Done())
    claim = await bench.claim_one()
    assert (claim.attempt, claim.progress, ids([claim])) == (0, b"", [["2"]])


async def test_again_in_the_middle_of_a_claim_keeps_what_is_done(bench: Bench) -> None:
    await bench.put("a", "1", "2", "3")
    claim = await bench.claim_one()
    await bench.settle(claim, release=False)
    await bench.settle(claim, Again(0), seq=2)
    claim = await bench.claim_one()
    assert (claim.attempt, ids([claim])) == (1, [["2", "3"]])


async def test_a_mark_is_remembered_and_keeps_the_lane(bench: Bench) -> None:
    await bench.put("a", "1")
    claim = await bench.claim_one()
    assert await bench.settle(claim, Mark(b"sending"), Effects(state={"k": b"v"}))
    assert await bench.claim() == []
    assert await bench.store.state(["k"]) == {"k": b"v"}
    await bench.reopen()
    claim = await bench.claim_one()
    assert (claim.progress, claim.attempt, ids([claim])) == (b"sending", 0, [["1"]])


async def test_released_lanes_are_ready_at_once_and_unchanged(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one(), Again(0, b"p"))
    await bench.store.release(bench.worker, await bench.claim())
    claim = await bench.claim_one()
    assert (claim.attempt, claim.progress, ids([claim])) == (1, b"p", [["1"]])


async def test_settling_twice_or_out_of_order_is_our_bug_and_writes_nothing(bench: Bench) -> None:
    await bench.put("a", "1", "2", "3")
    claim = await bench.claim_one()
    effects = Effects(state={"k": b"wrong"})
    with pytest.raises(StoreError, match="out of order"):
        await bench.settle(claim, Done(), effects, seq=2)
    await bench.settle(claim, release=False)
    with pytest.raises(StoreError, match="out of order"):
        await bench.settle(claim, Done(), effects, seq=1)
    assert await bench.store.state(["k"]) == {}
    assert await bench.left("a") == ["2", "3"]


async def test_two_settlements_of_an_item_at_once_write_one_of_them(bench: Bench) -> None:
    await bench.put("a", "1", "2")
    claim = await bench.claim_one()
    outcomes = await asyncio.gather(
        *(
            bench.settle(claim, Done(), Effects(state={f"k{number}": b"v"}), release=False)
            for number in (1, 2)
        ),
        return_exceptions=True,
    )
    assert [outcome for outcome in outcomes if outcome is True] == [True]
    assert len(await bench.store.state(["k1", "k2"])) == 1


async def test_a_turn_writes_everything_it_changes(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(
        await bench.claim_one(),
        effects=Effects(
            state={"set": b"1", "gone": b"2"},
            items=[event("out", "1/h/0", queue="out:x"), event("out", "1/h/1", queue="out:x")],
            timers=[timer("t", bench.clock.now + 60, event("later", "2"))],
            dead=[DeadLetter("1", "faq:answer", 5, "ValueError")],
        ),
    )
    await bench.put("a", "2")
    await bench.settle(await bench.claim_one(), effects=Effects(state={"gone": None, "never": None}))
    assert await bench.store.state(["set", "gone", "never"]) == {"set": b"1"}
    assert await bench.left("out") == ["1/h/0", "1/h/1"]
    assert await bench.store.next_timer_at() == bench.clock.now + 60
    assert await bench.store.dead_letters() == [
        DeadLetter("1", "faq:answer", 5, "ValueError", "a", "in", bench.clock.now)
    ]


async def test_a_turn_that_runs_again_queues_its_actions_once(bench: Bench) -> None:
    await bench.put("a", "1")
    actions = Effects(items=[event("out", f"1/h/{number}", queue="out:x") for number in range(3)])
    await bench.settle(await bench.claim_one(), Again(0), actions)
    await bench.settle(await bench.claim_one(), Done(), actions)
    assert ids(await bench.claim(queue="out:x")) == [["1/h/0", "1/h/1", "1/h/2"]]


async def test_a_turn_may_queue_for_its_own_lane(bench: Bench) -> None:
    await bench.put("a", "1")
    await bench.settle(await bench.claim_one(), effects=Effects(items=[event("a", "2")]))
    assert ids(await bench.claim()) == [["2"]]


async def test_many_turns_at_once_write_each_their_own(bench: Bench) -> None:
    for number in range(64):
        await bench.put(f"lane-{number}", str(number))
    claims = await bench.claim(lanes=64)
    settled = await asyncio.gather(
        *(
            bench.settle(
                claim,
                effects=Effects(
                    state={claim.lane: claim.items[0].payload},
                    items=[NewItem("out:x", f"out:{claim.lane}", f"{claim.lane}/0", b"")],
                ),
            )
            for claim in claims
        )
    )
    assert all(settled)
    states = await bench.store.state([f"lane-{number}" for number in range(64)])
    assert states == {f"lane-{number}": str(number).encode() for number in range(64)}
    assert len(await bench.claim(queue="out:x", lanes=100)) == 64


async def test_a_refused_turn_does_not_take_others_with_it(bench: Bench) -> None:
    for lane in "abc":
        await bench.put(lane, lane)
    claims = {claim.lane: claim for claim in await bench.claim()}
    wrong = Effects(state={"b": b"1"}, items=[event("a", "x", queue="out:x")])
    outcomes = await asyncio.gather(
        bench.settle(claims["a"], effects=Effects(state={"a": b"1"})),
        bench.settle(claims["b"], effects=wrong),
        bench.settle(claims["c"], effects=Effects(state={"c": b"1"})),
        return_exceptions=True,
    )
    assert outcomes[0] is outcomes[2] is True
    assert isinstance(outcomes[1], StoreError)
    assert await bench.store.state(["a", "b", "c"]) == {"a": b"1", "c": b"1"}
    assert await bench.left("b") == ["b"]


async def test_state_shows_what_the_lane_s_last_turn_wrote(bench: Bench) -> None:
    await bench.put("a", *(str(number) for number in range(100)))
    claim = await bench.claim_one(items=100)
    for item in claim.items:
        count = int((await bench.store.state(["n"])).get("n", b"0"))
        assert count == item.seq - 1
        await bench.settle(
            claim, effects=Effects(state={"n": str(count + 1).encode()}), seq=item.seq, release=False
        )


async def test_a_poison_head_holds_its_own_lane_only(bench: Bench) -> None:
    await bench.put("poison", *(f"p{number}" for number in range(1000)))
    for attempt in range(5):
        claim = await bench.claim_one(items=1)
        assert claim.attempt == attempt
        await bench.settle(claim, Again(1.0))
        await bench.put("healthy", f"h{attempt}")
        healthy = await bench.claim_one()
        assert healthy.lane == "healthy"
        await bench.settle(healthy)
        bench.clock.now += 1.0
    letter = DeadLetter("p0", "plugin:handler", 6, "ValueError")
    await bench.settle(await bench.claim_one(items=1), Done(), Effects(dead=[letter]))
    claim = await bench.claim_one(items=1)
    assert (claim.attempt, ids([claim])) == (0, [["p1"]])


async def test_a_cancelled_claim_gives_its_lanes_back(bench: Bench) -> None:
    await bench.put("a", "1")
    claiming = asyncio.create_task(bench.claim())
    await asyncio.sleep(0)
    claiming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await claiming
    async with asyncio.timeout(5):
        while not (claims := await bench.claim()):
            await bench.store.wait("in", 1.0)
    assert ids(claims) == [["1"]]


@pytest.mark.parametrize(("lanes", "items"), [(0, 5), (-1, 5), (5, 0), (5, -1)])
async def test_a_claim_of_nothing_owns_nothing(bench: Bench, lanes: int, items: int) -> None:
    await bench.put("a", "1")
    assert await bench.claim(lanes=lanes, items=items) == []
    assert ids(await bench.claim()) == [["1"]]
