"""Stored events that are handled once more, or rehearsed: run to see what they would send."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from structlog.typing import FilteringBoundLogger

from botkit.api import Caller
from botkit.engine.replay import Replay, again_id, unwrap, wrap
from botkit.engine.turn import Rehearsed, Turns, TurnSettings
from botkit.errors import ActionRefused, UserError
from botkit.hooks.manager import Hooks
from botkit.inbox.shown import action, is_action, moment
from botkit.store.contract import Located, NewItem, Store, StoredItem
from botkit.x.wire import Call

__all__ = ["LooksOnly", "rehearse", "replay", "unused_id", "wrap_again"]

T = TypeVar("T")


async def replay(store: Store, *, event_ids: Sequence[str]) -> dict[str, Any]:
    """Put events in line again, behind what their conversations hold already: all handlers see them anew.

    What was sent the first time is sent again. All of them are put, or none.

    :raises UserError: one of them is not kept, or is no event.
    """
    items: list[NewItem] = []
    for located in await _events(store, event_ids):
        item_id = await unused_id(store, "replay", located.item.item_id)
        items.append(NewItem(located.queue, located.lane, item_id, wrap_again(located.item)))
    await store.put(items)
    return {
        "replayed": [
            {"event_id": event_id, "as": item.item_id}
            for event_id, item in zip(dict.fromkeys(event_ids), items, strict=True)
        ]
    }


async def rehearse(
    store: Store,
    *,
    event_ids: Sequence[str],
    hooks: Hooks,
    caller: Caller | None,
    handler_timeout_s: float,
    log: FilteringBoundLogger,
    now: Callable[[], float],
) -> dict[str, Any]:
    """Run the handlers of events to see what they would do: nothing is stored, queued or sent.

    Handlers see the states as they are now. ``bot.api`` may look things up at X, where the bot runs, and may
    change nothing. What a handler does beside its ``bot`` it does in earnest.

    :raises UserError: one of them is not kept, or is no event.
    """
    turns = Turns(
        store=store,
        hooks=hooks,
        caller=LooksOnly(caller),
        settings=TurnSettings(handler_timeout_s=handler_timeout_s),
        log=log,
        rng=random.Random(),  # noqa: S311 - jitter that is not used
        now=now,
    )
    return {
        "rehearsed": [
            {"event_id": located.item.item_id} | _outcome(await turns.rehearse(located.lane, located.item))
            for located in await _events(store, event_ids)
        ]
    }


def _outcome(rehearsed: Rehearsed) -> dict[str, Any]:
    effects = rehearsed.effects
    failed = {letter.handler: letter.error for letter in effects.dead}
    queued = [action(item) for item in effects.items]
    return {
        "event": type(rehearsed.event).__name__,
        "at": moment(rehearsed.event.at.timestamp()),
        "accepted": rehearsed.accepted,
        "handlers": [{"handler": name, "error": failed.get(name)} for name in rehearsed.handlers],
        "actions": queued + [action(timer.item, timer.due_at) for timer in effects.timers],
    }


class LooksOnly:
    """X as a rehearsal may use it: it looks, and changes nothing.

    :param caller: what asks X; ``None`` where no bot runs.
    """

    def __init__(self, caller: Caller | None) -> None:
        self._caller = caller

    async def do(self, call: Call[T], account_id: str) -> T:
        """Carry a call out that only reads.

        :raises ActionRefused: it would change something, or no bot runs that could ask.
        """
        if call.request.method != "GET":
            raise ActionRefused(f"a dry run changes nothing at X: {call.name} is not called")
        if self._caller is None:
            raise ActionRefused(f"{call.name} can't be asked of X in a dry run while the bot does not run")
        return await self._caller.do(call, account_id)


async def _events(store: Store, event_ids: Sequence[str]) -> list[Located]:
    events: list[Located] = []
    for event_id in dict.fromkeys(event_ids):
        located = await store.locate(event_id)
        if located is None:
            raise UserError(f"the event {event_id} is not kept: engine.retention says how long events are")
        if is_action(located.queue):
            raise UserError(f"{event_id} is an action; only events can be replayed")
        events.append(located)
    return events


def wrap_again(item: StoredItem, handler: str = "") -> bytes:
    """The payload of a copy of an event, or of a copy of a copy, for all handlers or one."""
    _, before = unwrap(item.payload)
    event_id = before.event_id if before else item.item_id
    received_at = before.received_at if before else item.received_at
    return wrap(item.payload, Replay(event_id, received_at, handler))


async def unused_id(store: Store, word: str, item_id: str) -> str:
    """An id for a copy that nothing has yet; its number is the time."""
    now = await store.now()
    while await store.item(found := again_id(word, item_id, now)) is not None:
        now += 1
    return found
