"""Keeps webhook and subscriptions as needed: at the start, on a timer, and when accounts change."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Any

from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError, UserError
from botkit.keeping.alarms import Alarms
from botkit.keeping.duty import alone
from botkit.keeping.heard import Heard, last_contact
from botkit.network.client import Client
from botkit.network.lifecycle import Connected, Desired, NotSo, Own, make_so
from botkit.network.replay import Span
from botkit.store.contract import Store

__all__ = ["Lifecycle"]

_KEY = "keeping:own"
#: a look that X did not answer twice in a row is told
_TOLD_AFTER = 2


class Lifecycle:
    """Makes it so, again and again.

    :param desired: what is wanted, without accounts.
    :param accounts: the ids of the connected accounts beside the bot's own.
    :param missed: told of a time in which nothing could come.
    :param sign_in: how an account signs in, for a bot that has none.
    :param holder: this process's name in leases.
    :param every_s: how often it looks.
    """

    def __init__(
        self,
        store: Store,
        client: Client,
        desired: Callable[[], Desired],
        *,
        accounts: Callable[[], Awaitable[Collection[str]]],
        missed: Callable[[Span], Awaitable[None]],
        heard: Heard,
        alarms: Alarms,
        sign_in: str,
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
        self._sign_in = sign_in
        self._holder = holder
        self._every_s = every_s
        self._log = log
        self._now = now
        self._sleep = sleep
        self._last: Connected | None = None
        #: until then X was heard from before this process began; 0: nothing is missing before it
        self.heard_before = 0.0
        self._failures = 0
        self._lonely = False
        self._looking = asyncio.Lock()

    @property
    def webhook_id(self) -> str:
        """The webhook's id at X, as far as it is known."""
        return self._last.webhook_id if self._last is not None else ""

    async def is_ours(self, account_id: str) -> bool:
        """Whether the bot receives for an account; of any, as long as X was not asked whose it is.

        :raises StoreError: another process may have connected it, and can't be asked.
        """
        ours = self._last.own.accounts if self._last is not None else frozenset()
        if account_id in ours:
            return True
        ours = (await self._own()).accounts
        return not ours or account_id in ours

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
        async with self._looking, alone(self._store, self._holder, log=self._log, sleep=self._sleep):
            before = self._heard.contact.joined(await last_contact(self._store))
            own = await self._own()
            desired = replace(self._desired(), accounts=await self.accounts())
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
        since = self.heard_before or (before.heard if done.revived else 0.0)
        self.heard_before = 0.0
        if since:
            await self._missed(Span(since, self._now()))
        return done

    async def accounts(self) -> tuple[str, ...]:
        """The ids of the connected accounts beside the own one; that there is none at all is told once.

        :raises StoreError: the store can't be read.
        """
        accounts = tuple(await self._accounts())
        lonely = not accounts and not self._desired().own
        if lonely and not self._lonely:
            self._log.warning(
                "no_account", reason="bot.yaml has no tokens, and no account has signed in", fix=self._sign_in
            )
        self._lonely = lonely
        return accounts

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


def _encode(own: Own) -> bytes:
    return json.dumps({"webhooks": sorted(own.webhooks), "accounts": sorted(own.accounts)}).encode()
