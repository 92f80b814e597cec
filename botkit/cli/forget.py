"""``botkit forget``: delete all that the store holds of one person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from botkit.cli.common import json_option, print_json
from botkit.cli.operator import bot_option, confirm, perform, yes_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]

_WORDS = (
    ("events", "event"),
    ("actions", "action"),
    ("timers", "timer"),
    ("dead_letters", "dead letter"),
    ("tokens", "token"),
    ("marks", "mark"),
)


@click.command("forget")
@click.argument("user", metavar="USER")
@yes_option
@bot_option
@json_option
def command(user: str, yes: bool, file: Path, as_json: bool) -> None:
    """Delete a person's events, states and tokens, and say what was deleted. No byte of it is left.

    USER is an id, or a handle that stands in a stored event. Whoever writes again is new to the bot.
    """
    confirm(f"Delete all that the store holds of {user}? It can't be undone.", yes=yes)
    answer = perform(file, "forget", user=user)
    if as_json:
        print_json(answer)
        return
    deleted = [
        f"{answer[key]} {word if answer[key] == 1 else f'{word}s'}" for key, word in _WORDS if answer[key]
    ]
    if answer["states"]:
        count = len(answer["states"])
        deleted.append(f"{count} {'state' if count == 1 else 'states'}")
    what = ", ".join(deleted) or "nothing: the store holds nothing of them"
    click.echo(f"user {answer['user_id']}: {f'deleted {what}' if deleted else what}")
    for key in answer["states"]:
        click.echo(f"  {key}")
    if left := answer["own_events_left"]:
        click.echo(
            f"{left} of the account's own events that name them still wait to be handled: "
            "run this again when they are done"
        )
