"""The command line answers at once: nothing heavy is loaded before a command is chosen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from botkit.version import __version__


def botkit(*arguments: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *options, "-m", "botkit", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def loaded(*arguments: str) -> set[str]:
    """The modules that a command line imports."""
    done = botkit(*arguments, options=("-X", "importtime"))
    assert done.returncode == 0
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_help_and_version_load_nothing_heavy(arguments: list[str]) -> None:
    modules = loaded(*arguments)
    assert "click" in modules
    heavy = {
        "aiohttp",
        "authlib",
        "structlog",
        "asyncio",
        "rich",
        "sqlite3",
        "botkit.app",
        "botkit.simulator",
    }
    assert not heavy & modules


def test_trigger_loads_no_http_library() -> None:
    heavy = {"aiohttp", "asyncio", "structlog", "rich", "urllib.request", "botkit.app", "botkit.simulator"}
    assert not heavy & loaded("trigger", "--help")


def test_help_lists_every_command() -> None:
    done = botkit("--help")
    assert done.returncode == 0
    assert done.stderr == ""
    for name in ("run", "check", "plugins", "simulator", "trigger", "version"):
        assert f"\n  {name} " in done.stdout


def test_version_is_the_packages() -> None:
    assert botkit("version").stdout == f"botkit {__version__}\n"
    assert botkit("--version").stdout == f"botkit {__version__}\n"


def test_without_a_command_the_help_is_shown() -> None:
    done = botkit()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Usage: botkit")


def test_an_error_of_the_users_is_one_line_and_status_2() -> None:
    done = botkit("check", "nowhere/bot.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "botkit: error: nowhere/bot.yaml: there is no such file; "
        "name another file, or make one: a first line could be `network: simulator`\n"
    )
