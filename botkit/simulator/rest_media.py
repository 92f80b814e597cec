"""Media upload, v2. Source: X spec; X docs, media/quickstart and media/introduction."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import OAUTH1, OAUTH2, USER
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.media import MAX_APPEND, Library, Media
from botkit.simulator.multipart import multipart_fields
from botkit.simulator.problems import invalid
from botkit.simulator.schema import violations
from botkit.simulator.schemas import APPEND, INITIALIZE, METADATA, UPLOAD
from botkit.simulator.things import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ENDPOINTS"]

#: an image or a small GIF in base64, and the rest of the body
_MAX_UPLOAD = 22 << 20


async def upload(parts: Parts, call: Call) -> Answer:
    """``POST /2/media/upload``: all of it at once, as multipart or base64."""
    body = _body(call, UPLOAD)
    owners = [call.caller.user_id, *str(body.get("additional_owners", "")).split(",")]
    data = _bytes(body["media"])
    return _told(parts, lambda library: library.whole(str(body["media_category"]), data, owners))


async def initialize(parts: Parts, call: Call) -> Answer:
    """``POST /2/media/upload/initialize``."""
    body = call.body
    for name in ("media_category", "media_type", "total_bytes"):
        if name not in body:
            raise invalid(f"$.{name}: is missing but it is required")
    owners = [call.caller.user_id, *body.get("additional_owners", ())]
    return _told(
        parts,
        lambda library: library.begin(
            body["media_category"], body["media_type"], body["total_bytes"], owners
        ),
    )


async def append(parts: Parts, call: Call) -> Answer:
    """``POST /2/media/upload/:id/append``."""
    media = _mine(parts, call, call.path["media_id"])
    body = _body(call, APPEND)
    if media.finished_at is not None:
        raise invalid("This upload is finalized already.")
    data = _bytes(body["media"])
    there = sum(len(chunk) for number, chunk in media.chunks.items() if number != body["segment_index"])
    if there + len(data) > media.total:
        raise invalid(f"These are more bytes than the {media.total} that were announced.")
    media.chunks[body["segment_index"]] = data
    return Answer({"data": {"expires_at": int(media.made_at) + 86_400}})


async def finalize(parts: Parts, call: Call) -> Answer:
    """``POST /2/media/upload/:id/finalize``."""
    media = _mine(parts, call, call.path["media_id"])
    return _told(parts, lambda library: library.finish(media))


async def status(parts: Parts, call: Call) -> Answer:
    """``GET /2/media/upload?media_id=&command=STATUS``."""
    command = call.query.get("command", "STATUS")
    if command != "STATUS":
        raise invalid(f"The `command` query parameter value [{command}] is not one of [STATUS]")
    return Answer({"data": parts.media.public(_mine(parts, call, call.query.get("media_id", "")))})


async def metadata(parts: Parts, call: Call) -> Answer:
    """``POST /2/media/metadata``: alt text."""
    media = _mine(parts, call, call.body["id"])
    wanted: dict[str, Any] = call.body.get("metadata", {})
    alt_text = wanted.get("alt_text", {}).get("text")
    if alt_text is not None:
        media.alt_text = alt_text
    return Answer({"data": {"id": media.id, "associated_metadata": wanted}})


async def of_message(parts: Parts, call: Call) -> Answer:
    """``GET /2/dm_conversations/media/:dm_id/:media_id/:resource_id``: the bytes, for those who take part."""
    message = parts.world.messages.get(call.path["dm_id"])
    me = call.caller.user_id
    group = parts.world.groups.get(message.conversation_id, ()) if message else ()
    media = parts.media.by_id(call.path["media_id"])
    there = message is not None and message.media_id == call.path["media_id"]
    if (
        message is None
        or media is None
        or not there
        or me not in {message.sender_id, message.recipient_id, *group}
    ):
        raise invalid("There is no such media in a message of yours.")
    return Answer(text=media.data, content_type="application/octet-stream")


async def at_its_address(parts: Parts, call: Call) -> Answer:
    """The address that an event gives: the bytes, for an account that takes part, and signs for them."""
    media = parts.media.by_id(call.path["media_id"])
    if media is None or call.caller.user_id not in media.owners:
        raise invalid("There is no such media in a message of yours.")
    return Answer(text=media.data, content_type=media.type)


def _told(parts: Parts, act: Callable[[Library], Media]) -> Answer:
    try:
        return Answer({"data": parts.media.public(act(parts.media))})
    except NotAllowed as refused:
        raise invalid(str(refused)) from None


def _mine(parts: Parts, call: Call, media_id: str) -> Media:
    media = parts.media.find(media_id, call.caller.user_id)
    if media is None:
        raise invalid(f"The media [{media_id}] does not exist, or is not yours.")
    return media


def _body(call: Call, schema: dict[str, Any]) -> dict[str, Any]:
    """A body that may be JSON or multipart, checked by the schema; ``media`` is bytes or base64."""
    content_type = call.headers.get("content-type", "")
    body: Any
    if content_type.startswith("multipart/"):
        fields = multipart_fields(content_type, call.raw)
        if fields is None:
            raise invalid("Request body is not valid multipart/form-data")
        body = {name: _plain(name, value) for name, value in fields.items()}
        checked = {**body, "media": ""} if "media" in body else body
    else:
        try:
            checked = body = json.loads(call.raw or b"{}")
        except ValueError:
            raise invalid("Request body is not valid JSON") from None
    problems = violations(checked, schema)
    if problems:
        raise invalid(*problems)
    decoded: dict[str, Any] = body
    return decoded


def _plain(name: str, value: bytes) -> Any:
    if name == "media":
        return value
    text = value.decode("utf-8", "replace")
    return int(text) if name == "segment_index" and text.isdecimal() else text


def _bytes(media: Any) -> bytes:
    if isinstance(media, bytes):
        return media
    try:
        return base64.b64decode(str(media), validate=True)
    except binascii.Error:
        raise invalid("$.media: is not valid base64") from None


_WRITE = frozenset({"media.write"})
_ONE = "/2/media/upload/{media_id:[0-9]{1,19}}"

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/2/media/upload",
        window="media.upload",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        max_body=_MAX_UPLOAD,
        act=upload,
    ),
    Endpoint(
        method="GET", path="/2/media/upload", window="media.status", accepts=USER, scopes=_WRITE, act=status
    ),
    Endpoint(
        method="POST",
        path="/2/media/upload/initialize",
        window="media.initialize",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        schema=INITIALIZE,
        act=initialize,
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/append",
        window="media.append",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        max_body=MAX_APPEND * 4 // 3,
        act=append,
    ),
    Endpoint(
        method="POST",
        path=f"{_ONE}/finalize",
        window="media.finalize",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        act=finalize,
    ),
    Endpoint(
        method="POST",
        path="/2/media/metadata",
        window="media.metadata",
        accepts=USER,
        needs="write",
        scopes=_WRITE,
        schema=METADATA,
        act=metadata,
    ),
    Endpoint(
        method="GET",
        path="/2/dm_conversations/media/{dm_id:[0-9]{1,19}}/{media_id:[0-9]{1,19}}/{resource_id}",
        window="dm.media",
        accepts=OAUTH2,
        scopes=frozenset({"dm.read"}),
        act=of_message,
    ),
    Endpoint(
        method="GET",
        path="/simulated/media/{media_id:[0-9]{1,19}}",
        window="dm.media",
        accepts=OAUTH1,
        needs="messages",
        act=at_its_address,
    ),
]
