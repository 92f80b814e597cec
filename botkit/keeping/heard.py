"""Until when X was heard from: noted in memory with each contact, written to the store every few seconds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError, StoreUnavailable
from botkit.store.contract import NewItem, Store

__all__ = ["Contact", "Heard", "NotingStore", "last_contact"]

_KEY = "keeping:heard"
_WRITES_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Contact:
    """When X was last heard from, Unix seconds; 0 is never.

    :ivar heard: in any way: until then nothing is missing.
    :ivar event: with an event.
    :ivar challenge: with a challenge of the webhook.
    :ivar refused_from: since then events were turned away that X may not bring again; 0: none were.
    :ivar refused_to: until then.
    """

    heard: float = 0.0
    event: float = 0.0
    challenge: float = 0.0
    refused_from: float = 0.0
    refused_to: float = 0.0

    def joined(self, other: Contact) -> Contact:
        """What two processes have heard, together."""
        begins = [each for each in (self.refused_from, other.refused_from) if each]
        return Contact(
            max(self.heard, other.heard),
            max(self.event, other.event),
            max(self.challenge, other.challenge),
            min(begins, default=0.0),
            max(self.refused_to, other.refused_to),
        )


async def last_contact(store: Store) -> Contact:
    """What the store knows, of all processes.

    :raises StoreError: it can't be read.
    """
    return _decode((await store.state([_KEY])).get(_KEY))


class Heard:
    """Notes contacts and writes them down; one in each process that receives.

    :param now: Unix seconds.
    :param sleep: waits for that many seconds.
    """

    def __init__(
        self,
        store: Store,
        *,
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._log = log
        self._now = now
        self._sleep = sleep
        self._contact = Contact()
        self._written = Contact()

    @property
    def contact(self) -> Contact:
        """What this process has heard."""
        return self._contact

    def event(self) -> None:
        """Events came and are stored."""
        now = self._now()
        was = self._contact
        self._contact = Contact(now, now, was.challenge, was.refused_from, was.refused_to)

    def challenge(self) -> None:
        """X challenged the webhook."""
        now = self._now()
        was = self._contact
        self._contact = Contact(now, was.event, now, was.refused_from, was.refused_to)

    def alive(self) -> None:
        """A keep-alive came."""
        was = self._contact
        self._contact = Contact(self._now(), was.event, was.challenge, was.refused_from, was.refused_to)

    def refused(self) -> None:
        """An event was turned away: X may bring it again, or not."""
        now = self._now()
        was = self._contact
        self._contact = Contact(was.heard, was.event, was.challenge, was.refused_from or now, now)

    async def load(self) -> Contact:
        """Begin with what the store knows, and return it.

        :raises StoreError: it can't be read.
        """
        self._written = await last_contact(self._store)
        self._contact = self._contact.joined(self._written)
        return self._written

    async def run(self) -> None:
        """Write down what is new every few seconds, until cancelled, and then once more."""
        try:
            while True:
                await self._sleep(_WRITES_EVERY_S)
                await self.write()
        finally:
            await self.write()

    async def write(self) -> None:
        """Write down what is new. A store that can't be written now gets it later."""
        contact = self._contact
        if contact == self._written:
            return
        try:
            # Another process may have heard later than this one.
            joined = contact.joined(await last_contact(self._store))
            await self._store.keep({_KEY: _encode(joined)})
        except StoreError as error:
            self._log.warning("heard_not_written", error=str(error))
        else:
            self._written = contact

    async def settle_refused(self) -> None:
        """The events that were turned away are asked for again: forget about them.

        :raises StoreError: it can't be written.
        """
        was = await last_contact(self._store)
        self._contact = Contact(self._contact.heard, self._contact.event, self._contact.challenge)
        settled = Contact(was.heard, was.event, was.challenge)
        await self._store.keep({_KEY: _encode(settled)})


class NotingStore:
    """The store as a receiver sees it: what it puts is noted."""

    def __init__(self, store: Store, heard: Heard) -> None:
        self._store = store
        self._heard = heard

    async def put(self, items: Sequence[NewItem]) -> int:
        """Put, and note whether it could be.

        :raises StoreError: it could not.
        """
        try:
            new = await self._store.put(items)
        except StoreUnavailable:
            self._heard.refused()
            raise
        self._heard.event()
        return new


def _encode(contact: Contact) -> bytes:
    fields = {name: getattr(contact, name) for name in Contact.__dataclass_fields__}
    return json.dumps({name: value for name, value in fields.items() if value}).encode()


def _decode(value: bytes | None) -> Contact:
    found: dict[str, Any] = json.loads(value) if value else {}
    return Contact(**{name: float(found.get(name, 0.0)) for name in Contact.__dataclass_fields__})
