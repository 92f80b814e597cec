"""Chooses the members of v2 objects that a caller asked for: ``*.fields`` and ``expansions``.

Source: X docs, fundamentals/fields and fundamentals/expansions; X spec for the parameter names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.endpoint import Answer
from botkit.simulator.problems import invalid, resource_missing
from botkit.simulator.wire_v2 import message_object, post_object, user_object
from botkit.x.values import from_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botkit.simulator.endpoint import Call, Parts
    from botkit.simulator.things import Message, Post, User
    from botkit.simulator.world import World

__all__ = [
    "found_many",
    "found_one",
    "messages_page",
    "posts_page",
    "shown_message",
    "shown_post",
    "shown_user",
    "with_includes",
]

_USER = ("id", "name", "username")
_POST = ("id", "text", "edit_history_tweet_ids")
_MESSAGE = ("id", "event_type", "text")
_MEDIA = ("media_key", "type")


def shown_user(user: User, call: Call) -> dict[str, Any]:
    """A user with the default members and those of ``user.fields``."""
    return _chosen(user_object(user), (*_USER, *call.listed("user.fields")))


def shown_post(post: Post, world: World, call: Call) -> dict[str, Any]:
    """A post with the default members and those of ``tweet.fields`` or ``post.fields``."""
    wanted = (*_POST, *call.listed("tweet.fields"), *call.listed("post.fields"))
    return _chosen(post_object(post, world), wanted)


def shown_message(message: Message, world: World, call: Call) -> dict[str, Any]:
    """A message with the default members and those of ``dm_event.fields``."""
    return _chosen(message_object(message, world), (*_MESSAGE, *call.listed("dm_event.fields")))


def messages_page(messages: list[Message], parts: Parts, call: Call) -> dict[str, Any]:
    """``data`` of messages, with the ``includes`` that were asked for."""
    world, asked = parts.world, call.listed("expansions")
    body: dict[str, Any] = {"data": [shown_message(message, world, call) for message in messages]}
    made: dict[str, Any] = {}
    if "sender_id" in asked:
        senders = {message.sender_id: world.users[message.sender_id] for message in messages}
        made["users"] = [shown_user(user, call) for user in senders.values()]
    if "attachments.media_keys" in asked:
        made["media"] = _media([message.media_id for message in messages if message.media_id], parts, call)
    includes = {name: value for name, value in made.items() if value}
    return {**body, "includes": includes} if includes else body


def with_includes(body: dict[str, Any], posts: Iterable[Post], parts: Parts, call: Call) -> dict[str, Any]:
    """The body of posts, with the ``includes`` that were asked for; and they count as read."""
    asked, made, world = call.listed("expansions"), dict[str, Any](), parts.world
    posts = list(posts)
    parts.usage.count(len(posts))
    if "author_id" in asked:
        authors = {post.author_id: world.users[post.author_id] for post in posts}
        made["users"] = [shown_user(user, call) for user in authors.values()]
    if {"referenced_tweets.id", "referenced_posts", "referenced_posts.id"} & set(asked):
        ids = [one for post in posts for one in (post.in_reply_to_id, post.quoted_id, post.reposted_id)]
        others = {one: world.posts[one] for one in ids if one in world.posts}
        made["tweets"] = [shown_post(post, world, call) for post in others.values()]
    if "attachments.media_keys" in asked:
        made["media"] = _media([media_id for post in posts for media_id in post.media_ids], parts, call)
    includes = {name: value for name, value in made.items() if value}
    return {**body, "includes": includes} if includes else body


def _media(media_ids: Iterable[str], parts: Parts, call: Call) -> list[dict[str, Any]]:
    found = [parts.media.by_id(media_id) for media_id in dict.fromkeys(media_ids)]
    wanted = (*_MEDIA, *call.listed("media.fields"))
    return [_chosen(parts.media.shown(media), wanted) for media in found if media is not None]


def posts_page(parts: Parts, call: Call, newest_first: Iterable[Post]) -> Answer:
    """One page of a list of posts, within the bounds of the query.

    Source: X spec; it names no default for ``max_results``, 10 stands in.
    """
    size = call.number("max_results", 5, 100, 10)
    found = [post for post in newest_first if _is_asked_for(post, call)]
    page = found[:size]
    meta: dict[str, Any] = {"result_count": len(page)}
    if page:
        meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
    if len(found) > size:
        meta["next_token"] = page[-1].id
    body: dict[str, Any] = {"data": [shown_post(post, parts.world, call) for post in page]} if page else {}
    return Answer({**with_includes(body, page, parts, call), "meta": meta})


def _is_asked_for(post: Post, call: Call) -> bool:
    """The post lies between the bounds of the query, and is of no kind that it excludes.

    A page's token is the id below which the next page begins.
    """
    for name in ("since_id", "until_id", "pagination_token"):
        bound = call.query.get(name, "")
        if bound and not (bound.isdecimal() and len(bound) <= 19):
            raise invalid(f"The `{name}` query parameter value [{bound}] is not valid")
        if bound and (int(post.id) <= int(bound) if name == "since_id" else int(post.id) >= int(bound)):
            return False
    for name in ("start_time", "end_time"):
        written = call.query.get(name, "")
        at = from_text(written)
        if written and at is None:
            raise invalid(f"The `{name}` query parameter value [{written}] is not a time")
        if at and (post.at < at.timestamp() if name == "start_time" else post.at >= at.timestamp()):
            return False
    excluded = call.listed("exclude")
    if not {"replies", "retweets"}.issuperset(excluded):
        raise invalid("The `exclude` query parameter holds `replies` or `retweets`")
    return not ("replies" in excluded and post.in_reply_to_id) and not (
        "retweets" in excluded and post.reposted_id
    )


def found_one(kind: str, parameter: str, value: str, item: dict[str, Any] | None) -> dict[str, Any]:
    """A lookup of one thing: ``data``, or ``errors`` in a 200."""
    return {"data": item} if item is not None else {"errors": [resource_missing(kind, parameter, value)]}


def found_many(kind: str, parameter: str, items: dict[str, dict[str, Any] | None]) -> dict[str, Any]:
    """A lookup of several things: what is there in ``data``, the rest in ``errors``."""
    body: dict[str, Any] = {}
    there = [item for item in items.values() if item is not None]
    missing = [resource_missing(kind, parameter, value) for value, item in items.items() if item is None]
    if there:
        body["data"] = there
    if missing:
        body["errors"] = missing
    return body


def _chosen(whole: dict[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
    names = set(wanted)
    return {name: _plain(value) for name, value in whole.items() if name in names}


def _plain(value: Any) -> Any:
    """Without the ``_str`` twins, which only deliveries have."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if not name.endswith("_str")}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
