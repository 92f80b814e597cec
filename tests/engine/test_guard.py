"""Two bots with default replies come to an end; people are always answered after a moment's pause."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from botkit.config import parse_config
from botkit.engine.guard import Exchange, LoopGuard
from botkit.engine.turn import TurnSettings
from botkit.errors import ConfigError
from botkit.roles.engine import guard_of

from .conftest import Bench, dm

GUARD = LoopGuard(replies=5, within_s=3600.0, quick_s=10.0)
DEFAULT = "@on_direct_message(fallback=True)\nasync def default(event): return 'pardon?'"
PRICE = "@on_direct_message(contains('price'))\nasync def price(event): return 'ten'"


class Talk:
    """Somebody who writes to the bot."""

    def __init__(self, bench: Bench, sender: str = "7") -> None:
        self.bench, self.sender = bench, sender
        self.said = 0

    async def says(self, text: str = "hello") -> bool:
        """Whether that was answered."""
        self.said += 1
        number = f"{self.sender}{self.said:04}"
        await self.bench.put(dm(text, message_id=number, sender=self.sender))
        settlement = await self.bench.step()
        assert settlement is not None
        return bool(settlement.effects.items)

    async def goes_on(self, every_s: float, times: int, text: str = "hello") -> int:
        """Say it so often, and count the answers."""
        answers = 0
        for _ in range(times):
            answers += await self.says(text)
            self.bench.clock.now += every_s
        return answers


@pytest.fixture
def guarded(bench: Bench) -> Bench:
    bench.settings = TurnSettings(guard=GUARD)
    return bench


async def test_two_bots_come_to_an_end(guarded: Bench) -> None:
    """The other answers whatever it is told, a second later: without a guard that is for ever."""
    guarded.load(DEFAULT)
    other = Talk(guarded)
    rounds = 0
    while await other.says("pardon?") and rounds < 100:
        rounds += 1
        guarded.clock.now += 1
    assert rounds == GUARD.replies + 1
    (line,) = guarded.log.lines("default_reply_held_back")
    assert (line["level"], line["replies"]) == ("warning", 5)
    assert "loop_guard in bot.yaml" in line["reason"]


async def test_a_loop_that_x_slows_down_comes_to_an_end(guarded: Bench) -> None:
    """Fifteen messages in fifteen minutes is what X lets through; the waits for its windows are no escape."""
    guarded.load(DEFAULT)
    other, answered = Talk(guarded), 0
    for burst in range(4):
        for _ in range(3):
            if not await other.says("pardon?"):
                assert burst == 2
                assert answered == 8
                return
            answered += 1
            guarded.clock.now += 1
        guarded.clock.now += 900
    raise AssertionError


async def test_a_person_who_takes_time_is_always_answered(guarded: Bench) -> None:
    guarded.load(DEFAULT)
    assert await Talk(guarded).goes_on(11, times=60) == 60
    assert guarded.log.lines("default_reply_held_back") == []


async def test_a_person_who_was_taken_for_a_bot_is_answered_after_a_moment(guarded: Bench) -> None:
    guarded.load(DEFAULT)
    person = Talk(guarded)
    assert await person.goes_on(2, times=10) == 6
    guarded.clock.now += 11
    assert await person.says()
    # The hour that counts passes, and all is forgotten.
    guarded.clock.now += 3600
    assert await person.goes_on(2, times=10) == 6


async def test_others_are_answered_meanwhile(guarded: Bench) -> None:
    guarded.load(DEFAULT)
    assert await Talk(guarded, "7").goes_on(1, times=10) == 6
    assert await Talk(guarded, "8").goes_on(1, times=3) == 3


async def test_only_default_replies_count_and_are_held_back(guarded: Bench) -> None:
    guarded.load(PRICE, DEFAULT)
    person = Talk(guarded)
    assert await person.goes_on(1, times=20, text="the price?") == 20
    assert await person.goes_on(1, times=10) == 6
    assert await person.says("the price?")


async def test_what_a_fallback_does_without_answering_goes_on(guarded: Bench) -> None:
    guarded.load("@on_direct_message(fallback=True)\nasync def note(event, bot): bot.state['n'] = event.text")
    person = Talk(guarded)
    await person.goes_on(1, times=20)
    assert guarded.log.lines("default_reply_held_back") == []


async def test_it_survives_a_restart_and_a_forgotten_person_leaves_no_trace(guarded: Bench) -> None:
    """Nothing is held in memory: every step here has turns of its own."""
    guarded.load(DEFAULT)
    await Talk(guarded).goes_on(1, times=3)
    (key,) = await guarded.store.states("loop:")
    lane = key.removeprefix("loop:")
    assert len(Exchange.decode((await guarded.store.states("loop:"))[key]).quick_at) == 2
    forgotten = await guarded.store.forget(lane)
    assert key in forgotten.state


async def test_zero_is_no_guard(bench: Bench) -> None:
    bench.settings = TurnSettings(guard=LoopGuard(replies=0))
    bench.load(DEFAULT)
    assert await Talk(bench).goes_on(0.1, times=50) == 50
    assert await bench.store.states("loop:") == {}


async def test_a_person_who_runs_it_by_hand_is_obeyed(guarded: Bench) -> None:
    guarded.load(DEFAULT)
    other = Talk(guarded)
    await other.goes_on(1, times=10)
    await guarded.put(dm("hello", message_id="99", sender="7"))
    worker = await guarded.store.register("look", 1000.0)
    (claim,) = await guarded.store.claim(worker, "in", 1, 1)
    rehearsed = await guarded.turns.rehearse(claim.lane, claim.items[0])
    assert rehearsed.handlers == ("plugin1:default",)
    assert list(rehearsed.effects.state) == [f"wrote:{claim.lane}"] or rehearsed.effects.items


@pytest.mark.parametrize(
    ("plugins", "reads"), [((DEFAULT,), 1), ((PRICE, DEFAULT), 1)], ids=["default", "beside another"]
)
async def test_it_costs_no_further_read_of_the_store(
    guarded: Bench, plugins: Sequence[str], reads: int
) -> None:
    guarded.load(*plugins)
    asked: list[Sequence[str]] = []
    state = guarded.store.state

    class Counting:
        """The store, with its reads counted."""

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def state(self, keys: Sequence[str]) -> dict[str, bytes]:
            asked.append(keys)
            return await state(keys)

    store = guarded.store
    guarded.store = Counting()  # type: ignore[assignment]  # all but its reads is the store's own
    assert await Talk(guarded).says()
    assert len(asked) == reads


def test_bot_yaml_has_a_guard_that_people_do_not_meet() -> None:
    assert guard_of(parse_config("", environ={})) == LoopGuard(20, 3600.0, 10.0)
    written = parse_config("loop_guard: {replies: 3, within: 10m, quick: 5s}", environ={})
    assert guard_of(written) == LoopGuard(3, 600.0, 5.0)
    with pytest.raises(ConfigError, match=r"loop_guard\.replies"):
        parse_config("loop_guard: {replies: -1}", environ={})


def test_a_clock_that_goes_back_makes_nothing_of_it() -> None:
    late = Exchange(replied_at=1000.0)
    assert not late.holds(GUARD, 900.0)
    assert late.replied(GUARD, 900.0, 0.5) == Exchange(900.5, (900.0,))
