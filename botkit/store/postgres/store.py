"""The PostgreSQL store: what the contract promises, on a pool of connections."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from typing import ClassVar

from botkit.errors import StoreError, StoreUnavailable
from botkit.store.contract import (
    Claim,
    DeadLetter,
    Forgotten,
    LaneStats,
    Located,
    NewItem,
    QueueStats,
    Settlement,
    StoredItem,
    Window,
)
from botkit.store.postgres.address import Address
from botkit.store.postgres.backlog import Backlog
from botkit.store.postgres.batches import Batches
from botkit.store.postgres.cancelling import discard
from botkit.store.postgres.claims import Claims, Take
from botkit.store.postgres.connections import Connections
from botkit.store.postgres.faults import unopened
from botkit.store.postgres.forgetting import forget
from botkit.store.postgres.holds import Holds
from botkit.store.postgres.inbox import Inbox, Put, distinct, item_row
from botkit.store.postgres.letters import Letters
from botkit.store.postgres.reader import Reader, StateOf
from botkit.store.postgres.schema import MIGRATIONS, migrate
from botkit.store.postgres.timers import Timers
from botkit.store.postgres.turns import Settle, Turn, Turns
from botkit.store.postgres.waiting import Looks, Waiting
from botkit.store.postgres.windows import Windows
from botkit.store.postgres.workers import Workers

__all__ = ["PostgresStore"]


class PostgresStore:
    """A store in a PostgreSQL database, for any number of processes; see `botkit.store.contract.Store`.

    Its clock is the database's, for everyone. A call that finds the server gone raises `StoreUnavailable`;
    later calls connect again by themselves. When a connection breaks in the middle of a commit, nobody knows
    whether it happened, so a call that raised may be found done: asked again, `put` drops what is known and
    `settle` finds out.

    :param url: see `botkit.store.postgres.address.Address.parse`.
    :raises ConfigError: the address can't be read.
    """

    _connections_type: ClassVar[type[Connections]] = Connections
    _turns_type: ClassVar[type[Turns]] = Turns
    #: how long `forget` waits for those who still see what is deleted, seconds
    _patience_s: ClassVar[float] = 30.0
    _looks: ClassVar[Looks] = Looks()
    _migrations: ClassVar[Sequence[str]] = MIGRATIONS

    def __init__(self, url: str) -> None:
        self._address = Address.parse(url)
        self._opened: _Parts | None = None
        self._closing: asyncio.Task[None] | None = None

    # -- open and close ----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connect, and make the tables or bring them to this version."""
        if self._opened is not None:
            raise StoreError("the store is open already")
        opening = asyncio.create_task(self._connect())
        try:
            self._opened = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(self._close_unwanted)
            raise

    async def close(self) -> None:
        """Finish what was asked, free the lanes of our workers, and disconnect. A second time does nothing.

        All of it happens, even if the caller is cancelled.
        """
        opened, self._opened = self._opened, None
        if opened is not None:
            self._closing = asyncio.create_task(opened.close())
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _connect(self) -> _Parts:
        async with AsyncExitStack() as stack:
            connections = self._connections_type(self._address)
            stack.push_async_callback(connections.close)
            try:
                await connections.open()
                async with connections.raw() as connection:
                    await migrate(connection, self._address, self._migrations)
            except Exception as error:
                known = unopened(error, self._address.place)
                if known is error:
                    raise
                raise known from None
            parts = _Parts(connections, self._turns_type, self._looks)
            await parts.waiting.open()
            stack.pop_all()
            return parts
        raise AssertionError  # nothing is swallowed

    def _close_unwanted(self, opening: asyncio.Task[_Parts]) -> None:
        if not opening.cancelled() and opening.exception() is None:
            self._closing = asyncio.create_task(opening.result().close())

    def _open(self) -> _Parts:
        if self._opened is None:
            raise StoreUnavailable("the store is not open")
        return self._opened

    # -- the contract ------------------------------------------------------------------------------------

    async def now(self) -> float:
        """The database's clock."""
        return await self._open().reader.now()

    async def check(self) -> None:
        """Commit something."""
        await self._open().reader.check()

    async def put(self, items: Sequence[NewItem]) -> int:
        """Store new items."""
        puts = self._open().puts
        if not items:
            return 0
        count: int = await puts.submit(Put(distinct(item_row(item) for item in items)))
        return count

    async def register(self, name: str, ttl_s: float) -> int:
        """Begin a lease."""
        parts = self._open()
        worker_id = await parts.workers.register(name, ttl_s)
        parts.registered.add(worker_id)
        return worker_id

    async def beat(self, worker_id: int) -> bool:
        """Renew a lease."""
        parts = self._open()
        alive = await parts.workers.beat(worker_id)
        if not alive:
            parts.forget(worker_id)
        return alive

    async def unregister(self, worker_id: int) -> None:
        """End a lease."""
        parts = self._open()
        await parts.workers.end([worker_id])
        parts.forget(worker_id)

    async def reap(self) -> int:
        """End leases that ran out."""
        return await self._open().workers.reap()

    async def claim(self, worker_id: int, queue: str, lanes: int, items: int) -> list[Claim]:
        """Own ready lanes. When the caller is cancelled, what it would have got is given back."""
        parts = self._open()
        if lanes <= 0 or items <= 0:
            return []
        claiming = parts.takes.submit(Take(worker_id, queue, lanes, items))
        try:
            claims: list[Claim] = await asyncio.shield(claiming)
        except asyncio.CancelledError:
            claiming.add_done_callback(lambda done: parts.give_back(worker_id, done))
            raise
        return claims

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        """Commit a turn."""
        parts = self._open()
        turn = Turn.of(worker_id, settlement)
        settled: bool = await parts.settles.submit(Settle(turn))
        if turn.frees or not settled:
            parts.claims.settled(worker_id, settlement.claim)
        return settled

    async def release(self, worker_id: int, claims: Sequence[Claim]) -> None:
        """Give lanes back."""
        parts = self._open()
        if claims:
            await parts.claims.release(worker_id, claims)

    async def wait(self, prefix: str, timeout_s: float, *, ignore: Collection[str] = frozenset()) -> None:
        """Wait for a ready lane. A store that can't be read is waited for until the time-out."""
        if self._opened is not None:
            await self._opened.waiting.wait(prefix, timeout_s, ignore)

    async def queues(self, prefix: str) -> list[str]:
        """Queues with ready lanes."""
        return [queue for queue, delay_s in await self._open().reader.ready(prefix) if delay_s <= 0]

    async def state(self, keys: Sequence[str]) -> dict[str, bytes]:
        """States by key."""
        states = self._open().states
        if not keys:
            return {}
        found: dict[str, bytes] = await states.submit(StateOf(keys))
        return found

    async def states(self, prefix: str) -> dict[str, bytes]:
        """States by the beginning of their keys."""
        return await self._open().holds.states(prefix)

    async def keep(self, state: Mapping[str, bytes | None]) -> None:
        """Write states."""
        parts = self._open()
        if state:
            await parts.holds.keep(state)

    async def drop(self, first: str, behind: str) -> int:
        """Delete a range of states."""
        return await self._open().holds.drop(first, behind)

    async def unfinished(self, lane: str, limit: int = 100) -> list[StoredItem]:
        """A lane's unfinished items."""
        return await self._open().reader.unfinished(lane, limit)

    async def item(self, item_id: str) -> StoredItem | None:
        """An item by its id."""
        return await self._open().reader.item(item_id)

    async def history(self, lane: str, *, since: float, limit: int = 100) -> list[StoredItem]:
        """A lane's latest items."""
        return await self._open().reader.history(lane, since, limit)

    async def discard(self, queue: str) -> int:
        """Cancel a queue."""
        return await discard(self._open().connections, queue)

    async def fire_timers(self, limit: int = 1000) -> int:
        """Put the items of due timers; several processes share the work."""
        return await self._open().timers.fire(limit)

    async def next_timer_at(self) -> float | None:
        """When the next timer is due."""
        return await self._open().timers.next_at()

    async def prune(self, before: float) -> int:
        """Delete old items that are done."""
        return await self._open().reader.prune(before)

    async def forget(self, ending: str, *, items: Collection[str] = ()) -> Forgotten:
        """Delete what belongs to a name, and write the tables anew.

        What comes in meanwhile waits for as long as that takes, some seconds a GiB. The server's write-ahead
        log, archives, standbys and backups are the server's to forget.
        """
        if not ending:
            raise StoreError("every name ends with nothing: that would forget everything")
        return await forget(self._open().connections, ending, items, patience_s=self._patience_s)

    async def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        """Take or renew a named lease."""
        return await self._open().holds.hold(name, holder, ttl_s)

    async def let_go(self, name: str, holder: str) -> None:
        """End a named lease."""
        await self._open().holds.let_go(name, holder)

    async def take(self, window: str, want: int, *, limit: int, period_s: float) -> int:
        """Use requests of a window."""
        return await self._open().windows.take(window, want, limit, period_s)

    async def give_back(self, window: str, count: int) -> None:
        """Return requests to a window."""
        await self._open().windows.give_back(window, count)

    async def learn(self, window: str, *, limit: int, remaining: int, reset_at: float) -> None:
        """Believe X."""
        await self._open().windows.learn(window, limit, remaining, reset_at)

    async def freeze(self, window: str, until: float) -> None:
        """Close a window."""
        await self._open().windows.freeze(window, until)

    async def window(self, name: str) -> Window | None:
        """A window."""
        return await self._open().windows.window(name)

    async def backlog(self, prefix: str = "") -> int:
        """How much is unfinished."""
        return await self._open().backlog.count(prefix)

    async def stats(self) -> list[QueueStats]:
        """How full the queues are."""
        return await self._open().reader.stats()

    async def lanes(self, prefix: str = "", limit: int = 100) -> list[LaneStats]:
        """Lanes with unfinished items."""
        return await self._open().reader.lanes(prefix, limit)

    async def locate(self, item_id: str) -> Located | None:
        """An item and where it stands."""
        return await self._open().reader.locate(item_id)

    async def search(self, text: str, *, ending: str = "", limit: int = 100) -> list[Located]:
        """Items that hold a text."""
        return await self._open().reader.search(text, ending, limit)

    async def dead_letters(
        self, limit: int = 100, *, since: float = 0.0, item_id: str = "", handler_prefix: str = ""
    ) -> list[DeadLetter]:
        """Dead letters."""
        return await self._open().letters.find(limit, since, item_id, handler_prefix)

    async def dead_count(self) -> int:
        """How many dead letters."""
        return await self._open().letters.count()

    async def take_dead(self, item_id: str, handler: str, put: NewItem | None = None) -> DeadLetter | None:
        """Take a dead letter away, with an item in its place."""
        row = None if put is None else item_row(put)
        return await self._open().letters.take(item_id, handler, row)


class _Parts:
    """What an open store is made of.

    :ivar registered: the workers of this process.
    """

    def __init__(self, connections: Connections, turns_type: type[Turns], looks: Looks) -> None:
        self.connections = connections
        self.reader = Reader(connections)
        self.waiting = Waiting(connections, self.reader, looks)
        self.claims = Claims(connections, self._maybe)
        self.workers = Workers(connections, self._freed)
        self.timers = Timers(connections, self._committed)
        self.letters = Letters(connections, self._committed)
        self.windows = Windows(connections)
        self.holds = Holds(connections)
        self.backlog = Backlog(connections)
        self.puts = Batches("put", Inbox(connections, self._committed).run)
        self.settles = Batches("settle", turns_type(connections, self._committed).run)
        self.takes = Batches("claim", self.claims.run)
        self.states = Batches("state", self.reader.states)
        self.registered: set[int] = set()
        self._returning: set[asyncio.Task[None]] = set()

    def _committed(self, ready: Collection[str], maybe: Collection[str] = ()) -> None:
        self.waiting.committed(ready, maybe)
        self.backlog.changed()

    def _maybe(self, queues: Collection[str]) -> None:
        self.waiting.committed((), queues)

    def _freed(self, queues: Collection[str]) -> None:
        self.claims.floors.reset()
        self._maybe(queues)

    def forget(self, worker_id: int) -> None:
        """A worker is no more."""
        self.registered.discard(worker_id)
        self.claims.forget(worker_id)

    def give_back(self, worker_id: int, claiming: asyncio.Future[list[Claim]]) -> None:
        """Free what was claimed for a caller that has gone."""
        if claiming.cancelled() or claiming.exception() is not None or not claiming.result():
            return
        task = asyncio.create_task(self._give_back(worker_id, claiming.result()))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)

    async def _give_back(self, worker_id: int, claims: Sequence[Claim]) -> None:
        with suppress(StoreError):  # freed before the worker's next claim
            await self.claims.release(worker_id, claims)

    async def close(self) -> None:
        """Finish what was asked, free the lanes of our workers, and disconnect."""
        for batches in (self.puts, self.takes, self.settles, self.states):
            await batches.finish()
        await asyncio.gather(*self._returning)
        await self.backlog.finish()
        with suppress(StoreError):  # the leases end by themselves
            await self.workers.end(sorted(self.registered))
        await self.waiting.close()
        await self.connections.close()
