"""What a person can do at X by hand: look at webhooks and subscriptions, change them, have X replay.

All arguments go by name; all answers are plain data.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from botkit.control.server import Operation
from botkit.errors import UserError, XError
from botkit.keeping.gaps import Gaps
from botkit.network.client import Client
from botkit.network.lifecycle import TAG, Connected, Product, list_subscriptions
from botkit.network.lifecycle.asking import asked, refused
from botkit.network.lifecycle.products import WebhookCalls, WholeCalls
from botkit.network.lifecycle.webhook import is_quota
from botkit.network.replay import Span
from botkit.x.calls import activity
from botkit.x.calls.webhooks import Webhook

__all__ = ["AtX", "operations"]


@dataclass(frozen=True, slots=True)
class AtX:
    """What the operations work on.

    :param where: the address at which X reaches the bot; ``""`` when bot.yaml names none.
    :param account_id: the bot's own account, where it is known.
    :param make_so: makes webhook and subscriptions as bot.yaml and the plugins want them.
    """

    client: Client
    product: Product
    where: Callable[[], str]
    account_id: str
    gaps: Gaps
    make_so: Callable[[], Awaitable[Connected]]

    @property
    def url(self) -> str:
        """The address at which X reaches the bot, or ``""``."""
        return self.where()

    @property
    def webhooks(self) -> WebhookCalls:
        """How webhooks are managed.

        :raises UserError: there are none with this delivery.
        """
        if self.product.webhooks is None:
            raise UserError(f"delivery: {self.product.delivery} has no webhook")
        return self.product.webhooks


def operations(at_x: AtX) -> Mapping[str, Operation]:
    """Everything that can be asked, by name."""
    return {
        "webhook.list": partial(_webhooks, at_x),
        "webhook.add": partial(_add_webhook, at_x),
        "webhook.check": partial(_check_webhook, at_x),
        "webhook.remove": partial(_remove_webhook, at_x),
        "subscription.list": partial(_subscriptions, at_x),
        "subscription.add": partial(_add_subscription, at_x),
        "subscription.remove": partial(_remove_subscription, at_x),
        "subscription.count": partial(_count, at_x),
        "replay": partial(_replay, at_x),
    }


# -- webhooks ------------------------------------------------------------------------------------------------


async def _listed(at_x: AtX) -> tuple[Webhook, ...]:
    return await asked("for the list of webhooks", at_x.client.do(at_x.webhooks.list_all()))


async def _webhooks(at_x: AtX) -> dict[str, Any]:
    return {"webhooks": [_shown(at_x, each) for each in await _listed(at_x)], "wanted": at_x.url}


def _shown(at_x: AtX, webhook: Webhook) -> dict[str, Any]:
    return {
        "id": webhook.id,
        "url": webhook.url,
        "valid": webhook.valid,
        "created_at": webhook.created_at.isoformat() if webhook.created_at else None,
        "ours": bool(at_x.url) and webhook.url == at_x.url,
    }


async def _add_webhook(at_x: AtX, *, url: str = "") -> dict[str, Any]:
    url = url or at_x.url
    if not url:
        raise UserError("which address? name one, or set server.public_url in bot.yaml")
    if not urlsplit(url).hostname:
        raise UserError(f"{url} is no address that X could call, such as https://bot.example.com/webhook")
    try:
        made = await at_x.client.do(at_x.webhooks.create(url))
    except XError as error:
        line = refused(f"to register {url}", error, "webhook")
        if is_quota(error) or error.kind == "DuplicateUrlFailed":
            raise UserError(f"{line}; look at those that are there: botkit webhook list") from error
        raise line from error
    return _shown(at_x, made)


async def _check_webhook(at_x: AtX, *, webhook_id: str = "") -> dict[str, Any]:
    found = await _found(at_x, webhook_id)
    call = at_x.webhooks.validate(found.id)
    await asked(f"to validate webhook {found.id}", at_x.client.do(call), "webhook")
    for each in await _listed(at_x):
        if each.id == found.id:
            if not each.valid:
                raise UserError(
                    f"X still holds webhook {each.id} for invalid; see that {each.url} reaches the bot"
                )
            return _shown(at_x, each)
    raise UserError(f"webhook {found.id} is gone")


async def _remove_webhook(at_x: AtX, *, webhook_id: str) -> dict[str, Any]:
    found = await _found(at_x, webhook_id)
    await asked(f"to delete webhook {found.id}", at_x.client.do(at_x.webhooks.delete(found.id)), "webhook")
    return _shown(at_x, found)


async def _found(at_x: AtX, webhook_id: str) -> Webhook:
    there = await _listed(at_x)
    if webhook_id:
        matching = [each for each in there if webhook_id in {each.id, each.url}]
    else:
        matching = [each for each in there if each.url == at_x.url] or list(there)
    if len(matching) == 1:
        return matching[0]
    known = ", ".join(f"{each.id} ({each.url})" for each in there) or "none"
    what = f"no webhook {webhook_id} at X" if webhook_id else "name the webhook"
    raise UserError(f"{what}; there: {known}")


# -- subscriptions -------------------------------------------------------------------------------------------


async def _subscriptions(at_x: AtX) -> dict[str, Any]:
    if at_x.product.whole is not None:
        webhook, calls = await _ours(at_x)
        users = await asked("for the list of subscriptions", at_x.client.do(calls.users(webhook.id)))
        return {
            "subscriptions": [
                {"event_type": "everything", "user_id": user_id, "webhook_id": webhook.id, "ours": True}
                for user_id in users
            ]
        }
    return {
        "subscriptions": [
            {
                "id": each.id,
                "event_type": each.event_type,
                "user_id": each.user_id,
                "keyword": each.keyword,
                "direction": each.direction,
                "tag": each.tag,
                "webhook_id": each.webhook_id,
                "ours": each.tag == TAG,
            }
            for each in await list_subscriptions(at_x.client)
        ]
    }


async def _ours(at_x: AtX) -> tuple[Webhook, WholeCalls]:
    if at_x.product.whole is None:
        raise UserError(f"delivery: {at_x.product.delivery} has no subscription for everything")
    return await _found(at_x, ""), at_x.product.whole


async def _add_subscription(
    at_x: AtX, *, event_type: str = "", user_id: str = "", keyword: str = ""
) -> dict[str, Any]:
    """All that bot.yaml and the plugins want, or one event type."""
    if not event_type:
        done = await at_x.make_so()
        return {
            "made": done.subscribed,
            "moved": done.moved,
            "removed": done.removed,
            "problems": [problem.line for problem in done.problems],
        }
    user_id = "" if keyword else user_id or at_x.account_id
    if at_x.product.whole is not None:
        raise UserError(f"delivery: {at_x.product.delivery} subscribes everything; leave the event type out")
    webhook_id = ""
    if at_x.product.webhooks is not None:
        webhook_id = (await _found(at_x, "")).id
    call = activity.create_subscription(event_type, user_id=user_id, keyword=keyword, webhook_id=webhook_id)
    # Without our tag: what a person adds by hand is theirs, and stays when no plugin needs it.
    made = await asked(f"to subscribe {event_type}", at_x.client.do(call, user_id))
    return {"made": 0 if made.duplicate else 1, "moved": 0, "removed": 0, "problems": []}


async def _remove_subscription(at_x: AtX, *, which: str) -> dict[str, Any]:
    if at_x.product.whole is not None:
        webhook, calls = await _ours(at_x)
        what = f"to end the subscription of account {which}"
        still = await asked(what, at_x.client.do(calls.unsubscribe(webhook.id, which)))
        if still:
            raise UserError(f"X did not end the subscription of account {which}, and does not say why")
        return {"removed": which}
    deleted = await asked(
        f"to delete subscription {which}", at_x.client.do(activity.delete_subscription(which))
    )
    if not deleted:
        raise UserError(f"X did not delete subscription {which}, and does not say why")
    return {"removed": which}


async def _count(at_x: AtX) -> dict[str, Any]:
    if at_x.product.whole is not None:
        counted = await asked("how many are subscribed", at_x.client.do(at_x.product.whole.count()))
        return {"subscriptions": counted.active, "of": counted.provisioned}
    page = await asked("for the list of subscriptions", at_x.client.do(activity.list_subscriptions()))
    total = page.total
    if total is None or page.next_token:
        total = len(await list_subscriptions(at_x.client))
    return {"subscriptions": total, "of": None}


# -- replay --------------------------------------------------------------------------------------------------


async def _replay(at_x: AtX, *, start: float, end: float) -> dict[str, Any]:
    """Unix seconds."""
    if start >= end:
        raise UserError("a replay begins before it ends: --from is not before --to")
    return await at_x.gaps.by_hand(Span(start, end))
