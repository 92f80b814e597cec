"""check, plugins and version, and how every command tells what is wrong."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml

from botkit.cli import main

if TYPE_CHECKING:
    from collections.abc import Sequence

PLUGIN = '''
from dataclasses import dataclass

from botkit import contains, hookimpl, on_direct_message, on_follow


@dataclass
class Settings:
    """What faq takes."""

    word: str = "price"


@on_direct_message(contains("price"))
async def price(event, bot):
    return "5"


@on_direct_message(fallback=True)
async def other(event, bot):
    return "?"


@on_follow
async def followed(event, bot):
    pass


@hookimpl
def register_commands(cli):
    @cli.command()
    def hey():
        print("hey there")
'''


class Shell:
    """Runs command lines in a bot's folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with contextlib.chdir(self.folder):
            status = main(arguments)
        out, err = self._capsys.readouterr()
        return status, out, err

    def json(self, *arguments: str) -> Any:
        _, out, _ = self(*arguments)
        return json.loads(out)

    def write(self, text: str) -> None:
        (self.folder / "bot.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "faq.py").write_text(PLUGIN)
    shell = Shell(tmp_path, capsys)
    shell.write("store: postgresql://me:hush@db/bot\nplugins:\n  - faq: {word: hush}\n")
    return shell


def test_check_says_what_would_run(shell: Shell) -> None:
    status, out, err = shell("check")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:4] == [
        "network    simulator: X on this machine",
        "server     http://127.0.0.1:8080/webhook",
        "chat page  http://127.0.0.1:8081",
        "store      postgresql://me:…@db/bot",
    ]
    assert "plugins    faq" in lines
    table = [line.split() for line in lines if line.startswith("faq:")]
    assert [row[:2] for row in table] == [
        ["faq:price", "on_direct_message"],
        ["faq:other", "on_direct_message"],
        ["faq:followed", "on_follow"],
    ]
    assert 'contains("price")' in out
    assert "only if nothing answered" in out
    assert lines[-1] == "bot.yaml is fine"
    assert "hush" not in out


def test_check_for_programs(shell: Shell) -> None:
    said = shell.json("check", "--json")
    assert (said["ok"], said["network"], said["problems"]) == (True, "simulator", [])
    assert said["store"] == "postgresql://me:…@db/bot"
    assert {handler["id"] for handler in said["handlers"]} == {"faq:price", "faq:other", "faq:followed"}
    assert "hush" not in json.dumps(said)


def test_check_names_every_missing_secret_on_its_own_line(shell: Shell) -> None:
    shell.write("network: x\nx: {delivery: premium, consumer_key: '${NO_SUCH_KEY}'}\n")
    status, out, err = shell("check")
    assert status == 2
    assert [line.split(": ")[3] for line in err.splitlines()] == [
        "x.consumer_key",
        "x.consumer_secret",
        "x.access_token",
        "x.access_token_secret",
        "x.environment",
    ]
    assert all(line.startswith("botkit: error: bot.yaml:2: ") for line in err.splitlines())
    assert out.splitlines()[-1] == "bot.yaml has 5 problems"
    problems = shell.json("check", "--json")["problems"]
    assert problems[0]["path"] == "x.consumer_key"
    assert problems[0]["fix"] == "set NO_SUCH_KEY in the environment or in .env beside bot.yaml"


def test_run_refuses_to_start_without_its_secrets(shell: Shell) -> None:
    shell.write("network: x\n")
    status, out, err = shell("run")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 4


def test_check_tells_missing_secrets_and_a_broken_plugin_together(shell: Shell) -> None:
    shell.write("network: x\nplugins: [nowhere]\n")
    status, _, err = shell("check")
    assert status == 2
    assert len(err.splitlines()) == 5
    assert "nowhere" in err.splitlines()[-1]


def test_a_wrong_setting_is_told_with_its_line(shell: Shell) -> None:
    shell.write("plugins:\n  - faq:\n      wort: a\n")
    status, _, err = shell("plugins")
    assert status == 2
    assert err == "botkit: error: bot.yaml:3: plugins[0].wort: unknown key; did you mean word?\n"


def test_check_needs_no_plugin(shell: Shell) -> None:
    shell.write("network: simulator\n")
    status, out, _ = shell("check")
    assert status == 0
    assert "plugins    none yet; add some under `plugins:`" in out


def test_the_schema_knows_the_bots_own_plugins(shell: Shell) -> None:
    schema = shell.json("check", "--schema")
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid(yaml.safe_load((shell.folder / "bot.yaml").read_text()))
    assert not validator.is_valid({"plugins": [{"faq": {"wort": "a"}}]})


def test_the_schema_is_printed_without_a_bot_too(shell: Shell) -> None:
    schema = shell.json("check", "--schema", "nowhere.yaml")
    assert schema["title"] == "bot.yaml"


def test_plugins_lists_plugins_and_handlers(shell: Shell) -> None:
    status, out, err = shell("plugins")
    assert (status, err) == (0, "")
    assert out.splitlines()[0].split() == ["plugin", "from", "handlers", "other", "hooks"]
    assert out.splitlines()[1].split() == ["faq", "plugins/faq.py", "3", "register_commands"]
    said = shell.json("plugins", "--json")
    assert said["plugins"][0]["hooks"] == ["register_commands"]
    (fallback,) = [handler for handler in said["handlers"] if handler["fallback"]]
    assert (fallback["id"], fallback["hook"], fallback["filter"]) == ("faq:other", "on_direct_message", "")


def test_a_plugin_brings_commands(shell: Shell) -> None:
    assert shell("hey") == (0, "hey there\n", "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["chek"], "there is no command 'chek' (did you mean check?); see botkit --help"),
        (["zzz"], "there is no command 'zzz' (known: run, check, plugins, simulator, trigger, "),
        (["check", "--jsn"], "see botkit check --help"),
        (["--jsn"], "see botkit --help"),
        (["trigger", "dm"], 'a dm needs a text, such as: botkit trigger dm --from alice "hello"'),
        (["trigger", "follow", "hello"], "a follow has no text"),
        (["trigger", "dm", "hello", "--post", "1"], "--post goes with like, quote, reply, repost"),
        (["trigger", "like", "--quick-reply", "1"], "--quick-reply goes with dm"),
        (["trigger", "dm", "hello", "--from", "@"], "--from needs a handle, such as alice"),
        (["trigger", "dm", "hello", "--timeout", "soon"], "'soon' is no duration such as 10s or 2m"),
        (["trigger", "dm", "hello", "--simulator", "ftp://x"], "--simulator is no address"),
        (["trigger", "dm", "hello", "--simulator", "http://x:port"], "--simulator is no address"),
        (["trigger", "dance"], "see botkit trigger --help"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(shell: Shell, arguments: Sequence[str], line: str) -> None:
    status, out, err = shell(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith("botkit: error: ")
    assert err.count("\n") == 1
    assert line in err


def test_a_misspelt_command_is_told_even_when_the_bot_is_broken(shell: Shell) -> None:
    shell.write("plugins: [nowhere]\n")
    _, _, err = shell("chek")
    assert "did you mean check?" in err


def test_version_for_programs(shell: Shell) -> None:
    assert set(shell.json("version", "--json")) == {"botkit", "python", "platform"}


def test_run_and_simulator_explain_themselves(shell: Shell) -> None:
    for name in ("run", "simulator", "check", "plugins", "trigger", "version"):
        status, out, _ = shell(name, "--help")
        assert status == 0
        assert out.startswith(f"Usage: botkit {name} ")
