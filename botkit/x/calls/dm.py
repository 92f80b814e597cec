"""Direct messages, v2. Source: X docs, direct-messages/manage and direct-messages/lookup."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from botkit.errors import ActionRefused
from botkit.x.calls.answers import flag, is_success, object_in, required, success, unreadable
from botkit.x.failures import error_from
from botkit.x.text import DM_LIMIT, unescape
from botkit.x.values import Json, from_text, ident, obj, objects, text
from botkit.x.wire import Auth, Call, Request, Response, segment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

__all__ = [
    "MessagePage",
    "ReadMessage",
    "SentMessage",
    "block_messages",
    "conversation_of",
    "delete_message",
    "download",
    "message",
    "messages",
    "messages_in",
    "messages_with",
    "send",
    "send_to_conversation",
    "start_group",
    "unblock_messages",
]

_USER = (Auth.OAUTH1_USER, Auth.OAUTH2_USER)
_WRITE = ("dm.write", "tweet.read", "users.read")
_READ = ("dm.read", "tweet.read", "users.read")
# The default is id, type and text alone. sender_id is missing in X's OpenAPI, and its pages use it.
_FIELDS = "id,event_type,text,created_at,sender_id,dm_conversation_id,attachments,entities"


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that X took."""

    conversation_id: str
    message_id: str


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """One entry of a conversation.

    :param kind: X's word: ``MessageCreate``, ``ParticipantsJoin``, ``ParticipantsLeave``.
    """

    message_id: str
    kind: str
    sender_id: str
    conversation_id: str
    at: datetime | None
    text: str = field(default="", repr=False)
    media_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Entries, newest first, and the token of the next page (``""``: no more)."""

    messages: tuple[ReadMessage, ...]
    next_token: str = ""


def conversation_of(one_id: str, other_id: str) -> str:
    """The id of the conversation between two users: the smaller id, a dash, the larger."""
    smaller, larger = sorted((one_id, other_id), key=lambda each: (len(each), each))
    return f"{smaller}-{larger}"


def send(recipient_id: str, text: str = "", *, media_id: str = "") -> Call[SentMessage]:
    """Send a message to one person; the conversation is made when there is none.

    There is no idempotency key: whoever does not get an answer must look before sending again.

    :raises ActionRefused: neither text nor media, or a text that is too long.
    """
    path = f"/2/dm_conversations/with/{segment(required(recipient_id, 'the recipient'))}/messages"
    return Call(
        "dm.send",
        Request.with_json("POST", path, _message(text, media_id)),
        _USER,
        "dm_send",
        _sent,
        scopes=_WRITE,
    )


def send_to_conversation(conversation_id: str, text: str = "", *, media_id: str = "") -> Call[SentMessage]:
    """Send a message into a conversation that is there.

    :raises ActionRefused: neither text nor media, or a text that is too long.
    """
    path = f"/2/dm_conversations/{segment(required(conversation_id, 'the conversation'))}/messages"
    return Call(
        "dm.send_to_conversation",
        Request.with_json("POST", path, _message(text, media_id)),
        _USER,
        "dm_send",
        _sent,
        scopes=_WRITE,
    )


def start_group(participant_ids: Sequence[str], text: str = "", *, media_id: str = "") -> Call[SentMessage]:
    """Open a new group with 2 to 49 others and send its first message.

    :raises ActionRefused: too few or many participants, neither text nor media, or a text that is too long.
    """
    if not 2 <= len(participant_ids) <= 49:
        msg = f"a group takes 2 to 49 participants beside the account, not {len(participant_ids)}"
        raise ActionRefused(msg)
    body = {
        "conversation_type": "Group",
        "participant_ids": list(participant_ids),
        "message": _message(text, media_id),
    }
    return Call(
        "dm.start_group",
        Request.with_json("POST", "/2/dm_conversations", body),
        _USER,
        "dm_send",
        _sent,
        scopes=_WRITE,
    )


def _message(text: str, media_id: str) -> dict[str, Any]:
    if not text and not media_id:
        raise ActionRefused("a direct message needs a text or a medium")
    if len(text) > DM_LIMIT:
        msg = f"a direct message takes {DM_LIMIT} characters, this one has {len(text)}"
        raise ActionRefused(msg)
    body: dict[str, Any] = {}
    if text:
        body["text"] = text
    if media_id:
        body["attachments"] = [{"media_id": media_id}]
    return body


def _sent(response: Response) -> SentMessage:
    data = object_in(response)
    message_id = ident(data, "dm_event_id")
    if not message_id:
        raise unreadable(response, wrote=True)
    return SentMessage(ident(data, "dm_conversation_id"), message_id)


def messages(*, max_results: int = 100, page: str = "") -> Call[MessagePage]:
    """The account's messages of the last 30 days, in all conversations."""
    return _messages("dm.messages", "/2/dm_events", max_results, page)


def messages_with(user_id: str, *, max_results: int = 100, page: str = "") -> Call[MessagePage]:
    """The messages between the account and one other person."""
    path = f"/2/dm_conversations/with/{segment(user_id)}/dm_events"
    return _messages("dm.messages_with", path, max_results, page)


def messages_in(conversation_id: str, *, max_results: int = 100, page: str = "") -> Call[MessagePage]:
    """The messages of one conversation."""
    path = f"/2/dm_conversations/{segment(conversation_id)}/dm_events"
    return _messages("dm.messages_in", path, max_results, page)


def _messages(name: str, path: str, max_results: int, page: str) -> Call[MessagePage]:
    query = [("max_results", str(min(100, max(1, max_results)))), ("dm_event.fields", _FIELDS)]
    if page:
        query.append(("pagination_token", page))
    request = Request("GET", path, tuple(query))
    return Call(name, request, _USER, "dm_read", _page, scopes=_READ, safe=True)


def message(message_id: str) -> Call[ReadMessage]:
    """One message."""
    request = Request("GET", f"/2/dm_events/{segment(message_id)}", (("dm_event.fields", _FIELDS),))
    return Call("dm.message", request, _USER, "dm_read", _one, scopes=_READ, safe=True)


def _page(response: Response) -> MessagePage:
    body = success(response)
    return MessagePage(
        tuple(map(_read, objects(body, "data"))), next_token=text(obj(body, "meta"), "next_token")
    )


def _one(response: Response) -> ReadMessage:
    data = object_in(response)
    if not data:
        raise unreadable(response, wrote=False)
    return _read(data)


def _read(found: Json) -> ReadMessage:
    keys = obj(found, "attachments").get("media_keys")
    return ReadMessage(
        message_id=ident(found, "id"),
        kind=text(found, "event_type"),
        sender_id=ident(found, "sender_id"),
        conversation_id=ident(found, "dm_conversation_id"),
        at=from_text(text(found, "created_at")),
        text=unescape(text(found, "text")),
        media_keys=tuple(key for key in keys if isinstance(key, str)) if isinstance(keys, list) else (),
    )


def delete_message(message_id: str) -> Call[bool]:
    """Delete a message of the account's, for the account alone.

    X's pages disagree whether others' messages can be deleted too.
    """
    return Call(
        "dm.delete",
        Request("DELETE", f"/2/dm_events/{segment(message_id)}"),
        _USER,
        "dm_delete",
        flag("deleted", otherwise=True),
        scopes=("dm.read", "dm.write"),
        safe=True,
    )


def download(address: str) -> Call[bytes]:
    """The picture or video of a direct message, by the address that X gave in the event.

    Such addresses are opened to the account alone, by a request that it signs. Source: X docs, account
    activity, "media in direct messages" (a GET with OAuth 1.0a, at ton.twitter.com).

    :raises ActionRefused: it is no address of X's: a signature is shown to nobody else.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
        query = tuple(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ActionRefused("the address of the picture is no URL") from None
    at_x = parts.scheme == "https" and port is None and _is_of_x(host)
    at_a_simulator = parts.scheme == "http" and host in _HERE
    if "@" in parts.netloc or not (at_x or at_a_simulator):
        raise ActionRefused("this is no address of X's, so the account's signature is not shown there")
    request = Request("GET", parts.path or "/", query, origin=f"{parts.scheme}://{parts.netloc}")
    return Call("dm.download", request, (Auth.OAUTH1_USER,), "dm_media", _downloaded, safe=True)


_X_DOMAINS = ("twitter.com", "twimg.com", "x.com")
#: where a simulator is
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})


def _is_of_x(host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in _X_DOMAINS)


def _downloaded(response: Response) -> bytes:
    if not is_success(response):
        raise error_from(response, now=response.received_at)
    return response.body


def block_messages(user_id: str) -> Call[bool]:
    """Take no direct messages from someone; nothing else is blocked. Returns whether they are blocked now."""
    # The id in the path is the other's, not the account's as elsewhere below /2/users.
    return Call(
        "dm.block",
        Request("POST", f"/2/users/{segment(user_id)}/dm/block"),
        _USER,
        "dm_block",
        flag("blocked", otherwise=True),
        scopes=_WRITE,
        safe=True,
    )


def unblock_messages(user_id: str) -> Call[bool]:
    """Take direct messages from someone again. Returns whether they are blocked still."""
    return Call(
        "dm.unblock",
        Request("POST", f"/2/users/{segment(user_id)}/dm/unblock"),
        _USER,
        "dm_unblock",
        flag("blocked", otherwise=False),
        scopes=_WRITE,
        safe=True,
    )
