"""``botkit version``."""

from __future__ import annotations

import json
import platform

import click

from botkit.version import __version__

__all__ = ["command"]


@click.command("version", help="Print the version; with --json that of Python and of this machine too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(as_json: bool) -> None:
    """Print the version."""
    if not as_json:
        click.echo(f"botkit {__version__}")
        return
    click.echo(
        json.dumps(
            {"botkit": __version__, "python": platform.python_version(), "platform": platform.platform()}
        )
    )
