"""The baseline: an aiohttp handler that reads the body and answers 200."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from benchmarks.servers.serving import Options, main

__all__: list[str] = []


@asynccontextmanager
async def _serve(_options: Options) -> AsyncIterator[int]:
    async def receive(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhook", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


if __name__ == "__main__":
    main(_serve)
