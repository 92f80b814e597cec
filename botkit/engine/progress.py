"""What one attempt at an event leaves for the next: which handlers are done, and whether one answered."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

__all__ = ["Progress"]


@dataclass(slots=True)
class Progress:
    """The handlers of one event that need not run again.

    :ivar done: slots (see `botkit.hooks.handler.Handler.slot`) whose handler succeeded or is a dead letter.
    :ivar answered: one of them answered, so no fallback runs.
    """

    done: set[str] = field(default_factory=set)
    answered: bool = False

    @classmethod
    def decode(cls, stored: bytes) -> Progress:
        """The progress that `encode` wrote; ``b""`` is none."""
        if not stored:
            return cls()
        return msgspec.msgpack.decode(stored, type=cls)

    def encode(self) -> bytes:
        """Its stored form."""
        return msgspec.msgpack.encode(self)
