"""Dead letters: what spent its attempts waits here until a person decides.

A letter of an event is one handler's: tried again, the event is handled once more by that handler alone. A
letter of an action is the action: tried again, it is sent once more, whatever is known of the first time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from botkit.errors import StoreError, UserError
from botkit.inbox.again import unused_id, wrap_again
from botkit.inbox.shown import content, is_action, moment, whose
from botkit.store.contract import DeadLetter, Located, NewItem, Store

__all__ = ["drop", "listed", "retry", "show"]

#: how many letters one command may take
_MOST = 100_000


async def listed(store: Store, *, limit: int = 50, since: float = 0.0, plugin: str = "") -> dict[str, Any]:
    """Dead letters, newest first, and how many there are in all.

    :param since: those that died then or later, Unix seconds.
    :param plugin: those of that plugin's handlers and actions.
    """
    letters = await store.dead_letters(limit, since=since, handler_prefix=_prefix(plugin))
    return {
        "now": moment(await store.now()),
        "count": await store.dead_count(),
        "letters": [_shown(letter) for letter in letters],
    }


async def show(store: Store, *, item_id: str) -> dict[str, Any]:
    """One item's dead letters, and all that the item holds.

    :raises UserError: it has none.
    """
    letters = await store.dead_letters(_MOST, item_id=item_id)
    if not letters:
        raise UserError(f"{item_id} has no dead letter; botkit inbox dead list shows those that there are")
    located = await store.locate(item_id)
    held = content(located.lane, located.queue, located.item) if located else None
    return {"letters": [_shown(letter) for letter in letters], "content": held}


async def retry(
    store: Store,
    *,
    item_ids: Sequence[str] = (),
    handler: str = "",
    since: float = 0.0,
    plugin: str = "",
) -> dict[str, Any]:
    """Try dead letters again: those of some items, or all that were chosen by time and plugin.

    Each is taken out and put in line in one transaction, so it is neither lost nor doubled.

    :returns: what was put in line under which id, and what can't be tried again, with the reason.
    :raises UserError: an item has no dead letter; nothing was done.
    """
    retried: list[dict[str, str]] = []
    left: list[dict[str, str]] = []
    for letter in await _chosen(store, item_ids, handler, since, plugin):
        named = {"item_id": letter.item_id, "handler": letter.handler}
        located = await store.locate(letter.item_id)
        if located is None:
            left.append(named | {"reason": "what it is about is not kept"})
            continue
        item = await _again(store, letter, located)
        try:
            taken = await store.take_dead(letter.item_id, letter.handler, item)
        except StoreError as error:
            left.append(named | {"reason": str(error)})
            continue
        if taken is not None:
            retried.append(named | {"as": item.item_id})
    return {"retried": retried, "left": left}


async def drop(
    store: Store,
    *,
    item_ids: Sequence[str] = (),
    handler: str = "",
    since: float = 0.0,
    plugin: str = "",
) -> dict[str, Any]:
    """Give dead letters up; chosen as for `retry`.

    :raises UserError: an item has no dead letter; nothing was done.
    """
    dropped = [
        {"item_id": letter.item_id, "handler": letter.handler}
        for letter in await _chosen(store, item_ids, handler, since, plugin)
        if await store.take_dead(letter.item_id, letter.handler) is not None
    ]
    return {"dropped": dropped}


async def _chosen(
    store: Store, item_ids: Sequence[str], handler: str, since: float, plugin: str
) -> list[DeadLetter]:
    """Oldest first, so that what is tried again keeps its order."""
    if not item_ids:
        letters = await store.dead_letters(_MOST, since=since, handler_prefix=_prefix(plugin))
    else:
        letters = []
        for item_id in dict.fromkeys(item_ids):
            found = await store.dead_letters(
                _MOST, since=since, item_id=item_id, handler_prefix=_prefix(plugin)
            )
            found = [letter for letter in found if handler in {"", letter.handler}]
            if not found:
                raise UserError(f"{item_id} has no such dead letter; see botkit inbox dead list")
            letters += found
    letters.sort(key=lambda letter: letter.at)
    return [letter for letter in letters if handler in {"", letter.handler}]


async def _again(store: Store, letter: DeadLetter, located: Located) -> NewItem:
    payload = located.item.payload
    if not is_action(located.queue):
        # A letter of botkit's own is about the whole event: no handler had its turn.
        only = letter.handler if ":" in letter.handler else ""
        payload = wrap_again(located.item, only)
    item_id = await unused_id(store, "retry", letter.item_id)
    return NewItem(located.queue, located.lane, item_id, payload)


def _prefix(plugin: str) -> str:
    return f"{plugin}:" if plugin else ""


def _shown(letter: DeadLetter) -> dict[str, Any]:
    return {
        "item_id": letter.item_id,
        "what": "action" if is_action(letter.queue) else "event",
        "handler": letter.handler,
        **whose(letter.lane, letter.queue),
        "attempts": letter.attempts,
        "error": letter.error,
        "at": moment(letter.at),
    }
