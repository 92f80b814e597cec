"""Commands that plugins bring: those of the bot.yaml in the current folder."""

from __future__ import annotations

from pathlib import Path

import click

from botkit.cli.common import read_config
from botkit.hooks.manager import load_plugins

__all__ = ["plugin_commands"]


def plugin_commands() -> dict[str, click.Command]:
    """The commands that the plugins of ``./bot.yaml`` register, by name; none when there is no such file.

    :raises UserError: bot.yaml or a plugin can't be loaded.
    """
    file = Path("bot.yaml")
    if not file.is_file():
        return {}
    group = click.Group()
    load_plugins(read_config(file, complete=False)).register_commands(group)
    return dict(group.commands)
