"""How X counts a post, and what it does to texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.x.text import post_length, unescape


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("hello", 5),
        ("é", 1),
        ("e\u0301", 1),
        ("Ω", 1),
        ("“quoted”", 8),
        ("日本語", 6),
        ("한", 2),
        ("…", 2),
        ("\u200d", 1),
        ("©", 1),
        ("©\ufe0f", 2),
        ("😀", 2),
        ("😀😀", 4),
        ("☀", 2),
        ("☀\ufe0f", 2),
        ("👍🏽", 2),
        ("👨\u200d👩\u200d👧\u200d👦", 2),
        ("🏳\ufe0f\u200d🌈", 2),
        ("🇩🇪", 2),
        ("🇩🇪🇫🇷", 4),
        ("1\ufe0f\u20e3", 2),
        ("🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", 2),
        ("a 😀 b", 6),
        ("https://example.com", 23),
        ("http://t.co/x", 23),
        ("see https://example.com/a/very/long/path?with=query#and-fragment now", 31),
        ("https://example.com/path.", 24),
        ("(https://example.com/path)", 25),
        ("https://example.com, then", 29),
        ("example.com", 23),
        ("EXAMPLE.COM/Path", 23),
        ("sub.example.co.uk", 23),
        ("file.notatld", 12),
        ("e.g. this", 9),
        ("me@example.com", 14),
        ("@example.com", 12),
        ("#example.com", 12),
        ("version 1.2.3", 13),
        ("https://a.example https://b.example", 47),
        ("x" * 280, 280),
    ],
)
def test_weights(text: str, length: int) -> None:
    assert post_length(text) == length


@given(st.text())
def test_a_text_weighs_no_more_than_two_for_each_sign_or_a_url(text: str) -> None:
    assert 0 <= post_length(text) <= 23 * (len(text) + 1)


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        ("a &amp; b", "a & b"),
        ("&lt;i&gt;", "<i>"),
        ("&amp;lt;", "&lt;"),
        ("&amp;amp;", "&amp;"),
        ("&copy &quot; &#39; & &ampersand", "&copy &quot; &#39; & &ampersand"),
        ("", ""),
    ],
)
def test_unescape(escaped: str, plain: str) -> None:
    assert unescape(escaped) == plain
