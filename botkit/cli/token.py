"""``botkit token``: the app's own token, and the key that accounts' tokens are encrypted with."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.account import ask_accounts
from botkit.cli.common import json_option, print_json, read_config
from botkit.cli.operator import bot_option
from botkit.errors import Forbidden, Unauthorized, UserError, XError

if TYPE_CHECKING:
    from pathlib import Path

    from botkit.config import Config

__all__ = ["command"]


@click.group("token")
def command() -> None:
    """Check the app's own token, and replace the key that tokens are encrypted with."""


@command.command("app")
@click.option("--show", is_flag=True, help="Print the token itself, and nothing else. It is a secret.")
@bot_option
@json_option
def app(show: bool, file: Path, as_json: bool) -> None:
    """Ask X for the app's bearer token with key and secret, and say that it works.

    X gives the same token every time, until it is invalidated.
    """
    config = read_config(file, complete=False)
    token, webhooks = asyncio.run(_app_token(config))
    if show:
        click.echo(token)
    elif as_json:
        print_json({"ok": True, "webhooks": webhooks})
    else:
        click.echo("X gives the app's bearer token for x.consumer_key and x.consumer_secret, and takes it")


async def _app_token(config: Config) -> tuple[str, int]:
    """The token, and how many webhooks X lists for it: proof that it is taken.

    :raises UserError: X does not give it, or does not take it; one line with the fix.
    """
    from botkit.network.credentials import Bearer, app_basic  # noqa: PLC0415 - aiohttp: not for --help
    from botkit.network.requests import Requests  # noqa: PLC0415
    from botkit.network.transport import AiohttpTransport  # noqa: PLC0415
    from botkit.roles.facing import outside  # noqa: PLC0415
    from botkit.x.calls import tokens, webhooks  # noqa: PLC0415
    from botkit.x.wire import Auth  # noqa: PLC0415

    x = outside(config)
    missing = [error for error in config.missing if error.path in {"x.consumer_key", "x.consumer_secret"}]
    if missing:
        raise missing[0]
    transport = AiohttpTransport()
    requests = Requests(transport, x.api_url)
    try:
        token = await requests.do(tokens.app_token(), app_basic(x.credentials))
        there = await requests.do(webhooks.list_webhooks(), Bearer(token, Auth.APP))
    except (Unauthorized, Forbidden) as error:
        if 99 in error.codes:
            raise UserError(
                "X does not take x.consumer_key and x.consumer_secret (or was asked too often); "
                "compare them with the developer portal"
            ) from error
        raise UserError(f"X gives the app's token, and does not take it: {error}") from error
    except XError as error:
        raise UserError(f"{x.api_url} can't be asked: {error}") from error
    finally:
        await transport.close()
    return token, len(there)


@command.command("rotate-key")
@click.option("--generate", is_flag=True, help="Only print a new key, for BOTKIT_KEY.")
@click.option(
    "--drop-old",
    is_flag=True,
    help="Then forget all keys but the newest: old backups can't be read any more.",
)
@bot_option
@json_option
def rotate_key(generate: bool, drop_old: bool, file: Path, as_json: bool) -> None:
    """Put a new key first, and encrypt all stored tokens with it. Old keys can still decrypt.

    With BOTKIT_KEY you write the new key there yourself, before the old one and a comma, and start the bot
    again; then this encrypts all tokens with it.
    """
    from botkit.network.keys import KeyRing, new_key  # noqa: PLC0415 - cryptography: not for --help

    if generate:
        click.echo(new_key())
        return
    config = read_config(file, complete=False)
    ring = KeyRing(config.folder, os.environ)
    ring.check()
    if not ring.in_environment:
        ring.add()
    elif ring.keys().count < 2:
        ring.add()  # says what to do instead
    count = ask_accounts(config, "account.seal_anew", newest=ring.keys(anew=True).fingerprint)
    if drop_old and not ring.in_environment:
        ring.drop_old()
    answer: dict[str, Any] = {
        "accounts": count,
        "old_keys": 0 if drop_old else ring.keys(anew=True).count - 1,
    }
    if as_json:
        print_json(answer)
        return
    accounts = "account's tokens are" if count == 1 else "accounts' tokens are"
    click.echo(f"{count} {accounts} encrypted with the new key")
    if answer["old_keys"]:
        click.echo("old keys are kept for what else they encrypted; --drop-old forgets them")
