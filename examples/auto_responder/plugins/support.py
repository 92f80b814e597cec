"""A small support desk in direct messages, in Python: the same idea as the autoresponder, with code."""

from __future__ import annotations

from dataclasses import dataclass

from botkit import (
    Bot,
    DirectMessage,
    Follow,
    Mention,
    command,
    contains,
    on_direct_message,
    on_follow,
    on_mention,
    regex,
)


@dataclass(frozen=True)
class Settings:
    """What bot.yaml may say about this plugin.

    :param shop: the name that the bot speaks for.
    """

    shop: str = "the shop"


@on_direct_message(command("order"))
async def order(event: DirectMessage, bot: Bot, number: int) -> str:
    """``/order 42``; a wrong number is answered with the usage line."""
    bot.state["last_order"] = number
    return f"Order {number} is on its way, {event.sender.name}."


@on_direct_message(regex(r"\b(hi|hello|hey)\b"))
async def hello(event: DirectMessage, bot: Bot) -> str:
    """Greets by name, and differently on the second visit."""
    visits = bot.state.get("visits", 0) + 1
    bot.state["visits"] = visits
    if visits > 1:
        return f"Good to see you again, {event.sender.name}!"
    return f"Hello {event.sender.name}, this is {bot.settings.shop}. Try: /order 42"


@on_direct_message(contains("where") & contains("order"))
async def where(event: DirectMessage, bot: Bot) -> str:
    """Remembers what was asked before in this conversation."""
    number = bot.state.get("last_order")
    if number is None:
        return "Which one? Write /order and its number."
    return f"Order {number} left yesterday."


@on_direct_message(fallback=True)
async def otherwise(event: DirectMessage, bot: Bot) -> str:
    """Answers only what nobody else answered."""
    return "Thanks for your message, a colleague will write to you."


@on_mention(contains("help"))
async def help_in_public(event: Mention, bot: Bot) -> str:
    """A returned text is a reply to the post that mentions the account."""
    return "We are here: send us a direct message."


@on_follow
async def remember(event: Follow, bot: Bot) -> None:
    """X forbids unasked messages to new followers: remember, and greet when they first write."""
    bot.state["followed_at"] = event.at
