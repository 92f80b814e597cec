"""How commands do an operation: through the bot that runs, where one does, else by themselves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from botkit.errors import StoreError, StoreInUse, UserError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from botkit.config import Config

__all__ = ["through_bot"]


def through_bot(
    config: Config,
    op: str,
    arguments: Mapping[str, Any],
    *,
    alone: Callable[[Config, str, Mapping[str, Any]], Awaitable[Any]],
) -> Any:
    """Do an operation and return its answer.

    :param alone: does it while no bot runs.
    :raises UserError: it is refused, or can't be done now; one line.
    """
    try:
        return asyncio.run(_do(config, op, arguments, alone))
    except StoreError as error:
        raise UserError(str(error)) from None


async def _do(
    config: Config,
    op: str,
    arguments: Mapping[str, Any],
    alone: Callable[[Config, str, Mapping[str, Any]], Awaitable[Any]],
) -> Any:
    from botkit.control.client import NotRunning, ask  # noqa: PLC0415 - asyncio streams: not for --help
    from botkit.control.place import place_of  # noqa: PLC0415

    place = place_of(config.store_url)
    if place is not None:
        try:
            return await ask(place, op, dict(arguments))
        except NotRunning:
            pass
    try:
        return await alone(config, op, arguments)
    except StoreInUse as error:
        if place is None:
            raise
        raise UserError(f"{error}; or it is just starting or stopping: try again in a moment") from None
