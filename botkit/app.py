"""The composition root: builds a bot from its configuration, and runs it from start to stop.

Nothing is global: ten apps fit in one process. What is opened is closed in the opposite order: at stop first
nothing new comes in, then running turns finish, then what they queued leaves, then the store closes.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from botkit.config import Config, Secret, XConfig
from botkit.engine.backoff import Backoff
from botkit.engine.carrier import Carrier, CarrierSettings
from botkit.engine.lease import Lease
from botkit.engine.sender import Sender
from botkit.engine.timers import Timers
from botkit.engine.turn import Turns, TurnSettings
from botkit.engine.worker import Worker
from botkit.errors import UserError
from botkit.hooks.manager import Hooks, load_plugins
from botkit.hooks.specs import AppInfo
from botkit.network import lifecycle
from botkit.network.client import Client, Credentials
from botkit.network.transport import AiohttpTransport, Transport
from botkit.simulator.config import SimulatorConfig
from botkit.simulator.server import Simulator
from botkit.store import open_store
from botkit.store.contract import Store
from botkit.web import server
from botkit.web.health import Health
from botkit.web.webhook import Webhook, WebhookSettings
from botkit.x.signature import token_pattern

__all__ = ["App", "Running", "run"]

#: how long after a process died others may take over what it held
_LEASE_S = 15.0


@dataclass(frozen=True, slots=True)
class Running:
    """Where a started bot can be found.

    ``simulator_url`` is the chat page, ``""`` without a simulator; ``account`` the bot's handle, where known.
    """

    url: str
    webhook_url: str
    simulator_url: str
    account: str


class App:
    """One bot.

    :param transport: how requests leave; aiohttp's client unless a test brings another.
    :param now: Unix seconds.
    """

    def __init__(
        self,
        config: Config,
        hooks: Hooks,
        *,
        log: FilteringBoundLogger,
        transport: Transport | None = None,
        now: Callable[[], float] = time.time,
        rng: random.Random | None = None,
    ) -> None:
        self._config = config
        self._hooks = hooks
        self._log = log
        self._transport = transport
        self._now = now
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._stop = asyncio.Event()

    @classmethod
    def build(cls, config: Config, *, log: FilteringBoundLogger) -> App:
        """The bot that a configuration describes, with its plugins loaded.

        :raises UserError: a secret is missing, or a plugin can't be loaded.
        """
        if config.network == "x" and config.missing:
            raise config.missing[0]
        return cls(config, load_plugins(config, log=log), log=log)

    def stop(self) -> None:
        """End `run` gracefully: nothing new is taken, running turns get their grace period."""
        self._stop.set()

    async def run(self, ready: Callable[[Running], None] | None = None) -> None:
        """Run until `stop`.

        :param ready: called once, when events are received and handled.
        :raises UserError: it can't start, and the user can mend it.
        """
        async with AsyncExitStack() as stack:
            running, tasks = await self._start(stack)
            if ready is not None:
                ready(running)
            await self._until_stopped(tasks)

    # -- start -------------------------------------------------------------------------------------------

    async def _start(self, stack: AsyncExitStack) -> tuple[Running, list[asyncio.Task[None]]]:
        config, log = self._config, self._log
        store = self._hooks.register_store(config.store_url) or open_store(config.store_url, clock=self._now)
        await store.open()
        stack.push_async_callback(store.close)

        simulator = await self._simulator(stack)
        x = _simulated(simulator) if simulator else _configured(config.x)
        transport = self._transport or AiohttpTransport(now=self._now)
        stack.push_async_callback(transport.close)
        client = Client(transport, x.credentials, api_url=x.api_url)

        tasks: list[asyncio.Task[None]] = []
        lease = Lease(store, name=f"{socket.gethostname()}:{os.getpid()}", ttl_s=_LEASE_S, log=log)
        await lease.open()
        stack.push_async_callback(lease.close)
        timers = Timers(store, log=log)
        stack.push_async_callback(_cancelled, self._begin(tasks, timers.run(), "timers"))
        stack.push_async_callback(_cancelled, self._begin(tasks, lease.keep(), "lease"))

        web = server.WebServer(
            server.build(
                path=config.server.path,
                webhook=Webhook(store, self._webhook_settings(x), log=log),
                health=Health(store, problems=lambda: _ended(tasks)),
                max_body=config.server.max_body,
                log=log,
                access_log=config.server.access_log,
                trusted_proxies=config.server.trusted_proxies,
                register_routes=self._hooks.register_routes,
            ),
            host=config.server.host,
            port=config.server.port,
            grace_s=min(5.0, config.engine.grace),
        )

        stack.callback(web.unbind)
        with _listening("server", config.server.host, config.server.port):
            web.bind()
        url = f"http://{_host(config.server.host)}:{web.port}"
        webhook_url = config.server.webhook_url or (url + config.server.path)
        await self._hooks.startup(
            AppInfo(
                network=config.network,
                folder=config.folder,
                webhook_url=webhook_url,
                account_ids=tuple({x.account_id} - {""}),
            )
        )
        stack.push_async_callback(self._hooks.shutdown)
        self._begin_engine(stack, tasks, store, lease, client)
        # Last in, first out: at stop the web server closes before the engine does.
        await web.open()
        stack.push_async_callback(web.close)
        account = await self._connect(client, webhook_url, x)
        running = Running(url, webhook_url, simulator.url if simulator else "", account)
        log.info("started", url=url, webhook=webhook_url, plugins=len(self._hooks.plugins))
        return running, tasks

    def _begin_engine(
        self,
        stack: AsyncExitStack,
        tasks: list[asyncio.Task[None]],
        store: Store,
        lease: Lease,
        client: Client,
    ) -> None:
        engine, log = self._config.engine, self._log
        backoff = Backoff(engine.retry.first, engine.retry.factor, engine.retry.max)
        carrier = Carrier(
            store=store,
            client=client,
            settings=CarrierSettings(
                attempts=engine.send_attempts, on_unknown=engine.on_unknown, backoff=backoff
            ),
            log=log,
            rng=self._rng,
        )
        sender = Sender(
            store=store,
            lease=lease,
            carrier=carrier,
            log=log,
            dead_letter=self._hooks.dead_letter,
            grace_s=engine.grace,
        )
        stack.push_async_callback(_stopped, sender.stop, self._begin(tasks, sender.run(), "sender"))
        turns = Turns(
            store=store,
            hooks=self._hooks,
            caller=client,
            settings=TurnSettings(engine.attempts, engine.handler_timeout, backoff),
            log=log,
            rng=self._rng,
            now=self._now,
        )
        worker = Worker(
            store=store, lease=lease, turns=turns, concurrency=engine.workers, grace_s=engine.grace, log=log
        )
        stack.push_async_callback(_stopped, worker.stop, self._begin(tasks, worker.run(), "worker"))

    async def _simulator(self, stack: AsyncExitStack) -> Simulator | None:
        if self._config.network != "simulator":
            return None
        wanted = self._config.simulator
        simulator = Simulator(
            SimulatorConfig(
                host=wanted.host,
                port=wanted.port,
                bot_username=wanted.username,
                bot_name=wanted.name,
                limits=wanted.limits,
            ),
            log=self._log.bind(part="simulator"),
        )
        with _listening("simulator", wanted.host, wanted.port):
            await simulator.start()
        stack.push_async_callback(simulator.stop)
        return simulator

    async def _connect(self, client: Client, webhook_url: str, x: _X) -> str:
        """Make webhook and subscriptions: always in the simulator, at X when a public address is given."""
        config = self._config
        delivery = config.x.delivery
        if config.network == "x" and config.server.public_url is None:
            self._log.info("webhook_not_managed", reason="server.public_url is not set")
            return ""
        if delivery not in {"activity", "account_activity"}:
            self._log.warning("webhook_not_managed", reason=f"delivery {delivery}: register it at X by hand")
            return ""
        try:
            connected = await lifecycle.connect(
                client,
                url=webhook_url,
                delivery="account_activity" if delivery == "account_activity" else "activity",
                events=self._hooks.needed_events(),
                log=self._log,
            )
        except UserError as error:
            if config.network == "simulator":
                raise
            # What is subscribed already still comes: a bot that receives is better than one that exits.
            self._log.error("not_connected", error=str(error))
            return ""
        return connected.account.username

    def _webhook_settings(self, x: _X) -> WebhookSettings:
        crc = self._config.x.crc_token
        return WebhookSettings(
            secrets=x.secrets,
            own_ids=frozenset({x.account_id} - {""}),
            max_body=self._config.server.max_body,
            token_pattern=token_pattern(crc.min_length, crc.max_length),
        )

    # -- run and stop ------------------------------------------------------------------------------------

    @staticmethod
    def _begin(
        tasks: list[asyncio.Task[None]], work: Coroutine[object, object, None], name: str
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        tasks.append(task)
        return task

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        stop = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            await asyncio.wait({stop, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        for task in tasks:
            if task.done():
                task.result()  # a part that ended by itself is our bug: raise what it raised
        self._log.info("stopping", grace_s=self._config.engine.grace)


@dataclass(frozen=True, slots=True)
class _X:
    """What the bot shows to X, and verifies X with."""

    credentials: Credentials
    secrets: tuple[str, ...]
    api_url: str
    account_id: str


def _configured(x: XConfig) -> _X:
    def text(secret: object) -> str:
        return secret.reveal() if isinstance(secret, Secret) else ""

    secrets = tuple(secret.reveal() for secret in x.consumer_secret)
    credentials = Credentials(
        consumer_key=text(x.consumer_key),
        consumer_secret=secrets[0] if secrets else "",
        access_token=text(x.access_token),
        access_token_secret=text(x.access_token_secret),
        bearer_token=text(x.bearer_token),
    )
    return _X(credentials, secrets, x.api_url, credentials.account_id)


def _simulated(simulator: Simulator) -> _X:
    """The keys of the simulator's app: the one thing that the bot is told of it besides its address."""
    keys = simulator.config
    credentials = Credentials(
        consumer_key=keys.consumer_key,
        consumer_secret=keys.consumer_secret,
        access_token=keys.access_token,
        access_token_secret=keys.access_token_secret,
    )
    return _X(credentials, (keys.consumer_secret,), simulator.url, keys.bot_id)


@contextmanager
def _listening(key: str, host: str, port: int) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"can't listen on {host}:{port}: {reason}; choose another {key}.port in bot.yaml"
        ) from None


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _stopped(stop: Callable[[], None], task: asyncio.Task[None]) -> None:
    stop()
    await asyncio.gather(task, return_exceptions=True)


def _ended(tasks: list[asyncio.Task[None]]) -> dict[str, str]:
    return {task.get_name(): "has ended" for task in tasks if task.done()}


def _host(host: str) -> str:
    """The host to call, where ``0.0.0.0`` and ``::`` are only for listening."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - read, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def run(config: Config, *, log: FilteringBoundLogger, ready: Callable[[Running], None] | None = None) -> None:
    """Run a bot until SIGINT or SIGTERM; a second one ends it at once.

    Either way nothing is lost: what was answered 200 is in the store, and what was not settled is done again
    at the next start.

    :raises UserError: it can't start, and the user can mend it.
    """
    with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
        runner.run(_run(config, log, ready))


async def _run(config: Config, log: FilteringBoundLogger, ready: Callable[[Running], None] | None) -> None:
    app = App.build(config, log=log)
    stopping = False

    def stop(signum: int) -> None:
        nonlocal stopping
        if stopping:
            log.warning("stopped_at_once", signal=signal.Signals(signum).name)
            os._exit(128 + signum)
        stopping = True
        app.stop()

    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop, signum)
    await app.run(ready)


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop when it is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    return uvloop.new_event_loop
