"""An answer of X's that is no success → the `XError` it stands for, in X's own words.

X has several shapes of error: v2's problem (``title``, ``detail``, ``type``), v1.1's ``errors`` with codes,
names before a colon (webhooks, account activity), OAuth's ``error``, all of them mixed, and HTML or nothing
from what stands before it.

Source: X docs, fundamentals/response-codes-and-errors, fundamentals/rate-limits,
authentication/api-reference.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botkit.errors import (
    CreditsDepleted,
    Forbidden,
    InvalidRequest,
    RateLimited,
    Unauthorized,
    XError,
    XUnavailable,
)
from botkit.x.limits import DAY_S, QUARTER_S, from_headers
from botkit.x.values import decode_object, objects, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botkit.x.wire import Response

__all__ = ["FAILURE_NAMES", "error_from", "is_already_done", "pauses_account"]

_MAX_MESSAGE = 300
#: The least that a refused request waits: clocks differ, and a reset that is just over is none.
_MIN_WAIT_S = 5.0

#: X's names for what went wrong with webhooks, subscriptions and replays.
FAILURE_NAMES = frozenset(
    {
        "CrcValidationFailed",
        "DuplicateSubscriptionFailed",
        "DuplicateUrlFailed",
        "QueryParamInvalid",
        "ReplayConflictError",
        "SubscriptionLimitExceeded",
        "SubscriptionNotFound",
        "UrlValidationFailed",
        "WebhookIdInvalid",
        "WebhookLimitExceeded",
    }
)
_NAME = re.compile(r"\b(" + "|".join(sorted(FAILURE_NAMES)) + r")\b")

_CREDENTIAL_CODES = frozenset({32, 89, 135, 215})
_TRY_AGAIN_CODES = frozenset({130, 131})
_DONE_CODES = frozenset({139, 327})
_PAUSE_CODES = frozenset({64, 185, 226, 326})


def error_from(response: Response, *, now: float) -> XError:
    """The error that an answer stands for.

    Its ``str()`` is one line of at most 300 characters: what X says, or the status where X says nothing
    readable.

    :param now: Unix seconds; what a wait without a reset counts from.
    """
    body = decode_object(response.body)
    errors = list(objects(body, "errors"))
    codes = tuple(code for each in errors if type(code := each.get("code")) is int)
    status, kind = response.status, _kind(body, errors)
    message = _message(body, errors) or _status_line(status)
    if status == 429 or 88 in codes:
        return RateLimited(
            message, reset_at=_reset_at(response.headers, now), status=status, kind=kind, codes=codes
        )
    return _class(status, kind, codes)(message, status=status, kind=kind, codes=codes)


def _class(status: int, kind: str, codes: tuple[int, ...]) -> type[XError]:
    if status == 402 or kind in {"credits", "credits-depleted"}:
        return CreditsDepleted
    if status == 401 or not _CREDENTIAL_CODES.isdisjoint(codes):
        return Unauthorized
    if status == 408 or status >= 500 or not _TRY_AGAIN_CODES.isdisjoint(codes):
        return XUnavailable
    return Forbidden if status == 403 else InvalidRequest


def _kind(body: Mapping[str, Any], errors: list[dict[str, Any]]) -> str:
    said = [*(text(each, "message") for each in errors), text(body, "title"), text(body, "detail")]
    for each in said:
        if found := _NAME.search(each):
            return found[1]
    # The host in front differs from day to day; only the tail tells.
    for problem in (body, *errors):
        tail = text(problem, "type").rstrip("/").rpartition("/")[2]
        if tail and tail != "about:blank":
            return tail[:100]
    return text(body, "error")[:100]


def _message(body: Mapping[str, Any], errors: list[dict[str, Any]]) -> str:
    said = [
        *(text(each, key) for each in errors for key in ("message", "detail", "title")),
        text(body, "detail"),
        text(body, "title"),
        text(body, "error_description"),
        text(body, "error"),
    ]
    return next((line for each in said if (line := _one_line(each))), "")


def _one_line(said: str) -> str:
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in said[:1_000]).split())
    return line if len(line) <= _MAX_MESSAGE else line[: _MAX_MESSAGE - 1] + "…"


def _status_line(status: int) -> str:
    try:
        return f"X answered {status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"X answered {status}"


def _reset_at(headers: Mapping[str, str], now: float) -> float:
    """When to try again: when every window that is used up is open.

    A short window with requests left is not the cause; then one of the 24-hour windows is.
    """
    known = from_headers(headers, now=now)
    spent = [each for each in known if each.remaining == 0]
    if not spent:
        spent = [each for each in known if each.period_s == DAY_S]
    waits = [each.reset_at for each in spent]
    after = headers.get("retry-after", "")
    if after.isascii() and after.isdecimal() and len(after) < 8:
        waits.append(now + min(float(after), DAY_S))
    if not waits and "x-rate-limit-remaining" not in headers:
        waits = _bare_reset(headers, now)
    return max(now + _MIN_WAIT_S, *waits) if waits else now + QUARTER_S


def _bare_reset(headers: Mapping[str, str], now: float) -> list[float]:
    """A reset that stands alone, without the numbers beside it."""
    written = headers.get("x-rate-limit-reset", "")
    if not (written.isascii() and written.isdecimal() and len(written) < 12):
        return []
    return [min(float(written), now + QUARTER_S)]


def is_already_done(error: XError) -> bool:
    """X refuses because things are already as they were to be made: liked, reposted or subscribed."""
    if error.kind == "DuplicateSubscriptionFailed" or not _DONE_CODES.isdisjoint(error.codes):
        return True
    # 355 is also a replay job that is running (enterprise, 409), which is another matter.
    return 355 in error.codes and error.status != 409


def pauses_account(error: XError) -> bool:
    """Nothing more should be sent for this account until a person has looked.

    It is locked, suspended, over its day's limit or taken for spam, or its credential is dead (try one
    refresh first).
    """
    return isinstance(error, Unauthorized) or not _PAUSE_CODES.isdisjoint(error.codes)
