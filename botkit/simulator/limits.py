"""X's rate limits: fixed windows, counted per call and credential, told in headers; as they are or roomier.

Source: X docs, fundamentals/rate-limits (self-serve). Where X's table is silent, the v1.1 enterprise numbers
stand in for account activity management, the mutes' number for blocks, and 75 and 180 for the lists of posts
and people that it does not name.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from botkit.simulator.config import Limit, LimitScale
from botkit.simulator.problems import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["LIMITS", "RELAXED_FACTOR", "Limits"]

#: how many times X's numbers the relaxed ones are
RELAXED_FACTOR = 100

_DAY = 86_400

_DM_SEND = (Limit(15), Limit(1440, _DAY), Limit(1440, _DAY, "all"))
_LIKE = (Limit(50), Limit(1000, _DAY))
_DM_BLOCK = (Limit(10), Limit(400, _DAY), Limit(25, 900, "all"), Limit(1000, _DAY, "all"))
_LOOKUP = (Limit(900), Limit(300, 900, "app"))


def _both(count: int) -> tuple[Limit, ...]:
    return (Limit(count), Limit(count, 900, "app"))


#: window name → its limits
LIMITS: Mapping[str, tuple[Limit, ...]] = MappingProxyType(
    {
        "dm.send_with": _DM_SEND,
        "dm.send_conversation": _DM_SEND,
        "dm.send_group": _DM_SEND,
        "dm.read": (Limit(15),),
        "dm.read_with": (Limit(15),),
        "dm.read_conversation": (Limit(15),),
        "dm.read_one": (Limit(15),),
        "dm.delete": (Limit(300), Limit(1500, _DAY), Limit(4000, _DAY, "all")),
        "dm.block": _DM_BLOCK,
        "dm.unblock": _DM_BLOCK,
        "post.create": (Limit(100), Limit(10_000, _DAY, "all")),
        "post.delete": (Limit(50),),
        "post.read": (Limit(900), Limit(450, 900, "app")),
        "post.read_many": (Limit(5000), Limit(3500, 900, "app")),
        "post.by_user": (Limit(900), Limit(10_000, 900, "app")),
        "post.hide": (Limit(50),),
        "like": _LIKE,
        "unlike": _LIKE,
        **{
            name: (Limit(50),)
            for name in ("repost", "unrepost", "follow", "unfollow", "mute", "unmute", "block", "unblock")
        },
        "user.me": (Limit(75),),
        **{f"user.{name}": _LOOKUP for name in ("read", "read_many", "by_name", "by_names")},
        **{f"webhook.{name}": _both(450) for name in ("create", "list", "validate", "delete")},
        **{f"activity.{name}": _both(500) for name in ("create", "list", "update", "delete", "delete_many")},
        **{f"account.{name}": _both(500) for name in ("subscribe", "check", "unsubscribe")},
        "account.list": _both(50),
        "account.count": _both(15),
        "webhook.replay": _both(100),
        "activity.stream": _both(450),
        "connection.list": _both(25),
        "connection.kill": _both(25),
        "usage": _both(50),
        "user.followers": _both(300),
        "user.following": _both(300),
        "user.muting": (Limit(15),),
        "user.blocking": (Limit(15),),
        "post.mentions": (Limit(300), Limit(450, 900, "app")),
        **{name: _both(75) for name in ("post.liking", "post.reposting", "post.quotes", "post.liked")},
        "post.home": (Limit(180),),
        "dm.media": (Limit(15),),
        "media.upload": (Limit(500), Limit(50_000, _DAY, "all")),
        "media.status": (Limit(1000), Limit(100_000, _DAY, "all")),
        **{
            f"media.{name}": (Limit(1875), Limit(180_000, _DAY, "all"))
            for name in ("initialize", "append", "finalize")
        },
        "media.metadata": (Limit(500), Limit(50_000, _DAY, "all")),
        **{f"v1.webhook.{name}": _both(15) for name in ("create", "list", "validate", "delete")},
        **{f"v1.account.{name}": _both(500) for name in ("subscribe", "check", "unsubscribe")},
        "v1.account.list": _both(50),
        "v1.account.count": _both(15),
        "v1.replay": _both(5),
        **{
            f"v1.premium.{name}": _both(15)
            for name in (
                *("create", "list", "validate", "delete"),
                *("subscribe", "check", "unsubscribe", "users", "count"),
            )
        },
        "v1.welcome.list": (Limit(15),),
        "v1.dm.send": (Limit(1000, _DAY), Limit(15_000, _DAY, "all")),
        "v1.dm.typing": (Limit(1000),),
        "v1.dm.read": (Limit(1000),),
    }
)


@dataclass(slots=True)
class _Window:
    limit: int
    reset_at: float
    used: int = 0


class Limits:
    """Counts requests.

    :param overrides: other limits for named windows, not scaled.
    :param scale: ``relaxed`` gives every other window `RELAXED_FACTOR` times X's number.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        overrides: Mapping[str, tuple[Limit, ...]],
        scale: LimitScale = "x",
    ) -> None:
        self.enforced = True
        self.scale: LimitScale = scale
        self._clock = clock
        factor = RELAXED_FACTOR if scale == "relaxed" else 1
        scaled = {
            name: tuple(replace(limit, count=limit.count * factor) for limit in limits)
            for name, limits in LIMITS.items()
        }
        self._limits = {**scaled, **overrides}
        self._windows: dict[tuple[str, str, str, int], _Window] = {}

    def take(self, name: str, user_id: str, *, v1: bool) -> dict[str, str]:
        """Count one request and return the headers of its answer.

        :param user_id: whose token it is, ``""`` for the app's own.
        :raises ApiError: 429, when a window is used up; the request is not counted then.
        """
        windows = [(limit, self._window(name, limit, user_id)) for limit in self._applying(name, user_id)]
        spent = any(window.used >= window.limit for _, window in windows)
        if not (spent and self.enforced):
            for _, window in windows:
                window.used += 1
        headers = _headers(windows)
        if spent and self.enforced:
            raise too_many(v1=v1, headers=headers)
        return headers

    def state(self) -> list[dict[str, Any]]:
        """What is left in every open window, the fullest first."""
        now = self._clock()
        found = [
            {
                "window": name,
                "per": per,
                "user_id": user_id,
                "period_s": period,
                "limit": window.limit,
                "remaining": max(0, window.limit - window.used),
                "reset_at": window.reset_at,
            }
            for (name, per, user_id, period), window in self._windows.items()
            if window.reset_at > now
        ]
        return sorted(found, key=lambda row: int(str(row["remaining"])))

    def forget(self) -> None:
        """Open all windows anew."""
        self._windows.clear()

    def _applying(self, name: str, user_id: str) -> list[Limit]:
        return [limit for limit in self._limits.get(name, ()) if (limit.per == "app") is not bool(user_id)]

    def _window(self, name: str, limit: Limit, user_id: str) -> _Window:
        whose = user_id if limit.per == "user" else ""
        key, now = (name, limit.per, whose, limit.period_s), self._clock()
        window = self._windows.get(key)
        if window is None or window.reset_at <= now:
            window = self._windows[key] = _Window(limit.count, float(math.ceil(now + limit.period_s)))
        return window


def too_many(*, v1: bool, headers: dict[str, str]) -> ApiError:
    """429 in the shape of the product that was called."""
    if v1:
        return ApiError(429, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, headers)
    title = "Too Many Requests"
    return ApiError(429, {"title": title, "detail": title, "type": "about:blank", "status": 429}, headers)


def _headers(windows: list[tuple[Limit, _Window]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for limit, window in windows:
        if limit.period_s == _DAY:
            # live, undocumented
            prefix = f"x-{'user' if limit.per == 'user' else 'app'}-limit-24hour"
        elif limit.per == "all":
            continue
        else:
            prefix = "x-rate-limit"
        headers[f"{prefix}-limit"] = str(window.limit)
        headers[f"{prefix}-remaining"] = str(max(0, window.limit - window.used))
        headers[f"{prefix}-reset"] = str(int(window.reset_at))
    if headers and "x-rate-limit-limit" not in headers:
        # a call that is only limited by the day
        day = "x-user-limit-24hour" if "x-user-limit-24hour-limit" in headers else "x-app-limit-24hour"
        for part in ("limit", "remaining", "reset"):
            headers[f"x-rate-limit-{part}"] = headers[f"{day}-{part}"]
    return headers
