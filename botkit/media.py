"""Pictures and videos on their way to X: what a bot attaches, and how it is uploaded step by step.

Bytes travel inside the stored action, so that they are there whichever process sends it and gone when it is;
a file is only named, and must be there, unchanged, when the action leaves.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from botkit.errors import ActionRefused, InvalidRequest
from botkit.x.calls import media
from botkit.x.calls.media import MAX_ALT_TEXT, Category
from botkit.x.wire import Call

__all__ = ["MAX_BYTES", "Attachment", "Do", "Place", "Uploaded", "advance", "attach", "check_together"]

T = TypeVar("T")

#: where it is attached; X has categories of its own for each
Place = Literal["tweet", "dm"]

_MB = 1 << 20
#: what may travel inside an action
MAX_BYTES = 5 * _MB
# Source: X docs, media/quickstart/best-practices
_MAX_SIZE = {"image": 5 * _MB, "gif": 15 * _MB, "video": 512 * _MB}
_MAX_GIF = (1280, 1080)
_MAX_IMAGES = 4
#: one chunk; X documents no limit of its own, and this keeps 512 MB within a thousand
_CHUNK = 4 * _MB
#: an upload that ends sooner than that is made anew
_SLACK_S = 60.0


class Do(Protocol):
    """Carries a call out as the account and returns what its answer holds."""

    def __call__(self, call: Call[T], /) -> Awaitable[T]:
        """Raises an `XError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A picture, GIF or video that goes with a message or post. Made by `attach` (``bot.media``).

    :param path: the file, absolute; ``""`` when ``data`` holds the bytes.
    :param size: in bytes.
    :param digest: of the beginning and the end, so that another file in its place is noticed.
    """

    path: str = ""
    data: bytes = field(default=b"", repr=False)
    media_type: str
    size: int
    digest: str
    alt_text: str = field(default="", repr=False)

    @property
    def kind(self) -> Literal["image", "gif", "video"]:
        """What X counts it as."""
        if self.media_type == "image/gif":
            return "gif"
        return "video" if self.media_type.startswith("video/") else "image"

    def category(self, place: Place) -> Category:
        """X's media category for it there."""
        categories: dict[tuple[Place, str], Category] = {
            ("tweet", "image"): "tweet_image",
            ("tweet", "gif"): "tweet_gif",
            ("tweet", "video"): "tweet_video",
            ("dm", "image"): "dm_image",
            ("dm", "gif"): "dm_gif",
            ("dm", "video"): "dm_video",
        }
        return categories[place, self.kind]


def attach(source: str | Path | bytes, alt_text: str = "") -> Attachment:
    """Something to attach: a file, or the bytes of a picture.

    What it is, is told by its first bytes: JPEG, PNG, WebP, GIF, MP4, QuickTime, WebM or MPEG-TS.

    :param alt_text: describes it to those who can't see it, in up to 1,000 characters.
    :raises ActionRefused: there is no such file, or X would not take it.
    """
    if len(alt_text) > MAX_ALT_TEXT:
        raise ActionRefused(f"an alt text takes {MAX_ALT_TEXT} characters, this one has {len(alt_text)}")
    path, data = "", b""
    if isinstance(source, bytes):
        data, size, edges = source, len(source), source[:_MB] + source[-_MB:]
        if size > MAX_BYTES:
            raise ActionRefused(f"bytes may be up to {MAX_BYTES // _MB} MB; write them to a file and name it")
    else:
        path = str(Path(source).absolute())
        size, edges = _measure(path)
    found = Attachment(
        path=path,
        data=data,
        media_type=_type_of(edges),
        size=size,
        digest=_digest(edges),
        alt_text=alt_text,
    )
    most = _MAX_SIZE[found.kind]
    if size > most:
        raise ActionRefused(f"X takes up to {most // _MB} MB of {found.kind}, not {size / _MB:.1f} MB")
    if found.kind == "gif":
        width, height = (int.from_bytes(edges[at : at + 2], "little") for at in (6, 8))
        if width > _MAX_GIF[0] or height > _MAX_GIF[1]:
            raise ActionRefused(f"X takes GIFs of up to 1280 by 1080 pixels, not {width} by {height}")
    return found


def check_together(attachments: Sequence[Attachment], place: Place, others: int = 0) -> None:
    """Whether X takes these together: a post 4 images, 1 GIF or 1 video; a message one of them.

    :param others: how many uploads of unknown kind go with them.
    :raises ActionRefused: it does not.
    """
    count = len(attachments) + others
    if place == "dm" and count > 1:
        raise ActionRefused(f"a direct message takes one picture or video, not {count}")
    if count > _MAX_IMAGES or (count > 1 and any(each.kind != "image" for each in attachments)):
        raise ActionRefused("a post takes up to 4 pictures, or one GIF, or one video")


def _measure(path: str) -> tuple[int, bytes]:
    """A file's size, and its beginning and end."""
    try:
        with Path(path).open("rb") as file:
            begins = file.read(_MB)
            size = file.seek(0, 2)
            file.seek(max(0, size - _MB))
            return size, begins + file.read(_MB)
    except OSError as error:
        raise ActionRefused(f"can't read {path}: {error.strerror or type(error).__name__}") from error


def _digest(edges: bytes) -> str:
    return hashlib.blake2s(edges, digest_size=16).hexdigest()


_TYPES: tuple[tuple[bytes, int, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png"),
    (b"GIF87a", 0, "image/gif"),
    (b"GIF89a", 0, "image/gif"),
    (b"\xff\xd8\xff", 0, "image/jpeg"),
    (b"WEBP", 8, "image/webp"),
    (b"ftypqt  ", 4, "video/quicktime"),
    (b"ftyp", 4, "video/mp4"),
    (b"\x1a\x45\xdf\xa3", 0, "video/webm"),
)
#: packets of an MPEG transport stream are so long, and each begins with 0x47
_PACKET = 188


def _type_of(begins: bytes) -> str:
    for magic, at, media_type in _TYPES:
        if begins.startswith(magic, at):
            return media_type
    if begins[:1] == b"G" == begins[_PACKET : _PACKET + 1]:
        return "video/mp2t"
    raise ActionRefused("this is no picture or video that X takes: JPEG, PNG, WebP, GIF, MP4, MOV, WebM")


# -- uploading -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Uploaded:
    """How far an upload has come; small enough to be remembered with the action.

    :param expires_at: X forgets it then, Unix seconds.
    :param ready: it can be attached.
    :param check_after_s: while it can't: how long X wants to be left alone, seconds.
    """

    media_id: str
    expires_at: float
    ready: bool = False
    check_after_s: float = 0.0


async def advance(
    do: Do,
    attachment: Attachment,
    place: Place,
    before: Uploaded | None,
    *,
    now: float,
    progress: Callable[[int], Any] = lambda _: None,
) -> Uploaded:
    """The next step of an upload: bring the bytes, or ask how far X is; then the alt text.

    :param before: what the last step returned, also in another process; ``None``: nothing is done yet.
    :param now: Unix seconds.
    :param progress: told how many percent X has.
    :raises ActionRefused: the file is gone, or is another one.
    :raises InvalidRequest: X can't make anything of it.
    :raises XError: X could not be asked; take the same step again.
    """
    if before is not None and before.expires_at <= now + _SLACK_S:
        before = None
    if before is not None and before.ready:
        return before
    if before is None:
        found = await _bring(do, attachment, attachment.category(place), progress)
        expires_at = now + found.expires_after_s
    else:
        found = await do(media.upload_status(before.media_id))
        expires_at = before.expires_at
        progress(found.progress_percent)
    if found.state == "failed":
        raise InvalidRequest(f"X could not process the {attachment.kind}", kind="media-processing-failed")
    if not found.is_ready:
        return Uploaded(found.media_id, expires_at, check_after_s=max(1.0, found.check_after_s))
    if attachment.alt_text:
        await do(media.set_alt_text(found.media_id, attachment.alt_text))
    return Uploaded(found.media_id, expires_at, ready=True)


async def _in_thread(function: Callable[..., T], *args: Any) -> T:
    import asyncio  # noqa: PLC0415 - every command imports this module, and few of them need a loop

    return await asyncio.to_thread(function, *args)


async def _bring(
    do: Do, attachment: Attachment, category: Category, progress: Callable[[int], Any]
) -> media.Upload:
    if attachment.path:
        size, edges = await _in_thread(_measure, attachment.path)
        if (size, _digest(edges)) != (attachment.size, attachment.digest):
            raise ActionRefused(f"{attachment.path} is another file than when it was attached")
    if attachment.kind == "image":
        data = await _in_thread(_read, attachment, 0, attachment.size)
        return await do(media.upload(data, category))
    begun = await do(media.initialize(attachment.media_type, attachment.size, category))
    for index, at in enumerate(range(0, attachment.size, _CHUNK)):
        chunk = await _in_thread(_read, attachment, at, _CHUNK)
        await do(media.append(begun.media_id, index, chunk))
        progress(100 * min(attachment.size, at + _CHUNK) // attachment.size)
    return await do(media.finalize(begun.media_id))


def _read(attachment: Attachment, at: int, size: int) -> bytes:
    if not attachment.path:
        return attachment.data[at : at + size]
    try:
        with Path(attachment.path).open("rb") as file:
            file.seek(at)
            return file.read(size)
    except OSError as error:
        raise ActionRefused(f"can't read {attachment.path}: {error.strerror}") from error
