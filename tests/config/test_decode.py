"""The decoder, as plugins meet it: a dataclass for their settings, decoded with botkit's own exactness."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from botkit.config import (
    Duration,
    Node,
    PluginEntry,
    Range,
    Secret,
    Size,
    Source,
    Text,
    decode,
    parse_config,
    read_tree,
)
from botkit.errors import ConfigError, PluginError


@dataclass(frozen=True)
class Contains:
    contains: str
    reply: str
    from_: str | None = None


@dataclass(frozen=True)
class Matches:
    matches: re.Pattern[str]
    reply: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Rules."""

    rules: list[Contains | Matches] = field(default_factory=list)
    greeting: str = "hello"
    every: Duration = 60.0
    limit: Annotated[int, Range(1, 9)] = 3
    mode: Literal["loud", "quiet", 3, True] = "loud"
    tags: frozenset[str] = frozenset()
    prices: dict[str, float] = field(default_factory=dict)
    place: tuple[float, float] | None = None
    key: Secret | None = None
    size: Size | None = None
    handle: Annotated[str, Text("[a-z]+", "a handle")] | None = None
    anything: Any = None
    later: Settings | None = None
    _private: int = 0

    def __post_init__(self) -> None:
        if self.greeting == "no":
            message = "a greeting can't be no"
            raise ValueError(message)


def entry(text: str, **environ: str) -> PluginEntry:
    indented = "".join(f"      {line}\n" for line in text.strip().splitlines())
    return parse_config(f"plugins:\n  - one\n  - faq:\n{indented}", environ=environ).plugins[1]


def settings(text: str, **environ: str) -> Settings:
    return entry(text, **environ).decode(Settings)


def refusal(text: str, **environ: str) -> str:
    with pytest.raises(ConfigError) as caught:
        settings(text, **environ)
    return str(caught.value)


def test_a_plugin_without_settings_has_its_defaults() -> None:
    (plugin,) = parse_config("plugins: [faq]\n", environ={}).plugins
    assert plugin.decode(Settings) == Settings()


def test_everything_a_dataclass_can_say_is_decoded() -> None:
    got = settings(
        """
rules:
  - {contains: price, reply: "See …", from: alice}
  - {matches: "h(i|ello)", reply: hi}
every: 5m
limit: 9
mode: quiet
tags: [a, b, a]
prices: {apple: 1, pear: 0.5}
place: [48.1, -11]
key: ${KEY}
size: 2KiB
handle: bob
anything: {a: [1, 2.5, true, null, yes, "3", ~], b: "${KEY}"}
later: {greeting: bye}
""",
        KEY="hush",
    )
    assert got == Settings(
        rules=[Contains("price", "See …", "alice"), Matches(re.compile("h(i|ello)"), "hi")],
        every=300.0,
        limit=9,
        mode="quiet",
        tags=frozenset({"a", "b"}),
        prices={"apple": 1.0, "pear": 0.5},
        place=(48.1, -11.0),
        key=Secret("hush"),
        size=2048,
        handle="bob",
        anything={"a": [1, 2.5, True, None, "yes", "3", None], "b": "hush"},
        later=Settings(greeting="bye"),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("greting: hi", "bot.yaml:4: plugins[1].greting: unknown key; did you mean greeting?"),
        ("_private: 1", "bot.yaml:4: plugins[1]._private: unknown key; known: "),
        ("limit: 10", "bot.yaml:4: plugins[1].limit: must be at most 9, got 10"),
        ("mode: '3'", "bot.yaml:4: plugins[1].mode: expected loud, quiet, 3 or true, got '3'"),
        ("key:\n  - hush", "bot.yaml:5: plugins[1].key: expected a secret, got a list"),
        ("greeting: no", "bot.yaml:4: plugins[1]: a greeting can't be no"),
        ("greeting: ${HI}", "bot.yaml:4: plugins[1].greeting: HI is not set; set it in the environment"),
        ("key: ${HI}", "bot.yaml:4: plugins[1].key: HI is not set; set it in the environment"),
        ("place: [1]", "bot.yaml:4: plugins[1].place: expected 2 items, got 1"),
        ("place: 1", "bot.yaml:4: plugins[1].place: expected a list, got 1"),
        ("prices: {a: b}", "bot.yaml:4: plugins[1].prices.a: expected a number, got 'b'"),
        ("handle: Bob", "bot.yaml:4: plugins[1].handle: expected a handle"),
        ("rules: [hi]", "bot.yaml:4: plugins[1].rules[0]: expected keys and values, got 'hi'"),
        (
            "later: {later: {limit: x}}",
            "bot.yaml:4: plugins[1].later.later.limit: expected a whole number, got 'x'",
        ),
        (
            "rules:\n  - contains: a\n    reply: b\n  - contains: price\n    repl: c",
            "bot.yaml:8: plugins[1].rules[1].repl: unknown key; did you mean reply?",
        ),
        (
            "rules:\n  - matches: a",
            "bot.yaml:5: plugins[1].rules[0].reply: the key is missing; add `reply:` with a text",
        ),
        (
            "rules:\n  - matches: '['\n    reply: a",
            "bot.yaml:5: plugins[1].rules[0].matches: expected a regular expression, got '[' (unterminated",
        ),
    ],
)
def test_wrong_settings_are_told_with_path_and_line(text: str, line: str) -> None:
    got = refusal(text)
    assert got.startswith(line)
    assert "hush" not in got


def test_an_undecoded_node_can_be_kept_and_decoded_later() -> None:
    @dataclass
    class Late:
        rule: Node

    late = entry("rule: {contains: a, reply: b}").decode(Late)
    assert decode(late.rule, Contains, "plugins[1].rule") == Contains("a", "b")


@dataclass
class Unreadable:
    when: complex = 0j


def test_a_type_that_yaml_can_not_say_is_the_authors_to_mend() -> None:
    with pytest.raises(PluginError, match=r"complex at plugins\[1\]\.when can't be read from bot.yaml"):
        entry("when: 1").decode(Unreadable)


def test_settings_that_are_no_dataclass_are_the_authors_to_mend() -> None:
    with pytest.raises(
        PluginError, match="use str, int, float, bool, Literal, Secret, lists, dicts or dataclasses"
    ):
        entry("when: 1").decode(type("Plain", (), {}))


def test_an_annotation_without_its_name_is_the_authors_to_mend() -> None:
    broken = dataclasses.make_dataclass("Broken", [("when", "Nowhere", None)])
    with pytest.raises(PluginError, match="Broken: an annotation can't be read"):
        entry("when: 1").decode(broken)


@dataclass
class Numbers:
    """For the round trip."""

    text: str
    whole: int
    fraction: float
    flag: bool
    texts: list[str]
    table: dict[str, int]
    maybe: str | None = None
    choice: Literal["a", "b"] = "a"


#: PyYAML writes YAML 1.1, in which 0E0 is a text that needs no quotes; bot.yaml is YAML 1.2, a number there
TEXTS = (
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
    .map(lambda text: text.replace("${", "$ {"))
    .filter(lambda text: not re.fullmatch(r"[-+]?[0-9.]+[eE][-+]?[0-9]+", text))
)


@hypothesis(deadline=None)
@given(
    st.builds(
        Numbers,
        text=TEXTS,
        whole=st.integers(),
        fraction=st.floats(allow_nan=False, allow_infinity=False),
        flag=st.booleans(),
        texts=st.lists(TEXTS, max_size=3),
        table=st.dictionaries(TEXTS.filter(lambda key: key not in {"<<", "="}), st.integers(), max_size=3),
        maybe=st.none() | TEXTS,
        choice=st.sampled_from(["a", "b"]),
    )
)
def test_what_yaml_writes_is_read_back(value: Numbers) -> None:
    text = yaml.safe_dump(dataclasses.asdict(value), allow_unicode=True)
    node = read_tree(text, Source("bot.yaml"))
    assert node is not None
    assert decode(node, Numbers) == value
