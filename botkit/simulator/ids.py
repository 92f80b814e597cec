"""X's ids: numbers that carry the time they were made (snowflakes)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EPOCH_MS", "Snowflakes", "time_of"]

#: Source: X docs, x-ids; milliseconds = (id >> 22) + EPOCH_MS
EPOCH_MS = 1288834974657


class Snowflakes:
    """Makes ids that only grow, at any speed and on any clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> str:
        """A new id, larger than every one before."""
        stamp = max(0, int(self._clock() * 1000) - EPOCH_MS) << 22
        self._last = max(stamp, self._last + 1)
        return str(self._last)


def time_of(snowflake: str) -> float:
    """When an id was made, Unix seconds."""
    return ((int(snowflake) >> 22) + EPOCH_MS) / 1000
