"""Health: ``/healthz`` says that the process is up, ``/readyz`` that it can do its work."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from botkit.errors import StoreUnavailable
from botkit.store.contract import Store

__all__ = ["Health"]


class Health:
    """Answers load balancers and supervisors.

    :param problems: what else keeps the bot from its work now, by name; empty when nothing does.
    """

    def __init__(self, store: Store, *, problems: Callable[[], Mapping[str, str]] = dict) -> None:
        self._store = store
        self._problems = problems

    async def healthz(self, request: web.Request) -> web.Response:
        """200 as long as the process answers at all."""
        return _answer(200, {"status": "up"})

    async def readyz(self, request: web.Request) -> web.Response:
        """200 when an event can be stored and handled now, else 503 and why not."""
        problems = dict(self._problems())
        try:
            await self._store.check()
        except StoreUnavailable as error:
            problems["store"] = str(error)
        if problems:
            return _answer(503, {"status": "not ready", "problems": problems})
        return _answer(200, {"status": "ready"})


def _answer(status: int, value: object) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(value),
        content_type="application/json",
        headers={"cache-control": "no-store"},
    )
