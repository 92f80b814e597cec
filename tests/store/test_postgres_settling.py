"""The short way of settling: taken by plain turns, left for all others, and held to the same promises."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, TypeVar

import asyncpg
import pytest

from botkit.errors import StoreError
from botkit.store.contract import Again, Claim, DeadLetter, Done, Effects, Mark, NewTimer, Outcome, Settlement
from botkit.store.postgres import PostgresStore
from botkit.store.postgres.address import Address
from botkit.store.postgres.connections import Connection, Connections, Work
from botkit.store.postgres.schema import MIGRATIONS

from .conftest import event

T = TypeVar("T")

_LONG_S = 60.0
_ITEMS = 4


class _Counting(Connections):
    """Connections that count the statements of transactions, and can lose the next commit to a race."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.statements = 0
        self.between: asyncio.Event | None = None
        self.lost = asyncio.Event()

    async def _transact(self, work: Work[T]) -> T:
        async def counted(connection: Connection) -> T:
            result = await work(_Counted(self, connection))  # type: ignore[arg-type] # two methods of it
            if self.between is None:
                return result
            raise asyncpg.SerializationError("somebody else was faster")

        try:
            return await super()._transact(counted)
        except asyncpg.SerializationError:
            if self.between is not None:
                self.lost.set()
                await self.between.wait()
                self.between = None
            raise


class _Counted:
    def __init__(self, counting: _Counting, connection: Connection) -> None:
        self._counting = counting
        self._connection = connection

    async def fetch(self, *arguments: Any) -> list[Any]:
        self._counting.statements += 1
        return await self._connection.fetch(*arguments)

    async def execute(self, *arguments: Any) -> str:
        self._counting.statements += 1
        return await self._connection.execute(*arguments)


class _Store(PostgresStore):
    _connections_type = _Counting

    @property
    def counting(self) -> _Counting:
        connections = self._open().connections
        assert isinstance(connections, _Counting)
        return connections


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[_Store]:
    store = _Store(postgres_url)
    await store.open()
    yield store
    await store.close()


async def _claims(store: PostgresStore, *lanes: str) -> tuple[int, list[Claim]]:
    worker = await store.register("w", _LONG_S)
    await store.put([event(lane, f"{lane}{number}") for lane in lanes for number in range(1, _ITEMS + 1)])
    claims = await store.claim(worker, "in", 10, 10)
    return worker, sorted(claims, key=lambda claim: claim.lane)


async def _settle(
    store: PostgresStore, worker: int, turns: Sequence[tuple[Claim, Outcome, Effects]], *, seq: int = 1
) -> list[bool | BaseException]:
    return await asyncio.gather(
        *(
            store.settle(worker, Settlement(claim, seq, outcome, effects))
            for claim, outcome, effects in turns
        ),
        return_exceptions=True,
    )


async def test_plain_turns_are_one_statement(store: _Store) -> None:
    worker, claims = await _claims(store, "a", "b", "c")
    effects = [
        Effects(state={f"key-{number}": b"1"}, items=[event("out", f"o{number}", queue="out")])
        for number in range(3)
    ]
    outcomes: list[Outcome] = [Done(), Mark(b"sending"), Done()]
    store.counting.statements = 0
    turns = list(zip(claims, outcomes, effects, strict=True))
    assert await _settle(store, worker, turns) == [True] * 3
    assert store.counting.statements == 1
    assert await store.state(["key-0", "key-1", "key-2"]) == dict.fromkeys(("key-0", "key-1", "key-2"), b"1")
    assert {item.item_id for item in await store.unfinished("out")} == {"o0", "o1", "o2"}
    assert [item.seq for item in await store.unfinished("a")] == [2, 3, 4]
    assert [item.seq for item in await store.unfinished("b")] == [1, 2, 3, 4]
    assert await store.backlog("in") == 3 * _ITEMS - 2
    # The marked lane is still in hand, the others are ready.
    await store.release(worker, [claims[1]])
    again = {claim.lane: claim for claim in await store.claim(worker, "in", 10, 10)}
    assert again.keys() == {"a", "b", "c"}
    assert again["b"].progress == b"sending"


@pytest.mark.parametrize(
    ("outcome", "effects"),
    [
        (Again(0.0, b"half"), Effects()),
        (Done(), Effects(state={"key": None})),
        (Done(), Effects(timers=[NewTimer("t", 1.0, event("a", "later"))])),
        (Done(), Effects(cancel_timers=["t"])),
        (Done(), Effects(dead=[DeadLetter("a1", "handler", 1, "no")])),
    ],
)
async def test_what_is_not_plain_goes_the_long_way_with_its_neighbours(
    store: _Store, outcome: Outcome, effects: Effects
) -> None:
    worker, (first, second) = await _claims(store, "a", "b")
    store.counting.statements = 0
    assert (
        await _settle(store, worker, [(first, outcome, effects), (second, Done(), Effects())]) == [True] * 2
    )
    assert store.counting.statements > 1
    assert [item.seq for item in await store.unfinished("b")] == [2, 3, 4]


async def test_a_lost_lane_takes_nobody_along(store: _Store) -> None:
    worker, (lost, kept) = await _claims(store, "a", "b")
    await store.release(worker, [lost])
    turns: list[tuple[Claim, Outcome, Effects]] = [
        (lost, Done(), Effects(state={"lost": b"1"})),
        (kept, Done(), Effects(state={"kept": b"1"})),
    ]
    assert await _settle(store, worker, turns) == [False, True]
    assert await store.state(["lost", "kept"]) == {"kept": b"1"}
    assert [item.seq for item in await store.unfinished("a")] == [1, 2, 3, 4]


async def test_a_lane_of_another_queue_refuses_its_turn_alone(store: _Store) -> None:
    worker, (bad, good) = await _claims(store, "a", "b")
    turns: list[tuple[Claim, Outcome, Effects]] = [
        (bad, Done(), Effects(state={"bad": b"1"}, items=[event("b", "x", queue="elsewhere")])),
        (good, Done(), Effects(state={"good": b"1"})),
    ]
    refused, settled = await _settle(store, worker, turns)
    assert isinstance(refused, StoreError)
    assert "another queue" in str(refused)
    assert settled is True
    assert await store.state(["bad", "good"]) == {"good": b"1"}


async def test_an_item_behind_its_own_lane_and_one_that_is_known_are_put_as_ever(store: _Store) -> None:
    worker, (claim,) = await _claims(store, "a")
    effects = Effects(items=[event("a", "a2"), event("a", "new")])
    store.counting.statements = 0
    assert await _settle(store, worker, [(claim, Done(), effects)]) == [True]
    assert store.counting.statements == 1
    assert [item.item_id for item in await store.unfinished("a")] == ["a2", "a3", "a4", "new"]
    assert await store.backlog("in") == _ITEMS


async def test_a_lane_lost_between_two_runs_of_a_batch_is_not_taken_for_settled(
    store: _Store, postgres_url: str
) -> None:
    other = PostgresStore(postgres_url)
    await other.open()
    worker, (claim,) = await _claims(store, "a")
    store.counting.between = asyncio.Event()
    settling = asyncio.create_task(
        store.settle(worker, Settlement(claim, 1, Done(), Effects(state={"key": b"1"})))
    )
    await store.counting.lost.wait()
    await other.unregister(worker)
    await other.close()
    store.counting.between.set()
    assert await settling is False
    assert await store.state(["key"]) == {}


class _OfVersion2(PostgresStore):
    _migrations = MIGRATIONS[:2]


async def test_tables_of_version_2_get_the_function_and_keep_what_they_hold(postgres_url: str) -> None:
    older = _OfVersion2(postgres_url)
    await older.open()
    await older.put([event("a", "a1")])
    await older.close()
    store = _Store(postgres_url)
    await store.open()
    worker = await store.register("w", _LONG_S)
    (claim,) = await store.claim(worker, "in", 1, 1)
    store.counting.statements = 0
    assert await store.settle(worker, Settlement(claim, 1, Done())) is True
    assert store.counting.statements == 1
    await store.close()
