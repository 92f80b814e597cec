"""The only seam between botkit and the network: something that sends a request and brings an answer.

`AiohttpTransport` is the real one. Tests and other HTTP libraries implement the same three methods.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import aiohttp
from yarl import URL

from botkit.deadlines import Deadlines
from botkit.errors import OutcomeUnknown, XUnavailable
from botkit.network.direct import Direct
from botkit.x.wire import Response

__all__ = ["AiohttpTransport", "Incoming", "Transport"]


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for chunk in nothing:
        yield chunk


@dataclass(frozen=True, slots=True)
class Incoming:
    """An answer that goes on until one side ends it.

    :param response: its beginning; it has a body, and that is all there is, where the status is no success.
    :param chunks: what comes, in pieces of any length. Ends when X ends it; raises `XUnavailable` when the
        connection breaks, or when nothing came for too long.
    """

    response: Response
    chunks: AsyncIterator[bytes] = field(default_factory=_nothing, repr=False, compare=False)


class Transport(Protocol):
    """Sends HTTP requests."""

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Send it and return the answer, whatever its status.

        :raises XUnavailable: nothing was sent; it is safe to try again.
        :raises OutcomeUnknown: it was sent, or may have been, and no whole answer came.
        """

    def stream(
        self, method: str, url: str, headers: dict[str, str], *, silence_s: float
    ) -> AbstractAsyncContextManager[Incoming]:
        """Send a request whose answer does not end, and read it as it comes; closed with the context.

        :param silence_s: how long nothing may come, before the answer begins and within it.
        :raises XUnavailable: no answer began.
        """

    async def close(self) -> None:
        """Close what is open. Requests under way end with an error."""


class AiohttpTransport:
    """HTTP over aiohttp's client, POSTs over connections of our own, kept alive, and with a bounded wait.

    :param timeout_s: how long one request may take in all.
    :param connections: how many may be open at once: more than handlers and sender have under way (128 each),
        so that nobody's time runs out for want of one.
    :param max_body: the longest answer that is taken, bytes.
    """

    def __init__(
        self,
        *,
        timeout_s: float = 30.0,
        connect_timeout_s: float = 10.0,
        connections: int = 300,
        max_body: int = 64 << 20,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        # The wait in all is our own: aiohttp sets a timer for each request.
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_timeout_s)
        self._deadlines = Deadlines(timeout_s)
        self._connections = connections
        self._max_body = max_body
        self._direct = Direct(connect_timeout_s=connect_timeout_s, connections=connections, max_body=max_body)
        self._session: aiohttp.ClientSession | None = None
        self._origin, self._at_origin = "", URL()

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
        task = self._deadlines.begin()
        try:
            if method == "POST":
                status, received, content = await self._direct.post(url, headers, body or b"")
                return Response(status, received, content, self._now())
            answer = await self._open().request(
                method,
                self._url(url),
                headers=headers,
                data=body,
                allow_redirects=False,
            )
            # Read to its end, or failed, an answer has given its connection back.
            content = await (answer.read() if self._is_short(answer) else self._bounded(answer))
            return Response(answer.status, answer.headers, content, self._now())
        except asyncio.CancelledError:
            if self._deadlines.passed(task):
                raise OutcomeUnknown(f"no answer: none in {self._deadlines.after_s:g} seconds") from None
            raise
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise XUnavailable(f"can't connect: {_reason(error)}") from error
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise OutcomeUnknown(f"no answer: {_reason(error)}") from error
        finally:
            self._deadlines.end(task)

    def _is_short(self, answer: aiohttp.ClientResponse) -> bool:
        """Whether the answer says that it is no longer than what is taken, and comes as it is."""
        length = answer.content_length
        return length is not None and length <= self._max_body and "content-encoding" not in answer.headers

    async def _bounded(self, answer: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in answer.content.iter_any():
            content += chunk
            if len(content) > self._max_body:
                answer.close()
                raise OutcomeUnknown(f"the answer is longer than {self._max_body} bytes, and was not read")
        return bytes(content)

    def _url(self, url: str) -> URL:
        """The address as it is: what is encoded is what was signed.

        Nearly all are below one origin, which is taken apart once.
        """
        begins = url.find("/", 8)  # behind https://
        if begins < 0 or "?" in url or "#" in url:
            return URL(url, encoded=True)
        origin = url[:begins]
        if origin != self._origin:
            self._origin, self._at_origin = origin, URL(origin, encoded=True)
        return self._at_origin.with_path(url[begins:], encoded=True)

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: dict[str, str], *, silence_s: float
    ) -> AsyncIterator[Incoming]:
        timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=self._timeout.sock_connect, sock_read=silence_s
        )
        asking = self._open().request(method, url, headers=headers, allow_redirects=False, timeout=timeout)
        try:
            answer = await asking
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise XUnavailable(f"can't connect: {_reason(error)}") from error
        try:
            received = answer.headers
            if 200 <= answer.status < 300:
                yield Incoming(Response(answer.status, received, b"", self._now()), _chunks(answer))
            else:
                try:
                    content = await answer.read()
                except (TimeoutError, aiohttp.ClientError, OSError):
                    content = b""
                yield Incoming(Response(answer.status, received, content, self._now()))
        finally:
            # Not given back for another request: the rest of the answer would have to be read first.
            answer.close()

    async def close(self) -> None:
        self._deadlines.close()
        await self._direct.close()
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.content.iter_any():
            yield chunk
    except TimeoutError as error:
        raise XUnavailable("nothing came for too long") from error
    except (aiohttp.ClientError, OSError) as error:
        raise XUnavailable(f"the connection broke: {_reason(error)}") from error


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
