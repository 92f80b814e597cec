"""The composition root: builds a bot from its configuration, and runs it from start to stop.

Nothing is global: ten apps fit in one process. What is opened is closed in the opposite order: at stop first
nothing new comes in, then running turns finish while what they queued leaves, then the store closes. The
parts of each role are in `botkit.roles`.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

from structlog.typing import FilteringBoundLogger

from botkit.config import Config
from botkit.engine.backoff import Backoff
from botkit.errors import StoreUnavailable, UserError
from botkit.hooks.manager import Hooks, load_plugins
from botkit.hooks.specs import AppInfo
from botkit.network.client import Client
from botkit.network.transport import AiohttpTransport, Transport
from botkit.roles import receiver
from botkit.roles.accounts import SignIn, account_operations, open_accounts
from botkit.roles.children import Child, Receivers, reserve_port
from botkit.roles.engine import begin_engine
from botkit.roles.facing import Facing, face_x
from botkit.roles.keeping import Keeping, make_keeping
from botkit.roles.kinds import ALL, Role, check_store, name_of, refuse
from botkit.roles.listening import listening, url_of
from botkit.roles.parts import Grace, Parts
from botkit.roles.upkeep import begin_upkeep
from botkit.store import open_store
from botkit.store.contract import Store

__all__ = ["App", "Plan", "Role", "Running"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plan:
    """What this process does of a bot's work.

    :param roles: receiver, worker, sender, or some of them.
    :param processes: how many receivers share the port; above 1 they are children of this process.
    :param command: what starts such a child.
    :param child: set in such a child.
    """

    roles: frozenset[Role] = ALL
    processes: int = 1
    command: Sequence[str] = ()
    child: Child | None = None

    @property
    def name(self) -> str:
        """What the process is called in logs; ``""`` when it is the only one."""
        if self.child is not None:
            return self.child.name
        if self.processes > 1:
            return "main"
        return "" if self.roles == ALL else name_of(self.roles)


@dataclass(frozen=True, slots=True)
class Running:
    """Where a started bot can be found.

    ``url`` and ``webhook_url`` are ``""`` in a process that listens nowhere, the latter also where X's stream
    is read instead; ``simulator_url`` is the chat page, ``""`` without a simulator; ``account`` the bot's
    handle, where known.
    """

    url: str
    webhook_url: str
    simulator_url: str
    account: str
    roles: frozenset[Role] = ALL


class App:
    """One bot, or what one process does of its work.

    :param plan: which work that is: all of it, unless told otherwise.
    :param transport: how requests leave; aiohttp's client unless a test brings another.
    :param now: Unix seconds.
    :param sleep: how what is kept true at X waits between two looks; waits for that many seconds.
    """

    def __init__(
        self,
        config: Config,
        hooks: Hooks,
        *,
        log: FilteringBoundLogger,
        plan: Plan | None = None,
        transport: Transport | None = None,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self._config = config
        self._hooks = hooks
        self._log = log
        self._plan = plan or Plan()
        self._transport = transport
        self._now = now
        self._sleep = sleep
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._stop = asyncio.Event()
        self._receivers: Receivers | None = None

    @classmethod
    def build(cls, config: Config, *, log: FilteringBoundLogger, plan: Plan | None = None) -> App:
        """The bot that a configuration describes, with its plugins loaded.

        :raises UserError: a secret is missing, a plugin can't be loaded, or the work can't be split so.
        """
        if plan is not None and plan.child is None:
            refuse(config, plan.roles, plan.processes)
        if config.network == "x" and config.missing:
            raise config.missing[0]
        return cls(config, load_plugins(config, log=log), log=log, plan=plan)

    def stop(self) -> None:
        """End `run` gracefully: nothing new is taken, what is in hand gets its grace period."""
        self._stop.set()

    def abandon(self) -> None:
        """End child processes at once: this one is about to."""
        if self._receivers is not None:
            self._receivers.kill()

    async def run(self, ready: Callable[[Running], None] | None = None) -> None:
        """Run until `stop`.

        :param ready: called once, when this process does its work.
        :raises UserError: it can't start, and the user can mend it.
        """
        async with AsyncExitStack() as stack:
            parts = Parts(stack)
            try:
                running = await self._start(stack, parts)
            except StoreUnavailable as error:
                raise UserError(f"can't start while the store takes nothing: {error}") from error
            if ready is not None and not self._stop.is_set():
                ready(running)
            await parts.wait(self._stop)
            self._log.info("stopping", grace_s=self._config.engine.grace)

    # -- start -------------------------------------------------------------------------------------------

    async def _start(self, stack: AsyncExitStack, parts: Parts) -> Running:
        config, log, roles = self._config, self._log, self._plan.roles
        store = await self._open_store(stack)
        x = await face_x(config, stack, log=log)
        transport = self._transport or AiohttpTransport(now=self._now)
        stack.push_async_callback(transport.close)
        sign_in = open_accounts(
            config,
            x.credentials,
            api_url=x.api_url,
            store=store,
            transport=transport,
            log=log,
            now=self._now,
        )
        stack.push_async_callback(sign_in.accounts.close)
        client = Client(
            transport, x.credentials, api_url=x.api_url, accounts=sign_in.accounts, log=log, now=self._now
        )

        fronts: list[_Front] = []

        def address() -> str:
            local = fronts[0].url + config.server.path if fronts and Role.RECEIVER in roles else ""
            return config.server.webhook_url or local

        keeping, by_hand = make_keeping(
            config,
            x,
            store=store,
            hooks=self._hooks,
            client=client,
            transport=transport,
            vault=sign_in.accounts.vault,
            webhook_url=address,
            log=log,
            now=self._now,
            sleep=self._sleep,
        )
        if Role.RECEIVER in roles:
            await keeping.listen(parts)
            sign_in.accounts.hooks.connected = keeping.connected
        if Role.WORKER in roles:
            begin_upkeep(
                parts,
                config,
                store=store,
                hooks=self._hooks,
                caller=client,
                log=log,
                now=self._now,
                more={**by_hand, **account_operations(sign_in)},
            )
        front = self._bind(parts, store, x, sign_in, keeping)
        fronts.append(front)
        webhook_url = address() if Role.RECEIVER in roles and config.x.delivery != "activity_stream" else ""
        await self._hooks.startup(
            AppInfo(
                network=config.network,
                folder=config.folder,
                webhook_url=webhook_url or config.server.webhook_url or "",
                account_ids=await _account_ids(x, sign_in),
            )
        )
        stack.push_async_callback(self._shut_down_plugins)
        if roles & {Role.WORKER, Role.SENDER}:
            await begin_engine(
                parts,
                config,
                roles,
                store=store,
                hooks=self._hooks,
                client=client,
                accounts=sign_in.accounts,
                log=log,
                now=self._now,
                rng=self._rng,
                alarms=keeping.alarms,
                sleep=self._sleep,
            )
        # Last in, first out: at stop the door closes before the engine does.
        await self._open(parts, front)
        account = ""
        if Role.RECEIVER in roles and self._plan.child is None:
            account = await self._unless_stopped(keeping.connect()) or ""
            keeping.begin(parts)
        running = Running(front.url, webhook_url, x.chat_page, account, roles)
        log.info(
            "started", url=front.url, webhook=webhook_url, plugins=len(self._hooks.plugins), **front.health
        )
        return running

    async def _open_store(self, stack: AsyncExitStack) -> Store:
        url = self._config.store_url
        store = self._hooks.register_store(url) or open_store(url, clock=self._now)
        if self._plan.child is None:
            check_store(store, self._config, self._plan.roles, self._plan.processes)
        await store.open()
        stack.push_async_callback(store.close)
        return store

    def _bind(self, parts: Parts, store: Store, x: Facing, sign_in: SignIn, keeping: Keeping) -> _Front:
        """Take the ports that this process listens on."""
        config, log, plan = self._config, self._log, self._plan
        if Role.RECEIVER in plan.roles and plan.processes == 1:
            child = plan.child
            web = receiver.bind_receiver(
                parts,
                config,
                x,
                sign_in,
                keeping,
                store=store,
                hooks=self._hooks,
                log=log,
                now=self._now,
                port=child.port if child else config.server.port,
                shared=child is not None,
            )
            return _Front(web.url, web)
        url = ""
        if plan.processes > 1:
            host = config.server.host
            with listening("server.port", host, config.server.port):
                reserved = reserve_port(host, config.server.port)
            parts.stack.callback(reserved.close)
            port = int(reserved.getsockname()[1])
            url = url_of(host, port)
            backoff = Backoff(0.5, 2.0, 30.0)
            self._receivers = Receivers(
                plan.command,
                plan.processes,
                port,
                log=log,
                delay_s=lambda attempt: backoff.delay_s(attempt, self._rng),
            )
        receivers = self._receivers
        health = receiver.bind_health(
            parts,
            config,
            store=store,
            log=log,
            problems=lambda: parts.ended | (receivers.down if receivers else {}),
            warnings=lambda: keeping.alarms.warnings,
        )
        return _Front(url or (health.url if health else ""), health)

    async def _open(self, parts: Parts, front: _Front) -> None:
        if front.web is not None:
            await front.web.open(parts)
        if self._receivers is None:
            return
        running = parts.begin("receivers", self._receivers.run())
        parts.stack.push_async_callback(self._end_receivers, self._receivers, running)
        all_up = asyncio.ensure_future(self._receivers.ready())
        try:
            await self._unless_stopped(_first(all_up, running))
        finally:
            all_up.cancel()
        if running.done():
            running.result()

    async def _end_receivers(self, receivers: Receivers, running: asyncio.Task[None]) -> None:
        await receivers.stop(Grace.of(self._config.engine.grace).web_s)
        await receivers.end()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def _unless_stopped(self, work: Coroutine[object, object, T]) -> T | None:
        """Do it, and leave it when the bot is told to stop meanwhile."""
        doing = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            for task in (doing, stopping):
                task.cancel()
            await asyncio.gather(doing, stopping, return_exceptions=True)

    async def _shut_down_plugins(self) -> None:
        try:
            async with asyncio.timeout(max(1.0, Grace.of(self._config.engine.grace).web_s)):
                await self._hooks.shutdown()
        except TimeoutError:
            self._log.warning("shutdown_hooks_left")


async def _account_ids(x: Facing, sign_in: SignIn) -> tuple[str, ...]:
    """The connected accounts, the own one first."""
    own = (x.account_id,) if x.account_id else ()
    return tuple(dict.fromkeys((*own, *await sign_in.accounts.vault.ids())))


@dataclass(frozen=True, slots=True)
class _Front:
    """What a process listens with.

    :ivar url: where its webhook is on this machine, or else its health; ``""`` when it listens nowhere.
    """

    url: str
    web: receiver.Receiver | None

    @property
    def health(self) -> dict[str, str]:
        """Where health is asked for, when that is not where the webhook is."""
        return {"health": self.web.url} if self.web is not None and self.web.url != self.url else {}


async def _first(*tasks: asyncio.Future[None]) -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
