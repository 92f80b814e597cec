"""The JSON Schema: valid itself, and never stricter than the decoder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.config import Duration, Secret, json_schema, parse_config
from botkit.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FILES = [ROOT / "bot.yaml", *sorted(ROOT.glob("examples/*/bot.yaml"))]


def accepts(schema: dict[str, Any], value: object) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(value))


@dataclass
class Rule:
    """One rule.

    :param contains: what the text holds.
    """

    contains: str
    then: list[Rule] = field(default_factory=list)


@dataclass
class Settings:
    """What faq takes."""

    rules: list[Rule] = field(default_factory=list)
    every: Duration = 90.0
    mode: Literal["a", "b"] | None = None
    key: Secret | None = None


def test_the_schema_is_one_that_editors_understand() -> None:
    schema = json_schema({"faq": Settings})
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_key_is_described() -> None:
    schema = json_schema()
    undescribed = [
        f"{name}.{key}"
        for name, section in [("", schema), *schema["$defs"].items()]
        for key, value in section["properties"].items()
        if not value.get("description")
    ]
    assert undescribed == []


def test_defaults_are_shown_as_they_are_written() -> None:
    engine = json_schema()["$defs"]["Engine"]["properties"]
    assert engine["handler_timeout"]["default"] == "30s"
    assert engine["workers"]["default"] == 128
    assert (engine["workers"]["minimum"], engine["workers"]["maximum"]) == (1, 10000)


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(ROOT)) for file in FILES])
def test_our_own_files_pass_the_schema(file: Path) -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "text",
    [
        "server: {prot: 1}",
        "server: {port: eighty}",
        "server: {port: 70000}",
        "network: twitter",
        "engine: {handler_timeout: soon}",
        "x: {consumer_secret: []}",
        "x: {api_url: nowhere}",
        "plugins: {a: 1}",
        "plugins: [{a: 1, b: 2}]",
        "plugins: [1]",
        "log: [a]",
        "store: 5",
    ],
)
def test_an_editor_marks_what_the_decoder_refuses(text: str) -> None:
    assert not accepts(json_schema(), yaml.safe_load(text))
    if text != "plugins: [1]":  # a plugin named 1 is found nowhere, but that is not the decoder's to say
        with pytest.raises(ConfigError):
            parse_config(text, environ={})


def test_a_plugins_settings_are_described_when_its_class_is_known() -> None:
    schema = json_schema({"faq": Settings})
    good = {
        "plugins": [
            "faq",
            {"faq": {"rules": [{"contains": "a", "then": [{"contains": "b"}]}], "every": "5m"}},
        ]
    }
    assert accepts(schema, good)
    assert accepts(schema, {"plugins": [{"other": {"whatever": 1}}]})
    assert not accepts(schema, {"plugins": [{"faq": {"rules": [{"contain": "a"}]}}]})
    assert schema["$defs"]["Rule"]["properties"]["contains"]["description"] == "what the text holds."
    assert schema["$defs"]["Settings"]["description"] == "What faq takes."


def test_two_settings_classes_of_one_name_stay_apart() -> None:
    @dataclass
    class Rule:
        other: int

    first, second = json_schema({"a": Settings}), json_schema({"a": Settings, "b": Rule})
    assert accepts(second, {"plugins": [{"b": {"other": 1}}, {"a": {"rules": [{"contains": "x"}]}}]})
    assert not accepts(second, {"plugins": [{"b": {"contains": "x"}}]})
    assert len(second["$defs"]) == len(first["$defs"]) + 1


REFERENCE = st.sampled_from(["${SET}", "${UNSET:-8080}", "${UNSET:-true}", "${UNSET:-5m}"])
WORDS = st.sampled_from(["a", "x", "simulator", "30s", "1MiB", "/hook", "https://a.example", "yes", ""])
SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 70000) | st.floats(0, 9, allow_nan=False) | WORDS | REFERENCE
)
ANY = SCALARS | st.lists(SCALARS, max_size=2)


def section(*keys: str) -> st.SearchStrategy[object]:
    return st.dictionaries(st.sampled_from(keys), ANY, max_size=3) | SCALARS


CONFIGS = st.fixed_dictionaries(
    {},
    optional={
        "network": st.sampled_from(["simulator", "x"]) | REFERENCE,
        "server": section("host", "port", "path", "public_url", "max_body", "trusted_proxies", "access_log"),
        "simulator": section("host", "port", "username", "name"),
        "x": section(
            "delivery", "environment", "consumer_key", "consumer_secret", "client_id", "api_url", "crc_token"
        ),
        "store": SCALARS,
        "engine": section("workers", "attempts", "handler_timeout", "grace", "retry"),
        "log": section("level", "format"),
        "budget": section("per_day"),
        "plugins": st.lists(
            st.sampled_from(["a", "b"]) | st.dictionaries(st.sampled_from("ab"), ANY, max_size=2), max_size=3
        )
        | SCALARS,
    },
)


@settings(deadline=None)
@given(CONFIGS)
def test_what_the_decoder_accepts_the_schema_accepts(config: dict[str, Any]) -> None:
    text = yaml.safe_dump(config)
    try:
        parse_config(text, environ={"SET": "simulator"})
    except ConfigError:
        return
    assert accepts(SCHEMA, yaml.safe_load(text))


SCHEMA = json_schema()
