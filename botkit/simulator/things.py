"""The things of the simulated X: people, messages, posts."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Content", "Message", "NotAllowed", "Post", "User", "content_of", "conversation_id"]


class NotAllowed(Exception):
    """The world's rules forbid it; ``str()`` says which one."""


@dataclass(slots=True)
class User:
    """A person or account."""

    id: str
    username: str
    name: str
    created_at: float
    dms_open: bool = True
    protected: bool = False
    profile: dict[str, str] = field(default_factory=dict)
    followers: int = 0
    following: int = 0
    posts: int = 0
    likes: int = 0


@dataclass(slots=True)
class Message:
    """A direct message; ``recipient_id`` is empty in a group.

    ``app_id`` is the app that sent it, empty when a person typed it. ``quick_reply`` is the metadata of the
    option that was tapped. ``hidden_for`` are those who deleted it for themselves.
    """

    id: str
    conversation_id: str
    sender_id: str
    recipient_id: str
    text: str
    at: float
    app_id: str = ""
    media_id: str = ""
    media_url: str = ""
    options: tuple[dict[str, str], ...] = ()
    ctas: tuple[dict[str, str], ...] = ()
    quick_reply: str | None = None
    hidden_for: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Post:
    """A post. ``prefix`` holds the mentions that X puts in front of a reply by itself."""

    id: str
    author_id: str
    text: str
    at: float
    conversation_id: str
    prefix: str = ""
    in_reply_to_id: str = ""
    quoted_id: str = ""
    reposted_id: str = ""
    app_id: str = ""
    media_ids: tuple[str, ...] = ()
    hidden: bool = False

    @property
    def full_text(self) -> str:
        """The text with the mentions in front."""
        return self.prefix + self.text


#: text, media ids, the post answered, the post quoted
Content = tuple[str, tuple[str, ...], str, str]


def content_of(post: Post) -> Content:
    """What makes a post a duplicate of another."""
    return post.text.strip(), post.media_ids, post.in_reply_to_id, post.quoted_id


def conversation_id(one: str, other: str) -> str:
    """The id of a one-to-one conversation: the smaller id first (Source: X docs, direct-messages)."""
    low, high = sorted((one, other), key=int)
    return f"{low}-{high}"
