"""The store under torture: as it is, and with one promise of the contract broken.

The broken ones are the suite's negative controls: the harness must find what each of them does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace

from botkit.store import open_store
from botkit.store.contract import Done, Effects, Mark, NewItem, Settlement, Store
from botkit.store.postgres import PostgresStore
from botkit.store.postgres.turns import Turns
from botkit.store.sqlite import SqliteStore
from botkit.store.sqlite.ledger import Ledger

__all__ = ["make_store"]


def make_store(url: str, flavour: str = "") -> Store:
    """The store of an address.

    :param flavour: empty, or what is broken: ``unfenced``, ``effects_first``, ``ack_first``, ``early_ack``.
    """
    match flavour:
        case "":
            return open_store(url)
        case "unfenced" if url.startswith("sqlite:"):
            return _UnfencedSqlite(Path(url.removeprefix("sqlite:///")))
        case "unfenced":
            return _UnfencedPostgres(url)
        case _:
            around = {"effects_first": _EffectsFirst, "ack_first": _AckFirst, "early_ack": _EarlyAck}
            return cast("Store", around[flavour](open_store(url)))


class _UnfencedLedger(Ledger):
    fence = "1"


class _UnfencedSqlite(SqliteStore):
    _ledger_type = _UnfencedLedger


class _UnfencedTurns(Turns):
    fenced = False


class _UnfencedPostgres(PostgresStore):
    _turns_type = _UnfencedTurns


class _Around:
    """A store around another one."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class _EffectsFirst(_Around):
    """The effects of a turn in one transaction, its acknowledgement in the next."""

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        if isinstance(settlement.outcome, Done):
            claim = settlement.claim
            progress = claim.progress if settlement.seq == claim.items[0].seq else b""
            first = replace(settlement, outcome=Mark(progress), release=False)
            if not await self._store.settle(worker_id, first):
                return False
            settlement = replace(settlement, effects=Effects())
        return await self._store.settle(worker_id, settlement)


class _AckFirst(_Around):
    """The acknowledgement and the state of a turn in one transaction, its actions in the next."""

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        effects = replace(settlement.effects, items=())
        if not await self._store.settle(worker_id, replace(settlement, effects=effects)):
            return False
        await self._store.put(settlement.effects.items)
        return True


class _EarlyAck(_Around):
    """Says that items are stored while they are still on their way."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self._on_the_way: set[asyncio.Task[int]] = set()

    async def put(self, items: Sequence[NewItem]) -> int:
        task = asyncio.create_task(self._store_later(items))
        self._on_the_way.add(task)
        task.add_done_callback(self._on_the_way.discard)
        await asyncio.sleep(0)
        return len(items)

    async def _store_later(self, items: Sequence[NewItem]) -> int:
        return await self._store.put(items)
