"""Rich direct messages, typing and read receipts: v1.1.

Source: X's v1.1 direct message reference (2018-2021); not part of the documentation of 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import OAUTH1
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import ApiError, v1_error
from botkit.simulator.rest_dm import check_media, deliver
from botkit.simulator.wire_v1 import message_event
from botkit.x.text import DM_LIMIT

if TYPE_CHECKING:
    from botkit.simulator.things import User

__all__ = ["ENDPOINTS", "check_package"]

_OPTIONS = 20
_CTAS = 3
_LABEL = 36
_DESCRIPTION = 72
_METADATA = 1000


async def send(parts: Parts, call: Call) -> Answer:
    """``POST /1.1/direct_messages/events/new.json``."""
    check_package(parts)
    create = _member(_member(call.body, "event"), "message_create")
    data = _member(create, "message_data")
    recipient = parts.world.users.get(str(_member(create, "target").get("recipient_id", "")))
    text = data.get("text", "")
    if not isinstance(text, str) or not (text or "attachment" in data):
        raise _bad("message_data.text is required")
    if len(text) > DM_LIMIT:
        raise v1_error(403, 354, "The text of your direct message is over the max character limit.")
    if recipient is None or not recipient.dms_open:
        raise v1_error(403, 349, "You cannot send messages to this user.")
    media_id = ""
    if "attachment" in data:
        media_id = str(_member(_member(data, "attachment"), "media").get("id", ""))
        if not media_id.isdecimal():
            raise _bad("attachment.media.id is no media id")
        _check_media(parts, call, media_id)
    try:
        message = deliver(
            parts,
            parts.me(call),
            recipient,
            text,
            options=_options(data),
            ctas=_ctas(data),
            media_id=media_id,
            media_url=parts.media.address(media_id) if media_id else "",
        )
    except ApiError as refused:
        if refused.status == 403:
            raise v1_error(403, 349, "You cannot send messages to this user.") from None
        raise
    app = {"id": parts.config.app_id, "name": parts.config.app_name, "url": "https://example.com"}
    return Answer({"event": message_event(message, parts.world), "apps": {parts.config.app_id: app}})


async def typing(parts: Parts, call: Call) -> Answer:
    """``POST /1.1/direct_messages/indicate_typing.json``: shows for about 3 seconds."""
    check_package(parts)
    recipient = _recipient(parts, call)
    parts.world.show_typing(parts.me(call), recipient)
    return Answer()


async def mark_read(parts: Parts, call: Call) -> Answer:
    """``POST /1.1/direct_messages/mark_read.json``."""
    check_package(parts)
    recipient, last = _recipient(parts, call), _parameter(call, "last_read_event_id")
    if last not in parts.world.messages:
        raise _bad("last_read_event_id is no message")
    parts.world.mark_read(parts.me(call), recipient, last)
    return Answer()


def _check_media(parts: Parts, call: Call, media_id: str) -> None:
    try:
        check_media(parts, parts.me(call), media_id)
    except ApiError as refused:
        raise _bad(f"attachment.media: {refused.body['errors'][0]['message']}") from None


def check_package(parts: Parts) -> None:
    """See that the v1.1 message calls are in the app's package.

    :raises ApiError: 403 with code 453.
    """
    if not parts.rules.rich_messages:
        message = (
            "You currently have access to a subset of X API V2 endpoints and limited v1.1 endpoints "
            "(e.g. media post, oauth) only. If you need access to this endpoint, you may need a different "
            "access level."
        )
        raise v1_error(403, 453, message)


def _parameter(call: Call, name: str) -> str:
    return str(call.body.get(name) or call.query.get(name, ""))


def _recipient(parts: Parts, call: Call) -> User:
    user = parts.world.users.get(_parameter(call, "recipient_id"))
    if user is None:
        raise _bad("recipient_id is no user")
    return user


def _member(body: dict[str, Any], name: str) -> dict[str, Any]:
    inner = body.get(name)
    if not isinstance(inner, dict):
        raise _bad(f"{name} is required")
    return inner


def _options(data: dict[str, Any]) -> tuple[dict[str, str], ...]:
    if "quick_reply" not in data:
        return ()
    options = _rows(_member(data, "quick_reply"), "options", _OPTIONS)
    described = sum(1 for option in options if option.get("description"))
    if described not in {0, len(options)}:
        raise _bad("every quick reply option needs a description, or none")
    for option in options:
        _text(option, "label", _LABEL, required=True)
        _text(option, "description", _DESCRIPTION)
        _text(option, "metadata", _METADATA)
        if "://" in option["label"]:
            raise _bad("a label can't hold a url")
    return tuple(
        {name: option[name] for name in ("label", "description", "metadata") if name in option}
        for option in options
    )


def _ctas(data: dict[str, Any]) -> tuple[dict[str, str], ...]:
    if "ctas" not in data:
        return ()
    ctas = _rows(data, "ctas", _CTAS)
    for cta in ctas:
        _text(cta, "label", _LABEL, required=True)
        _text(cta, "url", 4096, required=True)
        if cta.get("type") != "web_url":
            raise _bad("a button's type is web_url")
    return tuple({name: cta[name] for name in ("type", "label", "url")} for cta in ctas)


def _rows(data: dict[str, Any], name: str, most: int) -> list[dict[str, Any]]:
    rows = data.get(name)
    if (
        not isinstance(rows, list)
        or not 1 <= len(rows) <= most
        or not all(isinstance(row, dict) for row in rows)
    ):
        raise _bad(f"{name} takes 1 to {most} entries")
    return rows


def _text(row: dict[str, Any], name: str, most: int, *, required: bool = False) -> None:
    value = row.get(name, "")
    if not isinstance(value, str) or len(value) > most or (required and not value):
        raise _bad(f"{name} takes up to {most} characters")


def _bad(problem: str) -> ApiError:
    return v1_error(400, 214, f"event.message_create: {problem}")


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/1.1/direct_messages/events/new.json",
        window="v1.dm.send",
        accepts=OAUTH1,
        needs="messages",
        schema={"type": "object", "open": True},
        act=send,
    ),
    Endpoint(
        method="POST",
        path="/1.1/direct_messages/indicate_typing.json",
        window="v1.dm.typing",
        accepts=OAUTH1,
        needs="messages",
        act=typing,
    ),
    Endpoint(
        method="POST",
        path="/1.1/direct_messages/mark_read.json",
        window="v1.dm.read",
        accepts=OAUTH1,
        needs="messages",
        act=mark_read,
    ),
]
