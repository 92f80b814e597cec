"""Filters about an event's text: whole, part, beginning, and ``/command``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from botkit.filters.base import NO_ARGUMENTS, Filter
from botkit.filters.keys import START_LENGTH, Key, fold, gram_key, text_of, words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botkit.events import Event

__all__ = ["COMMAND_WORD", "COMMAND_WORDS", "Command", "Text", "command", "contains", "equals", "startswith"]

#: The arguments that a command gives: the words after it, and the command as its author wrote it. No
#: parameter can have these names; a handler's own parameters are bound to the words in their order.
COMMAND_WORDS: Final = "*"
COMMAND_WORD: Final = "*command"


@dataclass(frozen=True)
class Text(Filter):
    """One of the texts is (`equals`), is in (`contains`) or begins (`startswith`) the event's text."""

    how: Literal["equals", "contains", "startswith"]
    texts: tuple[str, ...]
    case: bool = False

    def match(self, event: Event) -> Mapping[str, str] | None:
        text = text_of(event)
        if text is None:
            return None
        same: Callable[[str], str] = _as_is if self.case else fold
        read = same(text)
        if self.how == "contains":
            found = any(same(part) in read for part in self.texts)
        elif self.how == "startswith":
            found = read.lstrip().startswith(tuple(same(part) for part in self.texts))
        else:
            whole = read.strip()
            found = any(same(part) == whole for part in self.texts)
        return NO_ARGUMENTS if found else None

    def needs(self) -> frozenset[Key] | None:
        folded = [fold(text) for text in self.texts]
        if self.how == "contains":
            return frozenset(gram_key(text) for text in folded)
        if self.how == "startswith":
            return frozenset(Key("start", text[:START_LENGTH]) for text in folded)
        return frozenset(Key("text", text) for text in folded)

    def __str__(self) -> str:
        return f"{self.how}({', '.join(map(_quoted, self.texts))}{', case=True' if self.case else ''})"


@dataclass(frozen=True)
class Command(Filter):
    """The first word of the text is one of the words, whatever its case."""

    words: tuple[str, ...]
    prefix: str

    def match(self, event: Event) -> Mapping[str, str] | None:
        words = words_of(event)
        if words is None:
            return None
        first = fold(words[0])
        for word in self.words:
            if first == fold(self.prefix + word):
                return {COMMAND_WORDS: words[1], COMMAND_WORD: self.prefix + word}
        return None

    def needs(self) -> frozenset[Key] | None:
        return frozenset(Key("command", fold(self.prefix + word)) for word in self.words)

    def provides(self) -> frozenset[str]:
        return frozenset((COMMAND_WORDS, COMMAND_WORD))

    def __str__(self) -> str:
        prefix = "" if self.prefix == "/" else f", prefix={_quoted(self.prefix)}"
        return f"command({', '.join(map(_quoted, self.words))}{prefix})"


def equals(*texts: str, case: bool = False) -> Filter:
    """The text is one of these; white space around it does not count. ``case=True``: capitals count.

    :raises ValueError: no text is given.
    """
    return Text("equals", tuple(text.strip() for text in _texts("equals", texts)), case)


def contains(*texts: str, case: bool = False) -> Filter:
    """One of these stands somewhere in the text, also inside a word. ``case=True``: capitals count.

    :raises ValueError: no text is given, or an empty one.
    """
    return Text("contains", _not_empty("contains", texts), case)


def startswith(*texts: str, case: bool = False) -> Filter:
    """The text begins with one of these, white space before it aside. ``case=True``: capitals count.

    :raises ValueError: no text is given, or an empty one.
    """
    return Text("startswith", tuple(text.lstrip() for text in _not_empty("startswith", texts)), case)


def command(*words: str, prefix: str = "/") -> Filter:
    """The text begins with a command such as ``/order 42``; several words are other names for it.

    The handler's parameters beside ``event`` and ``bot`` are bound to the words that follow, in order, and
    converted to their annotations; a last ``str`` takes the rest. A word that is missing or does not convert
    is answered with a usage line. In a post the handles at the beginning do not count. ``prefix=""`` makes
    the bare word a command.

    :raises ValueError: no word is given, or one with white space in it.
    """
    for part in (*_not_empty("command", words), prefix):
        if any(letter.isspace() for letter in part):
            raise ValueError(f"command({_quoted(part)}): a command is one word, without white space")
    given = tuple(word.removeprefix(prefix) if prefix and word != prefix else word for word in words)
    return Command(given, prefix)


def _texts(maker: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        raise ValueError(f'{maker}() needs a text: {maker}("hello")')
    for text in texts:
        if not isinstance(text, str):
            raise TypeError(f"{maker}() takes texts, not {type(text).__name__}")
    return texts


def _not_empty(maker: str, texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in _texts(maker, texts):
        if not text.strip():
            raise ValueError(f'{maker}("") would match every text; leave the filter out instead')
    return texts


def _as_is(text: str) -> str:
    return text


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
