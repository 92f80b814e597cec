"""The receiver: the web server that X calls, and back-pressure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp.web import Application, UrlDispatcher
from structlog.typing import FilteringBoundLogger

from botkit.config import Config
from botkit.hooks.manager import Hooks
from botkit.keeping.heard import NotingStore
from botkit.roles.accounts import SignIn, make_connect
from botkit.roles.facing import Facing
from botkit.roles.keeping import Keeping
from botkit.roles.listening import listening, url_of
from botkit.roles.parts import Grace, Parts
from botkit.store.contract import Store
from botkit.web import server
from botkit.web.backlog import Backlog
from botkit.web.health import Health
from botkit.web.webhook import INBOX, Webhook, WebhookSettings
from botkit.x.signature import token_pattern

__all__ = ["Receiver", "bind_health", "bind_receiver"]


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
    keeping: Keeping,
    *,
    store: Store,
    hooks: Hooks,
    log: FilteringBoundLogger,
    now: Callable[[], float],
    port: int,
    shared: bool,
) -> Receiver:
    """Take the port of the webhook, and of the page where accounts sign in.

    :param keeping: is told of what comes.
    :param shared: other processes listen on it too.
    :raises UserError: the port can't be taken.
    """
    wanted = config.server
    backlog = Backlog(lambda: store.backlog(INBOX), limit=config.engine.max_backlog, log=log)
    parts.until_cancelled("backlog", backlog.run())

    def full() -> bool:
        if backlog.full:
            keeping.heard.refused()
        return backlog.full

    webhook = Webhook(
        NotingStore(store, keeping.heard),
        _webhook_settings(config, x),
        log=log,
        full=full,
        challenged=keeping.heard.challenge,
    )

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
        health=Health(store, problems=problems, warnings=lambda: keeping.alarms.warnings),
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
    warnings: Callable[[], Mapping[str, str]],
) -> Receiver | None:
    """Take the port where a process without a webhook says that it is well, if bot.yaml names one.

    :raises UserError: the port can't be taken.
    """
    if config.server.health_port is None:
        return None
    app = server.build(health=Health(store, problems=problems, warnings=warnings), log=log, access_log=False)
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
