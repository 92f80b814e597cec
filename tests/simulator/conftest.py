"""A running simulator, the bot's side of it (signed requests, a webhook), a clock that tests move by hand."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import structlog
from aiohttp import web
from authlib.oauth1 import ClientAuth
from authlib.oauth1.rfc5849.parameters import prepare_headers

from botkit.simulator import Simulator, SimulatorConfig
from botkit.x.signature import answer_crc, check_signature

START = 1_790_000_000.0
PAYLOADS = Path(__file__).parent.parent / "payloads"


@dataclass
class Clock:
    """Time that stands still until a test moves it; sleepers wait for that."""

    now: float = START
    sleepers: list[tuple[float, asyncio.Future[None]]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved past the end."""
        future = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.now + seconds, future))
        self.changed.set()
        await future

    def move(self, seconds: float) -> None:
        """Move on, and wake whoever is due."""
        self.now += seconds
        due = [one for one in self.sleepers if one[0] <= self.now]
        self.sleepers = [one for one in self.sleepers if one[0] > self.now]
        for _, future in due:
            if not future.done():
                future.set_result(None)

    async def sleeping_until(self, at: float) -> None:
        """Wait until somebody sleeps to this time."""
        async with asyncio.timeout(10):
            while not any(end == at and not future.done() for end, future in self.sleepers):
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Webhook:
    """The bot's end: answers challenges, and keeps what is posted."""

    secret: str
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    crcs: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    crc: Callable[[str], web.Response] | None = None
    hold: asyncio.Event | None = None
    got: asyncio.Condition = field(default_factory=asyncio.Condition)
    url: str = ""

    async def handle(self, request: web.Request) -> web.Response:
        """The webhook."""
        if request.method == "GET":
            self.crcs.append(request.query_string)
            if self.crc is not None:
                return self.crc(request.query["crc_token"])
            header = request.headers["x-twitter-webhooks-signature"]
            body = answer_crc([self.secret], request.rel_url.raw_query_string, header)
            return web.Response(body=body, content_type="application/json")
        body = await request.read()
        self.bodies.append(body)
        self.signatures.append(request.headers["x-twitter-webhooks-signature"])
        assert request.headers["content-type"] == "application/json"
        async with self.got:
            self.got.notify_all()
        if self.hold is not None:
            await self.hold.wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)

    async def until(self, count: int) -> list[dict[str, Any]]:
        """The first ``count`` bodies, decoded, as soon as there are that many; their signatures are right."""
        async with asyncio.timeout(10), self.got:
            await self.got.wait_for(lambda: len(self.bodies) >= count)
        return [json.loads(body) for body in self.bodies]

    def check(self) -> None:
        """All signatures are right."""
        for body, signature in zip(self.bodies, self.signatures, strict=True):
            check_signature([self.secret], body, signature)


@dataclass
class Rig:
    """Everything a test works with."""

    sim: Simulator
    clock: Clock
    http: aiohttp.ClientSession
    webhook: Webhook

    @property
    def bot_id(self) -> str:
        """The bot's id."""
        return self.sim.config.bot_id

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: str = "user",
        form: dict[str, str] | None = None,
        **keys: str,
    ) -> tuple[int, Any, Any]:
        """A request as the bot (``user``), the ``app`` or unsigned (``none``): status, JSON, headers."""
        url, headers, data = f"{self.sim.url}{path}", dict[str, str](), b""
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            data = urlencode(form).encode()
        elif body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        if auth == "user":
            headers = self.signed(method, url, headers, data.decode() if form is not None else "", **keys)
        elif auth == "app":
            headers["Authorization"] = f"Bearer {keys.get('bearer', self.sim.config.bearer_token)}"
        elif auth == "oauth2":
            headers["Authorization"] = f"Bearer {self.sim.config.oauth2_token}"
        async with self.http.request(method, url, data=data or None, headers=headers) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None, answer.headers

    def signed(
        self, method: str, url: str, headers: dict[str, str], form: str = "", **keys: str
    ) -> dict[str, str]:
        """The headers, with authlib's OAuth 1.0a signature at the test's time."""
        config = self.sim.config
        signer = ClientAuth(
            keys.get("consumer_key", config.consumer_key),
            keys.get("consumer_secret", config.consumer_secret),
            keys.get("token", config.access_token),
            keys.get("token_secret", config.access_token_secret),
        )
        nonce = keys.get("nonce", f"{random.getrandbits(64):x}")
        params = signer.get_oauth_params(nonce, keys.get("timestamp", str(int(self.clock.now))))
        unsigned = prepare_headers(params, headers, realm=None)
        params.append(("oauth_signature", signer.get_oauth_signature(method, url, unsigned, form)))
        return dict(prepare_headers(params, headers, realm=None))

    async def control(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """A request to the control API."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.http.request(
            method, f"{self.sim.url}/_sim/{path}", json=body, headers=sent
        ) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text else None

    async def register(self) -> str:
        """Register the webhook and return its id."""
        status, body, _ = await self.call("POST", "/2/webhooks", {"url": self.webhook.url})
        assert status == 200, body
        webhook_id: str = body["data"]["id"]
        return webhook_id

    async def subscribe_all(self) -> str:
        """Register, and subscribe the bot by Account Activity."""
        webhook_id = await self.register()
        path = f"/2/account_activity/webhooks/{webhook_id}/subscriptions/all"
        status, body, _ = await self.call("POST", path, {})
        assert status == 200, body
        return webhook_id

    async def subscribe(self, *event_types: str, **more: Any) -> str:
        """Register, and subscribe the bot's events by X Activity."""
        webhook_id = await self.register()
        for event_type in event_types:
            wanted = {
                "event_type": event_type,
                "filter": {"user_id": self.bot_id},
                "webhook_id": webhook_id,
                **more,
            }
            status, body, _ = await self.call("POST", "/2/activity/subscriptions", wanted)
            assert status == 200, body
        return webhook_id

    async def log(self, kind: str) -> list[dict[str, Any]]:
        """The log's entries of one kind."""
        _, body = await self.control("GET", "log?after=0")
        return [entry for entry in body["entries"] if entry["kind"] == kind]

    def user(self, name: str) -> str:
        """A user's id."""
        found = self.sim.world.named(name)
        assert found is not None
        return found.id


@pytest.fixture
async def rig_with() -> AsyncIterator[Callable[..., Awaitable[Rig]]]:
    """Makes rigs: ``await rig_with(webhook_limit=2)`` is one whose simulator is configured so."""
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Rig:
            clock = Clock()
            sim = Simulator(
                SimulatorConfig(**settings),
                clock=clock,
                sleep=clock.sleep,
                rng=random.Random(7),
                log=structlog.get_logger(),
            )
            await stack.enter_async_context(sim)
            webhook = Webhook(sim.config.consumer_secret)
            app = web.Application()
            app.add_routes([web.route("*", "/hook", webhook.handle)])
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            webhook.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
            http = await stack.enter_async_context(aiohttp.ClientSession())
            return Rig(sim, clock, http, webhook)

        yield start


@pytest.fixture
async def rig(rig_with: Callable[..., Awaitable[Rig]]) -> Rig:
    """A rig with the default configuration."""
    return await rig_with()


@pytest.fixture
def sample() -> Callable[[str], Any]:
    """A recorded body of X's, decoded."""
    return lambda name: json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
