"""Subscriptions: Account Activity v2 and X Activity.

Source: X docs, account-activity/quickstart, activity/quickstart and activity/introduction; X spec.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import ANYONE, APP, USER
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import (
    ApiError,
    forbidden,
    invalid,
    missing_scopes,
    not_in_package,
    unsupported_authentication,
)
from botkit.simulator.rest_webhooks import hook_of
from botkit.simulator.schemas import ACTIVITY_CREATE, ACTIVITY_UPDATE, EMPTY
from botkit.simulator.scopes import event_scope, scopes
from botkit.simulator.webhooks import V2

if TYPE_CHECKING:
    from botkit.simulator.subscriptions import ActivitySubscription

__all__ = ["ENDPOINTS"]

#: only with a user token of the account in the filter
_PRIVATE = (
    "post.mention.create",
    "post.reply.create",
    "post.quote.create",
    "post.repost.create",
    "like.create",
    "mute.",
    "block.",
    "dm.",
    "chat.",
    "broadcast.chat",
)
_ALIASES = {"chat.conversation_join": "chat.conversation.join"}


# -- Account Activity ----------------------------------------------------------------------------------------


async def subscribe(parts: Parts, call: Call) -> Answer:
    """``POST /2/account_activity/webhooks/:webhook_id/subscriptions/all``."""
    hook = hook_of(parts, call.path["webhook_id"])
    parts.subscriptions.subscribe(
        hook.id, call.caller.user_id, limit=parts.rules.account_activity_limit, among=_hooks(parts)
    )
    return Answer({"data": {"subscribed": True}})


async def check(parts: Parts, call: Call) -> Answer:
    """``GET /2/account_activity/webhooks/:webhook_id/subscriptions/all``."""
    hook = hook_of(parts, call.path["webhook_id"])
    return Answer(
        {"data": {"subscribed": call.caller.user_id in parts.subscriptions.accounts.get(hook.id, {})}}
    )


async def list_accounts(parts: Parts, call: Call) -> Answer:
    """``GET /2/account_activity/webhooks/:webhook_id/subscriptions/all/list``."""
    hook = hook_of(parts, call.path["webhook_id"])
    users = parts.subscriptions.accounts.get(hook.id, {})
    return Answer(
        {
            "data": {
                "application_id": parts.config.app_id,
                "webhook_id": hook.id,
                "webhook_url": hook.url,
                "subscriptions": [{"user_id": user_id} for user_id in users],
            }
        }
    )


async def unsubscribe(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/account_activity/webhooks/:webhook_id/subscriptions/:user_id/all``."""
    hook = hook_of(parts, call.path["webhook_id"])
    parts.subscriptions.unsubscribe(hook.id, call.path["user_id"])
    return Answer({"data": {"subscribed": False}})


async def count(parts: Parts, _call: Call) -> Answer:
    """``GET /2/account_activity/subscriptions/count``; the numbers are texts."""
    return Answer(
        {
            "data": {
                "account_name": parts.config.app_name,
                "provisioned_count": str(parts.rules.account_activity_limit),
                "subscriptions_count_all": str(parts.subscriptions.account_count(_hooks(parts))),
                "subscriptions_count_direct_messages": "0",
            }
        }
    )


def _hooks(parts: Parts) -> set[str]:
    return {hook.id for hook in parts.webhooks.all(V2)}


# -- X Activity ----------------------------------------------------------------------------------------------


async def create(parts: Parts, call: Call) -> Answer:
    """``POST /2/activity/subscriptions``."""
    _check_package(parts)
    body = call.body
    event_type: str = _ALIASES.get(body["event_type"], body["event_type"])
    wanted: dict[str, str] = dict(body["filter"])
    _check_allowed(call, event_type, wanted)
    if "direction" in wanted and event_type.startswith(("mute.", "block.")):
        raise invalid("$.filter.direction: is not supported for mute and block events")
    webhook_id: str = body.get("webhook_id", "")
    if webhook_id:
        hook_of(parts, webhook_id)
    made = parts.subscriptions.add(event_type, wanted, tag=body.get("tag", ""), webhook_id=webhook_id)
    shapes: dict[str, Any] = {
        "array": [made.public()],
        "object": made.public(),
        "nested": {"subscription": made.public()},
    }
    return Answer({"data": shapes[parts.config.create_shape], "meta": _total(parts)})


def _check_package(parts: Parts) -> None:
    if not parts.rules.activity_api_allowed:
        raise not_in_package()


def _check_allowed(call: Call, event_type: str, wanted: dict[str, str]) -> None:
    if event_type == "news.new":
        raise not_in_package()
    if "user_id" not in wanted:
        raise invalid("$.filter.user_id: is missing but it is required")
    if not event_type.startswith(_PRIVATE):
        return
    if call.caller.kind == "app":
        raise unsupported_authentication(
            "OAuth 2.0 Application-Only", ["OAuth 1.0a User Context", "OAuth 2.0 User Context"]
        )
    if wanted["user_id"] != call.caller.user_id:
        raise forbidden("The authenticated user must be the user in the filter of a private event.")
    if call.caller.kind == "oauth2" and event_scope(event_type) not in call.caller.scopes:
        raise missing_scopes([event_scope(event_type)])


async def list_activity(parts: Parts, call: Call) -> Answer:
    """``GET /2/activity/subscriptions``."""
    size = call.number("max_results", 1, 1000, 1000)
    token = call.query.get("pagination_token", "")
    if token and (len(token) < 16 or not token.isdecimal()):
        raise invalid(f"The `pagination_token` query parameter value [{token}] is not valid")
    rest = [one for one in parts.subscriptions.activity.values() if int(one.id) > int(token or 0)]
    page: list[ActivitySubscription] = rest[:size]
    meta: dict[str, Any] = _total(parts)
    if len(rest) > size:
        meta["next_token"] = page[-1].id.zfill(16)
    return Answer({"data": [one.public() for one in page], "meta": meta})


async def update(parts: Parts, call: Call) -> Answer:
    """``PUT /2/activity/subscriptions/:subscription_id``: tag and webhook only."""
    one = parts.subscriptions.get(call.path["subscription_id"])
    if "webhook_id" in call.body:
        one.webhook_id = hook_of(parts, call.body["webhook_id"]).id
    one.tag = call.body.get("tag", one.tag)
    one.updated_at = parts.clock()
    if parts.config.create_shape == "nested":
        # the spec's shape; the docs' has the subscription and its number side by side
        return Answer({"data": {"subscription": one.public(), **_total(parts)}})
    return Answer({"data": one.public(), "meta": _total(parts)})


async def delete(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/activity/subscriptions/:subscription_id``."""
    parts.subscriptions.remove(call.path["subscription_id"])
    return Answer({"data": {"deleted": True}, "meta": _total(parts)})


async def delete_many(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/activity/subscriptions?ids=``: what can be deleted is."""
    ids = call.listed("ids")
    if not 1 <= len(ids) <= 100 or not all(one.isdecimal() and len(one) <= 19 for one in ids):
        raise invalid("The `ids` query parameter must hold 1 to 100 ids")
    done: list[dict[str, Any]] = []
    errors: list[dict[str, str]] = []
    for one in ids:
        try:
            parts.subscriptions.remove(one)
        except ApiError:
            message = "no subscription of this app has this id"
            errors.append({"subscription_id": one, "reason": "SubscriptionNotFound", "message": message})
        else:
            done.append({"subscription_id": one, "deleted": True})
    body: dict[str, Any] = {"data": done, "meta": _total(parts)}
    return Answer({**body, "errors": errors} if errors else body)


def _total(parts: Parts) -> dict[str, int]:
    return {"total_subscriptions": len(parts.subscriptions.activity)}


_HOOK = "/2/account_activity/webhooks/{webhook_id:[0-9]{1,19}}/subscriptions"
_ACTIVITY = "/2/activity/subscriptions"
_ACCOUNT = scopes("dm.read", "dm.write")
_ONE = f"{_ACTIVITY}/{{subscription_id:[0-9]{{1,19}}}}"

ENDPOINTS = [
    Endpoint(
        method="POST",
        path=f"{_HOOK}/all",
        window="account.subscribe",
        accepts=USER,
        needs="messages",
        scopes=_ACCOUNT,
        schema=EMPTY,
        act=subscribe,
    ),
    Endpoint(
        method="GET",
        path=f"{_HOOK}/all",
        window="account.check",
        accepts=USER,
        needs="messages",
        scopes=_ACCOUNT,
        act=check,
    ),
    Endpoint(method="GET", path=f"{_HOOK}/all/list", window="account.list", accepts=APP, act=list_accounts),
    Endpoint(
        method="DELETE",
        path=f"{_HOOK}/{{user_id:[0-9]{{1,19}}}}/all",
        window="account.unsubscribe",
        accepts=APP,
        act=unsubscribe,
    ),
    Endpoint(
        method="GET",
        path="/2/account_activity/subscriptions/count",
        window="account.count",
        accepts=APP,
        act=count,
    ),
    Endpoint(
        method="POST",
        path=_ACTIVITY,
        window="activity.create",
        accepts=ANYONE,
        scopes=frozenset(),
        schema=ACTIVITY_CREATE,
        act=create,
    ),
    Endpoint(
        method="GET",
        path=_ACTIVITY,
        window="activity.list",
        accepts=ANYONE,
        scopes=frozenset({"like.read", "tweet.read"}),
        act=list_activity,
    ),
    Endpoint(method="DELETE", path=_ACTIVITY, window="activity.delete_many", accepts=APP, act=delete_many),
    Endpoint(
        method="PUT", path=_ONE, window="activity.update", accepts=APP, schema=ACTIVITY_UPDATE, act=update
    ),
    Endpoint(method="DELETE", path=_ONE, window="activity.delete", accepts=APP, act=delete),
]
