"""The store goes away for a moment, at the worst one: nobody's attempt is spent, and no lane stays behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from botkit.errors import StoreUnavailable, XUnavailable
from botkit.store.contract import Store
from botkit.store.postgres.faults import translated
from botkit.testing import Clock, FakeTransport
from botkit.x.wire import Response

from ..engine.conftest import Bench, dm  # noqa: TID252 - tests are not installed

HELLO = """
    @on_direct_message(attempts=1)
    async def hello(event, bot):
        return "hello"
"""
UNASKED = """
    @on_direct_message(attempts=1)
    async def hello(event, bot):
        await bot.send_dm(event.sender.id, "hello")  # asks the store whether they ever wrote
"""


class _Away:
    """A store that can't be reached at the n-th call from now of a method, once.

    :ivar missing: n by the method's name, from 1.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.missing: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in self.missing:
            return method

        async def perhaps(*args: Any, **kwargs: Any) -> Any:
            left = self.missing[name] = self.missing.get(name, 0) - 1
            if left == 0:
                raise StoreUnavailable("gone for a moment")
            return await method(*args, **kwargs)

        return perhaps


@pytest.fixture
def away(store: Store) -> _Away:
    return _Away(store)


@pytest.fixture
def bench(tmp_path: Path, away: _Away, clock: Clock, log: Any) -> Bench:
    return Bench(tmp_path, cast("Store", away), clock, log)


@pytest.mark.parametrize(
    ("source", "call"), [(HELLO, 1), (UNASKED, 2)], ids=["before the handlers", "in a handler"]
)
async def test_a_turn_during_which_the_store_is_away_is_no_attempt(
    bench: Bench, away: _Away, source: str, call: int
) -> None:
    bench.load(source)
    await bench.put(dm(sender="77"))  # the first message: that they wrote is stored with the turn
    await bench.step()
    await bench.put(dm(message_id="2", sender="77"))
    away.missing["state"] = call
    worker = await bench.worker()
    running = asyncio.create_task(worker.run())
    await bench.log.until_line("turn_interrupted")
    async with asyncio.timeout(5):
        while len(await bench.texts()) < 2:
            bench.clock.now += 0.1  # the line was written before the wait began
    worker.stop()
    await running
    assert await bench.store.dead_letters() == []
    assert not bench.log.lines("handler_failed")
    assert not bench.log.lines("turn_crashed")


async def test_an_action_that_could_not_begin_leaves_when_the_store_is_back(
    bench: Bench, away: _Away
) -> None:
    """The mark can't be written, and then the lane can't be given back."""
    bench.load(HELLO)
    await bench.put(dm())
    await bench.step()
    bench.transport.answer(
        "POST", "/messages", {"data": {"dm_conversation_id": "1-2", "dm_event_id": "9"}}, status=201
    )
    sender = await bench.sender()
    away.missing |= {"settle": 1, "release": 1}
    running = asyncio.create_task(sender.run())
    await bench.log.until_line("release_failed")
    await bench.log.until_line("action_settled")
    sender.stop()
    await running
    assert len(bench.transport.requests) == 1


async def test_what_never_left_uses_nothing_of_the_window(bench: Bench, away: _Away) -> None:
    """X can't be reached, and the store is away once; then X can be: its window must not be spent by then."""
    bench.load(HELLO)
    documented = 15  # messages in 15 minutes
    for number in range(documented):
        await bench.put(dm(message_id=str(number), sender=str(100 + number)))
        await bench.step()
    transport = _Refusing(bench.clock, documented - 1)  # the first request finds the store away
    transport.answer(
        "POST", "/messages", {"data": {"dm_conversation_id": "1-2", "dm_event_id": "9"}}, status=201
    )
    bench.use(transport)
    away.missing["settle"] = 1
    sender = await bench.sender()
    running = asyncio.create_task(sender.run())
    ends_at = bench.clock.now + 800.0  # before a window opens anew
    async with asyncio.timeout(5):
        while len(transport.requests) < documented:
            bench.clock.now += 0.01
            assert bench.clock.now < ends_at
            await bench.store.queues("out:")
    sender.stop()
    await running


class _Refusing(FakeTransport):
    """Can't connect so many times."""

    def __init__(self, clock: Clock, refused: int) -> None:
        super().__init__(clock)
        self._refused = refused

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        self._refused -= 1
        if self._refused >= 0:
            raise XUnavailable("refused")
        return await super().send(method, url, headers, body)


async def test_a_lease_that_can_not_be_ended_stops_no_stop(bench: Bench, away: _Away) -> None:
    lease = await bench.lease()
    away.missing["unregister"] = 1
    await lease.close()
    assert bench.log.lines("lease_not_ended")


def test_a_connection_that_the_server_is_ending_is_an_outage() -> None:
    """What asyncpg says of it is no error of PostgreSQL's; a killed server showed it once in a long run."""
    error = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    told = translated(error, "here")
    assert isinstance(told, StoreUnavailable)
    assert str(told) == "PostgreSQL at here can't be used: the connection is about to end"
