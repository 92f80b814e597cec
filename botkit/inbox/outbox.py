"""The outbox by queue: what waits to leave, how long it takes, and broadcasts paused, resumed, cancelled."""

from __future__ import annotations

from typing import Any

from botkit.engine.outbox import OUTBOX, OutQueue, Priority, paused_key
from botkit.engine.spend import stopped
from botkit.engine.windows import Windows
from botkit.errors import UserError
from botkit.inbox.shown import moment
from botkit.inbox.usage import shown_stop
from botkit.store.contract import QueueStats, Store

__all__ = ["cancel", "listed", "pause", "resume"]


async def listed(store: Store) -> dict[str, Any]:
    """Every queue that holds something, those that leave first first.

    ``budget`` says until when the budget lets nothing leave; ``None``: it does not hold anything back.
    """
    windows = Windows(store)
    queues = sorted(
        (OutQueue.from_name(stats.queue), stats)
        for stats in await store.stats()
        if stats.queue.startswith(OUTBOX) and stats.items
    )
    paused = await store.state([paused_key(queue) for queue, _ in queues])
    now, why = await store.now(), await stopped(store)
    held_s = why.until - now if why is not None else 0.0
    return {
        "now": moment(now),
        "budget": shown_stop(why),
        "queues": [
            await _shown(windows, queue, stats, paused=paused_key(queue) in paused, held_s=held_s)
            for queue, stats in queues
        ],
    }


async def _shown(
    windows: Windows, queue: OutQueue, stats: QueueStats, *, paused: bool, held_s: float
) -> dict[str, Any]:
    return {
        "broadcast": queue.broadcast,
        "priority": queue.priority.name.lower(),
        "window": queue.window,
        "account_id": queue.account_id,
        "waiting": stats.items,
        "oldest_at": moment(stats.oldest_at),
        "paused": paused,
        "eta_s": None if paused else round(max(held_s, await windows.eta_s(queue, stats.items))),
    }


async def pause(store: Store, *, broadcast: str) -> dict[str, Any]:
    """Send nothing more of a broadcast until it is resumed. What is under way is finished.

    :raises UserError: there is no such broadcast.
    """
    queue = await _find(store, broadcast)
    await store.keep({paused_key(queue): b"1"})
    return {"broadcast": broadcast, "paused": True}


async def resume(store: Store, *, broadcast: str) -> dict[str, Any]:
    """Go on with a broadcast that was paused.

    :raises UserError: there is no such broadcast.
    """
    queue = await _find(store, broadcast)
    await store.keep({paused_key(queue): None})
    return {"broadcast": broadcast, "paused": False}


async def cancel(store: Store, *, broadcast: str) -> dict[str, Any]:
    """Give up what has not left of a broadcast; it can't be taken back.

    :raises UserError: there is no such broadcast.
    """
    queue = await _find(store, broadcast)
    cancelled = await store.discard(queue.name)
    await store.keep({paused_key(queue): None})
    return {"broadcast": broadcast, "cancelled": cancelled}


async def _find(store: Store, broadcast: str) -> OutQueue:
    known = [
        OutQueue.from_name(stats.queue)
        for stats in await store.stats()
        if stats.queue.startswith(OUTBOX) and stats.items
    ]
    for queue in known:
        if queue.priority is Priority.BROADCAST and queue.broadcast == broadcast:
            return queue
    names = ", ".join(sorted(queue.broadcast for queue in known if queue.broadcast))
    raise UserError(
        f"no broadcast {broadcast!r} waits; " + (f"there are: {names}" if names else "there is none at all")
    )
