"""Links, hashtags, mentions and media of a text, in X's v1.1 and v2 spellings."""

from __future__ import annotations

from typing import Literal

from botkit.events import Link, Media, User
from botkit.x.parse.users import mentioned
from botkit.x.values import Json, first_text, ident, objects, text

__all__ = ["hashtags_in", "links_in", "media_in", "mentions_in"]

_KINDS: dict[str, Literal["photo", "video", "gif"]] = {
    "photo": "photo",
    "image": "photo",
    "video": "video",
    "animated_gif": "gif",
}


def links_in(entities: Json, *, but: str = "") -> tuple[Link, ...]:
    """The URLs of a text, without the one that X added for an attachment."""
    found = objects(entities, "urls")
    if not found:
        return ()
    return tuple(
        Link(url=url, expanded_url=first_text(each, "unwound_url", "expanded_url"))
        for each in found
        if (url := text(each, "url")) and url != but
    )


def hashtags_in(entities: Json) -> tuple[str, ...]:
    """Hashtags without #."""
    return tuple(tag for each in objects(entities, "hashtags") if (tag := first_text(each, "text", "tag")))


def mentions_in(entities: Json) -> tuple[User, ...]:
    """The users whose handles the text names."""
    key = "user_mentions" if "user_mentions" in entities else "mentions"
    return tuple(user for each in objects(entities, key) if (user := mentioned(each)).id or user.username)


def media_in(found: Json) -> Media:
    """One medium; its address may need the account's credentials."""
    kind = text(found, "type")
    return Media(
        id=ident(found, "id_str", "id") or text(found, "media_key"),
        kind=_KINDS.get(kind, "unknown") if kind else "photo",
        url=first_text(found, "media_url_https", "media_url", "url", "preview_image_url"),
        alt_text=first_text(found, "ext_alt_text", "alt_text"),
    )
