"""The parts that keep things true at X: built once, begun in the processes whose work it is."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence

from structlog.typing import FilteringBoundLogger

from botkit.config import Config
from botkit.control.server import Operation
from botkit.errors import StoreError, UserError
from botkit.hooks.manager import Hooks
from botkit.keeping.alarms import Alarms
from botkit.keeping.duty import Duty
from botkit.keeping.gaps import Gaps
from botkit.keeping.heard import Heard
from botkit.keeping.lifecycle import Lifecycle
from botkit.keeping.operations import AtX, operations
from botkit.keeping.stream import StreamReceiver
from botkit.keeping.watch import Watch, WatchSettings
from botkit.network.client import Client
from botkit.network.lifecycle import Desired, Product, product_of
from botkit.network.lifecycle.asking import asked
from botkit.network.replay import Span
from botkit.network.stream import StreamOpener
from botkit.network.transport import Transport
from botkit.network.vault import Vault
from botkit.roles.facing import Facing
from botkit.roles.never import hooks_never_called
from botkit.roles.own import Granted, grants
from botkit.roles.parts import Parts
from botkit.store.contract import Store
from botkit.web.backlog import Backlog
from botkit.web.webhook import INBOX

__all__ = ["Keeping", "hooks_never_called", "is_managed", "make_keeping"]


def is_managed(config: Config) -> str:
    """Why botkit leaves webhook and subscriptions alone; ``""`` when it does not."""
    if not config.x.manage:
        return "x.manage is false"
    if config.network == "x" and config.server.public_url is None and config.x.delivery != "activity_stream":
        return "server.public_url is not set"
    return ""


class Keeping:
    """What one process keeps true at X.

    :ivar heard: is told of what comes.
    :ivar alarms: what is wrong now.
    """

    def __init__(
        self,
        config: Config,
        *,
        store: Store,
        hooks: Hooks,
        heard: Heard,
        alarms: Alarms,
        lifecycle: Lifecycle,
        gaps: Gaps,
        missed: Callable[[Span], Awaitable[None]],
        stream: StreamReceiver | None,
        granted: Callable[[], Awaitable[Sequence[Granted]]],
        backlog: Backlog,
        holder: str,
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._config = config
        self._store = store
        self._hooks = hooks
        self.heard = heard
        self.alarms = alarms
        self._lifecycle = lifecycle
        self._gaps = gaps
        self._missed = missed
        self._stream = stream
        self._granted = granted
        self._backlog = backlog
        self._holder = holder
        self._log = log
        self._now = now
        self._sleep = sleep

    async def listen(self, parts: Parts) -> None:
        """Begin to write down what is heard; before anything can be heard."""
        try:
            before = await self.heard.load()
        except StoreError as error:
            self._log.warning("heard_not_read", error=str(error))
        else:
            self._lifecycle.heard_before = before.heard
        parts.until_cancelled("heard", self.heard.run())

    async def connect(self) -> str:
        """Make webhook and subscriptions so: always in the simulator, at X when a public address is given.

        :returns: the account's handle, ``""`` when X was not asked or did not say.
        :raises UserError: the simulator refused.
        """
        for never in hooks_never_called(self._config, self._hooks, granted=await self._grants()):
            self._log.warning(
                "hook_never_called",
                hook=never.hook,
                handlers=list(never.handlers),
                delivery=never.delivery,
                reason=never.reason,
            )
        reason = is_managed(self._config)
        if reason:
            self._log.info("webhook_not_managed", reason=reason)
            await self._tell_without_accounts()
            if self._lifecycle.heard_before:
                await self._missed_before()
            return ""
        try:
            done = await self._lifecycle.check()
        except (UserError, StoreError) as error:
            if self._config.network == "simulator":
                raise
            # What is subscribed already still comes: a bot that receives is better than one that exits.
            self._log.error("not_connected", error=str(error))
            return ""
        for problem in done.problems:
            if self._config.network == "simulator":
                raise UserError(problem.line)
            self._log.error("not_connected", error=problem.line)
        return done.account.username

    async def _grants(self) -> Sequence[Granted]:
        try:
            return await self._granted()
        except StoreError as error:
            self._log.warning("accounts_not_read", error=str(error))
            return ()

    async def _tell_without_accounts(self) -> None:
        try:
            await self._lifecycle.accounts()
        except StoreError as error:
            self._log.warning("accounts_not_read", error=str(error))

    async def _missed_before(self) -> None:
        try:
            await self._missed(Span(self._lifecycle.heard_before, self._now()))
        except StoreError as error:
            self._log.error("gap_not_noted", error=str(error))

    def begin(self, parts: Parts) -> None:
        """Begin what one process at a time does: look at X on a timer, fill gaps, watch, read the stream."""
        if self._stream is not None:
            parts.until_cancelled("stream_backlog", self._backlog.run())
        duty = Duty(self._store, "keeping", holder=self._holder, log=self._log, sleep=self._sleep)
        parts.until_cancelled("keeping", duty.run(self._work))

    async def connected(self, account_id: str) -> None:
        """An account was connected: make its subscriptions now.

        :raises UserError: they could not be made; one line.
        """
        if not is_managed(self._config):
            await self._lifecycle.connected(account_id)

    async def _work(self) -> None:
        config = self._config
        watch = Watch(
            self._store,
            WatchSettings(
                silence=config.alarm.silence,
                challenges=config.x.delivery != "activity_stream",
                max_backlog=config.engine.max_backlog,
                dead_letters=config.alarm.dead_letters,
            ),
            heard=self.heard,
            alarms=self.alarms,
            log=self._log,
            now=self._now,
            sleep=self._sleep,
        )
        async with asyncio.TaskGroup() as together:
            if not is_managed(config):
                together.create_task(self._lifecycle.run(), name="lifecycle")
            together.create_task(self._gaps.run(), name="gaps")
            together.create_task(watch.run(), name="watch")
            if self._stream is not None:
                together.create_task(self._stream.run(), name="stream")


def make_keeping(
    config: Config,
    x: Facing,
    *,
    store: Store,
    hooks: Hooks,
    client: Client,
    transport: Transport,
    vault: Vault,
    webhook_url: Callable[[], str],
    log: FilteringBoundLogger,
    now: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> tuple[Keeping, Mapping[str, Operation]]:
    """Build the parts, and what a person can ask them to do.

    :param vault: the connected accounts beside the bot's own.
    :param webhook_url: where X is told to deliver; asked when it is needed.
    """
    product = product_of(config.x.delivery, config.x.environment or "")
    holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    heard = Heard(store, log=log, now=now, sleep=sleep)
    alarms = Alarms(log=log, now=now, tell=hooks.alarm)
    backlog = Backlog(lambda: store.backlog(INBOX), limit=config.engine.max_backlog, log=log)

    async def webhook_id() -> str:
        return lifecycle.webhook_id or await _look_up(client, product, webhook_url())

    gaps = Gaps(store, client, product, heard=heard, webhook_id=webhook_id, log=log, now=now, sleep=sleep)

    async def missed(span: Span) -> None:
        # The simulator inside this process knows of nothing before it began; a stream asks by itself.
        if config.x.fill_gaps and config.network == "x" and product.webhooks is not None:
            await gaps.note(span)

    lifecycle = Lifecycle(
        store,
        client,
        lambda: Desired(
            delivery=config.x.delivery,
            url=webhook_url() if product.webhooks is not None else "",
            events=hooks.needed_events(),
            environment=config.x.environment or "",
            keywords=config.x.keywords,
            own=bool(x.credentials.access_token or x.credentials.oauth2_token),
        ),
        accounts=vault.ids,
        missed=missed,
        heard=heard,
        alarms=alarms,
        sign_in=_sign_in(config),
        holder=holder,
        every_s=config.x.check_every,
        log=log,
        now=now,
        sleep=sleep,
    )
    stream: StreamReceiver | None = None
    if product.webhooks is None:
        stream = StreamReceiver(
            store,
            StreamOpener(transport, x.credentials, api_url=x.api_url),
            heard=heard,
            alarms=alarms,
            is_ours=lifecycle.is_ours,
            full=lambda: backlog.full,
            log=log,
            now=now,
            sleep=sleep,
        )
    keeping = Keeping(
        config,
        store=store,
        hooks=hooks,
        heard=heard,
        alarms=alarms,
        lifecycle=lifecycle,
        gaps=gaps,
        missed=missed,
        stream=stream,
        granted=lambda: grants(x.credentials, vault),
        backlog=backlog,
        holder=holder,
        log=log,
        now=now,
        sleep=sleep,
    )
    at_x = AtX(client, product, webhook_url, x.account_id, gaps, lifecycle.check)
    return keeping, operations(at_x)


def _sign_in(config: Config) -> str:
    """How an account is connected to a bot that has none."""
    public_url = config.server.public_url
    if config.serves_connect and public_url is not None:
        return f"sign one in at {public_url.rstrip('/')}/connect"
    return "sign one in: botkit connect; or set x.access_token and x.access_token_secret"


async def _look_up(client: Client, product: Product, url: str) -> str:
    """The webhook that events come to, where botkit did not make it.

    :raises UserError: it can't be told.
    """
    if product.webhooks is None:
        raise UserError(f"delivery: {product.delivery} has no webhook")
    there = await asked("for the list of webhooks", client.do(product.webhooks.list_all()))
    found = [each for each in there if each.url == url] or [each for each in there if each.valid]
    if len(found) != 1:
        raise UserError("which webhook is this bot's can't be told; set server.public_url in bot.yaml")
    return found[0].id
