"""The manual's page on deploying shows files that work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from botkit.cli import root
from botkit.config import parse_config
from botkit.roles.kinds import Role, refuse

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "deploy.md").read_text(encoding="utf-8")
UNITS = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
KEYS = dict.fromkeys(("X_CONSUMER_KEY", "X_CONSUMER_SECRET", "X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"), "a")


def parsed(command: str) -> dict[str, Any]:
    """What `botkit run …` was asked for; raises what click would say to the user."""
    program, name, *arguments = shlex.split(command, comments=True)
    assert Path(program).name == "botkit"
    group = root()
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return found.make_context(name, arguments).params


def commands() -> list[str]:
    return [
        *re.findall(r"^ExecStart=(.*)$", PAGE, re.MULTILINE),
        *re.findall(r"^    command: (.*)$", PAGE, re.MULTILINE),
        *re.findall(r"^botkit run .*$", PAGE, re.MULTILINE),
    ]


@pytest.mark.parametrize("command", commands())
def test_every_command_is_understood(command: str) -> None:
    assert parsed(command)["file"] == Path("bot.yaml")


def test_the_deployment_has_all_roles() -> None:
    compose = yaml.safe_load(YAML[1])["services"]
    roles = [
        role
        for service in compose.values()
        if "command" in service
        for role in parsed(service["command"])["roles"] * service.get("deploy", {}).get("replicas", 1)
    ]
    assert sorted(roles) == ["receiver"] * 2 + ["sender"] + ["worker"] * 4
    assert {role for unit in UNITS[1:] for role in re.findall(r"--role (\w+)", unit)} == set(Role)


def test_the_configuration_may_be_split() -> None:
    config = parse_config(YAML[0], environ=KEYS)
    refuse(config, {Role.WORKER}, 1)
    assert config.server.health_port is None
    assert parse_config(YAML[0], environ={**KEYS, "HEALTH_PORT": "9001"}).server.health_port == 9001


def test_supervisors_wait_longer_than_the_grace_period() -> None:
    config = parse_config(YAML[0], environ=KEYS)
    waits = re.findall(r"^TimeoutStopSec=(\d+)$", PAGE, re.MULTILINE)
    assert len(waits) == len(UNITS) == 4
    waits += re.findall(r"stop_grace_period: (\d+)s", PAGE)
    assert all(int(wait) > config.engine.grace + 5 for wait in waits)


def test_what_is_to_be_watched_in_the_log_is_logged() -> None:
    watched = PAGE.partition("## What to watch")[2]
    names = {name for name in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", watched) if name != "dead_letter"}
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in Path(parse_config.__code__.co_filename).parents[1].rglob("*.py")
    )
    assert names
    assert [name for name in sorted(names) if f'"{name}"' not in source] == []
