"""An event that is handled once more: the stored event, and who is to see it, in one payload.

The copy is an item of its own, with an id of its own: what its handlers queue gets new ids, so nothing of it
is taken for what the first time queued. The event keeps its id and its time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from botkit.events import Event
from botkit.store.contract import StoredItem
from botkit.x import Conversation, Item, parse

__all__ = ["Replay", "again_id", "origin_of", "read_event", "unwrap", "wrap"]

#: X's bodies begin with ``{``, so that nothing of X's can be taken for a copy
_MARK = b"botkit-replay "
_AGAIN = re.compile(r"^(?:replay|retry):\d+:")


@dataclass(frozen=True, slots=True)
class Replay:
    """What is known of an event that is handled once more.

    :param event_id: its own id.
    :param received_at: when it first came, Unix seconds.
    :param handler: the only handler that is to see it; ``""``: all that match.
    """

    event_id: str
    received_at: float
    handler: str = ""


def wrap(payload: bytes, replay: Replay) -> bytes:
    """The payload of the copy. That of a copy may be given too: it does not grow."""
    body, _ = unwrap(payload)
    return _MARK + msgspec.json.encode(replay) + b"\n" + body


def unwrap(payload: bytes) -> tuple[bytes, Replay | None]:
    """What X sent, and what `wrap` added, if it did."""
    if not payload.startswith(_MARK):
        return payload, None
    head, _, body = payload.removeprefix(_MARK).partition(b"\n")
    return body, msgspec.json.decode(head, type=Replay)


def read_event(lane: str, stored: StoredItem) -> tuple[Event, Replay | None]:
    """The event of an item, whether it comes for the first time or again."""
    payload, replay = unwrap(stored.payload)
    event_id = replay.event_id if replay else stored.item_id
    received_at = replay.received_at if replay else stored.received_at
    return (
        parse(
            Item(event_id, Conversation.from_key(lane), payload),
            received_at=datetime.fromtimestamp(received_at, UTC),
        ),
        replay,
    )


def origin_of(item_id: str) -> str:
    """The id without what `again_id` put in front of it."""
    return _AGAIN.sub("", item_id)


def again_id(word: str, item_id: str, now: float) -> str:
    """The id of a copy: ``replay:<Unix seconds>:<id>``, or another word of the two."""
    return f"{word}:{int(now)}:{origin_of(item_id)}"
