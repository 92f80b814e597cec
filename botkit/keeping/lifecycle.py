"""Keeps webhook and subscriptions as needed: at the start, on a timer, and when accounts change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError, UserError
from botkit.keeping.alarms import Alarms
from botkit.keeping.heard import Heard, last_contact
from botkit.network.client import Client
from botkit.network.lifecycle import Connected, Desired, NotSo, Own, make_so
from botkit.network.replay import Span
from botkit.store.contract import Store

__all__ = ["Lifecycle"]

_KEY = "keeping:own"
#: X is asked to register by one process at a time, which is believed dead after that many seconds
_CONNECTING = "connecting"
_CONNECTING_S = 15.0
#: a look that X did not answer twice in a row is told
_TOLD_AFTER = 2


class Lifecycle:
    """Makes it so, again and again.

    :param desired: what is wanted, without accounts.
    :param accounts: the ids of the connected accounts beside the bot's own.
    :param missed: told of a time in which nothing could come.
    :param holder: this process's name in leases.
    :param every_s: how often it looks.
    """

    def __init__(
        self,
        store: Store,
        client: Client,
        desired: Desired,
        *,
        accounts: Callable[[], Awaitable[Collection[str]]],
        missed: Callable[[Span], Awaitable[None]],
        heard: Heard,
        alarms: Alarms,
        holder: str,
        every_s: float,
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._client = client
        self._desired = desired
        self._accounts = accounts
        self._missed = missed
        self._heard = heard
        self._alarms = alarms
        self._holder = holder
        self._every_s = every_s
        self._log = log
        self._now = now
        self._sleep = sleep
        self._last: Connected | None = None
        self._failures = 0
        self._looking = asyncio.Lock()

    @property
    def webhook_id(self) -> str:
        """The webhook's id at X, as far as it is known."""
        return self._last.webhook_id if self._last is not None else ""

    @property
    def account_ids(self) -> frozenset[str]:
        """The accounts that the bot receives for; empty before X was asked."""
        return self._last.own.accounts if self._last is not None else frozenset()

    async def run(self) -> None:
        """Look on the timer, until cancelled."""
        while True:
            await self._sleep(self._every_s)
            try:
                await self.check()
            except UserError as error:
                self._log.error("not_connected", error=str(error))
            except StoreError as error:
                self._log.error("not_checked", error=str(error))

    async def check(self) -> Connected:
        """Look now, and make it so.

        :raises NotSo: nothing can come; one line.
        """
        async with self._looking, self._alone():
            before = self._heard.contact.joined(await last_contact(self._store))
            own = await self._own()
            desired = replace(self._desired, accounts=tuple(await self._accounts()))
            try:
                done = await make_so(self._client, desired, log=self._log, own=own)
            except NotSo as error:
                await self._failed(error)
                raise
            if done.own != own:
                await self._store.keep({_KEY: _encode(done.own)})
            self._tell(done)
            self._last = done
            await self._succeeded(done)
        if done.revived and before.heard:
            await self._missed(Span(before.heard, self._now()))
        return done

    async def connected(self, account_id: str) -> None:
        """An account was connected: make its subscriptions now.

        :raises UserError: they could not be made; one line.
        """
        done = await self.check()
        for problem in done.problems:
            if problem.account_id == account_id:
                raise UserError(problem.line)

    # -- what is told ------------------------------------------------------------------------------------

    def _tell(self, done: Connected) -> None:
        changed = done.subscribed or done.moved or done.removed or done.revived
        write = self._log.info if changed or self._last is None else self._log.debug
        write(
            "connected",
            account=done.account.username,
            webhook=done.webhook_id,
            subscriptions_made=done.subscribed,
            subscriptions_moved=done.moved,
            subscriptions_removed=done.removed,
        )

    async def _succeeded(self, done: Connected) -> None:
        self._failures = 0
        if done.revived:
            line = f"X had taken webhook {done.webhook_id} out of service; it is valid again"
            await self._alarms.set("webhook", line)
        await self._alarms.set("webhook", "")
        problems: dict[str, dict[str, str]] = {"account": {}, "subscriptions": {}}
        for problem in done.problems:
            about = "account" if problem.about == "account" else "subscriptions"
            problems[about].setdefault(problem.account_id, problem.line)
        await self._alarms.only("account", problems["account"])
        await self._alarms.only("subscriptions", problems["subscriptions"])

    async def _failed(self, error: NotSo) -> None:
        self._failures += 1
        if error.about == "webhook":
            await self._alarms.set("webhook", str(error))
        elif error.about == "account":
            await self._alarms.set("account", str(error), account_id=error.account_id)
        elif self._failures >= _TOLD_AFTER:
            await self._alarms.set("subscriptions", str(error))

    # -- what is remembered ------------------------------------------------------------------------------

    async def _own(self) -> Own:
        value = (await self._store.state([_KEY])).get(_KEY)
        found: dict[str, Any] = json.loads(value) if value else {}
        return Own(frozenset(found.get("webhooks", ())), frozenset(found.get("accounts", ())))

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Wait while another process asks X for the same: two that both find nothing would both register."""
        waited_s = 0.0
        while not await self._hold():
            if not waited_s:
                self._log.info("waits_for_other_receiver", at_most_s=_CONNECTING_S)
            if waited_s >= _CONNECTING_S:
                break
            await self._sleep(0.25)
            waited_s += 0.25
        try:
            yield
        finally:
            try:
                await self._store.let_go(_CONNECTING, self._holder)
            except StoreError as error:
                self._log.warning("connecting_not_released", error=str(error))

    async def _hold(self) -> bool:
        try:
            return await self._store.hold(_CONNECTING, self._holder, _CONNECTING_S)
        except StoreError:
            return True  # a store that can't be written now knows of nobody else either


def _encode(own: Own) -> bytes:
    return json.dumps({"webhooks": sorted(own.webhooks), "accounts": sorted(own.accounts)}).encode()
