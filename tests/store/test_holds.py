"""Named leases have one holder at a time; states can be written and listed outside of a turn."""

from __future__ import annotations

import asyncio

from botkit.store.contract import Effects

from .conftest import Bench


async def test_one_holder_at_a_time_until_it_lets_go(bench: Bench) -> None:
    assert await bench.store.hold("stream", "a", 30.0)
    assert not await bench.store.hold("stream", "b", 30.0)
    assert await bench.store.hold("another", "b", 30.0)
    await bench.store.let_go("stream", "b")
    assert not await bench.store.hold("stream", "b", 30.0)
    await bench.store.let_go("stream", "a")
    assert await bench.store.hold("stream", "b", 30.0)
    assert not await bench.store.hold("stream", "a", 30.0)


async def test_a_lease_that_ran_out_is_anybodys(bench: Bench) -> None:
    assert await bench.store.hold("stream", "a", 30.0)
    bench.clock.now += 29.0
    assert not await bench.store.hold("stream", "b", 30.0)
    bench.clock.now += 1.0
    assert await bench.store.hold("stream", "b", 30.0)
    assert not await bench.store.hold("stream", "a", 30.0)


async def test_a_holder_renews_its_lease(bench: Bench) -> None:
    for _ in range(5):
        assert await bench.store.hold("stream", "a", 30.0)
        bench.clock.now += 20.0
    assert not await bench.store.hold("stream", "b", 30.0)


async def test_of_many_who_want_it_at_once_one_gets_it(bench: Bench) -> None:
    got = await asyncio.gather(*(bench.store.hold("refresh", str(n), 30.0) for n in range(32)))
    assert sum(got) == 1


async def test_of_many_who_want_one_that_ran_out_one_gets_it(bench: Bench) -> None:
    assert await bench.store.hold("refresh", "dead", 1.0)
    bench.clock.now += 2.0
    got = await asyncio.gather(*(bench.store.hold("refresh", str(n), 30.0) for n in range(32)))
    assert sum(got) == 1


async def test_letting_go_of_what_nobody_holds_is_nothing(bench: Bench) -> None:
    await bench.store.let_go("nothing", "a")


async def test_states_are_written_replaced_and_deleted_together(bench: Bench) -> None:
    await bench.store.keep({"a:1": b"one", "a:2": b"two"})
    await bench.store.keep({"a:1": None, "a:2": b"2", "b": b"\x00"})
    assert await bench.store.state(["a:1", "a:2", "b"]) == {"a:2": b"2", "b": b"\x00"}
    await bench.store.keep({})
    await bench.store.keep({"never": None})


async def test_states_are_listed_by_the_beginning_of_their_keys(bench: Bench) -> None:
    await bench.store.keep(
        {"v:1": b"1", "v:2": b"2", "va": b"3", "u": b"4", "V:1": b"5", "v:é\U0001f600": b"6"}
    )
    assert await bench.store.states("v:") == {"v:1": b"1", "v:2": b"2", "v:é\U0001f600": b"6"}
    assert await bench.store.states("none") == {}


async def test_a_range_of_states_is_dropped(bench: Bench) -> None:
    kept = {"v": b"1", "v:1": b"2", "v:3": b"3", "w": b"4"}
    await bench.store.keep(kept | {f"v:2{number:04}": b"old" for number in range(2100)})
    assert await bench.store.drop("v:2", "v:3") == 2100
    assert await bench.store.drop("v:2", "v:3") == 0
    assert await bench.store.state([*kept, "v:20000"]) == kept


async def test_a_turn_and_a_write_of_ones_own_see_each_other(bench: Bench) -> None:
    await bench.put("lane", "1")
    await bench.store.keep({"k": b"1"})
    await bench.settle(await bench.claim_one(), effects=Effects(state={"k": b"2"}))
    assert await bench.store.states("k") == {"k": b"2"}


async def test_states_outlive_a_restart(bench: Bench) -> None:
    await bench.store.keep({"k": b"1"})
    await bench.reopen()
    assert await bench.store.states("k") == {"k": b"1"}
