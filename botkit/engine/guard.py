"""Two bots with a default reply would answer each other for ever: this is where it ends.

A message that comes quicker after a default reply than people read and write may be another bot's. Of these
only so many are answered by default in a while; every other message is always answered. So a loop ends at the
first reply that is held back, and a person who was taken for a bot is answered after a moment's pause.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

__all__ = ["Exchange", "LoopGuard", "loop_key"]


@dataclass(frozen=True, slots=True)
class LoopGuard:
    """When a default reply is held back.

    :param replies: how many quick messages of one conversation are answered by default; 0: all of them.
    :param within_s: in which time.
    :param quick_s: a message is quick that comes within that many seconds after a default reply.
    """

    replies: int = 0
    within_s: float = 3600.0
    quick_s: float = 10.0


class Exchange(msgspec.Struct, frozen=True):
    """What is remembered of one conversation.

    :param replied_at: when it was answered by default last, Unix seconds.
    :param quick_at: when quick messages were answered, those that still count.
    """

    replied_at: float = 0.0
    quick_at: tuple[float, ...] = ()

    def encode(self) -> bytes:
        """The stored form."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, stored: bytes | None) -> Exchange:
        """What was stored."""
        return msgspec.msgpack.decode(stored, type=cls) if stored else cls()

    def holds(self, guard: LoopGuard, came_at: float) -> bool:
        """Whether a message that came then is not to be answered by default."""
        return self._is_quick(guard, came_at) and len(self._counted(guard, came_at)) >= guard.replies

    def replied(self, guard: LoopGuard, came_at: float, took_s: float) -> Exchange:
        """The same, after a message that came then was answered by default.

        :param took_s: how long the answer took to make. Both times are of the store's clock, so that clocks
            of several machines don't matter.
        """
        quick = self._counted(guard, came_at)
        if self._is_quick(guard, came_at):
            quick = (*quick, came_at)
        return Exchange(came_at + took_s, quick)

    def _is_quick(self, guard: LoopGuard, came_at: float) -> bool:
        return came_at - self.replied_at <= guard.quick_s

    def _counted(self, guard: LoopGuard, came_at: float) -> tuple[float, ...]:
        return tuple(at for at in self.quick_at if at > came_at - guard.within_s)


def loop_key(lane: str) -> str:
    """Where a conversation's exchange is kept."""
    return f"loop:{lane}"
