"""The stream in place of a webhook: read by one process, stored like everything else that comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

from structlog.typing import FilteringBoundLogger

from botkit.errors import BadPayload
from botkit.keeping.alarms import Alarms
from botkit.keeping.heard import Heard
from botkit.network.stream import Missed, Reader, StreamOpener
from botkit.store.contract import NewItem, Store
from botkit.web.webhook import INBOX
from botkit.x import split

__all__ = ["StreamReceiver"]

_KEY = "keeping:no_backfill"
#: a refusal is believed that long: packages change
_BELIEVED_S = 7 * 86400.0
_FULL_S = 1.0


class StreamReceiver:
    """Reads the stream and stores what comes.

    :param is_ours: whether the bot acts for an account. A stream brings what any bot of the app has
        subscribed to; the others' events are left to them.
    :param full: whether too much waits already to take more.
    """

    def __init__(
        self,
        store: Store,
        opener: StreamOpener,
        *,
        heard: Heard,
        alarms: Alarms,
        is_ours: Callable[[str], Awaitable[bool]],
        full: Callable[[], bool],
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._opener = opener
        self._heard = heard
        self._alarms = alarms
        self._is_ours = is_ours
        self._full = full
        self._log = log
        self._now = now
        self._sleep = sleep
        self._missed = Missed()

    async def run(self) -> None:
        """Read until cancelled; others may have read before."""
        if not (await self._heard.load()).heard:
            # The first time: what happens from here on is asked for with the connection.
            self._heard.alive()
        missed = self._missed = Missed(await self._steps())
        reader = Reader(
            self._opener,
            receive=self.receive,
            heard=self._heard.alive,
            since=lambda: self._heard.contact.heard or None,
            missed=missed,
            refused_backfill=self._remember,
            trouble=lambda reason: self._alarms.set("stream", reason),
            log=self._log,
            now=self._now,
            sleep=self._sleep,
        )
        try:
            await reader.run()
        finally:
            # Whoever reads next asks for what comes from here on.
            await self._heard.write()

    async def receive(self, bodies: Sequence[bytes]) -> None:
        """Store what came in one go.

        :raises StoreError: nothing of it was stored.
        """
        while self._full():
            await self._sleep(_FULL_S)
        items: list[NewItem] = []
        for body in bodies:
            try:
                found = split(body)
            except BadPayload as error:
                self._log.warning("stream_line_refused", reason=str(error), bytes=len(body))
                continue
            for item in found:
                account_id = item.conversation.account_id
                if account_id and not await self._is_ours(account_id):
                    self._log.debug("stream_event_of_others", account=account_id)
                    continue
                items.append(NewItem(INBOX, item.conversation.key, item.id, item.payload))
        if items:
            await self._store.put(items)
            self._heard.event()

    async def _steps(self) -> int:
        value = (await self._store.state([_KEY])).get(_KEY)
        if not value:
            return 2
        told = json.loads(value)
        return int(told["steps"]) if self._now() - float(told["at"]) < _BELIEVED_S else 2

    async def _remember(self, reason: str) -> None:
        self._log.warning("no_backfill", reason=reason, fix="what happens while no stream is open is lost")
        told = {"steps": self._missed.steps, "at": self._now()}
        await self._store.keep({_KEY: json.dumps(told).encode()})
