"""``botkit outbox``: what waits to leave, and broadcasts paused, resumed or cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from botkit.cli.common import json_option, print_json, print_table
from botkit.cli.operator import ago, bot_option, confirm, perform, yes_option
from botkit.config.units import format_duration

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.group("outbox", invoke_without_command=True)
@bot_option
@json_option
@click.pass_context
def command(ctx: click.Context, file: Path, as_json: bool) -> None:
    """List what waits to leave, in the order in which it leaves, and how long X's limits make it take.

    Works beside the running bot, and without it.
    """
    if ctx.invoked_subcommand is not None:
        return
    answer = perform(file, "outbox.list")
    if as_json:
        print_json(answer)
    elif not answer["queues"]:
        click.echo("nothing waits to leave")
    else:
        print_table(
            ("ACCOUNT", "WHAT", "PRIORITY", "BROADCAST", "WAITING", "OLDEST", "ALL GONE IN"),
            [_row(each, answer["now"]) for each in answer["queues"]],
        )
        if answer["budget"]:
            click.echo(_budget(answer["budget"]))


def _budget(budget: dict[str, Any]) -> str:
    return (
        f"today's budget of ${budget['per_day']:.2f} is spent (${budget['spent']:.2f}): "
        f"nothing is sent before {budget['until']}"
    )


def _row(each: dict[str, Any], now: str) -> list[str]:
    return [
        each["account_id"] or "-",
        each["window"],
        each["priority"],
        each["broadcast"] or "-",
        str(each["waiting"]),
        ago(each["oldest_at"], now),
        "paused" if each["paused"] else format_duration(each["eta_s"]),
    ]


@command.command("pause")
@click.argument("broadcast", metavar="BROADCAST")
@bot_option
@json_option
def pause(broadcast: str, file: Path, as_json: bool) -> None:
    """Send nothing more of a broadcast until it is resumed."""
    answer = perform(file, "outbox.pause", broadcast=broadcast)
    print_json(answer) if as_json else click.echo(f"{broadcast} is paused within seconds")


@command.command("resume")
@click.argument("broadcast", metavar="BROADCAST")
@bot_option
@json_option
def resume(broadcast: str, file: Path, as_json: bool) -> None:
    """Go on with a broadcast that was paused."""
    answer = perform(file, "outbox.resume", broadcast=broadcast)
    print_json(answer) if as_json else click.echo(f"{broadcast} goes on within seconds")


@command.command("cancel")
@click.argument("broadcast", metavar="BROADCAST")
@yes_option
@bot_option
@json_option
def cancel(broadcast: str, yes: bool, file: Path, as_json: bool) -> None:
    """Give up what has not left of a broadcast. It can't be undone."""
    confirm(f"Give up what has not left of broadcast {broadcast}?", yes=yes)
    answer = perform(file, "outbox.cancel", broadcast=broadcast)
    print_json(answer) if as_json else click.echo(f"{broadcast}: {answer['cancelled']} messages given up")
