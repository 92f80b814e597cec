"""The answer to an accepted event: 200 without a body, the same bytes for everyone, written in one piece."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE, HttpVersion11

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter

__all__ = ["Accepted"]


class Accepted:
    """Makes the answer.

    aiohttp gathers headers, encodes and writes them for each answer; here only the date ever changes, once a
    second.

    :param clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._kept = _Kept(clock)

    def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """200 without a body."""
        # Whoever wants the connection closed, or speaks HTTP/1.0, is told so in headers that aiohttp writes.
        if request.keep_alive and request.version == HttpVersion11:
            return self._kept
        return web.Response()


class _Kept(web.StreamResponse):
    """200 on a connection that stays open. Holds nothing of a request, so all share one."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(status=200)
        self._clock = clock
        self._second = -1
        self._bytes = b""

    @property
    def keep_alive(self) -> bool:
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client is gone")
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._bytes = (
                f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: {formatdate(second, usegmt=True)}\r\n"
                f"Server: {SERVER_SOFTWARE}\r\n\r\n"
            ).encode("ascii")
        transport.write(self._bytes)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""
