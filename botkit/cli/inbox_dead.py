"""``botkit inbox dead``: what spent its attempts, and what a person does about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.common import json_option, print_json, print_table
from botkit.cli.operator import ago, bot_option, confirm, moment_option, perform, yes_option

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["dead"]


@click.group("dead", no_args_is_help=True)
def dead() -> None:
    """Dead letters: handlers and actions that spent their attempts. They are kept until you decide."""


def _chosen_by_time_and_plugin(function: Callable[..., Any]) -> Callable[..., Any]:
    since = moment_option("--since", "Only those that died then or later.")
    plugin = click.option("--plugin", default="", metavar="NAME", help="Only those of that plugin.")
    return since(plugin(function))


def _chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    items = click.argument("item_ids", metavar="[ITEM_ID...]", nargs=-1)
    every = click.option("--all", "every", is_flag=True, help="All that there are.")
    handler = click.option("--handler", default="", metavar="NAME", help="Only those of that handler.")
    return items(every(handler(_chosen_by_time_and_plugin(function))))


@dead.command("list")
@click.option(
    "--limit", type=click.IntRange(1), default=50, show_default=True, help="How many, newest first."
)
@_chosen_by_time_and_plugin
@bot_option
@json_option
def list_(limit: int, since: float | None, plugin: str, file: Path, as_json: bool) -> None:
    """List dead letters, newest first."""
    answer = perform(file, "inbox.dead.list", limit=limit, since=since or 0.0, plugin=plugin)
    if as_json:
        print_json(answer)
        return
    letters = answer["letters"]
    if not letters:
        click.echo("no dead letters" if not answer["count"] else f"none of {answer['count']} dead letters")
        return
    print_table(
        ("AGE", "ITEM", "HANDLER", "WITH", "TRIED", "ERROR"),
        [
            [
                ago(letter["at"], answer["now"]),
                letter["item_id"],
                letter["handler"],
                letter["other_id"] or "-",
                str(letter["attempts"]),
                letter["error"],
            ]
            for letter in letters
        ],
    )
    if len(letters) == limit < answer["count"]:
        click.echo(f"and more: {answer['count']} in all; --limit shows them")


@dead.command("show")
@click.argument("item_id")
@bot_option
@json_option
def show(item_id: str, file: Path, as_json: bool) -> None:
    """Show one item's dead letters and all that the item holds, what people wrote too."""
    answer = perform(file, "inbox.dead.show", item_id=item_id)
    if as_json:
        print_json(answer)
        return
    for letter in answer["letters"]:
        for name in ("item_id", "what", "handler", "account_id", "other_id", "attempts", "error", "at"):
            click.echo(f"{name:<11} {letter[name]}")
        click.echo()
    held = answer["content"]
    if held is None:
        click.echo("what it is about is not kept")
    elif "payload" in held:
        click.echo(f"{held['event']}, as X sent it:")
        click.echo(json.dumps(held["payload"], indent=2))
    else:
        click.echo(f"{held['kind']} to {held['to']}")
        click.echo(held["text"])


@dead.command("retry")
@_chosen
@bot_option
@json_option
def retry(
    *,
    item_ids: tuple[str, ...],
    every: bool,
    handler: str,
    since: float | None,
    plugin: str,
    file: Path,
    as_json: bool,
) -> int:
    """Try dead letters again: an event by the handler that failed and no other, an action as it is.

    Name items, or choose by --since, --plugin and --handler, or say --all. Exit status 1: some can't be tried
    again.
    """
    chosen = _choice("retry", item_ids, every=every, handler=handler, since=since, plugin=plugin)
    answer = perform(file, "inbox.dead.retry", **chosen)
    if as_json:
        print_json(answer)
    else:
        for each in answer["retried"]:
            click.echo(f"{each['item_id']} ({each['handler']}) is in line again as {each['as']}")
        for each in answer["left"]:
            click.echo(f"{each['item_id']} ({each['handler']}) is left: {each['reason']}")
        if not answer["retried"] and not answer["left"]:
            click.echo("no dead letters to retry")
    return 1 if answer["left"] else 0


@dead.command("drop")
@_chosen
@yes_option
@bot_option
@json_option
def drop(
    *,
    item_ids: tuple[str, ...],
    every: bool,
    handler: str,
    since: float | None,
    plugin: str,
    yes: bool,
    file: Path,
    as_json: bool,
) -> None:
    """Give dead letters up, chosen as for retry. What they are about is deleted when it is old."""
    chosen = _choice("drop", item_ids, every=every, handler=handler, since=since, plugin=plugin)
    what = ", ".join(item_ids) or "all that you chose"
    confirm(f"Give up the dead letters of {what}?", yes=yes)
    answer = perform(file, "inbox.dead.drop", **chosen)
    if as_json:
        print_json(answer)
        return
    for each in answer["dropped"]:
        click.echo(f"{each['item_id']} ({each['handler']}) is dropped")
    if not answer["dropped"]:
        click.echo("no dead letters to drop")


def _choice(
    word: str, item_ids: tuple[str, ...], *, every: bool, handler: str, since: float | None, plugin: str
) -> dict[str, Any]:
    if every and (item_ids or handler or plugin or since is not None):
        raise click.UsageError("--all is all of them: name items or choose some instead")
    if not (every or item_ids or handler or plugin or since is not None):
        raise click.UsageError(f"which ones? {word} ITEM_ID…, --since, --plugin, --handler, or --all")
    return {"item_ids": list(item_ids), "handler": handler, "since": since or 0.0, "plugin": plugin}
