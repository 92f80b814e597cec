"""The receiver: the web server that X calls, back-pressure, and the webhook and subscriptions at X."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from aiohttp.web import Application, UrlDispatcher
from structlog.typing import FilteringBoundLogger

from botkit.config import Config
from botkit.errors import StoreError, UserError
from botkit.hooks.manager import Hooks
from botkit.network import lifecycle
from botkit.network.client import Client
from botkit.roles.accounts import SignIn, make_connect
from botkit.roles.facing import Facing
from botkit.roles.listening import listening, url_of
from botkit.roles.parts import Grace, Parts
from botkit.store.contract import Store
from botkit.web import server
from botkit.web.backlog import Backlog
from botkit.web.health import Health
from botkit.web.webhook import INBOX, Webhook, WebhookSettings
from botkit.x.signature import token_pattern

__all__ = ["Receiver", "bind_health", "bind_receiver", "connect"]

#: X is asked to register by one process at a time, which is believed dead after that many seconds
_CONNECTING = "connecting"
_CONNECTING_S = 15.0


class Receiver:
    """A web server whose port is taken: who connects waits until `open`.

    :ivar url: where it is on this machine.
    """

    def __init__(self, web: server.WebServer, host: str) -> None:
        self._web = web
        self.url = url_of(host, web.port)

    async def open(self, parts: Parts) -> None:
        """Begin to answer; until its turn to end comes, then requests under way are finished."""
        await self._web.open()
        parts.stack.push_async_callback(self._web.close)


def bind_receiver(
    parts: Parts,
    config: Config,
    x: Facing,
    sign_in: SignIn,
    *,
    store: Store,
    hooks: Hooks,
    log: FilteringBoundLogger,
    now: Callable[[], float],
    port: int,
    shared: bool,
) -> Receiver:
    """Take the port of the webhook, and of the page where accounts sign in.

    :param shared: other processes listen on it too.
    :raises UserError: the port can't be taken.
    """
    wanted = config.server
    backlog = Backlog(lambda: store.backlog(INBOX), limit=config.engine.max_backlog, log=log)
    parts.until_cancelled("backlog", backlog.run())
    webhook = Webhook(store, _webhook_settings(config, x), log=log, full=lambda: backlog.full)

    def problems() -> dict[str, str]:
        return parts.ended | ({"backlog": backlog.problem} if backlog.full else {})

    bound: list[Receiver] = []
    page = make_connect(
        config, x, sign_in, store=store, hooks=hooks, url=lambda: bound[0].url, log=log, now=now
    )

    def routes(router: UrlDispatcher) -> None:
        if page is not None:
            page.add_routes(router)
        hooks.register_routes(router)

    app = server.build(
        health=Health(store, problems=problems),
        log=log,
        path=wanted.path,
        webhook=webhook,
        max_body=wanted.max_body,
        access_log=wanted.access_log,
        trusted_proxies=wanted.trusted_proxies,
        register_routes=routes,
    )
    bound.append(_bound(parts, app, config, "server.port", port, shared=shared))
    return bound[0]


def bind_health(
    parts: Parts,
    config: Config,
    *,
    store: Store,
    log: FilteringBoundLogger,
    problems: Callable[[], Mapping[str, str]],
) -> Receiver | None:
    """Take the port where a process without a webhook says that it is well, if bot.yaml names one.

    :raises UserError: the port can't be taken.
    """
    if config.server.health_port is None:
        return None
    app = server.build(health=Health(store, problems=problems), log=log, access_log=False)
    return _bound(parts, app, config, "server.health_port", config.server.health_port, shared=False)


def _bound(parts: Parts, app: Application, config: Config, key: str, port: int, *, shared: bool) -> Receiver:
    host = config.server.host
    grace = Grace.of(config.engine.grace)
    web = server.WebServer(app, host=host, port=port, grace_s=grace.web_s, shared=shared)
    parts.stack.callback(web.unbind)
    with listening(key, host, port):
        web.bind()
    return Receiver(web, host)


def _webhook_settings(config: Config, x: Facing) -> WebhookSettings:
    crc = config.x.crc_token
    return WebhookSettings(
        secrets=x.secrets,
        own_ids=frozenset({x.account_id} - {""}),
        max_body=config.server.max_body,
        token_pattern=token_pattern(crc.min_length, crc.max_length),
    )


async def connect(
    config: Config,
    *,
    store: Store,
    hooks: Hooks,
    client: Client,
    webhook_url: str,
    log: FilteringBoundLogger,
) -> str:
    """Make webhook and subscriptions: always in the simulator, at X when a public address is given.

    :returns: the account's handle, ``""`` when X was not asked or did not say.
    :raises UserError: the simulator refused.
    """
    delivery = config.x.delivery
    if config.network == "x" and config.server.public_url is None:
        log.info("webhook_not_managed", reason="server.public_url is not set")
        return ""
    if delivery not in {"activity", "account_activity"}:
        log.warning("webhook_not_managed", reason=f"delivery {delivery}: register it at X by hand")
        return ""
    try:
        async with _alone(store, f"{socket.gethostname()}:{os.getpid()}", log):
            connected = await lifecycle.connect(
                client,
                url=webhook_url,
                delivery="account_activity" if delivery == "account_activity" else "activity",
                events=hooks.needed_events(),
                log=log,
            )
    except UserError as error:
        if config.network == "simulator":
            raise
        # What is subscribed already still comes: a bot that receives is better than one that exits.
        log.error("not_connected", error=str(error))  # noqa: TRY400 - one line for people, no traceback
        return ""
    return connected.account.username


@asynccontextmanager
async def _alone(store: Store, me: str, log: FilteringBoundLogger) -> AsyncIterator[None]:
    """Wait while another process asks X for the same: two that both find nothing would both register."""
    deadline = asyncio.get_running_loop().time() + _CONNECTING_S
    held = await _hold(store, me)
    if not held:
        log.info("waits_for_other_receiver", at_most_s=_CONNECTING_S)
    while not held and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.25)
        held = await _hold(store, me)
    try:
        yield
    finally:
        try:
            await store.let_go(_CONNECTING, me)
        except StoreError as error:
            log.warning("connecting_not_released", error=str(error))


async def _hold(store: Store, me: str) -> bool:
    try:
        return await store.hold(_CONNECTING, me, _CONNECTING_S)
    except StoreError:
        return True  # a store that can't be written now knows of nobody else either
