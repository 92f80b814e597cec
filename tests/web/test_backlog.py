"""Back-pressure: when X is asked to deliver again later, and when events are taken again."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from botkit.errors import StoreUnavailable
from botkit.store.contract import NewItem, Store
from botkit.store.sqlite import SqliteStore
from botkit.web.backlog import Backlog
from botkit.web.health import Health
from botkit.web.server import WebServer, build
from botkit.web.webhook import INBOX, Webhook, WebhookSettings
from botkit.x.signature import sign, token_pattern

SECRET = "consumer-secret"
HEADER = "x-twitter-webhooks-signature"
TOKEN = "MTYwZjgwNDAtMjI4Ni00MWI2LTk4MTktMjJjZjU4OGYxOTU4"


def dm(message_id: int, text: str = "hello") -> bytes:
    """A direct message as X sends it."""
    event = {
        "type": "message_create",
        "id": str(message_id),
        "created_timestamp": "1548711582440",
        "message_create": {
            "target": {"recipient_id": "1"},
            "sender_id": "2",
            "message_data": {"text": text},
        },
    }
    return json.dumps({"for_user_id": "1", "direct_message_events": [event], "users": {}}).encode()


class Waiting:
    """A number of waiting events that a test sets; every look can be awaited.

    :ivar error: raised instead of the number.
    """

    def __init__(self) -> None:
        self.number = 0
        self.error: Exception | None = None
        self.asked = 0

    async def count(self) -> int:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.number


def gate(waiting: Waiting, log: Any, limit: int = 100) -> Backlog:
    return Backlog(waiting.count, limit=limit, log=log.logger)


async def test_it_closes_above_the_limit_and_opens_below_nine_tenths_of_it(log: Any) -> None:
    waiting = Waiting()
    backlog = gate(waiting, log)
    seen = []
    for number in (0, 100, 101, 5000, 100, 91, 90, 89, 95, 100, 101):
        waiting.number = number
        await backlog.look()
        seen.append((number, backlog.full))
    assert [number for number, full in seen if full] == [101, 5000, 100, 91, 90, 101]
    assert backlog.problem == "101 events wait, more than engine.max_backlog (100)"


async def test_beginning_and_end_are_logged_once(log: Any) -> None:
    waiting = Waiting()
    backlog = gate(waiting, log)
    for number in (200, 300, 400, 10, 20, 30):
        waiting.number = number
        await backlog.look()
    assert [(line["event"], line["level"], line["waiting"], line["limit"]) for line in log.lines()] == [
        ("backlog_full", "error", 200, 100),
        ("backlog_open", "info", 10, 100),
    ]
    assert backlog.problem == ""


async def test_no_limit_asks_the_store_nothing(log: Any) -> None:
    waiting = Waiting()
    waiting.number = 10**9
    backlog = gate(waiting, log, limit=0)
    await backlog.look()
    assert (backlog.full, waiting.asked) == (False, 0)


async def test_a_store_that_can_not_be_read_changes_nothing(log: Any) -> None:
    waiting = Waiting()
    backlog = gate(waiting, log)
    waiting.error = StoreUnavailable("gone")
    await backlog.look()
    assert not backlog.full
    waiting.error, waiting.number = None, 101
    await backlog.look()
    waiting.error = StoreUnavailable("gone")
    await backlog.look()
    assert backlog.full


async def test_it_looks_at_its_interval(log: Any) -> None:
    waiting, naps = Waiting(), asyncio.Queue[float]()
    more = asyncio.Semaphore(0)

    async def sleep(seconds: float) -> None:
        naps.put_nowait(seconds)
        await more.acquire()

    backlog = Backlog(waiting.count, limit=1, log=log.logger, every_s=2.5, sleep=sleep)
    running = asyncio.create_task(backlog.run())
    assert await naps.get() == 2.5
    waiting.number = 2
    more.release()
    await naps.get()
    assert (backlog.full, waiting.asked) == (True, 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def serve(store: Store, log: Any, aiohttp_client: Any, backlog: Backlog, **settings: Any) -> Any:
    webhook = Webhook(
        store,
        WebhookSettings(secrets=[SECRET], token_pattern=token_pattern(16, 128), **settings),
        log=log.logger,
        full=lambda: backlog.full,
    )
    problems = lambda: {"backlog": backlog.problem} if backlog.full else {}  # noqa: E731 - one use
    app = build(path="/webhook", webhook=webhook, health=Health(store, problems=problems), log=log.logger)
    client: TestClient[Any, Any] = await aiohttp_client(TestServer(app))
    return client


async def post(client: Any, body: bytes, signature: str = "") -> Any:
    headers = {"content-type": "application/json", HEADER: signature or sign(SECRET, body)}
    return await client.post("/webhook", data=body, headers=headers)


async def test_a_full_backlog_is_answered_503_until_it_is_worked_off(
    store: Store, log: Any, aiohttp_client: Any
) -> None:
    backlog = Backlog(lambda: store.backlog(INBOX), limit=2, log=log.logger)
    client = await serve(store, log, aiohttp_client, backlog)
    for number in (1, 2, 3):
        await backlog.look()
        assert (await post(client, dm(number))).status == 200
    await backlog.look()
    refused = await post(client, dm(4))
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert await refused.json() == {"error": "too many events wait; deliver it again"}
    assert await store.backlog(INBOX) == 3

    ready = await client.get("/readyz")
    assert ready.status == 503
    assert (await ready.json())["problems"] == {"backlog": "3 events wait, more than engine.max_backlog (2)"}
    assert (await client.get("/healthz")).status == 200

    worker = await store.register("test", 60.0)
    await _work_off(store, worker)
    await backlog.look()
    assert (await post(client, dm(4))).status == 200
    assert (await client.get("/readyz")).status == 200


async def _work_off(store: Store, worker: int) -> None:
    from botkit.store.contract import Done, Settlement  # noqa: PLC0415

    while claims := await store.claim(worker, INBOX, 10, 1):
        for claim in claims:
            assert await store.settle(worker, Settlement(claim, claim.items[0].seq, Done()))


async def test_while_the_backlog_is_full_challenges_are_answered_and_strangers_refused(
    store: Store, log: Any, aiohttp_client: Any
) -> None:
    waiting = Waiting()
    waiting.number = 2
    backlog = gate(waiting, log, limit=1)
    await backlog.look()
    client = await serve(store, log, aiohttp_client, backlog)
    answer = await client.get(f"/webhook?crc_token={TOKEN}")
    assert await answer.json() == {"response_token": sign(SECRET, TOKEN.encode())}
    assert (await post(client, dm(1), signature="sha256=AAAA")).status == 401


class Hanging:
    """A store whose puts wait for a disk that hangs."""

    def __init__(self) -> None:
        self.disk = asyncio.Event()
        self.bodies = 0
        self.came = asyncio.Condition()

    async def put(self, items: Sequence[NewItem]) -> int:
        async with self.came:
            self.bodies += 1
            self.came.notify_all()
        await self.disk.wait()
        return len(items)


async def test_a_store_that_hangs_holds_a_bounded_number_of_bodies(log: Any, aiohttp_client: Any) -> None:
    hanging: Any = Hanging()
    room = 3 * len(dm(1))
    client = await serve(hanging, log, aiohttp_client, gate(Waiting(), log), max_pending=room)
    held = [asyncio.create_task(post(client, dm(number))) for number in (1, 2, 3)]
    async with hanging.came:
        await hanging.came.wait_for(lambda: hanging.bodies == 3)
    refused = await post(client, dm(4))
    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert hanging.bodies == 3
    hanging.disk.set()
    assert [answer.status for answer in await asyncio.gather(*held)] == [200, 200, 200]
    assert (await post(client, dm(4))).status == 200


async def test_one_body_larger_than_the_room_is_taken_when_nothing_else_waits(
    store: Store, log: Any, aiohttp_client: Any
) -> None:
    client = await serve(store, log, aiohttp_client, gate(Waiting(), log), max_pending=1)
    assert (await post(client, dm(1))).status == 200


async def test_a_full_disk_is_answered_503_and_taken_again_when_there_is_room(
    tmp_path: Path, log: Any, aiohttp_client: Any, clock: Any
) -> None:
    store = SqliteStore(tmp_path / "botkit.db", clock=clock, max_pages=80)
    await store.open()
    client = await serve(store, log, aiohttp_client, gate(Waiting(), log))
    number, answer = 1, await post(client, dm(1, "x" * 3000))
    while answer.status == 200 and number < 1000:
        number += 1
        answer = await post(client, dm(number, "x" * 3000))
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert number > 5
    await store._write(lambda ledger: ledger.connection.execute("PRAGMA max_page_count = 10000").fetchall())
    assert (await post(client, dm(number, "x" * 3000))).status == 200
    assert (await client.get("/readyz")).status == 200
    assert await store.backlog(INBOX) == number
    await store.close()


async def _served_by(name: str, port: int) -> WebServer:
    async def who(request: web.Request) -> web.Response:
        return web.Response(text=name, headers={"connection": "close"})

    app = web.Application()
    app.router.add_get("/", who)
    server = WebServer(app, host="127.0.0.1", port=port, grace_s=1.0, shared=True)
    server.bind()
    await server.open()
    return server


async def test_servers_that_share_a_port_both_answer(log: Any) -> None:
    if not hasattr(socket, "SO_REUSEPORT"):
        pytest.skip("this system can't share a port")
    one = await _served_by("one", 0)
    two = await _served_by("two", one.port)
    try:
        heard = set()
        async with ClientSession() as session:
            for _ in range(200):  # by chance of the source port: 1 in 2**199 to be wrong
                async with session.get(f"http://127.0.0.1:{one.port}/") as answer:
                    heard.add(await answer.text())
                if len(heard) == 2:
                    break
        assert heard == {"one", "two"}
    finally:
        await one.close()
        await two.close()


async def test_a_server_alone_shares_its_port_with_nobody(log: Any) -> None:
    one = WebServer(web.Application(), host="127.0.0.1", port=0, grace_s=1.0)
    one.bind()
    two = WebServer(web.Application(), host="127.0.0.1", port=one.port, grace_s=1.0, shared=True)
    with pytest.raises(OSError, match="in use"):
        two.bind()
    one.unbind()
