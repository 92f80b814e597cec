"""Connections that deliveries come over, served without a task, a parser or a response object each.

A connection begins here, and stays while everything that comes is a plain delivery (`botkit.web.plain`) that
is accepted: verified, stored together with those of the other connections, and answered after the commit. The
first bytes that are anything else are given to aiohttp, with the connection, for good: whatever is refused,
asked for or unusual is answered, and logged, in one place.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol, cast

from botkit.web.accepted import AcceptedBytes
from botkit.web.plain import Delivery, NotRead, PlainReader

__all__ = ["Direct", "Intake"]

#: turns of the loop in which a connection is accepted, read, and given to a task that begins
_TURNS = 4


class Intake(Protocol):
    """What takes deliveries: `botkit.web.webhook.Webhook`."""

    def take(self, delivery: Delivery, done: Callable[[bool], None]) -> bool:
        """Verify and store it. False: it is not taken, and ``done`` is never called; otherwise ``done`` is
        called once, with whether it is on disk.
        """


class Direct:
    """Serves connections.

    :param otherwise: makes the protocol that everything else is given to: aiohttp's.
    :param idle_s: how long a connection may stay open without a request (it is closed within half as much
        more).
    :param body_waits_s: how long the rest of a body is waited for here; aiohttp waits longer.
    """

    def __init__(
        self,
        reader: PlainReader,
        intake: Intake,
        *,
        otherwise: Callable[[], asyncio.BaseProtocol],
        idle_s: float = 3600.0,
        body_waits_s: float = 1.0,
    ) -> None:
        self.reader = reader
        self.intake = intake
        self.otherwise = otherwise
        self.answer = AcceptedBytes()
        self.connections: set[Connection] = set()
        self.closing = False
        self._idle_s = idle_s
        self._body_waits_s = body_waits_s
        self._loop = asyncio.get_running_loop()
        self._sweeping = self._loop.call_later(idle_s / 2, self._sweep)
        self._free = asyncio.Event()

    def __call__(self) -> Connection:
        """The protocol of a new connection."""
        return Connection(self)

    def when_no_body_comes(self, call: Callable[[bytes], None]) -> asyncio.TimerHandle:
        """Call with nothing when the rest of a body was waited for long enough."""
        return self._loop.call_later(self._body_waits_s, call, b"")

    def ended(self) -> None:
        """A request was answered, or a connection is gone."""
        if self.closing and not any(connection.busy for connection in self.connections):
            self._free.set()

    async def drain(self) -> None:
        """Take no more: close what is idle, give away what has begun; return when the rest is answered."""
        await _turns()  # what has arrived already is read
        self.closing = True
        for connection in tuple(self.connections):
            connection.finish()
        await _turns()  # what was given to aiohttp is under way there, and counted
        if any(connection.busy for connection in self.connections):
            await self._free.wait()

    def close(self) -> None:
        """Close every connection; deliveries that were not answered are not acknowledged, and come again."""
        self.closing = True
        self._sweeping.cancel()
        for connection in tuple(self.connections):
            connection.close()

    def _sweep(self) -> None:
        """Close connections on which nothing came since the last time but one."""
        for connection in tuple(self.connections):
            if not connection.busy and not connection.used:
                connection.close()
            connection.used = False
        self._sweeping = self._loop.call_later(self._idle_s / 2, self._sweep)


class Connection(asyncio.Protocol):
    """One connection.

    :ivar busy: a delivery is being stored; what comes meanwhile waits.
    :ivar used: something came since it was last looked at.
    """

    __slots__ = ("_data", "_direct", "_giving_up", "_held", "_transport", "busy", "used")

    def __init__(self, direct: Direct) -> None:
        self._direct = direct
        #: the request in hand
        self._data = b""
        #: what came after it, or the beginning of one
        self._held = b""
        self._giving_up: asyncio.TimerHandle | None = None
        self.busy = False
        self.used = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in behaviour only
        self._direct.connections.add(self)
        opened: socket.socket | None = transport.get_extra_info("socket")
        if opened is not None:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        if self.busy:
            self._held = data
            self._transport.pause_reading()  # so it is one read's worth at most
            return
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        self.used = True
        direct = self._direct
        delivery = direct.reader.read(data)
        if delivery is NotRead.MORE:
            self._held = data
            self._giving_up = direct.when_no_body_comes(self._hand_over)
        elif delivery is not NotRead.UNUSUAL and direct.intake.take(delivery, self._done):
            self._data, self.busy = data, True
        else:
            self._hand_over(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone()

    def finish(self) -> None:
        """Nothing more is taken: close it, unless something has begun."""
        if self.busy:
            return
        if self._held:
            self._hand_over(b"")
        else:
            self.close()

    def close(self) -> None:
        """Close it; what was not answered is not acknowledged."""
        self._transport.close()

    def _done(self, stored: bool) -> None:
        data, self._data, self.busy = self._data, b"", False
        direct, transport = self._direct, self._transport
        if transport.is_closing():
            direct.ended()
        elif not stored:
            self._hand_over(data)
        else:
            transport.write(direct.answer.content())
            if direct.closing:
                transport.close()
                direct.ended()
            elif self._held:
                transport.resume_reading()
                self.data_received(b"")

    def _hand_over(self, data: bytes) -> None:
        """Give the connection to aiohttp, with everything that was not answered."""
        transport = self._transport
        data, self._held = data + self._held, b""
        self._gone()
        protocol = cast("asyncio.Protocol", self._direct.otherwise())
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        transport.resume_reading()
        protocol.data_received(data)

    def _gone(self) -> None:
        if self._giving_up is not None:
            self._giving_up.cancel()
            self._giving_up = None
        self._direct.connections.discard(self)
        self._direct.ended()


async def _turns() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
