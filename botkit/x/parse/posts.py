"""Posts: v1.1's tweets and v2's posts → one description, and the kind of event that each is.

X gives no kind with account activity. The first test that holds decides, and what else is true stays in the
flags; XAA's kinds are made more specific by the same tests where the content shows it, because a post that
matches two subscriptions comes twice with one id, and only the first that comes is kept.

Source: X docs, account-activity/introduction, activity/event-payloads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from botkit.events import Event, Link, Media, Mention, Post, Quote, Reply, Repost, User
from botkit.x.parse.content import hashtags_in, links_in, media_in, mentions_in
from botkit.x.parse.users import Users, user_from
from botkit.x.text import unescape
from botkit.x.values import (
    Json,
    from_ms,
    from_text,
    ident,
    integer,
    obj,
    objects,
    snowflake_time,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from botkit.x.parse.context import Context

__all__ = ["activity_post_event", "post_text", "tweet_event"]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What both spellings tell."""

    post_id: str
    author: User
    at: datetime | None
    text: str
    lang: str
    conversation_id: str
    in_reply_to_post_id: str
    in_reply_to_user_id: str
    quoted_post_id: str
    reposted_post_id: str
    mentions: tuple[User, ...]
    hashtags: tuple[str, ...]
    links: tuple[Link, ...]
    media: tuple[Media, ...]


_Kind = type[Post] | type[Reply] | type[Mention] | type[Repost] | type[Quote]


def _event(kind: _Kind, facts: _Facts, context: Context, author_blocked: bool | None) -> Event:
    return kind(
        **context.common(facts.at, by_us=context.is_account(facts.author.id)),
        post_id=facts.post_id,
        author=facts.author,
        text=facts.text,
        lang=facts.lang,
        conversation_id=facts.conversation_id,
        in_reply_to_post_id=facts.in_reply_to_post_id,
        in_reply_to_user_id=facts.in_reply_to_user_id,
        quoted_post_id=facts.quoted_post_id,
        reposted_post_id=facts.reposted_post_id,
        mentions=facts.mentions,
        hashtags=facts.hashtags,
        links=facts.links,
        media=facts.media,
        author_blocked=author_blocked,
    )


# -- v1.1 ------------------------------------------------------------------------------------------------


def tweet_event(tweet: Json, envelope: Json, context: Context) -> Event | None:
    """The event of one of ``tweet_create_events``; ``None`` when nothing in it concerns the account."""
    repeated, quoted = obj(tweet, "retweeted_status"), obj(tweet, "quoted_status")
    full = _full(tweet)
    # A repost's own text is cut off, and names its author as if mentioned: the original tells what it says.
    shown = _full(repeated) if repeated else full
    entities = obj(shown, "entities")
    facts = _Facts(
        post_id=ident(tweet, "id_str", "id"),
        author=user_from(obj(tweet, "user")),
        at=from_ms(integer(tweet, "timestamp_ms"))
        or from_text(text(tweet, "created_at"))
        or snowflake_time(ident(tweet, "id_str", "id")),
        text=_words(shown),
        lang=text(tweet, "lang"),
        conversation_id="",
        in_reply_to_post_id=ident(tweet, "in_reply_to_status_id_str", "in_reply_to_status_id"),
        in_reply_to_user_id=ident(tweet, "in_reply_to_user_id_str", "in_reply_to_user_id"),
        quoted_post_id=""
        if repeated
        else ident(tweet, "quoted_status_id_str") or ident(quoted, "id_str", "id"),
        reposted_post_id=ident(repeated, "id_str", "id"),
        mentions=mentions_in(entities),
        hashtags=hashtags_in(entities),
        links=links_in(entities),
        media=_media(shown),
    )
    if not (facts.post_id and facts.author.id):
        return None
    kind = _tweet_kind(tweet, facts, quoted, context)
    return _event(kind, facts, context, _blocked(envelope)) if kind else None


def _tweet_kind(tweet: Json, facts: _Facts, quoted: Json, context: Context) -> _Kind | None:
    if context.is_account(facts.author.id):
        return Post
    if facts.reposted_post_id:
        return Repost
    if context.is_account(ident(obj(quoted, "user"), "id_str", "id")):
        return Quote
    if facts.in_reply_to_post_id and context.is_account(facts.in_reply_to_user_id):
        return Reply
    if any(context.is_account(user.id) for user in facts.mentions):
        return Mention
    if tweet.get("is_quote_status") is True or facts.quoted_post_id:
        return Quote
    return Reply if facts.in_reply_to_post_id else None


def _full(tweet: Json) -> Json:
    """The part of a tweet that holds its whole text: itself, or ``extended_tweet`` when it is cut off."""
    extended = obj(tweet, "extended_tweet")
    return extended if text(extended, "full_text") else tweet


def _words(full: Json) -> str:
    return unescape(text(full, "full_text") or text(full, "text"))


def post_text(tweet: Json) -> str:
    """The whole text of a v1.1 tweet, unescaped."""
    return _words(_full(tweet))


def _media(full: Json) -> tuple[Media, ...]:
    for key in ("extended_entities", "entities"):
        # Only extended_entities has them all, and tells a GIF from a photo.
        found = tuple(media_in(each) for each in objects(obj(full, key), "media"))
        if found:
            return found
    return ()


def _blocked(envelope: Json) -> bool | None:
    for key in ("user_has_blocked", "is_blocked_by"):
        found = envelope.get(key)
        if isinstance(found, bool):
            return found
        if isinstance(found, str) and found.lower() in {"true", "false"}:
            return found.lower() == "true"
    return None


# -- v2 --------------------------------------------------------------------------------------------------

_BY_TYPE: dict[str, _Kind] = {
    "post.create": Post,
    "post.mention.create": Mention,
    "post.reply.create": Reply,
    "post.quote.create": Quote,
    "post.repost.create": Repost,
}


def activity_post_event(event_type: str, payload: Json, includes: Json, context: Context) -> Event | None:
    """The event of XAA's ``post.create`` and ``post.….create``."""
    post = payload if ident(payload, "id") else obj(payload, "post")
    post_id = ident(post, "id")
    author_id = ident(post, "author_id")
    if event_type == "post.create":
        author_id = author_id or context.account_id
    if not (post_id and author_id):
        return None
    others = [*objects(includes, "tweets"), *objects(includes, "posts")]
    referenced = _referenced(post)
    reposted_post_id = referenced.get("retweeted") or referenced.get("reposted") or ""
    original = _by_id(others, reposted_post_id) if reposted_post_id else post
    note = obj(original, "note_tweet") or obj(original, "note_post")
    entities = obj(note, "entities") or obj(original, "entities")
    facts = _Facts(
        post_id=post_id,
        author=Users(includes.get("users"))[author_id],
        at=from_text(text(post, "created_at")) or snowflake_time(post_id),
        text=unescape(text(note, "text") or text(original, "text") or text(post, "text")),
        lang=text(post, "lang"),
        conversation_id=ident(post, "conversation_id"),
        in_reply_to_post_id=ident(post, "in_reply_to_tweet_id", "in_reply_to_post_id")
        or referenced.get("replied_to", ""),
        in_reply_to_user_id=ident(post, "in_reply_to_user_id"),
        quoted_post_id=referenced.get("quoted", ""),
        reposted_post_id=reposted_post_id,
        mentions=mentions_in(entities),
        hashtags=hashtags_in(entities),
        links=links_in(entities),
        media=_attached(original, includes),
    )
    kind = _activity_kind(event_type, facts, others, context)
    return _event(kind, facts, context, None)


def _activity_kind(event_type: str, facts: _Facts, others: Sequence[Json], context: Context) -> _Kind:
    kind = _BY_TYPE[event_type]
    if kind is Post or context.is_account(facts.author.id):
        return Post
    if kind in {Mention, Reply} and _quotes_account(facts, others, context):
        return Quote
    if kind is Mention and facts.in_reply_to_post_id and context.is_account(facts.in_reply_to_user_id):
        return Reply
    return kind


def _quotes_account(facts: _Facts, others: Sequence[Json], context: Context) -> bool:
    """The quoted post is the account's: it came along so, or its address in the text has the handle."""
    if not facts.quoted_post_id:
        return False
    quoted = _by_id(others, facts.quoted_post_id)
    if quoted:
        return context.is_account(ident(quoted, "author_id"))
    handles = {
        user.username.lower() for user in facts.mentions if context.is_account(user.id) and user.username
    }
    return any(
        link.expanded_url.lower().endswith(f"/{handle}/status/{facts.quoted_post_id}")
        for link in facts.links
        for handle in handles
    )


def _referenced(post: Json) -> dict[str, str]:
    key = "referenced_tweets" if "referenced_tweets" in post else "referenced_posts"
    return {text(each, "type"): ident(each, "id") for each in objects(post, key)}


def _by_id(posts: Sequence[Json], post_id: str) -> Json:
    return next((each for each in posts if ident(each, "id") == post_id), {})


def _attached(post: Json, includes: Json) -> tuple[Media, ...]:
    keys = obj(post, "attachments").get("media_keys")
    if not isinstance(keys, list):
        return ()
    found = {text(each, "media_key"): each for each in objects(includes, "media")}
    wanted = [key for key in keys if isinstance(key, str)]
    return tuple(media_in(found[key]) if key in found else Media(id=key, kind="unknown") for key in wanted)
