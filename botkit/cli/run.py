"""``botkit run``: a bot, until it is told to stop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from botkit import app
from botkit.cli.common import config_argument, read_config
from botkit.log import make_logger

if TYPE_CHECKING:
    from pathlib import Path

    from botkit.app import Running
    from botkit.log import Logger

__all__ = ["command"]


@click.command("run")
@config_argument
@click.option("-v", "--verbose", is_flag=True, help="Log at level debug, whatever bot.yaml says.")
def command(file: Path, verbose: bool) -> None:
    """Run the bot that bot.yaml describes, until Ctrl-C or SIGTERM.

    The first one stops gracefully: nothing new is taken, and what is in hand is finished. A second one
    stops at once. Either way nothing is lost.
    """
    config = read_config(file, complete=True)
    log = make_logger(level="debug" if verbose else config.log.level, format=config.log.format)
    app.run(config, log=log, ready=lambda running: _announce(running, log))


def _announce(running: Running, log: Logger) -> None:
    """Tell people where the bot is, on standard output; the log, for machines, tells it too."""
    log.info("ready", account=running.account, chat_page=running.simulator_url or None)
    who = f"@{running.account}" if running.account else "The bot"
    lines = [f"{who} is running. Ctrl-C stops it.", f"  webhook    {running.webhook_url}"]
    if running.simulator_url:
        where = f"--wait --simulator {running.simulator_url}"
        lines += [
            f"  chat page  {running.simulator_url}",
            f'  or try     botkit trigger dm "hello" {where}',
        ]
    click.secho("\n".join(lines), fg="green")
    sys.stdout.flush()
