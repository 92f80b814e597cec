"""Which events a way of delivery can never bring, and why.

Source: X docs, account-activity/introduction (what account activity's one subscription brings),
activity/introduction (event types, keywords of news), webhooks and activity/activity-stream (replay is a
webhook's; the stream has backfill instead).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botkit.events import Event, NewsPublished, ReplayFinished, UnknownEvent
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
    scopes: Collection[str] | None = None,
) -> str:
    """Why an event can never come this way, in one line with the fix; ``""`` when it can.

    :param delivery: as ``x.delivery`` in bot.yaml.
    :param keywords: those that news are asked for.
    :param scopes: what the account's OAuth 2.0 token was granted; ``None`` where it signs with OAuth 1.0a,
        whose permission is not known before X is asked.
    """
    if event in {Event, UnknownEvent}:
        return ""
    if event is ReplayFinished:
        if delivery == "activity_stream":
            return "a stream has no replay; missed minutes come with the next connection"
        return "premium has no replay" if delivery == "premium" else ""
    if delivery in WHOLE:
        if event in ACCOUNT_ACTIVITY_EVENTS:
            return ""
        return "the Account Activity API does not have it; delivery: activity has"
    if event is NewsPublished and not keywords:
        return "news come by keyword; write them under x.keywords"
    return _scope_missing(event, scopes)


def _scope_missing(event: type[Event], scopes: Collection[str] | None) -> str:
    if scopes is None:
        return ""
    lacking = {
        scope
        for event_type in event_types_for([event])
        if (access := access_to(event_type)).private
        for scope in access.scopes
        if scope not in scopes
    }
    if not lacking:
        return ""
    return f"the account did not grant {' and '.join(sorted(lacking))}; sign it in again"
