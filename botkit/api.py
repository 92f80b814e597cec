"""``bot.api``: X called now, inside a handler, with its answer in hand.

Unlike what a handler queues, a call repeats when the handler is tried again: use it to look things up, and
queue what changes something.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from botkit.events import User
from botkit.x.calls import dm, users
from botkit.x.wire import Call

__all__ = ["Api", "Caller"]

T = TypeVar("T")


class Caller(Protocol):
    """What can carry a call out: `botkit.network.client.Client`, or a fake in a test."""

    async def do(self, call: Call[T], account_id: str) -> T:
        """Send the call as that account and read its answer; raises an `XError`."""


class Api:
    """X's REST API as one account."""

    def __init__(self, caller: Caller, account_id: str) -> None:
        self._caller = caller
        self._account_id = account_id

    async def call(self, call: Call[T]) -> T:
        """Carry out any call of `botkit.x.calls`."""
        return await self._caller.do(call, self._account_id)

    async def me(self) -> User:
        """The account itself."""
        return await self.call(users.me())

    async def user(self, user_id: str) -> User:
        """One user by id."""
        return await self.call(users.user(user_id))

    async def user_by_username(self, username: str) -> User:
        """One user by handle, with or without @."""
        return await self.call(users.user_by_name(username))

    async def send_dm(self, user_id: str, text: str) -> dm.SentMessage:
        """Send a direct message now and return its ids. It is sent again when the handler is tried again."""
        return await self.call(dm.send(user_id, text))
