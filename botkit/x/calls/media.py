"""Media upload, v2: all at once for pictures, in chunks for the rest. Source: X docs, media/quickstart; X's
OpenAPI description.

X's chunked guide still sends ``command=INIT`` and the like to one path; its description has a path for each
step, and so has this. An upload that nobody uses ends by itself, so every call here may be sent again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botkit.errors import ActionRefused
from botkit.x.calls.answers import nothing, object_in, required, unreadable
from botkit.x.values import ident, integer, obj, text
from botkit.x.wire import Auth, Call, Request, Response, segment

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_ALT_TEXT",
    "MAX_SEGMENTS",
    "Category",
    "Upload",
    "append",
    "finalize",
    "initialize",
    "set_alt_text",
    "upload",
    "upload_status",
]

#: characters of an alt text
MAX_ALT_TEXT = 1_000
#: chunks of one upload: they are numbered from 0 to 999
MAX_SEGMENTS = 1_000

#: what an upload is for; posts and messages take only their own
Category = Literal["tweet_image", "tweet_gif", "tweet_video", "dm_image", "dm_gif", "dm_video"]

_USER = (Auth.OAUTH1_USER, Auth.OAUTH2_USER)
_SCOPES = ("media.write",)
# The two pages that say how long an upload lasts disagree; this is the shorter time.
_LASTS_S = 86_400


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as X answers it.

    :param expires_after_s: how long it can be used, seconds.
    :param state: ``""`` when it is ready, otherwise X's word: ``pending``, ``in_progress``, ``succeeded``,
        ``failed``.
    :param check_after_s: how long to wait before asking for the state again, seconds.
    """

    media_id: str
    expires_after_s: int = _LASTS_S
    state: str = ""
    check_after_s: int = 0
    progress_percent: int = 0

    @property
    def is_ready(self) -> bool:
        """It can be attached."""
        return self.state in {"", "succeeded"}


def upload(data: bytes, media_category: Category) -> Call[Upload]:
    """Upload a picture in one request."""
    request = _multipart("/2/media/upload", {"media_category": media_category}, data)
    return Call("media.upload", request, _USER, "media_upload", _upload, scopes=_SCOPES, safe=True)


def initialize(media_type: str, total_bytes: int, media_category: Category) -> Call[Upload]:
    """Announce an upload in chunks."""
    body = {"media_type": media_type, "total_bytes": total_bytes, "media_category": media_category}
    request = Request.with_json("POST", "/2/media/upload/initialize", body)
    return Call("media.initialize", request, _USER, "media_initialize", _upload, scopes=_SCOPES, safe=True)


def append(upload_id: str, segment_index: int, data: bytes) -> Call[None]:
    """Bring one chunk; they are numbered from 0.

    :raises ActionRefused: more chunks than X takes.
    """
    if not 0 <= segment_index < MAX_SEGMENTS:
        msg = f"an upload has at most {MAX_SEGMENTS} chunks"
        raise ActionRefused(msg)
    path = f"/2/media/upload/{segment(required(upload_id, 'the upload'))}/append"
    request = _multipart(path, {"segment_index": str(segment_index)}, data)
    return Call("media.append", request, _USER, "media_append", nothing, scopes=_SCOPES, safe=True)


def finalize(upload_id: str) -> Call[Upload]:
    """All chunks are there."""
    request = Request("POST", f"/2/media/upload/{segment(required(upload_id, 'the upload'))}/finalize")
    return Call("media.finalize", request, _USER, "media_finalize", _upload, scopes=_SCOPES, safe=True)


def upload_status(media_id: str) -> Call[Upload]:
    """How far X has come with a video or GIF."""
    query = (("command", "STATUS"), ("media_id", required(media_id, "the upload")))
    request = Request("GET", "/2/media/upload", query)
    return Call("media.status", request, _USER, "media_status", _upload, scopes=_SCOPES, safe=True)


def set_alt_text(media_id: str, alt_text: str) -> Call[None]:
    """Describe a picture to those who can't see it.

    :raises ActionRefused: the text is empty or too long.
    """
    if len(required(alt_text, "the alt text")) > MAX_ALT_TEXT:
        msg = f"an alt text takes {MAX_ALT_TEXT} characters, this one has {len(alt_text)}"
        raise ActionRefused(msg)
    body = {"id": required(media_id, "the upload"), "metadata": {"alt_text": {"text": alt_text}}}
    request = Request.with_json("POST", "/2/media/metadata", body)
    return Call("media.alt_text", request, _USER, "media_metadata", nothing, scopes=_SCOPES, safe=True)


def _upload(response: Response) -> Upload:
    data = object_in(response)
    media_id = ident(data, "id")
    if not media_id:
        raise unreadable(response, wrote=False)
    info: Mapping[str, Any] = obj(data, "processing_info")
    lasts_s = integer(data, "expires_after_secs")
    return Upload(
        media_id,
        _LASTS_S if lasts_s is None else lasts_s,
        text(info, "state"),
        integer(info, "check_after_secs") or 0,
        integer(info, "progress_percent") or 0,
    )


def _multipart(path: str, fields: Mapping[str, str], data: bytes) -> Request:
    """A form of RFC 7578 whose last field, ``media``, holds bytes."""
    # Made of the bytes themselves, so that it is the same for the same upload and does not occur in them.
    boundary = f"botkit-{hashlib.blake2s(data).hexdigest()}"
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    head = (
        f'--{boundary}\r\ncontent-disposition: form-data; name="media"; filename="media"\r\n'
        "content-type: application/octet-stream\r\n\r\n"
    )
    body = "".join([*parts, head]).encode() + data + f"\r\n--{boundary}--\r\n".encode()
    return Request("POST", path, (), body, f"multipart/form-data; boundary={boundary}")
