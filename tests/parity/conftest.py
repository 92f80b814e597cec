"""A simulator, someone who talks to it, and X's description that holds both to their word."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from botkit.simulator import Simulator, SimulatorConfig
from botkit.x.oauth import authorization
from botkit.x.signature import answer_crc
from tests.parity.spec import Description, Spec


@dataclass
class Wire:
    """Speaks v2 with a simulator; everything is held to the description."""

    sim: Simulator
    http: aiohttp.ClientSession
    spec: Spec
    hook: str
    _nonce: int = field(default=0)

    @property
    def bot(self) -> str:
        """The bot's id."""
        return self.sim.config.bot_id

    def id(self, name: str) -> str:
        """A user's id."""
        user = self.sim.world.named(name)
        assert user is not None
        return user.id

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        auth: str = "user",
        form: aiohttp.FormData | None = None,
        wrong: bool = False,
        status: int = 200,
    ) -> Any:
        """One exchange as the ``user`` (OAuth 1.0a), with an ``oauth2`` token, or as the ``app``.

        :param form: a multipart body.
        :param wrong: the request is meant to be wrong.
        """
        url, headers = f"{self.sim.url}{path}", {"authorization": self._shown(auth, method, path)}
        data: bytes | None = None
        if form is not None:
            payload = form()
            data, headers["content-type"] = await _bytes(payload), payload.headers["content-type"]
        elif body is not None:
            data, headers["content-type"] = json.dumps(body).encode(), "application/json"
        async with self.http.request(method, url, data=data, headers=headers) as answer:
            text = await answer.read()
        assert answer.status == status, text
        self.spec.check(
            method,
            url,
            headers,
            data,
            status=answer.status,
            answer=text,
            answer_type=answer.content_type,
            wrong=wrong,
        )
        return json.loads(text) if answer.content_type.endswith("json") else text

    def _shown(self, auth: str, method: str, path: str) -> str:
        config = self.sim.config
        if auth != "user":
            return f"Bearer {config.bearer_token if auth == 'app' else config.oauth2_token}"
        self._nonce += 1
        given = {
            "oauth_consumer_key": config.consumer_key,
            "oauth_nonce": f"n{self._nonce}",
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": str(int(time.time())),
            "oauth_token": config.access_token,
            "oauth_version": "1.0",
        }
        return authorization(
            method,
            f"{self.sim.url}{path}",
            given,
            consumer_secret=config.consumer_secret,
            token_secret=config.access_token_secret,
        )


async def _bytes(payload: Any) -> bytes:
    class Writer:
        data = b""

        async def write(self, chunk: bytes) -> None:
            self.data += chunk

    writer = Writer()
    await payload.write(writer)
    return writer.data


@pytest.fixture(scope="session")
def description() -> Description:
    """X's description; reading it takes a while."""
    return Description()


@pytest.fixture
def spec(description: Description) -> Spec:
    """What holds exchanges to it."""
    return Spec(description)


@pytest.fixture
async def hook() -> AsyncIterator[str]:
    """The address of a webhook that answers challenges with the simulator's default secret."""

    async def answer(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.Response()
        secret = SimulatorConfig().consumer_secret
        body = answer_crc([secret], request.rel_url.raw_query_string)
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.add_routes([web.route("*", "/hook", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    await runner.cleanup()


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    """A simulator on the machine's clock, as a bot meets it."""
    config = SimulatorConfig(limits="relaxed", media_processing_s=0.0)
    async with Simulator(config, log=structlog.get_logger()) as sim:
        yield sim


@pytest.fixture
async def wire(sim: Simulator, spec: Spec, hook: str) -> AsyncIterator[Wire]:
    """Someone who talks to it."""
    async with aiohttp.ClientSession() as http:
        yield Wire(sim, http, spec, hook)
