"""X activity subscriptions (XAA): one event type for one account or keyword.

Source: X docs, activity/quickstart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botkit.errors import ActionRefused, XError
from botkit.x.calls.answers import is_success, required, success
from botkit.x.failures import error_from
from botkit.x.subscriptions import access_to
from botkit.x.values import decode_object, ident, integer, obj, objects, text
from botkit.x.wire import Auth, Call, Request, Response, segment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "Deletion",
    "Subscription",
    "SubscriptionMade",
    "SubscriptionPage",
    "create_subscription",
    "delete_subscription",
    "delete_subscriptions",
    "list_subscriptions",
    "update_subscription",
]

_APP = (Auth.APP,)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One subscription. ``direction`` is ``""`` where both directions come."""

    id: str
    event_type: str
    user_id: str = ""
    keyword: str = ""
    direction: str = ""
    tag: str = ""
    webhook_id: str = ""


@dataclass(frozen=True, slots=True)
class SubscriptionMade:
    """The subscription stands. Without ``subscription`` X did not tell its id: list to learn it.

    ``duplicate``: it stood already.
    """

    subscription: Subscription | None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class SubscriptionPage:
    """Subscriptions, how many there are in all where X says, and the next page's token (``""``: no more)."""

    subscriptions: tuple[Subscription, ...]
    total: int | None = None
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Deletion:
    """What became of several deletions; ``failed`` has X's reason by subscription."""

    deleted: tuple[str, ...]
    failed: Mapping[str, str]


def create_subscription(
    event_type: str,
    *,
    user_id: str = "",
    keyword: str = "",
    direction: Literal["", "inbound", "outbound"] = "",
    tag: str = "",
    webhook_id: str = "",
) -> Call[SubscriptionMade]:
    """Subscribe to one event type of one account, or of a keyword.

    With ``webhook_id`` events come to the webhook, and to an open stream as well.

    :param tag: 1 to 200 characters that come back with every event.
    :raises ActionRefused: neither or both of account and keyword, or something too long.
    """
    if bool(user_id) == bool(keyword):
        raise ActionRefused("a subscription is for a user or for a keyword")
    if len(keyword) > 150:
        raise ActionRefused("a keyword has at most 150 characters")
    filter_: dict[str, Any] = {"user_id": user_id} if user_id else {"keyword": keyword}
    if direction:
        if event_type.startswith(("mute.", "block.")):
            msg = f"{event_type} takes no direction"
            raise ActionRefused(msg)
        filter_["direction"] = direction
    body = {
        "event_type": required(event_type, "the event type"),
        "filter": filter_,
        **_settings(tag, webhook_id),
    }
    access = access_to(event_type)
    return Call(
        "activity.create",
        Request.with_json("POST", "/2/activity/subscriptions", body),
        access.auth,
        "activity_create",
        _made,
        scopes=access.scopes,
        safe=True,
    )


def _settings(tag: str, webhook_id: str) -> dict[str, str]:
    if len(tag) > 200:
        raise ActionRefused("a tag has at most 200 characters")
    return {name: value for name, value in (("tag", tag), ("webhook_id", webhook_id)) if value}


def _made(response: Response) -> SubscriptionMade:
    if is_success(response):
        return SubscriptionMade(_single(decode_object(response.body)))
    error = error_from(response, now=response.received_at)
    if _is_duplicate(response, error):
        return SubscriptionMade(None, duplicate=True)
    raise error


def _is_duplicate(response: Response, error: XError) -> bool:
    # Seen as 400 and as 409, with the word somewhere in the text and no name of its own.
    return response.status in {400, 409} and (
        "duplicate" in f"{error} {error.kind}".lower() or b"Duplicate" in response.body
    )


def _single(body: Mapping[str, Any]) -> Subscription | None:
    """The subscription in one of X's shapes: ``data`` is it, holds it in an array, or under its name."""
    data = body.get("data")
    if isinstance(data, list):
        data = next((each for each in data if isinstance(each, dict)), None)
    if not isinstance(data, dict):
        return None
    found = _subscription(obj(data, "subscription") or data)
    return found if found.id else None


def _subscription(found: Mapping[str, Any]) -> Subscription:
    filter_ = obj(found, "filter")
    return Subscription(
        id=ident(found, "subscription_id"),
        event_type=text(found, "event_type"),
        user_id=ident(filter_, "user_id"),
        keyword=text(filter_, "keyword"),
        direction=text(filter_, "direction"),
        tag=text(found, "tag"),
        webhook_id=ident(found, "webhook_id"),
    )


def list_subscriptions(*, max_results: int = 1_000, page: str = "") -> Call[SubscriptionPage]:
    """The app's subscriptions, up to 1,000 a page."""
    query = [("max_results", str(min(1_000, max(1, max_results))))]
    if page:
        query.append(("pagination_token", page))
    return Call(
        "activity.list",
        Request("GET", "/2/activity/subscriptions", tuple(query)),
        (Auth.APP, Auth.OAUTH1_USER, Auth.OAUTH2_USER),
        "activity_list",
        _listed,
        scopes=("like.read", "tweet.read"),
        safe=True,
    )


def _listed(response: Response) -> SubscriptionPage:
    body = success(response)
    meta = obj(body, "meta")
    return SubscriptionPage(
        tuple(found for each in objects(body, "data") if (found := _subscription(each)).id),
        total=integer(meta, "total_subscriptions", "result_count"),
        next_token=text(meta, "next_token"),
    )


def update_subscription(
    subscription_id: str, *, tag: str = "", webhook_id: str = ""
) -> Call[Subscription | None]:
    """Change the tag or the webhook; event type and filter can't change. ``None`` where X does not show it.

    :raises ActionRefused: nothing to change, or a tag that is too long.
    """
    body = _settings(tag, webhook_id)
    if not body:
        raise ActionRefused("a subscription's tag or webhook can change; give one")
    request = Request.with_json("PUT", f"/2/activity/subscriptions/{segment(subscription_id)}", body)
    return Call("activity.update", request, _APP, "activity_update", _updated, safe=True)


def _updated(response: Response) -> Subscription | None:
    return _single(success(response))


def delete_subscription(subscription_id: str) -> Call[bool]:
    """End a subscription. Returns whether it is deleted."""
    request = Request("DELETE", f"/2/activity/subscriptions/{segment(subscription_id)}")
    return Call("activity.delete", request, _APP, "activity_delete", _deleted, safe=True)


def _deleted(response: Response) -> bool:
    return obj(success(response), "data").get("deleted") is not False


def delete_subscriptions(subscription_ids: Sequence[str]) -> Call[Deletion]:
    """End 1 to 100 subscriptions at once; some may fail alone.

    :raises ActionRefused: none, or more than 100.
    """
    if not 1 <= len(subscription_ids) <= 100:
        msg = f"X deletes 1 to 100 subscriptions at once, not {len(subscription_ids)}"
        raise ActionRefused(msg)
    request = Request("DELETE", "/2/activity/subscriptions", (("ids", ",".join(subscription_ids)),))
    return Call("activity.delete_many", request, _APP, "activity_delete", _deletion, safe=True)


def _deletion(response: Response) -> Deletion:
    body = success(response)
    return Deletion(
        deleted=tuple(
            ident(each, "subscription_id")
            for each in objects(body, "data")
            if each.get("deleted") is not False and ident(each, "subscription_id")
        ),
        failed={
            ident(each, "subscription_id"): text(each, "message") or text(each, "reason")
            for each in objects(body, "errors")
        },
    )
