"""Account activity (v1.1 and v2, one envelope) → events. Source: X docs, account-activity/introduction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botkit.events import (
    Block,
    Event,
    Follow,
    Like,
    Mute,
    PostDeleted,
    ReplayFinished,
    Revoked,
    Unblock,
    Unfollow,
    Unmute,
    User,
)
from botkit.x.identity.aaa import RELATIONS
from botkit.x.parse.messages import message_event, read_event, typing_event
from botkit.x.parse.posts import post_text, tweet_event
from botkit.x.parse.users import Users, user_from
from botkit.x.values import Json, from_ms, from_text, ident, integer, obj, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from botkit.x.parse.context import Context

__all__ = ["RELATION_EVENTS", "account_activity_event", "event_key"]

RELATION_EVENTS: dict[str, type[Follow | Unfollow | Block | Unblock | Mute | Unmute]] = {
    "follow": Follow,
    "unfollow": Unfollow,
    "block": Block,
    "unblock": Unblock,
    "mute": Mute,
    "unmute": Unmute,
}


def event_key(body: Json) -> str:
    """Under which member of the body the event stands; ``""`` when it is no account activity."""
    empty = ""
    for key in body:
        if key.endswith("_events") or key in {"user_event", "replay_job_status"}:
            if body[key]:
                return key
            # An empty array beside the event is no event.
            empty = empty or key
    return empty


def account_activity_event(key: str, body: Json, context: Context) -> Event | None:
    """The one event of a body; ``None`` when botkit does not know it."""
    found = body.get(key)
    if isinstance(found, list):
        found = found[0] if len(found) == 1 else None
    reader = _READERS.get(key)
    if reader is None or not isinstance(found, dict):
        return None
    return reader(found, body, context)


def _message(found: Json, body: Json, context: Context) -> Event | None:
    return message_event(found, Users(body.get("users")), context)


def _typing(found: Json, body: Json, context: Context) -> Event | None:
    return typing_event(found, Users(body.get("users")), context)


def _read(found: Json, body: Json, context: Context) -> Event | None:
    return read_event(found, Users(body.get("users")), context)


def _tweet_delete(found: Json, _body: Json, context: Context) -> Event | None:
    status = obj(found, "status")
    post_id = ident(status, "id_str", "id")
    author_id = ident(status, "user_id_str", "user_id") or context.account_id
    if not post_id:
        return None
    at = from_ms(integer(found, "timestamp_ms"))
    return PostDeleted(
        **context.common(at, by_us=context.is_account(author_id)),
        post_id=post_id,
        author=User(id=author_id, name=author_id),
    )


def _favorite(found: Json, _body: Json, context: Context) -> Event | None:
    post = obj(found, "favorited_status")
    post_id = ident(post, "id_str", "id")
    user = user_from(obj(found, "user"))
    if not post_id:
        return None
    return Like(
        **context.common(
            from_ms(integer(found, "timestamp_ms")) or from_text(text(found, "created_at")),
            by_us=context.is_account(user.id),
        ),
        user=user,
        post_id=post_id,
        post_author=user_from(obj(post, "user")),
        post_text=post_text(post),
    )


def _relation(key: str) -> Callable[[Json, Json, Context], Event | None]:
    def read(found: Json, _body: Json, context: Context) -> Event | None:
        kind = RELATION_EVENTS.get(text(found, "type") or RELATIONS[key])
        source, target = user_from(found.get("source")), user_from(found.get("target"))
        if kind is None or not (source.id and target.id):
            return None
        at = from_ms(integer(found, "created_timestamp"))
        return kind(**context.common(at, by_us=context.is_account(source.id)), source=source, target=target)

    return read


def _user_event(found: Json, _body: Json, context: Context) -> Event | None:
    revoke = obj(found, "revoke")
    user_id = ident(obj(revoke, "source"), "user_id")
    if not user_id:
        return None
    return Revoked(
        **context.common(from_text(text(revoke, "date_time")), by_us=True),
        user_id=user_id,
        app_id=ident(obj(revoke, "target"), "app_id"),
    )


def _replay(found: Json, _body: Json, context: Context) -> Event | None:
    job_id = ident(found, "job_id")
    if not job_id:
        return None
    return ReplayFinished(
        **context.common(None, by_us=False),
        job_id=job_id,
        webhook_id=ident(found, "webhook_id"),
        complete=text(found, "job_state") == "Complete",
        description=text(found, "job_state_description"),
    )


_READERS: dict[str, Callable[[Json, Json, Context], Event | None]] = {
    "direct_message_events": _message,
    "direct_message_indicate_typing_events": _typing,
    "direct_message_mark_read_events": _read,
    "tweet_create_events": tweet_event,
    "tweet_delete_events": _tweet_delete,
    "favorite_events": _favorite,
    "user_event": _user_event,
    "replay_job_status": _replay,
    **{key: _relation(key) for key in RELATIONS},
}
