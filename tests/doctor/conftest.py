"""A bot with a bot.yaml at a simulator of its own, set up rightly: what the tests then break."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from botkit.config import load_config
from botkit.doctor import Result, Settings, examine
from botkit.hooks.manager import load_plugins
from botkit.network.client import Client
from botkit.network.credentials import Credentials
from botkit.network.keys import KeyRing
from botkit.network.lifecycle import Desired, make_so
from botkit.network.transport import AiohttpTransport
from botkit.network.vault import Account, Vault
from botkit.simulator import Simulator, SimulatorConfig
from botkit.store import open_store

PLUGIN = """
from botkit import *

@on_direct_message
async def hello(event, bot):
    return "hello"
"""
YAML = """
network: x
server: {{port: {port}, public_url: "{public_url}"}}
store: {store}
x:
  api_url: {api_url}
  delivery: {delivery}
  consumer_key: ${{X_CONSUMER_KEY}}
  consumer_secret: ${{X_CONSUMER_SECRET}}
  access_token: ${{X_ACCESS_TOKEN}}
  access_token_secret: ${{X_ACCESS_TOKEN_SECRET}}
  client_id: simulator-client-id
  client_secret: simulator-client-secret
{more}
plugins: [hello]
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Place:
    """A bot's folder and the X that it faces.

    :ivar values: what stands in bot.yaml.
    :ivar environ: the bot's environment.
    """

    folder: Path
    sim: Simulator
    stack: AsyncExitStack
    values: dict[str, Any]
    environ: dict[str, str]
    log: Any
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "bot.yaml"

    @property
    def public_url(self) -> str:
        return str(self.values["public_url"])

    @property
    def keys(self) -> Credentials:
        config = self.sim.config
        return Credentials(
            config.consumer_key,
            config.consumer_secret,
            config.access_token,
            config.access_token_secret,
            client_id=config.client_id,
            client_secret=config.client_secret,
        )

    def write(self) -> None:
        """bot.yaml, and the environment as .env."""
        self.file.write_text(YAML.format(**self.values))
        (self.folder / ".env").write_text(
            "".join(f"{name}={value}\n" for name, value in self.environ.items())
        )

    async def control(self, what: str, body: dict[str, Any], method: str = "POST") -> Any:
        """Ask the simulator's control API."""
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"{self.sim.url}/_sim/{what}", json=body) as answer,
        ):
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def connected(self) -> None:
        """Webhook and subscriptions are at X, as a bot that ran has left them."""
        self.write()
        config = load_config(self.file, environ={})
        transport = AiohttpTransport()
        try:
            if config.x.delivery != "activity_stream":
                product = {"premium": "premium:dev", "enterprise": "enterprise"}.get(config.x.delivery, "v2")
                await self.control("webhook", {"url": f"{self.public_url}/webhook", "product": product})
            await make_so(
                Client(transport, self.keys, api_url=self.sim.url),
                Desired(
                    delivery=config.x.delivery,
                    url=f"{self.public_url}/webhook",
                    events=load_plugins(config).needed_events(),
                    environment=config.x.environment or "",
                ),
                log=self.log.logger,
            )
        finally:
            await transport.close()

    async def sign_in(self, account: Account) -> None:
        """Keep an account's tokens as the bot would."""
        store = open_store(f"sqlite:///{self.folder / 'bot.db'}")
        await store.open()
        try:
            await Vault(store, KeyRing(self.folder, {})).put(account)
        finally:
            await store.close()

    async def serve(self, handler: Callable[[web.Request], Any]) -> str:
        """Something in front of the bot: its address."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        self.stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def examine(self) -> dict[str, Result]:
        """What the doctor finds, by check."""
        self.write()
        found = examine(self.file, log=self.log.logger, environ={}, settings=Settings(**self.settings))
        return {result.name: result async for result in found}


@pytest.fixture
async def place(tmp_path: Path, log: Any) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(Simulator(SimulatorConfig(), log=log.logger))
        (tmp_path / "plugins").mkdir()
        (tmp_path / "plugins" / "hello.py").write_text(PLUGIN)
        port = free_port()
        values = {
            "port": port,
            "public_url": f"http://127.0.0.1:{port}",
            "store": "sqlite:///bot.db",
            "api_url": sim.url,
            "delivery": "activity",
            "more": "",
        }
        config = sim.config
        environ = {
            "X_CONSUMER_KEY": config.consumer_key,
            "X_CONSUMER_SECRET": config.consumer_secret,
            "X_ACCESS_TOKEN": config.access_token,
            "X_ACCESS_TOKEN_SECRET": config.access_token_secret,
        }
        yield Place(tmp_path, sim, stack, values, environ, log)


@pytest.fixture
def never() -> asyncio.Event:
    """Waited for by whoever never answers."""
    return asyncio.Event()
