"""What a good bot.yaml becomes."""

from __future__ import annotations

import copy
import ipaddress
import pickle
from pathlib import Path

import pytest

from botkit.config import Config, Secret, ServerConfig, XConfig, load_config, parse_config

FULL = """
network: x
server: {host: 0.0.0.0, port: 80, path: /x/hook, public_url: "https://bot.example.com/", max_body: 2MiB,
         trusted_proxies: [10.0.0.0/8, "::1"], access_log: false}
simulator: {port: 0, username: my_bot, name: My bot}
x:
  delivery: account_activity
  environment: prod
  consumer_key: ${X_CONSUMER_KEY}
  consumer_secret: ["${NEW}", "${OLD:-before}"]
  access_token: 12345
  access_token_secret: "0x12"
  bearer_token: b
  client_id: ${X_CLIENT_ID}
  api_url: http://127.0.0.1:9/
  crc_token: {min_length: 1, max_length: 200}
store: sqlite:///data/bot.db
engine: {workers: 8, attempts: 3, handler_timeout: 1m30s, grace: 5, retry: {first: 250ms, factor: 3, max: 1h}}
log: {level: debug, format: json}
budget: {per_day: 2.5}
plugins:
  - autoresponder
  - faq: {rules: [{contains: price}]}
  - empty:
"""


def test_every_key_is_read_with_its_type() -> None:
    config = parse_config(FULL, file=Path("/bots/one/bot.yaml"), environ={"X_CONSUMER_KEY": "k", "NEW": "n"})
    assert config.network == "x"
    assert config.server == ServerConfig(
        host="0.0.0.0",
        port=80,
        path="/x/hook",
        public_url="https://bot.example.com/",
        max_body=2 * 1024 * 1024,
        trusted_proxies=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1")),
        access_log=False,
    )
    assert config.server.webhook_url == "https://bot.example.com/x/hook"
    assert config.x.consumer_secret == (Secret("n"), Secret("before"))
    assert config.x.access_token == Secret("12345")
    assert config.x.access_token_secret == Secret("0x12")
    assert config.x.client_id is None
    assert config.engine.handler_timeout == 90
    assert config.engine.grace == 5
    assert config.engine.retry.first == 0.25
    assert config.engine.retry.max == 3600
    assert config.budget.per_day == 2.5
    assert [(entry.name, entry.line, entry.path) for entry in config.plugins] == [
        ("autoresponder", 22, "plugins[0]"),
        ("faq", 23, "plugins[1]"),
        ("empty", 24, "plugins[2]"),
    ]
    assert [entry.settings is None for entry in config.plugins] == [True, False, True]
    assert config.folder == Path("/bots/one")
    assert config.store_url == "sqlite:////bots/one/data/bot.db"


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "server:\nx:\nplugins:\n"])
def test_an_empty_file_is_a_bot_of_defaults(text: str) -> None:
    config = parse_config(text, environ={})
    assert config == Config()
    assert config.network == "simulator"
    assert config.x == XConfig()
    assert config.x.api_url == "https://api.x.com"
    assert (config.server.host, config.server.port, config.server.path) == ("127.0.0.1", 8080, "/webhook")
    assert config.server.webhook_url is None
    assert (config.engine.workers, config.engine.attempts, config.engine.handler_timeout) == (128, 5, 30)


def test_one_secret_may_stand_without_a_list() -> None:
    assert parse_config("x: {consumer_secret: one}\n", environ={}).x.consumer_secret == (Secret("one"),)


def test_anchors_and_merges_are_understood() -> None:
    text = "server: &s {port: 1, host: a}\nsimulator:\n  <<: *s\n  port: 2\n"
    config = parse_config(text, environ={})
    assert (config.simulator.host, config.simulator.port) == ("a", 2)


@pytest.mark.parametrize(
    ("store", "url", "name"),
    [
        ("sqlite:///a.db", "sqlite:////bots/a.db", "sqlite:///a.db"),
        ("sqlite:////var/a.db", "sqlite:////var/a.db", "sqlite:////var/a.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://", "sqlite://"),
        (
            "postgresql://u:hush@h/db?password=hush",
            "postgresql://u:hush@h/db?password=hush",
            "postgresql://u:…@h/db",
        ),
        ("postgresql://h/db", "postgresql://h/db", "postgresql://h/db"),
    ],
)
def test_the_store_is_beside_the_file_and_its_password_is_not_shown(store: str, url: str, name: str) -> None:
    config = parse_config(f"store: '{store}'\n", file=Path("/bots/bot.yaml"), environ={})
    assert (config.store_url, config.store_name) == (url, name)
    assert "hush" not in repr(config)


def test_the_environment_wins_over_dotenv_and_the_folder_may_be_named(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text("store: sqlite:///${A}-${B}.db\n", encoding="utf-8-sig")
    (tmp_path / ".env").write_text("A=file\nB=file\n")
    config = load_config(tmp_path, environ={"A": "process"})
    assert config.store == "sqlite:///process-file.db"
    assert config.file == tmp_path / "bot.yaml"


def test_a_secret_is_never_seen() -> None:
    secret = Secret("hush")
    config = parse_config(
        "x: {consumer_key: hush, consumer_secret: [hush]}\nplugins: [{a: {k: hush}}]\n", environ={}
    )
    seen = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>9}",
        repr([secret]),
        repr(config),
        repr(config.plugins),
    ]
    assert not [text for text in seen if "hush" in text]
    assert secret.reveal() == "hush"
    for copied in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            copied(secret)


def test_secrets_compare_by_value_and_only_with_secrets() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))
    assert Secret("a")
    assert not Secret("")
