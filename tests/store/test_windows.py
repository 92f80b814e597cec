"""X's rate-limit windows: never more than a window holds, whoever asks."""

from __future__ import annotations

import asyncio

from botkit.store.contract import Window

from .conftest import Bench


async def _take(bench: Bench, want: int, *, limit: int = 15, period_s: float = 900.0) -> int:
    return await bench.store.take("dm", want, limit=limit, period_s=period_s)


async def test_an_unknown_window_starts_with_its_limit(bench: Bench) -> None:
    assert await bench.store.window("dm") is None
    assert await _take(bench, 4) == 4
    assert await bench.store.window("dm") == Window("dm", 15, 4, bench.clock.now + 900)


async def test_no_more_is_granted_than_is_left(bench: Bench) -> None:
    assert [await _take(bench, 10), await _take(bench, 10), await _take(bench, 10)] == [10, 5, 0]
    window = await bench.store.window("dm")
    assert window is not None
    assert window.remaining == 0


async def test_many_who_take_at_once_get_the_limit_between_them(bench: Bench) -> None:
    granted = await asyncio.gather(*(_take(bench, 3, limit=100) for _ in range(64)))
    assert sum(granted) == 100


async def test_a_window_that_is_over_starts_anew(bench: Bench) -> None:
    await _take(bench, 15)
    bench.clock.now += 899
    assert await _take(bench, 1) == 0
    bench.clock.now += 1
    assert await _take(bench, 20) == 15


async def test_nothing_wanted_is_nothing_granted(bench: Bench) -> None:
    assert await _take(bench, 0) == 0
    assert await _take(bench, -3) == 0


async def test_what_was_not_used_is_there_for_others(bench: Bench) -> None:
    await _take(bench, 15)
    await bench.store.give_back("dm", 2)
    assert await _take(bench, 5) == 2
    await bench.store.give_back("dm", 100)
    assert await _take(bench, 100) == 15
    await bench.store.give_back("unknown", 1)


async def test_x_is_believed(bench: Bench) -> None:
    await _take(bench, 1)
    await bench.store.learn("dm", limit=200, remaining=120, reset_at=bench.clock.now + 300)
    assert await bench.store.window("dm") == Window("dm", 200, 80, bench.clock.now + 300)
    assert await _take(bench, 500) == 120
    bench.clock.now += 300
    assert await _take(bench, 500) == 15  # what X said is over: the documented limit again


async def test_an_answer_from_before_does_not_return_what_was_taken_since(bench: Bench) -> None:
    await _take(bench, 10)
    await bench.store.learn("dm", limit=15, remaining=14, reset_at=bench.clock.now + 300)
    assert await _take(bench, 15) == 5


async def test_an_answer_about_a_window_that_is_over_changes_nothing(bench: Bench) -> None:
    await _take(bench, 1)
    before = await bench.store.window("dm")
    await bench.store.learn("dm", limit=15, remaining=0, reset_at=bench.clock.now)
    assert await bench.store.window("dm") == before


async def test_a_frozen_window_grants_nothing_until_then(bench: Bench) -> None:
    await _take(bench, 1)
    await bench.store.freeze("dm", bench.clock.now + 60)
    assert await _take(bench, 1) == 0
    await bench.store.learn("dm", limit=15, remaining=15, reset_at=bench.clock.now + 900)
    assert await _take(bench, 1) == 0
    await bench.store.freeze("dm", bench.clock.now + 10)
    bench.clock.now += 59
    assert await _take(bench, 1) == 0
    bench.clock.now += 1
    assert await _take(bench, 1) == 1


async def test_an_unknown_window_can_be_frozen(bench: Bench) -> None:
    await bench.store.freeze("dm", bench.clock.now + 60)
    window = await bench.store.window("dm")
    assert window is not None
    assert window.frozen_until == bench.clock.now + 60
    assert await _take(bench, 1) == 0
    bench.clock.now += 60
    assert await _take(bench, 20) == 15


async def test_windows_are_apart_and_outlive_a_restart(bench: Bench) -> None:
    await _take(bench, 15)
    await bench.reopen()
    assert await _take(bench, 1) == 0
    assert await bench.store.take("posts", 1, limit=1, period_s=60) == 1
