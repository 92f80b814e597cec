"""How to test a bot: the real engine around the plugin, no server and no network."""

from __future__ import annotations

from botkit import Mention
from botkit.actions import CreatePost
from botkit.testing import ACCOUNT_ID, Maker, user


async def test_greets_by_name_and_knows_who_was_here_before(bot_tester: Maker) -> None:
    bot = await bot_tester("support", shop="Ada's Bicycles")
    assert await bot.dm("hello", sender="alice") == ["Hello alice, this is Ada's Bicycles. Try: /order 42"]
    assert await bot.dm("Hi again", sender="alice") == ["Good to see you again, alice!"]
    assert await bot.dm("hello", sender="bob") == ["Hello bob, this is Ada's Bicycles. Try: /order 42"]


async def test_a_command_takes_a_number_and_is_remembered(bot_tester: Maker) -> None:
    bot = await bot_tester("support")
    assert await bot.dm("Where is my order?") == ["Which one? Write /order and its number."]
    assert await bot.dm("/order 42") == ["Order 42 is on its way, alice."]
    assert await bot.dm("Where is my order?") == ["Order 42 left yesterday."]


async def test_a_wrong_number_is_answered_with_the_usage(bot_tester: Maker) -> None:
    bot = await bot_tester("support")
    assert await bot.dm("/order bicycle") == ["Usage: /order <number>"]


async def test_everything_else_gets_the_fallback(bot_tester: Maker) -> None:
    bot = await bot_tester("support")
    assert await bot.dm("??") == ["Thanks for your message, a colleague will write to you."]


async def test_a_mention_is_answered_in_public(bot_tester: Maker) -> None:
    bot = await bot_tester("support")
    mention = Mention(
        id="1", account_id=ACCOUNT_ID, at=bot.clock.at, post_id="77", author=user("carol"), text="@bot help"
    )
    (action,) = await bot.send(mention, other_id=user("carol").id)
    assert action == CreatePost(
        text="We are here: send us a direct message.", reply_to="77", to=user("carol").id
    )
