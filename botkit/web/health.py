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
    :param warnings: what a person should look at, by name, and what taking the process out of service would
        not mend, or make worse: X could not challenge an invalid webhook any more.
    """

    def __init__(
        self,
        store: Store,
        *,
        problems: Callable[[], Mapping[str, str]] = dict,
        warnings: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._store = store
        self._problems = problems
        self._warnings = warnings

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
        warnings = dict(self._warnings())
        told = {"warnings": warnings} if warnings else {}
        if problems:
            return _answer(503, {"status": "not ready", "problems": problems, **told})
        return _answer(200, {"status": "ready", **told})


def _answer(status: int, value: object) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(value),
        content_type="application/json",
        headers={"cache-control": "no-store"},
    )
