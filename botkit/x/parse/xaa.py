"""X activity (XAA) → events. Source: X docs, activity/event-payloads; XChat: xchat/real-time-events."""

from __future__ import annotations

from collections.abc import Callable

from botkit.events import (
    BroadcastChat,
    BroadcastEnded,
    BroadcastStarted,
    ChatMessage,
    Event,
    Like,
    NewsPublished,
    PostDeleted,
    ProfileUpdated,
    Revoked,
    SpaceEnded,
    SpaceStarted,
    User,
)
from botkit.x.identity.xaa import only_other
from botkit.x.parse.aaa import RELATION_EVENTS, account_activity_event, event_key
from botkit.x.parse.context import Context
from botkit.x.parse.messages import read_event, typing_event
from botkit.x.parse.posts import activity_post_event
from botkit.x.parse.users import Users, user_from
from botkit.x.text import unescape
from botkit.x.values import (
    Json,
    first_text,
    from_ms,
    from_text,
    ident,
    integer,
    obj,
    objects,
    snowflake_time,
    text,
    unwrap,
)

__all__ = ["activity_event"]

_PROFILE = "profile.update."


def activity_event(envelope: Json, context: Context) -> Event | None:
    """The event of one envelope; ``None`` when its type is unknown or it lacks what it must have."""
    event_type = text(envelope, "event_type")
    payload = obj(envelope, "payload")
    if event_type.startswith(_PROFILE):
        return ProfileUpdated(
            **context.common(None, by_us=True),
            part=event_type.removeprefix(_PROFILE),
            before=text(payload, "before"),
            after=text(payload, "after"),
        )
    reader = _READERS.get(event_type)
    return reader(envelope, payload, context) if reader else None


def _post(envelope: Json, payload: Json, context: Context) -> Event | None:
    return activity_post_event(text(envelope, "event_type"), payload, obj(envelope, "includes"), context)


def _post_delete(envelope: Json, payload: Json, context: Context) -> Event | None:
    post_id = ident(payload, "id")
    author_id = ident(payload, "author_id") or context.account_id
    if not post_id:
        return None
    # The id tells when the post was made, not when it went.
    return PostDeleted(
        **context.common(None, by_us=context.is_account(author_id)),
        post_id=post_id,
        author=Users(obj(envelope, "includes").get("users"))[author_id],
    )


def _like(envelope: Json, payload: Json, context: Context) -> Event | None:
    post_id = ident(payload, "liked_tweet_id", "liked_post_id", "tweet_id")
    if not post_id:
        return None
    author_id = ident(payload, "liked_tweet_author_id", "tweet_author_id")
    includes = obj(envelope, "includes")
    users = Users(includes.get("users"))
    direction = text(obj(envelope, "filter"), "direction")
    by_us = direction == "outbound" or (direction != "inbound" and not context.is_account(author_id))
    if by_us:
        user_id = context.account_id
    else:
        included = (ident(unwrap(each), "id") for each in objects(includes, "users"))
        user_id = only_other(included, context.account_id)
    posts = [*objects(includes, "tweets"), *objects(includes, "posts")]
    post = next((each for each in posts if ident(each, "id") == post_id), {})
    return Like(
        **context.common(
            from_ms(integer(payload, "timestamp_ms")) or from_text(text(payload, "created_at")), by_us=by_us
        ),
        user=users[user_id] if user_id else User(id=""),
        post_id=post_id,
        post_author=users[author_id],
        post_text=unescape(text(post, "text")),
    )


def _relation(envelope: Json, payload: Json, context: Context) -> Event | None:
    kind = RELATION_EVENTS[text(envelope, "event_type").partition(".")[2]]
    source, target = user_from(payload.get("source")), user_from(payload.get("target"))
    if not (source.id and target.id):
        return None
    at = from_ms(integer(payload, "created_timestamp")) or from_text(text(payload, "created_at"))
    return kind(**context.common(at, by_us=context.is_account(source.id)), source=source, target=target)


def _message(envelope: Json, payload: Json, context: Context) -> Event | None:
    key = event_key(payload)
    if key:
        return account_activity_event(key, payload, context)
    # No sample shows typing and receipts; they may come without account activity's array around them.
    users = Users(payload.get("users") or obj(envelope, "includes").get("users"))
    if text(envelope, "event_type") == "dm.read":
        return read_event(payload, users, context)
    if text(envelope, "event_type") == "dm.indicate_typing":
        return typing_event(payload, users, context)
    return None


def _chat(envelope: Json, payload: Json, context: Context) -> Event | None:
    event_type = text(envelope, "event_type")
    sender_id = ident(payload, "sender_id")
    if not sender_id:
        return None
    at = from_ms(integer(payload, "created_at_msec"))
    by_us = event_type == "chat.sent" or context.is_account(sender_id)
    return ChatMessage(
        **context.common(at, by_us=by_us),
        message_id=ident(payload, "id") or ident(envelope, "event_uuid"),
        conversation_id=text(payload, "conversation_id"),
        sender=Users(obj(envelope, "includes").get("users"))[sender_id],
    )


def _live(kind: type[SpaceStarted | SpaceEnded | BroadcastStarted | BroadcastEnded]) -> _Reader:
    def read(_envelope: Json, payload: Json, context: Context) -> Event | None:
        broadcast_id = ident(payload, "broadcast_id")
        if not broadcast_id:
            return None
        user = user_from(payload.get("user"), user_id=context.account_id)
        at = from_ms(integer(payload, "event_timestamp_ms", "updated_timestamp_ms", "created_timestamp_ms"))
        return kind(
            **context.common(at, by_us=context.is_account(user.id)),
            user=user,
            broadcast_id=broadcast_id,
            title=text(payload, "title"),
        )

    return read


def _broadcast_chat(_envelope: Json, payload: Json, context: Context) -> Event | None:
    message_id, sender = ident(payload, "message_id"), user_from(payload.get("author"))
    if not (message_id and sender.id):
        return None
    return BroadcastChat(
        **context.common(snowflake_time(message_id), by_us=context.is_account(sender.id)),
        broadcast_id=ident(payload, "broadcast_id"),
        message_id=message_id,
        sender=sender,
        text=text(payload, "message"),
    )


def _news(envelope: Json, payload: Json, context: Context) -> Event | None:
    story_id = ident(payload, "id")
    if not story_id:
        return None
    return NewsPublished(
        **context.common(from_text(text(payload, "updated_at")) or snowflake_time(story_id), by_us=False),
        story_id=story_id,
        keyword=text(obj(envelope, "filter"), "keyword"),
        title=first_text(payload, "name", "headline"),
        category=text(payload, "category"),
        summary=text(payload, "summary"),
        hook=text(payload, "hook"),
        post_ids=tuple(
            post_id
            for each in objects(payload, "cluster_posts_results")
            if (post_id := ident(each, "post_id"))
        ),
    )


def _revoke(_envelope: Json, payload: Json, context: Context) -> Event | None:
    user_id = ident(payload, "user_id")
    if not user_id:
        return None
    return Revoked(
        **context.common(from_text(text(payload, "date_time")), by_us=True),
        user_id=user_id,
        app_id=ident(payload, "app_id"),
    )


_Reader = Callable[[Json, Json, Context], Event | None]

_READERS: dict[str, _Reader] = {
    "post.create": _post,
    "post.mention.create": _post,
    "post.reply.create": _post,
    "post.quote.create": _post,
    "post.repost.create": _post,
    "post.delete": _post_delete,
    "like.create": _like,
    "follow.follow": _relation,
    "follow.unfollow": _relation,
    "mute.mute": _relation,
    "mute.unmute": _relation,
    "block.block": _relation,
    "block.unblock": _relation,
    "dm.received": _message,
    "dm.sent": _message,
    "dm.read": _message,
    "dm.indicate_typing": _message,
    "chat.received": _chat,
    "chat.sent": _chat,
    "spaces.start": _live(SpaceStarted),
    "spaces.end": _live(SpaceEnded),
    "broadcast.start": _live(BroadcastStarted),
    "broadcast.end": _live(BroadcastEnded),
    "broadcast.chat": _broadcast_chat,
    "news.new": _news,
    "oauth.revoke": _revoke,
}
