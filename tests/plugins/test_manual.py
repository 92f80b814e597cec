"""The manual's page on the autoresponder says what the plugin does, and so does the plugin's own text."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from pathlib import Path

import pytest

from botkit.config import parse_config
from botkit.errors import ConfigError
from botkit.hooks.manager import load_plugins

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "autoresponder.md").read_text(encoding="utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]


def load(text: str):
    return load_plugins(parse_config(text, file=ROOT / "bot.yaml", environ={}))


def test_the_example_is_a_bot_and_the_plugins_own_is_the_same() -> None:
    hooks = load(EXAMPLE)
    assert len(hooks.handlers("on_direct_message")) == 6
    source = (ROOT / "plugins" / "autoresponder.py").read_text(encoding="utf-8")
    own = textwrap.dedent(source.partition('"""\n\n')[0].partition("\n\n")[2].partition("\n\nFor one")[0])
    assert re.sub(r" +#.*", "", own) == EXAMPLE.rstrip()


def test_every_setting_is_in_the_manual() -> None:
    settings = load("plugins: [autoresponder]").settings("autoresponder")
    office = load(EXAMPLE).settings("autoresponder").office_hours
    rule = load(EXAMPLE).settings("autoresponder").rules[0]
    for owner in (settings, office, rule):
        for field in dataclasses.fields(owner):
            assert re.search(rf"^\| (?:`\w+`, )?`{field.name}`", PAGE, re.MULTILINE), field.name


def test_the_error_is_the_real_one() -> None:
    wrong = EXAMPLE.replace('reply: "Our prices: example.com/prices"', 'reply: "{nmae}"')
    with pytest.raises(ConfigError) as caught:
        load(wrong)
    assert f"botkit: error: {str(caught.value).replace(str(ROOT) + '/', '')}\n" in PAGE
