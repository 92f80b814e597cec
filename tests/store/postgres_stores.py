"""PostgreSQL stores whose clock a test sets."""

from __future__ import annotations

from typing import Any

from botkit.store.postgres import PostgresStore
from botkit.store.postgres.connections import Connection, Connections
from botkit.store.postgres.schema import MIGRATIONS
from botkit.testing import Clock

__all__ = ["clocked"]

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
