"""The activity stream: one JSON object a line over a connection that stays open.

Source: X spec, ``GET /2/activity/stream``; X docs, fundamentals/handling-disconnections and rate-limits.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web

from botkit.simulator.problems import ApiError
from botkit.simulator.wire_v2 import iso

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from random import Random

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.feed import Feed
    from botkit.simulator.rules import Rules

__all__ = ["ENDPOINT_NAME", "Connection", "Streams"]

#: what `/2/connections` calls it; X's list of names has none for this stream
ENDPOINT_NAME = "activity_stream"
#: the end of a line; alone it is a keep-alive
_END = b"\r\n"
_HISTORY = 1000
_LEFT = "the client closed the connection"
#: events are kept this long for connections that ask for what they missed
_KEPT_S = 86_400.0

#: a line and the end; the end alone; nothing more, with the connection left open
End = Literal["disconnect", "cut", "stall"]

_DISCONNECT = {
    "errors": [
        {
            "title": "operational-disconnect",
            "disconnect_type": "UpstreamOperationalDisconnect",
            "detail": "This stream has been disconnected upstream for operational reasons.",
            "type": "https://api.x.com/2/problems/operational-disconnect",
        }
    ]
}
_TOO_MANY = {
    "title": "ConnectionException",
    "detail": "This stream is currently at the maximum allowed connection limit.",
    "connection_issue": "TooManyConnections",
    "type": "https://api.x.com/2/problems/streaming-connection",
}


@dataclass(slots=True, eq=False)
class Connection:
    """One connection, open or over.

    :param is_closed: the client has left, whether or not anything was written since.
    """

    id: str
    client_ip: str
    connected_at: float
    is_closed: Callable[[], bool] = field(repr=False)
    disconnected_at: float | None = None
    reason: str = ""
    stalled: bool = False
    queue: asyncio.Queue[bytes | End] = field(default_factory=asyncio.Queue, repr=False)

    def public(self) -> dict[str, Any]:
        """As X lists it."""
        made = {
            "id": self.id,
            "client_ip": self.client_ip,
            "connected_at": iso(self.connected_at),
            "endpoint_name": ENDPOINT_NAME,
        }
        if self.disconnected_at is not None:
            made["disconnected_at"] = iso(self.disconnected_at)
            made["disconnect_reason"] = self.reason
        return made


class Streams:
    """The open connections, and what they are told."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        rules: Rules,
        feed: Feed,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: Random,
    ) -> None:
        self._config, self._rules, self._feed = config, rules, feed
        self._clock, self._sleep, self._rng = clock, sleep, rng
        self._open: dict[str, Connection] = {}
        self._past: deque[Connection] = deque(maxlen=_HISTORY)
        self._kept: deque[tuple[float, bytes]] = deque(maxlen=config.keep_messages)

    # -- what happens ------------------------------------------------------------------------------------

    def send(self, line: bytes, event: str) -> None:
        """Give an event to all connections, and keep it for those that come."""
        self._tidy()
        now = self._clock()
        self._kept.append((now, line))
        while self._kept and self._kept[0][0] < now - _KEPT_S:
            self._kept.popleft()
        for connection in self._open.values():
            connection.queue.put_nowait(line)
        if self._open:
            self._feed.record(
                "delivery",
                {
                    "event": event,
                    "webhook_id": None,
                    "url": "stream",
                    "at": now,
                    "state": f"to {len(self._open)} streams",
                    "status": None,
                    "faults": [],
                    "attempts": [],
                    "delivered_at": now,
                    "latency_s": None,
                    "reply_latency_s": None,
                    "raw": line.decode(errors="replace"),
                },
            )

    def end(self, how: End, *, ids: list[str] | None = None) -> int:
        """End (or silence) all connections, or those with these ids; returns how many there were."""
        chosen = [one for one in self._open.values() if ids is None or one.id in ids]
        for one in chosen:
            one.queue.put_nowait(how)
        return len(chosen)

    def connections(self, status: str) -> list[Connection]:
        """Connections that are ``active``, ``inactive``, or ``all``, the newest first."""
        self._tidy()
        found: list[Connection] = []
        if status != "inactive":
            found += reversed(self._open.values())
        if status != "active":
            found += reversed(self._past)
        return sorted(found, key=lambda one: one.connected_at, reverse=True)

    # -- a connection ------------------------------------------------------------------------------------

    def check_room(self) -> None:
        """See that one more connection may come.

        :raises ApiError: 429, there are as many as are allowed.
        """
        self._tidy()
        if len(self._open) >= self._rules.stream_limit:
            raise ApiError(429, dict(_TOO_MANY))

    def since(self, start: float, end: float) -> list[bytes]:
        """The lines of what happened in a time."""
        return [line for at, line in self._kept if start <= at < end]

    async def serve(
        self, request: web.Request, headers: Mapping[str, str], missed: list[bytes]
    ) -> web.StreamResponse:
        """Stream to one client until it goes, or is sent away."""
        self.check_room()
        number = uuid.UUID(int=self._rng.getrandbits(128), version=4)
        connection = Connection(str(number), request.remote or "", self._clock(), lambda: _is_closed(request))
        self._open[connection.id] = connection
        response = web.StreamResponse(headers={**headers, "content-type": "application/json"})
        try:
            await response.prepare(request)
            for line in missed:
                await response.write(line + _END)
            await self._stream(connection, response, request)
        except ConnectionError:  # told to the client, who is gone: nothing that anybody should be alarmed by
            connection.reason = connection.reason or _LEFT
        except asyncio.CancelledError:
            connection.reason = connection.reason or _LEFT
            raise
        finally:
            self._over(connection)
        return response

    def _tidy(self) -> None:
        """Take note of the clients that have left, before a write finds that out."""
        for one in [each for each in self._open.values() if each.is_closed()]:
            one.reason = one.reason or _LEFT
            one.queue.put_nowait("cut")
            self._over(one)

    def _over(self, connection: Connection) -> None:
        if self._open.pop(connection.id, None) is not None:
            connection.disconnected_at = self._clock()
            self._past.append(connection)

    async def _stream(
        self, connection: Connection, response: web.StreamResponse, request: web.Request
    ) -> None:
        silent_s = self._config.stream_keep_alive_s
        while True:
            told = await _within(connection.queue, self._sleep(silent_s))
            match told:
                case None:
                    if not connection.stalled:
                        await response.write(_END)
                case "stall":
                    connection.stalled = True
                case "disconnect":
                    connection.reason = "UpstreamOperationalDisconnect"
                    await response.write(json.dumps(_DISCONNECT).encode() + _END)
                    return
                case "cut":
                    connection.reason = connection.reason or "the connection was cut"
                    if request.transport is not None:
                        request.transport.abort()
                    return
                case bytes(line):
                    if not connection.stalled:
                        await response.write(line + _END)


def _is_closed(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _within(queue: asyncio.Queue[bytes | End], over: Awaitable[None]) -> bytes | End | None:
    """The next thing in a queue; ``None`` when the time is over before."""
    timer, getter = asyncio.ensure_future(over), asyncio.ensure_future(queue.get())
    try:
        await asyncio.wait({timer, getter}, return_when=asyncio.FIRST_COMPLETED)
        return getter.result() if getter.done() else None
    finally:
        for one in (timer, getter):
            one.cancel()
            with suppress(asyncio.CancelledError):
                await one
