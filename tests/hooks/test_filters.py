"""What each filter matches, how filters combine, and how they read in `botkit check`."""

from __future__ import annotations

import re
from typing import Any

import pytest

from botkit.events import Link, Media, QuickReplyOption, User
from botkit.filters import (
    Filter,
    command,
    contains,
    equals,
    from_user,
    has_link,
    has_media,
    is_quote,
    is_reply,
    is_repost,
    lang,
    quick_reply,
    regex,
    startswith,
    where,
)

TEXTS = [
    (equals("hello"), "  HELLO ", True),
    (equals("hello"), "hello there", False),
    (equals("hello", "hi"), "hi", True),
    (equals("hello", case=True), "Hello", False),
    (equals("Hello", case=True), " Hello\n", True),
    (contains("price"), "What PRICE?", True),
    (contains("price"), "pricey", True),
    (contains("price"), "prize", False),
    (contains("price", "cost"), "the cost", True),
    (contains("Price", case=True), "the price", False),
    (contains("straße"), "STRASSE", True),
    (contains("fiyat"), "FİYAT", True),
    (contains("f\u0131yat"), "FIYAT", True),
    (startswith("good"), "\n Good morning", True),
    (startswith("good"), "a good morning", False),
    (startswith("good "), "goods", False),
    (startswith("Good", case=True), "good morning", False),
    (startswith("a text that is longer than what the index keeps"), "A text that is longer than what", False),
    (command("order"), "/order 42", True),
    (command("order"), "/ORDER", True),
    (command("order"), "  /order\n42", True),
    (command("order"), "/orders 42", False),
    (command("order"), "please /order 42", False),
    (command("/order"), "/order 42", True),
    (command("order", "buy"), "/buy", True),
    (command("order", prefix="!"), "!order 42", True),
    (command("order", prefix="!"), "/order 42", False),
    (command("order", prefix=""), "order 42", True),
    (command("order"), "", False),
    (regex(r"\bhi\b"), "oh HI there", True),
    (regex(r"\bhi\b"), "this", False),
    (regex(r"^hi$", case=True), "Hi", False),
    (regex(re.compile("hi")), "Hi", False),
    (regex(re.compile("hi", re.IGNORECASE)), "Hi", True),
    (where(lambda event: len(event.text) > 3), "hello", True),
    (where(lambda event: len(event.text) > 3), "hi", False),
]


@pytest.mark.parametrize(("asked", "text", "answer"), TEXTS, ids=str)
def test_text_filters(make: Any, asked: Filter, text: str, answer: bool) -> None:
    """A filter is a plain predicate, too."""
    assert asked(make.dm(text)) is answer
    assert (asked.match(make.dm(text)) is not None) is answer


@pytest.mark.parametrize(
    "asked", [equals(""), contains("a"), startswith("a"), command("a"), regex(""), quick_reply(), has_media()]
)
def test_an_event_without_text_matches_no_filter_about_texts(make: Any, asked: Filter) -> None:
    """A follow has none, and brings nothing."""
    assert not asked(make.follow())


def test_a_command_in_a_post_stands_behind_the_handles(make: Any) -> None:
    """People write "@shop /order 42"; in a direct message that is no command."""
    assert command("order").match(make.mention("@shop @bob /order 42")) == {"*": "42", "*command": "/order"}
    assert not command("order")(make.dm("@shop /order 42"))


def test_a_pattern_gives_its_named_groups(make: Any) -> None:
    """A group that took no part is not given."""
    asked = regex(r"order (?P<number>\d+)( (?P<note>\w+))?")
    assert asked.provides() == {"number", "note"}
    assert asked.match(make.dm("Order 42 soon")) == {"number": "42", "note": "soon"}
    assert asked.match(make.dm("order 42")) == {"number": "42"}


def test_from_user(make: Any) -> None:
    """By id, or by handle in any case; an id is never taken for a handle."""
    assert from_user("42")(make.dm())
    assert from_user("@bOB")(make.dm())
    assert from_user("nobody", "bob")(make.dm())
    assert not from_user("43")(make.dm())
    assert not from_user("bob")(make.dm(sender=User(id="42")))
    assert from_user("42")(make.follow())
    assert from_user("bob")(make.mention())
    assert from_user("42")(make.revoked())
    assert not from_user("@42")(make.dm())


def test_quick_reply(make: Any) -> None:
    """An option with this metadata, or any; X may send none with a tap."""
    assert quick_reply("yes")(make.dm("Yes", quick_reply="yes"))
    assert not quick_reply("no")(make.dm("Yes", quick_reply="yes"))
    assert quick_reply("no", "yes")(make.dm("Yes", quick_reply="yes"))
    assert quick_reply()(make.dm("Yes", quick_reply=""))
    assert quick_reply("")(make.dm("Yes", quick_reply=""))
    assert not quick_reply()(make.dm("yes"))
    assert QuickReplyOption(label="Yes")  # what is offered is not what is tapped


def test_what_comes_with_it(make: Any) -> None:
    """Media of a kind or any, links, and what a post is."""
    photo = (Media(kind="photo"),)
    assert has_media()(make.dm(media=photo))
    assert has_media("photo")(make.dm(media=photo))
    assert not has_media("video")(make.dm(media=photo))
    assert not has_media()(make.dm())
    assert has_link(make.dm(links=(Link(url="https://t.co/a"),)))
    assert not has_link(make.dm())
    assert is_reply(make.mention(in_reply_to_post_id="7"))
    assert is_quote(make.mention(quoted_post_id="7"))
    assert is_repost(make.mention(reposted_post_id="7"))
    assert not any(asked(make.mention()) for asked in (is_reply, is_quote, is_repost))
    assert not is_reply(make.dm())
    assert lang("DE")(make.mention(lang="de"))
    assert not lang("de", "en")(make.mention(lang="fr"))


def is_long(event: Any) -> bool:
    return len(event.text) > 10


def test_filters_combine(make: Any) -> None:
    """With &, | and ~, with each other and with plain functions on either side."""
    event = make.dm("the price of it")
    assert (contains("price") & from_user("bob"))(event)
    assert not (contains("price") & ~from_user("bob"))(event)
    assert (contains("cost") | contains("price"))(event)
    assert (contains("price") & is_long)(event)
    assert (is_long & contains("price"))(event)
    assert (is_long | contains("cost"))(event)
    assert (contains("cost") | is_long)(event)
    assert not (~where(is_long))(event)
    assert ~~contains("a") == contains("a")


def test_arguments_combine(make: Any) -> None:
    """& gives all of them, | those of the first match, ~ none."""
    number, name = regex(r"(?P<number>\d+)"), regex(r"(?P<name>[a-z]+)")
    assert (number & name).match(make.dm("7 dwarfs")) == {"number": "7", "name": "dwarfs"}
    assert (number | name).match(make.dm("7 dwarfs")) == {"number": "7"}
    assert (number | name).match(make.dm("dwarfs")) == {"name": "dwarfs"}
    assert (~number).match(make.dm("dwarfs")) == {}
    assert (~~number).match(make.dm("7")) == {}
    assert (number & name).provides() == (number | name).provides() == {"number", "name"}
    assert (~number).provides() == frozenset()


def test_filters_read_as_they_are_written() -> None:
    """Also with brackets where they are needed."""
    asked = (contains("a", "b") | ~equals("c", case=True)) & from_user("@Bob", "7") & is_reply & is_long
    assert str(asked) == (
        '(contains("a", "b") | ~equals("c", case=True)) & from_user("@bob", "7") & is_reply & where(is_long)'
    )
    assert (
        str(~(contains("a") & contains("b")) | quick_reply())
        == '~(contains("a") & contains("b")) | quick_reply()'
    )
    assert (
        str(command("a", prefix="!") | regex("b", case=True))
        == 'command("a", prefix="!") | regex("b", case=True)'
    )
    assert str(has_media("gif") & lang("de")) == 'has_media("gif") & lang("de")'
    assert str(where(is_long, name="long texts")) == "where(long texts)"
    assert str(where(lambda event: True)).startswith("where(lambda at test_filters.py:")
    assert str(equals('say "a\nb"')) == r'equals("say \"a\nb\"")'


def test_filters_are_values() -> None:
    """Equal and hashable, so that they can stand in a set."""
    assert contains("a") & equals("b") == contains("a") & equals("b")
    assert len({contains("a"), contains("a"), equals("a"), regex("a"), regex("a"), ~is_reply, ~is_reply}) == 4


NONSENSE = [
    (contains, "contains() needs a text"),
    (lambda: contains(" "), "would match every text"),
    (lambda: startswith(""), "would match every text"),
    (equals, "equals() needs a text"),
    (lambda: equals(7), "equals() takes texts, not int"),
    (lambda: command("two words"), "a command is one word"),
    (lambda: command("a", prefix="the "), "a command is one word"),
    (from_user, "from_user() needs a value"),
    (lambda: from_user(42), "from_user() takes texts, not int; put it in quotes"),
    (lambda: from_user("@"), "names nobody"),
    (lambda: lang(""), "names nobody"),
    (lambda: has_media("picture"), 'no such kind; write "photo"'),
    (lambda: regex("(?P<event>a)"), "a group can't be called 'event'"),
    (lambda: regex(re.compile(b"a")), "takes a pattern of text"),
    (lambda: regex("(?P<a>a)") & regex("(?P<a>b)"), "both give 'a'"),
    (lambda: contains("a") & "b", "not str; for a text write contains"),
    (lambda: where(lambda: True), "is not called with one event"),
    (lambda: where(contains), "contains makes a filter; call it"),
]


@pytest.mark.parametrize(("make_it", "message"), NONSENSE, ids=[message for _, message in NONSENSE])
def test_nonsense_is_refused_where_it_is_written(make_it: Any, message: str) -> None:
    """With a sentence that says the fix."""
    with pytest.raises((TypeError, ValueError), match=re.escape(message)):
        make_it()
