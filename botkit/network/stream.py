"""Reads X's persistent stream: keeps it open, watches its keep-alives, and asks for what was missed.

Source: X docs, fundamentals/handling-disconnections (an empty line at least every 20 s; how long to wait
before connecting again) and X's OpenAPI description (``backfill_minutes``, ``start_time``). Live, backfill
was refused to self-serve apps.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from structlog.typing import FilteringBoundLogger

from botkit.errors import Forbidden, InvalidRequest, RateLimited, StoreError, XError, XUnavailable
from botkit.network.client import Client, Credentials
from botkit.network.transport import Incoming, Transport
from botkit.x.calls.streams import KEEP_ALIVE_S, MAX_BACKFILL_MINUTES, activity_stream
from botkit.x.values import decode_object, objects, text
from botkit.x.wire import Response

__all__ = ["Backfill", "Missed", "Pauses", "Reader", "StreamOpener", "in_lines"]

#: a keep-alive that is late by the network is not missing yet
SILENCE_S = KEEP_ALIVE_S + 4.0
#: X can't be connected to for that long before a person is told
_TROUBLE_AFTER_S = 60.0
#: the longest line that is taken
_LONGEST = 4 * 1024 * 1024
_KEEP_ALIVE = b""


class Pauses:
    """How long to wait before the next connection; counts each kind of failure in a row by itself."""

    def __init__(self) -> None:
        self._network = self._http = self._limited = 0

    def worked(self) -> None:
        """Something came: the next failure is the first one."""
        self._network = self._http = self._limited = 0

    def next_s(self, error: Exception | None) -> float:
        """The wait after a failure; ``None``: X ended the stream.

        A lost network: at once, then 250 ms more each time, up to 16 s. An HTTP error: 5 s, doubled each time
        up to 320 s. Too many requests or connections: a minute, doubled each time; X names no end of it, so
        here it is a quarter of an hour, the length of its windows.
        """
        if isinstance(error, RateLimited) or _too_many(error):
            self._limited += 1
            return min(900.0, 60.0 * 2.0 ** min(self._limited - 1, 10))
        if isinstance(error, XError) and error.status:
            self._http += 1
            return min(320.0, 5.0 * 2.0 ** min(self._http - 1, 10))
        self._network += 1
        return min(16.0, 0.25 * (self._network - 1))


def _too_many(error: Exception | None) -> bool:
    return isinstance(error, XError) and error.kind == "streaming-connection"


@dataclass(frozen=True, slots=True)
class Backfill:
    """What of the missed time is asked for with a connection: minutes, a beginning, or neither."""

    minutes: int = 0
    start_at: datetime | None = None

    def __bool__(self) -> bool:
        return bool(self.minutes) or self.start_at is not None


class Missed:
    """Chooses how to ask for what was missed, and goes down a step where X refuses one.

    :ivar steps: 2: any beginning and minutes; 1: minutes; 0: X gives this app nothing.
    """

    def __init__(self, steps: int = 2) -> None:
        self.steps = steps

    def backfill(self, since: float | None, now: float) -> Backfill:
        """What to ask for, when nothing was heard since then."""
        if since is None or not self.steps:
            return Backfill()
        # Never nothing: something may have happened between the last line and the end of the connection.
        minutes = max(1, math.ceil((now - since) / 60))
        if minutes <= MAX_BACKFILL_MINUTES or self.steps < 2:
            return Backfill(minutes=min(minutes, MAX_BACKFILL_MINUTES))
        return Backfill(start_at=datetime.fromtimestamp(math.floor(since), UTC))


class StreamOpener:
    """Opens X's stream with the app's bearer token, whichever way that is come by."""

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        *,
        api_url: str,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._api_url = api_url
        self._silence_s = silence_s

    @asynccontextmanager
    async def open(self, backfill: Backfill) -> AsyncIterator[AsyncIterator[bytes]]:
        """The open stream, in pieces of any length.

        :raises XError: X refuses, or can't be reached.
        """
        async with AsyncExitStack() as stack:
            held = _Held(self._transport, stack, self._silence_s)
            client = Client(held, self._credentials, api_url=self._api_url)
            await client.do(activity_stream(backfill_minutes=backfill.minutes, start_at=backfill.start_at))
            if held.incoming is None:
                raise XUnavailable("the stream was not opened")
            yield held.incoming.chunks


class _Held:
    """A transport that keeps the answer to the stream's request open and shows its client only the start."""

    def __init__(self, transport: Transport, stack: AsyncExitStack, silence_s: float) -> None:
        self._transport = transport
        self._stack = stack
        self._silence_s = silence_s
        self.incoming: Incoming | None = None

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        if method != "GET":
            return await self._transport.send(method, url, headers, body)
        opened = await self._stack.enter_async_context(
            self._transport.stream(method, url, headers, silence_s=self._silence_s)
        )
        if 200 <= opened.response.status < 300:
            self.incoming = opened
        return opened.response

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: dict[str, str], *, silence_s: float
    ) -> AsyncIterator[Incoming]:
        async with self._transport.stream(method, url, headers, silence_s=silence_s) as opened:
            yield opened

    async def close(self) -> None:
        """The real transport is another's to close."""


async def in_lines(chunks: AsyncIterator[bytes], *, longest: int = _LONGEST) -> AsyncIterator[list[bytes]]:
    """The whole lines of each piece, without empty ones: none at all for a keep-alive.

    A line that is longer than ``longest`` bytes is left out.
    """
    rest = bytearray()
    too_long = False
    async for chunk in chunks:
        head, newline, tail = chunk.rpartition(b"\n")
        if not newline:
            rest += tail
            if len(rest) > longest:
                rest.clear()
                too_long = True
            yield []
            continue
        lines = (bytes(rest) + head).split(b"\n")
        if too_long:
            del lines[0]
            too_long = False
        rest = bytearray(tail)
        yield [line for each in lines if (line := each.strip()) != _KEEP_ALIVE and len(line) <= longest]


class Reader:
    """Keeps the stream open until cancelled, and hands on what comes.

    :param opener: opens a connection.
    :param receive: stores bodies; what it raises as `StoreError` ends the connection, and they are asked for
        again with the next one.
    :param heard: X was heard from: it says up to when everything has come.
    :param since: until when X was heard from; ``None``: never.
    :param missed: how to ask for what was missed.
    :param refused_backfill: X refuses this app what was missed, as of now; remember it.
    :param trouble: what is wrong, once it lasts; ``""`` when it is over.
    :param now: Unix seconds.
    :param sleep: waits for that many seconds.
    """

    def __init__(
        self,
        opener: StreamOpener,
        *,
        receive: Callable[[Sequence[bytes]], Awaitable[None]],
        heard: Callable[[], None],
        since: Callable[[], float | None],
        missed: Missed,
        refused_backfill: Callable[[str], Awaitable[None]],
        trouble: Callable[[str], Awaitable[None]],
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._opener = opener
        self._receive = receive
        self._heard = heard
        self._since = since
        self._missed = missed
        self._refused_backfill = refused_backfill
        self._trouble = trouble
        self._log = log
        self._now = now
        self._sleep = sleep
        self._pauses = Pauses()
        self._failing_since: float | None = None
        self._in_trouble = False
        self._opened = False

    async def run(self) -> None:
        """Read until cancelled."""
        while True:
            failure: Exception | None = None
            try:
                await self._connect()
                reason = "X ended the stream"
            except (XError, StoreError) as error:
                failure, reason = error, str(error)
            wait_s = self._pauses.next_s(failure)
            self._log.warning("stream_lost", reason=reason, again_in_s=wait_s)
            await self._note_failure(failure, reason)
            await self._sleep(wait_s)

    async def _connect(self) -> None:
        """One connection, after trying others where X refuses what was missed."""
        first = self._missed.steps
        while True:
            backfill = self._missed.backfill(self._since(), self._now())
            self._opened = False
            try:
                await self._read(backfill, told=first)
            except XError as error:
                refused = isinstance(error, Forbidden | InvalidRequest) and not _too_many(error)
                if self._opened or not refused or not backfill:
                    if not self._opened:
                        self._missed.steps = first  # what was asked for was not the reason
                    raise
                self._missed.steps = 0 if backfill.minutes else 1
            else:
                return

    async def _read(self, backfill: Backfill, *, told: int) -> None:
        async with self._opener.open(backfill) as chunks:
            self._opened = True
            self._log.info(
                "stream_opened",
                backfill_minutes=backfill.minutes or None,
                since=backfill.start_at.isoformat() if backfill.start_at else None,
            )
            if self._missed.steps < told:
                what = "more than 5 minutes" if self._missed.steps else "any missed minutes"
                await self._refused_backfill(f"X does not give this app {what} of its stream")
            async for lines in in_lines(chunks):
                bodies = [line for line in lines if not self._is_error(line)]
                if bodies:
                    await self._receive(bodies)
                await self._note_success()

    def _is_error(self, line: bytes) -> bool:
        """A line that says why X is about to end the stream."""
        if b'"errors"' not in line:
            return False
        body = decode_object(line)
        if "errors" not in body or "data" in body:
            return False
        for problem in objects(body, "errors"):
            self._log.warning(
                "stream_error",
                title=text(problem, "title")[:100],
                detail=text(problem, "detail")[:200],
                kind=text(problem, "disconnect_type")[:100],
            )
        return True

    async def _note_success(self) -> None:
        self._pauses.worked()
        self._heard()
        self._failing_since = None
        if self._in_trouble:
            self._in_trouble = False
            await self._trouble("")

    async def _note_failure(self, failure: Exception | None, reason: str) -> None:
        if failure is None:
            return
        now = self._now()
        if self._failing_since is None:
            self._failing_since = now
        fix = ""
        if _too_many(failure):
            fix = "; other processes of this app hold its connections: end them, or wait until X notices"
        elif isinstance(failure, Forbidden):
            fix = "; the app's package may not have the stream"
        # What no waiting mends is told at once.
        lasting = isinstance(failure, XError) and 400 <= failure.status < 500 and failure.status != 429
        if lasting or now - self._failing_since >= _TROUBLE_AFTER_S:
            self._in_trouble = True
            await self._trouble(f"the stream can't be read: {reason}{fix}")
