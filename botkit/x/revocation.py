"""The item that stands for a withdrawn access which X did not report, only showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from botkit.x.split import split

if TYPE_CHECKING:
    from datetime import datetime

    from botkit.x.item import Item

__all__ = ["revocation"]


def revocation(account_id: str, *, app_id: str = "", at: datetime) -> Item:
    """What X would have sent when the account's owner withdrew the app's access.

    A token can be dead without a word: the event may be lost, and the owner can do it in a way that X sends
    nothing for.

    :param at: when it was noticed, aware.
    """
    revoke = {
        "date_time": at.isoformat(timespec="seconds"),
        "target": {"app_id": app_id},
        "source": {"user_id": account_id},
    }
    (item,) = split(msgspec.json.encode({"user_event": {"revoke": revoke}}))
    return item
