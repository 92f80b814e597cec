"""Deliveries on connections of our own keep the webhook's promises; what is unusual becomes aiohttp's."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from botkit.errors import StoreUnavailable
from botkit.log import make_logger
from botkit.store.contract import NewItem, Store
from botkit.web.direct import Direct
from botkit.web.health import Health
from botkit.web.plain import PlainReader
from botkit.web.server import WebServer, build
from botkit.web.webhook import INBOX, Webhook, WebhookSettings
from botkit.x.signature import sign

SECRET = "consumer-secret"
DM = (Path(__file__).parents[1] / "payloads" / "aaa" / "direct_message_received.json").read_bytes()


def body(number: int) -> bytes:
    """A message of its own."""
    return DM.replace(b"1090001495532191748", str(10**18 + number).encode())


def delivery(content: bytes, *, secret: str = SECRET, more: str = "") -> bytes:
    """A whole request."""
    head = (
        f"POST /webhook HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{more}"
        f"content-length: {len(content)}\r\nx-twitter-webhooks-signature: {sign(secret, content)}\r\n\r\n"
    )
    return head.encode() + content


class Line:
    """One connection, and what comes back over it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self._writer.write(part)
            await self._writer.drain()

    async def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer; times out after 5 seconds."""
        async with asyncio.timeout(5):
            head = await self._reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            assert length is not None
            return int(head[9:12]), await self._reader.readexactly(int(length[1]))

    async def ask(self, request: bytes) -> int:
        await self.send(request)
        return (await self.answer())[0]

    async def ended(self) -> bool:
        """Whether the server closes the connection without another byte."""
        async with asyncio.timeout(5):
            return await self._reader.read() == b""

    async def close(self) -> None:
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


class Slow:
    """A store whose puts can be held back and refused; everything else is the real one's.

    :ivar open: while it is not set, puts wait.
    :ivar puts: how many items each put brought.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()
        self.full = False
        self.puts: list[int] = []
        self._came = asyncio.Condition()

    async def until_put(self, count: int) -> None:
        """Return when that many items were brought."""
        async with self._came:
            await self._came.wait_for(lambda: sum(self.puts) >= count)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def put(self, items: Sequence[NewItem]) -> int:
        self.puts.append(len(items))
        self.asked.set()
        async with self._came:
            self._came.notify_all()
        await self.open.wait()
        if self.full:
            raise StoreUnavailable("database or disk is full")
        return await self._store.put(items)


class Site:
    """A running server."""

    def __init__(self, store: Slow, server: WebServer) -> None:
        self.store, self.server = store, server
        self._lines: list[Line] = []

    async def line(self) -> Line:
        self._lines.append(Line(*await asyncio.open_connection("127.0.0.1", self.server.port)))
        return self._lines[-1]

    async def stored(self) -> list[str]:
        worker = await self.store.register("test", 60.0)
        claims = await self.store.claim(worker, INBOX, 1000, 1000)
        await self.store.release(worker, claims)
        return [item.item_id.rsplit(":", 1)[1] for claim in claims for item in claim.items]

    async def close(self) -> None:
        for line in self._lines:
            await line.close()
        await self.server.close()


async def serve(store: Store, log: Any, **settings: Any) -> Site:
    slow = Slow(store)
    full = settings.pop("full", lambda: False)
    webhook = Webhook(slow, WebhookSettings(secrets=[SECRET], **settings), log=log, full=full)
    server = WebServer(
        build(path="/webhook", webhook=webhook, health=Health(slow), log=log, max_body=1 << 20),
        host="127.0.0.1",
        port=0,
        grace_s=5.0,
    )
    server.bind()
    await server.open()
    return Site(slow, server)


@pytest.fixture
def quiet(log: Any) -> Any:
    """A logger at level info, as a bot has it: deliveries that are accepted get no line."""
    return make_logger(level="info", format="json", stream=log._stream)


@pytest.fixture
async def site(store: Store, quiet: Any) -> AsyncIterator[Site]:
    site = await serve(store, quiet)
    yield site
    await site.close()


async def test_deliveries_on_one_connection_are_on_disk_when_200_is_said(site: Site, log: Any) -> None:
    line = await site.line()
    for number in range(20):
        assert await line.ask(delivery(body(number))) == 200
        assert len(await site.stored()) == number + 1
    assert log.text == ""


async def test_no_answer_before_the_commit(site: Site) -> None:
    line = await site.line()
    site.store.open.clear()
    await line.send(delivery(DM))
    await site.store.asked.wait()
    answer = asyncio.ensure_future(line.answer())
    for _ in range(20):
        await asyncio.sleep(0)
    assert not answer.done()
    site.store.open.set()
    assert await answer == (200, b"")


async def test_what_comes_at_once_is_put_together_and_everyone_gets_an_answer(site: Site) -> None:
    lines = [await site.line() for _ in range(50)]
    site.store.open.clear()
    for number, line in enumerate(lines):
        await line.send(delivery(body(number)))
    await site.store.asked.wait()
    site.store.open.set()
    assert [await line.answer() for line in lines] == [(200, b"")] * 50
    assert len(await site.stored()) == sum(site.store.puts) == 50
    assert len(site.store.puts) < 50


async def test_a_body_in_pieces_is_put_together(site: Site) -> None:
    line = await site.line()
    request = delivery(DM)
    head = request.index(b"\r\n\r\n") + 4
    await line.send(request[:head])
    for place in range(head, len(request), 100):
        await line.send(request[place : place + 100])
    assert await line.answer() == (200, b"")
    assert await line.ask(delivery(body(2))) == 200
    assert len(await site.stored()) == 2


async def test_a_head_in_pieces_is_aiohttps(site: Site) -> None:
    line = await site.line()
    request = delivery(DM)
    await line.send(request[:30], request[30:])
    assert await line.answer() == (200, b"")
    assert len(await site.stored()) == 1


async def test_requests_behind_each_other_are_answered_in_order(site: Site) -> None:
    line = await site.line()
    await line.send(delivery(body(1)) + delivery(body(2), secret="wrong") + delivery(body(3)))
    assert [(await line.answer())[0] for _ in range(3)] == [200, 401, 200]
    assert len(await site.stored()) == 2


async def test_what_comes_while_a_delivery_is_stored_waits_for_its_answer(site: Site) -> None:
    line = await site.line()
    site.store.open.clear()
    await line.send(delivery(body(1)))
    await site.store.asked.wait()
    await line.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    site.store.open.set()
    assert await line.answer() == (200, b"")
    assert await line.answer() == (200, b'{"status":"up"}')


REFUSED = {
    "forged": (delivery(DM, secret="another"), 401),
    "no JSON": (delivery(DM[:-20]), 400),
    "another type": (delivery(DM).replace(b"application/json", b"text/plain"), 415),
    "unknown path": (b"GET /nothing HTTP/1.1\r\nhost: x\r\n\r\n", 404),
    "another method": (b"DELETE /webhook HTTP/1.1\r\nhost: x\r\n\r\n", 405),
}


@pytest.mark.parametrize(("request_", "status"), REFUSED.values(), ids=REFUSED)
async def test_what_is_refused_is_said_and_logged_and_the_connection_lives_on(
    site: Site, log: Any, request_: bytes, status: int
) -> None:
    line = await site.line()
    assert await line.ask(delivery(body(1))) == 200
    await line.send(request_)
    said = await line.answer()
    assert said[0] == status
    assert said[1].startswith(b'{"error":"')
    assert await line.ask(delivery(body(2))) == 200
    assert len(await site.stored()) == 2
    assert [entry["status"] for entry in log.lines("request_refused")] == [status]


SMUGGLED = {
    "two ends": delivery(DM, more="transfer-encoding: chunked\r\n"),
    "a space before the colon": delivery(DM, more="transfer-encoding : chunked\r\n"),
    "two lengths": delivery(DM, more="content-length: 3\r\n"),
    "a folded line": delivery(DM, more="x-a: b\r\n transfer-encoding: chunked\r\n"),
}


@pytest.mark.parametrize("request_", SMUGGLED.values(), ids=SMUGGLED)
async def test_a_request_with_two_ends_is_no_delivery(site: Site, request_: bytes) -> None:
    line = await site.line()
    assert await line.ask(request_) == 400
    assert await site.stored() == []


async def test_a_store_that_is_full_is_told_to_everyone_and_recovers(site: Site, log: Any) -> None:
    lines = [await site.line() for _ in range(5)]
    site.store.full = True
    assert [await line.ask(delivery(body(number))) for number, line in enumerate(lines)] == [503] * 5
    site.store.full = False
    assert [await line.ask(delivery(body(number))) for number, line in enumerate(lines)] == [200] * 5
    assert len(await site.stored()) == 5
    assert len(log.lines("store_unavailable")) == 5


async def test_one_that_the_store_refuses_takes_no_other_with_it(site: Site) -> None:
    """Its lane belongs to another queue: our bug, and no reason to refuse what came in the same moment."""
    taken = b"707685546848550917"
    await site.store.put([NewItem("other", f"14235326:{taken.decode()}", "x", b"")])
    lines = [await site.line() for _ in range(4)]
    site.store.open.clear()
    for number, line in enumerate(lines):
        content = body(number)
        await line.send(delivery(content.replace(b"707685546848550916", taken) if number == 2 else content))
    await site.store.asked.wait()
    site.store.open.set()
    assert [(await line.answer())[0] for line in lines] == [200, 200, 500, 200]
    assert len(await site.stored()) == 3


async def test_too_much_waiting_is_answered_with_later(store: Store, quiet: Any) -> None:
    site = await serve(store, quiet, full=lambda: True)
    line = await site.line()
    assert await line.ask(delivery(DM)) == 503
    await site.close()


async def test_bodies_that_wait_for_the_store_are_bounded(store: Store, quiet: Any) -> None:
    site = await serve(store, quiet, max_pending=2 * len(DM))
    lines = [await site.line() for _ in range(3)]
    site.store.open.clear()
    await lines[0].send(delivery(body(0)))
    await lines[1].send(delivery(body(1)))
    await site.store.asked.wait()
    await site.store.until_put(2)
    assert await lines[2].ask(delivery(body(2))) == 503
    site.store.open.set()
    assert [await line.answer() for line in lines[:2]] == [(200, b"")] * 2
    assert await lines[2].ask(delivery(body(2))) == 200
    await site.close()


async def test_a_client_that_is_gone_before_the_commit_hurts_nobody(site: Site) -> None:
    gone, other = await site.line(), await site.line()
    site.store.open.clear()
    await gone.send(delivery(body(1)))
    await other.send(delivery(body(2)))
    await site.store.asked.wait()
    await gone.close()
    site.store.open.set()
    assert await other.answer() == (200, b"")
    assert "1000000000000000002" in await site.stored()


async def test_at_debug_every_delivery_has_its_line(store: Store, log: Any) -> None:
    site = await serve(store, log.logger)
    line = await site.line()
    assert await line.ask(delivery(DM)) == 200
    (entry,) = log.lines("request")
    assert (entry["level"], entry["status"], entry["path"]) == ("debug", 200, "/webhook")
    assert entry["remote"] == "127.0.0.1"
    await site.close()


# -- the end -------------------------------------------------------------------------------------------------


async def test_at_the_end_what_is_idle_closes_and_what_has_begun_is_answered(site: Site) -> None:
    idle, busy, half = [await site.line() for _ in range(3)]
    assert await idle.ask(delivery(body(0))) == 200
    site.store.open.clear()
    site.store.asked.clear()
    await busy.send(delivery(body(1)))
    await site.store.asked.wait()
    request = delivery(body(2))
    await half.send(request[:-50])
    closing = asyncio.ensure_future(site.server.close())
    assert await idle.ended()
    site.store.open.set()
    assert await busy.answer() == (200, b"")
    await half.send(request[-50:])
    assert await half.answer() == (200, b"")
    assert await busy.ended()
    await closing
    assert len(await site.stored()) == 3


async def test_a_connection_without_a_request_is_closed(store: Store, quiet: Any) -> None:
    webhook = Webhook(store, WebhookSettings(secrets=[SECRET]), log=quiet)
    reader = PlainReader("/webhook", max_body=1000)
    direct = Direct(reader, webhook, otherwise=asyncio.Protocol, idle_s=0.01)
    server = await asyncio.get_running_loop().create_server(direct, "127.0.0.1", 0)
    line = Line(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    assert await line.ended()
    await line.close()
    direct.close()
    server.close()


async def test_a_body_that_never_comes_is_given_to_aiohttp(store: Store, quiet: Any) -> None:
    given = asyncio.get_running_loop().create_future()

    class Other(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            given.set_result(data)

    webhook = Webhook(store, WebhookSettings(secrets=[SECRET]), log=quiet)
    reader = PlainReader("/webhook", max_body=10_000)
    direct = Direct(reader, webhook, otherwise=Other, body_waits_s=0.01)
    server = await asyncio.get_running_loop().create_server(direct, "127.0.0.1", 0)
    line = Line(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    begun = delivery(DM)[:-100]
    await line.send(begun)
    assert await given == begun
    assert direct.connections == set()
    await line.close()
    direct.close()
    server.close()
