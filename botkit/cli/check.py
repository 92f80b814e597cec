"""``botkit check``: what would run, and what is missing."""

from __future__ import annotations

import asyncio
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

import click

from botkit.cli import complain
from botkit.cli.common import config_argument, json_option, print_json, print_table, read_config
from botkit.cli.plugins import HANDLER_COLUMNS, describe_handler, describe_plugins, handler_row
from botkit.config import Config, format_duration, json_schema
from botkit.errors import UserError
from botkit.hooks.manager import Hooks, load_plugins
from botkit.roles.never import Never, hooks_never_called
from botkit.roles.own import Granted, grants_in, lacking

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command("check")
@config_argument
@click.option("--schema", is_flag=True, help="Print a JSON Schema for your editor instead.")
@json_option
def command(file: Path, schema: bool, as_json: bool) -> int:
    """Say what would run: network, server, store, plugins with their handlers in order, and what is missing.

    Nothing is started or sent, and no store is opened unless the own account's tokens are missing: accounts
    that have signed in may do. Exit status 2: the bot could not run.
    """
    if schema:
        print_json(json_schema(_settings_classes(file)))
        return 0
    config = read_config(file, complete=False)
    problems: list[UserError] = []
    granted: tuple[Granted, ...] = ()
    if config.missing:
        problems += asyncio.run(lacking(config))
    if config.missing and not problems:
        granted = asyncio.run(grants_in(config))
    hooks: Hooks | None = None
    never: tuple[Never, ...] = ()
    try:
        hooks = load_plugins(config)
        never = hooks_never_called(config, hooks, granted=granted)
    except UserError as error:
        problems.append(error)
    if as_json:
        print_json(_as_json(config, hooks, never, problems))
    else:
        _print(config, hooks, never, problems)
    return complain(*problems) if problems else 0


def _settings_classes(file: Path) -> dict[str, type]:
    """The settings classes of the bot's own plugins; none when there is no bot that could be loaded."""
    try:
        plugins = load_plugins(read_config(file, complete=False)).plugins
    except UserError:
        return {}
    return {plugin.name: type(plugin.settings) for plugin in plugins if is_dataclass(plugin.settings)}


def _print(config: Config, hooks: Hooks | None, never: tuple[Never, ...], problems: list[UserError]) -> None:
    for name, value in _facts(config):
        click.echo(f"{name:<10} {value}")
    if hooks is not None:
        handlers = hooks.handlers()
        plugins = ", ".join(entry.name for entry in config.plugins) or "none yet; add some under `plugins:`"
        click.echo(f"{'plugins':<10} {plugins}")
        if handlers:
            click.echo()
            print_table(HANDLER_COLUMNS, [handler_row(handler) for handler in handlers])
        for each in never:
            click.echo(f"\nwarning: {each}")
    click.echo()
    count = f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}"
    click.echo(f"{config.file} has {count}" if problems else f"{config.file} is fine")


def _facts(config: Config) -> list[tuple[str, str]]:
    """What would run, one line each."""
    server, engine = config.server, config.engine
    facts = [
        (
            "network",
            "simulator: X on this machine" if config.network == "simulator" else f"x: {config.x.api_url}",
        ),
        ("server", f"http://{_place(server.host, server.port)}{server.path}"),
    ]
    if config.network == "simulator":
        facts.append(("chat page", f"http://{_place(config.simulator.host, config.simulator.port)}"))
    else:
        environment = f", environment {config.x.environment}" if config.x.environment else ""
        facts.append(("delivery", f"{config.x.delivery}{environment}"))
        facts.append(
            ("webhook", server.webhook_url or "not registered by botkit: server.public_url is not set")
        )
    retry = engine.retry
    first, most = format_duration(retry.first), format_duration(retry.max)
    waits = f"{first}, then {retry.factor:g} times longer, up to {most}"
    facts += [
        ("store", config.store_name),
        (
            "engine",
            f"{engine.workers} conversations at once, {format_duration(engine.handler_timeout)} a handler",
        ),
        ("attempts", f"{engine.attempts}, waiting {waits}"),
    ]
    if config.budget.per_day is not None:
        facts.append(("budget", f"${config.budget.per_day:g} a day"))
    return facts


def _as_json(
    config: Config, hooks: Hooks | None, never: tuple[Never, ...], problems: list[UserError]
) -> dict[str, Any]:
    server = config.server
    return {
        "ok": not problems,
        "file": str(config.file),
        "network": config.network,
        "server": {
            "host": server.host,
            "port": server.port,
            "path": server.path,
            "webhook_url": server.webhook_url,
        },
        "simulator": {"host": config.simulator.host, "port": config.simulator.port},
        "delivery": config.x.delivery,
        "api_url": config.x.api_url,
        "store": config.store_name,
        "engine": {
            "workers": config.engine.workers,
            "attempts": config.engine.attempts,
            "handler_timeout_s": config.engine.handler_timeout,
            "grace_s": config.engine.grace,
        },
        "plugins": describe_plugins(hooks) if hooks else [{"name": entry.name} for entry in config.plugins],
        "handlers": [describe_handler(handler) for handler in hooks.handlers()] if hooks else None,
        "warnings": [str(each) for each in never],
        "problems": [_problem(error) for error in problems],
    }


def _problem(error: UserError) -> dict[str, Any]:
    described: dict[str, Any] = {"message": str(error)}
    for name in ("file", "line", "path", "problem", "fix"):
        if hasattr(error, name):
            described[name] = getattr(error, name)
    return described


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
