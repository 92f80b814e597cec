"""The v1.1 objects, and Account Activity bodies made of them.

Source: X docs, account-activity/introduction; the recorded bodies name every member.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botkit.simulator.activity import (
    Activity,
    LikeMade,
    MessageSent,
    MessagesRead,
    PostCreated,
    PostRemoved,
    RelationChanged,
    TypingShown,
    Withdrawn,
)
from botkit.simulator.entities import Rendered, render, short_link

if TYPE_CHECKING:
    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.things import Message, Post, User
    from botkit.simulator.world import World

__all__ = ["account_activity_body", "message_event", "post_object"]

_PICTURE = "abs.twimg.com/sticky/default_profile_images/default_profile_normal.png"
#: a longer post is cut off, and comes whole in ``extended_tweet``
_CLASSIC_LENGTH = 140


def account_activity_body(
    activity: Activity, user_id: str, world: World, config: SimulatorConfig
) -> dict[str, Any] | None:
    """The Account Activity body of an activity for a subscribed user; ``None``: it does not concern them."""
    if isinstance(activity, Withdrawn):
        return _revoke(activity, config) if activity.user_id == user_id else None
    events = _events(activity, user_id, world, config)
    return None if events is None else {"for_user_id": user_id, **events}


def _events(  # noqa: PLR0912 - one branch a kind of activity reads best in one place
    activity: Activity, user_id: str, world: World, config: SimulatorConfig
) -> dict[str, Any] | None:
    body: dict[str, Any] | None = None
    match activity:
        case MessageSent(message):
            if user_id in {message.sender_id, message.recipient_id}:
                body = _message_body(message, world, config)
        case TypingShown(sender, recipient, at):
            if user_id == recipient:
                body = _signal("direct_message_indicate_typing_events", sender, recipient, at, world)
        case MessagesRead(sender, recipient, last_read, at):
            if user_id == recipient:
                body = _signal(
                    "direct_message_mark_read_events",
                    sender,
                    recipient,
                    at,
                    world,
                    last_read_event_id=last_read,
                )
        case PostCreated(post):
            body = _post_body(post, user_id, world)
        case PostRemoved(post, at):
            if user_id == post.author_id:
                status = {"id": post.id, "user_id": post.author_id}
                body = {"tweet_delete_events": [{"status": status, "timestamp_ms": _ms(at)}]}
        case LikeMade(like_id, liker, post, at):
            if user_id in {liker, post.author_id}:
                event = {
                    "id": like_id,
                    "created_at": _date(at),
                    "timestamp_ms": int(at * 1000),
                    "favorited_status": post_object(post, world, nested=True),
                    "user": _user(world.users[liker]),
                }
                body = {"favorite_events": [event]}
        case RelationChanged(kind, source, target, at):
            # follows come to both; mutes and blocks only to the one who did it
            base = kind.removeprefix("un")
            if user_id == source or (base == "follow" and user_id == target):
                event = {
                    "type": kind,
                    "created_timestamp": _ms(at),
                    "target": _relation_user(world.users[target]),
                    "source": _relation_user(world.users[source]),
                }
                body = {f"{base}_events": [event]}
        case _:
            pass
    return body


def _revoke(activity: Withdrawn, config: SimulatorConfig) -> dict[str, Any]:
    revoke = {
        "date_time": datetime.fromtimestamp(int(activity.at), UTC).isoformat(),
        "target": {"app_id": config.app_id},
        "source": {"user_id": activity.user_id},
    }
    return {"user_event": {"revoke": revoke}}


# -- direct messages -----------------------------------------------------------------------------------------


def message_event(message: Message, world: World) -> dict[str, Any]:
    """One ``direct_message_events`` item; the same in both wire formats and in the v1.1 answer."""
    rendered = render(message.text)
    data: dict[str, Any] = {"text": rendered.text, "entities": _entities(rendered, world)}
    if message.options:
        data["quick_reply"] = {"type": "options", "options": [dict(option) for option in message.options]}
    if message.quick_reply is not None:
        data["quick_reply_response"] = {"type": "options", "metadata": message.quick_reply}
    if message.ctas:
        data["ctas"] = [{**cta, "tco_url": short_link(cta["url"])} for cta in message.ctas]
    if message.media_id:
        link = short_link(message.media_url)
        data["text"] = f"{data['text']} {link}".strip()
        media = {
            "id": int(message.media_id),
            "id_str": message.media_id,
            "media_url_https": message.media_url,
            "url": link,
            "type": "photo",
        }
        data["attachment"] = {"type": "media", "media": media}
    create: dict[str, Any] = {
        "target": {"recipient_id": message.recipient_id},
        "sender_id": message.sender_id,
        "message_data": data,
    }
    if message.app_id:
        create["source_app_id"] = message.app_id
    return {
        "type": "message_create",
        "id": message.id,
        "created_timestamp": _ms(message.at),
        "message_create": create,
    }


def _message_body(message: Message, world: World, config: SimulatorConfig) -> dict[str, Any]:
    body: dict[str, Any] = {"direct_message_events": [message_event(message, world)]}
    if message.app_id:
        app = {"id": config.app_id, "name": config.app_name, "url": "https://example.com"}
        body["apps"] = {config.app_id: app}
    body["users"] = _people(world, message.sender_id, message.recipient_id)
    return body


def _signal(key: str, sender: str, recipient: str, at: float, world: World, **more: str) -> dict[str, Any]:
    event = {
        "created_timestamp": _ms(at),
        "sender_id": sender,
        "target": {"recipient_id": recipient},
        **more,
    }
    return {key: [event], "users": _people(world, sender, recipient)}


def _people(world: World, *ids: str) -> dict[str, Any]:
    return {user_id: _message_user(world.users[user_id]) for user_id in ids}


# -- posts ---------------------------------------------------------------------------------------------------


def _post_body(post: Post, user_id: str, world: World) -> dict[str, Any] | None:
    author = world.users[post.author_id]
    if user_id != author.id:
        if author.protected and not world.related("follow", user_id, author.id):
            return None
        if user_id not in _told(post, world):
            return None
    body: dict[str, Any] = {"tweet_create_events": [post_object(post, world)]}
    mentions = {user.id for user in world.mentions(post.full_text)}
    if user_id != author.id and not post.reposted_id and user_id in mentions:
        body = {"user_has_blocked": world.related("block", user_id, author.id), **body}
    return body


def _told(post: Post, world: World) -> set[str]:
    """Whom X notifies: the mentioned (not in a repost), and the authors of what it answers or repeats."""
    related = (post.in_reply_to_id, post.quoted_id, post.reposted_id)
    told = {other.author_id for other in (world.posts.get(post_id) for post_id in related) if other}
    if not post.reposted_id:
        told |= {user.id for user in world.mentions(post.full_text)}
    return told


def post_object(post: Post, world: World, *, nested: bool = False) -> dict[str, Any]:
    """A v1.1 post; ``nested`` ones (quoted, reposted, liked) carry no ``timestamp_ms``."""
    rendered = render(post.full_text)
    parent = world.posts.get(post.in_reply_to_id)
    parent_author = world.users[parent.author_id] if parent else None
    if parent is None and rendered.tokens and rendered.tokens[0].kind == "mention":
        # a leading mention names its user, and no post
        parent_author = world.named(rendered.tokens[0].value) if rendered.tokens[0].start == 0 else None
    made: dict[str, Any] = {
        "created_at": _date(post.at),
        "id": int(post.id),
        "id_str": post.id,
        **_body_of_post(rendered, post, world),
        "source": '<a href="https://example.com" rel="nofollow">botkit simulator</a>',
        "in_reply_to_status_id": int(post.in_reply_to_id) if post.in_reply_to_id else None,
        "in_reply_to_status_id_str": post.in_reply_to_id or None,
        "in_reply_to_user_id": int(parent_author.id) if parent_author else None,
        "in_reply_to_user_id_str": parent_author.id if parent_author else None,
        "in_reply_to_screen_name": parent_author.username if parent_author else None,
        "user": _user(world.users[post.author_id]),
        "geo": None,
        "coordinates": None,
        "place": None,
        "contributors": None,
        "is_quote_status": bool(post.quoted_id),
        "quote_count": 0,
        "reply_count": 0,
        "retweet_count": 0,
        "favorite_count": 0,
        "favorited": False,
        "retweeted": False,
        "filter_level": "low",
        "lang": "en",
    }
    quoted, original = world.posts.get(post.quoted_id), world.posts.get(post.reposted_id)
    if post.quoted_id:
        made["quoted_status_id"], made["quoted_status_id_str"] = int(post.quoted_id), post.quoted_id
    if quoted and not nested:
        made["quoted_status"] = post_object(quoted, world, nested=True)
    if original:
        made["retweeted_status"] = post_object(original, world, nested=True)
    if not nested:
        made["timestamp_ms"] = _ms(post.at)
    return made


def _body_of_post(rendered: Rendered, post: Post, world: World) -> dict[str, Any]:
    full = {
        "text": rendered.text,
        "display_text_range": [len(post.prefix), len(rendered.text)],
        "entities": _entities(rendered, world),
    }
    if len(rendered.text) <= _CLASSIC_LENGTH:
        return {**full, "truncated": False}
    link = short_link(f"https://x.com/i/web/status/{post.id}")
    kept = rendered.text[: _CLASSIC_LENGTH - len(link) - 2].rstrip()
    tokens = tuple(token for token in rendered.tokens if token.end <= len(kept))
    cut = Rendered(f"{kept}… {link}", tokens)
    entities = _entities(cut, world)
    entities["urls"].append(
        {
            "url": link,
            "expanded_url": f"https://x.com/i/web/status/{post.id}",
            "display_url": "x.com/i/web/status…",
            "indices": [len(kept) + 2, len(cut.text)],
        }
    )
    extended = {"full_text": full.pop("text"), **full}
    return {"text": cut.text, "truncated": True, "entities": entities, "extended_tweet": extended}


def _entities(rendered: Rendered, world: World) -> dict[str, Any]:
    mentions = []
    for token in rendered.of("mention"):
        user = world.named(token.value)
        if user:
            mentions.append(
                {
                    "screen_name": user.username,
                    "name": user.name,
                    "id": int(user.id),
                    "id_str": user.id,
                    "indices": [token.start, token.end],
                }
            )
    return {
        "hashtags": [{"text": t.value, "indices": [t.start, t.end]} for t in rendered.of("hashtag")],
        "symbols": [{"text": t.value, "indices": [t.start, t.end]} for t in rendered.of("symbol")],
        "user_mentions": mentions,
        "urls": [
            {
                "url": short_link(t.value),
                "expanded_url": t.value,
                "display_url": t.value.partition("://")[2],
                "indices": [t.start, t.end],
            }
            for t in rendered.of("url")
        ],
    }


# -- people --------------------------------------------------------------------------------------------------


def _user(user: User) -> dict[str, Any]:
    """The full user of posts and likes: numeric ``id`` with its ``id_str``."""
    return {
        "id": int(user.id),
        "id_str": user.id,
        "name": user.name,
        "screen_name": user.username,
        "location": user.profile.get("geo") or None,
        "url": user.profile.get("url") or None,
        "description": user.profile.get("bio") or None,
        "translator_type": "none",
        "protected": user.protected,
        "verified": False,
        "followers_count": user.followers,
        "friends_count": user.following,
        "listed_count": 0,
        "favourites_count": user.likes,
        "statuses_count": user.posts,
        "created_at": _date(user.created_at),
        "profile_image_url": f"http://{_PICTURE}",
        "profile_image_url_https": f"https://{_PICTURE}",
        "default_profile": True,
        "default_profile_image": True,
    }


def _relation_user(user: User) -> dict[str, Any]:
    """The user of follows, mutes and blocks: ``id`` is text, unset texts are empty, unset colours -1."""
    made = {key: "" if value is None else value for key, value in _user(user).items()}
    del made["id_str"]
    made.update(
        id=user.id,
        profile_link_color=-1,
        profile_text_color=-1,
        profile_background_color=-1,
        lang="",
        time_zone="",
    )
    return made


def _message_user(user: User) -> dict[str, Any]:
    """The short user beside messages; what is unset is missing."""
    profile = {"location": "geo", "description": "bio", "url": "url"}
    return {
        "id": user.id,
        "created_timestamp": _ms(user.created_at),
        "name": user.name,
        "screen_name": user.username,
        **{key: user.profile[part] for key, part in profile.items() if user.profile.get(part)},
        "protected": user.protected,
        "verified": False,
        "followers_count": user.followers,
        "friends_count": user.following,
        "statuses_count": user.posts,
        "profile_image_url": f"http://{_PICTURE}",
        "profile_image_url_https": f"https://{_PICTURE}",
    }


def _ms(at: float) -> str:
    return str(int(at * 1000))


def _date(at: float) -> str:
    # English names whatever the locale
    moment = datetime.fromtimestamp(at, UTC)
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    months = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
    return f"{days[moment.weekday()]} {months[moment.month - 1]} {moment:%d %H:%M:%S} +0000 {moment:%Y}"
