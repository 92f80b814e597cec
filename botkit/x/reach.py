"""Which events a way of delivery can never bring, and why.

Source: X docs, account-activity/introduction (what account activity's one subscription brings),
activity/introduction (event types, keywords of news), webhooks and activity/activity-stream (replay is a
webhook's; the stream has backfill instead).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botkit.events import Event, NewsPublished, ReplayFinished, UnknownEvent
from botkit.x.calls import account_activity
from botkit.x.subscriptions import ACCOUNT_ACTIVITY_EVENTS, access_to, event_types_for

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["WHOLE", "why_never"]

#: deliveries with one subscription for everything of an account
WHOLE = frozenset({"account_activity", "premium", "enterprise"})


def why_never(
    event: type[Event],
    delivery: str,
    *,
    keywords: Collection[str] = (),
    granted: Collection[Collection[str]] | None = None,
) -> str:
    """Why an event can never come this way, in one line with the fix; ``""`` when it can.

    :param delivery: as ``x.delivery`` in bot.yaml.
    :param keywords: those that news are asked for.
    :param granted: the scopes of each account's OAuth 2.0 token; ``None`` where some account signs with OAuth
        1.0a, whose permission is not known before X is asked.
    """
    if event in {Event, UnknownEvent}:
        return ""
    if event is ReplayFinished:
        if delivery == "activity_stream":
            return "a stream has no replay; missed minutes come with the next connection"
        return "premium has no replay" if delivery == "premium" else ""
    if delivery in WHOLE:
        if event in ACCOUNT_ACTIVITY_EVENTS:
            return _scope_missing(_of_the_one_subscription(event, delivery), granted)
        return "the Account Activity API does not have it; delivery: activity has"
    if event is NewsPublished and not keywords:
        return "news come by keyword; write them under x.keywords"
    return _scope_missing(_of_its_subscriptions(event), granted)


def _of_its_subscriptions(event: type[Event]) -> set[str]:
    accesses = map(access_to, event_types_for([event]))
    return {scope for access in accesses if access.private for scope in access.scopes}


def _of_the_one_subscription(event: type[Event], delivery: str) -> set[str]:
    if delivery != "account_activity" or not event_types_for([event]):
        return set()  # v1.1 takes OAuth 1.0a only; what needs no subscription needs no scope
    return set(account_activity.subscribe("0").scopes)


def _scope_missing(needed: set[str], granted: Collection[Collection[str]] | None) -> str:
    if not granted:
        return ""
    lacking = min((needed.difference(scopes) for scopes in granted), key=len)
    if not lacking:
        return ""
    scopes = " and ".join(sorted(lacking))
    if len(granted) == 1:
        return f"the account did not grant {scopes}; let it sign in again at /connect"
    return f"no account granted {scopes}; let one sign in again at /connect"
