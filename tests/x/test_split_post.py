"""A long text in parts: every part fits, nothing is lost, URLs and emoji stay whole."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.x.text import POST_LIMIT, post_length, split_post

_URLS = ("https://example.com/a/long/path?with=query", "example.org", "http://x.com/。/a")
_EMOJI = ("👩‍👩‍👧‍👦", "🇩🇪", "1️⃣", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿")
_WORDS = st.one_of(
    st.sampled_from(_URLS),
    st.sampled_from(_EMOJI),
    st.text(alphabet="abcd.@é漢字。", min_size=1, max_size=120),
    st.text(min_size=1, max_size=20),
)
_SPACES = st.sampled_from([" ", "  ", "\n", "\n\n", "\u3000"])


def _bare(text: str) -> str:
    return "".join(unicodedata.normalize("NFC", text).split())


@given(
    st.lists(st.tuples(_WORDS, _SPACES), max_size=60).map(lambda made: "".join(map("".join, made))),
    st.integers(40, 300),
    st.booleans(),
)
def test_every_part_fits_and_only_white_space_is_lost(text: str, limit: int, numbered: bool) -> None:
    parts = split_post(text, limit)
    assert all(part.strip() == part and part and post_length(part) <= limit for part in parts)
    assert _bare("".join(parts)) == _bare(text)
    assert all(post_length(part) <= limit for part in split_post(text, limit, numbered=numbered))


@given(
    st.lists(st.one_of(st.sampled_from(_URLS), st.sampled_from(_EMOJI), st.just("a")), min_size=1).map(
        lambda words: (words, " ".join(words))
    )
)
def test_urls_and_emoji_stay_whole(made: tuple[list[str], str]) -> None:
    words, text = made
    assert [word for part in split_post(text, 40) for word in part.split()] == words


def test_emoji_without_spaces_are_not_torn_apart() -> None:
    parts = split_post("👩‍👩‍👧‍👦" * 50, 40)
    assert parts == ["👩‍👩‍👧‍👦" * 20, "👩‍👩‍👧‍👦" * 20, "👩‍👩‍👧‍👦" * 10]


def test_a_short_text_is_one_part_and_has_no_number() -> None:
    assert split_post("  hello\n", numbered=True) == ["hello"]
    assert split_post("  \n") == []


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 100 + ". " + "b" * 60 + "\n\n" + "c" * 200, ["a" * 100 + ". " + "b" * 60, "c" * 200]),
        ("a" * 100 + "\n" + "b" * 60 + ". " + "c" * 200, ["a" * 100 + "\n" + "b" * 60 + ".", "c" * 200]),
        ("a" * 100 + " " + "b" * 60 + ". " + "c" * 50 + " " + "d" * 90, None),
        ("a" * 40 + "\n\n" + "b" * 200 + " " + "c" * 200, ["a" * 40 + "\n\n" + "b" * 200, "c" * 200]),
        ("あ" * 100 + "。" + "い" * 60, ["あ" * 100 + "。", "い" * 60]),
    ],
    ids=["paragraph", "the later one", "sentence", "not a nearly empty part", "ideographic"],
)
def test_where_it_is_cut(text: str, parts: list[str] | None) -> None:
    parts = parts or ["a" * 100 + " " + "b" * 60 + ".", "c" * 50 + " " + "d" * 90]
    assert split_post(text) == parts


def test_a_word_longer_than_a_post_is_cut_in_itself() -> None:
    assert [len(part) for part in split_post("x" * 700)] == [280, 280, 140]


def test_numbers_are_counted_in() -> None:
    parts = split_post("word " * 800, numbered=True)
    assert parts[0].endswith(f" (1/{len(parts)})")
    assert len(parts) > 9
    assert max(map(post_length, parts)) <= POST_LIMIT


def test_a_limit_that_holds_no_url_is_refused() -> None:
    with pytest.raises(ValueError, match="40"):
        split_post("hello", 39)
