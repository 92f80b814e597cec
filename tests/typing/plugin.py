"""A plugin as its author's type checker sees it: this file must pass `mypy --strict`.

Every line that carries an ignore must be an error without it: strict mode reports those that are not needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import assert_type

from botkit import (
    AppInfo,
    Bot,
    DeadLetter,
    DirectMessage,
    Event,
    Filter,
    Follow,
    Handler,
    Mention,
    PluginSetup,
    command,
    contains,
    from_user,
    has_link,
    has_media,
    hookimpl,
    is_reply,
    on_dead_letter,
    on_direct_message,
    on_error,
    on_event,
    on_follow,
    on_mention,
    on_shutdown,
    on_startup,
    quick_reply,
    regex,
    where,
)


@dataclass(frozen=True)
class Settings:
    greeting: str = "Hello"


def is_long(event: DirectMessage) -> bool:
    return len(event.text) > 100


def is_any(event: Event) -> bool:
    return bool(event.id)


@on_direct_message
async def bare(event: DirectMessage, bot: Bot) -> str | None:
    return f"Hello {event.sender.name}"


@on_direct_message()
async def called(event: DirectMessage, bot: Bot) -> None:
    await bot.reply("Hello")


@on_direct_message(command("order"), timeout=10, attempts=3)
async def order(event: DirectMessage, bot: Bot, number: int, note: str = "") -> str:
    return f"Order {number} {note}"


@on_direct_message(contains("price") & ~from_user("bob"), is_long, is_any, lambda event: "!" in event.text)
async def filtered(event: DirectMessage) -> str:
    return event.text


@on_direct_message(where=is_long, fallback=True, own=False, trylast=True)
async def fallback(bot: Bot) -> None: ...


@on_direct_message(quick_reply("yes") | (has_media("photo") & is_long) | where(is_any, name="any"))
@on_mention(is_reply | has_link)
async def stacked(event: DirectMessage | Mention) -> None: ...


@on_mention(regex(r"(?P<day>\d+)"))
async def nothing_but_the_group(day: int) -> None: ...


@on_event
async def everything(event: Event) -> None: ...


@on_startup
async def begin(app: AppInfo) -> None: ...


@on_shutdown(tryfirst=True)
async def end() -> None: ...


@on_error
async def failed(event: Event, handler: Handler, error: BaseException) -> None: ...


@on_dead_letter
async def dead(letter: DeadLetter) -> None: ...


@hookimpl
async def accept_event(event: Event) -> bool | None:
    return None


@hookimpl
@asynccontextmanager
async def around_handler(event: Event, handler: Handler) -> AsyncIterator[None]:
    yield


@hookimpl(tryfirst=True)
def setup(plugin: PluginSetup) -> None:
    plugin.add(on_follow, greet, lambda event: event.by_us, own=True, name="greet-own")
    plugin.add("on_direct_message", bare, contains("hello"), fallback=True, timeout=3)
    plugin.add(on_follow, greet, fallbak=True)  # type: ignore[call-arg]  # no such option
    plugin.add(on_follow, sync_greet)  # type: ignore[arg-type]  # not async


@on_follow
async def greet(event: Follow, bot: Bot) -> str:
    return "hello"


def sync_greet(event: Follow, bot: Bot) -> str:
    return "hello"


# A decorated function keeps its own type, so that a test can call it.
assert_type(contains("price") & is_long, Filter)
assert_type(contains("price")(DirectMessage.__new__(DirectMessage)), bool)


async def calls_its_own_handlers(event: DirectMessage, bot: Bot) -> None:
    assert_type(await order(event, bot, 42), str)
    assert_type(await order(event, bot, number=42, note="soon"), str)
    assert_type(await bare(event, bot), str | None)
    await order(event, bot, "42")  # type: ignore[arg-type]  # the handler wants an int


# What must be flagged.


@on_direct_message  # type: ignore[type-var]  # not async
def sync_bare(event: DirectMessage, bot: Bot) -> str:
    return "hello"


@on_direct_message  # type: ignore[type-var]  # not async, and no predicate either
def sync_of_one_argument(event: DirectMessage) -> str:
    return "hello"


@on_direct_message(contains("price"))  # type: ignore[type-var]  # not async
def sync_called(event: DirectMessage, bot: Bot) -> str:
    return "hello"


@on_direct_message  # type: ignore[type-var]  # an answer is a text
async def wrong_answer(event: DirectMessage, bot: Bot) -> int:
    return 42


@on_direct_message("price")  # type: ignore[call-overload, untyped-decorator]  # a filter is no text
async def wrong_filter(event: DirectMessage, bot: Bot) -> None: ...


@on_direct_message(timeot=3)  # type: ignore[call-overload, untyped-decorator]  # no such option
async def wrong_option(event: DirectMessage, bot: Bot) -> None: ...


def follows_us(event: Follow) -> bool:
    return not event.by_us


@on_direct_message(follows_us)  # type: ignore[arg-type, type-var]  # another event's predicate
async def wrong_predicate(event: DirectMessage, bot: Bot) -> None: ...
