"""The web server that X calls: routes, limits, access log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from botkit.web.direct import Direct
from botkit.web.guard import Guard, Handler
from botkit.web.health import Health
from botkit.web.plain import PlainReader
from botkit.web.webhook import Webhook

__all__ = ["WebServer", "build"]

_BACKLOG = 1024


@dataclass(frozen=True, slots=True)
class _Deliveries:
    """What a server needs to take X's deliveries on the short way."""

    reader: PlainReader
    webhook: Webhook


_DELIVERIES: Final = web.AppKey("deliveries", _Deliveries)
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
        if not guard.writes_deliveries:
            app[_DELIVERIES] = _Deliveries(PlainReader(path, max_body=max_body), webhook)
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
        self._direct: Direct | None = None
        self._listening: asyncio.Server | None = None
        self._socket: socket.socket | None = None

    def bind(self) -> None:
        """Take the port. Who connects from now on waits until `open`.

        :raises OSError: the address can't be listened on.
        """
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        self._socket = socket.create_server(
            (self._host, self._port), family=family, backlog=_BACKLOG, reuse_port=self._shared
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
        serve = self._runner.server
        if serve is None:
            raise RuntimeError("aiohttp has set up no server")
        loop = asyncio.get_running_loop()
        deliveries = self._app.get(_DELIVERIES)
        if deliveries is None:
            self._listening = await loop.create_server(serve, sock=self._socket, backlog=_BACKLOG)
        else:
            self._direct = Direct(deliveries.reader, deliveries.webhook, otherwise=serve)
            self._listening = await loop.create_server(self._direct, sock=self._socket, backlog=_BACKLOG)

    @property
    def port(self) -> int:
        """The port that was taken."""
        if self._socket is None:
            raise RuntimeError("bind the port first")
        return int(self._socket.getsockname()[1])

    async def close(self) -> None:
        """Accept nothing more, let requests under way finish, then close."""
        if self._listening is not None:
            self._listening.close()
        # aiohttp's own end reads nothing more: bodies that are still on their way would be lost.
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace_s / 2):
                if self._direct is not None:
                    await self._direct.drain()
                if (guard := self._app.get(_GUARD)) is not None:
                    await guard.idle()
        if self._direct is not None:
            self._direct.close()
        await self._runner.cleanup()
