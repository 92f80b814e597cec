"""Uploaded media: what is allowed, what is kept, and how long it is processed.

Source: X docs, media/quickstart/best-practices and the media guides; X spec for categories and types.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from botkit.simulator.pictures import Picture, picture_of
from botkit.simulator.things import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from botkit.simulator.faults import Faults
    from botkit.simulator.ids import Snowflakes

__all__ = ["CATEGORIES", "MAX_APPEND", "Library", "Media"]

_MB = 1 << 20
#: what an upload may be used for: 24 hours (Source: X docs, direct-messages/manage)
_EXPIRES_S = 86_400
_IMAGES = ("image/jpeg", "image/png", "image/gif", "image/webp")
_VIDEOS = ("video/mp4", "video/quicktime", "video/webm", "video/mp2t")
_MAX_GIF = (1280, 1080)
#: one chunk, with room for what multipart puts around it; X documents no limit of its own
MAX_APPEND = 6 * _MB


@dataclass(frozen=True, slots=True)
class Category:
    """What a media category takes: types, bytes, and the first number of its media keys."""

    types: tuple[str, ...]
    max_bytes: int
    key: int
    processed: bool = False


_IMAGE = Category(_IMAGES, 5 * _MB, 3)
_GIF = Category(("image/gif",), 15 * _MB, 16, processed=True)
_VIDEO = Category(_VIDEOS, 512 * _MB, 7, processed=True)

CATEGORIES: Mapping[str, Category] = MappingProxyType(
    {
        "tweet_image": _IMAGE,
        "dm_image": _IMAGE,
        "tweet_gif": _GIF,
        "dm_gif": _GIF,
        "tweet_video": _VIDEO,
        "dm_video": _VIDEO,
        "amplify_video": Category(_VIDEOS, 512 * _MB, 13, processed=True),
        "subtitles": Category(("text/srt", "text/vtt"), 5 * _MB, 8),
    }
)


@dataclass(slots=True, eq=False)
class Media:
    """One upload. ``ready_at`` is when it is processed; ``None`` until all of it is there."""

    id: str
    category: str
    type: str
    total: int
    owners: tuple[str, ...]
    made_at: float
    chunks: dict[int, bytes] = field(default_factory=dict, repr=False)
    data: bytes = field(default=b"", repr=False)
    picture: Picture | None = None
    finished_at: float | None = None
    ready_at: float | None = None
    failed: bool = False
    alt_text: str = ""

    @property
    def key(self) -> str:
        """The media key."""
        return f"{CATEGORIES[self.category].key}_{self.id}"

    @property
    def kind(self) -> str:
        """As v2 calls it."""
        if self.category.endswith("_gif"):
            return "animated_gif"
        return "video" if self.category.endswith("_video") else "photo"


class Library:
    """All uploads, in memory.

    :param keys: told the media key of every upload.
    """

    def __init__(
        self,
        *,
        ids: Snowflakes,
        clock: Callable[[], float],
        faults: Faults,
        processing_s: float,
        keys: dict[str, str],
    ) -> None:
        self._ids, self._clock, self._faults, self._processing_s = ids, clock, faults, processing_s
        self._keys = keys
        self._media: dict[str, Media] = {}
        #: where the simulator is, once it listens
        self.origin = ""

    def begin(self, category: str, media_type: str, total: int, owners: Sequence[str]) -> Media:
        """A new upload.

        :raises NotAllowed: the category does not take the type, or not so many bytes.
        """
        rule = CATEGORIES[category]
        if media_type not in rule.types:
            raise NotAllowed(f"{category} does not take {media_type or 'this type'}")
        if not 0 < total <= rule.max_bytes:
            raise NotAllowed(f"{category} takes 1 to {rule.max_bytes} bytes, not {total}")
        self._forget_old()
        media = Media(self._ids.next(), category, media_type, total, tuple(owners), self._clock())
        self._media[media.id] = media
        self._keys[media.id] = media.key
        return media

    def whole(self, category: str, data: bytes, owners: Sequence[str]) -> Media:
        """An upload in one request.

        :raises NotAllowed: as `begin` and `finish`.
        """
        picture = picture_of(data)
        types = CATEGORIES[category].types
        media_type = picture.type if picture else types[0] if "text/srt" in types else ""
        media = self.begin(category, media_type, len(data), owners)
        media.chunks[0] = data
        return self.finish(media)

    def finish(self, media: Media) -> Media:
        """All chunks are there.

        :raises NotAllowed: they are not, or the picture is too large or another type.
        """
        if media.finished_at is not None:
            raise NotAllowed("this upload is finalized already")
        numbers = sorted(media.chunks)
        data = b"".join(media.chunks[number] for number in numbers)
        if numbers != list(range(len(numbers))) or len(data) != media.total:
            raise NotAllowed(f"{len(data)} of {media.total} bytes are there, or a segment is missing")
        picture = picture_of(data)
        if media.type in _IMAGES and (picture is None or picture.type != media.type):
            raise NotAllowed(f"this is no {media.type}")
        if picture and media.category.endswith("_gif") and _too_large(picture):
            raise NotAllowed(f"a GIF has {_MAX_GIF[0]} by {_MAX_GIF[1]} pixels at most")
        now = self._clock()
        media.data, media.picture, media.finished_at = data, picture, now
        media.chunks.clear()
        processed = CATEGORIES[media.category].processed
        media.ready_at = now + self._processing_s if processed else now
        media.failed = processed and self._faults.take("media_failed")
        return media

    def find(self, media_id: str, user_id: str) -> Media | None:
        """An upload of a user, or one that they may use, while it lasts."""
        media = self._media.get(media_id)
        if media is None or user_id not in media.owners or media.made_at + _EXPIRES_S <= self._clock():
            return None
        return media

    def address(self, media_id: str) -> str:
        """Where the picture of a direct message is: the account gets it by a signed request, as of X."""
        return f"{self.origin}/simulated/media/{media_id}"

    def by_id(self, media_id: str) -> Media | None:
        """Any upload that is kept."""
        return self._media.get(media_id)

    def check(self, media_ids: Sequence[str], user_id: str, prefix: str) -> None:
        """Whether a user may attach these to a post (``tweet``) or a message (``dm``).

        :raises NotAllowed: unknown, expired, not ready, or of a category that does not fit.
        """
        found: list[Media] = []
        for media_id in media_ids:
            media = self.find(media_id, user_id)
            if media is None or self.state(media) not in {"", "succeeded"}:
                raise NotAllowed("Your media IDs are invalid.")
            # messages refuse what was uploaded for posts (seen live)
            if prefix == "dm" and not media.category.startswith("dm_"):
                raise NotAllowed("The media category is not supported for direct messages.")
            found.append(media)
        if len(found) > 1 and any(media.kind != "photo" for media in found):
            raise NotAllowed("A post takes 4 images, or 1 GIF, or 1 video.")

    def state(self, media: Media) -> str:
        """X's word for how far the processing is; empty where nothing is processed."""
        if not CATEGORIES[media.category].processed or media.ready_at is None or media.finished_at is None:
            return "" if media.ready_at is not None else "uploading"
        now = self._clock()
        if now >= media.ready_at:
            return "failed" if media.failed else "succeeded"
        return "pending" if now <= media.finished_at else "in_progress"

    def public(self, media: Media) -> dict[str, Any]:
        """As X answers an upload."""
        left = int(media.made_at + _EXPIRES_S - self._clock())
        made: dict[str, Any] = {"id": media.id, "media_key": media.key, "expires_after_secs": max(0, left)}
        if media.finished_at is None:
            return made
        made["size"] = len(media.data)
        if media.picture and media.kind == "photo":
            size = {"w": media.picture.width, "h": media.picture.height}
            made["image"] = {"image_type": media.picture.type, **size}
        if media.kind == "video":
            made["video"] = {"video_type": media.type}
        state = self.state(media)
        if state:
            made["processing_info"] = self._progress(media, state)
        return made

    def shown(self, media: Media) -> dict[str, Any]:
        """As v2 lists it in ``includes``."""
        made: dict[str, Any] = {"media_key": media.key, "type": media.kind}
        if media.alt_text:
            made["alt_text"] = media.alt_text
        if media.picture:
            made |= {"width": media.picture.width, "height": media.picture.height}
        return made

    def _progress(self, media: Media, state: str) -> dict[str, Any]:
        if state == "failed":
            return {"state": state}
        if state == "succeeded":
            return {"state": state, "progress_percent": 100}
        left = max(0.0, (media.ready_at or 0.0) - self._clock())
        percent = 0 if state == "pending" else int(100 * (1 - left / (self._processing_s or 1)))
        return {"state": state, "check_after_secs": max(1, round(left / 2)), "progress_percent": percent}

    def _forget_old(self) -> None:
        oldest = self._clock() - _EXPIRES_S
        for media_id in [one.id for one in self._media.values() if one.made_at <= oldest]:
            del self._media[media_id]


def _too_large(picture: Picture) -> bool:
    return picture.width > _MAX_GIF[0] or picture.height > _MAX_GIF[1]
