"""The servers of the receive path, each a step further than the one before; one of them a process.

``bare`` reads the body and answers 200; ``verify`` checks the signature too; ``split`` also cuts the body into
items; ``durable`` is botkit's own server and store without the engine; ``bot`` is a whole bot that replies.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from benchmarks.bodies import ACCOUNT, SECRET
from benchmarks.children import loop_factory, pin
from botkit.app import App, Running
from botkit.config import parse_config
from botkit.errors import Refused
from botkit.log import make_logger
from botkit.store import open_store
from botkit.web.health import Health
from botkit.web.server import WebServer, build
from botkit.web.webhook import Webhook, WebhookSettings
from botkit.x import check_signature, split

__all__: list[str] = []

_SIGNATURE = "x-twitter-webhooks-signature"
_PLUGIN = """
from botkit import on_direct_message

@on_direct_message
async def answer(event, bot):
    bot.state["count"] = bot.state.get("count", 0) + 1
    return "hello"
"""


def _steps(kind: str) -> web.Application:
    async def bare(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    async def verify(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            check_signature([SECRET], body, request.headers.get(_SIGNATURE))
        except Refused as refusal:
            return web.Response(status=refusal.status)
        return web.Response()

    async def cut(request: web.Request) -> web.Response:
        body = await request.read()
        try:
            check_signature([SECRET], body, request.headers.get(_SIGNATURE))
            split(body)
        except Refused as refusal:
            return web.Response(status=refusal.status)
        return web.Response()

    app = web.Application()
    app.router.add_post("/webhook", {"bare": bare, "verify": verify, "split": cut}[kind])
    return app


@asynccontextmanager
async def _simple(kind: str) -> AsyncIterator[int]:
    runner = web.AppRunner(_steps(kind), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    yield int(runner.addresses[0][1])
    await runner.cleanup()


@asynccontextmanager
async def _durable(folder: Path) -> AsyncIterator[int]:
    store = open_store(f"sqlite:///{folder / 'bench.db'}")
    await store.open()
    log = make_logger(level="error")
    webhook = Webhook(store, WebhookSettings(secrets=[SECRET]), log=log)
    app = build(path="/webhook", webhook=webhook, health=Health(store), log=log, access_log=False)
    server = WebServer(app, host="127.0.0.1", port=0, grace_s=1.0)
    server.bind()
    await server.open()
    yield server.port
    await server.close()
    await store.close()


@asynccontextmanager
async def _bot(folder: Path, api_url: str, *, plugin: str, credential: str) -> AsyncIterator[int]:
    (folder / "plugins").mkdir()
    (folder / "plugins" / "answering.py").write_text(plugin)
    settings = {
        "network": "x",
        "server": {"port": 0, "access_log": False},
        "x": {
            "consumer_key": "consumer-key",
            "consumer_secret": SECRET,
            "access_token": f"{ACCOUNT}-access-token",
            "access_token_secret": "access-token-secret",
            "api_url": api_url,
        },
        "store": f"sqlite:///{folder / 'bench.db'}",
        "plugins": ["answering"],
        "log": {"level": "error"},
    }
    config = parse_config(json.dumps(settings), file=folder / "bot.yaml", environ={})
    app = App.build(config, log=make_logger(level="error"))
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(app.run(ready.set_result))
    await asyncio.wait({ready, running}, return_when=asyncio.FIRST_COMPLETED)
    if running.done():
        running.result()
    yield int(ready.result().url.rsplit(":", 1)[1])
    app.stop()
    await running


@asynccontextmanager
async def _serve(arguments: argparse.Namespace) -> AsyncIterator[int]:
    with tempfile.TemporaryDirectory(prefix="botkit-bench-", dir=arguments.folder) as name:
        match arguments.kind:
            case "durable":
                serving = _durable(Path(name))
            case "bot":
                plugin = arguments.plugin or _PLUGIN
                serving = _bot(Path(name), arguments.api_url, plugin=plugin, credential="oauth1")
            case kind:
                serving = _simple(kind)
        async with serving as port:
            yield port


async def _main(arguments: argparse.Namespace) -> None:
    async with _serve(arguments) as port:
        print(json.dumps({"port": port}), flush=True)
        # The end of the input is the end of the run; lines in between mean nothing.
        await asyncio.to_thread(sys.stdin.read)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["bare", "verify", "split", "durable", "bot"])
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--folder", default=None)
    parser.add_argument("--api-url", default="http://127.0.0.1:9")
    parser.add_argument("--plugin", default="")
    parser.add_argument("--profile", default="")
    return parser.parse_args()


if __name__ == "__main__":
    parsed = _parse()
    pin(parsed.core)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main(parsed))
