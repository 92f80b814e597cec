"""``botkit account``: the accounts beside the bot's own that it acts for."""

from __future__ import annotations

import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.common import json_option, print_json, print_table, read_config
from botkit.cli.operator import bot_option, confirm, yes_option
from botkit.cli.through_bot import through_bot
from botkit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botkit.config import Config
    from botkit.control.server import Operation

__all__ = ["ask_accounts", "command"]

COLUMNS = ("ACCOUNT", "HANDLE", "SIGNED IN WITH", "SINCE", "STATE")


@click.group("account")
def command() -> None:
    """List the accounts that connected at /connect, and remove one.

    The bot's own account, whose tokens are in bot.yaml, is none of these.
    """


@command.command("list")
@bot_option
@json_option
def list_accounts(file: Path, as_json: bool) -> None:
    """List the connected accounts; tokens are never shown."""
    accounts = ask_accounts(read_config(file, complete=False), "account.list")
    if as_json:
        print_json(accounts)
    elif accounts:
        print_table(COLUMNS, [_row(each) for each in accounts])
    else:
        click.echo("no account is connected; owners connect theirs at /connect while the bot runs")


@command.command("remove")
@click.argument("account", metavar="ACCOUNT")
@bot_option
@yes_option
@json_option
def remove(account: str, file: Path, yes: bool, as_json: bool) -> None:
    """End an account's tokens at X, and delete them here.

    ACCOUNT is its id, or its handle. The running bot ends its subscriptions at its next look.
    """
    config = read_config(file, complete=False)
    confirm(f"Remove {account}, and end its tokens at X?", yes=yes)
    answer = ask_accounts(config, "account.remove", account=account)
    if as_json:
        print_json(answer)
        return
    click.echo(f"account {answer['account_id']} is removed")
    for line in answer["left"]:
        click.echo(f"not ended at X: {line}", err=True)


def _row(each: dict[str, Any]) -> list[str]:
    return [
        each["account_id"],
        f"@{each['username']}" if each["username"] else "-",
        ", ".join(each["kinds"]) or "-",
        each["connected_at"].removesuffix("+00:00").replace("T", " "),
        f"has to sign in again: {each['problem']}" if each["problem"] else "connected",
    ]


def ask_accounts(config: Config, op: str, **arguments: Any) -> Any:
    """Do an operation of `botkit.roles.accounts.account_operations`: through the bot that runs, or alone.

    :raises UserError: it is refused, or can't be done now.
    """
    return through_bot(config, op, arguments, alone=_alone)


async def _alone(config: Config, op: str, arguments: Mapping[str, Any]) -> Any:
    if _is_new(config):
        return _nobody(op)
    async with AsyncExitStack() as stack:
        operations = await _operations(config, stack)
        return await operations[op](**arguments)


def _is_new(config: Config) -> bool:
    """There is no store yet, and looking must not make one."""
    prefix = "sqlite:///"
    return config.store_url.startswith(prefix) and not Path(config.store_url.removeprefix(prefix)).is_file()


def _nobody(op: str) -> Any:
    """What there is to say of a store that is not there yet."""
    if op == "account.remove":
        raise UserError("no account is connected yet")
    return [] if op == "account.list" else 0


async def _operations(config: Config, stack: AsyncExitStack) -> dict[str, Operation]:
    from botkit.hooks.manager import load_plugins  # noqa: PLC0415 - much to import: not for --help
    from botkit.log import make_logger  # noqa: PLC0415
    from botkit.network.transport import AiohttpTransport  # noqa: PLC0415
    from botkit.roles.accounts import account_operations, open_accounts  # noqa: PLC0415
    from botkit.roles.facing import outside  # noqa: PLC0415
    from botkit.store import open_store  # noqa: PLC0415

    log = make_logger(level="error", format=config.log.format, stream=sys.stderr)
    url, x = config.store_url, outside(config)
    known = url.partition("://")[0] in {"sqlite", "postgresql", "postgres"}
    store = None if known else load_plugins(config, log=log).register_store(url)
    store = store or open_store(url)
    await store.open()
    stack.push_async_callback(store.close)
    transport = AiohttpTransport()
    stack.push_async_callback(transport.close)
    sign_in = open_accounts(
        config,
        x.credentials,
        api_url=x.api_url,
        store=store,
        transport=transport,
        log=log,
        now=time.time,
    )
    # A simulator runs inside its bot: without the bot there is nobody to end tokens at.
    return dict(account_operations(sign_in, at_x=config.network == "x"))
