"""Account activity, v1.1: enterprise, and premium with its named environments.

Every function takes ``environment``: a premium environment's name (case counts), or ``""`` for enterprise.

Source: X's enterprise page (removed 2026-05-04) and premium reference (removed before); live bodies where
named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from botkit.errors import ActionRefused
from botkit.x.calls.account_activity import SubscriptionCount, count_from, read_subscribed, users_from
from botkit.x.calls.answers import is_success, nothing, success, unreadable
from botkit.x.calls.webhooks import ReplayJob, Webhook, minute, replay_job_from, webhook_from
from botkit.x.failures import error_from
from botkit.x.values import objects, text
from botkit.x.wire import Auth, Call, Request, Response, segment

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = [
    "check",
    "count",
    "create_webhook",
    "delete_webhook",
    "list_webhooks",
    "replay",
    "subscribe",
    "subscribed_users",
    "unsubscribe",
    "validate_webhook",
]

_BASE = "/1.1/account_activity"
#: the app owner's own tokens for webhooks, the account's for its subscription
_OWNER = _ACCOUNT = (Auth.OAUTH1_USER,)
_APP = (Auth.APP,)


def _base(environment: str) -> str:
    return f"{_BASE}/all/{segment(environment)}" if environment else _BASE


def _subscriptions(environment: str, webhook_id: str, tail: str = "") -> str:
    if environment:
        # A premium environment has one webhook, so its paths name none.
        return f"{_base(environment)}/subscriptions{tail}.json"
    return f"{_BASE}/webhooks/{segment(webhook_id)}/subscriptions/all{tail}.json"


def create_webhook(url: str, *, environment: str = "") -> Call[Webhook]:
    """Register an address, with the app owner's tokens. `botkit.x.calls.webhooks.check_url` tells
    whether X would take it."""
    request = Request("POST", f"{_base(environment)}/webhooks.json", (("url", url),))
    return Call("webhook.create", request, _OWNER, "account_activity_webhooks", _created)


def _created(response: Response) -> Webhook:
    webhook = webhook_from(success(response))
    if not webhook.id:
        raise unreadable(response, wrote=True)
    return webhook


def list_webhooks(*, environment: str = "") -> Call[tuple[Webhook, ...]]:
    """The webhooks of an environment, or of the enterprise account."""
    request = Request("GET", f"{_base(environment)}/webhooks.json")
    return Call("webhook.list", request, _APP, "account_activity_webhooks", _webhooks(environment), safe=True)


def _webhooks(environment: str) -> Callable[[Response], tuple[Webhook, ...]]:
    def read(response: Response) -> tuple[Webhook, ...]:
        body = success(response)
        try:
            found = msgspec.json.decode(response.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise unreadable(response, wrote=False) from None
        if isinstance(found, dict):
            # Premium's list of all environments.
            found = [
                webhook
                for each in objects(body, "environments")
                if text(each, "environment_name") == environment or not environment
                for webhook in objects(each, "webhooks")
            ]
        if not isinstance(found, list):
            raise unreadable(response, wrote=False)
        return tuple(
            webhook for each in found if isinstance(each, dict) and (webhook := webhook_from(each)).id
        )

    return read


def validate_webhook(webhook_id: str, *, environment: str = "") -> Call[None]:
    """Have X check the address again; list to see whether it is valid now."""
    request = Request("PUT", f"{_base(environment)}/webhooks/{segment(webhook_id)}.json")
    return Call("webhook.validate", request, _OWNER, "account_activity_webhooks", nothing, safe=True)


def delete_webhook(webhook_id: str, *, environment: str = "") -> Call[None]:
    """Delete a webhook, with all its subscriptions."""
    request = Request("DELETE", f"{_base(environment)}/webhooks/{segment(webhook_id)}.json")
    return Call("webhook.delete", request, _OWNER, "account_activity_webhooks", nothing, safe=True)


def subscribe(webhook_id: str = "", *, environment: str = "") -> Call[bool]:
    """Subscribe the account whose token is used; true also when it was subscribed already."""
    request = Request("POST", _subscriptions(environment, webhook_id))
    return Call(
        "account_activity.subscribe",
        request,
        _ACCOUNT,
        "account_activity_subscribe",
        read_subscribed,
        safe=True,
    )


def check(webhook_id: str = "", *, environment: str = "") -> Call[bool]:
    """Whether the account whose token is used is subscribed."""
    request = Request("GET", _subscriptions(environment, webhook_id))
    return Call("account_activity.check", request, _ACCOUNT, "account_activity_check", _checked, safe=True)


def _checked(response: Response) -> bool:
    if is_success(response):
        return True
    error = error_from(response, now=response.received_at)
    # "Anything else: not subscribed"; but a dead token or a spent limit says nothing about it.
    if response.status == 404 or 34 in error.codes:
        return False
    raise error


def subscribed_users(webhook_id: str = "", *, environment: str = "") -> Call[tuple[str, ...]]:
    """The ids of the subscribed accounts."""
    request = Request("GET", _subscriptions(environment, webhook_id, "/list"))
    return Call("account_activity.list", request, _APP, "account_activity_list", _users, safe=True)


def _users(response: Response) -> tuple[str, ...]:
    return users_from(success(response))


def count(*, environment: str = "") -> Call[SubscriptionCount]:
    """How many accounts are subscribed, and how many may be."""
    base = f"{_BASE}/all" if environment else _BASE
    request = Request("GET", f"{base}/subscriptions/count.json")
    return Call("account_activity.count", request, _APP, "account_activity_count", _count, safe=True)


def _count(response: Response) -> SubscriptionCount:
    return count_from(success(response))


def unsubscribe(user_id: str, webhook_id: str = "", *, environment: str = "") -> Call[bool]:
    """End an account's subscription. Returns whether it is subscribed still: it never is after an answer."""
    user = segment(user_id)
    path = (
        f"{_base(environment)}/subscriptions/{user}.json"
        if environment
        else f"{_BASE}/webhooks/{segment(webhook_id)}/subscriptions/{user}/all.json"
    )
    return Call(
        "account_activity.unsubscribe",
        Request("DELETE", path),
        _APP,
        "account_activity_unsubscribe",
        _unsubscribed,
        safe=True,
    )


def _unsubscribed(response: Response) -> bool:
    # 404: it was not subscribed.
    if response.status != 404:
        success(response)
    return False


def replay(webhook_id: str, from_at: datetime, to_at: datetime) -> Call[ReplayJob]:
    """Have X deliver again what it delivered, or tried to, within the last five days (enterprise only).

    ``from_at`` is at least 31 minutes ago, ``to_at`` at least 10; one job a webhook is taken at a time.

    :raises ActionRefused: the times are in the wrong order.
    :raises ValueError: a time without a zone.
    """
    if from_at >= to_at:
        raise ActionRefused("a replay starts before it ends")
    path = f"{_BASE}/replay/webhooks/{segment(webhook_id)}/subscriptions/all.json"
    query = (("from_date", minute(from_at)), ("to_date", minute(to_at)))
    request = Request("POST", path, query)
    return Call("webhook.replay", request, _APP, "account_activity_replay", replay_job_from)
