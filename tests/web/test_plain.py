"""What is read as a plain delivery, and what is left to aiohttp."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.web.plain import Delivery, NotRead, PlainReader

BODY = b'{"for_user_id":"1"}'
READER = PlainReader("/webhook", max_body=1000)


def request(body: bytes = BODY, *, start: str = "POST /webhook HTTP/1.1", **headers: str | None) -> bytes:
    lines: dict[str, str | None] = {
        "host": "bot.example.com",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-twitter-webhooks-signature": "sha256=abc",
    }
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items() if value is not None)
    return f"{start}\r\n{head}\r\n".encode() + body


@pytest.mark.parametrize(
    "data",
    [
        request(),
        request(user_agent="X", accept="*/*", x_forwarded_for="203.0.113.5"),
        request(connection="keep-alive"),
        request(connection="Keep-Alive"),
        request().replace(b"content-length: ", b"CONTENT-length:\t "),
        request().replace(b"application/json\r\n", b"application/json \t\r\n"),
    ],
    ids=["as X sends it", "more headers", "kept alive", "in capitals", "spaces", "spaces behind"],
)
def test_plain_deliveries_are_read(data: bytes) -> None:
    assert READER.read(data) == Delivery(BODY, "sha256=abc")


UNUSUAL = {
    "nothing": b"",
    "another method": request(start="GET /webhook HTTP/1.1"),
    "another path": request(start="POST /webhook2 HTTP/1.1"),
    "a query": request(start="POST /webhook?a=b HTTP/1.1"),
    "a whole address": request(start="POST http://x/webhook HTTP/1.1"),
    "HTTP/1.0": request(start="POST /webhook HTTP/1.0"),
    "two spaces": request(start="POST  /webhook HTTP/1.1"),
    "no end of the head": request()[:40],
    "no host": request(host=None),
    "an empty host": request(host=""),
    "no length": request(content_length=None),
    "an empty length": request(content_length=""),
    "a signed length": request(content_length="+19"),
    "two numbers": request(content_length="19, 19"),
    "a length in other digits": request().replace(b": 19", ": ١٩".encode()),
    "a huge length": request(content_length="1" * 40),
    "too large": request(b"x" * 1001),
    "a shorter body than what came": request(content_length="18"),
    "two lengths": request().replace(b"host:", b"content-length: 19\r\nhost:"),
    "two different lengths": request().replace(b"host:", b"content-length: 5\r\nhost:"),
    "two hosts": request().replace(b"host:", b"host: y\r\nhost:"),
    "two signatures": request().replace(b"host:", b"x-twitter-webhooks-signature: a\r\nhost:"),
    "chunked": request(transfer_encoding="chunked"),
    "chunked, in capitals": request(TRANSFER_ENCODING="chunked"),
    "chunked, with a space before the colon": request().replace(
        b"host:", b"transfer-encoding : chunked\r\nhost:"
    ),
    "a folded line": request().replace(b"host:", b"x-a: b\r\n c\r\nhost:"),
    "a line without a colon": request().replace(b"host:", b"nothing\r\nhost:"),
    "a bare line feed": request().replace(b"host:", b"x-a: b\ntransfer-encoding: chunked\r\nhost:"),
    "a bare carriage return": request().replace(b"host:", b"x-a: b\rc\r\nhost:"),
    "a null": request().replace(b"host:", b"x-a: b\0\r\nhost:"),
    "bytes that are no ASCII": request().replace(b"abc", b"\xff\xfe"),
    "compressed": request(content_encoding="gzip"),
    "a body that waits to be asked for": request(expect="100-continue"),
    "an upgrade": request(upgrade="h2c"),
    "to be closed": request(connection="close"),
    "another type": request(content_type="text/plain"),
    "a type with a parameter": request(content_type="application/json; charset=utf-8"),
    "unsigned": request(x_twitter_webhooks_signature=None),
    "two requests": request() + request(),
}


@pytest.mark.parametrize("data", UNUSUAL.values(), ids=UNUSUAL)
def test_anything_unusual_is_left_to_aiohttp(data: bytes) -> None:
    assert READER.read(data) is NotRead.UNUSUAL


def test_a_body_that_is_still_coming_is_waited_for() -> None:
    data = request()
    head = data.index(b"\r\n\r\n") + 4
    assert [READER.read(data[:size]) for size in range(head, len(data))] == [NotRead.MORE] * len(BODY)
    assert READER.read(data[: head - 1]) is NotRead.UNUSUAL


def test_a_path_that_must_be_encoded_is_not_read_here() -> None:
    with pytest.raises(ValueError, match="no plain path"):
        PlainReader("/webhook%20x", max_body=1)


@given(st.binary(max_size=200), st.integers(0, 200))
def test_no_bytes_make_it_raise(noise: bytes, place: int) -> None:
    data = request()
    READER.read(data[:place] + noise + data[place:])
    READER.read(noise)


@given(st.integers(0, len(request()) - len(BODY) - 1), st.integers(0, 255))
def test_one_changed_byte_of_the_head_never_changes_the_body(place: int, byte: int) -> None:
    data = bytearray(request())
    data[place] = byte
    found = READER.read(bytes(data))
    assert isinstance(found, NotRead) or found.body == BODY
