"""The index never loses a match, and asks nobody who can't match."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from botkit.events import DirectMessage, Event, Link, Media, Mention, User
from botkit.filters import (
    Filter,
    command,
    contains,
    equals,
    from_user,
    has_link,
    has_media,
    is_reply,
    lang,
    quick_reply,
    regex,
    startswith,
    where,
)
from botkit.filters.keys import READERS, fold, text_of
from botkit.filters.patterns import required_texts
from botkit.hooks.handler import make_handler
from botkit.hooks.table import HandlerTable

# Letters that are one in one rule of case and two in another, and what stands between words.
LETTERS = "abiI\u0131\u0130sS\u017fßẞkK\u212a\u03c3ςΣ\u00b5μ\u0307\u0345\u03b9 /@!7\u00a0"
AT = datetime(2026, 8, 22, tzinfo=UTC)
SHOP = User(id="9", username="shop")


async def handler(event: Event) -> None:
    """Does nothing."""


texts = st.text(LETTERS, max_size=12)
words = st.text(LETTERS, min_size=1, max_size=5).filter(str.strip)
commands = st.text("abi\u0130\u0131\u017f7", min_size=1, max_size=3)
people = st.sampled_from(["1", "2", "@Iain", "İain", "kai"])


LOOKS = ("(?=a)", "(?!a)", "(?<=a)", "(?<!a)")


@st.composite
def patterns(draw: st.DrawFn) -> re.Pattern[str]:
    """Patterns of every construction that the reading of literals must get right."""
    literal = st.text("abiI\u0131\u0130sßkK7", min_size=1, max_size=3).map(re.escape)
    piece = st.recursive(
        literal
        | st.sampled_from([".", "[ab]", "[^a]", r"\b", r"\d", "^", "$", "(?=a)", "(?!a)", "(?<=a)", "[i]"]),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map("".join),
            inner.map(lambda part: f"(?:{part})?"),
            inner.map(lambda part: f"(?:{part})*"),
            inner.map(lambda part: f"(?:{part})+"),
            inner.map(lambda part: f"(?:{part}){{0,2}}"),
            inner.map(lambda part: f"(?:{part}){{2}}?"),
            inner.map(lambda part: f"({part})"),
            inner.map(lambda part: f"(?>{part})"),
            inner.map(lambda part: f"(?i:{part})"),
            inner.map(lambda part: f"(?-i:{part})"),
            inner.map(lambda part: f"(?x: {part} )"),
            st.tuples(inner, inner).map(lambda parts: f"(?:{parts[0]}|{parts[1]})"),
            st.tuples(inner, inner).map(lambda parts: f"(a)?(?(1){parts[0]}|{parts[1]})"),
        ),
        max_leaves=6,
    )
    flags = draw(st.sampled_from([0, re.IGNORECASE, re.IGNORECASE | re.ASCII, re.VERBOSE, re.DOTALL]))
    try:
        return re.compile(draw(piece), flags)
    except re.error:
        return re.compile("a", flags)


leaves = st.one_of(
    st.builds(equals, words, words, case=st.booleans()),
    st.builds(contains, words, words, case=st.booleans()),
    st.builds(contains, words),
    st.builds(startswith, words, case=st.booleans()),
    st.builds(command, commands, prefix=st.sampled_from(["/", "!", ""])),
    patterns().map(regex),
    st.builds(from_user, people, people),
    st.sampled_from(
        [quick_reply(), quick_reply("a"), quick_reply("", "b"), has_link, is_reply, lang("DE", "i")]
    ),
    st.sampled_from([has_media(), has_media("gif"), has_media("photo")]),
    st.just(where(lambda event: "a" in (text_of(event) or ""), name="has an a")),
)


def _and(first: Filter, second: Filter) -> Filter:
    try:
        return first & second
    except ValueError:  # both give the same argument
        return first


filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(_and, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda part: ~part),
    ),
    max_leaves=4,
)
users = st.builds(
    User, id=st.sampled_from(["1", "2", "3"]), username=st.sampled_from(["", "iain", "IAIN", "KAI"])
)
media = st.lists(st.builds(Media, kind=st.sampled_from(["photo", "gif"])), max_size=1).map(tuple)
links = st.lists(st.just(Link(url="https://t.co/a")), max_size=1).map(tuple)
messages = st.builds(
    DirectMessage,
    id=st.just("1"),
    at=st.just(AT),
    message_id=st.just("1"),
    sender=users,
    recipient=st.just(SHOP),
    text=texts,
    quick_reply=st.sampled_from([None, "", "a"]),
    media=media,
    links=links,
)
posts = st.builds(
    Mention,
    id=st.just("1"),
    at=st.just(AT),
    post_id=st.just("1"),
    author=users,
    text=texts,
    lang=st.sampled_from(["", "de", "İ"]),
    in_reply_to_post_id=st.sampled_from(["", "7"]),
    media=media,
    links=links,
)


def shares_a_key(asked: Filter, event: Event) -> bool:
    """Whether the index would ask the filter about the event."""
    needs = asked.needs()
    folded = fold(text_of(event) or "")
    return needs is None or any(key.value in set(READERS[key.family](event, folded)) for key in needs)


@given(filters, messages | posts)
@example(
    contains("\u0307"), DirectMessage(id="1", at=AT, message_id="1", sender=SHOP, recipient=SHOP, text="İ")
)
@example(regex("xix"), DirectMessage(id="1", at=AT, message_id="1", sender=SHOP, recipient=SHOP, text="XİX"))
def test_whoever_matches_shares_a_key(asked: Filter, event: Event) -> None:
    """The invariant that the whole index stands on."""
    if asked(event):
        assert shares_a_key(asked, event), (str(asked), asked.needs())


@settings(max_examples=200)
@given(patterns(), st.text("abiI\u0131\u01307", max_size=6))
def test_what_a_pattern_requires_is_there_when_it_matches(pattern: re.Pattern[str], text: str) -> None:
    """The same for patterns alone, with texts that they often match."""
    required = required_texts(pattern)
    if required is not None and pattern.search(text):
        assert any(part in fold(text) for part in required), required


@given(st.lists(filters, max_size=6), messages | posts)
def test_the_table_finds_what_asking_everybody_finds(asked: list[Filter], event: Event) -> None:
    """Handlers of different plugins, in order."""
    hook = "on_direct_message" if isinstance(event, DirectMessage) else "on_mention"
    handlers = [make_handler(hook, handler, one, plugin=str(place)) for place, one in enumerate(asked)]
    everybody = [one.id for one in handlers if one.filter(event)]
    assert [match.handler.id for match in HandlerTable(handlers).select(event).matches] == everybody


def test_letters_that_a_pattern_takes_as_one_fold_into_one() -> None:
    """All of Unicode: what re.IGNORECASE takes as one has one fold, or hints of patterns lose events."""
    cased = [
        letter
        for letter in map(chr, range(sys.maxunicode + 1))
        if len({letter, letter.lower(), letter.upper(), letter.title(), letter.casefold(), fold(letter)}) > 1
    ]
    assert len(cased) > 2000
    alphabet = "".join(cased)
    for letter in cased:
        same = re.findall(re.escape(letter), alphabet, re.IGNORECASE)
        assert {fold(other) for other in same} == {fold(letter)}, letter


def test_folding_leaves_white_space_alone() -> None:
    """Stripping before or after folding is the same, which `equals` and `startswith` rely on."""
    assert not [
        letter
        for letter in map(chr, range(sys.maxunicode + 1))
        if any(part.isspace() for part in fold(letter)) != letter.isspace()
    ]


HINTS: Mapping[str, set[str] | None] = {
    r"\bprice\b": {"price"},
    r"(hi|hello)": {"hi", "hello"},
    r"(?P<number>\d+)": None,
    r"order (?P<number>\d+)": {"order "},
    r"a+": {"a"},
    r"a*": None,
    r"(?:price)?": None,
    r"(?:price|)": None,
    r"(?:price){2,}": {"price"},
    r"PRICE.*tag": {"price"},
    r"[pP]rice": {"price"},
    r"pri[cz]e": {"price", "prize"},
    r"colou?r": {"color", "colour"},
    r"(hi|hello) (you|all)": {"hi you", "hi all", "hello you", "hello all"},
    r"(a|b)(c|d)(e|f)(g|h)(i|j)": {x + y + z + w for x in "ab" for y in "cd" for z in "ef" for w in "gh"},
    r"foo(?=bar)baz": {"foobaz"},
    r"[^p]rice": {"rice"},
    r"[a-z]rice": {"rice"},
    r"price|\d+": None,
    r"a(b|c+)d": {"b", "c"},
    r"(?x) p r i c e": {"price"},
    r"(?!price)": None,
    r"(a)?(?(1)b|c)": None,
    r".": None,
    "": None,
}


@pytest.mark.parametrize(("pattern", "texts"), HINTS.items())
def test_what_a_pattern_tells(pattern: str, texts: set[str] | None) -> None:
    """On this Python the hints are there: without them every pattern would be asked about every event."""
    assert required_texts(re.compile(pattern)) == texts


class Asked(Filter):
    """Counts how often it is asked; needs what another filter needs."""

    def __init__(self, inner: Filter) -> None:
        self.inner = inner
        self.times = 0

    def match(self, event: Event) -> Mapping[str, str] | None:
        self.times += 1
        return self.inner.match(event)

    def needs(self) -> Any:
        return self.inner.needs()

    def __str__(self) -> str:
        return str(self.inner)


def test_a_thousand_plugins_that_can_not_match_are_not_asked(make: Any) -> None:
    """Their number makes no difference, whatever their filters are."""
    makers = [
        lambda n: contains(f"word{n}"),
        lambda n: equals(f"word {n}"),
        lambda n: startswith(f"word {n}"),
        lambda n: command(f"word{n}"),
        lambda n: regex(rf"\bword{n}\b"),
        lambda n: from_user(f"user{n}"),
        lambda n: quick_reply(f"option{n}"),
        lambda n: contains(f"word{n}") & where(lambda event: True),
        lambda n: from_user(f"user{n}") | equals(f"word {n}"),
    ]
    asked = [Asked(makers[n % len(makers)](n)) for n in range(1000)]
    plugins = [make_handler("on_direct_message", handler, one, plugin=f"p{n}") for n, one in enumerate(asked)]
    one = make_handler("on_direct_message", handler, contains("weather"), plugin="one")
    selection = HandlerTable([*plugins, one]).select(make.dm("What will the weather be like tomorrow?"))
    assert [match.handler.id for match in selection.matches] == ["one:handler"]
    assert sum(each.times for each in asked) == 0


def test_who_can_not_tell_is_asked_about_every_event(make: Any) -> None:
    """A plain function, a negation, an alternative to one of them."""
    opaque = [where(lambda event: False), ~contains("a"), contains("a") | where(lambda event: False)]
    asked = [Asked(one) for one in opaque]
    table = HandlerTable(
        [make_handler("on_direct_message", handler, one, plugin=f"p{n}") for n, one in enumerate(asked)]
    )
    table.select(make.dm("hello a"))
    assert [one.times for one in asked] == [1, 1, 1]


def test_the_rarer_side_of_and_is_the_key() -> None:
    """A sender is rarer than a language, a word rarer than a picture."""
    assert (lang("de") & from_user("7")).needs() == from_user("7").needs()
    assert (has_media() & contains("price")).needs() == contains("price").needs()
    assert (where(bool) & contains("price")).needs() == contains("price").needs()
