"""A bench for stores: the conformance tests run on every driver that is named here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from botkit.store import open_store
from botkit.store.contract import (
    Claim,
    Done,
    Effects,
    NewItem,
    NewTimer,
    Outcome,
    Settlement,
    Store,
)
from botkit.testing import Clock

from .postgres_stores import clocked

Make = Callable[[], Store]


def event(lane: str, item_id: str, *, queue: str = "in", payload: bytes | None = None) -> NewItem:
    """An item whose payload is its id, unless told otherwise."""
    return NewItem(queue, lane, item_id, item_id.encode() if payload is None else payload)


def timer(name: str, due_at: float, item: NewItem) -> NewTimer:
    """A timer for an item."""
    return NewTimer(name, due_at, item)


def ids(claims: Sequence[Claim]) -> list[list[str]]:
    """The item ids of claims, claim by claim."""
    return [[item.item_id for item in claim.items] for claim in claims]


class Bench:
    """A store, its clock, one registered worker, and short names for what tests do all the time."""

    def __init__(self, make: Make, clock: Clock) -> None:
        self._make = make
        self.clock = clock
        self.store = make()
        self.worker = 0

    async def open(self) -> None:
        """Open the store and register."""
        await self.store.open()
        self.worker = await self.store.register("worker", 30.0)

    async def reopen(self) -> None:
        """What a restart does."""
        await self.store.close()
        self.store = self._make()
        await self.open()

    async def put(self, lane: str, *item_ids: str, queue: str = "in") -> int:
        """Put items into a lane."""
        return await self.store.put([event(lane, item_id, queue=queue) for item_id in item_ids])

    async def claim(
        self, *, worker: int | None = None, queue: str = "in", lanes: int = 10, items: int = 10
    ) -> list[Claim]:
        """Claim as the bench's worker, or as another."""
        return await self.store.claim(self.worker if worker is None else worker, queue, lanes, items)

    async def claim_one(self, *, worker: int | None = None, queue: str = "in", items: int = 10) -> Claim:
        """Claim the one lane that is ready."""
        (claim,) = await self.claim(worker=worker, queue=queue, items=items)
        return claim

    async def settle(
        self,
        claim: Claim,
        outcome: Outcome | None = None,
        effects: Effects | None = None,
        *,
        seq: int = 0,
        worker: int | None = None,
        release: bool = True,
    ) -> bool:
        """Settle the first item of a claim, or the one with that number."""
        return await self.store.settle(
            self.worker if worker is None else worker,
            Settlement(
                claim, seq or claim.items[0].seq, outcome or Done(), effects or Effects(), release=release
            ),
        )

    async def left(self, lane: str) -> list[str]:
        """The ids of a lane's unfinished items."""
        return [item.item_id for item in await self.store.unfinished(lane)]


@pytest.fixture(params=["sqlite", "postgres"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Make:
    """Makes stores on one database of the driver's; one at a time is open."""
    if request.param == "postgres":
        url: str = request.getfixturevalue("postgres_url")
        return lambda: clocked(url, clock)
    path = tmp_path / "botkit.db"
    return lambda: open_store(f"sqlite:///{path}", clock=clock)


@pytest.fixture
async def bench(make_store: Make, clock: Clock) -> AsyncIterator[Bench]:
    """An open bench."""
    bench = Bench(make_store, clock)
    await bench.open()
    yield bench
    await bench.store.close()
