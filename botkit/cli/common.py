"""What several commands share: the bot.yaml argument, and how listings are printed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from botkit.config import Config, load_config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["config_argument", "json_option", "print_json", "print_table", "read_config"]


def config_argument(function: Callable[..., Any]) -> Callable[..., Any]:
    """``[bot.yaml]``: the file, or the folder that holds it."""
    return click.argument("file", metavar="[bot.yaml]", default="bot.yaml", type=click.Path(path_type=Path))(
        function
    )


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--json``: the listing for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def read_config(file: Path, *, complete: bool) -> Config:
    """Read bot.yaml with the process's environment."""
    return load_config(file, environ=os.environ, complete=complete)


def print_json(value: object) -> None:
    """Print JSON on standard output."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=not _can_encode("…")))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: through rich on a terminal, aligned plain text anywhere else."""
    if sys.stdout.isatty():
        from rich.console import Console  # noqa: PLC0415 - only a terminal needs it
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(*columns, box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        Console().print(table)
        return
    widths = [max(len(row[index]) for row in (columns, *rows)) for index in range(len(columns))]
    for row in (columns, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        click.echo("  ".join(cells).rstrip())


def _can_encode(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True
