"""The manual's page on bot.yaml says what the code does."""

from __future__ import annotations

import re
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import pytest

from botkit.config import Config, parse_config
from botkit.config.fields import read_fields, split_annotated

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")


def keys(owner: type, path: str = "") -> list[str]:
    """The paths of all keys that are no section."""
    found = []
    for key, field in read_fields(owner).items():
        kind: Any = split_annotated(field.kind)[0]
        if isinstance(kind, type) and is_dataclass(kind):
            found += keys(kind, f"{path}{key}.")
        else:
            found.append(f"{path}{key}")
    return found


@pytest.mark.parametrize("path", keys(Config))
def test_every_key_is_in_the_manual(path: str) -> None:
    section, _, key = path.partition(".")
    described = PAGE.partition(f"\n### {section}\n")[2].partition("\n### ")[0]
    assert described
    assert not key or f"\n| `{key}` |" in described


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
def test_every_example_is_a_bot(block: str) -> None:
    parse_config(block, environ={"X_CONSUMER_SECRET": "a"})


def test_the_examples_error_is_the_real_one() -> None:
    with pytest.raises(Exception, match=r"server\.prot: unknown key; did you mean port\?") as caught:
        parse_config("server:\n  prot: 1\n", environ={})
    assert f"botkit: error: {caught.value}\n" in PAGE
