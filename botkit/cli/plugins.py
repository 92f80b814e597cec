"""``botkit plugins``: which plugins run, and what each of them listens to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from botkit.hooks.manager import load_plugins

from botkit.cli.common import config_argument, json_option, print_json, print_table, read_config
from botkit.filters.base import EVERYTHING

if TYPE_CHECKING:
    from pathlib import Path

    from botkit.config import Config
    from botkit.hooks.handler import Handler

__all__ = ["HANDLER_COLUMNS", "command", "describe_handler", "describe_plugins", "handler_row"]

HANDLER_COLUMNS = ("handler", "hook", "filters", "place")


@click.command("plugins")
@config_argument
@json_option
def command(file: Path, as_json: bool) -> None:
    """List the plugins of bot.yaml and their handlers, in the order in which they see an event."""
    config = read_config(file, complete=False)
    handlers = load_plugins(config).handlers()
    if as_json:
        described = [describe_handler(handler) for handler in handlers]
        print_json({"plugins": describe_plugins(config), "handlers": described})
    elif not config.plugins:
        click.echo(f"{config.file} names no plugins yet; add some under `plugins:`")
    else:
        print_table(HANDLER_COLUMNS, [handler_row(handler) for handler in handlers])


def describe_plugins(config: Config) -> list[dict[str, Any]]:
    """The entries of ``plugins:`` for programs; settings stay out, they may hold secrets."""
    return [
        {"name": entry.name, "line": entry.line, "settings": entry.settings is not None}
        for entry in config.plugins
    ]


def describe_handler(handler: Handler) -> dict[str, Any]:
    """A handler for programs."""
    return {
        "id": handler.id,
        "plugin": handler.plugin,
        "hook": handler.hook,
        "filter": _filter(handler),
        "fallback": handler.fallback,
        "own": handler.own,
        "timeout_s": handler.timeout_s,
        "attempts": handler.attempts,
        "place": handler.place,
    }


def handler_row(handler: Handler) -> tuple[str, str, str, str]:
    """A handler for people, in `HANDLER_COLUMNS`."""
    notes = [_filter(handler)] if _filter(handler) else []
    if handler.fallback:
        notes.append("only if nothing answered")
    if handler.own:
        notes.append("also the account's own")
    return handler.id, handler.hook, ", ".join(notes) or "every one", handler.place


def _filter(handler: Handler) -> str:
    return "" if handler.filter == EVERYTHING else str(handler.filter)
