"""Leases: one row a process, and the lanes that come free when it ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import asyncpg

from botkit.store.postgres.claims import FREED
from botkit.store.postgres.connections import Connection, Connections

__all__ = ["Workers"]

_REGISTER = """
INSERT INTO worker (name, ttl, alive_until) VALUES ($1, $2::float8, botkit_now() + $2::float8) RETURNING id
"""

_BEAT = "UPDATE worker SET alive_until = botkit_now() + ttl WHERE id = $1 RETURNING id"

# A worker whose row is locked is claiming at this moment: it is not dead, or it is found the next time.
_DELETE_EXPIRED = """
DELETE FROM worker WHERE id IN (
    SELECT id FROM worker WHERE alive_until < (SELECT botkit_now()) FOR UPDATE SKIP LOCKED
) RETURNING id
"""

_DELETE = "DELETE FROM worker WHERE id = ANY($1::bigint[])"

_FREE = f"""
WITH t AS MATERIALIZED (
    SELECT botkit_now() AS at
), k AS MATERIALIZED (
    SELECT lane FROM lane WHERE owner = ANY($1::bigint[]) ORDER BY lane FOR NO KEY UPDATE
)
UPDATE lane SET {FREED} FROM k WHERE lane.lane = k.lane AND lane.owner = ANY($1::bigint[])
RETURNING lane.queue
"""  # noqa: S608 - a constant


class Workers:
    """Registers workers and ends them.

    :param maybe: told the queues whose lanes may have become ready.
    """

    def __init__(self, connections: Connections, maybe: Callable[[Collection[str]], None]) -> None:
        self._connections = connections
        self._maybe = maybe

    async def register(self, name: str, ttl_s: float) -> int:
        """Begin a lease."""
        worker_id: int = await self._connections.write_once(
            lambda connection: connection.fetchval(_REGISTER, name, ttl_s)
        )
        return worker_id

    async def beat(self, worker_id: int) -> bool:
        """Renew a lease."""
        found = await self._connections.write_once(lambda connection: connection.fetchval(_BEAT, worker_id))
        return found is not None

    async def end(self, worker_ids: Sequence[int]) -> None:
        """End leases and free their lanes."""

        async def end(connection: Connection) -> list[asyncpg.Record]:
            await connection.execute(_DELETE, worker_ids)
            return await connection.fetch(_FREE, worker_ids)

        self._maybe({record["queue"] for record in await self._connections.write(end)})

    async def reap(self) -> int:
        """End the leases that ran out.

        The lanes are looked for in a second statement: a worker may have claimed some after the first one's
        snapshot, and before its row was deleted.
        """

        async def end(connection: Connection) -> tuple[int, set[str]]:
            dead = [record["id"] for record in await connection.fetch(_DELETE_EXPIRED)]
            freed = await connection.fetch(_FREE, dead) if dead else []
            return len(dead), {record["queue"] for record in freed}

        count, queues = await self._connections.write(end)
        self._maybe(queues)
        return count
