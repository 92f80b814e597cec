"""Turns what happens in the world into bodies for everybody who subscribed to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.activity import (
    Activity,
    LikeMade,
    MessageSent,
    MessagesRead,
    PostCreated,
    PostRemoved,
    RelationChanged,
    TypingShown,
    Withdrawn,
)
from botkit.simulator.delivery import Courier, Parcel, encode
from botkit.simulator.wire_v1 import account_activity_body
from botkit.simulator.wire_v2 import Notice, activity_notices

if TYPE_CHECKING:
    import random

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.streams import Streams
    from botkit.simulator.subscriptions import ActivitySubscription, Subscriptions
    from botkit.simulator.usage import Usage
    from botkit.simulator.webhooks import Webhooks
    from botkit.simulator.world import World

__all__ = ["Publisher"]


class Publisher:
    """Gives every activity to the courier, once for each subscription that asked for it."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        world: World,
        webhooks: Webhooks,
        subscriptions: Subscriptions,
        courier: Courier,
        streams: Streams,
        usage: Usage,
        rng: random.Random,
    ) -> None:
        self._config, self._world, self._webhooks = config, world, webhooks
        self._subscriptions, self._courier, self._streams = subscriptions, courier, streams
        self._usage, self._rng = usage, rng

    def publish(self, activity: Activity) -> None:
        """Deliver an activity to all who subscribed to it."""
        self._subscriptions.tidy()
        self._to_accounts(activity)
        if isinstance(activity, Withdrawn):
            self._revoked(activity)
            return
        for notice in activity_notices(activity, self._world, self._config):
            for one in self._subscriptions.matching(notice.event_type, notice.user_id, notice.direction):
                self._to_activity(notice, one, activity)

    def raw(self, body: bytes) -> int:
        """Deliver any bytes to every webhook and return how many there are."""
        hooks = self._webhooks.all()
        for hook in hooks:
            self._courier.send(Parcel(webhook=hook, body=body, event="raw"))
        return len(hooks)

    def _to_accounts(self, activity: Activity) -> None:
        for webhook_id, users in self._subscriptions.accounts.items():
            hook = self._webhooks.find(webhook_id)
            for user_id in users if hook else ():
                body = account_activity_body(activity, user_id, self._world, self._config)
                if body is None or hook is None:
                    continue
                self._usage.count(len(body.get("tweet_create_events", ())))
                self._courier.send(
                    Parcel(
                        webhook=hook,
                        body=encode(body),
                        event=next(key for key in body if key.endswith(("_events", "user_event"))),
                        lane=_lane(activity, user_id),
                        question=_question(activity, user_id),
                    )
                )

    def _to_activity(self, notice: Notice, one: ActivitySubscription, activity: Activity) -> None:
        body = encode(self._activity_body(notice, one))
        # an open stream gets every event, also one that goes to a webhook
        self._streams.send(body, notice.event_type)
        if notice.event_type.startswith("post."):
            self._usage.count(1)
        hook = self._webhooks.find(one.webhook_id)
        if hook is None:
            return
        self._courier.send(
            Parcel(
                webhook=hook,
                body=body,
                event=notice.event_type,
                lane=_lane(activity, notice.user_id),
                question=_question(activity, notice.user_id) if notice.direction == "inbound" else None,
            )
        )

    def _activity_body(self, notice: Notice, one: ActivitySubscription | None) -> dict[str, Any]:
        wanted = dict(one.filter) if one else {}
        if notice.shows_direction:
            wanted["direction"] = notice.direction
        data: dict[str, Any] = {
            "event_uuid": notice.event_uuid or str(self._rng.getrandbits(64) - (1 << 63)),
            "filter": wanted,
            "event_type": notice.event_type,
        }
        if one and one.tag:
            data["tag"] = one.tag
        data["payload"] = notice.payload
        if notice.includes is not None:
            data["includes"] = notice.includes
        return {"data": data}

    def _revoked(self, activity: Withdrawn) -> None:
        """X reports a revocation without a subscription to it; then the user's subscriptions end."""
        mine = [
            one
            for one in self._subscriptions.activity.values()
            if one.filter.get("user_id") == activity.user_id
        ]
        hooks = [self._webhooks.find(one.webhook_id) for one in mine]
        for notice in activity_notices(activity, self._world, self._config) if mine else ():
            body = encode(self._activity_body(notice, None))
            self._streams.send(body, notice.event_type)
            for hook in {hook.id: hook for hook in hooks if hook is not None}.values():
                self._courier.send(Parcel(webhook=hook, body=body, event=notice.event_type))
        self._subscriptions.drop_user(activity.user_id)


def _question(activity: Activity, user_id: str) -> tuple[str, str] | None:
    if isinstance(activity, MessageSent) and activity.message.recipient_id == user_id:
        return user_id, activity.message.sender_id
    return None


def _lane(activity: Activity, user_id: str) -> str:
    """The account and the other one: what should arrive in order."""
    ids: tuple[str, ...]
    match activity:
        case MessageSent(message):
            ids = (message.sender_id, message.recipient_id)
        case TypingShown(sender, recipient) | MessagesRead(sender, recipient):
            ids = (sender, recipient)
        case PostCreated(post) | PostRemoved(post):
            ids = (post.author_id,)
        case LikeMade(_, liker, post):
            ids = (liker, post.author_id)
        case RelationChanged(_, source, target):
            ids = (source, target)
        case _:
            ids = ()
    other = next((one for one in ids if one != user_id), user_id)
    return f"{user_id}:{other}"
