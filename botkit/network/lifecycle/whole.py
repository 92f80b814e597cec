"""Account activity: one subscription for everything of an account, on one webhook."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from botkit.errors import InvalidRequest, XError
from botkit.network.client import Client
from botkit.network.lifecycle.asking import NotSo, Problem, asked, concerns_account, refused
from botkit.network.lifecycle.products import WholeCalls

__all__ = ["Whole"]


@dataclass(slots=True)
class Whole:
    """Subscribes accounts to a webhook, and ends subscriptions of those that are not connected any more.

    :ivar mine: the accounts whose subscriptions this bot made; kept up to date.
    """

    client: Client
    calls: WholeCalls
    webhook_id: str
    log: FilteringBoundLogger
    mine: set[str]
    made: int = 0
    removed: int = 0
    problems: list[Problem] = field(default_factory=list)

    async def make_so(self, accounts: Collection[str]) -> None:
        """Subscribe these, and end those that this bot made for others.

        One account that X refuses keeps no other out.

        :raises NotSo: X can't be asked now.
        """
        for account_id in accounts:
            await self._subscribe(account_id)
        for account_id in sorted(self.mine - set(accounts)):
            await self._end(account_id)

    async def _subscribe(self, account_id: str) -> None:
        try:
            if await self.client.do(self.calls.check(self.webhook_id), account_id):
                return
            subscribed = await self.client.do(self.calls.subscribe(self.webhook_id), account_id)
        except XError as error:
            self._refused(account_id, error)
            return
        if subscribed:
            self.made += 1
            self.mine.add(account_id)
            return
        self.problems.append(
            Problem(
                "subscriptions",
                f"X did not subscribe account {account_id} to webhook {self.webhook_id}, "
                "and does not say why",
                account_id,
            )
        )

    def _refused(self, account_id: str, error: XError) -> None:
        line = str(refused(f"to subscribe account {account_id}", error))
        if concerns_account(error):
            self.problems.append(Problem("account", f"{line}; sign the account in again", account_id))
        elif error.kind == "SubscriptionLimitExceeded":
            fix = "end one (botkit subscription remove), or have X raise the limit"
            self.problems.append(Problem("subscriptions", f"{line}; {fix}", account_id))
        elif 400 <= error.status < 500 and error.status not in {402, 408, 429}:
            if 348 in error.codes or 261 in error.codes:
                line += (
                    "; give the app the permission Read, write and Direct Messages, "
                    "then make new access tokens"
                )
            self.problems.append(Problem("subscriptions", line, account_id))
        else:
            raise NotSo(line, "x") from error

    async def _end(self, account_id: str) -> None:
        try:
            await asked(
                f"to end the subscription of account {account_id}",
                self.client.do(self.calls.unsubscribe(self.webhook_id, account_id)),
            )
        except NotSo as error:
            if not isinstance(error.__cause__, InvalidRequest):
                raise
            # It is not there any more, which is what was wanted.
        self.mine.discard(account_id)
        self.removed += 1
        self.log.info("subscription_removed", account=account_id, reason="the account is not connected")
