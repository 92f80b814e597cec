"""Faults on request: what goes wrong between X and a bot, made to happen.

Every fault is a number: how many of the next chances it takes; -1 is all of them until it is cleared.

| fault | what happens |
|---|---|
| `duplicate` | an event is delivered twice |
| `reorder` | an event is held back until the next one has been delivered (or `delay_s` have passed) |
| `delay` | an event is delivered `delay_s` late |
| `drop` | an event is never delivered |
| `wrong_signature` | an event is signed with another secret |
| `crc_slow` | a challenge counts as not answered in time |
| `crc_wrong` | a challenge counts as answered with a wrong token |
| `media_failed` | a video or GIF can't be processed |
| `rate_limited` | a request is answered 429; the window opens again after `reset_s` |
| `server_error` | a request is answered 500 and not carried out |
| `unavailable` | a request is answered 503 with an HTML page, as a proxy would, and not carried out |
| `outage` | the connection is closed without an answer and nothing is carried out |
| `lost_answer` | the request is carried out, and the connection is closed without an answer |
| `no_credits` | a request is answered 402 |

`path` limits the last six to requests whose path starts with it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Faults"]


@dataclass(slots=True)
class Faults:
    """The faults that are on."""

    duplicate: int = 0
    reorder: int = 0
    delay: int = 0
    drop: int = 0
    wrong_signature: int = 0
    crc_slow: int = 0
    crc_wrong: int = 0
    media_failed: int = 0
    rate_limited: int = 0
    server_error: int = 0
    unavailable: int = 0
    outage: int = 0
    lost_answer: int = 0
    no_credits: int = 0
    delay_s: float = 2.0
    reset_s: float = 900.0
    path: str = ""

    def take(self, name: str, path: str = "") -> bool:
        """Whether the fault happens now; counts it down.

        :param path: of the request, for faults of requests.
        """
        left: int = getattr(self, name)
        if not left or (path and not path.startswith(self.path)):
            return False
        if left > 0:
            setattr(self, name, left - 1)
        return True

    def change(self, wanted: Mapping[str, object]) -> None:
        """Set some faults and leave the others.

        :raises ValueError: an unknown name or a value of the wrong kind; nothing was changed.
        """
        now = self.state()
        for name, value in wanted.items():
            if name not in now:
                raise ValueError(f"there is no fault {name!r}; known are {', '.join(now)}")
            problem = _problem(value, now[name])
            if problem:
                raise ValueError(f"{name} {problem}")
        for name, value in wanted.items():
            setattr(self, name, value)

    def clear(self) -> None:
        """Turn everything off."""
        for spec in fields(self):
            setattr(self, spec.name, spec.default)

    def state(self) -> dict[str, int | float | str]:
        """All faults by name."""
        return asdict(self)


def _problem(value: object, now: object) -> str:
    """What is wrong with a new value for one that is ``now``; empty when nothing is."""
    if isinstance(now, str):
        return "" if isinstance(value, str) else "takes a text"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "takes a number"
    if isinstance(now, float):
        return "" if 0 <= value < float("inf") else "takes seconds, 0 or more"
    return "" if isinstance(value, int) and value >= -1 else "takes a whole number; -1 is always"
