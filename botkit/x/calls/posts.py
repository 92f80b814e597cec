"""Posts, likes and reposts, v2. Source: X docs, posts/manage-tweets and X's OpenAPI description.

Self-serve apps can't like or quote, and reply only when summoned (the author mentioned the account or quoted
it).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from botkit.errors import ActionRefused
from botkit.x.calls.answers import flag, object_in, required, success, unreadable
from botkit.x.text import POST_LIMIT, post_length, unescape
from botkit.x.values import Json, from_text, ident, obj, objects
from botkit.x.values import text as text_in
from botkit.x.wire import Auth, Call, Request, Response, segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = [
    "NO_DETAILS",
    "CreatedPost",
    "ListedPost",
    "Poll",
    "PostDetails",
    "PostPage",
    "create_post",
    "delete_post",
    "hide_reply",
    "home",
    "like",
    "mentions",
    "post",
    "posts",
    "posts_of",
    "recent_posts",
    "repost",
    "unlike",
    "unrepost",
]

_USER = (Auth.OAUTH1_USER, Auth.OAUTH2_USER)
_READ = ("tweet.read", "users.read")
_FIELDS = ("tweet.fields", "author_id,conversation_id,created_at")


@dataclass(frozen=True, slots=True)
class CreatedPost:
    """A post that X took."""

    post_id: str


@dataclass(frozen=True, slots=True)
class ListedPost:
    """A post as X lists it.

    :param conversation_id: the post that began the conversation.
    """

    post_id: str
    at: datetime | None
    text: str = field(default="", repr=False)
    author_id: str = ""
    conversation_id: str = ""


@dataclass(frozen=True, slots=True)
class PostPage:
    """Posts, newest first, and the token of the next page (``""``: no more)."""

    posts: tuple[ListedPost, ...]
    next_token: str = ""


@dataclass(frozen=True, slots=True)
class Poll:
    """People vote: 2 to 4 answers of 1 to 25 characters.

    :param open_s: for how long, 5 minutes to 7 days, in seconds; X counts whole minutes.
    """

    options: tuple[str, ...]
    open_s: float = 86_400.0


class PostDetails(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What X can be told of a post beside its text, its pictures, and what it answers or quotes.

    :param poll: people vote on it.
    :param who_may_reply: those whom the account follows, those whom the post mentions, its subscribers, or
        verified accounts; ``""``: everybody.
    :param made_with_ai: says that the post was made with AI.
    :param paid_partnership: says that somebody paid for it.
    :param edit_of: the id of the post of the account's own that this one replaces.
    :param tagged_user_ids: up to 10 who are tagged in the pictures.
    :param not_mentioned_ids: who of the thread is not to be mentioned in a reply.
    :param community_id: the community that it is posted in.
    :param share_with_followers: a community's post is shown to the account's followers, too.
    :param subscribers_only: only they see it.
    :param promoted_only: it stands in no timeline (X: ``nullcast``).
    :param message_link: X's deep link that opens a direct message from the post.
    """

    poll: Poll | None = None
    who_may_reply: Literal["", "following", "mentioned", "subscribers", "verified"] = ""
    made_with_ai: bool | None = None
    paid_partnership: bool | None = None
    edit_of: str = ""
    tagged_user_ids: tuple[str, ...] = ()
    not_mentioned_ids: tuple[str, ...] = ()
    community_id: str = ""
    share_with_followers: bool | None = None
    subscribers_only: bool | None = None
    promoted_only: bool | None = None
    place_id: str = ""
    card_uri: str = ""
    message_link: str = ""


NO_DETAILS = PostDetails()
_WHO_REPLIES = {"mentioned": "mentionedUsers"}


def create_post(
    text: str = "",
    *,
    reply_to: str = "",
    quote: str = "",
    media_ids: Sequence[str] = (),
    details: PostDetails = NO_DETAILS,
    limit: int = POST_LIMIT,
) -> Call[CreatedPost]:
    """Post; with ``reply_to`` answer a post, with ``quote`` quote one.

    :param limit: how much text the account may post, weighted; more than 280 for premium accounts only.
    :raises ActionRefused: what X's documented limits don't allow.
    """
    _check_text(text, limit, media=bool(media_ids))
    extras = {
        "a poll": details.poll,
        "a quote": quote,
        "media": media_ids,
        "a card": details.card_uri,
        "a direct message link": details.message_link,
    }
    given = [name for name, value in extras.items() if value]
    if len(given) > 1:
        msg = f"a post takes one of {', '.join(extras)}; this one has {' and '.join(given)}"
        raise ActionRefused(msg)
    body: dict[str, Any] = {}
    if text:
        body["text"] = text
    if reply_to:
        body["reply"] = {"in_reply_to_tweet_id": reply_to}
        if details.not_mentioned_ids:
            body["reply"]["exclude_reply_user_ids"] = list(details.not_mentioned_ids)
    if quote:
        body["quote_tweet_id"] = quote
    if media_ids or details.tagged_user_ids:
        body["media"] = _media(media_ids, details.tagged_user_ids)
    if details is not NO_DETAILS:
        body.update(_detailed(details))
    return Call(
        "post.create",
        Request.with_json("POST", "/2/tweets", body),
        _USER,
        "post_create",
        _created,
        scopes=("tweet.write", *_READ),
    )


def _detailed(details: PostDetails) -> dict[str, Any]:
    body: dict[str, Any] = {}
    if details.poll:
        body["poll"] = _poll(details.poll)
    if details.place_id:
        body["geo"] = {"place_id": details.place_id}
    if details.edit_of:
        body["edit_options"] = {"previous_post_id": details.edit_of}
    texts = {
        "reply_settings": _WHO_REPLIES.get(details.who_may_reply, details.who_may_reply),
        "community_id": details.community_id,
        "direct_message_deep_link": details.message_link,
        "card_uri": details.card_uri,
    }
    body.update((name, value) for name, value in texts.items() if value)
    switches = {
        "share_with_followers": details.share_with_followers,
        "for_super_followers_only": details.subscribers_only,
        "nullcast": details.promoted_only,
        "made_with_ai": details.made_with_ai,
        "paid_partnership": details.paid_partnership,
    }
    body.update((name, value) for name, value in switches.items() if value is not None)
    return body


def _check_text(text: str, limit: int, *, media: bool) -> None:
    if not text and not media:
        raise ActionRefused("a post needs a text, unless it has media")
    length = post_length(text)
    if length > limit:
        msg = f"a post weighs at most {limit}, this one {length} (a URL weighs 23, many signs 2)"
        raise ActionRefused(msg)


def _media(media_ids: Sequence[str], tagged_user_ids: Sequence[str]) -> dict[str, Any]:
    if not 1 <= len(media_ids) <= 4:
        msg = f"a post takes 1 to 4 media, not {len(media_ids)}"
        raise ActionRefused(msg)
    if len(tagged_user_ids) > 10:
        msg = f"a post tags at most 10 users, not {len(tagged_user_ids)}"
        raise ActionRefused(msg)
    media: dict[str, Any] = {"media_ids": list(media_ids)}
    if tagged_user_ids:
        media["tagged_user_ids"] = list(tagged_user_ids)
    return media


def _poll(poll: Poll) -> dict[str, Any]:
    if not 2 <= len(poll.options) <= 4:
        msg = f"a poll takes 2 to 4 options, not {len(poll.options)}"
        raise ActionRefused(msg)
    if not all(1 <= len(option) <= 25 for option in poll.options):
        raise ActionRefused("a poll's options have 1 to 25 characters")
    minutes = round(poll.open_s / 60)
    if not 5 <= minutes <= 10_080:
        raise ActionRefused("a poll is open for 5 minutes to 7 days")
    return {"options": list(poll.options), "duration_minutes": minutes}


def _created(response: Response) -> CreatedPost:
    post_id = ident(object_in(response), "id")
    if not post_id:
        raise unreadable(response, wrote=True)
    return CreatedPost(post_id)


def recent_posts(account_id: str, *, max_results: int = 100) -> Call[tuple[ListedPost, ...]]:
    """The account's latest posts, newest first.

    Source: X's OpenAPI description, ``GET /2/users/{id}/tweets``.
    """
    query = (("max_results", str(min(100, max(5, max_results)))), ("tweet.fields", "created_at"))
    request = Request("GET", f"/2/users/{segment(account_id)}/tweets", query)
    auth = (*_USER, Auth.APP)
    return Call("post.recent", request, auth, "user_posts", _listed, scopes=_READ, safe=True)


def _listed(response: Response) -> tuple[ListedPost, ...]:
    return tuple(map(_read, objects(success(response), "data")))


def _read(found: Json) -> ListedPost:
    return ListedPost(
        ident(found, "id"),
        from_text(text_in(found, "created_at")),
        unescape(text_in(found, "text")),
        ident(found, "author_id"),
        ident(found, "conversation_id"),
    )


def post(post_id: str) -> Call[ListedPost]:
    """One post."""
    request = Request("GET", f"/2/tweets/{segment(post_id)}", (_FIELDS,))
    return Call("post.get", request, (*_USER, Auth.APP), "post_lookup", _one, scopes=_READ, safe=True)


def posts(post_ids: Sequence[str]) -> Call[tuple[ListedPost, ...]]:
    """Up to 100 posts; those that don't exist, or can't be seen, are missing in the answer.

    :raises ActionRefused: none, or more than 100.
    """
    if not 1 <= len(post_ids) <= 100:
        msg = f"X looks up 1 to 100 posts at once, not {len(post_ids)}"
        raise ActionRefused(msg)
    request = Request("GET", "/2/tweets", (("ids", ",".join(post_ids)), _FIELDS))
    return Call("post.many", request, (*_USER, Auth.APP), "posts_lookup", _listed, scopes=_READ, safe=True)


def posts_of(user_id: str, *, max_results: int = 100, page: str = "") -> Call[PostPage]:
    """The posts of a user, newest first."""
    request = _listing(f"/2/users/{segment(user_id)}/tweets", max_results, page, least=5)
    return Call("post.of_user", request, (*_USER, Auth.APP), "user_posts", _page, scopes=_READ, safe=True)


def mentions(user_id: str, *, max_results: int = 100, page: str = "") -> Call[PostPage]:
    """The posts that mention a user, newest first."""
    request = _listing(f"/2/users/{segment(user_id)}/mentions", max_results, page, least=5)
    return Call("post.mentions", request, (*_USER, Auth.APP), "mentions", _page, scopes=_READ, safe=True)


def home(account_id: str, *, max_results: int = 100, page: str = "") -> Call[PostPage]:
    """The account's home timeline: its own posts and those of whom it follows, newest first."""
    path = f"/2/users/{segment(account_id)}/timelines/reverse_chronological"
    request = _listing(path, max_results, page, least=1)
    return Call("post.home", request, _USER, "home", _page, scopes=_READ, safe=True)


def _listing(path: str, max_results: int, page: str, *, least: int) -> Request:
    token = (("pagination_token", page),) if page else ()
    return Request("GET", path, (("max_results", str(min(100, max(least, max_results)))), _FIELDS, *token))


def _one(response: Response) -> ListedPost:
    found = _read(object_in(response))
    if not found.post_id:
        raise unreadable(response, wrote=False)
    return found


def _page(response: Response) -> PostPage:
    return PostPage(_listed(response), text_in(obj(success(response), "meta"), "next_token"))


def delete_post(post_id: str) -> Call[bool]:
    """Delete a post of the account. Returns whether it is deleted."""
    return Call(
        "post.delete",
        Request("DELETE", f"/2/tweets/{segment(post_id)}"),
        _USER,
        "post_delete",
        flag("deleted", otherwise=True),
        scopes=("tweet.write", *_READ),
        safe=True,
    )


def hide_reply(post_id: str, *, hidden: bool = True) -> Call[bool]:
    """Hide a reply to a post of the account, or show it again. Returns whether it is hidden now."""
    return Call(
        "post.hide_reply",
        Request.with_json("PUT", f"/2/tweets/{segment(post_id)}/hidden", {"hidden": hidden}),
        _USER,
        "hide_reply",
        flag("hidden", otherwise=hidden),
        scopes=("tweet.moderate.write", *_READ),
        safe=True,
    )


def like(account_id: str, post_id: str) -> Call[bool]:
    """Like a post as the account whose token is used. Returns whether it is liked now."""
    return Call(
        "post.like",
        Request.with_json(
            "POST", f"/2/users/{segment(account_id)}/likes", {"tweet_id": required(post_id, "the post")}
        ),
        _USER,
        "like",
        flag("liked", otherwise=True),
        scopes=("like.write", *_READ),
        safe=True,
    )


def unlike(account_id: str, post_id: str) -> Call[bool]:
    """Take a like back. Returns whether the post is liked still."""
    return Call(
        "post.unlike",
        Request("DELETE", f"/2/users/{segment(account_id)}/likes/{segment(post_id)}"),
        _USER,
        "unlike",
        flag("liked", otherwise=False),
        scopes=("like.write", *_READ),
        safe=True,
    )


def repost(account_id: str, post_id: str) -> Call[bool]:
    """Repost a post. Returns whether it is reposted now."""
    return Call(
        "post.repost",
        Request.with_json(
            "POST", f"/2/users/{segment(account_id)}/retweets", {"tweet_id": required(post_id, "the post")}
        ),
        _USER,
        "repost",
        flag("retweeted", otherwise=True),
        scopes=("tweet.write", *_READ),
        safe=True,
    )


def unrepost(account_id: str, post_id: str) -> Call[bool]:
    """Take a repost back; ``post_id`` is the original. Returns whether it is reposted still."""
    return Call(
        "post.unrepost",
        Request("DELETE", f"/2/users/{segment(account_id)}/retweets/{segment(post_id)}"),
        _USER,
        "unrepost",
        flag("retweeted", otherwise=False),
        scopes=("tweet.write", *_READ),
        safe=True,
    )
