"""The only seam between botkit and the network: something that sends a request and brings an answer.

`AiohttpTransport` is the real one. Tests and other HTTP libraries implement the same two methods.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

import aiohttp

from botkit.errors import OutcomeUnknown, XUnavailable
from botkit.x.wire import Response

__all__ = ["AiohttpTransport", "Transport"]


class Transport(Protocol):
    """Sends one HTTP request."""

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Send it and return the answer, whatever its status.

        :raises XUnavailable: nothing was sent; it is safe to try again.
        :raises OutcomeUnknown: it was sent, or may have been, and no whole answer came.
        """

    async def close(self) -> None:
        """Close what is open. Requests under way end with an error."""


class AiohttpTransport:
    """HTTP over aiohttp's client, with kept-alive connections and a bounded wait.

    :param timeout_s: how long one request may take in all.
    :param connections: how many may be open at once.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 30.0,
        connect_timeout_s: float = 10.0,
        connections: int = 100,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=connect_timeout_s)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(limit=self._connections),
                auto_decompress=True,
                # X sets no cookies that matter; keeping any would tie accounts together.
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        try:
            async with self._open().request(
                method, url, headers=headers, data=body, allow_redirects=False
            ) as answer:
                content = await answer.read()
                received = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, received, content, self._now())
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise XUnavailable(f"can't connect: {_reason(error)}") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise OutcomeUnknown(f"no answer: {_reason(error)}") from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
