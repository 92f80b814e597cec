"""``botkit doctor``: what is wrong with a set-up, and how to mend it."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING

import click

from botkit.cli.common import config_argument, json_option, print_json
from botkit.doctor import Result, Status, examine
from botkit.log import make_logger

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command", "show"]

_COLOURS = {Status.OK: "green", Status.WARNING: "yellow", Status.FAILED: "red", Status.NOT_CHECKED: None}


@click.command("doctor")
@config_argument
@json_option
def command(file: Path, as_json: bool) -> int:
    """Look at everything that a bot needs, in the order in which it can fail: one line each, with the fix.

    bot.yaml, secrets, plugins, store, X, the clock, tokens and what they allow, the public address, a
    challenge like X's, the webhook and the subscriptions at X, and what is left of X's limits. Nothing is
    changed at X. Exit status 1: something is failed.
    """
    return asyncio.run(_examine(file, as_json=as_json))


async def _examine(file: Path, *, as_json: bool) -> int:
    # What goes wrong is in the results; the log would say it again.
    log = make_logger(level="error", format="json", stream=io.StringIO())
    results: list[Result] = []
    async for result in examine(file, log=log):
        results.append(result)
        if not as_json:
            show(result)
    failed = sum(result.status is Status.FAILED for result in results)
    if as_json:
        print_json({"ok": not failed, "checks": [_as_json(result) for result in results]})
    else:
        count = f"{failed} {'check' if failed == 1 else 'checks'} failed"
        click.secho(f"\n{count}" if failed else "\nall is well", fg="red" if failed else "green")
    return 1 if failed else 0


def show(result: Result) -> None:
    """Print one result as one line."""
    click.echo(
        f"{click.style(f'{result.status:<11}', fg=_COLOURS[result.status])}  {result.name:<13}  {result.text}"
    )


def _as_json(result: Result) -> dict[str, str]:
    return {
        "check": result.name,
        "status": result.status.value,
        "reason": " ".join(result.line.split()),
        "fix": result.fix,
    }
