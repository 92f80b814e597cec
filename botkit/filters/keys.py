"""Keys: what must be present in an event for a filter to match.

A filter that knows such a thing says so (`Filter.needs`), the table of handlers reads from an event what it
has (`READERS`), and whoever shares no key with the event is not even asked. The two sides stand together
here because one invariant holds them: **a filter that matches an event shares a key with it**. A key may be
there without a match, never the other way round.
"""

from __future__ import annotations

import re
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from botkit.events import Event, PostEvent, User

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

__all__ = [
    "READERS",
    "START_LENGTH",
    "Family",
    "Key",
    "fold",
    "gram_key",
    "rarity",
    "sender_of",
    "text_of",
    "words_of",
]

Family = Literal[
    "text",
    "start",
    "gram3",
    "gram2",
    "gram1",
    "command",
    "from",
    "quick_reply",
    "media",
    "lang",
    "flag",
]


class Key(NamedTuple):
    """One thing an event can have: a family of such things, and which one."""

    family: Family
    value: Hashable


#: How much of a beginning is kept as a key: an event costs this many slices, however many filters there are.
START_LENGTH: Final = 16

# The dotted capital and the dotless small i of Turkish: `re.IGNORECASE` takes both as i, `str.casefold` does
# not. Folding them makes one rule of equality for texts and patterns.
_EVERY_I: Final = MappingProxyType({0x130: "i", 0x131: "i"})

# Letters of running text from frequent to rare; whatever is not here (digits, other scripts) is rarer still.
_FREQUENT: Final = " etaoinsrhldcumfpgwybvkxjqz"

_HANDLES: Final = re.compile(r"\s*(?:@\w+\s+)+")


def fold(text: str) -> str:
    """The text without the difference between capitals and small letters, in every script.

    Works letter by letter: the fold of two joined texts is their two folds joined.
    """
    return text.lower() if text.isascii() else text.translate(_EVERY_I).casefold()


def text_of(event: Event) -> str | None:
    """The event's text, ``None`` when events of its kind have none."""
    text = getattr(event, "text", None)
    return text if isinstance(text, str) else None


def words_of(event: Event) -> tuple[str, str] | None:
    """The first word of the event's text and what follows it, as written.

    The handles at the beginning of a post do not count: "@shop /order 42" begins with "/order".
    """
    text = text_of(event)
    if not text:
        return None
    if isinstance(event, PostEvent):
        handles = _HANDLES.match(text)
        if handles is not None:
            text = text[handles.end() :]
    parts = text.split(None, 1)
    if not parts:
        return None
    return parts[0], parts[1].rstrip() if len(parts) == 2 else ""


def sender_of(event: Event) -> User | None:
    """Who did it, ``None`` when the event names nobody."""
    for name in ("sender", "author", "user"):
        found = getattr(event, name, None)
        if isinstance(found, User):
            return found
    user_id = getattr(event, "user_id", None)
    return User(id=user_id) if isinstance(user_id, str) else None


def gram_key(folded: str) -> Key:
    """A key that every text has which contains this (folded, not empty) one: its rarest three letters."""
    gram = max(_grams(folded), key=_rarity_of_gram)
    if len(gram) == 1:
        return Key("gram1", gram)
    return Key("gram3" if len(gram) == 3 else "gram2", tuple(gram))


def rarity(folded: str) -> int:
    """How seldom a text contains this (folded, not empty) one, by the key of `gram_key`; more is rarer."""
    return max(map(_rarity_of_gram, _grams(folded)))


def _grams(folded: str) -> list[str]:
    return [folded[place : place + 3] for place in range(max(1, len(folded) - 2))]


def _rarity_of_gram(gram: str) -> int:
    return sum(_FREQUENT.find(letter) if letter in _FREQUENT else len(_FREQUENT) for letter in gram)


def _read_text(_: Event, folded: str) -> Iterable[Hashable]:
    return (folded.strip(),)


def _read_start(_: Event, folded: str) -> Iterable[Hashable]:
    start = folded.lstrip()[:START_LENGTH]
    return [start[:length] for length in range(1, len(start) + 1)]


# `zip` hands the same tuple out again while nobody keeps it: reading a text's grams allocates almost nothing.
def _read_gram3(_: Event, folded: str) -> Iterable[Hashable]:
    return zip(folded, folded[1:], folded[2:], strict=False)


def _read_gram2(_: Event, folded: str) -> Iterable[Hashable]:
    return pairwise(folded)


def _read_gram1(_: Event, folded: str) -> Iterable[Hashable]:
    return folded


def _read_command(event: Event, _: str) -> Iterable[Hashable]:
    words = words_of(event)
    return () if words is None else (fold(words[0]),)


def _read_from(event: Event, _: str) -> Iterable[Hashable]:
    sender = sender_of(event)
    return () if sender is None else (sender.id, f"@{fold(sender.username)}")


def _read_quick_reply(event: Event, _: str) -> Iterable[Hashable]:
    metadata = getattr(event, "quick_reply", None)
    return () if metadata is None else (metadata,)


def _read_media(event: Event, _: str) -> Iterable[Hashable]:
    return [media.kind for media in getattr(event, "media", ())]


def _read_lang(event: Event, _: str) -> Iterable[Hashable]:
    return (fold(getattr(event, "lang", "")),)


def _read_flag(event: Event, _: str) -> Iterable[Hashable]:
    return [name for name in FLAGS if getattr(event, name, None)] + (
        ["quick_reply"] if getattr(event, "quick_reply", None) is not None else []
    )


#: What an event can simply be or have.
FLAGS: Final = ("is_reply", "is_quote", "is_repost", "links", "media")

#: How each family is read from an event; the second argument is its folded text, ``""`` when it has none.
READERS: Final[Mapping[Family, Callable[[Event, str], Iterable[Hashable]]]] = MappingProxyType(
    {
        "text": _read_text,
        "start": _read_start,
        "gram3": _read_gram3,
        "gram2": _read_gram2,
        "gram1": _read_gram1,
        "command": _read_command,
        "from": _read_from,
        "quick_reply": _read_quick_reply,
        "media": _read_media,
        "lang": _read_lang,
        "flag": _read_flag,
    }
)
