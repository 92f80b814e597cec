"""Makes the webhook and the subscriptions at X so as the bot needs them.

What is wanted is compared with what is there; only what is missing is made, and nothing is removed. A
subscription whose webhook is gone is pointed at ours.
Everything goes through `botkit.network.client`, so it is the same for X and for whatever speaks X's API.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from structlog.typing import FilteringBoundLogger

from botkit.errors import UserError, XError
from botkit.events import Event, User
from botkit.network.client import Client
from botkit.x.calls import account_activity, activity, users, webhooks
from botkit.x.calls.webhooks import Webhook
from botkit.x.subscriptions import event_types_for

__all__ = ["Connected", "connect"]

T = TypeVar("T")

#: marks the subscriptions that botkit made as its own
TAG = "botkit"


@dataclass(frozen=True, slots=True)
class Connected:
    """The bot's account, and how its events come.

    :param subscribed: how many subscriptions were made; 0 when all were there.
    """

    account: User
    webhook_id: str
    subscribed: int


async def connect(
    client: Client,
    *,
    url: str,
    delivery: Literal["activity", "account_activity"],
    events: Collection[type[Event]],
    log: FilteringBoundLogger,
) -> Connected:
    """Register ``url`` as webhook (or validate the one that is there) and subscribe the account's events.

    :param events: the event classes that some handler wants.
    :raises UserError: X refused; the message says what was asked and X's own words.
    """
    account = await _asked("whose account this is", client.do(users.me()))
    there = await _asked("for the list of webhooks", client.do(webhooks.list_webhooks()))
    webhook_id = await _webhook(client, url, there, log)
    if delivery == "account_activity":
        made = await _subscribe_all(client, webhook_id, account.id)
    else:
        alive = {webhook.id for webhook in there}
        made = await _Types(client, webhook_id, account.id, alive, log).subscribe(events)
    log.info("connected", account=account.username, webhook=webhook_id, subscriptions_made=made)
    return Connected(account, webhook_id, made)


async def _webhook(client: Client, url: str, there: Sequence[Webhook], log: FilteringBoundLogger) -> str:
    """The id of a valid webhook for the URL. Looked for first: X answers a second one with its limit."""
    for webhook in there:
        if webhook.url == url:
            if not webhook.valid:
                await _validate(client, webhook)
                log.info("webhook_validated", webhook=webhook.id)
            return webhook.id
    try:
        made = await client.do(webhooks.create_webhook(url))
    except XError as error:
        if error.kind == "WebhookLimitExceeded" and there:
            taken = ", ".join(f"{webhook.url} (id {webhook.id})" for webhook in there)
            raise UserError(
                f"X takes no further webhook, so {url} can't be registered; "
                f"delete the one that is there at X, or use its address: {taken}"
            ) from error
        raise _refused(f"to register {url}", error) from error
    log.info("webhook_registered", webhook=made.id, url=url)
    return made.id


async def _validate(client: Client, webhook: Webhook) -> None:
    """Have X challenge the webhook again, and see that it is valid then: not every answer of X's says so."""
    what = f"to validate webhook {webhook.id}"
    valid = await _asked(what, client.do(webhooks.validate_webhook(webhook.id)))
    if valid is None:
        listed = await _asked("for the list of webhooks", client.do(webhooks.list_webhooks()))
        valid = any(each.valid for each in listed if each.id == webhook.id)
    if not valid:
        raise UserError(
            f"X still holds webhook {webhook.id} for invalid; see that {webhook.url} reaches this bot"
        )


async def _subscribe_all(client: Client, webhook_id: str, account_id: str) -> int:
    """Subscribe everything of the account, unless it is; how many subscriptions were made."""
    if await _asked("what is subscribed", client.do(account_activity.check(webhook_id), account_id)):
        return 0
    what = f"to subscribe account {account_id}"
    if not await _asked(what, client.do(account_activity.subscribe(webhook_id), account_id)):
        raise UserError(
            f"X did not subscribe account {account_id} to webhook {webhook_id}, and does not say why"
        )
    return 1


@dataclass(frozen=True, slots=True)
class _Types:
    """Subscriptions of single event types: of one account, to one webhook.

    :param alive: the ids of all webhooks that were there.
    """

    client: Client
    webhook_id: str
    account_id: str
    alive: Collection[str]
    log: FilteringBoundLogger

    async def subscribe(self, events: Collection[type[Event]]) -> int:
        """Subscribe what is missing; how many subscriptions were made."""
        there = {
            each.event_type: each
            for each in await self._listed()
            # one for a single direction brings only a part, and does not keep X from making the whole one
            if each.user_id == self.account_id and not each.direction
        }
        made = 0
        for kind in event_types_for(events):
            found = there.get(kind)
            if found is None:
                made += await self._make(kind)
            elif found.webhook_id != self.webhook_id:
                await self._move(found)
        return made

    async def _make(self, kind: str) -> int:
        call = activity.create_subscription(
            kind, user_id=self.account_id, tag=TAG, webhook_id=self.webhook_id
        )
        done = await _asked(
            f"to subscribe {kind} of account {self.account_id}", self.client.do(call, self.account_id)
        )
        return 0 if done.duplicate else 1

    async def _move(self, found: activity.Subscription) -> None:
        """X makes no second subscription of the same events: point the one that is there at our webhook,
        unless another bot may be using it.
        """
        if found.webhook_id in self.alive:
            raise UserError(
                f"{found.event_type} of account {self.account_id} is subscribed to another webhook, "
                f"{found.webhook_id}; delete subscription {found.id} at X, or that webhook"
            )
        call = activity.update_subscription(found.id, webhook_id=self.webhook_id)
        await _asked(f"to move subscription {found.id} to webhook {self.webhook_id}", self.client.do(call))
        self.log.info("subscription_moved", event_type=found.event_type, webhook=self.webhook_id)

    async def _listed(self) -> list[activity.Subscription]:
        found: list[activity.Subscription] = []
        page = ""
        while True:
            answer = await _asked(
                "for the list of subscriptions", self.client.do(activity.list_subscriptions(page=page))
            )
            found += answer.subscriptions
            page = answer.next_token
            if not page:
                return found


async def _asked(what: str, answer: Awaitable[T]) -> T:
    try:
        return await answer
    except XError as error:
        raise _refused(what, error) from error


def _refused(what: str, error: XError) -> UserError:
    did = "refused when asked" if error.status else "could not be asked"
    return UserError(f"X {did} {what}: {error}")
