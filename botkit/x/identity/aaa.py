"""Names of account activity's events. Source: X docs, account-activity/introduction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw, Struct

from botkit.x.identity.names import (
    BROKEN,
    Id,
    Name,
    Parts,
    PlainUser,
    joined,
    named,
    safe_id,
    safe_kind,
    time_key,
    user_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RELATIONS", "RELATION_KINDS", "Parties", "of_account_activity", "parties_in"]

#: account activity's arrays of relations, and which ``type`` each holds; its docs list also the un- arrays.
RELATIONS = {
    "follow_events": "follow",
    "unfollow_events": "unfollow",
    "block_events": "block",
    "unblock_events": "unblock",
    "mute_events": "mute",
    "unmute_events": "unmute",
}
RELATION_KINDS = frozenset(RELATIONS.values())


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
        """Who wrote, types or has read."""
        return safe_id(self.message_create.sender_id if self.message_create else self.sender_id)

    @property
    def recipient(self) -> str:
        """The other one."""
        target = self.message_create.target if self.message_create else self.target
        return safe_id(target.recipient_id) if target else ""

    def ids(self) -> frozenset[str]:
        """The users that it is between."""
        return frozenset((self.sender, self.recipient))


class _Entities(Struct):
    user_mentions: list[PlainUser] = []


class _Quoted(Struct):
    user: PlainUser | None = None


class _Tweet(Struct):
    id_str: Id = None
    id: Id = None
    user: PlainUser | None = None
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
    user: PlainUser | None = None
    favorited_status: _Tweet | None = None


class _Relation(Struct):
    type: Id = None
    created_timestamp: Id = None
    source: PlainUser | None = None
    target: PlainUser | None = None


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


def of_account_activity(key: str, part: Raw, account: str, own_ids: frozenset[str]) -> Name:
    """The name of one element of an ``…_events`` array, or of ``user_event`` and ``replay_job_status``."""
    reader = _READERS.get(key)
    if reader is not None:
        try:
            return named(reader(part, account, own_ids), part)
        except BROKEN:
            pass
    return named((account, safe_kind(key), "", ""), part)


def _of_message(kind: str, parties: Parties, account: str, own_ids: frozenset[str]) -> Parts:
    sender, recipient = parties.sender, parties.recipient
    if not account:
        account = sender if sender in own_ids and recipient not in own_ids else recipient
    other = recipient if sender == account else sender
    if kind == "dm":
        return account, kind, safe_id(parties.id), other
    key = joined(sender, recipient, safe_id(parties.created_timestamp))
    if key and kind == "read":
        key += f":{safe_id(parties.last_read_event_id)}"
    return account, kind, key, other


def _message(part: Raw, account: str, own_ids: frozenset[str]) -> Parts:
    return _of_message("dm", parties_in.decode(part), account, own_ids)


def _typing(part: Raw, account: str, own_ids: frozenset[str]) -> Parts:
    return _of_message("typing", parties_in.decode(part), account, own_ids)


def _read(part: Raw, account: str, own_ids: frozenset[str]) -> Parts:
    return _of_message("read", parties_in.decode(part), account, own_ids)


def _tweet(part: Raw, account: str, own_ids: frozenset[str]) -> Parts:
    tweet = _tweet_in.decode(part)
    author = user_id(tweet.user)
    if not account:
        named = [
            author,
            user_id(tweet.retweeted_status.user if tweet.retweeted_status else None),
            user_id(tweet.quoted_status.user if tweet.quoted_status else None),
            safe_id(tweet.in_reply_to_user_id_str),
            *(mention.found for mention in (tweet.entities.user_mentions if tweet.entities else ())),
        ]
        account = next((user for user in named if user in own_ids), "")
    return account, "post", safe_id(tweet.id_str) or safe_id(tweet.id), author


def _tweet_delete(part: Raw, account: str, _own_ids: frozenset[str]) -> Parts:
    status = _deleted_in.decode(part).status
    if status is None:
        return account, "post_deleted", "", account
    account = account or safe_id(status.user_id)
    return account, "post_deleted", safe_id(status.id_str) or safe_id(status.id), account


def _favorite(part: Raw, account: str, own_ids: frozenset[str]) -> Parts:
    like = _favorite_in.decode(part)
    post = like.favorited_status
    user = user_id(like.user)
    author = user_id(post.user if post else None)
    account = account or next((each for each in (author, user) if each in own_ids), "")
    key = safe_id(like.id) or joined(user, (safe_id(post.id_str) or safe_id(post.id)) if post else "")
    return account, "like", key, author if user == account else user


def _relation(key: str) -> Callable[[Raw, str, frozenset[str]], Parts]:
    def read(part: Raw, account: str, own_ids: frozenset[str]) -> Parts:
        relation = _relation_in.decode(part)
        kind = relation.type if isinstance(relation.type, str) else ""
        if kind not in RELATION_KINDS:
            kind = RELATIONS[key]
        source, target = user_id(relation.source), user_id(relation.target)
        account = account or next((each for each in (target, source) if each in own_ids), "")
        return (
            account,
            kind,
            joined(source, target, safe_id(relation.created_timestamp)),
            target if source == account else source,
        )

    return read


def _user_event(part: Raw, account: str, _own_ids: frozenset[str]) -> Parts:
    revoke = _user_event_in.decode(part).revoke
    if revoke is None:
        return account, "user_event", "", account
    account = account or safe_id(revoke.source.user_id if revoke.source else None)
    app = safe_id(revoke.target.app_id if revoke.target else None)
    return account, "revoke", joined(app, time_key(revoke.date_time)), account


def _replay(part: Raw, account: str, _own_ids: frozenset[str]) -> Parts:
    replay = _replay_in.decode(part)
    return account, "replay", joined(safe_id(replay.job_id), safe_id(replay.job_state)), account


parties_in = msgspec.json.Decoder(Parties)
_tweet_in = msgspec.json.Decoder(_Tweet)
_deleted_in = msgspec.json.Decoder(_Deleted)
_favorite_in = msgspec.json.Decoder(_Favorite)
_relation_in = msgspec.json.Decoder(_Relation)
_user_event_in = msgspec.json.Decoder(_UserEvent)
_replay_in = msgspec.json.Decoder(_Replay)

_READERS: dict[str, Callable[[Raw, str, frozenset[str]], Parts]] = {
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
