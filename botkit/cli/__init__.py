"""The command line. Only this module and click are loaded before a command is chosen."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from botkit.cli.group import Command, LazyGroup
from botkit.errors import UserError
from botkit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "root"]

_COMMANDS = (
    Command("run", "botkit.cli.run", "Run the bot that bot.yaml describes."),
    Command("check", "botkit.cli.check", "Say what would run, and what is missing."),
    Command("plugins", "botkit.cli.plugins", "List the plugins and their handlers, in order."),
    Command("simulator", "botkit.cli.simulator", "Run the simulator alone: X on this machine."),
    Command("trigger", "botkit.cli.trigger", "Make something happen in a running simulator."),
    Command("connect", "botkit.cli.connect", "Set a bot up, up to a direct message that it answers."),
    Command("doctor", "botkit.cli.doctor", "Find what is wrong with a set-up, and the fix."),
    Command("inbox", "botkit.cli.inbox", "Say what waits and what died, and try it again."),
    Command("outbox", "botkit.cli.outbox", "List what waits to leave; pause or cancel a broadcast."),
    Command("usage", "botkit.cli.usage", "Show what X charges, by day."),
    Command("forget", "botkit.cli.forget", "Delete all that is stored of one person."),
    Command("webhook", "botkit.cli.webhook", "List, register, check and remove webhooks at X."),
    Command("subscription", "botkit.cli.subscription", "List, make, end and count subscriptions at X."),
    Command("replay", "botkit.cli.replay", "Have X deliver again what was missed."),
    Command("account", "botkit.cli.account", "List the connected accounts, and remove one."),
    Command("token", "botkit.cli.token", "Check the app's token; replace the key of stored tokens."),
    Command("version", "botkit.cli.version", "Print the version."),
)


def root() -> click.Group:
    """The command ``botkit`` with its subcommands."""
    group = LazyGroup(
        name="botkit",
        commands_table=_COMMANDS,
        help="The event-driven bot framework for X.\n\nBegin with a bot.yaml, then: botkit run bot.yaml",
        context_settings={"help_option_names": ["-h", "--help"]},
        no_args_is_help=True,
    )
    return click.version_option(__version__, message="botkit %(version)s")(group)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0: done. 1: it ran, and the answer is no (the bot did not answer in time). 2: something the user can mend,
    said in one line on standard error. 130: interrupted. Anything that raises out of here is our bug.
    """
    try:
        result = root().main(
            args=None if arguments is None else list(arguments), prog_name="botkit", standalone_mode=False
        )
        sys.stdout.flush()
    except UserError as error:
        return complain(*getattr(error, "errors", (error,)))
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "botkit"
        return complain(f"{error.format_message().rstrip('.')}; see {command} --help")
    except click.ClickException as error:
        return complain(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return result if isinstance(result, int) else 0


def complain(*problems: object) -> int:
    """Say each problem in one line on standard error, and return the exit status for it."""
    for problem in problems:
        click.echo(f"botkit: error: {' '.join(str(problem).split())}", err=True)
    return 2
