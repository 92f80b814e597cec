"""``botkit inbox``: what waits, what died, and what is to be done about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from botkit.cli.common import json_option, print_json, print_table
from botkit.cli.inbox_dead import dead
from botkit.cli.operator import ago, bot_option, moment_option, perform

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.group("inbox", invoke_without_command=True)
@click.option(
    "--limit", type=click.IntRange(0), default=20, show_default=True, help="How many conversations."
)
@bot_option
@json_option
@click.pass_context
def command(ctx: click.Context, limit: int, file: Path, as_json: bool) -> None:
    """Say what waits: counts, the oldest, and the conversations that wait longest.

    Works beside the running bot, and without it.
    """
    if ctx.invoked_subcommand is not None:
        return
    answer = perform(file, "inbox.status", limit=limit)
    if as_json:
        print_json(answer)
        return
    now = answer["now"]
    for what in ("events", "actions"):
        counted = answer[what]
        line = f"{counted['waiting']} waiting"
        if counted["waiting"]:
            where = "conversation" if counted["conversations"] == 1 else "conversations"
            line += f" in {counted['conversations']} {where}, the oldest for {ago(counted['oldest_at'], now)}"
        click.echo(f"{what:<13} {line}")
    hint = "; see botkit inbox dead list" if answer["dead_letters"] else ""
    click.echo(f"{'dead letters':<13} {answer['dead_letters']}{hint}")
    if answer["next_timer_at"]:
        click.echo(f"{'next timer':<13} {ago(answer['next_timer_at'], now)}")
    if answer["conversations"]:
        click.echo()
        print_table(
            ("ACCOUNT", "WITH", "WHAT", "WAITING", "OLDEST", "FAILED", "NEXT"),
            [_row(each, now) for each in answer["conversations"]],
        )


def _row(each: dict[str, Any], now: str) -> list[str]:
    next_at = "in hand" if each["in_hand"] else ago(each["next_attempt_at"], now)
    return [
        each["account_id"] or "-",
        each["other_id"] or "-",
        each["what"],
        str(each["waiting"]),
        ago(each["oldest_at"], now),
        str(each["failed_attempts"]),
        next_at if next_at.startswith("in ") else "now",
    ]


@command.command("show")
@click.argument("user", metavar="USER")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many, newest first."
)
@bot_option
@json_option
def show(user: str, limit: int, file: Path, as_json: bool) -> None:
    """List what is stored between the bot and one person, newest first, without what was written.

    USER is an id, or a handle that stands in a stored event.
    """
    answer = perform(file, "inbox.conversation", user=user, limit=limit)
    if as_json:
        print_json(answer)
    elif not answer["items"]:
        click.echo(f"user {answer['user_id']}: nothing is stored")
    else:
        print_table(
            ("AGE", "ITEM", "WHAT", "ACCOUNT", "DONE"),
            [
                [
                    ago(each["received_at"], answer["now"]),
                    each["item_id"],
                    each["kind"],
                    each["account_id"],
                    "yes" if each["done"] else "waits",
                ]
                for each in answer["items"]
            ],
        )


command.add_command(dead)


@command.command("replay")
@click.argument("event_ids", metavar="EVENT_ID...", nargs=-1, required=True)
@click.option("--dry-run", is_flag=True, help="Only run the handlers, and print what they would send.")
@bot_option
@json_option
def replay(event_ids: tuple[str, ...], dry_run: bool, file: Path, as_json: bool) -> int:
    """Run all handlers again on stored events, as if each came anew. What they send is sent again.

    With --dry-run nothing is stored, queued or sent. Exit status 1: a handler failed in the dry run.
    """
    if not dry_run:
        answer = perform(file, "inbox.replay", event_ids=list(event_ids))
        if as_json:
            print_json(answer)
        else:
            for each in answer["replayed"]:
                click.echo(f"{each['event_id']} is in line again as {each['as']}")
        return 0
    answer = perform(file, "inbox.rehearse", event_ids=list(event_ids))
    if as_json:
        print_json(answer)
    else:
        for each in answer["rehearsed"]:
            _print_rehearsed(each)
    failed = any(handler["error"] for each in answer["rehearsed"] for handler in each["handlers"])
    return 1 if failed else 0


def _print_rehearsed(each: dict[str, Any]) -> None:
    click.echo(f"{each['event_id']} ({each['event']})")
    if not each["accepted"]:
        click.echo("  no handler runs: a plugin's accept_event says no")
    elif not each["handlers"]:
        click.echo("  no handler takes it")
    for handler in each["handlers"]:
        outcome = f"fails: {handler['error']}" if handler["error"] else "runs"
        click.echo(f"  {handler['handler']} {outcome}")
        for action in each["actions"]:
            if action["handler"] == handler["handler"]:
                due = f" at {action['due_at']}" if action["due_at"] else ""
                click.echo(f"    {action['kind']} to {action['to']}{due}")
                for line in action["text"].splitlines():
                    click.echo(f"      {line}")


@command.command("prune")
@moment_option("--before", "Delete what came before that.  [default: engine.retention ago]")
@bot_option
@json_option
def prune(before: float | None, file: Path, as_json: bool) -> None:
    """Delete events and actions that are done and old. What waits, and what a dead letter is about, stays."""
    answer = perform(file, "inbox.prune", before=before)
    if as_json:
        print_json(answer)
    else:
        count = answer["pruned"]
        click.echo(f"{count} {'item' if count == 1 else 'items'} from before {answer['before']} deleted")
