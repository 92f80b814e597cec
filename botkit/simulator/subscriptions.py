"""Who gets what: Account Activity subscriptions (all of a user) and X Activity ones (one event type each).

Source: X docs, account-activity/quickstart, activity/quickstart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botkit.simulator.problems import ApiError, duplicate_subscription, named_failure
from botkit.simulator.wire_v2 import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from botkit.simulator.ids import Snowflakes
    from botkit.simulator.rules import Rules

__all__ = ["ActivitySubscription", "Subscriptions"]


@dataclass(slots=True)
class ActivitySubscription:
    """One event type with one filter, delivered to one webhook."""

    id: str
    event_type: str
    filter: dict[str, str]
    created_at: float
    updated_at: float
    tag: str = ""
    webhook_id: str = ""

    def public(self) -> dict[str, Any]:
        """As X lists it."""
        made: dict[str, Any] = {
            "subscription_id": self.id,
            "event_type": self.event_type,
            "filter": dict(self.filter),
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        }
        if self.tag:
            made["tag"] = self.tag
        if self.webhook_id:
            made["webhook_id"] = self.webhook_id
        return made


@dataclass(slots=True)
class Subscriptions:
    """All subscriptions of the app.

    :param life_s: they end by themselves at this age; ``None``: never.
    """

    rules: Rules
    ids: Snowflakes
    clock: Callable[[], float]
    life_s: float | None = None
    #: webhook id → subscribed user ids, in order
    accounts: dict[str, dict[str, None]] = field(default_factory=dict)
    _since: dict[tuple[str, str], float] = field(default_factory=dict)
    activity: dict[str, ActivitySubscription] = field(default_factory=dict)
    _by_event: dict[tuple[str, str], list[ActivitySubscription]] = field(default_factory=dict)

    # -- Account Activity --------------------------------------------------------------------------------

    def subscribe(self, webhook_id: str, user_id: str, *, limit: int, among: Collection[str]) -> None:
        """Send everything of a user to a webhook.

        :param limit: how many subscriptions the webhooks ``among`` which it is may have together.
        :raises ApiError: DuplicateSubscriptionFailed or SubscriptionLimitExceeded.
        """
        users = self.accounts.setdefault(webhook_id, {})
        if user_id in users:
            raise named_failure("DuplicateSubscriptionFailed", "Subscription already exists")
        if self.account_count(among) >= limit:
            raise named_failure("SubscriptionLimitExceeded", "no further subscription is allowed")
        users[user_id] = None
        self._since[webhook_id, user_id] = self.clock()

    def unsubscribe(self, webhook_id: str, user_id: str) -> None:
        """End it.

        :raises ApiError: SubscriptionNotFound.
        """
        if user_id not in self.accounts.get(webhook_id, {}):
            raise named_failure("SubscriptionNotFound", "this user is not subscribed")
        del self.accounts[webhook_id][user_id]

    def account_count(self, among: Collection[str]) -> int:
        """How many Account Activity subscriptions these webhooks have."""
        return sum(len(users) for webhook_id, users in self.accounts.items() if webhook_id in among)

    # -- X Activity --------------------------------------------------------------------------------------

    def add(
        self, event_type: str, wanted: dict[str, str], *, tag: str, webhook_id: str
    ) -> ActivitySubscription:
        """Subscribe to one event type.

        :raises ApiError: the same event and filter exist, or the limit is reached.
        """
        known = self._by_event.setdefault((event_type, wanted.get("user_id", "")), [])
        if any(other.filter == wanted for other in known):
            raise duplicate_subscription()
        if len(self.activity) >= self.rules.activity_limit:
            raise named_failure("SubscriptionLimitExceeded", "no further subscription is allowed")
        now = self.clock()
        made = ActivitySubscription(self.ids.next(), event_type, wanted, now, now, tag, webhook_id)
        self.activity[made.id] = made
        known.append(made)
        return made

    def get(self, subscription_id: str) -> ActivitySubscription:
        """One X Activity subscription.

        :raises ApiError: SubscriptionNotFound, 404.
        """
        if subscription_id not in self.activity:
            missing = named_failure("SubscriptionNotFound", "no subscription of this app has this id")
            raise ApiError(404, missing.body)
        return self.activity[subscription_id]

    def remove(self, subscription_id: str) -> None:
        """End one.

        :raises ApiError: SubscriptionNotFound, 404.
        """
        gone = self.get(subscription_id)
        del self.activity[subscription_id]
        self._by_event[gone.event_type, gone.filter.get("user_id", "")].remove(gone)

    def matching(self, event_type: str, user_id: str, direction: str) -> list[ActivitySubscription]:
        """Who asked for this event."""
        return [
            one
            for one in self._by_event.get((event_type, user_id), ())
            if not direction or one.filter.get("direction", direction) == direction
        ]

    # -- both --------------------------------------------------------------------------------------------

    def tidy(self) -> None:
        """End what has reached its age."""
        if self.life_s is None:
            return
        oldest = self.clock() - self.life_s
        for pair in [pair for pair, since in self._since.items() if since <= oldest]:
            del self._since[pair]
            self.accounts.get(pair[0], {}).pop(pair[1], None)
        for one in [one for one in self.activity.values() if one.created_at <= oldest]:
            self.remove(one.id)

    def drop_webhook(self, webhook_id: str) -> None:
        """A webhook is gone, and its subscriptions with it."""
        self.accounts.pop(webhook_id, None)
        for one in [one for one in self.activity.values() if one.webhook_id == webhook_id]:
            self.remove(one.id)

    def drop_user(self, user_id: str) -> None:
        """A user took the app's access away, and the subscriptions end."""
        for users in self.accounts.values():
            users.pop(user_id, None)
        for one in [one for one in self.activity.values() if one.filter.get("user_id") == user_id]:
            self.remove(one.id)
