"""``botkit subscription``: what X delivers to this app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from botkit.cli.at_x import ask_x
from botkit.cli.common import json_option, print_json, print_table
from botkit.cli.operator import bot_option, confirm, yes_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]

COLUMNS = ("SUBSCRIPTION", "EVENTS", "OF", "TO", "")


@click.group("subscription")
def command() -> None:
    """List, make, end and count subscriptions at X.

    A running bot makes those that its plugins need, and ends its own that nothing needs, by itself.
    """


@command.command("list")
@bot_option
@json_option
def list_subscriptions(file: Path, as_json: bool) -> None:
    """List the subscriptions of this app; with account activity, the accounts of the bot's webhook."""
    found = ask_x(file, "subscription.list")["subscriptions"]
    if as_json:
        print_json(found)
    elif found:
        print_table(COLUMNS, [_row(each) for each in found])
    else:
        click.echo("there are no subscriptions; the bot makes them when it runs, or: botkit subscription add")


@command.command("add")
@click.argument("event_type", required=False, default="")
@click.option("--user", "user_id", default="", metavar="ID", help="Of that account, not the bot's own.")
@click.option("--keyword", default="", help="For news: of that keyword.")
@bot_option
@json_option
def add(event_type: str, user_id: str, keyword: str, file: Path, as_json: bool) -> None:
    """Make what the plugins need, or one EVENT_TYPE such as post.create.

    What is made by its name is yours: it stays, whatever the plugins need.
    """
    done = ask_x(file, "subscription.add", event_type=event_type, user_id=user_id, keyword=keyword)
    if as_json:
        print_json(done)
        return
    click.echo(f"{done['made']} made, {done['moved']} moved, {done['removed']} removed")
    for line in done["problems"]:
        click.echo(line, err=True)


@command.command("remove")
@click.argument("subscription")
@bot_option
@yes_option
@json_option
def remove(subscription: str, file: Path, yes: bool, as_json: bool) -> None:
    """End a subscription: by its id; with account activity, by the account's id."""
    confirm(f"End subscription {subscription} at X?", yes=yes)
    done = ask_x(file, "subscription.remove", which=subscription)
    if as_json:
        print_json(done)
    else:
        click.echo(f"subscription {done['removed']} has ended")


@command.command("count")
@bot_option
@json_option
def count(file: Path, as_json: bool) -> None:
    """Say how many there are, and how many may be where X says so."""
    counted = ask_x(file, "subscription.count")
    if as_json:
        print_json(counted)
        return
    of = f" of {counted['of']}" if counted["of"] is not None else ""
    click.echo(f"{counted['subscriptions']}{of}")


def _row(each: dict[str, Any]) -> list[str]:
    direction = f" ({each['direction']})" if each.get("direction") else ""
    return [
        each.get("id") or "-",
        each["event_type"] + direction,
        each["user_id"] or each.get("keyword") or "-",
        each["webhook_id"] or "the stream",
        "botkit's" if each["ours"] else (each.get("tag") or ""),
    ]
