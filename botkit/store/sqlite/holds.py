"""Named leases, one row each. Those that ran out are swept away by whoever takes the next one."""

from __future__ import annotations

import sqlite3

__all__ = ["end_all", "follow_clock", "hold", "let_go"]


def hold(connection: sqlite3.Connection, name: str, holder: str, ttl_s: float, now: float) -> bool:
    """Take or renew a lease."""
    connection.execute("DELETE FROM hold WHERE until <= ?", (now,))
    taken = connection.execute(
        "INSERT INTO hold (name, holder, until) VALUES (?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET until = excluded.until WHERE hold.holder = excluded.holder",
        (name, holder, now + ttl_s),
    )
    return taken.rowcount == 1


def let_go(connection: sqlite3.Connection, name: str, holder: str) -> None:
    """End a lease."""
    connection.execute("DELETE FROM hold WHERE name = ? AND holder = ?", (name, holder))


def end_all(connection: sqlite3.Connection) -> None:
    """End every lease: their holders are gone."""
    connection.execute("DELETE FROM hold")


def follow_clock(connection: sqlite3.Connection, step_s: float) -> None:
    """Keep the lengths of the leases when the clock was stepped back."""
    connection.execute("UPDATE hold SET until = until - ?", (step_s,))
