"""What operators' commands share: which bot, moments, confirmation, and operations on the store."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from botkit.cli.common import read_config
from botkit.cli.through_bot import through_bot
from botkit.config.units import parse_duration
from botkit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botkit.config import Config
    from botkit.store.contract import Store

__all__ = ["ago", "bot_option", "confirm", "moment_option", "perform", "yes_option"]


_UNITS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def bot_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--bot bot.yaml``: whose store it is."""
    return click.option(
        "--bot",
        "file",
        metavar="bot.yaml",
        default="bot.yaml",
        type=click.Path(path_type=Path),
        help="The bot: its bot.yaml, or the folder that holds it.  [default: bot.yaml]",
    )(function)


def yes_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--yes``: don't ask."""
    return click.option("--yes", "-y", is_flag=True, help="Don't ask whether you mean it.")(function)


def moment_option(name: str, help_text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """An option that takes ``2h``, a length of time before now, or a date with or without a time of day.

    Its value is Unix seconds, or ``None``.
    """
    return click.option(name, callback=_moment, metavar="2h|DATE", default=None, help=help_text)


def _moment(_ctx: click.Context, _param: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    now = datetime.now(UTC)
    try:
        return now.timestamp() - parse_duration(value)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is neither a length of time such as 2h nor a date such as {now:%Y-%m-%d} or "
            f"{now:%Y-%m-%dT%H:%M}Z"
        ) from None
    return (at if at.tzinfo else at.astimezone()).timestamp()


def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; whoever is no person at a terminal means what they say.

    :raises click.Abort: the answer is no.
    """
    if not yes and sys.stdin.isatty():
        click.confirm(question, abort=True)


def perform(file: Path, op: str, **arguments: Any) -> Any:
    """Do an operation of `botkit.inbox.operations` and return its answer.

    :raises UserError: there is no store yet, the operation is refused, or it can't be done now.
    """
    return through_bot(read_config(file, complete=False), op, arguments, alone=_on_own_store)


async def _on_own_store(config: Config, op: str, arguments: Mapping[str, Any]) -> Any:
    from botkit.hooks.manager import Hooks, load_plugins  # noqa: PLC0415
    from botkit.inbox.operations import operations  # noqa: PLC0415
    from botkit.log import make_logger  # noqa: PLC0415

    log = make_logger(level="error", format=config.log.format)

    def hooks() -> Hooks:
        return load_plugins(config, log=log)

    store = _store(config, hooks)
    await store.open()
    try:
        answered = operations(store, hooks=hooks, caller=None, engine=config.engine, log=log)
        return await answered[op](**arguments)
    finally:
        await store.close()


def _store(config: Config, hooks: Callable[[], Any]) -> Store:
    """The store of a bot that does not run.

    :raises UserError: there is none that could be opened from here.
    """
    from botkit.store import open_store  # noqa: PLC0415

    scheme, _, name = config.store_url.partition("://")
    if scheme == "sqlite":
        if name in {"", "/", "/:memory:"}:
            raise UserError(
                f"{config.store_name} is kept for as long as its bot runs, and for nobody else; "
                "write store: sqlite:///botkit.db to look into it"
            )
        if not Path(name[1:]).is_file():
            raise UserError(f"there is no store at {config.store_name} yet: its first bot makes it")
    if scheme not in {"sqlite", "postgresql", "postgres"}:
        store: Store | None = hooks().register_store(config.store_url)
        if store is not None:
            return store
    return open_store(config.store_url)


def ago(at: str | None, now: str) -> str:
    """A time as people say it: ``3m``, ``2h10m``, in the future ``in 5s``."""
    if at is None:
        return "-"
    seconds = (datetime.fromisoformat(now) - datetime.fromisoformat(at)).total_seconds()
    text = _rough(abs(seconds))
    return text if seconds >= 0 else f"in {text}"


def _rough(seconds: float) -> str:
    """The largest unit that fits, and the next smaller one."""
    left = int(seconds)
    for (size, unit), (smaller, smaller_unit) in pairwise(_UNITS):
        if left >= size:
            count = left % size // smaller
            return f"{left // size}{unit}" + (f"{count}{smaller_unit}" if count else "")
    return f"{left}s"
