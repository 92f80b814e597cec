"""How many posts the app has read or been sent, by day: ``GET /2/usage/tweets``.

Source: X spec; X docs, fundamentals/post-cap: posts that are looked up or delivered count, by UTC day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import APP
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENDPOINTS", "Usage"]

#: posts a month on pay-per-use (Source: X docs, fundamentals/post-cap)
_CAP = 3_000_000
_RESET_DAY = 1
_DEFAULT = ("project_cap", "project_id", "project_usage", "cap_reset_day", "daily_project_usage")


@dataclass(slots=True)
class Usage:
    """Counts posts."""

    clock: Callable[[], float]
    _days: dict[str, int] = field(default_factory=dict)

    def count(self, posts: int) -> None:
        """That many posts were read or sent now."""
        if posts:
            day = self._day(0)
            self._days[day] = self._days.get(day, 0) + posts

    def daily(self, days: int) -> list[tuple[str, int]]:
        """The counts of the last days, the oldest first."""
        return [(day, self._days.get(day, 0)) for day in (self._day(ago) for ago in reversed(range(days)))]

    def this_month(self) -> int:
        """The posts of this month."""
        month = self._day(0)[:7]
        return sum(posts for day, posts in self._days.items() if day.startswith(month))

    def _day(self, ago: int) -> str:
        return (datetime.fromtimestamp(self.clock(), UTC) - timedelta(days=ago)).strftime(
            "%Y-%m-%dT00:00:00.000Z"
        )


async def read(parts: Parts, call: Call) -> Answer:
    """``GET /2/usage/tweets``."""
    days = call.number("days", 1, 90, 7)
    daily = [{"date": day, "usage": str(posts)} for day, posts in parts.usage.daily(days)]
    whole: dict[str, Any] = {
        "project_cap": str(_CAP),
        "project_id": parts.config.app_id,
        "project_usage": str(parts.usage.this_month()),
        "cap_reset_day": _RESET_DAY,
        "daily_project_usage": {"project_id": parts.config.app_id, "usage": daily},
        "daily_client_app_usage": [
            {"client_app_id": parts.config.app_id, "usage": daily, "usage_result_count": len(daily)}
        ],
    }
    wanted = call.listed("usage.fields") or _DEFAULT
    return Answer({"data": {name: whole[name] for name in whole if name in wanted}})


ENDPOINTS = [
    Endpoint(method="GET", path="/2/usage/tweets", window="usage", accepts=APP, act=read),
]
