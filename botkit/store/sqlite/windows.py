"""X's rate-limit windows, counted in the store so that they outlive the process."""

from __future__ import annotations

import sqlite3

__all__ = ["Windows"]


class Windows:
    """The statements about windows; called inside a transaction of the writer's."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def take(self, name: str, want: int, limit: int, period_s: float, now: float) -> int:
        """Count up to ``want`` requests and return how many the window had left."""
        row = self._row(name)
        used, reset_at, frozen_until = 0, 0.0, 0.0
        if row is not None:
            known_limit, used, reset_at, frozen_until = row
            if frozen_until > now:
                return 0
            if reset_at > now:
                limit = known_limit
        begun_until = reset_at
        if reset_at <= now:
            used, reset_at = 0, now + period_s
        # No window is longer than its period: one that seems so was begun under a clock that went back since.
        reset_at = min(reset_at, now + period_s)
        granted = max(0, min(want, limit - used))
        if granted or begun_until > reset_at:
            self._write(name, limit, used + granted, reset_at, frozen_until)
        return granted

    def give_back(self, name: str, count: int) -> None:
        """Count ``count`` requests less."""
        self._connection.execute(
            "UPDATE rate_window SET used = max(0, used - ?) WHERE name = ?", (max(0, count), name)
        )

    def learn(self, name: str, limit: int, remaining: int, reset_at: float, now: float) -> None:
        """Take over what X said, unless it speaks of a window that is over."""
        if reset_at <= now:
            return
        used, frozen_until = max(0, limit - remaining), 0.0
        row = self._row(name)
        if row is not None:
            _, known_used, known_reset, frozen_until = row
            if known_reset > now:
                used = max(used, known_used)
        self._write(name, limit, used, reset_at, frozen_until)

    def freeze(self, name: str, until: float) -> None:
        """Grant nothing before ``until``, or before a later time that was said already."""
        self._connection.execute(
            "INSERT INTO rate_window (name, max_requests, used, reset_at, frozen_until) "
            "VALUES (?, 0, 0, 0, ?) "
            "ON CONFLICT (name) DO UPDATE SET frozen_until = max(frozen_until, excluded.frozen_until)",
            (name, until),
        )

    def _row(self, name: str) -> tuple[int, int, float, float] | None:
        row: tuple[int, int, float, float] | None = self._connection.execute(
            "SELECT max_requests, used, reset_at, frozen_until FROM rate_window WHERE name = ?", (name,)
        ).fetchone()
        return row

    def _write(self, name: str, limit: int, used: int, reset_at: float, frozen_until: float) -> None:
        self._connection.execute(
            "INSERT INTO rate_window (name, max_requests, used, reset_at, frozen_until) "
            "VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (name) DO UPDATE SET max_requests = excluded.max_requests, used = excluded.used, "
            "reset_at = excluded.reset_at, frozen_until = excluded.frozen_until",
            (name, limit, used, reset_at, frozen_until),
        )
