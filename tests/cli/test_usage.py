"""usage and outbox on the store of a bot that does not run: what X charges, and why nothing leaves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from botkit.actions import CreatePost, Queued, SendDirectMessage, ShowTyping
from botkit.engine.outbox import outbox_item
from botkit.engine.spend import Spend
from botkit.log import make_logger
from botkit.store.contract import Store

from .test_inbox import ACCOUNT, ALICE, Bot


async def _spent(store: Store) -> None:
    """Two messages, a post with a URL, and what has no price; a message waits."""
    spend = Spend(
        store,
        process="p1",
        log=make_logger(level="error", format="json"),
        now=time.time,
        budget=200_000,
    )
    for action in (
        SendDirectMessage(to=ALICE, text="hi"),
        SendDirectMessage(to=ALICE, text="hi"),
        CreatePost(text="see https://example.com"),
        ShowTyping(to=ALICE),
    ):
        spend.acted(Queued(ACCOUNT, "shop:order", action))
    await spend.write()
    waiting = Queued(ACCOUNT, "shop:order", SendDirectMessage(to=ALICE, text="later"))
    await store.put([outbox_item(waiting, "waits")])


@pytest.fixture
def bot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bot:
    bot = Bot(tmp_path, capsys)
    bot.store(_spent)
    return bot


def test_usage_for_programs(bot: Bot) -> None:
    shown = bot.json("usage")
    (day,) = shown["days"]
    assert day["spent"] == 0.23
    assert [(line["kind"], line["count"], line["spent"], line["unpriced"]) for line in day["lines"]] == [
        ("dm.send", 2, 0.03, 0),
        ("dm.typing", 1, 0.0, 1),
        ("post.create:url", 1, 0.2, 0),
    ]
    assert shown["per_day"] is None


def test_usage_in_words(bot: Bot) -> None:
    (bot.folder / "bot.yaml").write_text("plugins: [shop]\nbudget: {per_day: 0.20}\n")
    head, message, typing, post, today = bot.ok("usage", "--days", "2").splitlines()
    assert head.split() == ["DAY", "ACCOUNT", "WHAT", "KIND", "COUNT", "US$"]
    assert message.split()[1:] == [ACCOUNT, "action", "dm.send", "2", "0.030"]
    assert typing.split()[1:] == [ACCOUNT, "action", "dm.typing", "1", "no", "price"]
    assert post.split()[1:] == [ACCOUNT, "action", "post.create:url", "1", "0.200"]
    assert today.startswith("today (UTC): $0.230 of $0.20; nothing is sent before ")
    assert today.endswith("T00:00:00Z")


def test_usage_of_a_bot_that_did_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bot = Bot(tmp_path, capsys)

    async def nothing(store: Store) -> None:
        """The store is made."""

    bot.store(nothing)
    assert bot.ok("usage") == "today (UTC): $0.000, no budget\n"


def test_days_that_are_not_kept(bot: Bot) -> None:
    assert "ask for 1 to 62" in bot.problem("usage", "--days", "63")


def test_outbox_says_that_the_budget_is_spent(bot: Bot) -> None:
    last = bot.ok("outbox").splitlines()[-1]
    assert last.startswith("today's budget of $0.20 is spent ($0.23): nothing is sent before ")
    assert bot.json("outbox")["budget"]["per_day"] == 0.2
