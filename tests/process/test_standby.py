"""Two bots on one PostgreSQL share a stream: one reads it, and the other takes over when that one dies."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog

from botkit.simulator import Simulator, SimulatorConfig

from .conftest import BotProcess

PLUGIN = """
from botkit import on_direct_message

@on_direct_message
async def echo(event, bot):
    return f"echo {event.text}"
"""
YAML = """
network: x
server: {{port: 0, access_log: false}}
store: {store}
x:
  delivery: activity_stream
  api_url: {api_url}
  consumer_key: {consumer_key}
  consumer_secret: {consumer_secret}
  access_token: {access_token}
  access_token_secret: {access_token_secret}
engine: {{retry: {{first: 10ms, max: 50ms}}}}
log: {{level: debug}}
plugins: [echo]
"""


@dataclass
class Pair:
    """Bots that are the same bot, and the X that they share."""

    sim: Simulator
    folder: Path
    bots: list[BotProcess] = field(default_factory=list)

    async def start(self) -> BotProcess:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "botkit", "run", "bot.yaml"),
            cwd=self.folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        bot = BotProcess(process)
        self.bots.append(bot)
        await bot.line("ready")
        return bot

    def write(self, *texts: str) -> None:
        """alice writes to the bot."""
        alice = self.sim.world.named("alice")
        assert alice is not None
        for text in texts:
            self.sim.world.send(alice, self.sim.world.users[self.sim.config.bot_id], text)

    @property
    def answers(self) -> Counter[str]:
        """What the bot wrote to anybody."""
        return Counter(
            message.text
            for message in self.sim.world.messages.values()
            if message.sender_id == self.sim.config.bot_id
        )

    async def answered(self, count: int) -> None:
        """Return when that many messages were written by the bot; 40 seconds at most."""
        async with asyncio.timeout(40):
            with self.sim.feed.listen() as told:
                while self.answers.total() < count:
                    await told.get()

    async def takes_over(self, bot: BotProcess) -> None:
        """Return when it reads the stream; 40 seconds at most, long after the lease of the other."""
        async with asyncio.timeout(40), bot._written:
            await bot._written.wait_for(lambda: any(line["event"] == "stream_opened" for line in bot.lines))

    @property
    def readers(self) -> int:
        return len(self.sim.streams.connections("active"))


@pytest.fixture
async def pair(tmp_path: Path, postgres_url: str) -> AsyncIterator[Pair]:
    keys: dict[str, Any] = {
        name: getattr(SimulatorConfig(), name)
        for name in ("consumer_key", "consumer_secret", "access_token", "access_token_secret")
    }
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "echo.py").write_text(PLUGIN)
    config = SimulatorConfig(limits="relaxed")
    async with Simulator(config, log=structlog.get_logger(), rng=random.Random(7)) as sim:
        (tmp_path / "bot.yaml").write_text(YAML.format(store=postgres_url, api_url=sim.url, **keys))
        pair = Pair(sim, tmp_path)
        yield pair
        for bot in pair.bots:
            if bot._process.returncode is None:
                await bot.kill()
            await bot._reading


async def test_one_reads_the_other_takes_over_and_each_event_is_answered_once(pair: Pair) -> None:
    first = await pair.start()
    await first.line("stream_opened")
    second = await pair.start()
    await second.line("stands_by")
    assert pair.readers == 1

    pair.write("one", "two", "three")
    await pair.answered(3)

    pair.write("last words")  # it may have been stored, begun, or sent: nobody knows
    first._process.send_signal(signal.SIGKILL)
    pair.write("while nobody reads")
    await first.kill()
    pair.write("nobody, still")
    await pair.takes_over(second)
    assert pair.readers == 1
    pair.write("read by the second")

    await pair.answered(7)
    assert await second.end() == 0
    assert pair.answers == Counter(
        f"echo {text}"
        for text in (
            *("one", "two", "three"),
            *("last words", "while nobody reads", "nobody, still", "read by the second"),
        )
    )


async def test_a_reader_that_stops_lets_the_other_take_over_at_once(pair: Pair) -> None:
    first = await pair.start()
    await first.line("stream_opened")
    second = await pair.start()
    await second.line("stands_by")
    assert await first.end() == 0
    pair.write("in between")
    await pair.takes_over(second)
    await pair.answered(1)
    assert pair.answers == {"echo in between": 1}
