"""Direct messages, v1.1: quick replies, buttons, typing and read receipts, which v2 does not have.

Self-serve apps are answered 403 with code 453; enterprise and legacy access may still work.

Source: X's v1.1 direct message reference (2018 to 2021).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botkit.errors import ActionRefused
from botkit.x.calls.answers import nothing, object_in, required, unreadable
from botkit.x.calls.dm import SentMessage, conversation_of
from botkit.x.text import DM_LIMIT
from botkit.x.values import ident, obj
from botkit.x.wire import Auth, Call, Request, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botkit.events import QuickReplyOption

__all__ = ["Button", "mark_read", "message_data", "send_rich", "typing"]

MAX_OPTIONS, MAX_LABEL, MAX_DESCRIPTION, MAX_METADATA, MAX_BUTTONS = 20, 36, 72, 1_000, 3
_URL = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Button:
    """A link shown as a button below a message."""

    label: str
    url: str


def send_rich(
    recipient_id: str,
    text: str,
    *,
    options: Sequence[QuickReplyOption] = (),
    buttons: Sequence[Button] = (),
    media_id: str = "",
) -> Call[SentMessage]:
    """Send a message with answers to tap on, buttons, or a medium.

    :raises ActionRefused: what X's documented limits don't allow.
    """
    data = message_data(text, options=options, buttons=buttons, media_id=media_id)
    target = {"recipient_id": required(recipient_id, "the recipient")}
    body = {"event": {"type": "message_create", "message_create": {"target": target, "message_data": data}}}
    return Call(
        "dm.send_rich",
        Request.with_json("POST", "/1.1/direct_messages/events/new.json", body),
        (Auth.OAUTH1_USER,),
        "dm_send_v11",
        _sent,
    )


def message_data(
    text: str,
    *,
    options: Sequence[QuickReplyOption] = (),
    buttons: Sequence[Button] = (),
    media_id: str = "",
) -> dict[str, Any]:
    """What a rich message holds, as v1.1 writes it.

    :raises ActionRefused: what X's documented limits don't allow.
    """
    if not text and not media_id:
        raise ActionRefused("a direct message needs a text or a medium")
    if len(text) > DM_LIMIT:
        msg = f"a direct message takes {DM_LIMIT} characters, this one has {len(text)}"
        raise ActionRefused(msg)
    data: dict[str, Any] = {"text": text}
    if options:
        _check_options(options)
        data["quick_reply"] = {"type": "options", "options": [_option(each) for each in options]}
    if buttons:
        _check_buttons(buttons)
        data["ctas"] = [{"type": "web_url", "label": each.label, "url": each.url} for each in buttons]
    if media_id:
        data["attachment"] = {"type": "media", "media": {"id": media_id}}
    return data


def _check_options(options: Sequence[QuickReplyOption]) -> None:
    if len(options) > MAX_OPTIONS:
        msg = f"a message takes {MAX_OPTIONS} options, not {len(options)}"
        raise ActionRefused(msg)
    for number, option in enumerate(options, start=1):
        if not 1 <= len(option.label) <= MAX_LABEL:
            msg = f"option {number}: a label has 1 to {MAX_LABEL} characters, not {len(option.label)}"
            raise ActionRefused(msg)
        if _URL.search(option.label):
            raise ActionRefused(f"option {number}: a label can't hold a URL; use a button")
        if len(option.description) > MAX_DESCRIPTION:
            msg = f"option {number}: a description has at most {MAX_DESCRIPTION} characters"
            raise ActionRefused(msg)
        if len(option.metadata) > MAX_METADATA:
            msg = f"option {number}: metadata has at most {MAX_METADATA} characters"
            raise ActionRefused(msg)
    if len({bool(option.description) for option in options}) > 1:
        raise ActionRefused("give all options a description, or none")


def _option(option: QuickReplyOption) -> dict[str, str]:
    members = {"label": option.label, "description": option.description, "metadata": option.metadata}
    return {name: value for name, value in members.items() if value}


def _check_buttons(buttons: Sequence[Button]) -> None:
    if len(buttons) > MAX_BUTTONS:
        msg = f"a message takes {MAX_BUTTONS} buttons, not {len(buttons)}"
        raise ActionRefused(msg)
    for number, button in enumerate(buttons, start=1):
        if not 1 <= len(button.label) <= MAX_LABEL:
            msg = f"button {number}: a label has 1 to {MAX_LABEL} characters, not {len(button.label)}"
            raise ActionRefused(msg)
        if not _URL.match(button.url):
            raise ActionRefused(f"button {number}: its address must start with https:// or http://")


def _sent(response: Response) -> SentMessage:
    event = object_in(response, "event")
    message_id = ident(event, "id")
    if not message_id:
        raise unreadable(response, wrote=True)
    create = obj(event, "message_create")
    sender, recipient = ident(create, "sender_id"), ident(obj(create, "target"), "recipient_id")
    return SentMessage(conversation_of(sender, recipient) if sender and recipient else "", message_id)


def typing(recipient_id: str) -> Call[None]:
    """Show that the account is typing, for about three seconds."""
    form = (("recipient_id", required(recipient_id, "the recipient")),)
    return Call(
        "dm.typing",
        Request.with_form("POST", "/1.1/direct_messages/indicate_typing.json", form),
        (Auth.OAUTH1_USER,),
        "typing",
        nothing,
        safe=True,
    )


def mark_read(recipient_id: str, message_id: str) -> Call[None]:
    """Tell the other that everything up to a message was read."""
    form = (
        ("last_read_event_id", required(message_id, "the message")),
        ("recipient_id", required(recipient_id, "the recipient")),
    )
    return Call(
        "dm.mark_read",
        Request.with_form("POST", "/1.1/direct_messages/mark_read.json", form),
        (Auth.OAUTH1_USER,),
        "mark_read",
        nothing,
        safe=True,
    )
