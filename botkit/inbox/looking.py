"""How full the inbox is, which conversations wait, and for how long."""

from __future__ import annotations

from typing import Any

from botkit.inbox.people import user_id_of
from botkit.inbox.shown import action, event_kind, is_action, moment, whose
from botkit.store.contract import LaneStats, Located, QueueStats, Store

__all__ = ["conversation", "status"]


async def status(store: Store, *, limit: int = 20) -> dict[str, Any]:
    """Counts of events and actions, the oldest that waits, and the conversations that wait longest.

    :param limit: how many conversations.
    """
    queues = await store.stats()
    lanes = await store.lanes(limit=limit)
    return {
        "now": moment(await store.now()),
        "events": _sum([queue for queue in queues if not is_action(queue.queue)]),
        "actions": _sum([queue for queue in queues if is_action(queue.queue)]),
        "dead_letters": await store.dead_count(),
        "next_timer_at": moment(await store.next_timer_at()),
        "conversations": [_waiting(lane) for lane in lanes],
    }


async def conversation(store: Store, *, user: str, limit: int = 50) -> dict[str, Any]:
    """What is stored between the bot and one user, events and actions, newest first, without the texts.

    :param user: an id, or a handle that stands in a stored event.
    :param limit: how many events and actions.
    :raises UserError: no stored event tells whose handle it is.
    """
    user_id = await user_id_of(store, user)
    found = await store.search("", ending=f":{user_id}", limit=limit)
    found.sort(key=lambda located: located.item.received_at, reverse=True)
    return {
        "now": moment(await store.now()),
        "user_id": user_id,
        "items": [_item(located) for located in found],
    }


def _item(located: Located) -> dict[str, Any]:
    acts = is_action(located.queue)
    return {
        "item_id": located.item.item_id,
        "what": "action" if acts else "event",
        "kind": action(located.item)["kind"] if acts else event_kind(located.lane, located.item),
        **whose(located.lane, located.queue),
        "received_at": moment(located.item.received_at),
        "done": located.done,
    }


def _sum(queues: list[QueueStats]) -> dict[str, Any]:
    oldest = [queue.oldest_at for queue in queues if queue.oldest_at is not None]
    return {
        "waiting": sum(queue.items for queue in queues),
        "conversations": sum(queue.lanes for queue in queues),
        "oldest_at": moment(min(oldest, default=None)),
    }


def _waiting(lane: LaneStats) -> dict[str, Any]:
    return {
        "what": "actions" if is_action(lane.queue) else "events",
        **whose(lane.lane, lane.queue),
        "waiting": lane.items,
        "oldest_at": moment(lane.oldest_at),
        "failed_attempts": lane.attempt,
        "next_attempt_at": None if lane.owned else moment(lane.ready_at),
        "in_hand": lane.owned,
        "queue": lane.queue,
    }
