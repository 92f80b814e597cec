"""Where a claim begins to look: past what earlier claims took.

Lanes that were claimed stay in the index until PostgreSQL can be sure that nobody sees them any more. While
someone holds an old snapshot (a backup does) that is never, and a claim that begins at the index's start
walks over all that was claimed since: the longer the drain, the slower the claim.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

__all__ = ["NOWHERE", "Floors"]

#: the floor below everything
NOWHERE = float("-inf")

#: Seconds between two looks from the index's start: another process may have given back a lane that waited
#: for longer than those above the floor.
_LOOK_S = 1.0

#: of the time that claims take, this part at most is for looks from the index's start
_SHARE = 0.05


@dataclass(slots=True)
class _Floor:
    ready_at: float
    until: float


class Floors:
    """For each queue, since when the lanes were ready that its last claim took."""

    def __init__(self) -> None:
        self._floors: dict[str, _Floor] = {}

    def of(self, queue: str) -> float:
        """Where to begin."""
        floor = self._floors.get(queue)
        if floor is None or asyncio.get_running_loop().time() >= floor.until:
            return NOWHERE
        return floor.ready_at

    def claimed(self, queue: str, ready_at: float, began: float, took_s: float) -> None:
        """A claim that began at a floor found as many lanes as it wanted; ``ready_at``: the first of them."""
        floor = self._floors.get(queue)
        if floor is None or began == NOWHERE:
            until = asyncio.get_running_loop().time() + max(_LOOK_S, took_s / _SHARE)
            self._floors[queue] = _Floor(ready_at, until)
        else:
            floor.ready_at = ready_at

    def emptied(self, queue: str) -> None:
        """A claim found fewer lanes than it wanted: the next one begins at the start."""
        self._floors.pop(queue, None)

    def reset(self) -> None:
        """Lanes were given back that may have waited for long."""
        self._floors.clear()
