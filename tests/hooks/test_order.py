"""Who runs for an event, in which order, once per plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from botkit.events import UnknownEvent
from botkit.hooks.handler import Match
from botkit.hooks.manager import Hooks


def ids(matches: Iterable[Match]) -> list[str]:
    """The handlers' ids."""
    return [match.handler.id for match in matches]


def plugin(*handlers: str) -> str:
    """A plugin with these handlers: ``decorator`` or ``decorator -> name``."""
    lines = ["from botkit import *"]
    for number, given in enumerate(handlers):
        decorator, _, name = given.partition(" -> ")
        lines.append(f"@{decorator}\nasync def {name or f'h{number}'}(event): ...")
    return "\n".join(lines)


def test_plugins_run_in_the_order_of_bot_yaml(load: Callable[..., Hooks], make: Any) -> None:
    """Not in pluggy's order, which is the opposite."""
    one = plugin("on_direct_message")
    hooks = load("- b\n- c\n- a", a=one, b=one, c=one)
    assert ids(hooks.table.select(make.dm("hello")).matches) == ["b:h0", "c:h0", "a:h0"]


def test_tryfirst_and_trylast_stand_before_and_after_all_plugins(
    load: Callable[..., Hooks], make: Any
) -> None:
    """Among themselves they keep the order of bot.yaml."""
    hooks = load(
        "- a\n- b\n- c\n- d",
        a=plugin("on_direct_message(trylast=True)"),
        b=plugin("on_direct_message"),
        c=plugin("on_direct_message(tryfirst=True)"),
        d=plugin("on_direct_message(tryfirst=True)"),
    )
    assert ids(hooks.table.select(make.dm("hello")).matches) == ["c:h0", "d:h0", "b:h0", "a:h0"]


def test_the_first_handler_of_a_plugin_that_matches_takes_the_event(
    load: Callable[..., Hooks], make: Any
) -> None:
    """In the order of definition, not of the alphabet; every plugin has its own turn."""
    faq = plugin(
        'on_direct_message(contains("price")) -> z',
        "on_direct_message -> m",
        'on_direct_message(contains("price")) -> a',
    )
    hooks = load("- faq\n- tally", faq=faq, tally=plugin("on_direct_message"))
    assert ids(hooks.table.select(make.dm("the price?")).matches) == ["faq:z", "tally:h0"]
    assert ids(hooks.table.select(make.dm("hello")).matches) == ["faq:m", "tally:h0"]


def test_tryfirst_goes_first_inside_the_plugin_too(load: Callable[..., Hooks], make: Any) -> None:
    """It stands before everything, also before what is defined above it."""
    hooks = load(faq=plugin("on_direct_message -> a", "on_direct_message(tryfirst=True) -> b"))
    assert ids(hooks.table.select(make.dm("hello")).matches) == ["faq:b"]


def test_fallbacks_are_apart_and_asked_late(load: Callable[..., Hooks], make: Any) -> None:
    """Per plugin the first fallback that matches; their filters are not touched before they are needed."""
    source = """
    from botkit import contains, on_direct_message
    ASKED = []

    def asked(event):
        ASKED.append(event)
        return True

    @on_direct_message(contains("price"))
    async def price(event): ...

    @on_direct_message(asked, fallback=True)
    async def otherwise(event): ...

    @on_direct_message(fallback=True)
    async def never(event): ...
    """
    hooks = load("- faq\n- small", faq=source, small=plugin("on_direct_message(fallback=True)"))
    asked = hooks.handlers()[0].function.__globals__["ASKED"]
    selection = hooks.table.select(make.dm("the price?"))
    assert ids(selection.matches) == ["faq:price"]
    assert asked == []
    assert ids(selection.fallbacks()) == ["faq:otherwise", "small:h0"]
    assert selection.fallbacks() is selection.fallbacks()
    assert len(asked) == 1


def test_on_event_is_a_place_of_its_own(load: Callable[..., Hooks], make: Any) -> None:
    """It runs beside the plugin's handler for the specific hook, after it, before the next plugin."""
    both = plugin("on_event -> all", "on_direct_message -> one", "on_event -> never")
    hooks = load("- a\n- b", a=both, b=both)
    assert ids(hooks.table.select(make.dm("hello")).matches) == ["a:one", "a:all", "b:one", "b:all"]
    assert ids(hooks.table.select(make.follow()).matches) == ["a:all", "b:all"]
    unknown = UnknownEvent(id="1", at=make.dm().at, kind="new.thing")
    assert ids(hooks.table.select(unknown).matches) == ["a:all", "b:all"]


def test_slots_that_are_done_are_left_out(load: Callable[..., Hooks], make: Any) -> None:
    """A later attempt skips what succeeded, and does not fall to the plugin's next handler instead."""
    source = plugin(
        "on_direct_message -> first",
        "on_direct_message -> second",
        "on_event -> all",
        "on_direct_message(fallback=True) -> otherwise",
    )
    hooks = load("- a\n- b", a=source, b=source)
    event = make.dm("hello")
    selection = hooks.table.select(event)
    slots = [match.handler.slot for match in (*selection.matches, *selection.fallbacks())]
    assert slots == ["a", "a/on_event", "b", "b/on_event", "a/fallback", "b/fallback"]
    again = hooks.table.select(event, skip={"a", "b/on_event", "b/fallback"})
    assert ids(again.matches) == ["a:all", "b:first"]
    assert ids(again.fallbacks()) == ["a:otherwise"]


@pytest.mark.parametrize("own", [False, True])
def test_the_accounts_own_follows_need_own(load: Callable[..., Hooks], make: Any, *, own: bool) -> None:
    """X reports both directions; the account's own reaches only who asked for it, and on_event."""
    hooks = load(a=plugin(f"on_follow(own={own})", "on_event"))
    assert ids(hooks.table.select(make.follow(by_us=False)).matches) == ["a:h0", "a:h1"]
    assert ids(hooks.table.select(make.follow(by_us=True)).matches) == (["a:h0", "a:h1"] if own else ["a:h1"])


def test_hooks_about_the_account_itself_need_no_own(load: Callable[..., Hooks], make: Any) -> None:
    """on_block is about what the account does."""
    hooks = load(a=plugin("on_block", "on_revoke"))
    assert ids(hooks.table.select(make.block()).matches) == ["a:h0"]
    assert ids(hooks.table.select(make.revoked()).matches) == ["a:h1"]


def test_options_reach_the_handler(load: Callable[..., Hooks]) -> None:
    """Filters are joined with &, where is one more of them."""
    options = "where=has_link, timeout=2.5, attempts=3, own=True"
    hooks = load(a=plugin(f'on_direct_message(contains("a"), from_user("7"), {options})'))
    (handler,) = hooks.handlers()
    assert str(handler.filter) == 'contains("a") & from_user("7") & has_link'
    assert (handler.timeout_s, handler.attempts, handler.own, handler.fallback) == (2.5, 3, True, False)


async def test_a_raising_filter_is_its_handlers_failure(
    load: Callable[..., Hooks], make: Any, bot: Any
) -> None:
    """It takes the plugin's place and fails when it is run; other plugins are not touched."""
    source = """
    from botkit import on_direct_message

    @on_direct_message(lambda event: event.no_such_field)
    async def first(event): ...

    @on_direct_message
    async def second(event): ...
    """
    hooks = load("- broken\n- fine", broken=source, fine=plugin("on_direct_message"))
    event = make.dm("hello")
    broken, fine = hooks.table.select(event).matches
    assert [broken.handler.id, fine.handler.id] == ["broken:first", "fine:h0"]
    with pytest.raises(AttributeError, match="no_such_field"):
        await broken.run(event, bot)
    assert await fine.run(event, bot) is None
