"""What an event is called and where it belongs: its dedup id and its conversation, read from its ids alone.

X sends no delivery id with account activity, and none that is promised to stay with XAA, so an id is made of
the thing: ``<account>:<kind>:<key>``. Where the thing has an id of X's (a message, a post, a like) both wire
formats give the same one, so that a change from one to the other doubles nothing. Where X gives none,
account activity has the parties and the time, XAA its ``event_uuid``; what has neither is named by a digest
of its content.

Source: X docs, account-activity/introduction, activity/event-payloads.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw, Struct

from botkit.x.item import Conversation
from botkit.x.values import canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "EVENT_TYPE_ALIASES",
    "RELATIONS",
    "Parties",
    "Typed",
    "account_of",
    "chat_parties",
    "message_arrays",
    "of_account_activity",
    "of_activity",
    "of_unknown",
    "only_other",
    "stream_post",
]

Name = tuple[str, Conversation]
_Parts = tuple[str, str, str, str]  # account, kind, key, other; an empty key means: by content

#: XAA's names that mean the same. Source: X docs, activity/introduction.
EVENT_TYPE_ALIASES = {"chat.conversation_join": "chat.conversation.join"}

#: account activity's arrays of relations, and which ``type`` each holds; its docs list also the un- arrays.
RELATIONS = {
    "follow_events": "follow",
    "unfollow_events": "unfollow",
    "block_events": "block",
    "unblock_events": "unblock",
    "mute_events": "mute",
    "unmute_events": "unmute",
}
_RELATION_KINDS = frozenset(RELATIONS.values())
_POST_TYPES = frozenset(
    {"post.create", "post.mention.create", "post.reply.create", "post.quote.create", "post.repost.create"}
)
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SAFE = re.compile(r"[A-Za-z0-9_.+-]{1,256}")

# X writes ids as text, and in some places as numbers. A list or an object in an id's place fails the whole
# item, which is then named by its content.
Id = str | int | float | bool | None


class _User(Struct):
    id_str: Id = None
    id: Id = None

    @property
    def found(self) -> str:
        return _id(self.id_str) or _id(self.id)


class _Wrapped(Struct):
    """A user as XAA sends it: sometimes in ``{"data": …}``."""

    data: _User | None = None
    id: Id = None

    @property
    def found(self) -> str:
        return (self.data.found if self.data else "") or _id(self.id)


class _Target(Struct):
    recipient_id: Id = None


class _MessageCreate(Struct):
    sender_id: Id = None
    target: _Target | None = None


class Parties(Struct):
    """Who is named in one of the ``direct_message_…`` items, and when it was."""

    id: Id = None
    sender_id: Id = None
    target: _Target | None = None
    message_create: _MessageCreate | None = None
    created_timestamp: Id = None
    last_read_event_id: Id = None

    @property
    def sender(self) -> str:
        return _id(self.message_create.sender_id if self.message_create else self.sender_id)

    @property
    def recipient(self) -> str:
        target = self.message_create.target if self.message_create else self.target
        return _id(target.recipient_id) if target else ""

    def ids(self) -> frozenset[str]:
        """The users that it is between."""
        return frozenset((self.sender, self.recipient))


class _Entities(Struct):
    user_mentions: list[_User] = []


class _Quoted(Struct):
    user: _User | None = None


class _Tweet(Struct):
    id_str: Id = None
    id: Id = None
    user: _User | None = None
    in_reply_to_user_id_str: Id = None
    quoted_status: _Quoted | None = None
    retweeted_status: _Quoted | None = None
    entities: _Entities | None = None


class _Status(Struct):
    id: Id = None
    id_str: Id = None
    user_id: Id = None


class _Deleted(Struct):
    status: _Status | None = None


class _Favorite(Struct):
    id: Id = None
    user: _User | None = None
    favorited_status: _Tweet | None = None


class _Relation(Struct):
    type: Id = None
    created_timestamp: Id = None
    source: _User | None = None
    target: _User | None = None


class _RevokeTarget(Struct):
    app_id: Id = None


class _RevokeSource(Struct):
    user_id: Id = None


class _Revoke(Struct):
    date_time: Id = None
    target: _RevokeTarget | None = None
    source: _RevokeSource | None = None


class _UserEvent(Struct):
    revoke: _Revoke | None = None


class _Replay(Struct):
    job_id: Id = None
    job_state: Id = None


class Typed(Struct):
    """An XAA envelope as far as its type."""

    event_type: str = ""


class _Filter(Struct):
    user_id: Id = None
    keyword: Id = None
    direction: Id = None


class _Envelope(Struct):
    event_type: str = ""
    event_uuid: Id = None
    filter: _Filter | None = None
    payload: Raw = Raw(b"{}")
    includes: Raw = Raw(b"{}")


class _Included(Struct):
    users: list[_Wrapped] = []


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
    author: _Wrapped | None = None
    source: _Wrapped | None = None
    target: _Wrapped | None = None


class _PostIds(Struct):
    id: Id = None
    author_id: Id = None


def _id(found: Id) -> str:
    """An id as text, or ``""`` for what can't be one: it becomes part of a key in the store."""
    if isinstance(found, str):
        return found if (found.isdecimal() and len(found) < 20) or _SAFE.fullmatch(found) else ""
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 128:
        return str(found)
    return ""


def _digest(part: bytes | Raw) -> str:
    """A name made of the content: the same for every order of members and every spacing."""
    try:
        content = canonical(msgspec.json.decode(part))
    except _BROKEN:
        content = bytes(part)
    return "sha256-" + hashlib.sha256(content).hexdigest()[:32]


def _named(parts: _Parts, content: bytes | Raw) -> Name:
    account, kind, key, other = parts
    return f"{account}:{kind}:{key or _digest(content)}", Conversation(account, other)


def _all(*parts: str) -> str:
    """One key of several parts; none when one is missing."""
    return ":".join(parts) if all(parts) else ""


def account_of(raw: Raw | None) -> str:
    """``for_user_id``, or ``""``."""
    try:
        return _id(_id_in.decode(raw)) if raw is not None else ""
    except _BROKEN:
        return ""


def of_unknown(body: bytes, account: str) -> Name:
    """The name of a body without a known event."""
    return _named((account, "unknown", "", ""), body)


def stream_post(data: Raw | None, body: bytes) -> Name:
    """The name of a filtered-stream delivery. Source: X docs, webhooks/stream/quickstart."""
    try:
        key = _id(_post_ids_in.decode(data).id) if data is not None else ""
    except _BROKEN:
        key = ""
    return _named(("", "stream.post", key, ""), body)


# -- account activity ------------------------------------------------------------------------------------


def of_account_activity(key: str, part: Raw, account: str, own_ids: frozenset[str]) -> Name:
    """The name of one element of an ``…_events`` array, or of ``user_event`` and ``replay_job_status``."""
    reader = _READERS.get(key)
    if reader is not None:
        try:
            return _named(reader(part, account, own_ids), part)
        except _BROKEN:
            pass
    return _named((account, key if _SAFE.fullmatch(key) else "unknown", "", ""), part)


def _of_message(kind: str, parties: Parties, account: str, own_ids: frozenset[str]) -> _Parts:
    sender, recipient = parties.sender, parties.recipient
    if not account:
        account = sender if sender in own_ids and recipient not in own_ids else recipient
    other = recipient if sender == account else sender
    if kind == "dm":
        return account, kind, _id(parties.id), other
    key = _all(sender, recipient, _id(parties.created_timestamp))
    if key and kind == "read":
        key += f":{_id(parties.last_read_event_id)}"
    return account, kind, key, other


def _message(part: Raw, account: str, own_ids: frozenset[str]) -> _Parts:
    return _of_message("dm", _parties_in.decode(part), account, own_ids)


def _typing(part: Raw, account: str, own_ids: frozenset[str]) -> _Parts:
    return _of_message("typing", _parties_in.decode(part), account, own_ids)


def _read(part: Raw, account: str, own_ids: frozenset[str]) -> _Parts:
    return _of_message("read", _parties_in.decode(part), account, own_ids)


def _found(user: _User | _Wrapped | None) -> str:
    return user.found if user else ""


def _tweet(part: Raw, account: str, own_ids: frozenset[str]) -> _Parts:
    tweet = _tweet_in.decode(part)
    author = _found(tweet.user)
    if not account:
        named = [
            author,
            _found(tweet.retweeted_status.user if tweet.retweeted_status else None),
            _found(tweet.quoted_status.user if tweet.quoted_status else None),
            _id(tweet.in_reply_to_user_id_str),
            *(mention.found for mention in (tweet.entities.user_mentions if tweet.entities else ())),
        ]
        account = next((user for user in named if user in own_ids), "")
    return account, "post", _id(tweet.id_str) or _id(tweet.id), author


def _tweet_delete(part: Raw, account: str, _own_ids: frozenset[str]) -> _Parts:
    status = _deleted_in.decode(part).status
    if status is None:
        return account, "post_deleted", "", account
    account = account or _id(status.user_id)
    return account, "post_deleted", _id(status.id_str) or _id(status.id), account


def _favorite(part: Raw, account: str, own_ids: frozenset[str]) -> _Parts:
    like = _favorite_in.decode(part)
    post = like.favorited_status
    user = _found(like.user)
    author = _found(post.user if post else None)
    account = account or next((each for each in (author, user) if each in own_ids), "")
    key = _id(like.id) or _all(user, (_id(post.id_str) or _id(post.id)) if post else "")
    return account, "like", key, author if user == account else user


def _relation(key: str) -> Callable[[Raw, str, frozenset[str]], _Parts]:
    def read(part: Raw, account: str, own_ids: frozenset[str]) -> _Parts:
        relation = _relation_in.decode(part)
        kind = relation.type if isinstance(relation.type, str) else ""
        if kind not in _RELATION_KINDS:
            kind = RELATIONS[key]
        source, target = _found(relation.source), _found(relation.target)
        account = account or next((each for each in (target, source) if each in own_ids), "")
        return (
            account,
            kind,
            _all(source, target, _id(relation.created_timestamp)),
            target if source == account else source,
        )

    return read


def _user_event(part: Raw, account: str, _own_ids: frozenset[str]) -> _Parts:
    revoke = _user_event_in.decode(part).revoke
    if revoke is None:
        return account, "user_event", "", account
    account = account or _id(revoke.source.user_id if revoke.source else None)
    app = _id(revoke.target.app_id if revoke.target else None)
    return account, "revoke", _all(app, _time_key(revoke.date_time)), account


def _replay(part: Raw, account: str, _own_ids: frozenset[str]) -> _Parts:
    replay = _replay_in.decode(part)
    return account, "replay", _all(_id(replay.job_id), _id(replay.job_state)), account


def _time_key(found: Id) -> str:
    """A written time as part of a key, without the signs that keys keep for themselves."""
    return _id(found.replace(":", "")) if isinstance(found, str) else ""


# -- X activity ------------------------------------------------------------------------------------------


def message_arrays(part: Raw) -> Iterator[tuple[str, Raw]]:
    """The ``…_events`` members of the payload of a ``dm.…`` event, which are account activity's."""
    try:
        payload = _members_in.decode(_envelope_in.decode(part).payload)
    except _BROKEN:
        return
    yield from ((key, raw) for key, raw in payload.items() if key.endswith("_events"))


def of_activity(part: Raw, inner_key: str, inner: Raw | None, own_ids: frozenset[str]) -> Name:
    """The name of one XAA envelope, or of one direct message in it."""
    try:
        envelope = _envelope_in.decode(part)
    except _BROKEN:
        return _named(("", "unknown", "", ""), part)
    account = _id(envelope.filter.user_id) if envelope.filter else ""
    if inner is not None:
        if not account:
            account = _message_account(envelope.event_type, inner)
        return of_account_activity(inner_key, inner, account, own_ids)
    event_type = EVENT_TYPE_ALIASES.get(envelope.event_type, envelope.event_type)
    try:
        payload = _payload_in.decode(envelope.payload)
        parts = _activity_parts(event_type, envelope, payload, account)
    except _BROKEN:
        parts = account, event_type if _SAFE.fullmatch(event_type) else "unknown", "", ""
    if not parts[2]:
        parts = parts[0], parts[1], _id(envelope.event_uuid), parts[3]
    return _named(parts, envelope.payload)


def _message_account(event_type: str, inner: Raw) -> str:
    """Whose message it is when no filter says: the type tells the side."""
    try:
        parties = _parties_in.decode(inner)
    except _BROKEN:
        return ""
    return parties.sender if event_type == "dm.sent" else parties.recipient


def _activity_parts(event_type: str, envelope: _Envelope, payload: _Payload, account: str) -> _Parts:
    family, _, action = event_type.partition(".")
    if event_type in _POST_TYPES:
        post = payload.post or payload
        author = _id(post.author_id)
        if event_type == "post.create":
            account = account or author
            author = author or account
        return account, "post", _id(post.id), author
    if event_type == "post.delete":
        account = account or _id(payload.author_id)
        return account, "post_deleted", _id(payload.id), account
    if event_type == "like.create":
        return _like_parts(envelope, payload, account)
    if family in {"follow", "mute", "block"} and action in _RELATION_KINDS:
        source, target = _found(payload.source), _found(payload.target)
        return account, action, "", target if source == account else source
    if event_type in {"chat.received", "chat.sent"}:
        account, other = chat_parties(event_type, account, _id(payload.sender_id), payload.conversation_id)
        return account, "chat", _id(payload.id), other
    if event_type == "broadcast.chat":
        return account, event_type, _id(payload.message_id), _found(payload.author)
    if event_type in {"spaces.start", "spaces.end", "broadcast.start", "broadcast.end"}:
        return account, event_type, _id(payload.broadcast_id), account
    if event_type == "news.new":
        # One story can answer two keywords, and each is an event of its own.
        keyword = envelope.filter.keyword if envelope.filter else None
        suffix = hashlib.sha256(str(keyword).encode("utf-8", "replace")).hexdigest()[:12]
        return "", event_type, _all(_id(payload.id), suffix), ""
    if event_type == "oauth.revoke":
        account = account or _id(payload.user_id)
        return account, "revoke", _all(_id(payload.app_id), _time_key(payload.date_time)), account
    if event_type.startswith("profile.update."):
        return account, event_type if _SAFE.fullmatch(event_type) else "profile.update", "", account
    return account, event_type if _SAFE.fullmatch(event_type) else "unknown", "", ""


def _like_parts(envelope: _Envelope, payload: _Payload, account: str) -> _Parts:
    author = _id(payload.liked_tweet_author_id) or _id(payload.tweet_author_id)
    direction = envelope.filter.direction if envelope.filter else None
    if direction == "outbound" or (direction != "inbound" and author != account):
        return account, "like", _id(payload.id), author
    return account, "like", _id(payload.id), _liker(envelope.includes, account)


def _liker(includes: Raw, account: str) -> str:
    try:
        return only_other((each.found for each in _included_in.decode(includes).users), account)
    except _BROKEN:
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
_id_in: msgspec.json.Decoder[Id] = msgspec.json.Decoder(Id)
_parties_in = msgspec.json.Decoder(Parties)
_tweet_in = msgspec.json.Decoder(_Tweet)
_deleted_in = msgspec.json.Decoder(_Deleted)
_favorite_in = msgspec.json.Decoder(_Favorite)
_relation_in = msgspec.json.Decoder(_Relation)
_user_event_in = msgspec.json.Decoder(_UserEvent)
_replay_in = msgspec.json.Decoder(_Replay)
_envelope_in = msgspec.json.Decoder(_Envelope)
_payload_in = msgspec.json.Decoder(_Payload)
_post_ids_in = msgspec.json.Decoder(_PostIds)
_included_in = msgspec.json.Decoder(_Included)

_READERS: dict[str, Callable[[Raw, str, frozenset[str]], _Parts]] = {
    "direct_message_events": _message,
    "direct_message_indicate_typing_events": _typing,
    "direct_message_mark_read_events": _read,
    "tweet_create_events": _tweet,
    "tweet_delete_events": _tweet_delete,
    "favorite_events": _favorite,
    "user_event": _user_event,
    "replay_job_status": _replay,
    **{key: _relation(key) for key in RELATIONS},
}
