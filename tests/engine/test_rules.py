"""What X's self-serve packages forbid is refused when the handler asks, with the reason."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from botkit.actions import CreatePost
from botkit.engine.turn import TurnSettings
from botkit.errors import ActionRefused
from botkit.events import Follow, Mention, Quote, Reply, User
from botkit.rules import Rules

from .conftest import ACCOUNT, Bench, dm

AT = datetime(2026, 1, 1, tzinfo=UTC)
ALICE = User(id="7", username="alice")
SELF_SERVE = Rules("self-serve")
POST = {"id": "e", "account_id": ACCOUNT, "at": AT, "post_id": "1", "author": ALICE}


@pytest.mark.parametrize(
    "event",
    [
        Mention(**POST),
        Quote(**POST),
        Reply(**POST, mentions=(User(id=ACCOUNT),)),
    ],
    ids=["a mention", "a quote", "a reply that mentions"],
)
def test_who_mentions_or_quotes_the_account_summons_it(event: Mention | Quote | Reply) -> None:
    SELF_SERVE.check_reply(event)


def test_a_plain_reply_summons_nobody() -> None:
    with pytest.raises(
        ActionRefused, match="reply only when the post's author @mentioned the account or quoted"
    ):
        SELF_SERVE.check_reply(Reply(**POST))
    Rules("enterprise").check_reply(Reply(**POST))


def test_one_cashtag_is_allowed_and_prices_are_none() -> None:
    SELF_SERVE.check_post("Buy $ACME for $5 or $10", quote=False)
    with pytest.raises(ActionRefused, match="one cashtag"):
        SELF_SERVE.check_post("$ACME or $INIT", quote=False)
    Rules("enterprise").check_post("$ACME or $INIT", quote=True)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("await bot.like('1')", "don't let a bot like posts"),
        ("await bot.follow(event.sender)", "don't let a bot follow people"),
        ("await bot.block(event.sender)", "don't let a bot block people"),
        ("await bot.post('x', quote='1')", "don't let a bot quote posts"),
        ("await bot.post('x' * 281)", "a post weighs at most 280, this one 281"),
        ("await bot.post('$ACME $INIT')", "one cashtag"),
    ],
)
async def test_the_handler_is_told_why(bench: Bench, body: str, said: str) -> None:
    bench.settings = dataclasses.replace(bench.settings, rules=SELF_SERVE)
    bench.load(f"@on_direct_message\nasync def handler(event, bot):\n    {body}\n")
    await bench.put(dm())
    await bench.step()
    (letter,) = await bench.store.dead_letters()
    assert said in letter.error
    assert letter.attempts == 1
    assert await bench.queued() == []


async def test_accounts_that_may_post_longer_texts(bench: Bench) -> None:
    bench.settings = TurnSettings(rules=Rules(long_posts=True))
    bench.load("@on_direct_message\nasync def handler(event, bot):\n    await bot.post('x' * 20_000)\n")
    await bench.put(dm())
    await bench.step()
    (queued,) = await bench.queued()
    assert isinstance(queued.action, CreatePost)
    assert len(queued.action.text) == 20_000


def test_what_is_no_post_is_no_reply() -> None:
    follow = Follow(id="f", account_id=ACCOUNT, at=AT, source=ALICE, target=User(id=ACCOUNT))
    with pytest.raises(ActionRefused):
        SELF_SERVE.check_reply(follow)
