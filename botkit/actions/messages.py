"""What a bot does in direct messages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from botkit.actions.base import TO_COME, Action
from botkit.errors import ActionRefused
from botkit.events import QuickReplyOption
from botkit.media import Attachment, check_together
from botkit.x.calls import dm, dm_v11
from botkit.x.calls.dm_v11 import Button
from botkit.x.text import DM_LIMIT
from botkit.x.wire import Call

__all__ = ["DeleteDirectMessage", "MarkRead", "SendDirectMessage", "ShowTyping", "StartGroup"]


def _one_of(media_id: str, media: Attachment | None) -> str:
    check_together((media,) if media else (), "dm", others=1 if media_id else 0)
    return TO_COME if media else media_id


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
