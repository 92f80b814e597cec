"""Forgetting: everything that ends with a name goes, nothing else does, and nobody brings it back."""

from __future__ import annotations

import pytest

from botkit.errors import StoreError
from botkit.store.contract import Again, DeadLetter, Done, Effects, Forgotten

from .conftest import Bench, event, ids, timer


async def _fill(bench: Bench) -> None:
    """Two users with one of everything, and what is nobody's."""
    for user in ("7", "17"):
        await bench.put(f"9:{user}", f"{user}-done", f"{user}-waits")
        claim = await bench.claim_one()
        effects = Effects(
            state={f"state:p:9:{user}": b"s", f"wrote:9:{user}": b"w", f"x:{user}:y": b"x"},
            items=[event(f"out:dm:9:0:{user}", f"{user}-action", queue="out:dm:9:0")],
            timers=[
                timer(
                    f"{user}-timer",
                    bench.clock.now + 60,
                    event(f"out:dm:9:0:{user}", "t", queue="out:dm:9:0"),
                )
            ],
            dead=[DeadLetter(f"{user}-done", "p:h", 5, "ValueError")],
        )
        await bench.settle(claim, Done(), effects)
        await bench.settle(await bench.claim_one(), Again(600))


async def test_everything_of_one_name_goes_and_nothing_of_another(bench: Bench) -> None:
    await _fill(bench)
    forgotten = await bench.store.forget(":7")
    assert dict(forgotten.items) == {"in": 2, "out:dm:9:0": 1}
    assert (forgotten.dead, forgotten.timers) == (1, 1)
    assert sorted(forgotten.state) == ["state:p:9:7", "wrote:9:7"]
    for item_id in ("7-done", "7-waits", "7-action"):
        assert await bench.store.item(item_id) is None
    assert [stats.lane for stats in await bench.store.lanes()] == ["9:17", "out:dm:9:0:17"]
    assert await bench.store.state(["state:p:9:7", "wrote:9:7", "state:p:9:17", "wrote:9:17", "x:7:y"]) == {
        "state:p:9:17": b"s",
        "wrote:9:17": b"w",
        "x:7:y": b"x",
    }
    assert [letter.item_id for letter in await bench.store.dead_letters()] == ["17-done"]
    assert await bench.store.item("17-done") is not None
    bench.clock.now += 60
    assert await bench.store.fire_timers() == 1
    assert await bench.store.backlog("in") == 1
    assert await bench.store.backlog("out:") == 2


async def test_forgetting_twice_finds_nothing(bench: Bench) -> None:
    await _fill(bench)
    await bench.store.forget(":7")
    assert await bench.store.forget(":7") == Forgotten({}, 0, 0, ())


async def test_every_name_ends_with_nothing(bench: Bench) -> None:
    await _fill(bench)
    with pytest.raises(StoreError):
        await bench.store.forget("")
    assert await bench.store.item("7-done") is not None


async def test_further_items_go_when_they_are_finished(bench: Bench) -> None:
    await bench.put("9:9", "1", "2")
    await bench.settle(await bench.claim_one(items=1))
    forgotten = await bench.store.forget(":7", items=["1", "2", "3"])
    assert dict(forgotten.items) == {"in": 1}
    assert await bench.store.item("1") is None
    assert await bench.left("9:9") == ["2"]
    assert await bench.store.backlog() == 1


async def test_who_comes_again_begins_anew(bench: Bench) -> None:
    await bench.put("9:7", "1", "2")
    await bench.settle(await bench.claim_one(items=1))
    await bench.store.forget(":7")
    assert await bench.put("9:7", "1") == 1
    claim = await bench.claim_one()
    assert [(item.seq, item.item_id) for item in claim.items] == [(1, "1")]
    assert await bench.settle(claim)
    assert await bench.store.backlog() == 0


async def test_a_turn_that_is_in_hand_settles_as_lost(bench: Bench) -> None:
    await bench.put("9:7", "1")
    claim = await bench.claim_one()
    await bench.store.forget(":7")
    effects = Effects(state={"state:p:9:7": b"secret"}, items=[event("o:7", "action", queue="out")])
    assert not await bench.settle(claim, effects=effects)
    assert await bench.store.state(["state:p:9:7"]) == {}
    assert await bench.store.item("action") is None


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_turn_of_before_does_not_pass_for_one_of_a_lane_that_was_made_anew(
    bench: Bench, restarted: bool
) -> None:
    await bench.put("9:7", "1")
    stale = await bench.claim_one()
    await bench.store.forget(":7")
    if restarted:
        await bench.reopen()
    await bench.put("9:7", "2")
    fresh = await bench.claim_one()
    assert fresh.items[0].seq == stale.items[0].seq
    assert not await bench.settle(stale, effects=Effects(state={"state:p:9:7": b"secret"}))
    assert await bench.settle(fresh)
    assert await bench.store.state(["state:p:9:7"]) == {}


async def test_a_released_claim_of_before_frees_nothing_of_the_new_lane(bench: Bench) -> None:
    await bench.put("9:7", "1")
    stale = await bench.claim_one()
    await bench.store.forget(":7")
    await bench.put("9:7", "2")
    fresh = await bench.claim_one()
    await bench.store.release(bench.worker, [stale])
    assert await bench.claim() == []
    assert ids([fresh]) == [["2"]]
