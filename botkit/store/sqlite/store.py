"""The SQLite store: what the contract promises, handed to one writing and two reading threads."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

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
from botkit.store.sqlite import holds, reader
from botkit.store.sqlite.batches import Batches
from botkit.store.sqlite.cancelling import discard, take_dead
from botkit.store.sqlite.forgetting import Found, delete, find, total
from botkit.store.sqlite.ledger import Ledger
from botkit.store.sqlite.lock import FileLock
from botkit.store.sqlite.reader import Look, Reader, StateOf
from botkit.store.sqlite.schema import prepare
from botkit.store.sqlite.turns import Turn, distinct, item_row
from botkit.store.sqlite.waiting import Waiters
from botkit.store.sqlite.writer import Call, Put, Settle, Wipe, Writer

__all__ = ["SqliteStore"]

T = TypeVar("T")

#: rows looked at in one transaction of `SqliteStore.prune`, and deleted in one of `SqliteStore.drop`
_PRUNED_AT_ONCE = 1000

#: how often `SqliteStore.forget` looks again for what others wrote while it deleted
_ROUNDS = 10


class SqliteStore:
    """A store in one SQLite file, for one process; see `botkit.store.contract.Store` for what it promises.

    Timers and windows name points in time; delays are lengths of time, and stay so when the clock steps back.

    :param path: the file; ``None`` for one of its own in a temporary folder, gone after `close`.
    :param clock: Unix seconds; called in any thread.
    :param max_pages: refuse to grow beyond that many pages of 4 KiB, as on a full disk.
    """

    _ledger_type: ClassVar[type[Ledger]] = Ledger
    _writer_type: ClassVar[type[Writer]] = Writer

    def __init__(
        self, path: Path | None, *, clock: Callable[[], float] = time.time, max_pages: int | None = None
    ) -> None:
        self._wanted_path = path
        self._clock = clock
        self._max_pages = max_pages
        self._waiters = Waiters()
        self._opened: _Threads | None = None
        self._closing: asyncio.Task[None] | None = None

    # -- open and close ----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the file, or make it; free what earlier processes held."""
        if self._opened is not None:
            raise StoreError("the store is open already")
        opening = asyncio.ensure_future(asyncio.to_thread(self._open_files))
        try:
            files = await asyncio.shield(opening)
        except asyncio.CancelledError:
            opening.add_done_callback(_close_files)  # or the lock would be held for ever
            raise
        self._opened = _Threads(files, self._committed)

    async def close(self) -> None:
        """Finish what was asked, then close, even if the caller is cancelled. A second time does nothing."""
        opened, self._opened = self._opened, None
        if opened is not None:
            self._waiters.wake_all()
            self._closing = asyncio.create_task(self._close(opened))
        if self._closing is not None:
            await asyncio.shield(self._closing)

    async def _close(self, opened: _Threads) -> None:
        future = opened.writing.future()
        opened.writing.submit(Call(future, Ledger.end_all))
        with suppress(StoreError):  # on a full disk the next start frees the lanes
            await future
        await opened.stop()

    def _open_files(self) -> _Files:
        with ExitStack() as stack:
            if self._wanted_path is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="botkit-"))
                path = Path(folder) / "botkit.db"
            else:
                path = self._wanted_path.resolve()
            stack.callback(FileLock.take(path).drop)
            prepare(path)
            writer = self._writer_type(
                path, ledger=self._ledger_type, clock=self._clock, max_pages=self._max_pages
            )
            stack.callback(writer.close)
            reader, scanner = Reader(path), Reader(path)
            stack.callback(reader.close)
            stack.callback(scanner.close)
            writer.begin()
            return _Files(writer, reader, scanner, stack.pop_all())
        raise AssertionError  # ExitStack swallows nothing

    def _committed(self) -> None:
        if self._opened is not None:
            self._waiters.wake(*self._opened.files.writer.woken())

    # -- asking the threads ------------------------------------------------------------------------------

    def _open(self) -> _Threads:
        if self._opened is None:
            raise StoreUnavailable("the store is not open")
        return self._opened

    def _write(self, run: Callable[[Ledger], T]) -> asyncio.Future[T]:
        writing = self._open().writing
        future: asyncio.Future[T] = writing.future()
        writing.submit(Call(future, run))
        return future

    def _read(self, run: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        reading = self._open().reading
        future: asyncio.Future[T] = reading.future()
        reading.submit(Look(future, run))
        return future

    def _scan(self, run: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """A read that may take long: it must not hold up the others."""
        scanning = self._open().scanning
        future: asyncio.Future[T] = scanning.future()
        scanning.submit(Look(future, run))
        return future

    # -- the contract ------------------------------------------------------------------------------------

    async def now(self) -> float:
        """The clock."""
        return self._clock()

    async def check(self) -> None:
        """Commit something."""
        await self._write(Ledger.check)
        await asyncio.to_thread(self._open().files.writer.check_file)

    async def put(self, items: Sequence[NewItem]) -> int:
        """Store new items."""
        writing = self._open().writing
        if not items:
            return 0
        rows = distinct(map(item_row, items))
        future: asyncio.Future[int] = writing.future()
        writing.submit(Put(future, rows))
        return await future

    async def register(self, name: str, ttl_s: float) -> int:
        """Begin a lease."""
        return await self._write(lambda ledger: ledger.register(name, ttl_s))

    async def beat(self, worker_id: int) -> bool:
        """Renew a lease."""
        return await self._write(lambda ledger: ledger.beat(worker_id))

    async def unregister(self, worker_id: int) -> None:
        """End a lease."""
        await self._write(lambda ledger: ledger.unregister(worker_id))

    async def reap(self) -> int:
        """End leases that ran out."""
        return await self._write(Ledger.reap)

    async def claim(self, worker_id: int, queue: str, lanes: int, items: int) -> list[Claim]:
        """Own ready lanes. When the caller is cancelled, what it would have got is given back."""
        claiming = self._write(lambda ledger: ledger.claim(worker_id, queue, lanes, items))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            claiming.add_done_callback(lambda done: self._give_back(worker_id, done))
            raise

    def _give_back(self, worker_id: int, claiming: asyncio.Future[list[Claim]]) -> None:
        if claiming.cancelled() or claiming.exception() is not None or self._opened is None:
            return
        claims = claiming.result()
        if claims:
            self._write(lambda ledger: ledger.release(worker_id, claims)).add_done_callback(_heard)

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        """Commit a turn."""
        writing = self._open().writing
        future: asyncio.Future[bool] = writing.future()
        writing.submit(Settle(future, Turn.of(worker_id, settlement)))
        return await future

    async def release(self, worker_id: int, claims: Sequence[Claim]) -> None:
        """Give lanes back."""
        if claims:
            await self._write(lambda ledger: ledger.release(worker_id, claims))

    async def wait(self, prefix: str, timeout_s: float, *, ignore: Collection[str] = frozenset()) -> None:
        """Wait for a ready lane. A store that can't be read is waited for until the time-out."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        with self._waiters.watch(prefix, ignore) as waiter:
            while not waiter.sure and (left_s := deadline - loop.time()) > 0 and self._opened is not None:
                waiter.arm()
                with suppress(StoreUnavailable):
                    queues = await self._read(lambda found: reader.ready_queues(found, prefix, ignore))
                    delay_s = min((ready_at for _, ready_at in queues), default=float("inf")) - self._clock()
                    if delay_s <= 0:
                        return
                    left_s = min(left_s, delay_s)
                await waiter.sleep(left_s)

    async def queues(self, prefix: str) -> list[str]:
        """Queues with ready lanes."""
        found = await self._read(lambda connection: reader.ready_queues(connection, prefix))
        now = self._clock()
        return [queue for queue, ready_at in found if ready_at <= now]

    async def state(self, keys: Sequence[str]) -> dict[str, bytes]:
        """States by key."""
        reading = self._open().reading
        if not keys:
            return {}
        future: asyncio.Future[dict[str, bytes]] = reading.future()
        reading.submit(StateOf(future, keys))
        return await future

    async def states(self, prefix: str) -> dict[str, bytes]:
        """States by the beginning of their keys."""
        return await self._read(lambda connection: reader.states(connection, prefix))

    async def keep(self, state: Mapping[str, bytes | None]) -> None:
        """Write states."""
        if state:
            await self._write(lambda ledger: ledger.keep(state))

    async def drop(self, first: str, behind: str) -> int:
        """Delete a range of states, a piece at a time, so that others commit in between."""
        gone = 0
        while dropped := await self._write(lambda ledger: ledger.drop(first, behind, _PRUNED_AT_ONCE)):
            gone += dropped
        return gone

    async def unfinished(self, lane: str, limit: int = 100) -> list[StoredItem]:
        """A lane's unfinished items."""
        return await self._read(lambda connection: reader.unfinished(connection, lane, limit))

    async def history(self, lane: str, *, since: float, limit: int = 100) -> list[StoredItem]:
        """A lane's latest items."""
        return await self._read(lambda connection: reader.history(connection, lane, since, limit))

    async def item(self, item_id: str) -> StoredItem | None:
        """An item by its id."""
        return await self._read(lambda connection: reader.item(connection, item_id))

    async def discard(self, queue: str) -> int:
        """Cancel a queue."""
        return await self._write(lambda ledger: discard(ledger, queue))

    async def fire_timers(self, limit: int = 1000) -> int:
        """Put the items of due timers."""
        return await self._write(lambda ledger: ledger.fire(limit))

    async def next_timer_at(self) -> float | None:
        """When the next timer is due."""
        return await self._read(reader.next_timer_at)

    async def prune(self, before: float) -> int:
        """Delete old items that are done, a piece at a time, so that others commit in between."""
        gone, behind = 0, 0
        while True:
            pruned, last = await self._prune_piece(before, behind)
            gone += pruned
            if last is None:
                return gone
            behind = last

    def _prune_piece(self, before: float, behind: int) -> asyncio.Future[tuple[int, int | None]]:
        return self._write(lambda ledger: ledger.prune(before, behind, _PRUNED_AT_ONCE))

    async def forget(self, ending: str, *, items: Collection[str] = ()) -> Forgotten:
        """Delete what belongs to a name, and write the file anew.

        What comes in meanwhile waits for as long as writing takes, ten seconds or so a GiB.
        """
        if not ending:
            raise StoreError("every name ends with nothing: that would forget everything")
        gone = [await self._write(lambda ledger: delete(ledger, Found(items=tuple(items))))]
        # Beside the looking others commit; what they add in the meantime is found in the next round.
        for _ in range(_ROUNDS):
            found = await self._scan(lambda connection: find(connection, ending))
            if not found:
                break
            gone.append(await self._delete(found))
        writing = self._open().writing
        future: asyncio.Future[None] = writing.future()
        writing.submit(Wipe(future))
        await future
        return total(gone)

    def _delete(self, found: Found) -> asyncio.Future[Forgotten]:
        return self._write(lambda ledger: delete(ledger, found))

    async def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        """Take or renew a named lease."""
        return await self._write(
            lambda ledger: holds.hold(ledger.connection, name, holder, ttl_s, ledger.now)
        )

    async def let_go(self, name: str, holder: str) -> None:
        """End a named lease."""
        await self._write(lambda ledger: holds.let_go(ledger.connection, name, holder))

    async def take(self, window: str, want: int, *, limit: int, period_s: float) -> int:
        """Use requests of a window."""
        return await self._write(
            lambda ledger: ledger.windows.take(window, want, limit, period_s, ledger.now)
        )

    async def give_back(self, window: str, count: int) -> None:
        """Return requests to a window."""
        await self._write(lambda ledger: ledger.windows.give_back(window, count))

    async def learn(self, window: str, *, limit: int, remaining: int, reset_at: float) -> None:
        """Believe X."""
        await self._write(lambda ledger: ledger.windows.learn(window, limit, remaining, reset_at, ledger.now))

    async def freeze(self, window: str, until: float) -> None:
        """Close a window."""
        await self._write(lambda ledger: ledger.windows.freeze(window, until))

    async def window(self, name: str) -> Window | None:
        """A window."""
        return await self._read(lambda connection: reader.window(connection, name))

    async def backlog(self, prefix: str = "") -> int:
        """How much is unfinished."""
        return await self._read(lambda connection: reader.backlog(connection, prefix))

    async def stats(self) -> list[QueueStats]:
        """How full the queues are."""
        return await self._scan(reader.stats)

    async def lanes(self, prefix: str = "", limit: int = 100) -> list[LaneStats]:
        """Lanes with unfinished items."""
        return await self._scan(lambda connection: reader.lanes(connection, prefix, limit))

    async def locate(self, item_id: str) -> Located | None:
        """An item and where it stands."""
        return await self._read(lambda connection: reader.locate(connection, item_id))

    async def search(self, text: str, *, ending: str = "", limit: int = 100) -> list[Located]:
        """Items that hold a text."""
        return await self._scan(lambda connection: reader.search(connection, text, ending, limit))

    async def dead_letters(
        self, limit: int = 100, *, since: float = 0.0, item_id: str = "", handler_prefix: str = ""
    ) -> list[DeadLetter]:
        """Dead letters."""
        return await self._scan(
            lambda connection: reader.dead_letters(connection, limit, since, item_id, handler_prefix)
        )

    async def dead_count(self) -> int:
        """How many dead letters."""
        return await self._scan(reader.dead_count)

    async def take_dead(self, item_id: str, handler: str, put: NewItem | None = None) -> DeadLetter | None:
        """Take a dead letter away, with an item in its place."""
        row = None if put is None else item_row(put)
        return await self._write(lambda ledger: take_dead(ledger, item_id, handler, row))


def _close_files(opening: asyncio.Future[_Files]) -> None:
    """Close what was opened for someone who does not want it any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().stack.close()


def _heard(future: asyncio.Future[None]) -> None:
    """Nobody waits for the outcome: a lane that can't be given back comes back with its worker's lease."""
    if not future.cancelled():
        future.exception()


@dataclass(frozen=True, slots=True)
class _Files:
    """What is open on disk; closing ``stack`` closes the readers first and drops the lock last."""

    writer: Writer
    reader: Reader
    scanner: Reader
    stack: ExitStack


class _Threads:
    """The threads of an open store."""

    def __init__(self, files: _Files, committed: Callable[[], None]) -> None:
        self.files = files
        # Every batch is a commit on disk, so a full one is worth a moment: of 1 to 16 turns measured, 8 gave
        # a receiver a fifth more, and took nothing from others.
        self.writing = Batches("botkit-store-write", files.writer.run, finished=committed, gather=8)
        self.reading = Batches("botkit-store-read", files.reader.run)
        self.scanning = Batches("botkit-store-scan", files.scanner.run)

    async def stop(self) -> None:
        """End the threads and close the files."""
        for thread in (self.scanning, self.reading, self.writing):
            await thread.stop()
        await asyncio.to_thread(self.files.stack.close)
