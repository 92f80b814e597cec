"""What a bot does about other users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from botkit.actions.base import Action
from botkit.x.calls import users
from botkit.x.wire import Call

__all__ = ["Block", "Follow", "Mute", "Unblock", "Unfollow", "Unmute"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _AboutUser(Action):
    user_id: str

    @property
    def target(self) -> str:
        return self.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(_AboutUser):
    """Follow a user."""

    kind: ClassVar[str] = "user.follow"

    def call(self, account_id: str) -> Call[Any]:
        return users.follow(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollow(_AboutUser):
    """Stop following a user."""

    kind: ClassVar[str] = "user.unfollow"

    def call(self, account_id: str) -> Call[Any]:
        return users.unfollow(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute(_AboutUser):
    """Mute a user."""

    kind: ClassVar[str] = "user.mute"

    def call(self, account_id: str) -> Call[Any]:
        return users.mute(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmute(_AboutUser):
    """Unmute a user."""

    kind: ClassVar[str] = "user.unmute"

    def call(self, account_id: str) -> Call[Any]:
        return users.unmute(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(_AboutUser):
    """Block a user (X: enterprise only)."""

    kind: ClassVar[str] = "user.block"

    def call(self, account_id: str) -> Call[Any]:
        return users.block(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblock(_AboutUser):
    """Unblock a user (X: enterprise only)."""

    kind: ClassVar[str] = "user.unblock"

    def call(self, account_id: str) -> Call[Any]:
        return users.unblock(account_id, self.user_id)
