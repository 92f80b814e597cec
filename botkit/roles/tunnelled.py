"""A bot behind a tunnel, whose address is its public one; the webhook goes when the tunnel does."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from botkit.config import Config
from botkit.errors import ActionRefused, BotkitError, UserError
from botkit.hooks.manager import Hooks
from botkit.network.client import Client
from botkit.network.lifecycle import product_of
from botkit.network.loopback import is_here
from botkit.network.transport import AiohttpTransport
from botkit.network.tunnel import Tunnels, open_tunnel
from botkit.roles.facing import outside
from botkit.x.calls.webhooks import check_url

__all__ = ["in_thread", "tunnelled"]

T = TypeVar("T")


@asynccontextmanager
async def tunnelled(
    config: Config, hooks: Hooks, *, log: FilteringBoundLogger, tunnels: Tunnels | None = None
) -> AsyncIterator[Config]:
    """Open a tunnel; gives the configuration of a bot that is reached through it.

    At the end the webhook at this address is removed at X: nobody will answer there again.

    :raises UserError: there is no tunnel, or none is needed; one line.
    """
    if config.x.delivery == "activity_stream":
        raise UserError("x.delivery: activity_stream needs no public address; run without --tunnel")
    port = config.server.port or _free_port(config.server.host)
    async with open_tunnel(port, offered=hooks.open_tunnel(port), log=log, tunnels=tunnels) as url:
        server = dataclasses.replace(config.server, port=port, public_url=url)
        config = dataclasses.replace(config, server=server)
        if config.network == "x" and not is_here(config.x.api_url):
            try:
                check_url(config.server.webhook_url or "")
            except ActionRefused as refused:
                raise UserError(f"X can't use the tunnel's address: {refused}") from refused
        try:
            yield config
        finally:
            await _remove_webhook(config, log)


async def _remove_webhook(config: Config, log: FilteringBoundLogger) -> None:
    calls = product_of(config.x.delivery, config.x.environment or "").webhooks
    if config.network == "simulator" or calls is None:
        return  # the simulator has gone with the bot
    transport, x = AiohttpTransport(), outside(config)
    try:
        client = Client(transport, x.credentials, api_url=x.api_url)
        for webhook in await client.do(calls.list_all()):
            if webhook.url == config.server.webhook_url:
                await client.do(calls.delete(webhook.id))
                log.info("webhook_removed", webhook=webhook.id, reason="its tunnel closes")
    except BotkitError as error:
        log.warning("webhook_not_removed", url=config.server.webhook_url, error=str(error))
    finally:
        await transport.close()


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as taken:
        taken.bind((host, 0))
        return int(taken.getsockname()[1])


@contextmanager
def in_thread(context: Callable[[], AbstractAsyncContextManager[T]]) -> Iterator[T]:
    """Hold an async context open in a loop of its own, in a thread: around something that has another loop.

    One task enters and leaves it, as contexts with task groups in them need.
    """
    entered: Future[T] = Future()
    loop = asyncio.new_event_loop()
    leave = asyncio.Event()

    async def hold() -> None:
        try:
            async with context() as value:
                entered.set_result(value)
                await leave.wait()
        except BaseException as error:
            if entered.done():
                raise
            entered.set_exception(error)

    holding = loop.create_task(hold())

    def work() -> None:
        asyncio.set_event_loop(loop)
        try:
            with suppress(asyncio.CancelledError):
                loop.run_until_complete(holding)
        finally:
            loop.close()

    thread = threading.Thread(target=work, name="tunnel", daemon=True)
    thread.start()
    try:
        yield entered.result()
    finally:
        with suppress(RuntimeError):  # it ended by itself
            loop.call_soon_threadsafe(leave.set if entered.done() else holding.cancel)
        thread.join()
