"""What stands around every handler: failures get their line of JSON, requests their line in the log."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network

from aiohttp import web
from structlog.typing import FilteringBoundLogger

from botkit.web.answers import refused
from botkit.web.proxies import client_address

__all__ = ["Guard", "Handler"]

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

    @property
    def writes_deliveries(self) -> bool:
        """Whether accepted deliveries get their lines, so that each must pass here."""
        return self._access_log and self._log.is_enabled_for(logging.DEBUG)

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
