"""Chooses the members of v2 objects that a caller asked for: ``*.fields`` and ``expansions``.

Source: X docs, fundamentals/fields and fundamentals/expansions; X spec for the parameter names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.problems import resource_missing
from botkit.simulator.wire_v2 import message_object, post_object, user_object

if TYPE_CHECKING:
    from collections.abc import Iterable

    from botkit.simulator.api import Call
    from botkit.simulator.things import Message, Post, User
    from botkit.simulator.world import World

__all__ = [
    "found_many",
    "found_one",
    "messages_page",
    "post_includes",
    "shown_message",
    "shown_post",
    "shown_user",
]

_USER = ("id", "name", "username")
_POST = ("id", "text", "edit_history_tweet_ids")
_MESSAGE = ("id", "event_type", "text")


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


def messages_page(messages: list[Message], world: World, call: Call) -> dict[str, Any]:
    """``data`` of messages, with the ``includes`` that were asked for."""
    body: dict[str, Any] = {"data": [shown_message(message, world, call) for message in messages]}
    if "sender_id" in call.listed("expansions"):
        senders = {message.sender_id: world.users[message.sender_id] for message in messages}
        if senders:
            body["includes"] = {"users": [shown_user(user, call) for user in senders.values()]}
    return body


def post_includes(posts: Iterable[Post], world: World, call: Call) -> dict[str, Any]:
    """``includes`` of posts."""
    asked, made = call.listed("expansions"), dict[str, Any]()
    posts = list(posts)
    if "author_id" in asked:
        authors = {post.author_id: world.users[post.author_id] for post in posts}
        made["users"] = [shown_user(user, call) for user in authors.values()]
    if {"referenced_tweets.id", "referenced_posts.id"} & set(asked):
        ids = [one for post in posts for one in (post.in_reply_to_id, post.quoted_id, post.reposted_id)]
        others = {one: world.posts[one] for one in ids if one in world.posts}
        made["tweets"] = [shown_post(post, world, call) for post in others.values()]
    return {name: value for name, value in made.items() if value}


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
