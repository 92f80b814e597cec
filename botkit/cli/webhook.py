"""``botkit webhook``: the addresses that are registered at X."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from botkit.cli.at_x import ask_x
from botkit.cli.common import json_option, print_json, print_table
from botkit.cli.operator import bot_option, confirm, yes_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]

COLUMNS = ("WEBHOOK", "STATE", "ADDRESS", "SINCE", "")


@click.group("webhook")
def command() -> None:
    """List, register, check and remove webhooks at X.

    A running bot keeps its own webhook registered and valid by itself.
    """


@command.command("list")
@bot_option
@json_option
def list_webhooks(file: Path, as_json: bool) -> None:
    """List the webhooks that X has of this app, or of the premium environment."""
    answer = ask_x(file, "webhook.list")
    if as_json:
        print_json(answer["webhooks"])
    elif answer["webhooks"]:
        print_table(COLUMNS, [_row(each) for each in answer["webhooks"]])
    else:
        click.echo("no webhook is registered; the bot registers one when it runs, or: botkit webhook add")


@command.command("add")
@click.argument("url", required=False, default="")
@bot_option
@json_option
def add(url: str, file: Path, as_json: bool) -> None:
    """Register an address: bot.yaml's public one, or URL.

    X challenges it before it answers: the bot has to run, and be reachable there.
    """
    _print(ask_x(file, "webhook.add", url=url), as_json=as_json, did="registered")


@command.command("check")
@click.argument("webhook", required=False, default="")
@bot_option
@json_option
def check(webhook: str, file: Path, as_json: bool) -> None:
    """Have X challenge a webhook now: one that passes is valid again.

    WEBHOOK is its id or its address; the bot's own, or the only one, need not be named.
    """
    _print(ask_x(file, "webhook.check", webhook_id=webhook), as_json=as_json, did="valid")


@command.command("remove")
@click.argument("webhook")
@bot_option
@yes_option
@json_option
def remove(webhook: str, file: Path, yes: bool, as_json: bool) -> None:
    """Delete a webhook, with the account activity subscriptions on it. WEBHOOK is its id or its address."""
    confirm(f"Delete webhook {webhook} at X?", yes=yes)
    _print(ask_x(file, "webhook.remove", webhook_id=webhook), as_json=as_json, did="removed")


def _row(each: dict[str, Any]) -> list[str]:
    return [
        each["id"],
        "valid" if each["valid"] else "invalid",
        each["url"],
        (each["created_at"] or "-").removesuffix("+00:00").replace("T", " "),
        "this bot's" if each["ours"] else "",
    ]


def _print(webhook: dict[str, Any], *, as_json: bool, did: str) -> None:
    if as_json:
        print_json(webhook)
    else:
        click.echo(f"webhook {webhook['id']} ({webhook['url']}) is {did}")
