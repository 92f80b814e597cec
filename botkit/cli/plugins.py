"""``botkit plugins``: which plugins run, and what each of them listens to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from botkit.cli.common import config_argument, json_option, print_json, print_table, read_config
from botkit.filters.base import EVERYTHING
from botkit.hooks.manager import load_plugins

if TYPE_CHECKING:
    from pathlib import Path

    from botkit.hooks.handler import Handler
    from botkit.hooks.manager import Hooks, Plugin

__all__ = ["HANDLER_COLUMNS", "command", "describe_handler", "describe_plugins", "handler_row"]

PLUGIN_COLUMNS = ("plugin", "from", "handlers", "other hooks")
HANDLER_COLUMNS = ("handler", "hook", "filters", "place")


@click.command("plugins")
@config_argument
@json_option
def command(file: Path, as_json: bool) -> None:
    """List the plugins of bot.yaml and their handlers, in the order in which they see an event."""
    config = read_config(file, complete=False)
    hooks = load_plugins(config)
    handlers = hooks.handlers()
    if as_json:
        described = [describe_handler(handler) for handler in handlers]
        print_json({"plugins": describe_plugins(hooks), "handlers": described})
        return
    if not hooks.plugins:
        click.echo(f"{config.file} names no plugins yet; add some under `plugins:`")
        return
    print_table(PLUGIN_COLUMNS, [_plugin_row(plugin) for plugin in hooks.plugins])
    if handlers:
        click.echo()
        print_table(HANDLER_COLUMNS, [handler_row(handler) for handler in handlers])


def describe_plugins(hooks: Hooks) -> list[dict[str, Any]]:
    """The plugins for programs; settings stay out, they may hold secrets."""
    return [
        {
            "name": plugin.name,
            "from": plugin.origin,
            "handlers": [handler.id for handler in plugin.handlers],
            "hooks": list(plugin.hooks),
        }
        for plugin in hooks.plugins
    ]


def _plugin_row(plugin: Plugin) -> tuple[str, str, str, str]:
    return plugin.name, plugin.origin, str(len(plugin.handlers)), ", ".join(plugin.hooks)


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
