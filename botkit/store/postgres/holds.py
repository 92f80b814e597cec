"""Named leases, one row each, by the database's clock; and states that are written outside of any turn."""

from __future__ import annotations

from collections.abc import Mapping

from botkit.store.postgres.connections import Connection, Connections

__all__ = ["Holds"]

_HOLD = """
INSERT INTO hold AS h (name, holder, until) VALUES ($1, $2, botkit_now() + $3::float8)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
    WHERE h.holder = excluded.holder OR h.until <= botkit_now()
RETURNING true
"""

# Rows that are locked are being renewed or taken at this moment.
_SWEEP = """
DELETE FROM hold WHERE name IN (
    SELECT name FROM hold WHERE until <= (SELECT botkit_now()) FOR UPDATE SKIP LOCKED
)
"""

_LET_GO = "DELETE FROM hold WHERE name = $1 AND holder = $2"

# Names sort by their bytes, so that two of these at once lock rows in the same order.
_KEEP = """
INSERT INTO state (key, data)
SELECT * FROM unnest($1::text[], $2::bytea[]) AS s (key, data) ORDER BY s.key COLLATE "C"
ON CONFLICT (key) DO UPDATE SET data = excluded.data
"""

_DROP = """
DELETE FROM state WHERE key IN (
    SELECT key FROM state WHERE key = ANY($1::text[]) ORDER BY key FOR UPDATE
)
"""

# What a turn is just writing is left to the next time.
_DROP_RANGE = """
DELETE FROM state WHERE key IN (
    SELECT key FROM state WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3 FOR UPDATE SKIP LOCKED
)
"""

#: rows deleted in one transaction of `Holds.drop`
_DROPPED_AT_ONCE = 1000

_STATES = "SELECT key, data FROM state WHERE key >= $1 AND starts_with(key, $1)"


class Holds:
    """The statements."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        """Take or renew a lease."""

        async def hold(connection: Connection) -> bool:
            return bool(await connection.fetchval(_HOLD, name, holder, ttl_s))

        held = await self._connections.write_once(hold)
        if held:
            await self._connections.write_once(lambda connection: connection.execute(_SWEEP))
        return held

    async def let_go(self, name: str, holder: str) -> None:
        """End a lease."""
        await self._connections.write_once(lambda connection: connection.execute(_LET_GO, name, holder))

    async def keep(self, state: Mapping[str, bytes | None]) -> None:
        """Write states."""
        kept = {key: data for key, data in state.items() if data is not None}
        dropped = [key for key, data in state.items() if data is None]

        async def keep(connection: Connection) -> None:
            if kept:
                await connection.execute(_KEEP, list(kept), list(kept.values()))
            if dropped:
                await connection.execute(_DROP, dropped)

        await self._connections.write(keep)

    async def drop(self, first: str, behind: str) -> int:
        """Delete the states in a range, a piece at a time: others commit in between."""
        gone = 0
        while True:
            async with self._connections.lend() as connection:
                deleted = await connection.execute(_DROP_RANGE, first, behind, _DROPPED_AT_ONCE)
            dropped = int(deleted.rpartition(" ")[2])
            gone += dropped
            if dropped < _DROPPED_AT_ONCE:
                return gone

    async def states(self, prefix: str) -> dict[str, bytes]:
        """The states whose keys start so."""
        async with self._connections.lend() as connection:
            return {record["key"]: record["data"] for record in await connection.fetch(_STATES, prefix)}
