"""How stored things are shown: names, times and contents as plain data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from botkit import actions
from botkit.engine.outbox import OUTBOX, OutQueue
from botkit.engine.replay import read_event, unwrap
from botkit.errors import UserError
from botkit.store.contract import NewItem, StoredItem
from botkit.x import Conversation

__all__ = ["action", "content", "event_kind", "is_action", "moment", "whose"]


def moment(at: float | None) -> str | None:
    """A time as text, UTC."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def is_action(queue: str) -> bool:
    """Whether items of the queue are actions; else they are events."""
    return queue.startswith(OUTBOX)


def whose(lane: str, queue: str) -> dict[str, str]:
    """The account of a lane, and the other user (or post) that it is about."""
    if not is_action(queue):
        conversation = Conversation.from_key(lane)
        return {"account_id": conversation.account_id, "other_id": conversation.other_id}
    try:
        account_id = OutQueue.from_name(queue).account_id
    except ValueError:
        account_id = ""
    return {"account_id": account_id, "other_id": lane.removeprefix(f"{queue}:")}


def action(item: NewItem | StoredItem, due_at: float | None = None) -> dict[str, Any]:
    """An action: what it does, to whom, with which text."""
    try:
        queued = actions.decode(item.payload)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise UserError(f"the action {item.item_id} was written by another version of botkit") from None
    return {
        "handler": queued.handler,
        "kind": queued.action.kind,
        "to": queued.action.target,
        "text": getattr(queued.action, "text", ""),
        "due_at": moment(due_at),
    }


def event_kind(lane: str, item: StoredItem) -> str:
    """The class of an event, such as ``DirectMessage``."""
    return type(read_event(lane, item)[0]).__name__


def content(lane: str, queue: str, item: StoredItem) -> dict[str, Any]:
    """Everything that an item holds."""
    if is_action(queue):
        return action(item)
    body, _ = unwrap(item.payload)
    return {"event": event_kind(lane, item), "payload": msgspec.json.decode(body)}
