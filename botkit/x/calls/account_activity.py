"""Account activity subscriptions, v2: one per account, for everything (X ends them on 2027-01-01).

Webhooks themselves are `botkit.x.calls.webhooks`; v1.1 is `botkit.x.calls.account_activity_v11`.

Source: X docs, account-activity/quickstart, and X's OpenAPI description.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botkit.x.calls.answers import is_success, object_in, success
from botkit.x.failures import error_from, is_already_done
from botkit.x.values import ident, integer, obj, objects
from botkit.x.wire import Auth, Call, Request, Response, segment

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "SubscriptionCount",
    "check",
    "count",
    "count_from",
    "read_subscribed",
    "subscribe",
    "subscribed_users",
    "unsubscribe",
    "users_from",
]

# X's page takes OAuth 1.0a alone, its change log and OpenAPI description OAuth 2.0 too.
_ACCOUNT = (Auth.OAUTH1_USER, Auth.OAUTH2_USER)
_SCOPES = ("dm.read", "dm.write", "tweet.read", "users.read")
_BASE = "/2/account_activity"


@dataclass(frozen=True, slots=True)
class SubscriptionCount:
    """How many subscriptions there are and may be; ``None`` where X does not say."""

    active: int | None
    provisioned: int | None


def _all(webhook_id: str) -> str:
    return f"{_BASE}/webhooks/{segment(webhook_id)}/subscriptions/all"


def subscribe(webhook_id: str) -> Call[bool]:
    """Subscribe the account whose token is used; true also when it was subscribed already."""
    return Call(
        "account_activity.subscribe",
        Request.with_json("POST", _all(webhook_id), {}),
        _ACCOUNT,
        "account_activity_subscribe",
        read_subscribed,
        scopes=_SCOPES,
        safe=True,
    )


def read_subscribed(response: Response) -> bool:
    """Subscribed: said so in v2, by 204 in v1.1, or by refusing to do it twice."""
    if not is_success(response):
        error = error_from(response, now=response.received_at)
        if is_already_done(error):
            return True
        raise error
    return obj(success(response), "data").get("subscribed") is not False


def check(webhook_id: str) -> Call[bool]:
    """Whether the account whose token is used is subscribed."""
    return Call(
        "account_activity.check",
        Request("GET", _all(webhook_id)),
        _ACCOUNT,
        "account_activity_check",
        _checked,
        scopes=_SCOPES,
        safe=True,
    )


def _checked(response: Response) -> bool:
    return object_in(response).get("subscribed") is True


def subscribed_users(webhook_id: str) -> Call[tuple[str, ...]]:
    """The ids of the subscribed accounts."""
    request = Request("GET", f"{_all(webhook_id)}/list")
    return Call("account_activity.list", request, (Auth.APP,), "account_activity_list", _users, safe=True)


def _users(response: Response) -> tuple[str, ...]:
    return users_from(obj(success(response), "data"))


def users_from(found: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids in a list of subscriptions, as v1.1 and v2 write it."""
    return tuple(user_id for each in objects(found, "subscriptions") if (user_id := ident(each, "user_id")))


def count() -> Call[SubscriptionCount]:
    """How many accounts are subscribed, and how many may be."""
    request = Request("GET", f"{_BASE}/subscriptions/count")
    return Call("account_activity.count", request, (Auth.APP,), "account_activity_count", _count, safe=True)


def _count(response: Response) -> SubscriptionCount:
    return count_from(obj(success(response), "data"))


def count_from(found: Mapping[str, Any]) -> SubscriptionCount:
    """A count, as v1.1 and v2 write it: numbers as text."""
    return SubscriptionCount(
        active=integer(found, "subscriptions_count_all", "subscriptions_count"),
        provisioned=integer(found, "provisioned_count"),
    )


def unsubscribe(webhook_id: str, user_id: str) -> Call[bool]:
    """End an account's subscription. Returns whether it is subscribed still."""
    path = f"{_BASE}/webhooks/{segment(webhook_id)}/subscriptions/{segment(user_id)}/all"
    return Call(
        "account_activity.unsubscribe",
        Request("DELETE", path),
        (Auth.APP,),
        "account_activity_unsubscribe",
        _unsubscribed,
        safe=True,
    )


def _unsubscribed(response: Response) -> bool:
    if not is_success(response):
        error = error_from(response, now=response.received_at)
        if error.kind == "SubscriptionNotFound":
            return False
        raise error
    return obj(success(response), "data").get("subscribed") is True
