"""What a reader of an event knows beside the event: its id, its account, when it came."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

import msgspec

__all__ = ["Common", "Context"]


class Common(TypedDict):
    """The arguments that every event takes."""

    id: str
    account_id: str
    at: datetime
    by_us: bool
    raw: Mapping[str, Any]


class Context(msgspec.Struct, frozen=True):
    """The item that an event is read from."""

    item_id: str
    account_id: str
    received_at: datetime
    raw: Mapping[str, Any]

    def common(self, at: datetime | None, *, by_us: bool) -> Common:
        """The arguments that every event takes; without a time of X's, when the item came."""
        return Common(
            id=self.item_id, account_id=self.account_id, at=at or self.received_at, by_us=by_us, raw=self.raw
        )

    def is_account(self, user_id: str) -> bool:
        """``user_id`` is the account that the event is for."""
        return bool(user_id) and user_id == self.account_id
