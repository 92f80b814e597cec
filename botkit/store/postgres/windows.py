"""X's rate-limit windows, counted for all processes together under the lock of the window's row."""

from __future__ import annotations

from botkit.store.contract import Window
from botkit.store.postgres.connections import Connections

__all__ = ["Windows"]

# `o` is the row as it is once it is locked; everything follows from it.
_TAKE = (
    """
WITH t AS MATERIALIZED (
    SELECT botkit_now() AS at
), o AS MATERIALIZED (
    SELECT * FROM rate_window WHERE name = $1 FOR UPDATE
), c AS MATERIALIZED (
    SELECT CASE WHEN o.reset_at > t.at THEN o.max_requests ELSE $3 END AS max_requests,
        CASE WHEN o.reset_at > t.at THEN o.used ELSE 0 END AS used,
        CASE WHEN o.reset_at > t.at THEN least(o.reset_at, t.at + $4) ELSE t.at + $4 END AS reset_at,
        o.frozen_until > t.at AS frozen
    FROM o, t
), g AS MATERIALIZED (
    SELECT c.*, CASE WHEN c.frozen THEN 0 ELSE greatest(0, least($2, c.max_requests - c.used)) END AS granted
    FROM c
), u AS (
    UPDATE rate_window SET max_requests = g.max_requests, used = g.used + g.granted, reset_at = g.reset_at
    FROM g WHERE name = $1 AND g.granted > 0
)
SELECT granted FROM g
""".replace("$2", "$2::bigint")
    .replace("$3", "$3::bigint")
    .replace("$4", "$4::float8")
)

_BEGIN = """
INSERT INTO rate_window (name, max_requests, used, reset_at, frozen_until) VALUES ($1, 0, 0, 0, 0)
ON CONFLICT (name) DO NOTHING
"""

_GIVE_BACK = "UPDATE rate_window SET used = greatest(0, used - $2::bigint) WHERE name = $1"

_LEARN = """
INSERT INTO rate_window AS w (name, max_requests, used, reset_at, frozen_until)
SELECT $1, $2::bigint, greatest(0, $2::bigint - $3::bigint), $4::float8, 0 WHERE $4::float8 > botkit_now()
ON CONFLICT (name) DO UPDATE SET max_requests = excluded.max_requests, reset_at = excluded.reset_at,
    used = CASE WHEN w.reset_at > botkit_now() THEN greatest(excluded.used, w.used) ELSE excluded.used END
"""

_FREEZE = """
INSERT INTO rate_window AS w (name, max_requests, used, reset_at, frozen_until)
VALUES ($1, 0, 0, 0, $2::float8)
ON CONFLICT (name) DO UPDATE SET frozen_until = greatest(w.frozen_until, excluded.frozen_until)
"""

_WINDOW = "SELECT name, max_requests, used, reset_at, frozen_until FROM rate_window WHERE name = $1"


class Windows:
    """The statements about windows."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    async def take(self, name: str, want: int, limit: int, period_s: float) -> int:
        """Count up to ``want`` requests and return how many the window had left."""
        if want <= 0:
            return 0
        async with self._connections.lend() as connection:
            granted = await connection.fetchval(_TAKE, name, want, limit, period_s)
            if granted is None:
                await connection.execute(_BEGIN, name)
                granted = await connection.fetchval(_TAKE, name, want, limit, period_s)
        return int(granted)

    async def give_back(self, name: str, count: int) -> None:
        """Count ``count`` requests less."""
        async with self._connections.lend() as connection:
            await connection.execute(_GIVE_BACK, name, max(0, count))

    async def learn(self, name: str, limit: int, remaining: int, reset_at: float) -> None:
        """Take over what X said, unless it speaks of a window that is over."""
        async with self._connections.lend() as connection:
            await connection.execute(_LEARN, name, limit, remaining, reset_at)

    async def freeze(self, name: str, until: float) -> None:
        """Grant nothing before ``until``, or before a later time that was said already."""
        async with self._connections.lend() as connection:
            await connection.execute(_FREEZE, name, until)

    async def window(self, name: str) -> Window | None:
        """What is known of a window."""
        async with self._connections.lend() as connection:
            row = await connection.fetchrow(_WINDOW, name)
        return None if row is None else Window(*row)
