"""What a bot in this process says and sends, heard by the command that runs it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from structlog.typing import EventDict, WrappedLogger

from botkit.log import Logger
from botkit.network.transport import Incoming, Transport
from botkit.x.wire import Response

__all__ = ["Ears", "Watching"]

#: the calls that send a direct message, v2's and v1.1's
_SENDS = re.compile(r"/2/dm_conversations(/.+)?/messages|/1\.1/direct_messages/events/new\.json")


class Ears:
    """A logger whose lines can be waited for. They go on to another logger as well.

    :param onward: where they go.
    """

    def __init__(self, onward: Logger | None = None) -> None:
        self._onward = onward
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self.lines: list[dict[str, Any]] = []
        self.logger = cast(
            "Logger",
            structlog.wrap_logger(
                None,
                processors=[self._hear],
                wrapper_class=structlog.make_filtering_bound_logger("debug"),
                context_class=dict,
            ).bind(),
        )

    def _hear(self, _logger: WrappedLogger, method: str, event: EventDict) -> Mapping[str, Any]:
        self.lines.append(dict(event))
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._changed.set)
        if self._onward is not None:
            said = dict(event)
            getattr(self._onward, method)(said.pop("event"), **said)
        raise structlog.DropEvent

    def last(self, *events: str, after: int = 0) -> dict[str, Any] | None:
        """The newest line of one of these events."""
        return next((line for line in reversed(self.lines[after:]) if line["event"] in events), None)

    async def until(self, true: Callable[[], object], timeout_s: float) -> bool:
        """Wait until something is so; asked again after every line. False: it was not so in time."""
        try:
            async with asyncio.timeout(timeout_s):
                while not true():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Have `until` ask again: something else has changed."""
        self._changed.set()


class Watching:
    """A transport that tells of direct messages that X took.

    :param sent: called for each.
    """

    def __init__(self, transport: Transport, sent: Callable[[], None]) -> None:
        self._transport = transport
        self._sent = sent

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Send it."""
        answer = await self._transport.send(method, url, headers, body)
        if method == "POST" and 200 <= answer.status < 300 and _SENDS.fullmatch(urlsplit(url).path):
            self._sent()
        return answer

    def stream(
        self, method: str, url: str, headers: dict[str, str], *, silence_s: float
    ) -> AbstractAsyncContextManager[Incoming]:
        """Nothing is watched here."""
        return self._transport.stream(method, url, headers, silence_s=silence_s)

    async def close(self) -> None:
        """Close what is open."""
        await self._transport.close()
