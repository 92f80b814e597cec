"""Autoresponders as bot.yaml would make them."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from botkit import DirectMessageSent, User
from botkit.config import parse_config
from botkit.engine.outbox import sent_key
from botkit.hooks.manager import load_plugins
from botkit.store.contract import Done, Effects, NewItem, Settlement, Store
from botkit.testing import ACCOUNT_ID, BotTester, Clock, Maker, user

ROOT = Path(__file__).resolve().parents[2]

Responder = Callable[..., Awaitable[BotTester]]


@pytest.fixture
def responder(bot_tester: Maker) -> Responder:
    """Makes a bot of the plugin with these settings."""

    async def make(**settings: Any) -> BotTester:
        return await bot_tester("autoresponder", folder=ROOT, **settings)

    return make


@pytest.fixture
def beside(tmp_path: Path, store: Store, clock: Clock) -> Callable[[str, str], BotTester]:
    """Makes a bot of the plugin and another one: ``beside(settings, source)``."""

    def make(settings: str, source: str) -> BotTester:
        (tmp_path / "plugins").mkdir()
        shutil.copy(ROOT / "plugins" / "autoresponder.py", tmp_path / "plugins")
        (tmp_path / "plugins" / "other.py").write_text(f"from botkit import *\n{source}")
        text = f"plugins:\n  - autoresponder: {settings}\n  - other\n"
        hooks = load_plugins(parse_config(text, file=tmp_path / "bot.yaml", environ={}))
        return BotTester(hooks, store, clock)

    return make


@pytest.fixture
def wrote() -> Callable[..., Awaitable[None]]:
    """The account wrote to someone: its owner by hand, or (``by_bot``) the bot, which the store remembers."""

    async def send(bot: BotTester, *, to: str = "alice", by_bot: bool = False) -> None:
        other, message_id = user(to), f"9{int(bot.clock.now)}"
        if by_bot:
            await remember(bot._store, {sent_key(ACCOUNT_ID, message_id): b"1"})
        event = DirectMessageSent(
            id=f"{ACCOUNT_ID}:dm:{message_id}",
            account_id=ACCOUNT_ID,
            at=bot.clock.at,
            by_us=True,
            message_id=message_id,
            sender=User(id=ACCOUNT_ID, username="bot", name="bot"),
            recipient=other,
            text="I am looking into it.",
        )
        await bot.send(event, other_id=other.id)

    return send


async def remember(store: Store, state: Mapping[str, bytes]) -> None:
    """Write marks into the store, as the sender does when X has answered."""
    await store.put([NewItem("mark", "mark", "mark", b"")])
    worker = await store.register("mark", 60.0)
    (claim,) = await store.claim(worker, "mark", 1, 1)
    assert await store.settle(worker, Settlement(claim, claim.items[0].seq, Done(), Effects(state=state)))


@pytest.fixture
def set_clock() -> Callable[[BotTester, str], None]:
    """Set a bot's clock to a time with its offset, such as ``2026-03-06T18:00+01:00``."""

    def move(bot: BotTester, at: str) -> None:
        moment = datetime.fromisoformat(at)
        assert moment.tzinfo is not None
        bot.clock.now = moment.timestamp()

    return move
