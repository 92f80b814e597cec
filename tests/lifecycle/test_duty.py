"""One process at a time does it; another takes over when the first ends, or loses its lease."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from botkit.keeping.duty import Duty
from botkit.store.contract import Store
from botkit.testing import Clock

from .conftest import Time


class Work:
    """Notes who does it."""

    def __init__(self) -> None:
        self.doing: list[str] = []
        self.begun: list[str] = []

    async def by(self, name: str) -> None:
        self.doing.append(name)
        self.begun.append(name)
        try:
            await asyncio.Event().wait()
        finally:
            self.doing.remove(name)


async def test_another_takes_over_when_the_first_ends(store: Store, log: Any, clock: Clock) -> None:
    time, work = Time(), Work()
    tasks = {}
    for name in ("one", "two"):
        duty = Duty(store, "keeping", holder=name, log=log.logger, sleep=time.sleep)
        tasks[name] = asyncio.create_task(duty.run(lambda name=name: work.by(name)))
        await time.quiet()
    await time.passes(60.0)
    assert work.doing == ["one"]
    tasks["one"].cancel()
    await asyncio.gather(tasks["one"], return_exceptions=True)
    await time.passes(10.0)
    assert work.doing == ["two"]
    assert work.begun == ["one", "two"]
    tasks["two"].cancel()
    await asyncio.gather(tasks["two"], return_exceptions=True)
    assert await store.hold("keeping", "three", 1.0)


async def test_who_loses_the_lease_stops(store: Store, log: Any, clock: Clock) -> None:
    """As after a process was stopped for longer than its lease lasts."""
    time, work = Time(), Work()
    duty = Duty(store, "keeping", holder="one", log=log.logger, sleep=time.sleep)
    running = asyncio.create_task(duty.run(lambda: work.by("one")))
    await time.passes(1.0)
    assert work.doing == ["one"]
    clock.now += 60
    assert await store.hold("keeping", "two", 60.0)
    await time.passes(10.0)
    assert work.doing == []
    assert log.lines("duty_lost")
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not await store.hold("keeping", "three", 1.0)


async def test_what_the_work_raises_comes_out(store: Store, log: Any) -> None:
    async def fails() -> None:
        raise KeyError("a mistake of ours")

    with pytest.raises(KeyError):
        await Duty(store, "keeping", holder="one", log=log.logger).run(fails)
    assert await store.hold("keeping", "two", 1.0)
