"""Dead letters: found by time, item and handler; taken away, with or without an item in their place."""

from __future__ import annotations

import asyncio

import pytest

from botkit.errors import StoreError
from botkit.store.contract import DeadLetter, Done, Effects

from .conftest import Bench, event, ids


async def _die(bench: Bench, item_id: str, *handlers: str, lane: str = "a", queue: str = "in") -> None:
    """An item that is done, with a dead letter for each handler."""
    await bench.put(lane, item_id, queue=queue)
    dead = [DeadLetter(item_id, handler, 5, "ValueError") for handler in handlers]
    await bench.settle(await bench.claim_one(queue=queue), Done(), Effects(dead=dead))


async def _found(bench: Bench, **asked: object) -> list[tuple[str, str]]:
    letters = await bench.store.dead_letters(**asked)  # type: ignore[arg-type] - each test names its own
    return [(letter.item_id, letter.handler) for letter in letters]


async def test_letters_since_a_time(bench: Bench) -> None:
    await _die(bench, "1", "p:h")
    bench.clock.now += 10
    since = bench.clock.now
    await _die(bench, "2", "p:h")
    assert await _found(bench, since=since) == [("2", "p:h")]
    assert await _found(bench, since=since - 10) == [("2", "p:h"), ("1", "p:h")]
    assert await _found(bench, since=since + 1) == []


async def test_letters_of_one_item(bench: Bench) -> None:
    await _die(bench, "1", "p:a", "p:b")
    await _die(bench, "11", "p:a")
    assert sorted(await _found(bench, item_id="1")) == [("1", "p:a"), ("1", "p:b")]
    assert await _found(bench, item_id="2") == []


async def test_letters_of_one_plugin_and_of_the_actions_it_asked_for(bench: Bench) -> None:
    await _die(bench, "1", "shop:order", "workshop:order", "s_op:order")
    await _die(bench, "9:dm:1/shop:order/0", "dm.send", lane="o", queue="out")
    await _die(bench, "9:dm:1/workshop:order/0", "dm.send", lane="o", queue="out")
    assert sorted(await _found(bench, handler_prefix="shop:")) == [
        ("1", "shop:order"),
        ("9:dm:1/shop:order/0", "dm.send"),
    ]
    assert await _found(bench, handler_prefix="s_op:") == [("1", "s_op:order")]


async def test_what_is_asked_for_together_holds_together_and_the_limit_counts_what_is_left(
    bench: Bench,
) -> None:
    for number in range(5):
        await _die(bench, str(number), "p:h" if number % 2 else "q:h")
        bench.clock.now += 1
    since = bench.clock.now - 4
    assert await _found(bench, since=since, handler_prefix="p:", limit=5) == [("3", "p:h"), ("1", "p:h")]
    assert await _found(bench, since=since, handler_prefix="p:", limit=1) == [("3", "p:h")]


async def test_they_are_counted(bench: Bench) -> None:
    assert await bench.store.dead_count() == 0
    await _die(bench, "1", "p:a", "p:b")
    assert await bench.store.dead_count() == 2


async def test_a_letter_is_taken_once(bench: Bench) -> None:
    await _die(bench, "1", "p:a", "p:b")
    taken = await asyncio.gather(*(bench.store.take_dead("1", "p:a") for _ in range(3)))
    assert [letter.handler for letter in taken if letter is not None] == ["p:a"]
    assert await _found(bench) == [("1", "p:b")]
    assert await bench.store.take_dead("2", "p:b") is None


async def test_the_item_in_its_place_is_put_with_it(bench: Bench) -> None:
    await _die(bench, "1", "p:a")
    letter = await bench.store.take_dead("1", "p:a", event("a", "again"))
    assert letter == DeadLetter("1", "p:a", 5, "ValueError", "a", "in", bench.clock.now)
    assert ids(await bench.claim()) == [["again"]]
    assert await bench.store.backlog("in") == 1


async def test_nothing_is_put_for_a_letter_that_is_gone(bench: Bench) -> None:
    assert await bench.store.take_dead("1", "p:a", event("a", "again")) is None
    assert await bench.claim() == []


async def test_an_item_that_is_known_or_can_not_be_put_keeps_the_letter(bench: Bench) -> None:
    await _die(bench, "1", "p:a")
    for item in (event("a", "1"), event("a", "2", queue="out")):
        with pytest.raises(StoreError):
            await bench.store.take_dead("1", "p:a", item)
    assert await _found(bench) == [("1", "p:a")]
    assert await bench.store.backlog() == 0


async def test_what_a_letter_is_about_is_kept_until_the_letter_goes(bench: Bench) -> None:
    await _die(bench, "1", "p:a")
    await _die(bench, "2")
    bench.clock.now += 1
    assert await bench.store.prune(bench.clock.now) == 1
    assert await bench.store.item("1") is not None
    await bench.store.take_dead("1", "p:a")
    assert await bench.store.prune(bench.clock.now) == 1
    assert await bench.store.item("1") is None
