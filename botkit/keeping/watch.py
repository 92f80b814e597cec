"""Looks every minute for what nobody else would notice: silence, missing challenges, a filling inbox."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from structlog.typing import FilteringBoundLogger

from botkit.config import format_duration
from botkit.errors import StoreError
from botkit.keeping.alarms import Alarms
from botkit.keeping.heard import Contact, Heard, last_contact
from botkit.store.contract import Store

__all__ = ["Rhythm", "Watch", "WatchSettings"]

_KEY = "keeping:rhythm"
_DAY_S = 86400.0
_LOOKS_EVERY_S = 60.0
#: silence that is learnt is unusual when it is so much longer than the longest one
_UNUSUAL = 2.0
_SHORTEST_S = 1800.0
_DAYS = 7
#: X challenges a webhook about once a day at the least, counted from the last success (Source: X docs,
#: webhooks/introduction, and X's enterprise page); two hours of patience
_CHALLENGED_WITHIN_S = _DAY_S + 2 * 3600.0
#: how full the inbox is when it is filling, and when that is over, in parts of its limit
_FILLING, _CALM = 0.5, 0.4
_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What is unusual.

    :param silence: seconds without an event; ``auto`` is learnt, ``off`` is never.
    :param challenges: whether X challenges this bot at all: it has a webhook.
    :param max_backlog: how many events may wait; 0 is no limit.
    :param dead_letters: so many new ones within an hour are too many; 0 is never.
    """

    silence: Literal["auto", "off"] | float = "auto"
    challenges: bool = True
    max_backlog: int = 0
    dead_letters: int = 10


@dataclass(slots=True)
class Rhythm:
    """How long this bot usually hears nothing.

    :ivar first: when it was first listened to, Unix seconds; 0: never.
    :ivar longest: the longest silence of each of the last days.
    """

    first: float = 0.0
    longest: dict[str, float] = field(default_factory=dict)

    def heard(self, silence_s: float, at: float) -> bool:
        """A silence has ended; whether that tells anything new."""
        day = _day(at)
        if silence_s <= self.longest.get(day, 0.0):
            return False
        self.longest[day] = silence_s
        self.longest = {
            each: self.longest[each] for each in sorted(self.longest) if each > _day(at - _DAYS * _DAY_S)
        }
        return True

    def unusual_s(self, now: float) -> float | None:
        """How long a silence is unusual; ``None`` before a day was listened to."""
        known = [value for day, value in self.longest.items() if day > _day(now - _DAYS * _DAY_S)]
        if not self.first or now - self.first < _DAY_S or not known:
            return None
        return max(_SHORTEST_S, _UNUSUAL * max(known))


class Watch:
    """Looks, and sets alarms.

    :param now: Unix seconds.
    :param sleep: waits for that many seconds.
    """

    def __init__(
        self,
        store: Store,
        settings: WatchSettings,
        *,
        heard: Heard,
        alarms: Alarms,
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._settings = settings
        self._heard = heard
        self._alarms = alarms
        self._log = log
        self._now = now
        self._sleep = sleep
        self._began = now()
        self._rhythm: Rhythm | None = None
        self._last_event = 0.0
        self._dead: deque[tuple[float, int]] = deque()
        self._filling = False

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                self._log.warning("not_watched", error=str(error))
            await self._sleep(_LOOKS_EVERY_S)

    async def look(self) -> None:
        """Look once.

        :raises StoreError: the store can't be read.
        """
        contact = self._heard.contact.joined(await last_contact(self._store))
        await self._silence(contact)
        await self._challenges(contact)
        await self._backlog()
        await self._dead_letters()

    async def _silence(self, contact: Contact) -> None:
        now = self._now()
        rhythm = await self._learn(contact, now)
        limit: float | None = None
        if self._settings.silence == "auto":
            limit = rhythm.unusual_s(now)
        elif self._settings.silence != "off":
            limit = float(self._settings.silence)
        # A time in which the bot did not run is no silence of X's.
        silent_s = now - max(contact.event, self._began)
        if limit is None or silent_s <= limit:
            await self._alarms.set("silence", "")
            return
        reason = (
            f"no event for {_spoken(silent_s)}, and more than {_spoken(limit)} is unusual for this bot; "
            "see whether the webhook is valid and the subscriptions are there (botkit doctor)"
        )
        await self._alarms.set("silence", reason)

    async def _learn(self, contact: Contact, now: float) -> Rhythm:
        rhythm = self._rhythm
        if rhythm is None:
            rhythm = self._rhythm = await self._load()
        new = False
        if not rhythm.first:
            rhythm.first, new = now, True
        if contact.event > self._last_event:
            if self._last_event >= self._began:
                new |= rhythm.heard(contact.event - self._last_event, contact.event)
            self._last_event = contact.event
        if new:
            value = {"first": rhythm.first, "longest": rhythm.longest}
            await self._store.keep({_KEY: json.dumps(value).encode()})
        return rhythm

    async def _load(self) -> Rhythm:
        value = (await self._store.state([_KEY])).get(_KEY)
        found: dict[str, Any] = json.loads(value) if value else {}
        return Rhythm(float(found.get("first", 0.0)), dict(found.get("longest", {})))

    async def _challenges(self, contact: Contact) -> None:
        since = max(contact.challenge, self._began)
        if not self._settings.challenges or self._now() - since <= _CHALLENGED_WITHIN_S:
            await self._alarms.set("no_challenge", "")
            return
        await self._alarms.set(
            "no_challenge",
            f"X has not challenged the webhook for {_spoken(self._now() - since)}; "
            "see whether it is registered and its address reaches this bot (botkit webhook check)",
        )

    async def _backlog(self) -> None:
        limit = self._settings.max_backlog
        if not limit:
            return
        waiting = await self._store.backlog("in")
        self._filling = waiting > limit * (_CALM if self._filling else _FILLING)
        reason = f"{waiting} events wait, and above {limit} none is taken (engine.max_backlog)"
        await self._alarms.set("backlog", reason if self._filling else "")

    async def _dead_letters(self) -> None:
        most = self._settings.dead_letters
        if not most:
            return
        now, count = self._now(), await self._store.dead_count()
        while self._dead and self._dead[0][0] < now - _HOUR_S:
            self._dead.popleft()
        self._dead.append((now, count))
        new = count - min(known for _, known in self._dead)
        reason = f"{new} dead letters within an hour; look at them with: botkit inbox dead list"
        await self._alarms.set("dead_letters", reason if new >= most else "")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def _spoken(seconds: float) -> str:
    return format_duration(float(round(seconds / 60) * 60) if seconds >= 60 else float(round(seconds)))
