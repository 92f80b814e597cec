"""One item → the typed event. Never raises: what botkit does not understand is an `UnknownEvent`.

The account is the one that `split` found; which side did it follows from it. Texts come without X's HTML
escapes, ``at`` is X's time where the event has one.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from botkit.events import Event, UnknownEvent
from botkit.x.identity.xaa import EVENT_TYPE_ALIASES
from botkit.x.parse.aaa import account_activity_event, event_key
from botkit.x.parse.context import Context
from botkit.x.parse.xaa import activity_event
from botkit.x.values import Json, decode_object, text

if TYPE_CHECKING:
    from datetime import datetime

    from botkit.x.item import Item

__all__ = ["parse"]


def parse(item: Item, *, received_at: datetime) -> Event:
    """The event in an item.

    :param received_at: when the item was stored, aware; the event's time where X gives none.
    """
    body = decode_object(item.payload)
    context = Context(
        item_id=item.id,
        account_id=item.conversation.account_id,
        received_at=received_at,
        raw=MappingProxyType(body),
    )
    event = _event(body, context)
    return event if event is not None else _unknown(_kind(body), context)


def _event(body: Json, context: Context) -> Event | None:
    if "matching_rules" in body:
        return None
    key = event_key(body)
    if key:
        return account_activity_event(key, body, context)
    envelope = _envelope(body)
    return activity_event(envelope, context) if text(envelope, "event_type") else None


def _envelope(body: Json) -> Json:
    data = body.get("data")
    if isinstance(data, list):
        # A body that holds one event holds one envelope; other elements are no objects.
        data = next((each for each in data if isinstance(each, dict)), None)
    return data if isinstance(data, dict) else {}


def _kind(body: Json) -> str:
    if "matching_rules" in body:
        return "stream.post"
    key = event_key(body)
    if key:
        found = body.get(key)
        first = found[0] if isinstance(found, list) and found else None
        kind = text(first, "type") if isinstance(first, dict) else ""
        return f"{key}.{kind}" if kind and kind != "message_create" else key
    kind = text(_envelope(body), "event_type")
    return EVENT_TYPE_ALIASES.get(kind, kind) or "unknown"


def _unknown(kind: str, context: Context) -> UnknownEvent:
    return UnknownEvent(
        id=context.item_id, account_id=context.account_id, at=context.received_at, raw=context.raw, kind=kind
    )
