"""Signed requests as X, Slack and Telegram send them, of about the same size. Standard library only."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time

__all__ = ["ACCOUNT", "SECRET", "TELEGRAM_TOKEN", "direct_message", "request"]

ACCOUNT = "14235326"
SECRET = "consumer-secret"
TELEGRAM_TOKEN = "42:TEST"

_PADDING = (
    "https://pbs.example.com/profile_images/378800000245800156/bbe387dd6a6d46f22a228a259b355df5_normal.jpeg"
)


def direct_message(
    number: int, *, sender: int | None = None, text: str = "hello there", size: int = 2000
) -> bytes:
    """A direct message in X's account activity format, with an id of its own.

    :param sender: whose it is; by default every message has its own sender, so each is a conversation.
    :param size: about how many bytes; small ones leave out what X says of the users.
    """
    sender_id = str(7_000_000_000 + (number if sender is None else sender))
    users = {
        user_id: _user(user_id) if size >= 2000 else _small_user(user_id) for user_id in (sender_id, ACCOUNT)
    }
    event = {
        "type": "message_create",
        "id": str(1_090_001_495_532_000_000 + number),
        "created_timestamp": "1548711582440",
        "message_create": {
            "target": {"recipient_id": ACCOUNT},
            "sender_id": sender_id,
            "message_data": {
                "text": text,
                "entities": {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []},
            },
        },
    }
    body = {"for_user_id": ACCOUNT, "direct_message_events": [event], "users": users}
    return json.dumps(body, separators=(",", ":")).encode()


def _user(user_id: str) -> dict[str, object]:
    return {
        "id": user_id,
        "created_timestamp": "1457560357426",
        "name": "Somebody",
        "screen_name": f"user_{user_id}",
        "location": "Lyon, France",
        "description": "Bicycles, bread and a cat. Messages are read in the morning and answered at noon."
        * 3,
        "protected": False,
        "verified": False,
        "followers_count": 7,
        "friends_count": 26,
        "statuses_count": 3,
        "profile_image_url": _PADDING,
        "profile_image_url_https": _PADDING,
    }


def _small_user(user_id: str) -> dict[str, object]:
    return {"id": user_id, "name": "Somebody", "profile_image_url_https": _PADDING}


def request(flavour: str, number: int, *, sender: int | None = None, text: str = "hello there") -> bytes:
    """A whole HTTP request with one signed message.

    :param flavour: ``x``, ``slack`` or ``telegram``: whose format and signature.
    """
    match flavour:
        case "slack":
            path, body, signed = _slack(number, sender, text)
        case "telegram":
            path, body, signed = _telegram(number, sender, text)
        case _:
            path, body = "/webhook", direct_message(number, sender=sender, text=text)
            digest = hmac.digest(SECRET.encode(), body, hashlib.sha256)
            signed = f"x-twitter-webhooks-signature: sha256={base64.b64encode(digest).decode()}"
    head = (
        f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n{signed}\r\n\r\n"
    )
    return head.encode() + body


def _slack(number: int, sender: int | None, text: str) -> tuple[str, bytes, str]:
    who = f"U{number if sender is None else sender:010d}"
    event = {
        "type": "message",
        "channel": f"D{who}",
        "channel_type": "im",
        "user": who,
        "text": text,
        "ts": f"1548711582.{number:06d}",
    }
    body = {
        "token": "unused",
        "team_id": "T1",
        "api_app_id": "A1",
        "type": "event_callback",
        "event_id": f"Ev{number:010d}",
        "event_time": 1548711582,
        "event": event,
        "authorizations": [{"team_id": "T1", "user_id": "UBOT", "is_bot": True}],
        "users": {who: _user(who), "UBOT": _user("UBOT")},
    }
    encoded = json.dumps(body, separators=(",", ":")).encode()
    at = str(int(time.time()))
    digest = hmac.new(SECRET.encode(), b"v0:" + at.encode() + b":" + encoded, hashlib.sha256).hexdigest()
    return "/webhook", encoded, f"x-slack-request-timestamp: {at}\r\nx-slack-signature: v0={digest}"


def _telegram(number: int, sender: int | None, text: str) -> tuple[str, bytes, str]:
    who = 7_000_000 + (number if sender is None else sender)
    user = {"id": who, "is_bot": False, "first_name": "Somebody", "username": f"user_{who}"}
    message = {
        "message_id": number + 1,
        "date": 1548711582,
        "chat": {"id": who, "type": "private", "first_name": "Somebody"},
        "from": user,
        "text": text,
        # Telegram's messages are smaller than X's: the same bytes on the wire, in a message that is quoted.
        "reply_to_message": {
            "message_id": number,
            "date": 1548711582,
            "chat": {"id": who, "type": "private", "first_name": "Somebody"},
            "from": user,
            "text": "What was said before. " * 63,
        },
    }
    body = json.dumps({"update_id": number + 1, "message": message}, separators=(",", ":")).encode()
    return "/webhook", body, f"x-telegram-bot-api-secret-token: {SECRET}"
