"""Actions: what a bot does to X, as stored facts that the sender carries out later.

A handler queues them through `botkit.bot.Bot`; they are written with the turn and leave when X's limits
allow. An action knows the call that carries it out, whom it is about (the unit of order in the outbox), and
whether it matters enough to become a dead letter when X refuses it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import msgspec

from botkit.errors import ActionRefused
from botkit.events import QuickReplyOption
from botkit.media import Attachment, Place, check_together
from botkit.x.calls import dm, dm_v11, posts, users
from botkit.x.calls.dm_v11 import Button
from botkit.x.calls.posts import NO_DETAILS, PostDetails
from botkit.x.text import DM_LIMIT, LONG_POST_LIMIT, POST_LIMIT
from botkit.x.wire import Call

__all__ = [
    "Action",
    "Block",
    "CreatePost",
    "DeleteDirectMessage",
    "DeletePost",
    "Follow",
    "HideReply",
    "Like",
    "MarkRead",
    "Mute",
    "Queued",
    "Repost",
    "SendDirectMessage",
    "ShowTyping",
    "StartGroup",
    "Unblock",
    "Unfollow",
    "Unlike",
    "Unmute",
    "Unrepost",
    "decode",
    "encode",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(ABC):
    """Something to be done once, as one account."""

    #: its name in the store and in ``botkit inbox``
    kind: ClassVar[str]
    #: when X refuses it, drop it with a log line instead of keeping a dead letter
    best_effort: ClassVar[bool] = False

    @property
    @abstractmethod
    def target(self) -> str:
        """The user or post it is about: actions with one target keep their order."""

    @abstractmethod
    def call(self, account_id: str) -> Call[Any]:
        """The request that carries it out.

        :raises ActionRefused: X's documented limits forbid it as it is.
        """

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """What must be uploaded before it can be carried out."""
        return ()

    #: where attachments go
    place: ClassVar[Place] = "dm"

    def with_uploads(self, media_ids: tuple[str, ...]) -> Action:
        """The action with its attachments uploaded, in their order."""
        return self


#: stands for an upload that is still to be made, while an action is checked
_TO_COME = "0"


def _one_of(media_id: str, media: Attachment | None) -> str:
    check_together((media,) if media else (), "dm", others=1 if media_id else 0)
    return _TO_COME if media else media_id


@dataclass(frozen=True, slots=True, kw_only=True)
class SendDirectMessage(Action):
    """Send a direct message to one user, or into a conversation (a group) when its id is given."""

    kind: ClassVar[str] = "dm.send"
    to: str = ""
    conversation_id: str = ""
    text: str = ""
    media_id: str = ""
    options: tuple[QuickReplyOption, ...] = ()
    buttons: tuple[Button, ...] = ()
    media: Attachment | None = None

    @property
    def target(self) -> str:
        return self.to or self.conversation_id

    @property
    def is_rich(self) -> bool:
        """It needs X's v1.1 API, which not every package has."""
        return bool(self.options or self.buttons)

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return (self.media,) if self.media else ()

    def with_uploads(self, media_ids: tuple[str, ...]) -> Action:
        return replace(self, media_id=media_ids[0], media=None) if media_ids else self

    def plain(self) -> SendDirectMessage:
        """The same in words: options and buttons as lines of the text, for X's v2 API."""
        lines = [
            f"• {option.label}: {option.description}" if option.description else f"• {option.label}"
            for option in self.options
        ]
        lines += [f"{button.label}: {button.url}" for button in self.buttons]
        text = "\n".join([self.text, "", *lines] if self.text else lines) if lines else self.text
        return replace(self, text=text, options=(), buttons=())

    def call(self, account_id: str) -> Call[Any]:
        media_id = _one_of(self.media_id, self.media)
        if self.is_rich:
            if not self.to:
                raise ActionRefused("options and buttons go to one person, not to a group")
            if len(self.plain().text) > DM_LIMIT:
                raise ActionRefused(f"a direct message holds {DM_LIMIT} characters, with what it offers")
            return dm_v11.send_rich(
                self.to, self.text, options=self.options, buttons=self.buttons, media_id=media_id
            )
        if self.conversation_id:
            return dm.send_to_conversation(self.conversation_id, self.text, media_id=media_id)
        return dm.send(self.to, self.text, media_id=media_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartGroup(Action):
    """Open a group conversation with its first message."""

    kind: ClassVar[str] = "dm.start_group"
    user_ids: tuple[str, ...]
    text: str = ""
    media_id: str = ""
    media: Attachment | None = None

    @property
    def target(self) -> str:
        return "groups"

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        return (self.media,) if self.media else ()

    def with_uploads(self, media_ids: tuple[str, ...]) -> Action:
        return replace(self, media_id=media_ids[0], media=None) if media_ids else self

    def call(self, account_id: str) -> Call[Any]:
        return dm.start_group(self.user_ids, self.text, media_id=_one_of(self.media_id, self.media))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteDirectMessage(Action):
    """Delete one of the account's own messages from its view of the conversation."""

    kind: ClassVar[str] = "dm.delete"
    message_id: str

    @property
    def target(self) -> str:
        return self.message_id

    def call(self, account_id: str) -> Call[Any]:
        return dm.delete_message(self.message_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowTyping(Action):
    """Show that the account is typing, for about three seconds."""

    kind: ClassVar[str] = "dm.typing"
    best_effort: ClassVar[bool] = True
    to: str

    @property
    def target(self) -> str:
        return self.to

    def call(self, account_id: str) -> Call[Any]:
        return dm_v11.typing(self.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRead(Action):
    """Tell the sender that everything up to ``message_id`` was read."""

    kind: ClassVar[str] = "dm.mark_read"
    best_effort: ClassVar[bool] = True
    sender_id: str
    message_id: str

    @property
    def target(self) -> str:
        return self.sender_id

    def call(self, account_id: str) -> Call[Any]:
        return dm_v11.mark_read(self.sender_id, self.message_id)


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
            media_ids=(*self.media_ids, *(_TO_COME for _ in self.media)),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _AboutUser(Action):
    user_id: str

    @property
    def target(self) -> str:
        return self.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(_AboutUser):
    """Follow a user."""

    kind: ClassVar[str] = "user.follow"

    def call(self, account_id: str) -> Call[Any]:
        return users.follow(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfollow(_AboutUser):
    """Stop following a user."""

    kind: ClassVar[str] = "user.unfollow"

    def call(self, account_id: str) -> Call[Any]:
        return users.unfollow(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute(_AboutUser):
    """Mute a user."""

    kind: ClassVar[str] = "user.mute"

    def call(self, account_id: str) -> Call[Any]:
        return users.mute(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmute(_AboutUser):
    """Unmute a user."""

    kind: ClassVar[str] = "user.unmute"

    def call(self, account_id: str) -> Call[Any]:
        return users.unmute(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(_AboutUser):
    """Block a user (X: enterprise only)."""

    kind: ClassVar[str] = "user.block"

    def call(self, account_id: str) -> Call[Any]:
        return users.block(account_id, self.user_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblock(_AboutUser):
    """Unblock a user (X: enterprise only)."""

    kind: ClassVar[str] = "user.unblock"

    def call(self, account_id: str) -> Call[Any]:
        return users.unblock(account_id, self.user_id)


_KINDS: dict[str, type[Action]] = {
    cls.kind: cls
    for cls in (
        SendDirectMessage,
        StartGroup,
        DeleteDirectMessage,
        ShowTyping,
        MarkRead,
        CreatePost,
        DeletePost,
        Like,
        Unlike,
        Repost,
        Unrepost,
        HideReply,
        Follow,
        Unfollow,
        Mute,
        Unmute,
        Block,
        Unblock,
    )
}


class Queued(msgspec.Struct, frozen=True):
    """An action as the outbox holds it: whose it is, and which handler asked for it.

    :param on_unknown: what becomes of it when nobody can know whether it was carried out: ``hold``,
        ``resend`` or ``drop``; empty leaves it to bot.yaml.
    """

    account_id: str
    handler: str
    action: Action
    on_unknown: str = ""


class _Stored(msgspec.Struct, omit_defaults=True):
    account: str
    handler: str
    kind: str
    args: msgspec.Raw
    on_unknown: str = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Stored)
_read_args = {kind: msgspec.json.Decoder(cls) for kind, cls in _KINDS.items()}


def encode(queued: Queued) -> bytes:
    """The stored form of an action."""
    action = queued.action
    args = msgspec.Raw(_encoder.encode(action))
    return _encoder.encode(_Stored(queued.account_id, queued.handler, action.kind, args, queued.on_unknown))


def decode(payload: bytes) -> Queued:
    """The action whose stored form this is.

    :raises msgspec.ValidationError: it was not written by `encode` of this or an older version.
    """
    stored = _decoder.decode(payload)
    read = _read_args.get(stored.kind)
    if read is None:
        raise msgspec.ValidationError(f"unknown action {stored.kind!r}")
    return Queued(stored.account, stored.handler, read.decode(stored.args), stored.on_unknown)
