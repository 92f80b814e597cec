"""Forgetting a person: all that the store holds of one user of X is deleted, down to the bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from botkit.engine.replay import unwrap
from botkit.errors import UserError
from botkit.inbox.shown import is_action
from botkit.store.contract import Located, Store

__all__ = ["forget", "user_id_of"]

_HANDLE = re.compile(r"@?([A-Za-z0-9_]{1,15})")
_MOST = 10_000


async def forget(store: Store, *, user: str) -> dict[str, Any]:
    """Delete a user's events, states, tokens, and what waits to be sent to them.

    That is every lane and every state whose name ends with the user's id, and of the accounts' own posts
    those that name the user: an answer may quote what it answers. Events of other people that name the user
    stay. Whoever writes again is new.

    :param user: an id, or a handle that stands in a stored event.
    :returns: what was deleted.
    :raises UserError: no stored event tells whose handle it is.
    """
    user_id = await user_id_of(store, user)
    own = await _own_posts_about(store, user_id)
    forgotten = await store.forget(f":{user_id}", items=own)
    states = [key for key in forgotten.state if key.startswith("state:")]
    tokens = [key for key in forgotten.state if key.startswith("token:")]
    events = sum(count for queue, count in forgotten.items.items() if not is_action(queue))
    return {
        "user_id": user_id,
        "events": events,
        "actions": sum(forgotten.items.values()) - events,
        "timers": forgotten.timers,
        "dead_letters": forgotten.dead,
        "states": sorted(states),
        "tokens": len(tokens),
        "marks": len(forgotten.state) - len(states) - len(tokens),
    }


async def user_id_of(store: Store, user: str) -> str:
    """The id of a user that is given by id or handle.

    :raises UserError: see `forget`.
    """
    if user.isascii() and user.isdigit():
        return user
    handle = _HANDLE.fullmatch(user)
    if handle is None:
        raise UserError(f"{user!r} is neither a user's id nor a handle such as @alice")
    name = handle[1].lower()
    for located in await store.search(f'"{name}"', limit=_MOST):
        body, _ = unwrap(located.item.payload)
        try:
            decoded = msgspec.json.decode(body)
        except msgspec.DecodeError:
            continue
        for user_id in _ids(decoded, name):
            return user_id
    raise UserError(f"no stored event tells who @{name} is; give the user's id instead")


async def _own_posts_about(store: Store, user_id: str) -> list[str]:
    """Ids of finished events of the accounts themselves that name the user."""
    quoted = f'"{user_id}"'
    found = await store.search(quoted, ending=f":{user_id}", limit=_MOST)
    accounts = {located.lane.partition(":")[0] for located in found if not is_action(located.queue)}
    about: list[Located] = []
    for account_id in sorted(accounts - {user_id}):
        about += await store.search(quoted, ending=f"{account_id}:{account_id}", limit=_MOST)
    return [located.item.item_id for located in about if located.done]


def _ids(value: Any, name: str) -> Iterator[str]:
    """The ids of the users with that handle, anywhere in a body."""
    waiting: list[Any] = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            handle = each.get("screen_name", each.get("username"))
            user_id = each.get("id_str", each.get("id"))
            if isinstance(handle, str) and handle.lower() == name and _is_id(user_id):
                yield str(user_id)
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each


def _is_id(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, str) and value.isdigit()
    )
