"""``${NAME}`` and ``${NAME:-default}``."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.config import Source, decode, parse_config
from botkit.config.tree import Scalar
from botkit.errors import ConfigError

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)
LITERALS = st.text(st.characters(exclude_characters="$"), max_size=10)
DEFAULTS = st.text(st.characters(exclude_characters="{}"), max_size=10)


def resolve(text: str, environ: dict[str, str]) -> str:
    source = Source("bot.yaml", MappingProxyType(environ))
    return Scalar(source=source, line=1, text=text, plain=False).resolve("key")


@st.composite
def pieces(draw: st.DrawFn) -> tuple[str, str, dict[str, str]]:
    """A text with references, what it resolves to, and the environment for it."""
    environ = draw(st.dictionaries(NAMES, st.text(max_size=10), max_size=4))
    text = expected = ""
    for _ in range(draw(st.integers(0, 6))):
        kind = draw(st.sampled_from(["literal", "set", "default", "escaped"]))
        if kind == "literal":
            part = draw(LITERALS)
            text, expected = text + part, expected + part
        elif kind == "escaped":
            text, expected = text + "$${", expected + "${"
        elif kind == "default":
            name, default = draw(NAMES), draw(DEFAULTS)
            text += f"${{{name}:-{default}}}"
            expected += environ.get(name) or default
        elif environ:
            name = draw(st.sampled_from(sorted(environ)))
            text, expected = text + f"${{{name}}}", expected + environ[name]
    return text, expected, environ


@settings(deadline=None)
@given(pieces())
def test_every_reference_is_replaced_once_and_nothing_else(case: tuple[str, str, dict[str, str]]) -> None:
    text, expected, environ = case
    assert resolve(text, environ) == expected


@settings(deadline=None)
@given(st.text("${}:-ABab _1", max_size=20))
def test_no_text_crashes_it(text: str) -> None:
    with contextlib.suppress(ConfigError):
        resolve(text, {"A": "1", "B": ""})


def test_a_value_is_not_looked_into_again() -> None:
    assert resolve("${A}", {"A": "${B}", "B": "no"}) == "${B}"


def test_an_empty_variable_takes_the_default() -> None:
    assert resolve("${A:-b}${A}", {"A": ""}) == "b"


def test_dollars_that_begin_no_reference_stay() -> None:
    assert resolve("$5 $A $$ 5$", {}) == "$5 $A $$ 5$"


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (int, "8", 8),
        (float, "8", 8.0),
        (bool, "true", True),
        (str, "8", "8"),
        (str, "true", "true"),
        (int, "0x10", 16),
    ],
)
def test_what_comes_from_the_environment_is_read_as_the_key_needs_it(
    kind: Any, value: str, expected: object
) -> None:
    source = Source("bot.yaml", MappingProxyType({"A": value}))
    for plain in (True, False):
        got = decode(Scalar(source=source, line=1, text="${A}", plain=plain), kind)
        assert (type(got), got) == (type(expected), expected)


def test_every_kind_of_key_can_come_from_the_environment() -> None:
    text = """
network: ${N}
server: {port: "${P}", access_log: "${B}", max_body: "${S}", trusted_proxies: ["${T}"]}
engine: {handler_timeout: "${D}"}
plugins: ["${PLUGIN}"]
"""
    environ = {"N": "x", "P": "1", "B": "false", "S": "1MiB", "T": "::1", "D": "9", "PLUGIN": "faq"}
    config = parse_config(text, environ=environ)
    assert (config.network, config.server.port, config.server.access_log) == ("x", 1, False)
    assert (config.server.max_body, config.engine.handler_timeout) == (1048576, 9)
    assert config.plugins[0].name == "faq"
