"""Posts and what is done to them, v2. Source: X docs, posts; X spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.api import Answer, Call, Endpoint, Parts
from botkit.simulator.auth import ANYONE, USER
from botkit.simulator.entities import cashtags, render
from botkit.simulator.problems import forbidden, invalid
from botkit.simulator.schemas import HIDDEN, POST, TWEET_ID
from botkit.simulator.shown import found_many, found_one, post_includes, shown_post
from botkit.x.text import POST_LIMIT, post_length
from botkit.x.values import from_text

if TYPE_CHECKING:
    from botkit.simulator.things import Content, Post, User

__all__ = ["ENDPOINTS"]

_DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
_NOT_SUMMONED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by "
    "the author of the post you are replying to."
)
_GONE = "You attempted to reply to a Tweet that is deleted or not visible to you."
_NOT_IN_PACKAGE = "This feature is not available in your package."
#: X does not say how long a text counts as a duplicate; a day is enough to show the failure
_DUPLICATE_S = 86_400


async def create(parts: Parts, call: Call) -> Answer:
    """``POST /2/tweets``."""
    me, body = parts.me(call), call.body
    text: str = body.get("text", "")
    media = tuple(body.get("media", {}).get("media_ids", ()))
    parent = body.get("reply", {}).get("in_reply_to_tweet_id", "")
    quoted = body.get("quote_tweet_id", "")
    _check_shape(body, text, media)
    if parent:
        _check_reply(parts, me, parent)
    if quoted:
        _check_quote(parts, quoted)
    if len(cashtags(text)) > 1:
        raise forbidden("You can use at most one cashtag in a post.")
    if _is_duplicate(parts, me, (text.strip(), media, parent, quoted)):
        raise forbidden(_DUPLICATE)
    post = parts.world.publish_post(
        me, text, in_reply_to_id=parent, quoted_id=quoted, media_ids=media, app_id=parts.config.app_id
    )
    shown = render(post.full_text).text
    return Answer({"data": {"id": post.id, "text": shown, "edit_history_tweet_ids": [post.id]}}, 201)


def _check_shape(body: dict[str, Any], text: str, media: tuple[str, ...]) -> None:
    if not text.strip() and not media:
        raise invalid("$.text: is required unless media is given")
    exclusive = [
        name
        for name in ("poll", "quote_tweet_id", "media", "card_uri", "direct_message_deep_link")
        if name in body
    ]
    if len(exclusive) > 1:
        raise invalid(f"$: only one of {', '.join(exclusive)} is allowed")
    if post_length(text) > POST_LIMIT:
        raise invalid(f"$.text: is longer than {POST_LIMIT} weighted characters")


def _check_reply(parts: Parts, me: User, parent_id: str) -> None:
    parent = parts.world.posts.get(parent_id)
    if parent is None:
        raise forbidden(_GONE)
    if parent.author_id == me.id or not parts.config.require_summons:
        return
    quoted = parts.world.posts.get(parent.quoted_id)
    summoned = me in parts.world.mentions(parent.text) or (quoted is not None and quoted.author_id == me.id)
    if not summoned:
        raise forbidden(_NOT_SUMMONED)


def _check_quote(parts: Parts, quoted_id: str) -> None:
    if not parts.config.engagement_allowed:
        raise forbidden(_NOT_IN_PACKAGE, tail="client-forbidden", reason="client-not-enrolled")
    if quoted_id not in parts.world.posts:
        raise forbidden("You attempted to quote a Tweet that is deleted or not visible to you.")


def _is_duplicate(parts: Parts, me: User, content: Content) -> bool:
    return parts.world.said_at(me.id, content) > parts.clock() - _DUPLICATE_S


async def delete(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/tweets/:id``."""
    post = _post(parts, call.path["tweet_id"])
    if post.author_id != call.caller.user_id:
        raise forbidden("You are not authorized to delete this Tweet.")
    parts.world.remove_post(post)
    return Answer({"data": {"deleted": True}})


async def read(parts: Parts, call: Call) -> Answer:
    """``GET /2/tweets/:id``."""
    post = parts.world.posts.get(call.path["tweet_id"])
    item = shown_post(post, parts.world, call) if post else None
    body = found_one("tweet", "id", call.path["tweet_id"], item)
    return Answer(_with_includes(body, [post] if post else [], parts, call))


async def read_many(parts: Parts, call: Call) -> Answer:
    """``GET /2/tweets?ids=``."""
    ids = call.listed("ids")
    if not 1 <= len(ids) <= 100 or not all(one.isdecimal() and len(one) <= 19 for one in ids):
        raise invalid("The `ids` query parameter must hold 1 to 100 ids")
    posts = {one: parts.world.posts.get(one) for one in ids}
    items = {one: shown_post(post, parts.world, call) if post else None for one, post in posts.items()}
    body = found_many("tweet", "ids", items)
    return Answer(_with_includes(body, [post for post in posts.values() if post], parts, call))


async def read_by_user(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id/tweets``: a user's own posts, newest first.

    Source: X spec; it names no default for ``max_results``, 10 stands in.
    """
    user_id, world = call.path["user_id"], parts.world
    size = call.number("max_results", 5, 100, 10)
    if user_id not in world.users:
        return Answer(found_one("user", "id", user_id, None))
    found = [post for post in reversed(world.posts_by(user_id)) if _is_asked_for(post, call)]
    page = found[:size]
    meta: dict[str, Any] = {"result_count": len(page)}
    if page:
        meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
    if len(found) > size:
        meta["next_token"] = page[-1].id
    body: dict[str, Any] = {"data": [shown_post(post, world, call) for post in page]} if page else {}
    return Answer({**_with_includes(body, page, parts, call), "meta": meta})


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


def _with_includes(body: dict[str, Any], posts: list[Post], parts: Parts, call: Call) -> dict[str, Any]:
    includes = post_includes(posts, parts.world, call)
    return {**body, "includes": includes} if includes else body


async def hide(parts: Parts, call: Call) -> Answer:
    """``PUT /2/tweets/:id/hidden``: a reply in a conversation that the caller began."""
    post = _post(parts, call.path["tweet_id"])
    start = parts.world.posts.get(post.conversation_id)
    if start is None or start.author_id != call.caller.user_id or start.id == post.id:
        raise forbidden("You can only hide replies in conversations that you have started.")
    post.hidden = call.body["hidden"]
    return Answer({"data": {"hidden": post.hidden}})


async def like(parts: Parts, call: Call) -> Answer:
    """``POST /2/users/:id/likes``."""
    me = parts.me(call)
    if not parts.config.engagement_allowed:
        raise forbidden(_NOT_IN_PACKAGE, tail="client-forbidden", reason="client-not-enrolled")
    parts.world.like(me, _post(parts, call.body["tweet_id"]))
    return Answer({"data": {"liked": True}})


async def unlike(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/users/:id/likes/:tweet_id``."""
    parts.world.unlike(parts.me(call), call.path["tweet_id"])
    return Answer({"data": {"liked": False}})


async def repost(parts: Parts, call: Call) -> Answer:
    """``POST /2/users/:id/retweets``."""
    me, original = parts.me(call), _post(parts, call.body["tweet_id"])
    made = parts.world.repost(me, original, app_id=parts.config.app_id)
    rest_id = made.id if made else parts.world.reposts[me.id, original.id]
    return Answer({"data": {"retweeted": True, "rest_id": rest_id}})


async def undo_repost(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/users/:id/retweets/:tweet_id``."""
    parts.world.undo_repost(parts.me(call), call.path["tweet_id"])
    return Answer({"data": {"retweeted": False}})


def _post(parts: Parts, post_id: str) -> Post:
    post = parts.world.posts.get(post_id)
    if post is None:
        raise invalid(f"The post [{post_id}] does not exist")
    return post


_ONE = "/2/tweets/{tweet_id:[0-9]{1,19}}"
_LIKES = "/2/users/{id:[0-9]{1,19}}/likes"
_REPOSTS = "/2/users/{id:[0-9]{1,19}}/retweets"

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/2/tweets",
        window="post.create",
        accepts=USER,
        needs="write",
        schema=POST,
        act=create,
    ),
    Endpoint(method="DELETE", path=_ONE, window="post.delete", accepts=USER, needs="write", act=delete),
    Endpoint(method="GET", path=_ONE, window="post.read", accepts=ANYONE, act=read),
    Endpoint(method="GET", path="/2/tweets", window="post.read_many", accepts=ANYONE, act=read_many),
    Endpoint(
        method="GET",
        path="/2/users/{user_id:[0-9]{1,19}}/tweets",
        window="post.by_user",
        accepts=ANYONE,
        act=read_by_user,
    ),
    Endpoint(
        method="PUT",
        path=f"{_ONE}/hidden",
        window="post.hide",
        accepts=USER,
        needs="write",
        schema=HIDDEN,
        act=hide,
    ),
    Endpoint(
        method="POST", path=_LIKES, window="like", accepts=USER, needs="write", schema=TWEET_ID, act=like
    ),
    Endpoint(
        method="DELETE",
        path=f"{_LIKES}/{{tweet_id:[0-9]{{1,19}}}}",
        window="unlike",
        accepts=USER,
        needs="write",
        act=unlike,
    ),
    Endpoint(
        method="POST",
        path=_REPOSTS,
        window="repost",
        accepts=USER,
        needs="write",
        schema=TWEET_ID,
        act=repost,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_REPOSTS}/{{tweet_id:[0-9]{{1,19}}}}",
        window="unrepost",
        accepts=USER,
        needs="write",
        act=undo_repost,
    ),
]
