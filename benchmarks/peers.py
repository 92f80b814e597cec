"""What others do with the same event: a process each, run by a Python that has them installed.

``fastapi`` only verifies X's signature and answers 200. ``slack-bolt`` and ``aiogram`` verify, parse and
route a message of their own format of the same size; with an API to answer at, their handlers reply. None of
them stores anything. Nothing of botkit is imported, and the peers only when they are run: neither's Python
need have the other.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import importlib
import json
import socket
import sys
import threading
from base64 import b64encode
from typing import Any

from benchmarks.bodies import SECRET, TELEGRAM_TOKEN
from benchmarks.children import loop_factory, pin

__all__ = ["FLAVOURS"]

#: whose format each peer speaks
FLAVOURS = {"fastapi": "x", "slack-bolt": "slack", "aiogram": "telegram"}


def _bound() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0), backlog=1024)


def _until_input_ends() -> asyncio.Future[None]:
    """Resolved when standard input ends."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()

    def read() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(ended.set_result, None)

    threading.Thread(target=read, daemon=True).start()
    return ended


def _ready(bound: socket.socket) -> None:
    print(json.dumps({"port": bound.getsockname()[1]}), flush=True)


async def _fastapi(_api_url: str) -> None:
    uvicorn, fastapi = importlib.import_module("uvicorn"), importlib.import_module("fastapi")
    app = fastapi.FastAPI()

    async def receive(request: Any) -> Any:
        body = await request.body()
        digest = hmac.digest(SECRET.encode(), body, hashlib.sha256)
        signature = "sha256=" + b64encode(digest).decode()
        given = request.headers.get("x-twitter-webhooks-signature", "")
        return fastapi.Response(status_code=200 if hmac.compare_digest(signature, given) else 401)

    receive.__annotations__ = {"request": fastapi.Request}
    app.post("/webhook", response_model=None)(receive)
    bound = _bound()
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
    serving = asyncio.ensure_future(server.serve(sockets=[bound]))
    _ready(bound)
    await _until_input_ends()
    server.should_exit = True
    await serving


async def _slack(api_url: str) -> None:
    adapter = importlib.import_module("slack_bolt.adapter.aiohttp")
    authorization = importlib.import_module("slack_bolt.authorization")

    async def authorize(**_: Any) -> Any:
        return authorization.AuthorizeResult(
            enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_id="B1", bot_user_id="UBOT"
        )

    client = importlib.import_module("slack_sdk.web.async_client").AsyncWebClient(
        token="xoxb-1", base_url=f"{api_url}/api/"
    )
    app = importlib.import_module("slack_bolt.async_app").AsyncApp(
        signing_secret=SECRET, authorize=authorize, client=client
    )

    async def answer(say: Any) -> None:
        if api_url:
            await say("hello")

    app.event("message")(answer)

    async def receive(request: Any) -> Any:
        return await adapter.to_aiohttp_response(
            await app.async_dispatch(await adapter.to_bolt_request(request))
        )

    await _serve_aiohttp(receive)


async def _aiogram(api_url: str) -> None:
    aiogram = importlib.import_module("aiogram")
    session = importlib.import_module("aiogram.client.session.aiohttp")
    telegram = importlib.import_module("aiogram.client.telegram")
    webhook = importlib.import_module("aiogram.webhook.aiohttp_server")
    api = telegram.TelegramAPIServer.from_base(api_url or "http://127.0.0.1:9")
    bot = aiogram.Bot(TELEGRAM_TOKEN, session=session.AiohttpSession(api=api))
    dispatcher = aiogram.Dispatcher()

    async def answer(message: Any) -> None:
        if api_url:
            await message.answer("hello")

    answer.__annotations__ = {"message": aiogram.types.Message}
    dispatcher.message()(answer)
    handler = webhook.SimpleRequestHandler(dispatcher, bot, secret_token=SECRET)
    await _serve_aiohttp(handler.handle)
    await bot.session.close()


async def _serve_aiohttp(receive: Any) -> None:
    web = importlib.import_module("aiohttp.web")
    app = web.Application()
    app.router.add_post("/webhook", receive)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    bound = _bound()
    await web.SockSite(runner, bound, backlog=1024).start()
    _ready(bound)
    await _until_input_ends()
    await runner.cleanup()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=list(FLAVOURS))
    parser.add_argument("--core", type=int, default=-1)
    parser.add_argument("--api-url", default="")
    arguments = parser.parse_args()
    pin(arguments.core)
    serve = {"fastapi": _fastapi, "slack-bolt": _slack, "aiogram": _aiogram}[arguments.kind]
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(arguments.api_url))
