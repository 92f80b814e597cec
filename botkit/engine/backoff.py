"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Backoff"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off: ``first_s``, then ``factor`` times more each attempt, at most ``max_s``.

    Half of each wait is drawn at random, so that what failed together does not come back together.
    """

    first_s: float = 1.0
    factor: float = 3.0
    max_s: float = 300.0

    def delay_s(self, attempt: int, rng: random.Random) -> float:
        """The wait after the attempt with that number (0 is the first)."""
        # The exponent is bounded: beyond it max_s has long been reached, and a float would overflow.
        whole = min(self.max_s, self.first_s * self.factor ** min(attempt, 60))
        return whole / 2 + rng.uniform(0.0, whole / 2)
