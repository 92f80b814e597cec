"""What X charges, as data: each write and each event that X's price list names, in millionths of a US dollar.

What the list does not name has no price here, and is never guessed. Events are charged by X's Activity API;
no price is known of account activity's. Source: X docs, getting-started/pricing (pay per use, as changed on
2026-04-20), activity/introduction.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from botkit.x.identity.xaa import EVENT_TYPE_ALIASES
from botkit.x.parse.aaa import event_key
from botkit.x.subscriptions import PROFILE_EVENT_TYPES
from botkit.x.values import decode_object, text

if TYPE_CHECKING:
    from botkit.x.values import Json

__all__ = ["DOLLAR", "EVENT_PRICES", "WRITE_PRICES", "EventKind", "event_kind"]

#: one US dollar
DOLLAR = 1_000_000

#: Writes, by the price list's own categories. A user interaction is a like, a repost, a follow or a mute.
WRITE_PRICES: Mapping[str, int] = MappingProxyType(
    {
        "post": 15_000,
        "post_with_url": 200_000,
        "summoned_reply": 10_000,
        "dm": 15_000,
        "user_interaction": 15_000,
        "delete": 10_000,
        "content_manage": 5_000,
        "media_metadata": 5_000,
    }
)

_POST_EVENT = 5_000

#: Events of X's Activity API by type; 0 is free. Of a deleted post X's pages differ: the price list has it
#: free, and the price list is believed. Mentions, replies, quotes and reposts are charged as posts.
EVENT_PRICES: Mapping[str, int] = MappingProxyType(
    {
        "post.create": _POST_EVENT,
        "post.delete": 0,
        "post.mention.create": _POST_EVENT,
        "post.reply.create": _POST_EVENT,
        "post.quote.create": _POST_EVENT,
        "post.repost.create": _POST_EVENT,
        "follow.follow": 10_000,
        "follow.unfollow": 10_000,
        "mute.mute": 1_000,
        "mute.unmute": 1_000,
        "block.block": 1_000,
        "block.unblock": 1_000,
        "dm.received": 10_000,
        "dm.sent": 0,
        "dm.read": 0,
        "dm.indicate_typing": 0,
        "chat.received": 10_000,
        "chat.sent": 0,
        "chat.conversation.join": 0,
        **dict.fromkeys(PROFILE_EVENT_TYPES, 5_000),
        "spaces.start": 5_000,
        "spaces.end": 5_000,
        "news.new": 5_000,
    }
)

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Typed(msgspec.Struct):
    event_type: str = ""


_envelope = msgspec.json.Decoder(_Typed | list[_Typed])


class EventKind(msgspec.Struct, frozen=True):
    """What X calls an event, and what it costs.

    :param price: millionths of a US dollar; ``None`` where X's documents give no price.
    """

    name: str
    price: int | None = None


def event_kind(payload: bytes) -> EventKind:
    """The kind of the one event in an item's payload; ``unknown`` where it is no event of X's."""
    try:
        members = _members.decode(payload)
        named = _envelope.decode(members["data"]) if "data" in members else None
    except (msgspec.DecodeError, RecursionError):
        return _of_body(decode_object(payload))
    if "matching_rules" in members:
        return EventKind("stream.post")
    if named is None:
        return _of_account_activity({name: bytes(raw) != b"[]" for name, raw in members.items()})
    first = next(iter(named), _Typed()) if isinstance(named, list) else named
    return _of_activity(first.event_type)


def _of_body(body: Json) -> EventKind:
    """Where something odd stands in the body: as `botkit.x.parse` would read it."""
    if event_key(body):
        return _of_account_activity(body)
    data = body.get("data")
    if isinstance(data, list):
        data = next((each for each in data if isinstance(each, dict)), None)
    return _of_activity(text(data, "event_type") if isinstance(data, dict) else "")


def _of_activity(event_type: str) -> EventKind:
    name = EVENT_TYPE_ALIASES.get(event_type, event_type)
    return EventKind(name or "unknown", EVENT_PRICES.get(name))


def _of_account_activity(body: Mapping[str, Any]) -> EventKind:
    return EventKind(event_key(dict(body)) or "unknown")
