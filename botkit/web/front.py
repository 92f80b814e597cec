"""What stands before the application: failures get their line of JSON, requests their line in the log.

X's deliveries take a short way past the application's router, which costs as much as checking a signature.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network

import msgspec
from aiohttp import web
from structlog.typing import FilteringBoundLogger

from botkit.web.proxies import client_address

__all__ = ["Guard", "Handler", "ShortWay", "refused"]

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Runs handlers.

    :param access_log: write a line for each request: at level debug for a delivery that was accepted, since
        there may be thousands a second, at info for everything else.
    :param deliveries: the path that X posts to.
    """

    def __init__(
        self,
        *,
        log: FilteringBoundLogger,
        access_log: bool,
        trusted_proxies: Sequence[IPv4Network | IPv6Network],
        deliveries: str,
    ) -> None:
        self._log = log
        self._access_log = access_log
        self._trusted = trusted_proxies
        self._deliveries = deliveries
        self._under_way = 0
        self._idle: asyncio.Event | None = None

    async def idle(self) -> None:
        """Return when no request is under way."""
        if self._under_way:
            self._idle = asyncio.Event()
            await self._idle.wait()

    async def run(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Give failures their one line of JSON, believe proxies only when told to, write the access log."""
        self._under_way += 1
        try:
            return await self._run(request, handler)
        finally:
            self._under_way -= 1
            if self._idle is not None and not self._under_way:
                self._idle.set()

    async def _run(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter() if self._access_log else 0.0
        if self._trusted:
            forwarded = request.headers.getall("X-Forwarded-For", [])
            request = request.clone(remote=client_address(request.remote or "", forwarded, self._trusted))
        try:
            response = await handler(request)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            allow = {"allow": error.headers["Allow"]} if "Allow" in error.headers else None
            response = refused(error.status, error.reason, allow)
        except Exception:  # noqa: BLE001 - logged with its traceback, and answered
            self._log.exception("request_failed", method=request.method, path=request.path)
            response = refused(500, "internal error")
        if self._access_log:
            self._write(request, response, time.perf_counter() - began)
        return response

    def _write(self, request: web.Request, response: web.StreamResponse, took_s: float) -> None:
        accepted = response.status == 200 and request.method == "POST" and request.path == self._deliveries
        write = self._log.debug if accepted else self._log.info
        write(
            "request" if response.status < 400 else "request_refused",
            method=request.method,
            path=request.path,
            status=response.status,
            remote=request.remote,
            bytes=request.content_length,
            ms=round(took_s * 1000, 2),
        )


class ShortWay:
    """The way of X's deliveries: whatever else is asked takes the application's."""

    def __init__(self, path: str, receive: Handler, guard: Guard) -> None:
        self._path = path
        self._receive = receive
        self._guard = guard

    def before(self, application: Handler) -> Handler:
        """A handler that asks the application for everything but deliveries."""

        async def handle(request: web.Request) -> web.StreamResponse:
            # A path that is written in another way has its route in the application too, and who waits for
            # "100 Continue" before the body hears it there.
            delivery = request.method == "POST" and request.rel_url.raw_path == self._path
            if delivery and "expect" not in request.headers:
                return await self._guard.run(request, self._receive)
            return await application(request)

        return handle


def refused(status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    """An answer that says in one line of JSON why not."""
    return web.Response(
        status=status,
        body=msgspec.json.encode({"error": reason}),
        content_type="application/json",
        headers=headers,
    )
