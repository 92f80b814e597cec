"""The worker and the sender: what handles events, and what carries out what handlers want done."""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import socket
from collections.abc import Awaitable, Callable, Collection

from structlog.typing import FilteringBoundLogger

from botkit.config import Config
from botkit.engine.backoff import Backoff
from botkit.engine.carrier import Carrier, CarrierSettings
from botkit.engine.guard import LoopGuard
from botkit.engine.lease import Lease
from botkit.engine.sender import Sender
from botkit.engine.spend import Spend
from botkit.engine.timers import Timers
from botkit.engine.turn import Turns, TurnSettings
from botkit.engine.worker import Worker
from botkit.hooks.manager import Hooks
from botkit.keeping.alarms import Alarms
from botkit.network.accounts import Accounts
from botkit.network.client import Client
from botkit.roles.kinds import Role
from botkit.roles.parts import Grace, Parts
from botkit.rules import Rules
from botkit.store.contract import Store
from botkit.x.prices import DOLLAR

__all__ = ["begin_engine", "guard_of", "rules_of"]

#: how long after a process died others may take over what it held
_LEASE_S = 15.0


def rules_of(config: Config) -> Rules:
    """What this bot's package at X allows; the simulator minds nothing."""
    package = config.x.package if config.network == "x" else "enterprise"
    return Rules(package, config.x.long_posts)


def guard_of(config: Config) -> LoopGuard:
    """When default replies are held back."""
    wanted = config.loop_guard
    return LoopGuard(wanted.replies, wanted.within, wanted.quick)


async def begin_engine(
    parts: Parts,
    config: Config,
    roles: Collection[Role],
    *,
    store: Store,
    hooks: Hooks,
    client: Client,
    accounts: Accounts,
    log: FilteringBoundLogger,
    now: Callable[[], float],
    rng: random.Random,
    alarms: Alarms | None = None,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Begin to work off the store: lease and timers in either role, turns in one, actions in the other.

    :param alarms: where a budget that is spent is told; without them in the log and to ``on_alarm`` alone.
    :param sleep: how writing down what was spent waits; waits for that many seconds.
    :raises StoreError: what was spent today can't be read.
    """
    engine, grace = config.engine, Grace.of(config.engine.grace)
    backoff = Backoff(engine.retry.first, engine.retry.factor, engine.retry.max)
    lease = Lease(store, name=f"{socket.gethostname()}:{os.getpid()}", ttl_s=_LEASE_S, log=log)
    await lease.open()
    parts.stack.push_async_callback(lease.close)
    timers = Timers(store, log=log)
    parts.until_cancelled("timers", timers.run())
    parts.until_cancelled("lease", lease.keep())
    per_day = config.budget.per_day
    spend = Spend(
        store,
        process=secrets.token_hex(8),
        log=log,
        now=now,
        sends=Role.SENDER in roles,
        budget=None if per_day is None else round(per_day * DOLLAR),
        summoned=config.x.package == "self-serve",
        tell=(alarms or Alarms(log=log, now=now, tell=hooks.alarm)).set,
        sleep=sleep,
    )
    await spend.load()
    parts.until_cancelled("spend", spend.run())
    drain = _Drain(grace)
    parts.stack.push_async_callback(drain.end)
    if Role.SENDER in roles:
        carrier = Carrier(
            store=store,
            client=client,
            settings=CarrierSettings(
                attempts=engine.send_attempts,
                on_unknown=engine.on_unknown,
                settle_s=engine.look_after,
                backoff=backoff,
            ),
            log=log,
            rng=rng,
        )
        drain.sender = sender = Sender(
            store=store,
            lease=lease,
            carrier=carrier,
            log=log,
            dead_letter=hooks.dead_letter,
            spend=spend,
            signed_in=accounts.signed_in_at,
            grace_s=grace.sends_s if Role.WORKER in roles else grace.turns_s,
        )
        accounts.hooks.signed_in = sender.resume_account
        drain.sending = parts.begin("sender", sender.run())
    if Role.WORKER in roles:
        turns = Turns(
            store=store,
            hooks=hooks,
            caller=client,
            withdrawn=accounts.withdrawn,
            settings=TurnSettings(
                engine.attempts, engine.handler_timeout, backoff, rules_of(config), guard_of(config)
            ),
            log=log,
            rng=rng,
            now=now,
        )
        drain.worker = worker = Worker(
            store=store,
            lease=lease,
            turns=turns,
            concurrency=engine.workers,
            grace_s=grace.turns_s,
            spend=spend,
            log=log,
            timers_set=timers.wake,
        )
        drain.working = parts.begin("worker", worker.run())


class _Drain:
    """Ends worker and sender: the sender carries on while turns run, and both are done in time."""

    def __init__(self, grace: Grace) -> None:
        self._grace = grace
        self.worker: Worker | None = None
        self.working: asyncio.Task[None] | None = None
        self.sender: Sender | None = None
        self.sending: asyncio.Task[None] | None = None

    async def end(self) -> None:
        if self.worker is not None and self.working is not None:
            self.worker.stop()
            await asyncio.wait({self.working}, timeout=self._grace.turns_s - self._grace.sends_s)
        if self.sender is not None:
            self.sender.stop()
        running = [task for task in (self.working, self.sending) if task is not None]
        await asyncio.gather(*running, return_exceptions=True)
