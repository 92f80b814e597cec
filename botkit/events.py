"""What happened on X, as typed, frozen facts.

Every event is a dataclass: immutable, compared by value, without a client. ``account_id`` is the connected
account that it happened to; ``at`` is an aware UTC time. Ids are strings (X's numbers pass 2**53). ``raw`` is
X's own JSON for the event, for what is not modelled here. Texts are decoded (no HTML escapes) and never part
of ``repr()``, so that a logged event can't leak a message.

``by_us`` says that the account itself did it (from any client): X reports both directions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

import msgspec

__all__ = [
    "Block",
    "BroadcastChat",
    "BroadcastEnded",
    "BroadcastStarted",
    "ChatMessage",
    "DirectMessage",
    "DirectMessageRead",
    "DirectMessageSent",
    "Event",
    "Follow",
    "Like",
    "Link",
    "Location",
    "Media",
    "Mention",
    "Mute",
    "NewsPublished",
    "Post",
    "PostDeleted",
    "PostEvent",
    "ProfileUpdated",
    "QuickReplyOption",
    "Quote",
    "ReplayFinished",
    "Reply",
    "Repost",
    "Revoked",
    "SpaceEnded",
    "SpaceStarted",
    "Typing",
    "Unblock",
    "Unfollow",
    "UnknownEvent",
    "Unmute",
    "User",
]

# What a person writes about themselves: as little part of a log as their messages.
_OWN_WORDS = frozenset({"description", "location", "url", "image_url"})
_EMPTY: Mapping[str, Any] = MappingProxyType({})


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person or account on X, as far as the event tells; often only the id is known.

    ``username`` is the handle without @, ``name`` the display name (the handle, or the id, where X sent none,
    so that ``{event.sender.name}`` always reads). Immutable and compared by value, as events are; it is a
    `msgspec.Struct`, cheap to make, so `msgspec.structs.replace` makes a changed one.
    """

    id: str
    username: str = ""
    name: str = ""
    protected: bool = False
    verified: bool = False
    description: str = ""
    location: str = ""
    url: str = ""
    image_url: str = ""
    followers: int | None = None
    following: int | None = None
    posts: int | None = None
    created_at: datetime | None = None

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name not in _OWN_WORDS]

    def __repr__(self) -> str:
        return f"User({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A picture, video or GIF that comes with a message or post."""

    id: str = ""
    kind: Literal["photo", "video", "gif", "unknown"] = "photo"
    url: str = field(default="", repr=False)
    alt_text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A place shared in a direct message, degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A URL in a text: as it stands there (X's short form) and where it leads."""

    url: str
    expanded_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickReplyOption:
    """One of the answers that a direct message offered."""

    label: str
    description: str = ""
    metadata: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every event has.

    :param id: unique per subscribed account and stable when X delivers it again.
    :param account_id: the connected account; ``""`` when the payload names none (news, end of a replay).
    :param at: when it happened, aware UTC; X's time where it gives one, else when botkit received it.
    :param by_us: the account itself did it.
    """

    id: str
    account_id: str = ""
    at: datetime
    by_us: bool = False
    raw: Mapping[str, Any] = field(default_factory=lambda: _EMPTY, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Message(Event):
    message_id: str
    sender: User
    recipient: User
    text: str = field(default="", repr=False)
    media: tuple[Media, ...] = ()
    links: tuple[Link, ...] = ()
    location: Location | None = None
    app_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectMessage(_Message):
    """Someone sent the account an unencrypted direct message.

    ``quick_reply`` is the metadata of the option that was tapped (``""`` when X sent none), ``None`` when the
    message is no tap on an option.
    """

    quick_reply: str | None = None
    from_welcome_message_id: str = ""
    from_post_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectMessageSent(_Message):
    """The account sent a direct message, from any client.

    ``by_bot`` is true for what this bot sent, false for what the owner typed by hand; the engine knows, the
    payload does not.
    """

    options: tuple[QuickReplyOption, ...] = ()
    by_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectMessageRead(Event):
    """``sender`` has read everything up to ``last_read_message_id``."""

    sender: User
    recipient: User
    last_read_message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(Event):
    """``sender`` is typing a direct message."""

    sender: User
    recipient: User


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMessage(Event):
    """An encrypted message (XChat) was received or, with ``by_us``, sent. botkit can't read it."""

    message_id: str
    conversation_id: str
    sender: User


@dataclass(frozen=True, slots=True, kw_only=True)
class PostEvent(Event):
    """What all events about a post have. The flags say what else is true of it besides the event's type."""

    post_id: str
    author: User
    text: str = field(default="", repr=False)
    lang: str = ""
    conversation_id: str = ""
    in_reply_to_post_id: str = ""
    in_reply_to_user_id: str = ""
    quoted_post_id: str = ""
    reposted_post_id: str = ""
    mentions: tuple[User, ...] = ()
    hashtags: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    media: tuple[Media, ...] = ()
    #: the account has blocked the author; ``None`` when X did not say
    author_blocked: bool | None = None

    @property
    def sender(self) -> User:
        """The author, under the name that direct messages use."""
        return self.author

    @property
    def is_reply(self) -> bool:
        """The post answers another post."""
        return bool(self.in_reply_to_post_id)

    @property
    def is_quote(self) -> bool:
        """The post quotes another post."""
        return bool(self.quoted_post_id)

    @property
    def is_repost(self) -> bool:
        """The post repeats another post."""
        return bool(self.reposted_post_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Post(PostEvent):
    """The account itself posted: an original, a reply, a quote or a repost (see the flags).

    ``by_bot`` is true for what this bot posted.
    """

    by_bot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply(PostEvent):
    """Someone replied to a post of the account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention(PostEvent):
    """Someone wrote @account in a post."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repost(PostEvent):
    """Someone reposted a post of the account (``reposted_post_id``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote(PostEvent):
    """Someone quoted a post of the account (``quoted_post_id``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostDeleted(Event):
    """The account deleted a post; stored copies must go within 24 hours (X's policy)."""

    post_id: str
    author: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Like(Event):
    """``user`` liked ``post_id``. Where X does not say who, ``user.id`` is ``""``."""

    user: User
    post_id: str
    post_author: User
    post_text: str = field(default="", repr=False)

    @property
    def sender(self) -> User:
        """Who liked, under the name that direct messages use."""
        return self.user


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relation(Event):
    source: User
    target: User

    @property
    def sender(self) -> User:
        """Who did it (``source``), under the name that direct messages use."""
        return self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(_Relation):
    """``source`` followed ``target``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollow(_Relation):
    """``source`` unfollowed ``target``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(_Relation):
    """``source`` blocked ``target``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblock(_Relation):
    """``source`` unblocked ``target``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute(_Relation):
    """``source`` muted ``target``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmute(_Relation):
    """``source`` unmuted ``target``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked(Event):
    """``user_id`` withdrew the app's access: its tokens are dead, its subscription has ended."""

    user_id: str
    app_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileUpdated(Event):
    """A part of the account's profile changed.

    ``part`` is X's word for it: bio, profile_picture, banner_picture, screenname, handle, geo, url,
    verified_badge, affiliate_badge.
    """

    part: str
    before: str = field(default="", repr=False)
    after: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live(Event):
    user: User
    broadcast_id: str
    title: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceStarted(_Live):
    """The account opened a Space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceEnded(_Live):
    """The account's Space ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastStarted(_Live):
    """The account went live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastEnded(_Live):
    """The account's broadcast ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastChat(Event):
    """Someone wrote in the account's live broadcast."""

    broadcast_id: str
    message_id: str
    sender: User
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsPublished(Event):
    """A news story that matches a keyword subscription."""

    story_id: str
    keyword: str = ""
    title: str = field(default="", repr=False)
    category: str = ""
    summary: str = field(default="", repr=False)
    hook: str = field(default="", repr=False)
    post_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayFinished(Event):
    """A replay job of X's has ended; a new one may start."""

    job_id: str
    webhook_id: str = ""
    complete: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent(Event):
    """Something X sent that botkit does not know yet; ``kind`` is X's name for it, ``raw`` all of it."""

    kind: str
