"""What a bot does with posts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from botkit.actions.base import TO_COME, Action
from botkit.media import Attachment, Place, check_together
from botkit.x.calls import posts
from botkit.x.calls.posts import NO_DETAILS, PostDetails
from botkit.x.text import LONG_POST_LIMIT, POST_LIMIT
from botkit.x.wire import Call

__all__ = ["CreatePost", "DeletePost", "HideReply", "Like", "Repost", "Unlike", "Unrepost"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatePost(Action):
    """Publish a post; a reply when ``reply_to`` is a post's id, a quote when ``quote`` is.

    With ``then`` it begins a thread: whoever carries it out queues the next part, as a reply to what it made.
    """

    kind: ClassVar[str] = "post.create"
    place: ClassVar[Place] = "tweet"
    text: str = ""
    reply_to: str = ""
    quote: str = ""
    media_ids: tuple[str, ...] = ()
    #: whom it answers: keeps the order of what is said to one person
    to: str = ""
    #: the account may post up to 25,000 characters
    long: bool = False
    media: tuple[Attachment, ...] = ()
    #: the parts of the thread that follow
    then: tuple[str, ...] = ()
    #: which part of a thread it is, from 1
    part: int = 1
    #: what else X is told of it
    details: PostDetails = NO_DETAILS

    @property
    def target(self) -> str:
        return self.to or self.reply_to or self.quote or "posts"

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return self.media

    def with_uploads(self, media_ids: tuple[str, ...]) -> Action:
        return replace(self, media_ids=(*self.media_ids, *media_ids), media=())

    def next_part(self, post_id: str) -> CreatePost:
        """What follows in the thread, once this one is the post with that id."""
        return CreatePost(
            text=self.then[0],
            reply_to=post_id,
            to=self.to,
            long=self.long,
            then=self.then[1:],
            part=self.part + 1,
            details=self.details,
        )

    def call(self, account_id: str) -> Call[Any]:
        check_together(self.media, "tweet", others=len(self.media_ids))
        return posts.create_post(
            self.text,
            reply_to=self.reply_to,
            quote=self.quote,
            media_ids=(*self.media_ids, *(TO_COME for _ in self.media)),
            details=self.details,
            limit=LONG_POST_LIMIT if self.long else POST_LIMIT,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _AboutPost(Action):
    post_id: str

    @property
    def target(self) -> str:
        return self.post_id


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePost(_AboutPost):
    """Delete one of the account's own posts."""

    kind: ClassVar[str] = "post.delete"

    def call(self, account_id: str) -> Call[Any]:
        return posts.delete_post(self.post_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Like(_AboutPost):
    """Like a post."""

    kind: ClassVar[str] = "post.like"

    def call(self, account_id: str) -> Call[Any]:
        return posts.like(account_id, self.post_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike(_AboutPost):
    """Take a like back."""

    kind: ClassVar[str] = "post.unlike"

    def call(self, account_id: str) -> Call[Any]:
        return posts.unlike(account_id, self.post_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repost(_AboutPost):
    """Repost a post."""

    kind: ClassVar[str] = "post.repost"

    def call(self, account_id: str) -> Call[Any]:
        return posts.repost(account_id, self.post_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrepost(_AboutPost):
    """Take a repost back."""

    kind: ClassVar[str] = "post.unrepost"

    def call(self, account_id: str) -> Call[Any]:
        return posts.unrepost(account_id, self.post_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class HideReply(_AboutPost):
    """Hide a reply to one of the account's posts."""

    kind: ClassVar[str] = "post.hide"

    def call(self, account_id: str) -> Call[Any]:
        return posts.hide_reply(self.post_id)
