"""Handlers get what they name, typed; a command that is written wrongly is answered with its usage."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.filters import Filter, command, contains, equals, regex
from botkit.hooks.arguments import bind_words
from botkit.hooks.handler import Handler, make_handler


class Size(enum.Enum):
    """An Enum with values that are no texts."""

    SMALL = 1
    LARGE = 2


def handler(function: Callable[..., Any], asked: Filter | None = None) -> Handler:
    """The function as a handler of direct messages, of the command /do by default."""
    return make_handler("on_direct_message", function, asked or command("do"), plugin="p")


async def answer(function: Callable[..., Any], event: Any, asked: Filter | None = None) -> str | None:
    """What the handler answers the event with."""
    match = handler(function, asked).match(event)
    assert match is not None
    return await match.run(event, bot="the bot")


async def no_arguments() -> str:
    return "ran"


async def only_the_bot(bot: Any) -> str:
    return f"ran for {bot}"


async def only_the_event(event: Any) -> str:
    return f"ran on {event.id}"


async def both_reversed(bot: Any, event: Any) -> str:
    return f"{bot}, {event.id}"


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (no_arguments, "ran"),
        (only_the_bot, "ran for the bot"),
        (only_the_event, "ran on dm-1"),
        (both_reversed, "the bot, dm-1"),
    ],
)
async def test_a_handler_takes_what_it_names(make: Any, function: Callable[..., Any], said: str) -> None:
    """Any of event and bot, in any order. Words behind a command that takes none do not matter."""
    assert await answer(function, make.dm("/do it now")) == said


async def an_int(number: int) -> str:
    return repr(number)


async def a_float(number: float) -> str:
    return repr(number)


async def a_bool(yes: bool) -> str:
    return repr(yes)


async def a_decimal(amount: Decimal) -> str:
    return repr(amount)


async def a_date(day: date) -> str:
    return repr(day)


async def an_enum(size: Size) -> str:
    return repr(size)


async def a_literal(size: Literal["small", "large", 3]) -> str:
    return repr(size)


async def a_text(note: str) -> str:
    return repr(note)


async def untyped(note) -> str:  # type: ignore[no-untyped-def]  # an author may leave types out
    return repr(note)


async def annotated(number: Annotated[int, "how many"]) -> str:
    return repr(number)


async def optional(number: int | None) -> str:
    return repr(number)


async def optional_of_old(number: Optional[int]) -> str:  # noqa: UP045 - people write it
    return repr(number)


async def with_default(number: int = 7) -> str:
    return repr(number)


async def keyword_only(*, number: int) -> str:
    return repr(number)


async def two(number: int, note: str) -> str:
    return repr((number, note))


async def text_first(note: str, number: int) -> str:
    return repr((note, number))


async def two_with_default(number: int, note: str = "none") -> str:
    return repr((number, note))


async def order_number(order_number: int, size: Literal["s", "l"] = "s") -> str:
    return repr((order_number, size))


USAGE = "Usage: /do <number>"
WRITTEN = [
    (an_int, "/do 42", "42"),
    (an_int, "/DO  -42 ", "-42"),
    (an_int, "/do ٤٢", "42"),
    (an_int, "/do", USAGE),
    (an_int, "/do x", USAGE),
    (an_int, "/do 4_2", USAGE),
    (an_int, "/do 4.2", USAGE),
    (an_int, "/do 42 43", USAGE),
    (an_int, "/do " + "9" * 5000, USAGE),
    (a_float, "/do 4.5", "4.5"),
    (a_float, "/do nan", USAGE),
    (a_float, "/do 1e999", USAGE),
    (a_bool, "/do Yes", "True"),
    (a_bool, "/do off", "False"),
    (a_bool, "/do perhaps", "Usage: /do <yes|no>"),
    (a_decimal, "/do 4.50", "Decimal('4.50')"),
    (a_decimal, "/do 4,50", "Usage: /do <amount>"),
    (a_decimal, "/do Infinity", "Usage: /do <amount>"),
    (a_date, "/do 2026-08-22", "datetime.date(2026, 8, 22)"),
    (a_date, "/do 22.8.2026", "Usage: /do <YYYY-MM-DD>"),
    (an_enum, "/do LARGE", "<Size.LARGE: 2>"),
    (an_enum, "/do 2", "<Size.LARGE: 2>"),
    (an_enum, "/do huge", "Usage: /do <small|large>"),
    (a_literal, "/do Large", "'large'"),
    (a_literal, "/do 3", "3"),
    (a_literal, "/do huge", "Usage: /do <small|large|3>"),
    (a_text, "/do two  words\nmore ", "'two  words\\nmore'"),
    (a_text, "/do", "Usage: /do <note>"),
    (untyped, "/do two words", "'two words'"),
    (annotated, "/do 42", "42"),
    (optional, "/do 42", "42"),
    (optional, "/do", "None"),
    (optional, "/do x", "Usage: /do [number]"),
    (optional_of_old, "/do", "None"),
    (with_default, "/do", "7"),
    (with_default, "/do 8", "8"),
    (keyword_only, "/do 8", "8"),
    (two, "/do 42 by noon please", "(42, 'by noon please')"),
    (two, "/do 42", "Usage: /do <number> <note>"),
    (text_first, "/do a 42", "('a', 42)"),
    (text_first, "/do a b 42", "Usage: /do <note> <number>"),
    (two_with_default, "/do 42", "(42, 'none')"),
    (order_number, "/do", "Usage: /do <order-number> [s|l]"),
]


IDS = [f"{function.__name__}-{text[:20]}" for function, text, _ in WRITTEN]


@pytest.mark.parametrize(("function", "text", "said"), WRITTEN, ids=IDS)
async def test_a_commands_words_are_bound_and_converted(
    make: Any, function: Callable[..., Any], text: str, said: str
) -> None:
    """Or answered with a usage line; the handler does not run then, and nothing raises."""
    assert await answer(function, make.dm(text)) == said


async def test_the_usage_names_the_command_as_it_was_called(make: Any) -> None:
    """An alias is as good as the name."""
    asked = command("order", "buy", prefix="!")
    assert await answer(an_int, make.dm("!BUY"), asked) == "Usage: !buy <number>"


async def test_a_patterns_groups_are_typed(make: Any) -> None:
    """A group that took no part leaves the default."""
    asked = regex(r"order (?P<number>\d+)(?: (?P<note>\w+))?")
    assert await answer(two_with_default, make.dm("my order 42 soon"), asked) == "(42, 'soon')"
    assert await answer(two_with_default, make.dm("my order 42"), asked) == "(42, 'none')"


def test_a_group_that_does_not_convert_is_no_match(make: Any) -> None:
    """The annotation is a part of the pattern; another handler gets its chance."""
    asked = regex(r"order (?P<number>\w+)")
    assert handler(an_int, asked).match(make.dm("order 42")) is not None
    assert handler(an_int, asked).match(make.dm("order it")) is None


def test_a_parameter_without_default_makes_its_group_required(make: Any) -> None:
    """The pattern alone would match."""
    asked = regex(r"order( (?P<number>\d+))?")
    assert handler(an_int, asked).match(make.dm("order")) is None
    assert handler(with_default, asked).match(make.dm("order")) is not None


async def test_a_command_and_a_pattern_together(make: Any) -> None:
    """Groups by name, the words for what is left."""
    asked = command("do") & regex(r"#(?P<note>\w+)")
    assert await answer(two, make.dm("/do 42 #soon"), asked) == "Usage: /do <number>"
    assert await answer(a_text, make.dm("/do 42 #soon"), asked) == "'soon'"


async def test_a_command_or_something_else(make: Any) -> None:
    """Where the other filter matched, there are no words: defaults, or no match."""
    asked = command("do") | equals("do it")
    assert await answer(with_default, make.dm("do it"), asked) == "7"
    assert await answer(an_int, make.dm("/do"), asked) == USAGE
    assert handler(an_int, asked).match(make.dm("do it")) is None


async def test_a_default_that_no_filter_fills_is_left_alone(make: Any) -> None:
    """A loop can bind a value that way."""

    async def bound(event: Any, rule: str = "rule") -> str:
        return rule

    assert await answer(bound, make.dm("price"), contains("price")) == "rule"


async def test_an_answer_must_be_a_text(make: Any) -> None:
    """The kind is told, never the value."""

    async def wrong() -> Any:
        return {"secret": "text"}

    with pytest.raises(
        TypeError, match=r"^p:wrong returned dict; return a text, which is the reply, or None$"
    ):
        await answer(wrong, make.dm("/do"))


def test_a_message_is_not_in_the_repr(make: Any) -> None:
    """What people wrote stays out of logs."""
    match = handler(a_text).match(make.dm("/do my secret"))
    assert "secret" not in repr(match)


@given(st.text())
def test_no_text_can_make_binding_raise(text: str) -> None:
    """Strangers write the texts."""
    values = bind_words(handler(two_with_default).words, text)
    assert values is None or list(values) == ["number", "note"]


@given(st.text(), st.sampled_from([an_int, a_float, a_bool, a_decimal, a_date, an_enum, a_literal, a_text]))
def test_no_text_can_make_a_conversion_raise_anything_else(text: str, function: Callable[..., Any]) -> None:
    """Only ValueError, which means: not such a value."""
    for parameter in handler(function).words:
        with contextlib.suppress(ValueError):
            parameter.convert(text)
