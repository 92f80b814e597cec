"""A whole bot: counts in its state, and answers every message through X's API, here the load's stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.bodies import ACCOUNT, SECRET
from benchmarks.servers.serving import Options, main
from botkit.app import App, Running
from botkit.config import parse_config
from botkit.log import make_logger

__all__: list[str] = []

_PLUGIN = """
from botkit import on_direct_message

@on_direct_message
async def answer(event, bot):
    bot.state["count"] = bot.state.get("count", 0) + 1
    return "hello"
"""


@asynccontextmanager
async def _serve(options: Options) -> AsyncIterator[int]:
    folder = options.folder
    (folder / "plugins").mkdir()
    (folder / "plugins" / "answering.py").write_text(_PLUGIN)
    settings = {
        "network": "x",
        "server": {"port": 0},
        "x": {
            "consumer_key": "consumer-key",
            "consumer_secret": SECRET,
            "access_token": f"{ACCOUNT}-access-token",
            "access_token_secret": "access-token-secret",
            "api_url": options.api_url,
        },
        "store": f"sqlite:///{folder / 'bench.db'}",
        "plugins": ["answering"],
    }
    config = parse_config(json.dumps(settings), file=folder / "bot.yaml", environ={})
    app = App.build(config, log=make_logger(level="warning"))
    ready: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(app.run(ready.set_result))
    running.add_done_callback(lambda ended: _tell(ended, ready))
    await ready
    yield int(ready.result().url.rsplit(":", 1)[1])
    app.stop()
    await running


def _tell(ended: asyncio.Task[None], ready: asyncio.Future[Running]) -> None:
    """A bot that ends before it is ready must not be waited for."""
    if not ready.done():
        ready.set_exception(ended.exception() or RuntimeError("the bot ended"))


if __name__ == "__main__":
    main(_serve)
