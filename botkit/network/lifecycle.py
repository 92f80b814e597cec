"""Makes the webhook and the subscriptions at X so as the bot needs them.

What is wanted is compared with what is there; only what is missing is made, and nothing is removed.
Everything goes through `botkit.network.client`, so it is the same for X and for whatever speaks X's API.
"""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from dataclasses import dataclass
from typing import Literal, TypeVar

from structlog.typing import FilteringBoundLogger

from botkit.errors import UserError, XError
from botkit.events import Event, User
from botkit.network.client import Client
from botkit.x.calls import account_activity, activity, users, webhooks
from botkit.x.subscriptions import event_types_for

__all__ = ["Connected", "connect"]

T = TypeVar("T")

#: marks the subscriptions that botkit made as its own
TAG = "botkit"


@dataclass(frozen=True, slots=True)
class Connected:
    """The bot's account, and how its events come."""

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
    webhook_id = await _webhook(client, url, log)
    if delivery == "account_activity":
        subscribed = await _subscribe_all(client, webhook_id, account.id)
    else:
        subscribed = await _subscribe_types(client, webhook_id, account.id, events)
    log.info("connected", account=account.username, webhook=webhook_id, subscriptions_made=subscribed)
    return Connected(account, webhook_id, subscribed)


async def _webhook(client: Client, url: str, log: FilteringBoundLogger) -> str:
    """The id of a valid webhook for the URL. Listed first: X answers a second registration with its limit."""
    for webhook in await _asked("for the list of webhooks", client.do(webhooks.list_webhooks())):
        if webhook.url == url:
            if not webhook.valid:
                await _asked(
                    f"to validate webhook {webhook.id}", client.do(webhooks.validate_webhook(webhook.id))
                )
                log.info("webhook_validated", webhook=webhook.id)
            return webhook.id
    made = await _asked(f"to register {url}", client.do(webhooks.create_webhook(url)))
    log.info("webhook_registered", webhook=made.id, url=url)
    return made.id


async def _subscribe_all(client: Client, webhook_id: str, account_id: str) -> int:
    call = account_activity.subscribe(webhook_id)
    await _asked(f"to subscribe account {account_id}", client.do(call, account_id))
    return 1


async def _subscribe_types(
    client: Client, webhook_id: str, account_id: str, events: Collection[type[Event]]
) -> int:
    there = {
        subscription.event_type
        for subscription in await _subscriptions(client)
        if subscription.webhook_id == webhook_id and subscription.user_id == account_id
    }
    missing = [kind for kind in event_types_for(events) if kind not in there]
    for kind in missing:
        call = activity.create_subscription(kind, user_id=account_id, tag=TAG, webhook_id=webhook_id)
        await _asked(f"to subscribe {kind} of account {account_id}", client.do(call, account_id))
    return len(missing)


async def _subscriptions(client: Client) -> list[activity.Subscription]:
    found: list[activity.Subscription] = []
    page = ""
    while True:
        call = activity.list_subscriptions(page=page)
        answer = await _asked("for the list of subscriptions", client.do(call))
        found += answer.subscriptions
        page = answer.next_token
        if not page:
            return found


async def _asked(what: str, answer: Awaitable[T]) -> T:
    try:
        return await answer
    except XError as error:
        raise UserError(f"X refused when asked {what}: {error}") from error
