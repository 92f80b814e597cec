"""``botkit connect``: from bot.yaml to an answered direct message."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from botkit.cli.common import config_argument
from botkit.cli.connecting import Connecting, Step, Wishes
from botkit.config.units import parse_duration
from botkit.log import make_logger

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command("connect")
@config_argument
@click.option("--sign-in", is_flag=True, help="Sign an account in, though bot.yaml has one of its own.")
@click.option("--tunnel", is_flag=True, help="Be reached through a tunnel as long as this runs.")
@click.option(
    "--timeout",
    default="10m",
    show_default=True,
    metavar="DURATION",
    help="How long each step of yours may take.",
)
@click.option("--text", default="hello", show_default=True, help="What the test message says.")
@click.option("-v", "--verbose", is_flag=True, help="Show the bot's own log.")
def command(file: Path, *, sign_in: bool, tunnel: bool, timeout: str, text: str, verbose: bool) -> int:
    """Set a bot up, in order: the app, an account that signs in, webhook, subscriptions, a test message.

    The bot runs meanwhile, and stops at the end. Each step says what it did, or what to do. What is done
    stays done: run it again after you have mended what it named. Exit status 1: a step failed.
    """
    try:
        timeout_s = parse_duration(timeout)
    except ValueError:
        raise click.BadParameter(f"{timeout!r} is no duration such as 10m", param_hint="--timeout") from None
    connecting = Connecting(
        file,
        Wishes(sign_in=sign_in, tunnel=tunnel, timeout_s=timeout_s, text=text),
        _tell,
        lambda text: click.secho(text, fg="cyan"),
        _ask_pin,
        make_logger(level="debug", format="auto") if verbose else None,
    )
    done = asyncio.run(connecting.run())
    if done:
        click.secho(f"\n{file} is set up. Start the bot: botkit run {file}", fg="green")
    return 0 if done else 1


def _tell(step: Step) -> None:
    status = click.style("ok    " if step.ok else "failed", fg="green" if step.ok else "red")
    text = f"{step.line}; {step.fix}" if step.fix else step.line
    click.echo(f"{status}  {step.name:<14}  {' '.join(text.split())}")


async def _ask_pin() -> str:
    """Nothing else runs yet, so the loop may wait with us; Ctrl-C has to reach the prompt itself."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return str(click.prompt("The PIN that X shows", type=str)).strip()
    finally:
        signal.signal(signal.SIGINT, before)
