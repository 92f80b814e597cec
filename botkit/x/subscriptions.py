"""Which of X's event types bring which event, and who may subscribe to them.

An XAA subscription is one event type for one account; account activity has one for everything. Where a post
could come by two types (a reply that also mentions), both are one event: see `botkit.x.parse.posts`.

Source: X docs, activity/introduction and activity/event-payloads, X's OpenAPI description; where they
disagree on credentials, every kind that one of them names is listed, the most likely first.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from botkit.events import (
    Block,
    BroadcastChat,
    BroadcastEnded,
    BroadcastStarted,
    ChatMessage,
    DirectMessage,
    DirectMessageRead,
    DirectMessageSent,
    Event,
    Follow,
    Like,
    Mention,
    Mute,
    NewsPublished,
    Post,
    PostDeleted,
    ProfileUpdated,
    Quote,
    ReplayFinished,
    Reply,
    Repost,
    Revoked,
    SpaceEnded,
    SpaceStarted,
    Typing,
    Unblock,
    Unfollow,
    Unmute,
)
from botkit.x.wire import Auth

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "ACCOUNT_ACTIVITY_EVENTS",
    "EVENT_TYPES",
    "PROFILE_EVENT_TYPES",
    "Access",
    "access_to",
    "event_types_for",
]

#: What X tells of a changed profile: one type for each of its parts.
PROFILE_EVENT_TYPES: tuple[str, ...] = tuple(
    f"profile.update.{part}"
    for part in (
        "bio",
        "profile_picture",
        "banner_picture",
        "screenname",
        "handle",
        "geo",
        "url",
        "verified_badge",
        "affiliate_badge",
    )
)

#: The event types that bring each event. `Revoked` and `ReplayFinished` come without a subscription.
EVENT_TYPES: Mapping[type[Event], tuple[str, ...]] = MappingProxyType(
    {
        DirectMessage: ("dm.received",),
        DirectMessageSent: ("dm.sent",),
        DirectMessageRead: ("dm.read",),
        Typing: ("dm.indicate_typing",),
        ChatMessage: ("chat.received", "chat.sent"),
        Post: ("post.create",),
        PostDeleted: ("post.delete",),
        Mention: ("post.mention.create",),
        Reply: ("post.reply.create",),
        Quote: ("post.quote.create",),
        Repost: ("post.repost.create",),
        Like: ("like.create",),
        Follow: ("follow.follow",),
        Unfollow: ("follow.unfollow",),
        Mute: ("mute.mute",),
        Unmute: ("mute.unmute",),
        Block: ("block.block",),
        Unblock: ("block.unblock",),
        ProfileUpdated: PROFILE_EVENT_TYPES,
        SpaceStarted: ("spaces.start",),
        SpaceEnded: ("spaces.end",),
        BroadcastStarted: ("broadcast.start",),
        BroadcastEnded: ("broadcast.end",),
        BroadcastChat: ("broadcast.chat",),
        NewsPublished: ("news.new",),
        Revoked: (),
        ReplayFinished: (),
    }
)

#: What account activity's one subscription brings.
ACCOUNT_ACTIVITY_EVENTS: frozenset[type[Event]] = frozenset(
    {
        DirectMessage,
        DirectMessageSent,
        DirectMessageRead,
        Typing,
        Post,
        PostDeleted,
        Mention,
        Reply,
        Quote,
        Repost,
        Like,
        Follow,
        Unfollow,
        Mute,
        Unmute,
        Block,
        Unblock,
        Revoked,
        ReplayFinished,
    }
)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may subscribe to an event type.

    :param auth: the credential kinds to try, in this order; user tokens must be the subscribed account's.
    :param scopes: what an OAuth 2.0 token must have been granted.
    :param private: X documents it as needing the account's consent.
    """

    auth: tuple[Auth, ...]
    scopes: tuple[str, ...]
    private: bool


_PUBLIC = (
    "post.create",
    "post.delete",
    "profile.update.",
    "spaces.",
    "broadcast.start",
    "broadcast.end",
    "news.",
)
_SCOPES = (
    ("dm.", "dm.read"),
    ("chat.", "dm.read"),
    ("like.", "like.read"),
    ("mute.", "mute.read"),
    ("block.", "block.read"),
    ("broadcast.chat", "broadcast.read"),
)


def access_to(event_type: str) -> Access:
    """Who may subscribe to an event type; unknown ones are taken for private.

    Reports contradict each other on which kind works for private types: try them in order, and say which did.
    """
    private = not event_type.startswith(_PUBLIC)
    scope = next((scope for prefix, scope in _SCOPES if event_type.startswith(prefix)), "tweet.read")
    user = (Auth.OAUTH2_USER, Auth.OAUTH1_USER)
    return Access((*user, Auth.APP) if private else (Auth.APP, *user), (scope,), private)


def event_types_for(wanted: Iterable[type[Event]]) -> tuple[str, ...]:
    """The event types that bring these events, each once; a base class stands for all events below it.

    `Event` itself and `UnknownEvent` bring nothing by themselves: what is not known can't be subscribed to.
    """
    classes = tuple(each for each in wanted if each is not Event)
    return tuple(
        dict.fromkeys(
            event_type
            for event, event_types in EVENT_TYPES.items()
            if issubclass(event, classes)
            for event_type in event_types
        )
    )
