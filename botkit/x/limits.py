"""X's rate limits: the documented windows, to plan with, and what an answer's headers say.

The documents disagree with each other and with live answers, so headers win wherever they are there.

Source: X docs, fundamentals/rate-limits (self-serve; enterprise differs). The 24-hour headers are
undocumented.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DAY_S", "LIMITS", "QUARTER_S", "HeaderLimit", "WindowLimit", "from_headers"]

#: X's short window, seconds
QUARTER_S = 900.0
#: X's long window, seconds
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class WindowLimit:
    """So many requests in a period of ``period_s`` seconds, for each user's tokens or for the whole app."""

    limit: int
    period_s: float
    per: Literal["user", "app"] = "user"


@dataclass(frozen=True, slots=True)
class HeaderLimit:
    """What one answer says of one window.

    :param per: ``call`` is the short window of the call and credential that were used; ``user`` and ``app``
        are the 24-hour windows of the acting user and of the app.
    :param reset_at: when the window ends, Unix seconds.
    """

    per: Literal["call", "user", "app"]
    period_s: float
    limit: int
    remaining: int
    reset_at: float


def _user(quarter: int, day: int = 0) -> tuple[WindowLimit, ...]:
    long = (WindowLimit(day, DAY_S),) if day else ()
    return (WindowLimit(quarter, QUARTER_S), *long)


def _app(quarter: int = 0, day: int = 0) -> tuple[WindowLimit, ...]:
    short = (WindowLimit(quarter, QUARTER_S, "app"),) if quarter else ()
    long = (WindowLimit(day, DAY_S, "app"),) if day else ()
    return (*short, *long)


#  Every window that a call of `botkit.x.calls` names. X counts each method and path by itself; where its
# pages
#: leave open whether two share a window (the three ways to send a direct message), they share one here.
LIMITS: Mapping[str, tuple[WindowLimit, ...]] = MappingProxyType(
    {
        "dm_send": (*_user(15, 1_440), *_app(day=1_440)),
        "dm_read": _user(15),
        "dm_delete": (*_user(300, 1_500), *_app(day=4_000)),
        "dm_block": (*_user(10, 400), *_app(25, 1_000)),
        "dm_unblock": (*_user(10, 400), *_app(25, 1_000)),
        # v1.1; up to five answers within a day to each message received are free
        "dm_send_v11": (WindowLimit(1_000, DAY_S), *_app(day=15_000)),
        "typing": _user(1_000),
        "mark_read": _user(1_000),
        "post_create": (*_user(100), *_app(day=10_000)),
        "user_posts": (*_user(900), *_app(10_000)),
        "post_delete": _user(50),
        "hide_reply": _user(50),
        "like": _user(50, 1_000),
        "unlike": _user(50, 1_000),
        "repost": _user(50),
        "unrepost": _user(50),
        "follow": _user(50),
        "unfollow": _user(50),
        "mute": _user(50),
        "unmute": _user(50),
        # enterprise only and in no table: taken like mute until a header says otherwise
        "block": _user(50),
        "unblock": _user(50),
        "users_me": _user(75),
        "user_lookup": (*_user(900), *_app(300)),
        "user_lookup_name": (*_user(900), *_app(300)),
        "users_lookup": (*_user(900), *_app(300)),
        "users_lookup_names": (*_user(900), *_app(300)),
        "post_lookup": (*_user(900), *_app(450)),
        "posts_lookup": (*_user(5_000), *_app(3_500)),
        "mentions": (*_user(300), *_app(450)),
        # in no table; taken like mentions until a header says otherwise
        "home": _user(300),
        "followers": (*_user(300), *_app(300)),
        "following": (*_user(300), *_app(300)),
        "media_upload": (*_user(500), *_app(day=50_000)),
        "media_status": (*_user(1_000), *_app(day=100_000)),
        "media_initialize": (*_user(1_875), *_app(day=180_000)),
        "media_append": (*_user(1_875), *_app(day=180_000)),
        "media_finalize": (*_user(1_875), *_app(day=180_000)),
        "media_metadata": (*_user(500), *_app(day=50_000)),
        # v1.1 documents the lists alone; the others are taken like them
        "welcome_list": _user(15),
        "welcome_write": _user(15),
        "webhook_create": _app(450),
        "webhook_list": _app(450),
        "webhook_validate": _app(450),
        "webhook_delete": _app(450),
        "webhook_replay": _app(100),
        "activity_create": _app(500),
        "activity_list": _app(500),
        "activity_update": _app(500),
        "activity_delete": _app(500),
        "activity_stream": _app(450),
        "connections": _app(25),
        # v2's page gives none; these are v1.1's numbers for the same calls
        "account_activity_subscribe": _app(500),
        "account_activity_check": _app(500),
        "account_activity_list": _app(50),
        "account_activity_count": _app(15),
        "account_activity_unsubscribe": _app(500),
        "account_activity_webhooks": _app(15),
        "account_activity_replay": _app(5),
        # not documented, and asking too often is refused: our own caution
        "app_token": _app(15),
        "user_token": _app(15),
    }
)

_HEADERS: tuple[tuple[str, Literal["call", "user", "app"], float], ...] = (
    ("x-rate-limit-", "call", QUARTER_S),
    ("x-user-limit-24hour-", "user", DAY_S),
    ("x-app-limit-24hour-", "app", DAY_S),
)


def from_headers(headers: Mapping[str, str], *, now: float) -> list[HeaderLimit]:
    """What an answer's headers say; windows that are missing, malformed or over are left out.

    :param now: Unix seconds, when the answer came.
    """
    found: list[HeaderLimit] = []
    for prefix, per, period_s in _HEADERS:
        if prefix + "limit" not in headers:
            continue
        limit, remaining, reset_at = (
            _number(headers.get(prefix + name)) for name in ("limit", "remaining", "reset")
        )
        if limit is None or remaining is None or reset_at is None or reset_at <= now:
            continue
        # A reset further away than the window is long is no reset of this window.
        found.append(HeaderLimit(per, period_s, int(limit), int(remaining), min(reset_at, now + period_s)))
    return found


def _number(written: str | None) -> float | None:
    try:
        number = float(written) if written is not None else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) and number >= 0 else None
