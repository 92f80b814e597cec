"""PostgreSQL stores for tests: a clock that is set, connections that break, and a look from outside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg

from botkit.store.postgres import PostgresStore
from botkit.store.postgres.address import Address
from botkit.store.postgres.connections import Connection, Connections, Work
from botkit.store.postgres.faults import CommitLost
from botkit.store.postgres.schema import MIGRATIONS
from botkit.testing import Clock

__all__ = ["BreakingStore", "Cutter", "Outside", "clocked", "outside"]

T = TypeVar("T")

#: the name of a server's socket in its folder
_SOCKET = ".s.PGSQL.5432"

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


class Cutter:
    """Stands between a store and its server, and can cut a connection where it hurts: in a commit.

    :param folder: where it listens.
    :param behind: the folder where the server listens.
    """

    def __init__(self, folder: Path, behind: Path) -> None:
        self._folder = folder
        self._behind = behind
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        #: cut the connection of the next commit when the server has answered it
        self.cut_commit = False

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_unix_server(self._serve, self._folder / _SOCKET)

    async def close(self) -> None:
        """Cut everything."""
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        server, to_server = await asyncio.open_unix_connection(self._behind / _SOCKET)
        cut = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._forward(client, to_server, cut))
                directions.create_task(self._answer(server, to_client, cut))
        except* (_Cut, ConnectionError):
            pass
        finally:
            to_server.close()
            to_client.close()

    async def _forward(
        self, client: asyncio.StreamReader, server: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        while sent := await client.read(65536):
            if self.cut_commit and b"COMMIT\0" in sent:
                self.cut_commit = False
                cut.set()
            server.write(sent)
        raise _Cut

    async def _answer(
        self, server: asyncio.StreamReader, client: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        while (answer := await server.read(65536)) and not cut.is_set():
            client.write(answer)
        raise _Cut


class _Cut(Exception):
    """The connection is to end."""


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
