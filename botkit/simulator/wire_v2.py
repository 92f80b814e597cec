"""The v2 objects, and X Activity bodies made of them.

Source: X docs, activity/event-payloads and activity/introduction. Deliveries use the tweet names
(``referenced_tweets``), as the recorded bodies do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from botkit.simulator.activity import (
    Activity,
    LikeMade,
    MessageSent,
    MessagesRead,
    PostCreated,
    PostRemoved,
    ProfileChanged,
    RelationChanged,
    TypingShown,
    Withdrawn,
)
from botkit.simulator.entities import Rendered, render, short_link
from botkit.simulator.wire_v1 import message_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.things import Message, Post, User
    from botkit.simulator.world import World

__all__ = [
    "Notice",
    "activity_notices",
    "iso",
    "message_object",
    "post_object",
    "user_object",
]

_PICTURE = "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png"


@dataclass(frozen=True, slots=True)
class Notice:
    """One X Activity event: it goes to a subscription of ``event_type`` whose filter names ``user_id``.

    :param direction: for what has one; a subscription may ask for one direction only.
    :param shows_direction: X repeats the direction in the filter of the event (likes).
    :param event_uuid: for events whose uuid is their object's id.
    """

    event_type: str
    user_id: str
    payload: dict[str, Any]
    includes: dict[str, Any] | None = None
    direction: Literal["", "inbound", "outbound"] = ""
    shows_direction: bool = field(default=False)
    event_uuid: str = ""


def activity_notices(activity: Activity, world: World, config: SimulatorConfig) -> Iterator[Notice]:
    """Everything that the X Activity API reports of an activity."""
    match activity:
        case MessageSent(message):
            payload = _message_payload(message, world)
            yield Notice("dm.sent", message.sender_id, payload, direction="outbound")
            yield Notice("dm.received", message.recipient_id, payload, direction="inbound")
        case TypingShown(sender, recipient, at):
            event = _signal(sender, recipient, at)
            payload = {
                "direct_message_indicate_typing_events": [event],
                "users": _people(world, sender, recipient),
            }
            yield Notice("dm.indicate_typing", recipient, payload)
        case MessagesRead(sender, recipient, last_read, at):
            event = {**_signal(sender, recipient, at), "last_read_event_id": last_read}
            payload = {"direct_message_mark_read_events": [event], "users": _people(world, sender, recipient)}
            yield Notice("dm.read", recipient, payload)
        case PostCreated(post):
            # X never reports posts of protected accounts here
            if not world.users[post.author_id].protected:
                yield from _post_notices(post, world)
        case PostRemoved(post):
            wrapped = {"data": user_object(world.users[post.author_id])}
            payload = {"id": post.id, "author_id": post.author_id}
            yield Notice("post.delete", post.author_id, payload, {"users": [wrapped]})
        case LikeMade():
            yield from _like_notices(activity, world)
        case RelationChanged(kind, source, target):
            payload = {
                "source": {"data": user_object(world.users[source])},
                "target": {"data": user_object(world.users[target])},
            }
            base = kind.removeprefix("un")
            yield Notice(f"{base}.{kind}", source, payload, direction="outbound" if base == "follow" else "")
            if base == "follow":
                yield Notice(f"{base}.{kind}", target, payload, direction="inbound")
        case ProfileChanged(user_id, part, before, after):
            yield Notice(f"profile.update.{part}", user_id, {"before": before, "after": after})
        case Withdrawn(user_id, at):
            when = datetime.fromtimestamp(int(at), UTC).isoformat()
            yield Notice(
                "oauth.revoke", user_id, {"date_time": when, "user_id": user_id, "app_id": config.app_id}
            )


def _post_notices(post: Post, world: World) -> Iterator[Notice]:
    author, payload = world.users[post.author_id], post_object(post, world)
    yield Notice(
        "post.create",
        author.id,
        payload,
        {"tweets": [payload], "users": [user_object(author)]},
        event_uuid=post.id,
    )
    for kind, other_id in (
        ("post.reply.create", post.in_reply_to_id),
        ("post.quote.create", post.quoted_id),
        ("post.repost.create", post.reposted_id),
    ):
        other = world.posts.get(other_id)
        if other and other.author_id != author.id:
            # the recorded bodies of these three name nobody
            yield Notice(kind, other.author_id, payload, {})
    if post.reposted_id:
        return
    for user in world.mentions(post.text):
        if user.id != author.id:
            includes = {"users": [user_object(author), user_object(user)], "tweets": [payload]}
            yield Notice("post.mention.create", user.id, payload, includes, event_uuid=post.id)


def _like_notices(like: LikeMade, world: World) -> Iterator[Notice]:
    post, liker = like.post, world.users[like.user_id]
    author = world.users[post.author_id]
    payload = {
        "id": like.id,
        "created_at": iso(like.at),
        "timestamp_ms": str(int(like.at * 1000)),
        "liked_tweet_author_id": author.id,
        "liked_tweet_id": post.id,
    }
    tweets = [post_object(post, world)]
    for user_id, direction, shown in (
        (liker.id, "outbound", [author]),
        (author.id, "inbound", [liker, author]),
    ):
        yield Notice(
            "like.create",
            user_id,
            payload,
            {"users": [user_object(user) for user in shown], "tweets": tweets},
            "outbound" if direction == "outbound" else "inbound",
            shows_direction=True,
        )


def _message_payload(message: Message, world: World) -> dict[str, Any]:
    event = message_event(message, world)
    event["message_create"].pop("source_app_id", None)
    return {
        "direct_message_events": [event],
        "users": _people(world, message.sender_id, message.recipient_id),
    }


def _people(world: World, *ids: str) -> dict[str, Any]:
    return {user_id: {"data": user_object(world.users[user_id])} for user_id in ids}


def _signal(sender: str, recipient: str, at: float) -> dict[str, Any]:
    return {
        "created_timestamp": str(int(at * 1000)),
        "sender_id": sender,
        "target": {"recipient_id": recipient},
    }


# -- objects -------------------------------------------------------------------------------------------------


def user_object(user: User) -> dict[str, Any]:
    """A v2 user with every member that the simulator knows."""
    return {
        "id": user.id,
        "username": user.username,
        "name": user.name,
        "created_at": iso(user.created_at),
        "description": user.profile.get("bio", ""),
        "location": user.profile.get("geo", ""),
        "url": user.profile.get("url", ""),
        "profile_image_url": user.profile.get("profile_picture") or _PICTURE,
        "protected": user.protected,
        "verified": False,
        "verified_type": "none",
        "public_metrics": _counted(
            followers_count=user.followers,
            following_count=user.following,
            tweet_count=user.posts,
            listed_count=0,
            like_count=user.likes,
            media_count=0,
        ),
    }


def post_object(post: Post, world: World) -> dict[str, Any]:
    """A v2 post with every member that the simulator knows."""
    rendered = render(post.full_text)
    made: dict[str, Any] = {
        "id": post.id,
        "text": rendered.text,
        "author_id": post.author_id,
        "created_at": iso(post.at),
        "conversation_id": post.conversation_id,
        "display_text_range": [len(post.prefix), len(rendered.text)],
        "edit_controls": {
            "edits_remaining": 5,
            "edits_remaining_str": "5",
            "is_edit_eligible": True,
            "editable_until": iso(post.at + 3600),
        },
        "edit_history_tweet_ids": [post.id],
        "lang": "en",
        "paid_partnership": False,
        "possibly_sensitive": False,
        "public_metrics": _counted(
            retweet_count=0, reply_count=0, like_count=0, quote_count=0, bookmark_count=0, impression_count=0
        ),
        "reply_settings": "everyone",
    }
    references = [
        {"type": kind, "id": other_id}
        for kind, other_id in (
            ("replied_to", post.in_reply_to_id),
            ("quoted", post.quoted_id),
            ("retweeted", post.reposted_id),
        )
        if other_id
    ]
    if references:
        made["referenced_tweets"] = references
    parent = world.posts.get(post.in_reply_to_id)
    if post.in_reply_to_id:
        made["in_reply_to_tweet_id"] = post.in_reply_to_id
    if parent:
        made["in_reply_to_user_id"] = parent.author_id
    if post.media_ids:
        made["attachments"] = {"media_keys": [world.media_key(media_id) for media_id in post.media_ids]}
    entities = entities_of(rendered, world)
    if entities:
        made["entities"] = entities
    return made


def message_object(message: Message, world: World) -> dict[str, Any]:
    """A v2 direct message event (Source: X spec, DmEvent) with every member that the simulator knows."""
    rendered = render(message.text)
    made: dict[str, Any] = {
        "id": message.id,
        "event_type": "MessageCreate",
        "text": rendered.text,
        "created_at": iso(message.at),
        "sender_id": message.sender_id,
        "dm_conversation_id": message.conversation_id,
    }
    if message.media_id:
        made["attachments"] = {"media_keys": [world.media_key(message.media_id)]}
    entities = entities_of(rendered, world)
    if entities:
        made["entities"] = entities
    return made


def entities_of(rendered: Rendered, world: World) -> dict[str, Any]:
    """The v2 entities of a text; only the kinds that are there."""
    found: dict[str, list[dict[str, Any]]] = {}
    for token in rendered.tokens:
        place = _counted(start=token.start, end=token.end)
        user = world.named(token.value) if token.kind == "mention" else None
        if user:
            found.setdefault("mentions", []).append({**place, "username": user.username, "id": user.id})
        elif token.kind == "hashtag":
            found.setdefault("hashtags", []).append({**place, "tag": token.value})
        elif token.kind == "symbol":
            found.setdefault("cashtags", []).append({**place, "tag": token.value})
        elif token.kind == "url":
            link = {
                "url": short_link(token.value),
                "expanded_url": token.value,
                "display_url": token.value.partition("://")[2],
            }
            found.setdefault("urls", []).append({**place, **link})
    return dict(found)


def _counted(**numbers: int) -> dict[str, Any]:
    """Numbers, each with the ``_str`` twin that X puts beside it."""
    made: dict[str, Any] = {}
    for name, number in numbers.items():
        made[name], made[f"{name}_str"] = number, str(number)
    return made


def iso(at: float) -> str:
    """A time as v2 writes it: ISO 8601 in UTC with milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
