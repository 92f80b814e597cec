"""``botkit run``: a bot, until it is told to stop."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from botkit import process
from botkit.app import Plan
from botkit.cli.common import config_argument, read_config
from botkit.hooks.manager import load_plugins
from botkit.log import make_logger
from botkit.roles.children import Child
from botkit.roles.kinds import ALL, Role, name_of
from botkit.roles.own import complete
from botkit.roles.tunnelled import in_thread, tunnelled

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from botkit.app import Running
    from botkit.config import Config
    from botkit.log import Logger

__all__ = ["command"]


@click.command("run")
@config_argument
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice([role.value for role in Role]),
    help="Do only this part of the work, beside other processes on one PostgreSQL; may be repeated.",
)
@click.option(
    "--processes",
    type=click.IntRange(1, 128),
    default=1,
    metavar="N",
    help="Receive with that many processes on one port; this one does the rest.",
)
@click.option("--tunnel", is_flag=True, help="Be reached through a tunnel; its webhook goes with it.")
@click.option("--child", hidden=True, default="", help="Used for the processes that --processes starts.")
@click.option("-v", "--verbose", is_flag=True, help="Log at level debug, whatever bot.yaml says.")
def command(
    file: Path, *, roles: tuple[str, ...], processes: int, tunnel: bool, child: str, verbose: bool
) -> None:
    """Run the bot that bot.yaml describes, until Ctrl-C or SIGTERM.

    The first one stops gracefully: nothing new is taken, and what is in hand is finished. A second one
    stops at once. Either way nothing is lost.
    """
    config = asyncio.run(complete(read_config(file, complete=False)))
    plan = Plan(
        roles=frozenset(map(Role, roles)) or ALL,
        processes=processes,
        command=_receiver_command(file, verbose=verbose),
        child=_child(child) if child else None,
    )
    log = make_logger(level="debug" if verbose else config.log.level, format=config.log.format)
    if plan.name:
        log = log.bind(process=plan.name)
    if tunnel and (processes > 1 or roles):
        raise click.UsageError("--tunnel goes with one process that does everything")
    with _reached(config, log) if tunnel else nullcontext(config) as reached:
        process.run(reached, log=log, ready=lambda running: _announce(running, log), plan=plan)


def _reached(config: Config, log: Logger) -> AbstractContextManager[Config]:
    """The bot's configuration with a tunnel's address, as long as the tunnel is open."""
    hooks = load_plugins(config, log=log)
    return in_thread(lambda: tunnelled(config, hooks, log=log))


def _receiver_command(file: Path, *, verbose: bool) -> list[str]:
    """What starts a receiver with the same bot.yaml, and the same places to import from."""
    safe = [] if os.getcwd() in sys.path else ["-P"]  # noqa: PTH109 - sys.path holds texts
    more = ["--verbose"] if verbose else []
    return [sys.executable, *safe, "-m", "botkit", "run", str(file), "--role", Role.RECEIVER.value, *more]


def _child(text: str) -> Child:
    try:
        return Child.parse(text)
    except ValueError:
        raise click.BadParameter("it is for processes that botkit starts", param_hint="--child") from None


def _announce(running: Running, log: Logger) -> None:
    """Tell people where the bot is, on standard output; the log, for machines, tells it too."""
    log.info("ready", url=running.url, account=running.account, chat_page=running.simulator_url or None)
    who = f"@{running.account}" if running.account else "The bot"
    what = "" if running.roles == ALL else f" ({name_of(running.roles)})"
    lines = [f"{who} is running{what}. Ctrl-C stops it."]
    if running.webhook_url:
        lines.append(f"  webhook    {running.webhook_url}")
    elif running.url:
        lines.append(f"  health     {running.url}/readyz")
    if running.simulator_url:
        where = f"--wait --simulator {running.simulator_url}"
        lines += [
            f"  chat page  {running.simulator_url}",
            f'  or try     botkit trigger dm "hello" {where}',
        ]
    click.secho("\n".join(lines), fg="green")
    sys.stdout.flush()
