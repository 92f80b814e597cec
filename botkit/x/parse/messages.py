"""Direct messages, typing and read receipts: one shape in account activity and in XAA's ``dm.…`` payloads.

Source: X docs, account-activity/introduction, activity/event-payloads; v1.1 direct message reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from botkit.events import (
    DirectMessage,
    DirectMessageRead,
    DirectMessageSent,
    Event,
    Location,
    Media,
    QuickReplyOption,
    Typing,
)
from botkit.x.parse.content import links_in, media_in
from botkit.x.text import unescape
from botkit.x.values import Json, from_ms, ident, integer, obj, objects, snowflake_time, text

if TYPE_CHECKING:
    from botkit.x.parse.context import Context
    from botkit.x.parse.users import Users

__all__ = ["message_event", "read_event", "typing_event"]


def message_event(found: Json, users: Users, context: Context) -> Event | None:
    """A direct message, received or sent; ``None`` for types of X's other than ``message_create``."""
    message_id = ident(found, "id")
    create = obj(found, "message_create")
    sender_id, recipient_id = ident(create, "sender_id"), ident(obj(create, "target"), "recipient_id")
    if text(found, "type") not in {"message_create", ""} or not (message_id and sender_id and recipient_id):
        return None
    data = obj(create, "message_data")
    entities, attachment = obj(data, "entities"), obj(data, "attachment")
    written, added = _written(text(data, "text"), attachment, entities)
    at = from_ms(integer(found, "created_timestamp")) or snowflake_time(message_id) or context.received_at
    by_us = context.is_account(sender_id)
    sender, recipient = users[sender_id], users[recipient_id]
    media: tuple[Media, ...] = ()
    location = None
    if attachment:
        location = _location(obj(attachment, "location"))
        if text(attachment, "type") == "media":
            media = (media_in(obj(attachment, "media")),)
    links = links_in(entities, but=added)
    app_id = ident(create, "source_app_id")
    if by_us:
        return DirectMessageSent(
            id=context.item_id,
            account_id=context.account_id,
            at=at,
            by_us=True,
            raw=context.raw,
            message_id=message_id,
            sender=sender,
            recipient=recipient,
            text=written,
            media=media,
            links=links,
            location=location,
            app_id=app_id,
            options=tuple(
                QuickReplyOption(
                    label=text(each, "label"),
                    description=text(each, "description"),
                    metadata=text(each, "metadata"),
                )
                for each in objects(obj(data, "quick_reply"), "options")
            ),
        )
    via = obj(found, "initiated_via")
    return DirectMessage(
        id=context.item_id,
        account_id=context.account_id,
        at=at,
        by_us=False,
        raw=context.raw,
        message_id=message_id,
        sender=sender,
        recipient=recipient,
        text=written,
        media=media,
        links=links,
        location=location,
        app_id=app_id,
        quick_reply=_quick_reply(data),
        from_welcome_message_id=ident(via, "welcome_message_id"),
        from_post_id=ident(via, "tweet_id"),
    )


def _written(escaped: str, attachment: Json, entities: Json) -> tuple[str, str]:
    """What the person wrote, and the link that X put behind it for an attachment."""
    if not attachment:
        return unescape(escaped), ""
    added = text(obj(attachment, "media"), "url")
    if not added:
        last = objects(entities, "urls")[-1:]
        added = text(last[0], "url") if last else ""
    if added and escaped.endswith(added):
        return unescape(escaped[: -len(added)].rstrip()), added
    return unescape(escaped), ""


def _quick_reply(data: Json) -> str | None:
    response = obj(data, "quick_reply_response")
    # A tapped location, retired since, carries metadata that nobody offered.
    if not response or text(response, "type") == "location":
        return None
    return text(response, "metadata")


def _location(found: Json) -> Location | None:
    coordinates = obj(obj(found, "shared_coordinate"), "coordinates").get("coordinates")
    if not (isinstance(coordinates, list) and len(coordinates) == 2):
        return None
    longitude, latitude = coordinates
    if not (isinstance(longitude, int | float) and isinstance(latitude, int | float)):
        return None
    if abs(latitude) <= 90 and abs(longitude) <= 180:
        return Location(latitude=float(latitude), longitude=float(longitude))
    return None


def typing_event(found: Json, users: Users, context: Context) -> Event | None:
    """Somebody types."""
    sender_id, recipient_id = ident(found, "sender_id"), ident(obj(found, "target"), "recipient_id")
    if not sender_id:
        return None
    return Typing(
        **context.common(from_ms(integer(found, "created_timestamp")), by_us=context.is_account(sender_id)),
        sender=users[sender_id],
        recipient=users[recipient_id],
    )


def read_event(found: Json, users: Users, context: Context) -> Event | None:
    """Somebody has read."""
    sender_id, recipient_id = ident(found, "sender_id"), ident(obj(found, "target"), "recipient_id")
    if not sender_id:
        return None
    return DirectMessageRead(
        **context.common(from_ms(integer(found, "created_timestamp")), by_us=context.is_account(sender_id)),
        sender=users[sender_id],
        recipient=users[recipient_id],
        last_read_message_id=ident(found, "last_read_event_id"),
    )
