"""The web server that X calls: routes, limits, access log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, cast

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from botkit.web.front import Guard, Handler, ShortWay
from botkit.web.health import Health
from botkit.web.webhook import Webhook

__all__ = ["WebServer", "build"]

_SHORT_WAY: Final = web.AppKey("short_way", ShortWay)
_GUARD: Final = web.AppKey("guard", Guard)


def build(
    *,
    health: Health,
    log: FilteringBoundLogger,
    path: str = "",
    webhook: Webhook | None = None,
    max_body: int = 1024 * 1024,
    access_log: bool = True,
    trusted_proxies: Sequence[IPv4Network | IPv6Network] = (),
    register_routes: Callable[[web.UrlDispatcher], None] | None = None,
) -> web.Application:
    """The application: ``/healthz``, ``/readyz``, the webhook at ``path`` if any, the routes of plugins."""

    guard = Guard(log=log, access_log=access_log, trusted_proxies=trusted_proxies, deliveries=path)

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await guard.run(request, handler)

    app = web.Application(client_max_size=max_body, middlewares=[guarded])
    app[_GUARD] = guard
    if webhook is not None:
        app.router.add_get(path, webhook.challenge, allow_head=False)
        app.router.add_post(path, webhook.receive)
        app[_SHORT_WAY] = ShortWay(path, webhook.receive, guard)
    app.router.add_get("/healthz", health.healthz)
    app.router.add_get("/readyz", health.readyz)
    if register_routes is not None:
        register_routes(app.router)
    return app


class WebServer:
    """Serves an application: `bind` takes the port, `open` begins to answer.

    :param grace_s: how long requests under way may take to finish at `close`.
    :param shared: other processes of the same user listen on the port too, and the system spreads connections
        over them (SO_REUSEPORT).
    """

    def __init__(
        self, app: web.Application, *, host: str, port: int, grace_s: float, shared: bool = False
    ) -> None:
        self._app = app
        self._grace_s = grace_s
        # aiohttp waits twice at most that long: for handlers to end, and for those that it cancels then.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=grace_s / 4, handle_signals=False)
        self._host = host
        self._port = port
        self._shared = shared
        self._socket: socket.socket | None = None
        self._site: web.SockSite | None = None

    def bind(self) -> None:
        """Take the port. Who connects from now on waits until `open`.

        :raises OSError: the address can't be listened on.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.create_server(
            (self._host, self._port), family=family, backlog=1024, reuse_port=self._shared
        )

    def unbind(self) -> None:
        """Give the port back, where `open` never came to it."""
        if self._socket is not None:
            self._socket.close()

    async def open(self) -> None:
        """Begin to answer."""
        if self._socket is None:
            raise RuntimeError("bind the port first")
        await self._runner.setup()
        short_way = self._app.get(_SHORT_WAY)
        if short_way is not None and (server := self._runner.server) is not None:
            # aiohttp's server hands every request to one handler: the application's, unless told otherwise.
            application = cast("Handler", server.request_handler)
            server.request_handler = cast("Any", short_way.before(application))
        self._site = web.SockSite(self._runner, self._socket)
        await self._site.start()

    @property
    def port(self) -> int:
        """The port that was taken."""
        if self._socket is None:
            raise RuntimeError("bind the port first")
        return int(self._socket.getsockname()[1])

    async def close(self) -> None:
        """Accept nothing more, let requests under way finish, then close."""
        if self._site is not None:
            await self._site.stop()
        if (guard := self._app.get(_GUARD)) is not None:
            # aiohttp's own end reads nothing more: bodies that are still on their way would be lost.
            with suppress(TimeoutError):
                async with asyncio.timeout(self._grace_s / 2):
                    await guard.idle()
        await self._runner.cleanup()
