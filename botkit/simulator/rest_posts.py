"""Posts and what is done to them, v2. Source: X docs, posts; X spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import ANYONE, USER
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.entities import cashtags, render
from botkit.simulator.problems import forbidden, invalid, not_in_package
from botkit.simulator.schemas import HIDDEN, POST, TWEET_ID
from botkit.simulator.scopes import scopes
from botkit.simulator.shown import found_many, found_one, shown_post, with_includes
from botkit.simulator.things import NotAllowed
from botkit.x.text import POST_LIMIT, post_length

if TYPE_CHECKING:
    from botkit.simulator.things import Content, Post, User

__all__ = ["ENDPOINTS"]

_DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
_NOT_SUMMONED = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by "
    "the author of the post you are replying to."
)
_GONE = "You attempted to reply to a Tweet that is deleted or not visible to you."
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
    if media and parts.rules.check_media:
        _check_media(parts, me, media)
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


def _check_media(parts: Parts, me: User, media: tuple[str, ...]) -> None:
    try:
        parts.media.check(media, me.id, "tweet")
    except NotAllowed as refused:
        raise invalid(str(refused)) from None


def _check_reply(parts: Parts, me: User, parent_id: str) -> None:
    parent = parts.world.posts.get(parent_id)
    if parent is None:
        raise forbidden(_GONE)
    if parent.author_id == me.id or not parts.rules.require_summons:
        return
    quoted = parts.world.posts.get(parent.quoted_id)
    summoned = me in parts.world.mentions(parent.text) or (quoted is not None and quoted.author_id == me.id)
    if not summoned:
        raise forbidden(_NOT_SUMMONED)


def _check_quote(parts: Parts, quoted_id: str) -> None:
    if not parts.rules.engagement_allowed:
        raise not_in_package()
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
    return Answer(with_includes(body, [post] if post else [], parts, call))


async def read_many(parts: Parts, call: Call) -> Answer:
    """``GET /2/tweets?ids=``."""
    ids = call.listed("ids")
    if not 1 <= len(ids) <= 100 or not all(one.isdecimal() and len(one) <= 19 for one in ids):
        raise invalid("The `ids` query parameter must hold 1 to 100 ids")
    posts = {one: parts.world.posts.get(one) for one in ids}
    items = {one: shown_post(post, parts.world, call) if post else None for one, post in posts.items()}
    body = found_many("tweet", "ids", items)
    return Answer(with_includes(body, [post for post in posts.values() if post], parts, call))


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
    if not parts.rules.engagement_allowed:
        raise not_in_package()
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

_WRITE, _LIKE = scopes("tweet.write"), scopes("like.write")

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/2/tweets",
        window="post.create",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        schema=POST,
        act=create,
    ),
    Endpoint(
        method="DELETE",
        path=_ONE,
        window="post.delete",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        act=delete,
    ),
    Endpoint(method="GET", path=_ONE, window="post.read", accepts=ANYONE, act=read),
    Endpoint(method="GET", path="/2/tweets", window="post.read_many", accepts=ANYONE, act=read_many),
    Endpoint(
        method="PUT",
        path=f"{_ONE}/hidden",
        window="post.hide",
        accepts=USER,
        needs="write",
        scopes=scopes("tweet.moderate.write"),
        schema=HIDDEN,
        act=hide,
    ),
    Endpoint(
        method="POST",
        path=_LIKES,
        window="like",
        accepts=USER,
        needs="write",
        scopes=_LIKE,
        schema=TWEET_ID,
        act=like,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_LIKES}/{{tweet_id:[0-9]{{1,19}}}}",
        window="unlike",
        accepts=USER,
        needs="write",
        scopes=_LIKE,
        act=unlike,
    ),
    Endpoint(
        method="POST",
        path=_REPOSTS,
        window="repost",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        schema=TWEET_ID,
        act=repost,
    ),
    Endpoint(
        method="DELETE",
        path=f"{_REPOSTS}/{{tweet_id:[0-9]{{1,19}}}}",
        window="unrepost",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        act=undo_repost,
    ),
]
