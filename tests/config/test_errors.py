"""Everything that can be wrong in a bot.yaml, and the exact line that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from botkit.config import MissingSecrets, load_config, parse_config
from botkit.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

BROKEN = {
    "unknown key": (
        "server:\n  prot: 8080\n",
        "bot.yaml:2: server.prot: unknown key; did you mean port?",
    ),
    "unknown key at the top": (
        "network: simulator\nplugin: [a]\n",
        "bot.yaml:2: plugin: unknown key; did you mean plugins?",
    ),
    "unknown key that resembles nothing": (
        "log: {zzz: 1}\n",
        "bot.yaml:1: log.zzz: unknown key; known: level, format",
    ),
    "key of another table": (
        "delivery: activity\n",
        "bot.yaml:1: delivery: unknown key; write it below x",
    ),
    "key of two other tables": (
        "network: simulator\nport: 8080\n",
        "bot.yaml:2: port: unknown key; write it below server or simulator",
    ),
    "key of the top": (
        "server:\n  plugins: [a]\n",
        "bot.yaml:2: server.plugins: unknown key; write it at the top, below no other key",
    ),
    "text for a number": (
        "server:\n  port: eighty\n",
        "bot.yaml:2: server.port: expected a whole number, got 'eighty'",
    ),
    "quoted number": (
        'server: {port: "80"}\n',
        "bot.yaml:1: server.port: expected a whole number, got '80'; delete the quotes",
    ),
    "fraction for a whole number": (
        "engine: {workers: 1.5}\n",
        "bot.yaml:1: engine.workers: expected a whole number, got 1.5",
    ),
    "boolean for a number": (
        "engine: {workers: true}\n",
        "bot.yaml:1: engine.workers: expected a whole number, got true",
    ),
    "number for a text": (
        "server: {host: 1}\n",
        'bot.yaml:1: server.host: expected a text, got 1; put it in quotes: "1"',
    ),
    "YAML 1.1's yes": (
        "server: {access_log: yes}\n",
        "bot.yaml:1: server.access_log: expected true or false, got 'yes'",
    ),
    "list for keys": (
        "server: [1]\n",
        "bot.yaml:1: server: expected keys and values, got a list; write `key: value` lines",
    ),
    "keys for a list": (
        "plugins: {a: 1}\n",
        "bot.yaml:1: plugins: expected a list, got keys and values; write one `- item` a line, or [a, b]",
    ),
    "out of range": (
        "server: {port: 70000}\n",
        "bot.yaml:1: server.port: must be at most 65535, got 70000",
    ),
    "below the range": (
        "engine: {attempts: 0}\n",
        "bot.yaml:1: engine.attempts: must be at least 1, got 0",
    ),
    "no choice": (
        "network: twitter\n",
        "bot.yaml:1: network: expected simulator or x, got 'twitter'",
    ),
    "misspelt choice": (
        "x: {delivery: acount_activity}\n",
        (
            "bot.yaml:1: x.delivery: expected activity, activity_stream, account_activity, premium "
            "or enterprise, got 'acount_activity'; did you mean account_activity?"
        ),
    ),
    "no duration": (
        "engine: {handler_timeout: soon}\n",
        "bot.yaml:1: engine.handler_timeout: expected a duration such as 30s, 5m or 2h, got 'soon'",
    ),
    "negative duration": (
        "engine: {grace: -1}\n",
        "bot.yaml:1: engine.grace: expected a duration such as 30s, 5m or 2h, got -1",
    ),
    "duration out of range": (
        "engine: {handler_timeout: 30d}\n",
        "bot.yaml:1: engine.handler_timeout: must be at most 86400, got '30d'",
    ),
    "no size": (
        "server: {max_body: 1 MegaByte}\n",
        "bot.yaml:1: server.max_body: expected a size such as 1MiB or 500kB, got '1 MegaByte'",
    ),
    "no network": (
        "server: {trusted_proxies: [10.0.0.1/8]}\n",
        (
            "bot.yaml:1: server.trusted_proxies[0]: expected an address or network such as 10.0.0.0/8, "
            "got '10.0.0.1/8' (10.0.0.1/8 has host bits set)"
        ),
    ),
    "no path": (
        "server: {path: webhook}\n",
        "bot.yaml:1: server.path: expected a path that starts with /",
    ),
    "no URL": (
        "x:\n  api_url: api.x.com\n",
        "bot.yaml:2: x.api_url: expected a URL such as https://bot.example.com",
    ),
    "no store address": (
        "store: botkit.db\n",
        "bot.yaml:1: store: expected an address such as sqlite:///botkit.db",
    ),
    "a secret with a space, which is not repeated": (
        "x: {consumer_key: hush hush}\n",
        "bot.yaml:1: x.consumer_key: expected a secret without spaces or line breaks",
    ),
    "no secret at all": (
        "x:\n  consumer_secret: {a: hush}\n",
        "bot.yaml:2: x.consumer_secret: expected a secret, got keys and values; write ${NAME}",
    ),
    "empty list of secrets": (
        "x: {consumer_secret: []}\n",
        "bot.yaml:1: x.consumer_secret: the list is empty; write at least one item",
    ),
    "values that contradict each other": (
        "x:\n  crc_token: {min_length: 20, max_length: 10}\n",
        "bot.yaml:2: x.crc_token: min_length is greater than max_length",
    ),
    "nothing behind the colon": (
        "server:\n  port:\n",
        "bot.yaml:2: server.port: nothing stands behind the colon; write a value, or delete the line",
    ),
    "two keys of one name": (
        "server:\n  port: 1\n  host: a\n  port: 2\n",
        "bot.yaml:4: port: the key is written twice; delete one of the two, the first is on line 2",
    ),
    "two plugins in one entry": (
        "plugins:\n  - a:\n    b: 1\n",
        (
            "bot.yaml:2: plugins[0]: one entry names more than one plugin; "
            "begin each plugin with `- `, and indent its settings deeper than its name"
        ),
    ),
    "an empty entry": (
        "plugins:\n  - a\n  -\n",
        "bot.yaml:3: plugins[1]: expected a plugin's name; write `- name`, or `- name: {setting: value}`",
    ),
    "a plugin without a name": (
        "plugins: [{}]\n",
        "bot.yaml:1: plugins[0]: expected a plugin's name; write `- name`, or `- name: {setting: value}`",
    ),
    "tab": (
        "server:\n\tport: 1\n",
        "bot.yaml:2: a tab can't indent YAML; indent with spaces",
    ),
    "reference inside braces": (
        "server: {port: ${PORT}}\n",
        'bot.yaml:1: ${NAME} can\'t stand bare inside { } or [ ]; put it in quotes: "${NAME}"',
    ),
    "second colon": (
        "network: simulator: x\n",
        "bot.yaml:1: a second ': ' on the line; put a text that contains ': ' in quotes, or check the indent",
    ),
    "text that starts with @": (
        "plugins: [@bot]\n",
        "bot.yaml:1: a text can't start with this character; put the text in quotes",
    ),
    "open quotes": (
        'network: "simulator\n',
        "bot.yaml:2: quotes that are not closed; close them, and double a quote that belongs to the text",
    ),
    "alias without anchor": (
        "network: *x\n",
        "bot.yaml:1: an alias without its anchor; put a text that starts with * in quotes",
    ),
    "bracket that is not closed": (
        "plugins: [a, b\nnetwork: x\n",
        "bot.yaml:1: a [ or { that is not closed; close it, or put the text in quotes",
    ),
    "alias of itself": (
        "plugins: &a [*a]\n",
        "bot.yaml:1: an alias that contains itself; delete it",
    ),
    "two documents": (
        "network: x\n---\nnetwork: x\n",
        "bot.yaml:2: more than one YAML document; delete the --- line and what belongs to the other file",
    ),
    "Python tag": (
        "store: !!python/object/apply:os.system [id]\n",
        "bot.yaml:1: the tag !!python/object/apply:os.system is not supported; write the plain value",
    ),
    "list as a key": (
        "[a]: 1\n",
        "bot.yaml:1: a key must be a text; write `key: value`",
    ),
    "merge of no mapping": (
        "server: {<<: [a]}\n",
        "bot.yaml:1: '<<' merges keys and values only; name an anchor of a mapping",
    ),
    "control character": (
        "network: x\nstore: \x07\n",
        "bot.yaml:2: the character #x07 can't be in YAML; delete it",
    ),
    "not keys and values": (
        "- a\n",
        "bot.yaml:1: expected keys and values; start with a line such as `network: simulator`",
    ),
    "variable that is not set": (
        "store: sqlite:///${NAME}.db\n",
        (
            "bot.yaml:1: store: NAME is not set; "
            "set it in the environment or in .env beside bot.yaml, or write ${NAME:-default}"
        ),
    ),
    "two variables that are not set": (
        "store: postgresql://${A}:${B}@h/${A}\n",
        (
            "bot.yaml:1: store: A and B are not set; "
            "set it in the environment or in .env beside bot.yaml, or write ${A:-default}"
        ),
    ),
    "reference that is none": (
        "store: sqlite:///${1}.db\n",
        (
            "bot.yaml:1: store: '${' begins no reference; "
            "write ${NAME} or ${NAME:-default}, or $${ for the characters themselves"
        ),
    ),
    "wrong value from the environment, which is not repeated": (
        "server:\n  port: ${HUSH}\n",
        "bot.yaml:2: server.port: expected a whole number, got the value of ${HUSH}",
    ),
}


@pytest.mark.parametrize(("text", "line"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_is_told_in_one_exact_line(text: str, line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, environ={"HUSH": "hush-hush"})
    assert line == str(caught.value)
    assert "hush" not in str(caught.value).replace("${HUSH}", "").lower()


def test_deep_nesting_is_refused_not_a_crash() -> None:
    with pytest.raises(ConfigError, match="nested too deeply"):
        parse_config("[" * 5000, environ={})


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "no.yaml", environ={})
    assert str(caught.value).startswith(f"{tmp_path / 'no.yaml'}: there is no such file; ")
    assert caught.value.line is None


def test_a_file_that_is_no_utf8_says_where(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_bytes(b"network: x\nstore: \xff\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "bot.yaml", environ={})
    assert str(caught.value) == f"{tmp_path / 'bot.yaml'}:2: not UTF-8 text; save the file as UTF-8"


def test_a_broken_dotenv_names_itself(tmp_path: Path) -> None:
    (tmp_path / "bot.yaml").write_text("network: simulator\n")
    (tmp_path / ".env").write_text("A=1\nhush-hush\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "bot.yaml", environ={})
    assert str(caught.value) == (
        f"{tmp_path / '.env'}:2: not a KEY=VALUE line; write KEY=VALUE, or start the line with #"
    )


def test_every_missing_secret_is_named_with_its_variable(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text(
        "network: x\nx:\n  consumer_key: ${KEY}\n"
        "  consumer_secret: ['${NEW}', '${OLD}']\n  access_token: ${EMPTY}\n"
    )
    config = load_config(file, environ={"NEW": "1", "EMPTY": ""}, complete=False)
    assert [str(error).removeprefix(f"{file}:") for error in config.missing] == [
        "3: x.consumer_key: KEY is not set; set KEY in the environment or in .env beside bot.yaml",
        "4: x.consumer_secret: OLD is not set; set OLD in the environment or in .env beside bot.yaml",
        "5: x.access_token: ${EMPTY} is empty; give it a value in the environment or in .env beside bot.yaml",
        (
            "2: x.access_token_secret: missing, and network: x needs it; add `access_token_secret: "
            "${X_ACCESS_TOKEN_SECRET}` and set X_ACCESS_TOKEN_SECRET "
            "in the environment or in .env beside bot.yaml"
        ),
    ]
    with pytest.raises(MissingSecrets) as caught:
        load_config(file, environ={"NEW": "1", "EMPTY": ""})
    assert [str(error) for error in caught.value.errors] == [str(error) for error in config.missing]
    assert "KEY is not set (and 3 more: botkit check lists them)" in str(caught.value)


def test_one_missing_secret_is_raised_as_itself(tmp_path: Path) -> None:
    file = tmp_path / "bot.yaml"
    file.write_text("network: x\nx: {consumer_key: a, consumer_secret: b, access_token: c}\n")
    with pytest.raises(
        ConfigError, match=r"x\.access_token_secret: missing, and network: x needs it"
    ) as caught:
        load_config(file, environ={})
    assert not isinstance(caught.value, MissingSecrets)


def test_premium_needs_its_environment_at_x_only() -> None:
    keys = "consumer_key: a, consumer_secret: b, access_token: c, access_token_secret: d"
    text = f"x: {{delivery: premium, {keys}}}\n"
    assert parse_config(text, environ={}).missing == ()
    (error,) = parse_config(f"network: x\n{text}", environ={}).missing
    assert error.path == "x.environment"
    assert error.line == 2


def test_a_section_that_only_the_environment_could_fill_is_no_error_in_the_simulator() -> None:
    text = "x:\n  consumer_key: ${A}\n  consumer_secret: ${B}\nserver: {public_url: '${C}'}\n"
    config = parse_config(text, environ={})
    assert config.x.consumer_key is None
    assert config.x.consumer_secret == ()
    assert config.server.public_url is None
    assert config.missing == ()
