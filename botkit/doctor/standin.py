"""Answers challenges where the bot would, while the bot does not run: so its address can be tried before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from botkit.config import Config
from botkit.errors import Refused
from botkit.x.signature import answer_crc, token_pattern

__all__ = ["stand_in"]

_HEADER = "x-twitter-webhooks-signature"


@asynccontextmanager
async def stand_in(config: Config, secrets: tuple[str, ...]) -> AsyncIterator[bool]:
    """Listen at ``server.host`` and ``server.port`` until the end.

    Events that come meanwhile are answered 503, so that X delivers them again.

    :returns: false when somebody else listens there: the bot, as a rule.
    """
    crc = config.x.crc_token
    pattern = token_pattern(crc.min_length, crc.max_length)

    async def challenge(request: web.Request) -> web.Response:
        try:
            body = answer_crc(
                secrets, request.rel_url.raw_query_string, request.headers.get(_HEADER), token_pattern=pattern
            )
        except Refused as error:
            return web.Response(status=error.status, text=str(error))
        return web.Response(body=body, content_type="application/json")

    async def later(_request: web.Request) -> web.Response:
        return web.Response(status=503, headers={"retry-after": "5"})

    app = web.Application()
    app.router.add_get(config.server.path, challenge)
    app.router.add_post(config.server.path, later)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, config.server.host, config.server.port).start()
        except OSError:
            yield False
        else:
            yield True
    finally:
        await runner.cleanup()
