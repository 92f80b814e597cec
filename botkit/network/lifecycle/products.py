"""The five deliveries, as the calls that manage each: webhooks, subscriptions, replay.

Source: X docs, webhooks/quickstart, account-activity/quickstart, X's enterprise page (removed 2026-05-04) and
premium reference (removed before).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

from botkit.x.calls import account_activity, account_activity_v11, webhooks
from botkit.x.calls.account_activity import SubscriptionCount
from botkit.x.calls.webhooks import ReplayJob, Webhook
from botkit.x.wire import Call

__all__ = ["Delivery", "Product", "Replays", "WebhookCalls", "WholeCalls", "product_of"]

Delivery = Literal["activity", "activity_stream", "account_activity", "premium", "enterprise"]

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class WebhookCalls:
    """How webhooks are managed. ``validate`` may answer whether the webhook is valid, or nothing."""

    list_all: Callable[[], Call[tuple[Webhook, ...]]]
    create: Callable[[str], Call[Webhook]]
    validate: Callable[[str], Call[Any]]
    delete: Callable[[str], Call[Any]]


@dataclass(frozen=True, slots=True)
class WholeCalls:
    """How accounts are subscribed with everything: each takes the webhook's id first, but ``count``."""

    check: Callable[[str], Call[bool]]
    subscribe: Callable[[str], Call[bool]]
    users: Callable[[str], Call[tuple[str, ...]]]
    unsubscribe: Callable[[str, str], Call[bool]]
    count: Callable[[], Call[SubscriptionCount]]


@dataclass(frozen=True, slots=True)
class Replays:
    """How X is asked to deliver again.

    :param ask: takes the webhook's id and two times.
    :param reach_s: how long ago the earliest may be.
    """

    ask: Callable[[str, datetime, datetime], Call[ReplayJob]]
    reach_s: float


@dataclass(frozen=True, slots=True)
class Product:
    """One delivery.

    :param webhooks: ``None`` where there is no webhook: the stream.
    :param whole: ``None`` where each event type is subscribed by itself: the X Activity API.
    :param replays: ``None`` where X has no replay: premium, and the stream, which has backfill.
    """

    delivery: Delivery
    webhooks: WebhookCalls | None
    whole: WholeCalls | None
    replays: Replays | None


_V2_WEBHOOKS = WebhookCalls(
    webhooks.list_webhooks, webhooks.create_webhook, webhooks.validate_webhook, webhooks.delete_webhook
)
# X's page for v2 says 24 hours in its text and five days in a title: the shorter one holds for both.
_V2_REPLAYS = Replays(webhooks.replay, _DAY_S)


def product_of(delivery: Delivery, environment: str = "") -> Product:
    """The product behind ``x.delivery``.

    :param environment: premium's, as ``x.environment``.
    """
    if delivery == "activity":
        return Product(delivery, _V2_WEBHOOKS, None, _V2_REPLAYS)
    if delivery == "activity_stream":
        return Product(delivery, None, None, None)
    if delivery == "account_activity":
        whole = WholeCalls(
            account_activity.check,
            account_activity.subscribe,
            account_activity.subscribed_users,
            account_activity.unsubscribe,
            account_activity.count,
        )
        return Product(delivery, _V2_WEBHOOKS, whole, _V2_REPLAYS)
    v11 = account_activity_v11
    named = environment if delivery == "premium" else ""
    return Product(
        delivery,
        WebhookCalls(
            partial(v11.list_webhooks, environment=named),
            partial(v11.create_webhook, environment=named),
            partial(v11.validate_webhook, environment=named),
            partial(v11.delete_webhook, environment=named),
        ),
        WholeCalls(
            partial(v11.check, environment=named),
            partial(v11.subscribe, environment=named),
            partial(v11.subscribed_users, environment=named),
            lambda webhook_id, user_id: v11.unsubscribe(user_id, webhook_id, environment=named),
            partial(v11.count, environment=named),
        ),
        None if delivery == "premium" else Replays(v11.replay, 5 * _DAY_S),
    )
