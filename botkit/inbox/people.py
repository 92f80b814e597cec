"""Who is meant: a user of X by id, or by a handle that stands in a stored event."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from botkit.engine.replay import unwrap
from botkit.errors import UserError
from botkit.store.contract import Store

__all__ = ["user_id_of"]

_HANDLE = re.compile(r"@?([A-Za-z0-9_]{1,15})")
#: how many events that hold the handle are looked at
_MOST = 10_000


async def user_id_of(store: Store, user: str) -> str:
    """The id of a user who is given by id or handle. A handle of digits alone needs its @.

    :raises UserError: it is neither, or no stored event tells whose handle it is.
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


def _ids(body: Any, name: str) -> Iterator[str]:
    """The ids of the users with that handle, anywhere in a body."""
    waiting: list[Any] = [body]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
            handle = each.get("screen_name", each.get("username"))
            user_id = str(each.get("id_str", each.get("id", "")))
            if isinstance(handle, str) and handle.lower() == name and user_id.isdigit():
                yield user_id
