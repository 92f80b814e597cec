"""PostgreSQL stores for tests: a clock that is set, connections that break, and a look from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import asyncpg

from botkit.store.postgres import PostgresStore
from botkit.store.postgres.address import Address
from botkit.store.postgres.connections import Connection, Connections, Work
from botkit.store.postgres.faults import CommitLost
from botkit.store.postgres.schema import MIGRATIONS
from botkit.testing import Clock

__all__ = ["BreakingStore", "Outside", "clocked", "outside"]

T = TypeVar("T")

#: one more version of the tables: the clock of the store is what the session says
_SET_CLOCK = """
CREATE OR REPLACE FUNCTION botkit_now() RETURNS double precision LANGUAGE sql VOLATILE
    AS $$ SELECT current_setting('botkit.now')::double precision $$;
"""


def clocked(url: str, clock: Clock) -> PostgresStore:
    """A store that goes by a test's clock instead of the database's."""

    class Clocked(Connections):
        async def _lent(self, connection: Connection | Any) -> None:
            await connection.execute("SELECT set_config('botkit.now', $1, false)", repr(clock.now))

    class Store(PostgresStore):
        _connections_type = Clocked
        _migrations = (*MIGRATIONS, _SET_CLOCK)

    return Store(url)


class _Breaking(Connections):
    """Connections that break before or after the next commit, as often as a test says."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.lose_before = 0
        self.lose_after = 0

    async def _transact(self, work: Work[T]) -> T:
        if self.lose_before:
            self.lose_before -= 1

            async def lose(connection: Connection) -> T:
                await work(connection)
                raise ConnectionResetError("lost before the commit")

            return await super()._transact(lose)
        result = await super()._transact(work)
        if self.lose_after:
            self.lose_after -= 1
            raise CommitLost(ConnectionResetError("lost during the commit"))
        return result

    async def _once(self, work: Work[T]) -> T:
        result = await super()._once(work)
        if self.lose_after:
            self.lose_after -= 1
            raise ConnectionResetError("lost after the statement")
        return result


class BreakingStore(PostgresStore):
    """A store whose connections break when they are told to."""

    _connections_type = _Breaking

    @property
    def breaking(self) -> _Breaking:
        """What breaks."""
        connections = self._open().connections
        assert isinstance(connections, _Breaking)
        return connections


class Outside:
    """A session beside the stores, on the same tables."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self.connection = connection

    async def until_blocked(self, sessions: int = 1) -> None:
        """Return when so many sessions wait for a lock."""
        async with asyncio.timeout(10):
            while (await self._blocked()) < sessions:
                pass

    async def _blocked(self) -> int:
        # A separate statement each time: within a transaction the view would stay as it was.
        await self.connection.execute("SELECT pg_stat_clear_snapshot()")
        return int(
            await self.connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
        )


@asynccontextmanager
async def outside(url: str) -> AsyncIterator[Outside]:
    """A session of a test's own."""
    address = Address.parse(url)
    connection = await asyncpg.connect(address.dsn, server_settings={"search_path": address.search_path})
    try:
        yield Outside(connection)
    finally:
        await connection.close()
