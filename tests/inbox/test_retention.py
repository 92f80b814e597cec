"""How long things are kept: what is done and old goes, and nothing that waits."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from botkit.config import parse_config
from botkit.engine.outbox import sent_key
from botkit.errors import ConfigError, UserError
from botkit.inbox.retention import Retention, prune
from botkit.store.contract import DeadLetter, Done, Effects, NewItem, Settlement, Store
from botkit.testing import Clock
from botkit.x.values import first_snowflake

DAY = 86400.0


async def _three(store: Store) -> None:
    """One item that is done, one that is a dead letter, one that waits."""
    worker = await store.register("w", 1e9)
    for lane in ("done", "dead", "waits"):
        await store.put([NewItem("in", lane, lane, b"")])
    for claim in await store.claim(worker, "in", 3, 1):
        if claim.lane == "waits":
            await store.release(worker, [claim])
            continue
        letters = [DeadLetter("dead", "p:h", 5, "")] if claim.lane == "dead" else []
        await store.settle(worker, Settlement(claim, 1, Done(), Effects(dead=letters)))


async def _kept(store: Store) -> set[str]:
    return {name for name in ("done", "dead", "waits") if await store.item(name) is not None}


class _Sleep:
    """Sleeps until it is told how often it may."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self._asleep = asyncio.Condition()
        self._may = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        async with self._asleep:
            self.slept.append(seconds)
            self._asleep.notify_all()
        await self._may.acquire()

    async def asleep(self, times: int) -> None:
        async with asyncio.timeout(5), self._asleep:
            await self._asleep.wait_for(lambda: len(self.slept) >= times)

    def wake(self) -> None:
        self._may.release()


async def test_it_prunes_at_once_and_then_every_hour(store: Store, clock: Clock, log: Any) -> None:
    await _three(store)
    sleep = _Sleep()
    running = asyncio.create_task(Retention(store, keep_s=7 * DAY, log=log.logger, sleep=sleep).run())
    await sleep.asleep(1)
    assert await _kept(store) == {"done", "dead", "waits"}
    clock.now += 7 * DAY
    sleep.wake()
    await sleep.asleep(2)
    assert await _kept(store) == {"done", "dead", "waits"}
    clock.now += 1
    sleep.wake()
    await sleep.asleep(3)
    assert await _kept(store) == {"dead", "waits"}
    assert sleep.slept == [3600.0] * 3
    assert [line["items"] for line in log.lines("pruned")] == [1]
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_however_old_what_waits_is_never_pruned(store: Store, clock: Clock) -> None:
    await _three(store)
    clock.now += 1000 * DAY
    assert await prune(store, before=None, keep_s=7 * DAY) == {"before": "2028-09-24T12:00:00Z", "pruned": 1}
    assert await _kept(store) == {"dead", "waits"}


async def test_pruning_before_a_time_and_by_the_setting(store: Store, clock: Clock) -> None:
    await _three(store)
    begun = clock.now
    clock.now += 10 * DAY
    assert (await prune(store, before=begun, keep_s=30 * DAY))["pruned"] == 0
    assert (await prune(store, before=None, keep_s=30 * DAY))["pruned"] == 0
    assert (await prune(store, before=begun + 1, keep_s=30 * DAY))["pruned"] == 1


async def test_marks_of_what_the_bot_made_go_with_the_events(store: Store, clock: Clock) -> None:
    """An event that is not stored any more asks for no mark; ids that tell no time stay."""
    begun = clock.now
    old, young, untold = str(first_snowflake(begun) + 5), str(first_snowflake(begun + 1)), "77"
    marks = {sent_key("42", made): b"1" for made in (old, young, untold)}
    others = {"sending:42:post": b"1", "state:p:42:7": b"1", "wrote:42:7": b"1"}
    await store.keep(marks | others)
    clock.now += 10 * DAY
    await prune(store, before=begun + 1, keep_s=30 * DAY)
    kept = marks | others
    del kept[sent_key("42", old)]
    assert await store.state([*marks, *others]) == kept


async def test_what_x_may_deliver_again_is_not_pruned(store: Store, clock: Clock) -> None:
    with pytest.raises(UserError, match="nothing younger than 5 days"):
        await prune(store, before=clock.now - 5 * DAY + 1, keep_s=7 * DAY)
    assert (await prune(store, before=clock.now - 5 * DAY, keep_s=7 * DAY))["pruned"] == 0


async def test_a_store_that_can_not_be_written_now_is_tried_again(store: Store, log: Any) -> None:
    await store.close()
    sleep = _Sleep()
    running = asyncio.create_task(Retention(store, keep_s=7 * DAY, log=log.logger, sleep=sleep).run())
    await sleep.asleep(1)
    sleep.wake()
    await sleep.asleep(2)
    assert [line["error"] for line in log.lines("not_pruned")] == ["the store is not open"] * 2
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("written", ["4d", "119h", "0s", 1])
def test_a_retention_in_which_x_delivers_again_is_refused_with_the_reason(written: object) -> None:
    with pytest.raises(ConfigError, match="X delivers an event again for up to 5 days"):
        parse_config(f"engine: {{retention: {written}}}", environ={})


@pytest.mark.parametrize(("written", "days"), [("5d", 5), ("30d", 30)])
def test_a_retention_of_five_days_and_more(written: str, days: int) -> None:
    assert parse_config(f"engine: {{retention: {written}}}", environ={}).engine.retention == days * DAY
