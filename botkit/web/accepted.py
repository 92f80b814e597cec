"""The answer to an accepted event: 200 without a body, the same bytes for everyone, made once a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate

from aiohttp.http import SERVER_SOFTWARE

__all__ = ["AcceptedBytes"]


class AcceptedBytes:
    """Makes the bytes of the answer; only the date in them ever changes.

    :param clock: Unix seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = -1
        self._content = b""

    def content(self) -> bytes:
        """A whole answer, for a connection that stays open."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._content = (
                f"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: {formatdate(second, usegmt=True)}\r\n"
                f"Server: {SERVER_SOFTWARE}\r\n\r\n"
            ).encode("ascii")
        return self._content
