"""Connections whose commits are on disk, to a server that keeps what it has committed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Protocol, TypeVar

import asyncpg

from botkit.errors import StoreError
from botkit.store.postgres.address import Address
from botkit.store.postgres.faults import CommitLost, UnsafeServer, lost_race, translated, unavailable

__all__ = ["ANSWER_S", "Connection", "Connections"]

T = TypeVar("T")

Answer = Coroutine[Any, Any, T]


class Connection(Protocol):
    """What is used of asyncpg's connections, pooled or not; typed without asyncpg's types, too."""

    def execute(self, query: str, *args: Any, timeout: float | None = None) -> Answer[str]:
        """Run statements and return what the server says of the last one."""

    def fetch(self, query: str, *args: Any, timeout: float | None = None) -> Answer[list[Any]]:
        """All rows."""

    def fetchrow(self, query: str, *args: Any, timeout: float | None = None) -> Answer[Any]:
        """The first row, or ``None``."""

    def fetchval(self, query: str, *args: Any) -> Answer[Any]:
        """The first value of the first row, or ``None``."""

    def cursor(
        self, query: str, *args: Any, prefetch: int | None = None, timeout: float | None = None
    ) -> Any:
        """Rows one after the other, inside a transaction."""

    def transaction(self, *, readonly: bool = False) -> Any:
        """A block that is a transaction."""

    def is_closed(self) -> bool:
        """Whether it is closed."""

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def terminate(self) -> None:
        """Cut it."""


Work = Callable[[Connection], Awaitable[T]]

#: runs of a transaction that loses races before it is given up
_TRIES = 20

#: the oldest server: pieces of a table are read by their place since then
_OLDEST = 140000

#: how long to wait for a connection, seconds
_CONNECT_S = 10.0

#: how long to wait for the answer to a statement, seconds
ANSWER_S = 30.0

#: how long to wait for connections in use when the store closes, seconds
_CLOSE_S = 5.0

# The startup packet wins over what a role's or a database's defaults say.
_SETTINGS = {
    "application_name": "botkit",
    "synchronous_commit": "on",
    # A process that is stopped between two statements must not hold others' lanes for longer than this.
    "idle_in_transaction_session_timeout": "10000",
    "lock_timeout": "20000",
    # A client whose machine vanished is noticed.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    # Statements are planned once, often while the tables are small: the plan must suit a million rows.
    "enable_seqscan": "off",
    "jit": "off",
}

_SAFETY = """
SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS full_page_writes,
    current_setting('synchronous_commit') AS synchronous_commit, pg_is_in_recovery() AS standby,
    current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding
"""


class Connections:
    """A pool. A lost connection is made anew when it is next needed.

    Each connection checks its server when it is made: a server that was started again with other settings is
    noticed too.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self._pool: asyncpg.Pool[Any] | None = None

    async def open(self) -> None:
        """Connect.

        :raises Exception: whatever asyncpg raises; see `botkit.store.postgres.faults.unopened`.
        """
        self._pool = await asyncpg.create_pool(
            self.address.dsn,
            min_size=0,  # more, and the pool connects by itself, and logs tracebacks while the server is gone
            max_size=self.address.pool,
            init=self._made,
            setup=self._lent,
            reset=_nothing_to_reset,
            timeout=_CONNECT_S,
            command_timeout=ANSWER_S,
            server_settings=self._settings,
        )

    async def close(self) -> None:
        """Close what is open; connections that are still in use are cut."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                await pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            pool.terminate()

    @contextmanager
    def told(self) -> Iterator[None]:
        """Let errors come out as the store's.

        :raises StoreUnavailable: no connection can be made, or it was lost.
        :raises StoreError: the server refused something.
        """
        try:
            yield
        except Exception as error:
            known = self.translated(error)
            if known is error:
                raise
            raise known from None

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[Connection]:
        """A connection for a block; errors come out as in `told`."""
        with self.told():
            async with self.raw() as connection:
                yield connection

    async def transact(self, work: Work[T]) -> T:
        """Run something in one transaction, again when another one was faster; errors come out as they are.

        :param work: may run several times; nothing of a run that fails is written.
        :raises CommitLost: the connection broke while it committed: nobody knows whether it did.
        """
        return await self._until_won(self._transact, work)

    async def once(self, work: Work[T]) -> T:
        """The same for a single statement, which is a transaction by itself and saves two round trips."""
        return await self._until_won(self._once, work)

    async def _until_won(self, run: Callable[[Work[T]], Awaitable[T]], work: Work[T]) -> T:
        for tries_left in reversed(range(_TRIES)):
            try:
                return await run(work)
            except asyncpg.PostgresError as error:
                if not tries_left or not lost_race(error):
                    raise
        raise AssertionError  # the last try returns or raises

    async def _once(self, work: Work[T]) -> T:
        async with self.raw() as connection:
            return await work(connection)

    async def _transact(self, work: Work[T]) -> T:
        async with self.raw() as connection:
            try:
                await connection.execute("BEGIN")
                result = await work(connection)
            except BaseException:
                await _roll_back(connection)
                raise
            try:
                await connection.execute("COMMIT")
            except Exception as error:
                await _roll_back(connection)
                if unavailable(error):
                    raise CommitLost(error) from None
                raise
            return result

    async def write(self, work: Work[T]) -> T:
        """`transact`, with errors as in `told`."""
        with self.told():
            return await self.transact(work)
        raise AssertionError  # nothing is swallowed

    async def write_once(self, work: Work[T]) -> T:
        """`once`, with errors as in `told`."""
        with self.told():
            return await self.once(work)
        raise AssertionError  # nothing is swallowed

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[Connection]:
        """A connection for a block; errors come out as they are."""
        if self._pool is None:
            raise asyncpg.InterfaceError("the store is closed")
        connection = await self._pool.acquire(timeout=_CONNECT_S)
        try:
            yield connection
        finally:
            # A connection that breaks while it is given back has done its work before.
            with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._pool.release(connection)

    async def apart(self) -> asyncpg.Connection[Any]:
        """A connection of its own, not one of the pool: the caller closes it."""
        connection = await asyncpg.connect(
            self.address.dsn,
            timeout=_CONNECT_S,
            command_timeout=ANSWER_S,
            server_settings=self._settings,
        )
        try:
            await self._made(connection)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def translated(self, error: Exception) -> Exception:
        """What callers are told."""
        return translated(error, self.address.place)

    @property
    def _settings(self) -> dict[str, str]:
        return {**_SETTINGS, "search_path": self.address.search_path}

    async def _made(self, connection: asyncpg.Connection[Any] | Connection) -> None:
        found = await connection.fetchrow(_SAFETY)
        if found is None:
            raise StoreError("PostgreSQL does not tell its settings")
        if found["version"] < _OLDEST:
            raise UnsafeServer("the server is too old", fix="use PostgreSQL 14 or newer")
        if found["encoding"] != "UTF8":
            raise UnsafeServer("the database's encoding is not UTF8", fix="create the database with UTF8")
        if found["standby"]:
            raise UnsafeServer("the server is a read-only standby", fix="name the primary")
        if found["synchronous_commit"] != "on":
            raise UnsafeServer(
                "the session can't set synchronous_commit",
                fix="connect to the server itself, or let the pooler pass it",
            )
        for setting in ("fsync", "full_page_writes"):
            if found[setting] != "on" and not self.address.allow_unsafe:
                raise UnsafeServer(
                    f"{setting} is off, so a crash can lose or corrupt what was committed",
                    fix=f"turn {setting} on, or write ?allow_unsafe=true if that may happen",
                )

    async def _lent(self, connection: Connection) -> None:
        """Called before a connection is used."""


async def _roll_back(connection: Connection) -> None:
    try:
        if not connection.is_closed() and connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        # The pool has taken a connection back that broke: that must not hide what broke it.
        with suppress(asyncpg.InterfaceError):
            connection.terminate()


async def _nothing_to_reset(connection: object) -> None:
    """Nothing here sets, locks or listens on a pooled connection: the usual reset costs a round trip."""
