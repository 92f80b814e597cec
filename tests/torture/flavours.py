"""The store under torture: as it is, and with one promise of the contract broken.

The broken ones are the suite's negative controls: the harness must find what each of them does.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

from botkit.store import open_store
from botkit.store.contract import Done, Effects, Mark, NewItem, Settlement, Store

__all__ = ["make_store"]


def make_store(url: str, flavour: str = "") -> Store:
    """The store of an address; ``flavour`` is empty, or what is broken: the fence, one transaction a turn (in both
    orders), or the commit before the acknowledgement."""
    sqlite = url.startswith("sqlite:")
    match flavour:
        case "":
            return open_store(url)
        case "unfenced":
            return _unfenced_sqlite(url) if sqlite else _unfenced_postgres(url)
        case _:
            mixin = {"effects_first": EffectsFirst, "ack_first": AckFirst, "early_ack": EarlyAck}[flavour]
            base = type(open_store(url))
            broken: Any = type(flavour, (mixin, base), {})
            return broken(_path(url)) if sqlite else broken(url)


def _path(url: str) -> Any:
    from pathlib import Path

    return Path(url.removeprefix("sqlite:///"))


def _unfenced_sqlite(url: str) -> Store:
    from botkit.store.sqlite import SqliteStore
    from botkit.store.sqlite.ledger import Ledger

    class Unfenced(Ledger):
        fence = "1"

    class UnfencedStore(SqliteStore):
        _ledger_type = Unfenced

    return UnfencedStore(_path(url))


def _unfenced_postgres(url: str) -> Store:
    from botkit.store.postgres import PostgresStore
    from botkit.store.postgres.turns import Turns

    class Unfenced(Turns):
        fenced = False

    class UnfencedStore(PostgresStore):
        _turns_type = Unfenced

    return UnfencedStore(url)


class EffectsFirst:
    """The effects of a turn in one transaction, its acknowledgement in the next."""

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        settle = super().settle  # type: ignore[misc]  # a mixin: the store stands behind it
        if isinstance(settlement.outcome, Done):
            claim = settlement.claim
            progress = claim.progress if settlement.seq == claim.items[0].seq else b""
            first = dataclasses.replace(settlement, outcome=Mark(progress), release=False)
            if not await settle(worker_id, first):
                return False
            settlement = dataclasses.replace(settlement, effects=Effects())
        return bool(await settle(worker_id, settlement))


class AckFirst:
    """The acknowledgement and the state of a turn in one transaction, its actions in the next."""

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        items = settlement.effects.items
        effects = dataclasses.replace(settlement.effects, items=())
        settled = await super().settle(  # type: ignore[misc]  # a mixin: the store stands behind it
            worker_id, dataclasses.replace(settlement, effects=effects)
        )
        if settled and items:
            await super().put(items)  # type: ignore[misc]  # a mixin: the store stands behind it
        return bool(settled)


class EarlyAck:
    """Says that items are stored while they are still on their way."""

    _on_the_way: frozenset[asyncio.Future[int]] = frozenset()

    async def put(self, items: Sequence[NewItem]) -> int:
        put = asyncio.ensure_future(super().put(items))  # type: ignore[misc]  # a mixin: the store stands behind it
        self._on_the_way |= {put}
        put.add_done_callback(self._arrived)
        await asyncio.sleep(0)
        return len(items)

    def _arrived(self, put: asyncio.Future[int]) -> None:
        self._on_the_way -= {put}
        if not put.cancelled():
            put.exception()
