"""Keeps a typing indicator alive while a handler works: X shows one for about three seconds only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from structlog.typing import FilteringBoundLogger

from botkit.api import Api
from botkit.errors import ActionRefused, XError
from botkit.x.calls import dm_v11

__all__ = ["keep_typing"]

#: shorter than X shows it, so that it does not flicker. Source: X's v1.1 reference, indicate_typing
_EVERY_S = 2.5


@asynccontextmanager
async def keep_typing(
    api: Api,
    log: FilteringBoundLogger,
    user_id: str,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> AsyncIterator[None]:
    """Show a user that the account is typing, for as long as a block runs. Best effort.

    :param sleep: waits between two calls.
    """

    async def again_and_again() -> None:
        while True:
            try:
                await api.call(dm_v11.typing(user_id))
            except (XError, ActionRefused) as error:
                log.debug("typing_not_shown", error=type(error).__name__)
                return
            await sleep(_EVERY_S)

    showing = asyncio.create_task(again_and_again(), name="botkit-typing")
    try:
        yield
    finally:
        showing.cancel()
        await asyncio.gather(showing, return_exceptions=True)
