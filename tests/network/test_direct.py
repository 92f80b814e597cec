"""POSTs over connections of our own: reused where that is safe, framed by the parser, never mixed up."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import OutcomeUnknown, XUnavailable
from botkit.network.direct import Answer, Connection, Direct

MAX = 1000
PLAIN = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-Rate: 7\r\n\r\n{}"

Serve = Callable[..., Awaitable["Server"]]


class Server:
    """Answers each request with the next of its answers, and counts what came.

    :param answers: bytes, or None: the connection is closed instead. The last one goes on for ever.
    :param closes: the connection is closed behind every answer.
    """

    def __init__(
        self, answers: tuple[bytes | None, ...], *, closes: bool, held: asyncio.Event | None
    ) -> None:
        self._answers = list(answers)
        self._closes = closes
        self._held = held
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.most_open = 0
        self.came = asyncio.Event()
        self.gone = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                self.came.set()
                if self._held is not None:
                    await self._held.wait()
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
                if answer is not None:
                    writer.write(answer)
                    await writer.drain()
                if answer is None or self._closes:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            self.gone.set()
            writer.close()


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    servers: list[asyncio.Server] = []

    async def start(
        *answers: bytes | None,
        closes: bool = False,
        held: asyncio.Event | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Server:
        server = Server(answers or (PLAIN,), closes=closes, held=held)
        servers.append(await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls))
        scheme = "https" if tls else "http"
        server.url = f"{scheme}://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}"
        return server

    yield start
    for each in servers:
        each.close()


def make(**options: Any) -> Direct:
    return Direct(**{"connect_timeout_s": 5.0, "connections": 10, "max_body": MAX} | options)


@pytest.fixture
async def direct() -> AsyncIterator[Direct]:
    direct = make()
    yield direct
    await direct.close()


async def test_what_goes_out_is_one_whole_request(serve: Serve, direct: Direct) -> None:
    server = await serve()
    answer = await direct.post(f"{server.url}/2/a%2Fb?q=1%202", {"x-one": "1", "x-two": "zwei"}, b"{}")
    assert answer == Answer(201, {"content-length": "2", "x-rate": "7"}, b"{}")
    authority = server.url.removeprefix("http://")
    assert server.requests == [
        f"POST /2/a%2Fb?q=1%202 HTTP/1.1\r\nhost: {authority}\r\ncontent-length: 2\r\n"
        "x-one: 1\r\nx-two: zwei\r\n\r\n{}".encode()
    ]


async def test_one_connection_serves_many_requests(serve: Serve, direct: Direct) -> None:
    server = await serve()
    for _ in range(5):
        await direct.post(f"{server.url}/", {}, b"x")
    assert (len(server.requests), server.connections) == (5, 1)


async def test_no_more_connections_than_allowed(serve: Serve) -> None:
    held = asyncio.Event()
    server, direct = await serve(held=held), make(connections=2)
    asking = [asyncio.create_task(direct.post(f"{server.url}/", {}, b"x")) for _ in range(6)]
    await server.came.wait()
    held.set()
    assert [answer.status for answer in await asyncio.gather(*asking)] == [201] * 6
    assert server.most_open == 2
    await direct.close()


@pytest.mark.parametrize(
    ("first", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", 200, b"{}"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, b"{}"),
        (PLAIN + b"HTTP/1.1 200 OK\r\n", 201, b"{}"),
        (PLAIN + PLAIN, 201, b"{}"),
    ],
    ids=["told to close", "of HTTP 1.0", "more behind it", "two at once"],
)
async def test_another_connection_after_an_answer_that_ends_one(
    serve: Serve, direct: Direct, first: bytes, status: int, body: bytes
) -> None:
    server = await serve(first, PLAIN)
    answer = await direct.post(f"{server.url}/", {}, b"x")
    assert (answer.status, answer.body) == (status, body)
    assert (await direct.post(f"{server.url}/", {}, b"x")).body == b"{}"
    assert server.connections == 2


@pytest.mark.parametrize("unasked", [b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged", b"SSH-2.0\r\n"])
async def test_what_comes_unasked_is_nobodys_answer(direct: Direct, unasked: bytes) -> None:
    """Between two requests the server writes once more: the second must not get that."""
    late = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(PLAIN)
        await late.wait()
        writer.write(unasked)
        await writer.drain()
        await reader.read()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    talkative = await asyncio.start_server(speak, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{talkative.sockets[0].getsockname()[1]}/"
    assert (await direct.post(url, {}, b"")).body == b"{}"
    late.set()
    await ended.wait()  # our side has closed it
    late.clear()
    assert (await direct.post(url, {}, b"")).body == b"{}"
    late.set()
    talkative.close()


async def test_a_connection_that_the_server_closed_is_not_used_again(serve: Serve, direct: Direct) -> None:
    server = await serve(closes=True)
    for _ in range(3):
        server.gone.clear()
        assert (await direct.post(f"{server.url}/", {}, b"x")).status == 201
        await server.gone.wait()
        await asyncio.sleep(0)
    assert (len(server.requests), server.connections) == (3, 3)


async def test_no_answer_is_not_asked_for_again(serve: Serve, direct: Direct) -> None:
    """On a connection that was used before, too: the request may have been carried out."""
    server = await serve(PLAIN, None)
    await direct.post(f"{server.url}/", {}, b"1")
    with pytest.raises((OutcomeUnknown, OSError)):
        await direct.post(f"{server.url}/", {}, b"2")
    assert [request[-1:] for request in server.requests] == [b"1", b"2"]


async def test_who_is_cancelled_leaves_no_answer_to_others(serve: Serve, direct: Direct) -> None:
    held = asyncio.Event()
    server = await serve(PLAIN.replace(b"{}", b"[]"), PLAIN, held=held)
    asking = asyncio.create_task(direct.post(f"{server.url}/", {}, b"x"))
    await server.came.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    held.set()
    await server.gone.wait()
    assert (await direct.post(f"{server.url}/", {}, b"x")).body == b"{}"
    assert server.connections == 2


async def test_what_is_idle_for_too_long_is_closed(serve: Serve) -> None:
    server, direct = await serve(), make(idle_s=0.02)
    await direct.post(f"{server.url}/", {}, b"x")
    await asyncio.wait_for(server.gone.wait(), 5)
    await direct.close()
    server, direct = await serve(), make(idle_s=0.0)
    for _ in range(2):
        await direct.post(f"{server.url}/", {}, b"x")
    assert server.connections == 2
    await direct.close()


async def test_closed_while_under_way_nobody_knows(serve: Serve) -> None:
    held = asyncio.Event()
    server, direct = await serve(held=held), make()
    asking = asyncio.create_task(direct.post(f"{server.url}/", {}, b"x"))
    await server.came.wait()
    await direct.close()
    with pytest.raises((OutcomeUnknown, OSError)):
        await asking
    held.set()
    assert (await direct.post(f"{server.url}/", {}, b"x")).status == 201
    await direct.close()


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/a b", {}),
        ("/a\r\nx: y", {}),
        ("/a\n", {}),
        ("/a\0", {}),
        ("/a#b", {}),
        ("/", {"authorization": "Bearer a\r\nx-forged: 1"}),
        ("/", {"authorization": "Bearer a\n"}),
        ("/", {"authorization": "Bearer a\r"}),
        ("/", {"a\r\nb": "c"}),
        ("/", {"a": "\0"}),
    ],
)
async def test_nothing_can_make_another_request_of_it(
    serve: Serve, direct: Direct, target: str, headers: dict[str, str]
) -> None:
    server = await serve()
    with pytest.raises(ValueError, match="can't stand in a request"):
        await direct.post(f"{server.url}{target}", headers, b"x")
    assert not server.requests


@pytest.mark.parametrize(
    "url",
    ["ftp://host/", "host/path", "http:///path", "http://user@host/", "http://host?a=b", "http://host#a"],
)
async def test_other_addresses_are_refused(direct: Direct, url: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        await direct.post(url, {}, b"x")


@pytest.mark.parametrize("origin", ["[::1]:8080", "host:81", "host"])
async def test_an_address_without_a_path_asks_for_the_root(direct: Direct, origin: str) -> None:
    with pytest.raises(XUnavailable, match="can't connect"):
        await make(connect_timeout_s=0.0).post(f"http://{origin}", {}, b"x")


# -- how answers are framed ------------------------------------------------------------------------------


LONG = b"x" * (MAX + 1)
ANSWERS = {
    "told": (PLAIN, b"{}"),
    "empty": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b""),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    "chunked": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n4;a=b\r\ndefg\r\n0\r\n\r\n",
        b"abcdefg",
    ),
    "behind a word of its own": (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + PLAIN, b"{}"),
    "gzip": (b"content-encoding: gzip", gzip.compress(b"hello")),
    "deflate": (b"content-encoding: DEFLATE", zlib.compress(b"hello")),
    "identity": (b"content-encoding: identity", b"hello"),
    "as long as may be": (b"x: y", LONG[1:]),
}


def _whole(found: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
    head, body = found
    if head.startswith(b"HTTP/"):
        return found
    sent = b"HTTP/1.1 200 OK\r\n%s\r\ncontent-length: %d\r\n\r\n%s" % (head, len(body), body)
    return sent, b"hello" if b"encoding" in head else body


@pytest.mark.parametrize("name", ANSWERS)
async def test_answers_are_read_however_they_are_framed(serve: Serve, direct: Direct, name: str) -> None:
    sent, body = _whole(ANSWERS[name])
    server = await serve(sent)
    for _ in range(2):
        assert (await direct.post(f"{server.url}/", {}, b"x")).body == body
    assert server.connections == 1


async def test_an_answer_may_end_with_its_connection(serve: Serve, direct: Direct) -> None:
    server = await serve(b"HTTP/1.1 200 OK\r\n\r\nhello", closes=True)
    for _ in range(2):
        assert (await direct.post(f"{server.url}/", {}, b"x")).body == b"hello"


@pytest.mark.parametrize(
    "cut",
    [
        b"",
        b"HTTP/1.1 201 Crea",
        b"HTTP/1.1 200 OK\r\nx: y\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\n",
        b"SSH-2.0\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n" + LONG,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3e9\r\n" + LONG + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s"
        % (len(gzip.compress(LONG)), gzip.compress(LONG)),
    ],
)
async def test_no_whole_answer_nobody_knows(serve: Serve, direct: Direct, cut: bytes) -> None:
    server = await serve(cut, closes=True)
    with pytest.raises((OutcomeUnknown, OSError)) as raised:
        await direct.post(f"{server.url}/", {}, b"x")
    assert not isinstance(raised.value, XUnavailable) or isinstance(raised.value, OutcomeUnknown)
    assert server.connections == 1


class Wire(asyncio.Transport):
    """A connection's other side: keeps what is written, does nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


@given(name=st.sampled_from(sorted(ANSWERS)), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_an_answer_may_come_in_any_pieces(name: str, cuts: list[int]) -> None:
    sent, body = _whole(ANSWERS[name])

    async def read() -> tuple[Answer, bool]:
        connection, wire = Connection(set(), MAX), Wire()
        connection.connection_made(wire)
        asking = asyncio.create_task(connection.ask(b"request"))
        await asyncio.sleep(0)
        edges = [0, *sorted(min(cut, len(sent)) for cut in cuts), len(sent)]
        for begin, end in itertools.pairwise(edges):
            if begin < end:
                connection.data_received(sent[begin:end])
        return await asking, wire.closed

    answer, closed = asyncio.run(read())
    assert answer.body == body
    assert not closed


# -- TLS -------------------------------------------------------------------------------------------------


def _certificate(folder: Path, host: str) -> tuple[Path, Path]:
    """A certificate for an address, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "botkit tests")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, secret


def _served_with(chain: Path, secret: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    return context


async def test_over_tls_as_without(serve: Serve, tmp_path: Path) -> None:
    chain, secret = _certificate(tmp_path, "127.0.0.1")
    server = await serve(tls=_served_with(chain, secret))
    direct = make(tls=ssl.create_default_context(cafile=str(chain)))
    for _ in range(3):
        assert (await direct.post(f"{server.url}/", {}, b"x")).body == b"{}"
    assert server.connections == 1
    await direct.close()


async def test_a_certificate_that_nobody_vouches_for_is_refused(serve: Serve, tmp_path: Path) -> None:
    chain, secret = _certificate(tmp_path, "127.0.0.1")
    server, direct = await serve(tls=_served_with(chain, secret)), make()
    with pytest.raises(XUnavailable, match=r"can't connect: .*certificate"):
        await direct.post(f"{server.url}/", {}, b"secret")
    assert not server.requests
    await direct.close()


async def test_a_certificate_of_another_host_is_refused(serve: Serve, tmp_path: Path) -> None:
    chain, secret = _certificate(tmp_path, "192.0.2.1")
    server = await serve(tls=_served_with(chain, secret))
    direct = make(tls=ssl.create_default_context(cafile=str(chain)))
    with pytest.raises(XUnavailable, match=r"can't connect: .*certificate"):
        await direct.post(f"{server.url}/", {}, b"secret")
    assert not server.requests
    await direct.close()
