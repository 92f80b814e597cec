"""Forgetting a person: all that the store holds of one user of X is deleted, down to the bytes."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from botkit.errors import UserError
from botkit.inbox.people import user_id_of
from botkit.inbox.shown import is_action
from botkit.network.keys import KeyRing
from botkit.network.vault import Vault, refreshing
from botkit.store.contract import Located, Store

__all__ = ["forget"]

#: how many events of one user, and of one account about them, are looked through
_MOST = 10_000
_REMOVES_WITHIN_S = 30.0


async def forget(store: Store, *, user: str) -> dict[str, Any]:
    """Delete a user's events, states, tokens, and what waits to be sent to them.

    That is every lane and every state whose name ends with the user's id, the user's tokens if they connected
    their account, and of the accounts' own events those that name the user: an answer may quote what it
    answers. Of these, the ones that wait to be handled stay, and are counted. Events of other people that
    name the user stay. Whoever writes again is new.

    :param user: an id, or a handle that stands in a stored event.
    :returns: what was deleted.
    :raises UserError: no stored event tells whose handle it is, or their tokens are just being refreshed.
    """
    user_id = await user_id_of(store, user)
    tokens = await _remove_tokens(store, user_id)
    own = await _own_events_about(store, user_id)
    forgotten = await store.forget(
        f":{user_id}", items=[located.item.item_id for located in own if located.done]
    )
    states = [key for key in forgotten.state if key.startswith("state:")]
    events = sum(count for queue, count in forgotten.items.items() if not is_action(queue))
    return {
        "user_id": user_id,
        "events": events,
        "actions": sum(forgotten.items.values()) - events,
        "timers": forgotten.timers,
        "dead_letters": forgotten.dead,
        "states": sorted(states),
        "tokens": int(tokens),
        "marks": len(forgotten.state) - len(states),
        "own_events_left": sum(not located.done for located in own),
    }


async def _remove_tokens(store: Store, user_id: str) -> bool:
    """Whether there were any. No refresh writes them back."""
    vault = Vault(store, KeyRing(Path(), {}))  # nothing is decrypted to remove it: no key is read
    name, holder = refreshing(user_id), f"forget:{secrets.token_hex(8)}"
    if not await store.hold(name, holder, _REMOVES_WITHIN_S):
        raise UserError(f"the tokens of {user_id} are just being refreshed; run this again in a minute")
    try:
        return await vault.remove(user_id)
    finally:
        await store.let_go(name, holder)


async def _own_events_about(store: Store, user_id: str) -> list[Located]:
    """Events of the accounts themselves that name the user."""
    quoted = f'"{user_id}"'
    found = await store.search(quoted, ending=f":{user_id}", limit=_MOST)
    accounts = {located.lane.partition(":")[0] for located in found if not is_action(located.queue)}
    about: list[Located] = []
    for account_id in sorted(accounts - {user_id}):
        about += await store.search(quoted, ending=f"{account_id}:{account_id}", limit=_MOST)
    return about
