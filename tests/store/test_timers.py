"""Timers: each fires once, when it is due, into its lane."""

from __future__ import annotations

import asyncio

from botkit.store.contract import Again, Effects, NewTimer

from .conftest import Bench, event, ids, timer


async def _set(bench: Bench, *timers: NewTimer, cancel: tuple[str, ...] = ()) -> None:
    """Set timers as a turn does."""
    await bench.put("turn", "turn")
    await bench.settle(
        await bench.claim_one(),
        Again(0, counts=False),
        Effects(timers=timers, cancel_timers=cancel),
    )


async def test_a_timer_fires_when_it_is_due_and_never_again(bench: Bench) -> None:
    await _set(bench, timer("t", bench.clock.now + 60, event("later", "1", payload=b"{}")))
    assert await bench.store.fire_timers() == 0
    bench.clock.now += 60
    assert await bench.store.fire_timers() == 1
    assert await bench.store.fire_timers() == 0
    assert await bench.store.next_timer_at() is None
    stored = await bench.store.item("1")
    assert stored is not None
    assert (stored.payload, stored.received_at) == (b"{}", bench.clock.now)
    assert await bench.left("later") == ["1"]


async def test_a_timer_fired_by_many_at_once_fires_once(bench: Bench) -> None:
    now = bench.clock.now
    await _set(bench, *(timer(f"t{number}", now, event("later", str(number))) for number in range(100)))
    fired = await asyncio.gather(*(bench.store.fire_timers(limit=7) for _ in range(20)))
    assert sum(fired) == 100
    assert len(await bench.left("later")) == 100


async def test_timers_fire_in_the_order_in_which_they_are_due(bench: Bench) -> None:
    now = bench.clock.now
    await _set(
        bench, *(timer(f"t{number}", now - number, event("later", str(number))) for number in range(20))
    )
    assert await bench.store.fire_timers(limit=15) == 15
    assert await bench.store.fire_timers() == 5
    assert await bench.left("later") == [str(number) for number in reversed(range(20))]


async def test_a_timer_replaces_one_with_its_id_that_has_not_fired(bench: Bench) -> None:
    now = bench.clock.now
    await _set(bench, timer("t", now + 10, event("later", "old")))
    await _set(bench, timer("t", now + 20, event("other", "new", queue="out:x")))
    bench.clock.now += 15
    assert await bench.store.fire_timers() == 0
    bench.clock.now += 15
    assert await bench.store.fire_timers() == 1
    assert ids(await bench.claim(queue="out:x")) == [["new"]]


async def test_a_cancelled_timer_does_not_fire(bench: Bench) -> None:
    await _set(bench, timer("t", bench.clock.now, event("later", "1")))
    await _set(bench, cancel=("t", "never set"))
    assert await bench.store.fire_timers() == 0
    assert await bench.store.item("1") is None


async def test_a_timer_that_is_cancelled_and_set_in_one_turn_is_set(bench: Bench) -> None:
    await _set(bench, timer("t", bench.clock.now, event("later", "1")))
    await _set(bench, timer("t", bench.clock.now, event("later", "2")), cancel=("t",))
    assert await bench.store.fire_timers() == 1
    assert await bench.left("later") == ["2"]


async def test_a_timer_whose_item_is_known_fires_into_nothing(bench: Bench) -> None:
    await bench.put("later", "1", queue="out:x")
    await _set(bench, timer("t", bench.clock.now, event("later", "1", queue="out:x")))
    assert await bench.store.fire_timers() == 1
    assert await bench.left("later") == ["1"]


async def test_a_due_timer_wakes_its_lane(bench: Bench) -> None:
    await _set(bench, timer("t", bench.clock.now, event("later", "1", queue="out:x")))
    assert await bench.store.queues("out:") == []
    await bench.store.fire_timers()
    assert await bench.store.queues("out:") == ["out:x"]


async def test_timers_outlive_a_restart(bench: Bench) -> None:
    due_at = bench.clock.now + 60
    await _set(bench, timer("t", due_at, event("later", "1")), timer("u", due_at + 1, event("later", "2")))
    await bench.reopen()
    assert await bench.store.next_timer_at() == due_at
    bench.clock.now += 60
    assert await bench.store.fire_timers() == 1


async def test_a_timer_that_can_t_be_put_is_a_dead_letter_and_holds_up_no_other(bench: Bench) -> None:
    await bench.put("later", "0", queue="out:x")
    now = bench.clock.now
    await _set(
        bench,
        timer("t", now - 2, event("later", "1")),
        timer("u", now - 1, event("later", "2", queue="out:x")),
        timer("v", now, event("fresh", "3")),
        timer("w", now, event("fresh", "4", queue="out:x")),
    )
    assert await bench.store.fire_timers() == 4
    assert await bench.store.fire_timers() == 0
    assert await bench.left("later") == ["0", "2"]
    assert await bench.left("fresh") == ["3"]
    letters = await bench.store.dead_letters()
    assert {(letter.item_id, letter.handler, letter.lane, letter.queue) for letter in letters} == {
        ("1", "timer", "later", "in"),
        ("4", "timer", "fresh", "out:x"),
    }
