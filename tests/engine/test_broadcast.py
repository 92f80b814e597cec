"""Priorities and broadcasts: answers first, and a message to many drains at X's pace."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from botkit.engine.outbox import OutQueue, Priority, paused_key
from botkit.engine.windows import Windows
from botkit.store.contract import Effects, Mark, NewItem, Settlement
from botkit.x.wire import Response

from .conftest import ACCOUNT, ALICE, Bench, dm

TELL_ALL = """
    @on_direct_message(contains("all"))
    async def tell_all(event, bot):
        await bot.send_dm([str(1000 + number) for number in range(50)], "news", unasked=True)
    @on_direct_message
    async def answer(event, bot):
        return "answer"
"""


class Limited:
    """An API with a window of its own, told in headers."""

    def __init__(self, bench: Bench, limit: int) -> None:
        self._clock, self._limit, self._left = bench.clock, limit, limit
        self._reset = bench.clock.now + 900
        self.texts: list[str] = []

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        if self._clock.now >= self._reset:
            self._left, self._reset = self._limit, self._clock.now + 900
        self._left -= 1
        assert self._left >= 0, "more than the window holds"
        self.texts.append(json.loads(body or b"{}")["text"])
        told = {
            "x-rate-limit-limit": str(self._limit),
            "x-rate-limit-remaining": str(self._left),
            "x-rate-limit-reset": str(int(self._reset)),
        }
        return Response(201, told, b'{"data":{"dm_event_id":"%d"}}' % len(self.texts), self._clock.now)

    async def close(self) -> None:
        """Nothing is open."""


async def run_until(bench: Bench, done: Callable[[], object]) -> None:
    sender = await bench.sender()
    running = asyncio.create_task(sender.run())
    await bench.log.until(done)
    sender.stop()
    await running


async def run_until_closed(bench: Bench, api: Limited) -> None:
    """Send until a window closes, or all 50 have left."""
    before = len(bench.log.lines("window_closed"))
    await run_until(
        bench, lambda: len(bench.log.lines("window_closed")) > before or api.texts.count("news") == 50
    )


async def broadcast(bench: Bench) -> OutQueue:
    (name,) = [name for name in await bench.store.queues("out:") if ":2:" in name]
    return OutQueue.from_name(name)


async def test_one_call_reaches_many_at_the_pace_of_the_window_and_leaves_room(bench: Bench) -> None:
    bench.load(TELL_ALL)
    api = Limited(bench, 20)
    bench.use(api)
    await bench.put(dm("to all"))
    await bench.step()
    await run_until_closed(bench, api)
    assert api.texts == ["news"] * 16  # a fifth of the window is left
    await bench.put(dm("me", message_id="2"))
    await bench.step()
    await run_until(bench, lambda: "answer" in api.texts)
    for _ in range(5):
        bench.clock.now += 901
        await run_until_closed(bench, api)
        if api.texts.count("news") == 50:
            break
    else:
        pytest.fail("it did not drain")


async def test_an_answer_leaves_before_a_broadcast_that_was_there_first(bench: Bench) -> None:
    bench.load(TELL_ALL)
    await bench.put(dm("to all"))
    await bench.step()
    await bench.put(dm("me", message_id="2"))
    await bench.step()
    api = Limited(bench, 100)
    bench.use(api)
    await run_until(bench, lambda: "news" in api.texts)
    assert api.texts[0] == "answer"


async def test_the_eta_counts_whole_windows(bench: Bench) -> None:
    bench.load(TELL_ALL)
    await bench.put(dm("to all"))
    await bench.step()
    queue = await broadcast(bench)
    windows = Windows(bench.store)
    assert await windows.eta_s(queue, 12) == 0
    assert await windows.eta_s(queue, 13) == pytest.approx(900, abs=1)
    assert await windows.eta_s(queue, 50) == pytest.approx(4 * 900, abs=1)


async def _mark(bench: Bench, key: str, value: bytes | None) -> None:
    bench.clock.now += 10
    await bench.store.put([NewItem("test", "test", f"test-{bench.clock.now}", b"")])
    worker = await bench.store.register("marks", 1000.0)
    (claim,) = await bench.store.claim(worker, "test", 1, 1)
    seq = claim.items[0].seq
    assert await bench.store.settle(worker, Settlement(claim, seq, Mark(b""), Effects(state={key: value})))
    await bench.store.release(worker, [claim])


async def test_a_paused_broadcast_waits_and_answers_go_on(bench: Bench) -> None:
    bench.load(TELL_ALL)
    await bench.put(dm("to all"))
    await bench.step()
    key = paused_key(await broadcast(bench))
    await _mark(bench, key, b"1")
    await bench.put(dm("me", message_id="2"))
    await bench.step()
    api = Limited(bench, 100)
    bench.use(api)
    await run_until(bench, lambda: bench.log.lines("action_settled"))
    assert api.texts == ["answer"]
    await _mark(bench, key, None)
    await run_until(bench, lambda: "news" in api.texts)


async def test_running_the_turn_again_makes_the_same_broadcast(bench: Bench) -> None:
    bench.load(TELL_ALL)
    await bench.put(dm("to all"))
    worker = await bench.store.register("one", 1000.0)
    (claim,) = await bench.store.claim(worker, "in", 1, 1)
    first = await bench.turns.run(claim, claim.items[0])
    second = await bench.turns.run(claim, claim.items[0])
    assert first.effects.items == second.effects.items
    assert len({item.lane for item in first.effects.items}) == 50


async def test_to_people_who_never_wrote_nothing_is_sent_unasked(bench: Bench) -> None:
    bench.load(
        f"""
        @on_direct_message(attempts=1)
        async def tell(event, bot):
            await bot.send_dm(["{ALICE}", "8", "9"], "news")
        """
    )
    await bench.put(dm())
    await bench.step()
    (letter,) = await bench.store.dead_letters()
    assert "2 of 2 users never wrote to this account" in letter.error
    assert await bench.texts() == []


def test_queue_names_read_back() -> None:
    queue = OutQueue(Priority.BROADCAST, "dm_send", ACCOUNT, "ab12")
    assert OutQueue.from_name(queue.name) == queue
    assert OutQueue.from_name("out:dm_send:1:0") == OutQueue(Priority.ANSWER, "dm_send", "1")
