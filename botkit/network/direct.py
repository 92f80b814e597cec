"""POSTs, and so nearly all that a bot sends, over kept-alive connections of our own.

aiohttp's client makes a request, a response, a stream and more for each: three times the cost of all the rest
of a request. It stays for what is read and for streams. How an answer is framed is decided by httptools
(Node's parser) alone.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
import zlib
from dataclasses import dataclass
from typing import NamedTuple, cast

import aiohappyeyeballs
import httptools
from yarl import URL

from botkit.errors import OutcomeUnknown, XUnavailable

__all__ = ["Answer", "Direct"]

#: how long the first of a host's addresses is tried before the next one is tried as well (RFC 8305)
_NEXT_ADDRESS_S = 0.25


class Answer(NamedTuple):
    """What came back, whatever its status.

    :ivar headers: names in lower case; of several with one name the first.
    """

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where an address leads."""

    host: str
    port: int
    tls: bool
    authority: str


class Direct:
    """Sends POSTs.

    :param connect_timeout_s: how long a connection may take to open, its TLS included.
    :param connections: how many may be open at once; who finds none free waits.
    :param max_body: the longest answer that is taken, bytes.
    :param idle_s: how long a connection is kept without a request; servers close them as well.
    :param tls: whose certificates are trusted; ``None``: those that the system trusts.
    """

    def __init__(
        self,
        *,
        connect_timeout_s: float,
        connections: int,
        max_body: int,
        idle_s: float = 15.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._max_body = max_body
        self._idle_s = idle_s
        self._room = asyncio.Semaphore(connections)
        self._origins: dict[str, _Origin] = {}
        #: of each origin those without a request, the one used last at the end
        self._idle: dict[str, list[Connection]] = {}
        self._open: set[Connection] = set()
        self._tls = tls
        self._sweeping: asyncio.TimerHandle | None = None

    async def post(self, url: str, headers: dict[str, str], body: bytes) -> Answer:
        """Send it and return the answer.

        :param url: as it goes out: nothing of it is encoded here.
        :raises XUnavailable: no connection could be opened; nothing was sent.
        :raises OutcomeUnknown, OSError: it was sent, or may have been, and no whole answer came.
        :raises ValueError: the address or a header can't stand in a request.
        """
        begins = url.find("/", 8)  # behind https://
        if begins < 0:
            begins = len(url)
        name, target = url[:begins], url[begins:] or "/"
        origin = self._origins.get(name) or self._read(name)
        request = _request(origin, target, headers, body)
        async with self._room:
            connection = self._take_idle(name) or await self._connect(origin)
            answer = await connection.ask(request)
            if connection.reusable:
                self._keep(name, connection)
            return answer

    async def close(self) -> None:
        """Close every connection. Requests under way end with an error; more may be sent afterwards."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        self._idle.clear()
        while self._open:
            for connection in tuple(self._open):
                connection.abort()
            await asyncio.sleep(0)

    # -- connections -------------------------------------------------------------------------------------

    def _read(self, name: str) -> _Origin:
        url = URL(name, encoded=True)
        host, port, authority = url.raw_host, url.port, url.host_port_subcomponent
        if url.scheme not in {"http", "https"} or not host or not port or not authority:
            raise ValueError("not an address of HTTP")
        if url.user is not None or url.raw_query_string or url.raw_fragment:
            raise ValueError("not an address that a request goes to as it is")
        found = _Origin(host, port, url.scheme == "https", authority)
        self._origins[name] = found
        return found

    def _take_idle(self, name: str) -> Connection | None:
        idle, now = self._idle.get(name), time.monotonic()
        while idle:
            connection = idle.pop()
            if connection.is_open and now - connection.idle_since < self._idle_s:
                return connection
            connection.abort()
        return None

    def _keep(self, name: str, connection: Connection) -> None:
        connection.idle_since = time.monotonic()
        self._idle.setdefault(name, []).append(connection)
        if self._sweeping is None:
            self._sweeping = asyncio.get_running_loop().call_later(self._idle_s, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for long enough."""
        self._sweeping, now = None, time.monotonic()
        for name, idle in list(self._idle.items()):
            kept = [each for each in idle if each.is_open and now - each.idle_since < self._idle_s]
            for connection in set(idle).difference(kept):
                connection.abort()
            if kept:
                self._idle[name] = kept
            else:
                del self._idle[name]
        if self._idle:
            self._sweeping = asyncio.get_running_loop().call_later(self._idle_s, self._sweep)

    async def _connect(self, origin: _Origin) -> Connection:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await self._opened(origin)
        except TimeoutError as error:
            raise XUnavailable(f"can't connect: none within {self._connect_timeout_s:g} seconds") from error
        except OSError as error:
            raise XUnavailable(f"can't connect: {str(error) or type(error).__name__}") from error

    async def _opened(self, origin: _Origin) -> Connection:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        sock = await aiohappyeyeballs.start_connection(
            addresses, happy_eyeballs_delay=_NEXT_ADDRESS_S, loop=loop
        )
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await loop.create_connection(
                lambda: Connection(self._open, self._max_body),
                sock=sock,
                ssl=self._context() if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException:
            sock.close()
            raise
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(("http/1.1",))
        return self._tls


def _request(origin: _Origin, target: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = [f"POST {target} HTTP/1.1", f"host: {origin.authority}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines)
    ends = len(lines) - 1
    # Whoever could put a line into a request could make it another one.
    if head.count("\n") != ends or head.count("\r") != ends or "\0" in head or " " in target or "#" in target:
        raise ValueError("a header or the address holds what can't stand in a request")
    return head.encode() + b"\r\n\r\n" + body


class Connection(asyncio.Protocol):
    """One connection, with one request at a time. Also what the parser tells of an answer.

    :ivar reusable: the last answer leaves it open for another request.
    :ivar idle_since: by the monotonic clock.
    """

    __slots__ = (
        "_asked",
        "_begun",
        "_body",
        "_headers",
        "_length",
        "_loop",
        "_max_body",
        "_open",
        "_parser",
        "_transport",
        "idle_since",
        "reusable",
    )

    def __init__(self, open_: set[Connection], max_body: int) -> None:
        self._open = open_
        self._max_body = max_body
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._asked: asyncio.Future[Answer] | None = None
        self._begun = False
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._length = 0
        self.reusable = False
        self.idle_since = 0.0

    @property
    def is_open(self) -> bool:
        """Whether a request may be written."""
        return not self._transport.is_closing()

    async def ask(self, request: bytes) -> Answer:
        """Write a whole request and wait for its answer."""
        self.reusable = False
        asked: asyncio.Future[Answer] = self._loop.create_future()
        self._asked = asked
        self._transport.write(request)
        try:
            return await asked
        finally:
            if not self.reusable:
                self.abort()  # or what still comes would be taken for the next one's answer

    def abort(self) -> None:
        """Close it at once; who waits for an answer gets none."""
        self._fail(ConnectionAbortedError("the connection was closed"))
        self._transport.abort()

    # -- asyncio.Protocol --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in behaviour only
        self._open.add(self)

    def data_received(self, data: bytes) -> None:
        if self._asked is None:
            self.abort()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(OutcomeUnknown(f"no answer: not HTTP ({error})"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        if exc is None and self._ends_with_connection():
            self.on_message_complete()
        else:
            self._fail(exc or ConnectionResetError("the connection was closed"))

    # -- httptools ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._asked is None:  # more than one answer
            self.reusable = False
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        self._begun = True

    def on_body(self, body: bytes) -> None:
        self._length += len(body)
        if self._length > self._max_body:
            self._fail(self._too_long())
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._begun = False
        headers, self._headers = self._headers, {}
        parts, self._body, self._length = self._body, [], 0
        status, asked = self._parser.get_status_code(), self._asked
        if status < 200:
            return  # not the answer yet
        self._asked = None
        if asked is None or asked.done():
            return
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        try:
            if "content-encoding" in headers:
                body = self._expanded(body, headers["content-encoding"])
        except (OutcomeUnknown, zlib.error) as error:
            asked.set_exception(error if isinstance(error, OutcomeUnknown) else _unreadable(str(error)))
            return
        self.reusable = self._parser.should_keep_alive() and self.is_open
        asked.set_result(Answer(status, headers, body))

    # -- answers -----------------------------------------------------------------------------------------

    def _ends_with_connection(self) -> bool:
        """Whether the answer in hand has begun, and says in no other way where it ends."""
        return self._begun and self._headers.keys().isdisjoint({"content-length", "transfer-encoding"})

    def _expanded(self, body: bytes, encoding: str) -> bytes:
        """Nobody asked for a compressed answer; one that comes all the same is read."""
        if encoding.lower() == "identity" or not body:
            return body
        if encoding.lower() not in {"gzip", "x-gzip", "deflate"}:
            raise _unreadable(f"its encoding is {encoding}")
        expanded = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, self._max_body + 1)
        if len(expanded) > self._max_body:
            raise self._too_long()
        return expanded

    def _too_long(self) -> OutcomeUnknown:
        return OutcomeUnknown(f"the answer is longer than {self._max_body} bytes, and was not read")

    def _fail(self, error: Exception) -> None:
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done():
            asked.set_exception(error)


def _unreadable(reason: str) -> OutcomeUnknown:
    return OutcomeUnknown(f"the answer can't be read: {reason}")
