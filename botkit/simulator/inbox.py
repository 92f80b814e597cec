"""What the bot wrote to each user, for those who wait for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botkit.simulator.things import Message
    from botkit.simulator.world import World

__all__ = ["Inbox"]


class Inbox:
    """Wakes whoever waits for a message of the bot."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._arrived: dict[tuple[str, str], asyncio.Event] = {}

    def note(self, message: Message) -> None:
        """A message of an account has arrived."""
        event = self._arrived.pop((message.sender_id, message.recipient_id), None)
        if event is not None:
            event.set()

    def next(self, conversation: str, sender_id: str, after: str) -> Message | None:
        """The sender's first message in a conversation that is newer than ``after`` (an id, or empty)."""
        mark = int(after or 0)
        for message in self._world.conversation(conversation):
            if message.sender_id == sender_id and int(message.id) > mark:
                return message
        return None

    async def wait(
        self, conversation: str, sender_id: str, recipient_id: str, *, after: str, timeout_s: float
    ) -> Message | None:
        """The next one, as soon as it is there; ``None`` when the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    # the event is taken before looking, so that nothing arrives in between
                    event = self._arrived.setdefault((sender_id, recipient_id), asyncio.Event())
                    found = self.next(conversation, sender_id, after)
                    if found is not None:
                        return found
                    await event.wait()
        except TimeoutError:
            return self.next(conversation, sender_id, after)
