"""What happens in the simulated world, as facts; `wire_v1` and `wire_v2` turn them into X's two formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from botkit.simulator.things import Message, Post

__all__ = [
    "Activity",
    "LikeMade",
    "MessageSent",
    "MessagesRead",
    "PostCreated",
    "PostRemoved",
    "ProfileChanged",
    "Relation",
    "RelationChanged",
    "TypingShown",
    "Withdrawn",
]

Relation = Literal["follow", "unfollow", "mute", "unmute", "block", "unblock"]


@dataclass(frozen=True, slots=True)
class MessageSent:
    """A one-to-one message was sent."""

    message: Message


@dataclass(frozen=True, slots=True)
class TypingShown:
    """Someone types a message to someone."""

    sender_id: str
    recipient_id: str
    at: float


@dataclass(frozen=True, slots=True)
class MessagesRead:
    """``sender_id`` has read what ``recipient_id`` wrote, up to a message."""

    sender_id: str
    recipient_id: str
    last_read_id: str
    at: float


@dataclass(frozen=True, slots=True)
class PostCreated:
    """A post, reply, quote or repost was made."""

    post: Post


@dataclass(frozen=True, slots=True)
class PostRemoved:
    """A post was deleted by its author."""

    post: Post
    at: float


@dataclass(frozen=True, slots=True)
class LikeMade:
    """``user_id`` liked a post; ``id`` has 32 hex digits."""

    id: str
    user_id: str
    post: Post
    at: float


@dataclass(frozen=True, slots=True)
class RelationChanged:
    """A follow, mute or block began or ended."""

    kind: Relation
    source_id: str
    target_id: str
    at: float


@dataclass(frozen=True, slots=True)
class ProfileChanged:
    """A part of a profile changed; ``part`` is X's word for it."""

    user_id: str
    part: str
    before: str
    after: str
    at: float


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A user took the app's access away."""

    user_id: str
    at: float


Activity = (
    MessageSent
    | TypingShown
    | MessagesRead
    | PostCreated
    | PostRemoved
    | LikeMade
    | RelationChanged
    | ProfileChanged
    | Withdrawn
)
