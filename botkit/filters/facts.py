"""Filters about who did it and what came with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from botkit.filters.base import NO_ARGUMENTS, Filter
from botkit.filters.keys import Key, fold, sender_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botkit.events import Event

__all__ = [
    "Flag",
    "FromUser",
    "HasMedia",
    "Lang",
    "QuickReply",
    "from_user",
    "has_link",
    "has_media",
    "is_quote",
    "is_reply",
    "is_repost",
    "lang",
    "quick_reply",
]

MediaKind = Literal["photo", "video", "gif", "unknown"]


@dataclass(frozen=True)
class FromUser(Filter):
    """One of these people did it: ids, and handles that begin with @."""

    people: tuple[str, ...]

    def match(self, event: Event) -> Mapping[str, str] | None:
        sender = sender_of(event)
        if sender is None:
            return None
        handle = f"@{fold(sender.username)}"
        return NO_ARGUMENTS if sender.id in self.people or handle in self.people else None

    def needs(self) -> frozenset[Key] | None:
        return frozenset(Key("from", person) for person in self.people)

    def __str__(self) -> str:
        return f"from_user({_listed(self.people)})"


@dataclass(frozen=True)
class QuickReply(Filter):
    """An option of a quick reply was tapped: one with this metadata, or any."""

    metadata: tuple[str, ...]

    def match(self, event: Event) -> Mapping[str, str] | None:
        tapped = getattr(event, "quick_reply", None)
        if tapped is None or (self.metadata and tapped not in self.metadata):
            return None
        return NO_ARGUMENTS

    def needs(self) -> frozenset[Key] | None:
        if not self.metadata:
            return frozenset((Key("flag", "quick_reply"),))
        return frozenset(Key("quick_reply", metadata) for metadata in self.metadata)

    def __str__(self) -> str:
        return f"quick_reply({_listed(self.metadata)})"


@dataclass(frozen=True)
class HasMedia(Filter):
    """A picture, video or GIF came with it."""

    kind: MediaKind | None

    def match(self, event: Event) -> Mapping[str, str] | None:
        found = any(self.kind in {None, media.kind} for media in getattr(event, "media", ()))
        return NO_ARGUMENTS if found else None

    def needs(self) -> frozenset[Key] | None:
        return frozenset((Key("flag", "media") if self.kind is None else Key("media", self.kind),))

    def __str__(self) -> str:
        return f"has_media({_listed((self.kind,) if self.kind else ())})"


@dataclass(frozen=True)
class Lang(Filter):
    """X takes the post to be written in one of these languages."""

    codes: tuple[str, ...]

    def match(self, event: Event) -> Mapping[str, str] | None:
        return NO_ARGUMENTS if fold(getattr(event, "lang", "")) in self.codes else None

    def needs(self) -> frozenset[Key] | None:
        return frozenset(Key("lang", code) for code in self.codes)

    def __str__(self) -> str:
        return f"lang({_listed(self.codes)})"


@dataclass(frozen=True)
class Flag(Filter):
    """Something the event simply is or has."""

    name: str
    attribute: str

    def match(self, event: Event) -> Mapping[str, str] | None:
        return NO_ARGUMENTS if getattr(event, self.attribute, None) else None

    def needs(self) -> frozenset[Key] | None:
        return frozenset((Key("flag", self.attribute),))

    def __str__(self) -> str:
        return self.name


#: A URL stands in the text.
has_link: Final = Flag("has_link", "links")
#: The post answers another post.
is_reply: Final = Flag("is_reply", "is_reply")
#: The post quotes another post.
is_quote: Final = Flag("is_quote", "is_quote")
#: The post repeats another post.
is_repost: Final = Flag("is_repost", "is_repost")


def from_user(*people: str) -> Filter:
    """One of these people did it: an id (digits only) or a handle, with or without @, in any case.

    Prefer ids: a handle can change hands, and some events carry only the id.

    :raises ValueError: nobody is named.
    """
    return FromUser(tuple(map(_person, _given("from_user", people))))


def quick_reply(*metadata: str) -> Filter:
    """Someone tapped an option that the bot offered: one with this metadata, or any when none is given."""
    return QuickReply(_given("quick_reply", metadata) if metadata else ())


def has_media(kind: MediaKind | None = None) -> Filter:
    """A picture, video or GIF came with it, of this kind or any.

    :raises ValueError: there is no such kind.
    """
    if kind not in {None, "photo", "video", "gif", "unknown"}:
        raise ValueError(f'has_media("{kind}"): no such kind; write "photo", "video" or "gif"')
    return HasMedia(kind)


def lang(*codes: str) -> Filter:
    """X takes the post to be in one of these languages, such as ``"de"``.

    :raises ValueError: no language is named.
    """
    return Lang(tuple(map(fold, _given("lang", codes))))


def _given(maker: str, values: tuple[str, ...]) -> tuple[str, ...]:
    if not values:
        raise ValueError(f"{maker}() needs a value")
    for value in values:
        if not isinstance(value, str):
            raise TypeError(f"{maker}() takes texts, not {type(value).__name__}; put it in quotes")
    if maker != "quick_reply" and not all(value.lstrip("@") for value in values):
        raise ValueError(f'{maker}("") names nobody')
    return values


def _person(person: str) -> str:
    return person if person.isascii() and person.isdigit() else f"@{fold(person.removeprefix('@'))}"


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f'"{value}"' for value in values)
