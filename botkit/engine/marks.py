"""What is remembered of an action between its attempts."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from botkit.media import Uploaded

__all__ = ["Sending"]


class Sending(msgspec.Struct, frozen=True):
    """How far an action has come.

    :param at: when its request left last, Unix seconds; 0: it did not leave.
    :param since: when it left first: what it made may be as old as that.
    :param uploaded: what was brought to X for it already.
    :param plain: it goes in words: X lets the account send no options and buttons.
    """

    at: float = 0.0
    uploaded: tuple[Uploaded, ...] = ()
    since: float = 0.0
    plain: bool = False

    def encode(self) -> bytes:
        """The stored form; empty when there is nothing to remember."""
        return msgspec.msgpack.encode(self) if self != Sending() else b""

    @classmethod
    def decode(cls, stored: bytes) -> Sending:
        """What was stored."""
        return msgspec.msgpack.decode(stored, type=cls) if stored else cls()

    def leaves(self, now: float) -> Sending:
        """The same, for an action whose request leaves now."""
        return replace(self, at=now, since=self.since or self.at or now)

    def not_left(self) -> Sending:
        """The same, for an action that X did not take."""
        return replace(self, at=0.0, since=0.0)

    def in_words(self) -> Sending:
        """The same, for a message that X did not take as it was and that goes in words instead."""
        return replace(self.not_left(), plain=True)
