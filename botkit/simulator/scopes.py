"""OAuth 2.0 scopes: what each lets an app do, in X's words, and the sets that calls need.

Source: X spec, ``securitySchemes`` and the ``security`` of each operation; ``users.email`` is in the docs.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BASIC", "EVERYTHING", "SCOPES", "event_scope", "scopes"]

SCOPES: Mapping[str, str] = MappingProxyType(
    {
        "tweet.read": "View all posts you can see, including those from protected accounts.",
        "tweet.write": "Create and repost on your behalf.",
        "tweet.moderate.write": "Hide and unhide replies to your posts.",
        "users.read": "View any account you can see, including protected accounts.",
        "users.email": "See your e-mail address.",
        "follows.read": "View accounts you follow and accounts following you.",
        "follows.write": "Follow and unfollow accounts on your behalf.",
        "offline.access": "Request a refresh token for the app.",
        "space.read": "View all Spaces you have access to.",
        "mute.read": "View accounts you have muted.",
        "mute.write": "Mute and unmute accounts on your behalf.",
        "like.read": "View Posts you have liked and likes you can see.",
        "like.write": "Like and unlike Posts on your behalf.",
        "list.read": "View Lists, members, and followers of Lists you created or are a member of.",
        "list.write": "Create and manage Lists on your behalf.",
        "block.read": "View accounts you have blocked.",
        "block.write": "Block and unblock accounts on your behalf.",
        "bookmark.read": "Read your bookmarked Posts.",
        "bookmark.write": "Create and delete your bookmarks.",
        "dm.read": "Read all your Direct Messages.",
        "dm.write": "Send and manage your Direct Messages.",
        "media.write": "Upload media, such as photos and videos, on your behalf.",
        "broadcast.read": "View your live broadcasts and their chat.",
        "broadcast.write": "Manage your live broadcasts and send chat messages on your behalf.",
        "timeline.read": "View all Custom Timelines you can see.",
    }
)

EVERYTHING: frozenset[str] = frozenset(SCOPES)
#: what almost every call needs
BASIC: frozenset[str] = frozenset({"tweet.read", "users.read"})

_EVENT_SCOPES = (
    ("chat.", "dm.read"),
    ("dm.", "dm.read"),
    ("like.", "like.read"),
    ("mute.", "mute.read"),
    ("block.", "block.read"),
    ("broadcast.chat", "broadcast.read"),
)


def scopes(*names: str) -> frozenset[str]:
    """These scopes and the two that go with almost every call."""
    return BASIC | frozenset(names)


def event_scope(event_type: str) -> str:
    """The scope that a subscription to an event type needs (Source: X spec; docs for ``broadcast.chat``)."""
    return next(
        (scope for start, scope in _EVENT_SCOPES if event_type.startswith(start)),
        "tweet.read",
    )
