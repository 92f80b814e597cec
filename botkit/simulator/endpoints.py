"""Every call that the simulated X answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botkit.simulator import (
    oauth1,
    oauth2,
    rest_dm,
    rest_lists,
    rest_media,
    rest_posts,
    rest_streams,
    rest_subscriptions,
    rest_users,
    rest_v1,
    rest_v1_activity,
    rest_webhooks,
    usage,
    welcome,
)

if TYPE_CHECKING:
    from botkit.simulator.endpoint import Endpoint

__all__ = ["ENDPOINTS"]

#: the first whose path fits answers
ENDPOINTS: tuple[Endpoint, ...] = (
    *rest_dm.ENDPOINTS,
    *rest_posts.ENDPOINTS,
    *rest_users.ENDPOINTS,
    *rest_lists.ENDPOINTS,
    *rest_media.ENDPOINTS,
    *rest_webhooks.ENDPOINTS,
    *rest_subscriptions.ENDPOINTS,
    *rest_streams.ENDPOINTS,
    *usage.ENDPOINTS,
    *rest_v1.ENDPOINTS,
    *rest_v1_activity.ENDPOINTS,
    *welcome.ENDPOINTS,
    *oauth1.ENDPOINTS,
    *oauth2.ENDPOINTS,
)
