"""X on this machine: builds all parts, listens, and stops without a trace.

A `Simulator` holds everything it needs; several can run in one process.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import web

from botkit.simulator.api import Api
from botkit.simulator.auth import Authenticator
from botkit.simulator.control import Control
from botkit.simulator.delivery import Courier
from botkit.simulator.endpoint import Parts
from botkit.simulator.endpoints import ENDPOINTS
from botkit.simulator.faults import Faults
from botkit.simulator.feed import Feed
from botkit.simulator.inbox import Inbox
from botkit.simulator.limits import Limits
from botkit.simulator.live import Live, tell_activity
from botkit.simulator.media import Library
from botkit.simulator.publish import Publisher
from botkit.simulator.replay import Replays
from botkit.simulator.rules import Rules
from botkit.simulator.signin import SignIns
from botkit.simulator.streams import Streams
from botkit.simulator.subscriptions import Subscriptions
from botkit.simulator.tokens import Tokens
from botkit.simulator.usage import Usage
from botkit.simulator.webhooks import Webhooks, is_loopback
from botkit.simulator.welcome import Welcomes
from botkit.simulator.world import World

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from structlog.typing import FilteringBoundLogger

    from botkit.simulator.activity import Activity
    from botkit.simulator.config import SimulatorConfig

__all__ = ["Simulator", "serve"]

#: no call takes more; most take far less
_MAX_BODY = 32 << 20


class Simulator:
    """A stand-in for X: its REST API, its signed webhooks, its limits and its faults.

    The control API (``/_sim/…``) and the chat page (``/``) are served too, on a loopback host.

    :param clock: Unix seconds; ids, times and limits come from it.
    :param sleep: waits for retries, late deliveries and periodic challenges.
    :param rng: makes tokens and event ids; give a seeded one to have the same every time.
    """

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        log: FilteringBoundLogger,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        self.config = config
        self._log, self._clock = log, clock
        # nothing here is a secret: the simulator's keys are fixed, and printed in its documentation
        rng = rng or random.Random()  # noqa: S311
        self.feed, self.faults = Feed(config.log_size), Faults()
        self.faults.change(config.faults)
        self.limits = Limits(clock=clock, overrides=config.limit_overrides, scale=config.limits)
        self.limits.enforced = config.enforce_limits
        self.world = World(clock=clock, rng=rng, publish=self._happened, keep=config.keep_messages)
        self.rules = Rules.of(config)
        self.tokens = Tokens(config, clock=clock, rng=rng)
        ids = self.world.ids
        self.webhooks = Webhooks(
            config, rules=self.rules, faults=self.faults, ids=ids, clock=clock, sleep=sleep, rng=rng, log=log
        )
        self.subscriptions = Subscriptions(self.rules, ids, clock, config.subscription_life_s)
        self.courier = Courier(
            config,
            faults=self.faults,
            feed=self.feed,
            clock=clock,
            sleep=sleep,
            log=log,
            timeout_s=self.webhooks.timeout_s,
        )
        self.replays = Replays(
            config, webhooks=self.webhooks, courier=self.courier, ids=ids, clock=clock, log=log
        )
        self.courier.attempting = self.replays.keep
        self.streams = Streams(config, rules=self.rules, feed=self.feed, clock=clock, sleep=sleep, rng=rng)
        usage_ = Usage(clock)
        self._publisher = Publisher(
            config,
            world=self.world,
            webhooks=self.webhooks,
            subscriptions=self.subscriptions,
            courier=self.courier,
            streams=self.streams,
            usage=usage_,
            rng=rng,
        )
        self._parts = Parts(
            config=config,
            rules=self.rules,
            clock=clock,
            log=log,
            world=self.world,
            tokens=self.tokens,
            auth=Authenticator(config, self.tokens, clock=self._x_clock),
            signins=SignIns(self.tokens),
            limits=self.limits,
            faults=self.faults,
            feed=self.feed,
            webhooks=self.webhooks,
            subscriptions=self.subscriptions,
            courier=self.courier,
            publisher=self._publisher,
            streams=self.streams,
            replays=self.replays,
            media=Library(
                ids=ids,
                clock=clock,
                faults=self.faults,
                processing_s=config.media_processing_s,
                keys=self.world.media_keys,
            ),
            welcomes=Welcomes(ids),
            usage=usage_,
            inbox=Inbox(self.world),
        )
        self._runner: web.AppRunner | None = None
        self._http: aiohttp.ClientSession | None = None
        self._watch: asyncio.Task[None] | None = None
        self._port = 0
        self._populate()

    # -- life --------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen.

        :raises OSError: the address can't be listened on.
        """
        self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self.webhooks.open(self._http)
        self.courier.open(self._http)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.config.host, self.config.port)
        try:
            await site.start()
        except OSError:
            await self.stop()
            raise
        self._port = self._runner.addresses[0][1]
        self._parts.media.origin = self.url
        self._watch = asyncio.create_task(self.webhooks.watch())
        self._log.info("simulator_listens", url=self.url)

    async def stop(self) -> None:
        """Stop listening, give up deliveries, and close all connections. May be called twice."""
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
            self._watch = None
        self.feed.close()
        self.streams.end("cut")
        await self.replays.close()
        await self.courier.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def url(self) -> str:
        """Its address, without a slash at the end: what ``x.api_url`` is in bot.yaml."""
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        return f"http://{host}:{self._port}"

    # -- inside ------------------------------------------------------------------------------------------

    def _x_clock(self) -> float:
        """X's clock, which may be wrong against the bot's."""
        return self._clock() + self.rules.clock_skew_s

    def _happened(self, activity: Activity) -> None:
        tell_activity(self.feed, activity)
        self._publisher.publish(activity)

    def _populate(self) -> None:
        for account in self.config.connected:
            self.world.add_user(account.username, account.name, user_id=account.id)
        for seed in self.config.users:
            self.world.add_user(
                seed.username,
                seed.name,
                user_id=seed.id,
                dms_open=seed.dms_open,
                protected=seed.protected,
            )
        bot = self.world.users[self.config.bot.id]
        # so that there is something to like, answer, quote and repost
        self.world.publish_post(bot, "Hello, I am a bot.", quiet=True)

    def _application(self) -> web.Application:
        app = web.Application(client_max_size=_MAX_BODY)
        api = Api(self._parts)
        app.add_routes(api.routes(ENDPOINTS))
        if self.config.control and is_loopback(self.config.host):
            app.add_routes(Control(self._parts).routes())
            app.add_routes(Live(self.feed).routes())
        app.add_routes([web.route("*", "/{unknown:.*}", api.unknown)])
        return app


async def serve(config: SimulatorConfig, *, log: FilteringBoundLogger) -> None:
    """Run a simulator until cancelled.

    :raises OSError: the address can't be listened on.
    """
    async with Simulator(config, log=log):
        await asyncio.Event().wait()
