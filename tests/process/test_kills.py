"""`botkit run` is killed while X delivers: what was answered 200 is replied to, once, in order."""

from __future__ import annotations

import asyncio
import random
import secrets
import socket
import textwrap
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest
from aiohttp import ClientConnectionError, ClientSession, ClientTimeout, web

from botkit.store import open_store
from botkit.x.signature import sign

from .conftest import KEYS, ApiStub, BotProcess, Start, dm

pytestmark = pytest.mark.torture

PLUGIN = """
    from botkit import *

    @on_direct_message
    async def echo(event, bot):
        bot.state["count"] = bot.state.get("count", 0) + 1
        return f"{event.text} is number {bot.state['count']}"
"""


class UnreliableApi(ApiStub):
    """Takes what is sent, and does not always say so.

    :ivar lost: how many answers of those that it takes get lost, of one.
    :ivar lists: whether it lists what it took.
    :ivar down: answers 503 and takes nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0.0
        self.lists = True
        self.down = False
        self.rng = random.Random()
        self.counts: Counter[str] = Counter()

    async def _answer(self, request: web.Request) -> web.Response:
        if self.down:
            self.counts["refused"] += 1
            return web.json_response({"title": "Service Unavailable", "status": 503}, status=503)
        if request.method == "GET":
            self.counts["looked up"] += 1
            if not self.lists:
                return web.json_response({"title": "Not Found", "status": 404}, status=404)
        answer = await super()._answer(request)
        # The tenth for certain, so that no run is without one.
        lost = self.rng.random() < self.lost or (self.lost > 0 and len(self.texts) == 10)
        if lost and request.method == "POST":
            self.counts["answers lost"] += 1
            assert request.transport is not None
            request.transport.abort()
        return answer


@dataclass
class Deliveries:
    """X's part: several senders, each delivering its messages in order, again until they are answered 200.

    :ivar acknowledged: how many were.
    """

    url: str
    rng: random.Random
    senders: int = 10
    acknowledged: int = 0
    _sent: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self, count: int) -> None:
        """Deliver so many more, and return when all of them are acknowledged."""
        first, self._sent = self._sent, self._sent + count
        timeout = ClientTimeout(total=5)
        async with ClientSession(timeout=timeout) as session, asyncio.TaskGroup() as tasks:
            for user in range(self.senders):
                rng = random.Random(self.rng.random())
                numbers = [n for n in range(first, self._sent) if n % self.senders == user]
                tasks.create_task(self._send(session, numbers, rng))

    async def until(self, count: int) -> None:
        """Return when that many are acknowledged."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.acknowledged >= count)

    async def _send(self, session: ClientSession, numbers: list[int], rng: random.Random) -> None:
        for place, number in enumerate(numbers, 1):
            await self._deliver(session, number, rng)
            async with self._changed:
                self.acknowledged += 1
                self._changed.notify_all()
            if rng.random() < 0.1:  # X delivers it again although it got its answer
                self.counts["redelivered"] += 1
                await self._deliver(session, rng.choice(numbers[:place]), rng)
            await asyncio.sleep(rng.uniform(0.0, 0.02))

    async def _deliver(self, session: ClientSession, number: int, rng: random.Random) -> None:
        body = dm(f"message {number}", message_id=number + 1, sender=str(1000 + number % self.senders))
        headers = {
            "content-type": "application/json",
            "x-twitter-webhooks-signature": sign(KEYS["X_CONSUMER_SECRET"], body),
        }
        while True:
            with suppress(ClientConnectionError, TimeoutError):
                async with session.post(f"{self.url}/webhook", data=body, headers=headers) as answer:
                    await answer.read()
                    if answer.status == 200:
                        return
                    assert answer.status == 503, answer.status
            self.counts["unanswered"] += 1
            await asyncio.sleep(rng.uniform(0.01, 0.1))

    def expected(self) -> list[list[str]]:
        """The replies that are due, sender by sender, in order."""
        return [
            [
                f"message {number} is number {place}"
                for place, number in enumerate(range(user, self._sent, self.senders), 1)
            ]
            for user in range(self.senders)
        ]


@dataclass
class Run:
    """One bot on one port, killed while it works."""

    start: Start
    api: UnreliableApi
    folder: Path
    long: bool
    rng: random.Random
    on_unknown: str = "hold"
    MOST: ClassVar[int] = 600

    async def go(self, *, events: int, kills: int) -> Deliveries:
        """Deliver, kill, restart; return when everything is acknowledged and nothing is left to do.

        :param events: how many; with ``-m torture`` 2,000, and 20 kills.
        """
        events, kills = (2000, 20) if self.long else (events, kills)
        port = _free_port()
        self._configure(port)
        bot = await self.start()
        deliveries = Deliveries(f"http://127.0.0.1:{port}", self.rng)
        async with asyncio.timeout(self.MOST), asyncio.TaskGroup() as tasks:
            tasks.create_task(deliveries.run(events))
            for moment in sorted(self.rng.sample(range(1, events), kills)):
                await deliveries.until(moment)
                await asyncio.sleep(self.rng.uniform(0.0, 0.05))
                await bot.kill()
                bot = await self.start()
                if self.rng.random() < 0.3:
                    await self._outage()
        await self._until_replied(events)
        # Conversations are in order: when the last message of each is replied to, nothing before it is left.
        self.api.lost = 0.0
        await deliveries.run(deliveries.senders)
        await self._until_replied(events + deliveries.senders)
        await self._end(bot)
        print(  # noqa: T201 - what the run was like
            f"{events} events, {kills} kills, {dict(deliveries.counts)}, {dict(self.api.counts)}, "
            f"{len(self.api.texts)} messages"
        )
        assert self.api.unsigned == []
        return deliveries

    def replies(self, deliveries: Deliveries) -> list[list[str]]:
        """What came to each sender, in order."""
        return [
            [
                body["text"]
                for method, path, body in self.api.requests
                if method == "POST" and path == f"/2/dm_conversations/with/{1000 + user}/messages"
            ]
            for user in range(deliveries.senders)
        ]

    async def _outage(self) -> None:
        self.api.down = True
        await asyncio.sleep(self.rng.uniform(0.0, 0.3))
        self.api.down = False

    async def _until_replied(self, events: int) -> None:
        async with asyncio.timeout(120 if self.long else 30):
            while len(set(self.api.texts)) < events:
                await self.api.until(len(self.api.texts) + 1)

    async def _end(self, bot: BotProcess) -> None:
        """Stop the bot, and see that nothing is left in its store."""
        assert await bot.end() == 0
        store = open_store(f"sqlite:///{self.folder / 'botkit.db'}")
        await store.open()
        left = {queue.queue: queue.items for queue in await store.stats() if queue.items}
        letters = await store.dead_letters()
        await store.close()
        assert left == {}
        assert letters == []

    def _configure(self, port: int) -> None:
        (self.folder / "plugins").mkdir()
        (self.folder / "plugins" / "echo.py").write_text(textwrap.dedent(PLUGIN))
        (self.folder / "bot.yaml").write_text(
            f"network: x\nserver: {{port: {port}, access_log: false}}\nx:\n  api_url: {self.api.url}\n"
            "  consumer_key: ${X_CONSUMER_KEY}\n  consumer_secret: ${X_CONSUMER_SECRET}\n"
            "  access_token: ${X_ACCESS_TOKEN}\n  access_token_secret: ${X_ACCESS_TOKEN_SECRET}\n"
            "engine: {retry: {first: 10ms, max: 100ms}, look_after: 500ms, "
            f"on_unknown: {self.on_unknown}}}\n"
            "plugins: [echo]\n"
        )


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


@pytest.fixture
async def api() -> AsyncIterator[UnreliableApi]:
    async with UnreliableApi() as stub:
        yield stub


@pytest.fixture
def run(request: pytest.FixtureRequest, start: Start, api: UnreliableApi, tmp_path: Path) -> Run:
    seed = request.config.getoption("--torture-seed", None)
    seed = secrets.randbelow(10**6) if seed is None else seed
    print(f"--torture-seed {seed}")  # noqa: T201 - for whoever repeats it
    rng = random.Random(seed)
    api.rng = random.Random(rng.random())
    return Run(start, api, tmp_path, request.config.option.markexpr == "torture", rng)


async def test_every_acknowledged_event_is_replied_to_once_and_in_order(run: Run) -> None:
    deliveries = await run.go(events=300, kills=5)
    assert run.replies(deliveries) == deliveries.expected()


async def test_lost_answers_are_looked_up_and_double_nothing(run: Run) -> None:
    run.api.lost = 0.05
    deliveries = await run.go(events=150, kills=1)
    assert run.api.counts["answers lost"] > 0
    assert run.replies(deliveries) == deliveries.expected()


async def test_where_nothing_is_listed_resend_sends_at_least_once(run: Run) -> None:
    """Only here something comes twice: the answer was lost, X can't be asked, the policy accepts it."""
    run.api.lost, run.api.lists, run.on_unknown = 0.05, False, "resend"
    deliveries = await run.go(events=100, kills=0)
    replies = run.replies(deliveries)
    assert [list(dict.fromkeys(texts)) for texts in replies] == deliveries.expected()
    assert sum(map(len, replies)) > sum(map(len, deliveries.expected()))
