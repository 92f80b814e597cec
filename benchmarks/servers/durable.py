"""botkit's own server and SQLite store, as a bot has them, without the engine: verify, split, commit, 200."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.bodies import SECRET
from benchmarks.servers.serving import Options, main
from botkit.log import make_logger
from botkit.store import open_store
from botkit.web.health import Health
from botkit.web.server import WebServer, build
from botkit.web.webhook import Webhook, WebhookSettings

__all__: list[str] = []


@asynccontextmanager
async def _serve(options: Options) -> AsyncIterator[int]:
    store = open_store(f"sqlite:///{options.folder / 'bench.db'}")
    await store.open()
    log = make_logger(level="info")
    webhook = Webhook(store, WebhookSettings(secrets=[SECRET]), log=log)
    server = WebServer(
        build(path="/webhook", webhook=webhook, health=Health(store), log=log),
        host="127.0.0.1",
        port=0,
        grace_s=1.0,
    )
    server.bind()
    await server.open()
    yield server.port
    await server.close()
    await store.close()


if __name__ == "__main__":
    main(_serve)
