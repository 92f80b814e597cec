"""How bot.yaml decides on the page where accounts sign in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from botkit.config import Config, parse_config
from botkit.errors import ConfigError
from botkit.roles.accounts import _allowed, _targets, how_of

KEYS = "consumer_key: k, consumer_secret: s, access_token: 1-t, access_token_secret: s"


def read(text: str) -> Config:
    return parse_config(text, file=Path("bot.yaml"), environ={})


def at_x(connect: str, *, server: str = "server: {public_url: 'https://bot.example.com'}") -> str:
    return f"network: x\nx: {{{KEYS}}}\n{server}\nconnect: {connect}\n"


def test_it_is_served_in_the_simulator_and_not_at_x() -> None:
    assert read("network: simulator").serves_connect
    assert not read("connect: {enabled: false}").serves_connect
    assert not read(at_x("{allow: [ada]}")).serves_connect
    assert read(at_x("{enabled: true, allow: [ada]}")).serves_connect


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (at_x("{enabled: true}"), "connect: nobody may connect; name handles or ids in connect.allow"),
        (at_x("{enabled: true, allow: [ada]}", server=""), "connect: X needs an address to send owners back"),
        (
            "\nserver:\n  path: /connect\n",
            "bot.yaml:3: server.path: the page where accounts sign in is there",
        ),
        ("connect: {scopes: [dm.reed]}", "dm.reed is no scope of X's"),
        ("connect: {allow: ['not a handle']}", "a handle, an id, or *"),
        ("connect: {sign_in: oauth3}", "connect.sign_in"),
    ],
)
def test_what_can_not_work_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert problem in str(caught.value)
    assert str(caught.value).startswith("bot.yaml:")


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("network: simulator", None),
        ("connect: {allow: [Ada, '@Bob', '7']}", {"ada", "bob", "7"}),
        ("connect: {allow: ['*']}", None),
        (at_x("{enabled: true, allow: ['*']}"), None),
        (at_x("{enabled: true, allow: [ada]}"), {"ada"}),
        (at_x("{}"), set()),
    ],
)
def test_who_may_connect(text: str, allowed: Any) -> None:
    assert _allowed(read(text)) == allowed


@pytest.mark.parametrize(
    ("text", "has_oauth2", "how"),
    [
        ("", True, "oauth2"),
        ("", False, "oauth1"),
        ("x: {delivery: enterprise}", True, "oauth1"),
        ("x: {delivery: premium}", True, "oauth1"),
        ("connect: {sign_in: oauth1}", True, "oauth1"),
        ("connect: {sign_in: oauth2}\nx: {delivery: enterprise}", True, "oauth2"),
    ],
)
def test_how_accounts_sign_in(text: str, has_oauth2: bool, how: str) -> None:
    assert how_of(read(text), has_oauth2=has_oauth2) == how


def test_forms_lead_to_x_alone() -> None:
    assert _targets("https://api.x.com") == ("https://api.x.com", "https://x.com")
    assert _targets("http://127.0.0.1:8081") == ("http://127.0.0.1:8081",)
