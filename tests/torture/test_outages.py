"""The store goes away for a moment, at the worst one: nobody's attempt is spent, and no lane stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from botkit.errors import StoreUnavailable
from botkit.store.contract import Store
from botkit.testing import Clock

from ..engine.conftest import Bench, dm

HELLO = """
    @on_direct_message(attempts=1)
    async def hello(event, bot):
        return "hello"
"""


class _Away:
    """A store that can't be reached whenever a method is called that is named in ``missing``; each once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.missing: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name not in self.missing:
            return getattr(self._store, name)
        self.missing.remove(name)

        async def missing(*args: Any, **kwargs: Any) -> Any:
            raise StoreUnavailable("gone for a moment")

        return missing


@pytest.fixture
def away(store: Store) -> _Away:
    return _Away(store)


@pytest.fixture
def bench(tmp_path: Path, away: _Away, clock: Clock, log: Any) -> Bench:
    return Bench(tmp_path, cast("Store", away), clock, log)


async def _until(bench: Bench, true: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while not await true():
            await bench.store.wait("", 0.1)


@pytest.mark.parametrize(
    "source",
    [
        HELLO,
        HELLO.replace('return "hello"', 'await bot.send_dm("77", "hello", unasked=False); return "hello"'),
    ],
    ids=["before the handlers", "in a handler"],
)
async def test_a_turn_during_which_the_store_is_away_is_no_attempt(
    bench: Bench, away: _Away, source: str
) -> None:
    bench.load(source)
    in_handler = "send_dm" in source
    await bench.put(dm(sender="77"))
    worker = await bench.worker()
    if in_handler:
        state = away._store.state
        first = True

        async def second_fails(keys: Any) -> Any:
            nonlocal first
            if not first:
                away._store = store
                raise StoreUnavailable("gone for a moment")
            first = False
            return await state(keys)

        store = away._store
        away._store = cast("Store", _With(store, state=second_fails))
    else:
        away.missing.append("state")
    running = asyncio.create_task(worker.run())
    await bench.log.until_line("turn_interrupted")
    assert not await bench.texts()
    bench.clock.now += 2.0
    await _until(bench, bench.texts)
    worker.stop()
    await running
    assert set(await bench.texts()) == {"hello"}
    assert await bench.store.dead_letters() == []
    assert not bench.log.lines("handler_failed")
    assert not bench.log.lines("turn_crashed")


class _With:
    """A store with one method replaced."""

    def __init__(self, store: Store, **methods: Any) -> None:
        self._store, self._methods = store, methods

    def __getattr__(self, name: str) -> Any:
        return self._methods.get(name) or getattr(self._store, name)


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
    away.missing += ["settle", "release"]
    running = asyncio.create_task(sender.run())
    await bench.log.until_line("release_failed")
    await bench.log.until(lambda: bench.transport.requests)
    await bench.log.until_line("action_settled")
    sender.stop()
    await running
    assert len(bench.transport.requests) == 1


def test_a_connection_that_the_server_is_ending_is_an_outage() -> None:
    """What asyncpg says of it is no error of PostgreSQL's; a killed server showed it once in a long run."""
    asyncpg = pytest.importorskip("asyncpg")
    from botkit.store.postgres.faults import translated

    error = asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress")
    told = translated(error, "here")
    assert isinstance(told, StoreUnavailable)
    assert str(told) == "PostgreSQL at here can't be used: the connection is about to end"
