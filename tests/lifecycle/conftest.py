"""A simulator and bots beside it in one process, on a clock that tests move: hours pass in a second."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from botkit.app import App, Running
from botkit.config import parse_config
from botkit.hooks.manager import load_plugins
from botkit.keeping.heard import last_contact
from botkit.simulator import Simulator, SimulatorConfig
from botkit.store import open_store

DELIVERIES = ("activity", "activity_stream", "account_activity", "premium", "enterprise")

NOTING = """
import pathlib
from botkit import on_alarm, on_direct_message

HERE = pathlib.Path(__file__).parent

@on_direct_message
async def note(event, bot):
    with (HERE / "seen").open("a") as file:
        file.write(event.text + "\\n")
    return f"echo {event.text}"

@on_alarm
async def ring(alarm):
    with (HERE / "alarms").open("a") as file:
        file.write(f"{alarm.kind} {'on' if alarm.on else 'off'}\\n")
"""


@dataclass
class Time:
    """Virtual time. It stands still but when a test lets it pass; sleepers wake in their order."""

    now: float = field(default_factory=lambda: float(int(time.time())))
    sleepers: dict[asyncio.Future[None], float] = field(default_factory=dict)
    moved: list[Callable[[], None]] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until so much time has passed."""
        future = asyncio.get_running_loop().create_future()
        self.sleepers[future] = self.now + seconds
        try:
            await future
        finally:
            self.sleepers.pop(future, None)

    async def passes(self, seconds: float) -> None:
        """Let time pass."""
        await self.until(lambda: False, at_most_s=seconds)

    async def until(self, true: Callable[[], object], *, at_most_s: float = 3600.0) -> bool:
        """Let time pass until something is so, or no more of it is left; whether it is."""
        end = self.now + at_most_s
        # Not in one leap: what is under way may be about to sleep.
        step_s = max(20.0, at_most_s / 200)
        await self.quiet()
        while not true():
            due = min((at for future, at in self.sleepers.items() if not future.done()), default=end)
            due = min(due, self.now + step_s) if self.now < end else due
            self.now = max(self.now, min(due, end))
            for told in self.moved:
                told()
            if due > end or (due == end == self.now and not self._due()):
                break
            for future, at in list(self.sleepers.items()):
                if at <= self.now and not future.done():
                    future.set_result(None)
            await self.quiet()
        return bool(true())

    def _due(self) -> bool:
        return any(at <= self.now and not future.done() for future, at in self.sleepers.items())

    async def quiet(self) -> None:
        """Let what is under way on this machine come to rest: it takes no virtual time."""
        for _ in range(20):
            await asyncio.sleep(0)
        # Sockets and the store's threads are others', and take a moment of the real clock.
        await asyncio.sleep(0.002)


@dataclass
class Place:
    """A simulator, and where a bot runs."""

    sim: Simulator
    time: Time
    folder: Path
    port: int
    log: Any

    def config(self, delivery: str, more: str = "", x: str = "") -> str:
        """bot.yaml for that delivery."""
        keys = self.sim.config
        public = "" if delivery == "activity_stream" else f", public_url: 'http://127.0.0.1:{self.port}'"
        environment = "environment: dev, " if delivery == "premium" else ""
        return f"""
network: x
server: {{port: {self.port}{public}, access_log: false}}
x: {{delivery: {delivery}, {environment}{x} api_url: '{self.sim.url}',
  consumer_key: '{keys.consumer_key}', consumer_secret: '{keys.consumer_secret}',
  access_token: '{keys.access_token}', access_token_secret: '{keys.access_token_secret}'}}
store: 'sqlite:///bot.db'
{more}
plugins: [noting]
"""

    @asynccontextmanager
    async def bot(self, text: str) -> AsyncIterator[App]:
        """A bot that runs until the block ends, and then stops as with SIGTERM."""
        config = parse_config(text, file=self.folder / "bot.yaml", environ={})
        app = App(
            config,
            load_plugins(config, log=self.log.logger),
            log=self.log.logger,
            now=self.time,
            sleep=self.time.sleep,
        )
        ready = asyncio.Event()

        def told(_: Running) -> None:
            ready.set()

        running = asyncio.create_task(app.run(told))
        starting = asyncio.create_task(ready.wait())
        async with asyncio.timeout(10):
            await asyncio.wait({running, starting}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            starting.cancel()
            running.result()
        try:
            yield app
        finally:
            app.stop()
            async with asyncio.timeout(20):
                await running

    def says(self, name: str, text: str) -> None:
        """Somebody writes to the bot."""
        world = self.sim.world
        sender = world.named(name)
        assert sender is not None
        world.send(sender, world.users[self.sim.config.bot_id], text)

    @property
    def seen(self) -> list[str]:
        """The texts that the bot has handled."""
        return _lines(self.folder / "plugins" / "seen")

    @property
    def alarms(self) -> list[str]:
        """The alarms that plugins were told, in order."""
        return _lines(self.folder / "plugins" / "alarms")

    @property
    def answers(self) -> list[str]:
        """What the bot wrote, to anybody."""
        bot = self.sim.config.bot_id
        return [message.text for message in self.sim.world.messages.values() if message.sender_id == bot]

    async def until(self, true: Callable[[], object]) -> None:
        """Wait in real time: for what takes no virtual time."""
        async with asyncio.timeout(10):
            while not true():
                await self.time.quiet()

    async def stored(self) -> dict[str, Any]:
        """What a bot that does not run keeps about X."""
        store = open_store(f"sqlite:///{self.folder / 'bot.db'}", clock=self.time)
        await store.open()
        try:
            states = {key: json.loads(value) for key, value in (await store.states("keeping:")).items()}
            return {**states, "contact": await last_contact(store)}
        finally:
            await store.close()


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
async def place_with(tmp_path: Path, log: Any) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Place:
            clock = Time()
            sim = Simulator(
                SimulatorConfig(enforce_limits=False, **settings),
                log=log.logger.bind(part="simulator"),
                clock=clock,
                sleep=clock.sleep,
            )
            await stack.enter_async_context(sim)

            def follow() -> None:
                # Signatures carry the real time, which this X is to take for its own.
                sim.rules.clock_skew_s = time.time() - clock.now

            clock.moved.append(follow)
            follow()
            (tmp_path / "plugins").mkdir(exist_ok=True)
            (tmp_path / "plugins" / "noting.py").write_text(NOTING)
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
            return Place(sim, clock, tmp_path, port, log)

        yield start


@pytest.fixture
async def place(place_with: Callable[..., Any]) -> Place:
    """X repeats nothing here by itself: what comes late comes because it was asked for."""
    started: Place = await place_with(retry_delays_s=())
    return started
