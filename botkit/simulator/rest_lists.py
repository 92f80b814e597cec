"""Lists of people and posts, v2: who follows, mutes, likes; mentions and timelines. Source: X spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import ANYONE, USER
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import invalid
from botkit.simulator.scopes import BASIC, scopes
from botkit.simulator.shown import found_one, posts_page, shown_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from botkit.simulator.auth import Kind
    from botkit.simulator.things import Post, User

__all__ = ["ENDPOINTS"]

_MAX = 1000


# -- people --------------------------------------------------------------------------------------------------


async def followers(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/followers``, the newest first."""
    return _of_user(parts, call, lambda user: _sources(parts, "follow", user.id))


async def following(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/following``."""
    return _of_user(parts, call, lambda user: _targets(parts, "follow", user.id))


async def muting(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/muting``: one's own only."""
    return _people(parts, call, _targets(parts, "mute", parts.me(call).id))


async def blocking(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/blocking``: one's own only."""
    return _people(parts, call, _targets(parts, "block", parts.me(call).id))


async def liking(parts: Parts, call: Call) -> Answer:
    """``GET /2/tweets/:id/liking_users``."""
    return _of_post(parts, call, lambda post: _actors(parts.world.likes, post.id))


async def reposting(parts: Parts, call: Call) -> Answer:
    """``GET /2/tweets/:id/retweeted_by``."""
    return _of_post(parts, call, lambda post: _actors(parts.world.reposts, post.id))


def _actors(done: dict[tuple[str, str], str], post_id: str) -> list[str]:
    return [user_id for user_id, other in reversed(done) if other == post_id]


def _sources(parts: Parts, kind: str, user_id: str) -> list[str]:
    return [source for source, target in reversed(parts.world.relations[kind]) if target == user_id]


def _targets(parts: Parts, kind: str, user_id: str) -> list[str]:
    return [target for source, target in reversed(parts.world.relations[kind]) if source == user_id]


def _of_user(parts: Parts, call: Call, listed: Callable[[User], list[str]]) -> Answer:
    user = parts.world.users.get(call.path["user_id"])
    if user is None:
        return Answer(found_one("user", "id", call.path["user_id"], None))
    return _people(parts, call, listed(user))


def _of_post(parts: Parts, call: Call, listed: Callable[[Post], list[str]]) -> Answer:
    post = parts.world.posts.get(call.path["tweet_id"])
    if post is None:
        return Answer(found_one("tweet", "id", call.path["tweet_id"], None))
    return _people(parts, call, listed(post))


def _people(parts: Parts, call: Call, ids: list[str]) -> Answer:
    """One page of people; a token is how many came before, padded to the length that X asks for."""
    size, token = call.number("max_results", 1, _MAX, 100), call.query.get("pagination_token", "")
    if token and (len(token) < 16 or not token.isdecimal()):
        raise invalid(f"The `pagination_token` query parameter value [{token}] is not valid")
    skip = int(token or 0)
    page = ids[skip : skip + size]
    meta: dict[str, Any] = {"result_count": len(page)}
    if len(ids) > skip + size:
        meta["next_token"] = str(skip + size).zfill(16)
    if skip:
        meta["previous_token"] = str(max(0, skip - size)).zfill(16)
    data = {"data": [shown_user(parts.world.users[one], call) for one in page]} if page else {}
    return Answer({**data, "meta": meta})


# -- posts ---------------------------------------------------------------------------------------------------


async def by_user(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/tweets``: a user's own posts."""
    return _posts_of(parts, call, lambda user: reversed(parts.world.posts_by(user.id)))


async def mentions(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/mentions``."""

    def found(user: User) -> Iterable[Post]:
        for post in reversed(parts.world.posts.values()):
            written = user in parts.world.mentions(post.full_text)
            if written and not post.reposted_id and post.author_id != user.id:
                yield post

    return _posts_of(parts, call, found)


async def liked(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/liked_tweets``, the last like first."""
    world = parts.world

    def found(user: User) -> Iterable[Post]:
        ids = [post_id for user_id, post_id in reversed(world.likes) if user_id == user.id]
        return (world.posts[post_id] for post_id in ids if post_id in world.posts)

    return _posts_of(parts, call, found)


async def home(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/timelines/reverse_chronological``: one's own posts and those of whom one follows."""
    me, world = parts.me(call), parts.world
    followed = {me.id, *_targets(parts, "follow", me.id)}
    return posts_page(
        parts, call, (post for post in reversed(world.posts.values()) if post.author_id in followed)
    )


async def quotes(parts: Parts, call: Call) -> Answer:
    """``GET /2/tweets/:id/quote_tweets``."""
    wanted, world = call.path["tweet_id"], parts.world
    if wanted not in world.posts:
        return Answer(found_one("tweet", "id", wanted, None))
    return posts_page(
        parts, call, (post for post in reversed(world.posts.values()) if post.quoted_id == wanted)
    )


def _posts_of(parts: Parts, call: Call, listed: Callable[[User], Iterable[Post]]) -> Answer:
    user = parts.world.users.get(call.path["user_id"])
    if user is None:
        return Answer(found_one("user", "id", call.path["user_id"], None))
    return posts_page(parts, call, listed(user))


_OF_USER = "/2/users/{user_id:[0-9]{1,19}}"
_OF_ME = "/2/users/{id:[0-9]{1,19}}"
_OF_POST = "/2/tweets/{tweet_id:[0-9]{1,19}}"

_Row = tuple[str, str, "frozenset[Kind]", frozenset[str], Any]

_ROWS: tuple[_Row, ...] = (
    (f"{_OF_USER}/followers", "user.followers", ANYONE, scopes("follows.read"), followers),
    (f"{_OF_USER}/following", "user.following", ANYONE, scopes("follows.read"), following),
    (f"{_OF_ME}/muting", "user.muting", USER, scopes("mute.read"), muting),
    (f"{_OF_ME}/blocking", "user.blocking", USER, scopes("block.read"), blocking),
    (f"{_OF_POST}/liking_users", "post.liking", USER, scopes("like.read"), liking),
    (f"{_OF_POST}/retweeted_by", "post.reposting", ANYONE, BASIC, reposting),
    (f"{_OF_POST}/quote_tweets", "post.quotes", ANYONE, BASIC, quotes),
    (f"{_OF_USER}/tweets", "post.by_user", ANYONE, BASIC, by_user),
    (f"{_OF_USER}/mentions", "post.mentions", ANYONE, BASIC, mentions),
    (f"{_OF_USER}/liked_tweets", "post.liked", USER, scopes("like.read"), liked),
    (f"{_OF_ME}/timelines/reverse_chronological", "post.home", USER, BASIC, home),
)

ENDPOINTS = [
    Endpoint(method="GET", path=path, window=window, accepts=accepts, scopes=wanted, act=act)
    for path, window, accepts, wanted, act in _ROWS
]
