"""The ``.env`` file."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.config import parse_dotenv
from botkit.errors import ConfigError

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("export A=b", "b"),
        ("  A = b  ", "b"),
        ("A=", ""),
        ("A= # nothing", ""),
        ("A=b # why", "b"),
        ("A=b#c", "b#c"),
        ("A=b=c==", "b=c=="),
        ("A='b # c' # why", "b # c"),
        (r"A='b\n$C'", r"b\n$C"),
        (r'A="b\n\t\"\\\$\x"', 'b\n\t"\\$\\x'),
        ("A=b'c", "b'c"),
        ("A=${B}", "${B}"),
        ("A=b\r", "b"),
        ("A=b\nA=c", "c"),
        ("\ufeffA=b", "b"),
    ],
)
def test_a_line_is_read_as_a_shell_would(line: str, value: str) -> None:
    assert parse_dotenv(line) == {"A": value}


def test_empty_lines_and_comments_say_nothing() -> None:
    assert parse_dotenv("\n  \n# A=b\n\t# c\n") == {}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("A=1\nhush", ".env:2: not a KEY=VALUE line; write KEY=VALUE, or start the line with #"),
        ("1A=hush", ".env:1: not a KEY=VALUE line; write KEY=VALUE, or start the line with #"),
        (
            "A='hush",
            (
                ".env:1: A: the quotes do not end where the value ends; "
                "close it with ' on the same line; only a # comment may follow"
            ),
        ),
        (
            'A="hush" hush',
            (
                ".env:1: A: the quotes do not end where the value ends; "
                'close it with " on the same line; only a # comment may follow'
            ),
        ),
    ],
)
def test_a_broken_line_is_named_and_never_repeated(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_dotenv(text)
    assert str(caught.value) == line
    assert "hush" not in str(caught.value)


def quoted(value: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "$": "\\$"}
    return '"' + "".join(escapes.get(character, character) for character in value) + '"'


@settings(deadline=None)
@given(st.dictionaries(NAMES, VALUES, max_size=6))
def test_any_value_survives_double_quotes(values: dict[str, str]) -> None:
    assert parse_dotenv("\n".join(f"{name}={quoted(value)}" for name, value in values.items())) == values


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_crashes_it(text: str) -> None:
    try:
        values = parse_dotenv(text)
    except ConfigError:
        return
    assert all(name.isidentifier() for name in values)
