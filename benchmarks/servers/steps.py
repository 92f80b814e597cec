"""The baseline with a step of botkit's more: ``verify`` checks the signature, ``split`` cuts the body too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from benchmarks.bodies import SECRET
from benchmarks.servers.serving import Options, main
from botkit.errors import Refused
from botkit.x import check_signature, split

__all__: list[str] = []


@asynccontextmanager
async def _serve(options: Options) -> AsyncIterator[int]:
    cut = options.kind == "split"

    async def receive(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            check_signature([SECRET], body, request.headers.get("x-twitter-webhooks-signature"))
            if cut:
                split(body)
        except Refused as refusal:
            return web.Response(status=refusal.status)
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
