"""X's ids: numbers that carry the time they were made (snowflakes)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Container

__all__ = ["EPOCH_MS", "Snowflakes", "time_of", "user_id_of"]

#: Source: X docs, x-ids; milliseconds = (id >> 22) + EPOCH_MS
EPOCH_MS = 1288834974657

#: ids of users lie here: snowflakes of 2019 to 2024, and none that the configuration gives by default
_USERS_FROM, _USERS_TO = 1_100_000_000_000_000_000, 1_800_000_000_000_000_000


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


def user_id_of(username: str, taken: Container[str] = ()) -> str:
    """The id of whoever has this handle, in any case: the same in every run, so that a bot that remembers
    people knows them again after the simulator was restarted.

    :param taken: ids that somebody else has; the next one of the handle's own sequence is used then.
    """
    number = 0
    while True:
        digest = hashlib.sha256(f"{username.lower()}/{number}".encode()).digest()
        found = str(_USERS_FROM + int.from_bytes(digest[:16]) % (_USERS_TO - _USERS_FROM))
        if found not in taken:
            return found
        number += 1
