"""How full the inbox is, which conversations wait, and for how long."""

from __future__ import annotations

from typing import Any

from botkit.inbox.shown import is_action, moment, whose
from botkit.store.contract import LaneStats, QueueStats, Store

__all__ = ["status"]


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
        "conversations": [_conversation(lane) for lane in lanes],
    }


def _sum(queues: list[QueueStats]) -> dict[str, Any]:
    oldest = [queue.oldest_at for queue in queues if queue.oldest_at is not None]
    return {
        "waiting": sum(queue.items for queue in queues),
        "conversations": sum(queue.lanes for queue in queues),
        "oldest_at": moment(min(oldest, default=None)),
    }


def _conversation(lane: LaneStats) -> dict[str, Any]:
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
