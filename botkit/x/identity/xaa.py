"""Names of X activity's events. Source: X docs, activity/event-payloads; XChat: xchat/real-time-events."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from botkit.x.identity.aaa import RELATION_KINDS, of_account_activity, parties_in
from botkit.x.identity.names import (
    BROKEN,
    Id,
    Name,
    Parts,
    WrappedUser,
    id_in,
    joined,
    named,
    safe_id,
    safe_kind,
    time_key,
    user_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "EVENT_TYPE_ALIASES",
    "Envelope",
    "chat_parties",
    "message_arrays",
    "of_activity",
    "of_message",
    "only_other",
    "stream_post",
]

#: XAA's names that mean the same. Source: X docs, activity/introduction.
EVENT_TYPE_ALIASES = {"chat.conversation_join": "chat.conversation.join"}
_POST_TYPES = frozenset(
    {"post.create", "post.mention.create", "post.reply.create", "post.quote.create", "post.repost.create"}
)


class _Filter(Struct):
    user_id: Id = None
    keyword: Id = None
    direction: Id = None


class Envelope(Struct):
    """An XAA envelope: only its type is read at once, so that nothing odd beside it hides the payload."""

    event_type: str = ""
    event_uuid: Raw = Raw(b"null")
    filter: Raw = Raw(b"{}")
    payload: Raw = Raw(b"{}")
    includes: Raw = Raw(b"{}")

    @property
    def matched(self) -> _Filter:
        """What the subscription is for."""
        try:
            return _filter_in.decode(self.filter)
        except BROKEN:
            return _Filter()


class _Included(Struct):
    users: list[WrappedUser] = []


class _Payload(Struct):
    """The ids of every XAA payload; which of them are there depends on its type."""

    id: Id = None
    post: _PostIds | None = None
    author_id: Id = None
    user_id: Id = None
    app_id: Id = None
    date_time: Id = None
    sender_id: Id = None
    conversation_id: Id = None
    broadcast_id: Id = None
    message_id: Id = None
    liked_tweet_id: Id = None
    liked_tweet_author_id: Id = None
    tweet_author_id: Id = None
    author: WrappedUser | None = None
    source: WrappedUser | None = None
    target: WrappedUser | None = None


class _PostIds(Struct):
    id: Id = None
    author_id: Id = None


def stream_post(data: Raw | None, body: bytes) -> Name:
    """The name of a filtered-stream delivery. Source: X docs, webhooks/stream/quickstart."""
    try:
        key = safe_id(_post_ids_in.decode(data).id) if data is not None else ""
    except BROKEN:
        key = ""
    return named(("", "stream.post", key, ""), body)


def message_arrays(envelope: Envelope) -> Iterator[tuple[str, Raw]]:
    """The ``…_events`` members of the payload of a ``dm.…`` event, which are account activity's."""
    try:
        payload = _members_in.decode(envelope.payload)
    except BROKEN:
        return
    yield from ((key, raw) for key, raw in payload.items() if key.endswith("_events"))


def of_message(envelope: Envelope, key: str, part: Raw, own_ids: frozenset[str]) -> Name:
    """The name of one direct message (or receipt) in an XAA envelope."""
    account = safe_id(envelope.matched.user_id)
    if not account:
        # Without a filter the type tells the side.
        try:
            parties = parties_in.decode(part)
            account = parties.sender if envelope.event_type == "dm.sent" else parties.recipient
        except BROKEN:
            account = ""
    return of_account_activity(key, part, account, own_ids)


def of_activity(envelope: Envelope) -> Name:
    """The name of an XAA envelope that holds one event."""
    matched = envelope.matched
    account = safe_id(matched.user_id)
    event_type = EVENT_TYPE_ALIASES.get(envelope.event_type, envelope.event_type)
    try:
        payload = _payload_in.decode(envelope.payload)
        parts = _activity_parts(event_type, envelope, payload, account, matched=matched)
    except BROKEN:
        parts = account, safe_kind(event_type), "", ""
    if not parts[2]:
        parts = parts[0], parts[1], id_in(envelope.event_uuid), parts[3]
    return named(parts, envelope.payload)


def _activity_parts(
    event_type: str, envelope: Envelope, payload: _Payload, account: str, *, matched: _Filter
) -> Parts:
    family, _, action = event_type.partition(".")
    if event_type in _POST_TYPES:
        post = payload.post or payload
        author = safe_id(post.author_id)
        if event_type == "post.create":
            account = account or author
            author = author or account
        return account, "post", safe_id(post.id), author
    if event_type == "post.delete":
        account = account or safe_id(payload.author_id)
        return account, "post_deleted", safe_id(payload.id), account
    if event_type == "like.create":
        return _like_parts(envelope, payload, account, matched.direction)
    if family in {"follow", "mute", "block"} and action in RELATION_KINDS:
        source, target = user_id(payload.source), user_id(payload.target)
        return account, action, "", target if source == account else source
    if event_type in {"chat.received", "chat.sent"}:
        account, other = chat_parties(
            event_type, account, safe_id(payload.sender_id), payload.conversation_id
        )
        return account, "chat", safe_id(payload.id), other
    if event_type == "broadcast.chat":
        return account, event_type, safe_id(payload.message_id), user_id(payload.author)
    if event_type in {"spaces.start", "spaces.end", "broadcast.start", "broadcast.end"}:
        return account, event_type, safe_id(payload.broadcast_id), account
    if event_type == "news.new":
        # One story can answer two keywords, and each is an event of its own.
        suffix = hashlib.sha256(str(matched.keyword).encode("utf-8", "replace")).hexdigest()[:12]
        return "", event_type, joined(safe_id(payload.id), suffix), ""
    if event_type == "oauth.revoke":
        account = account or safe_id(payload.user_id)
        return account, "revoke", joined(safe_id(payload.app_id), time_key(payload.date_time)), account
    if event_type.startswith("profile.update."):
        return account, safe_kind(event_type), "", account
    return account, safe_kind(event_type), "", ""


def _like_parts(envelope: Envelope, payload: _Payload, account: str, direction: Id) -> Parts:
    author = safe_id(payload.liked_tweet_author_id) or safe_id(payload.tweet_author_id)
    if direction == "outbound" or (direction != "inbound" and author != account):
        return account, "like", safe_id(payload.id), author
    return account, "like", safe_id(payload.id), _liker(envelope.includes, account)


def _liker(includes: Raw, account: str) -> str:
    try:
        return only_other((each.found for each in _included_in.decode(includes).users), account)
    except BROKEN:
        return ""


def only_other(user_ids: Iterable[str], account: str) -> str:
    """Who liked a post of the account: XAA does not say, but may include that user, and only that one."""
    others = set(user_ids) - {"", account}
    return others.pop() if len(others) == 1 else ""


def chat_parties(event_type: str, account: str, sender: str, conversation: Any) -> tuple[str, str]:
    """Account and other of an encrypted message.

    X writes the conversation of two ``a:b`` or ``a-b``, that of a group ``g…``.
    """
    pair = re.fullmatch(
        r"([0-9]{1,20})[:-]([0-9]{1,20})", conversation if isinstance(conversation, str) else ""
    )
    two = (pair[1], pair[2]) if pair else ("", "")
    if not account:
        if event_type == "chat.sent":
            account = sender
        elif sender and sender in two:
            account = two[1] if sender == two[0] else two[0]
    if sender and sender != account:
        return account, sender
    if account and account in two:
        return account, two[1] if account == two[0] else two[0]
    return account, ""


_members_in = msgspec.json.Decoder(dict[str, Raw])
_filter_in = msgspec.json.Decoder(_Filter)
_payload_in = msgspec.json.Decoder(_Payload)
_post_ids_in = msgspec.json.Decoder(_PostIds)
_included_in = msgspec.json.Decoder(_Included)
