"""``botkit replay``: X delivers again what was missed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.at_x import ask_x
from botkit.cli.common import json_option, print_json
from botkit.cli.operator import bot_option, moment_option

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["command"]


@click.command("replay")
@moment_option("--from", "The beginning: so long ago, or a date with or without a time of day.")
@moment_option("--to", "The end; now, unless given.")
@bot_option
@json_option
def command(**options: Any) -> int:
    """Have X deliver again what it delivered, or tried to, in a time. Returns when it has.

    A bot has to run to receive it; what it knows already is not handled again. X takes what is at least 10
    minutes old, and not older than 24 hours (enterprise: 5 days), where the app's package has replay. After a
    time in which nothing could come a running bot asks by itself.
    """
    return _replay(**options)


def _replay(file: Path, as_json: bool, **times: float | None) -> int:
    start, end = times["from"], times["to"]
    if start is None:
        raise click.UsageError("since when? name it, such as --from 2h")
    done = ask_x(file, "replay", start=start, end=time.time() if end is None else end)
    if as_json:
        print_json(done)
    else:
        jobs = "job" if done["jobs"] == 1 else "jobs"
        click.echo(f"replayed {done['from']} to {done['to']} (UTC), in {done['jobs']} {jobs}")
        for span in done["incomplete"]:
            click.echo(f"X did not deliver all of {span}", err=True)
    return 1 if done["incomplete"] else 0
