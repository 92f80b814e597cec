"""`regex`, and what a pattern tells about the texts that it can match."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botkit.filters.base import NO_ARGUMENTS, Filter
from botkit.filters.keys import Key, fold, gram_key, rarity, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from botkit.events import Event

__all__ = ["Regex", "regex", "required_texts"]


@dataclass(frozen=True)
class Regex(Filter):
    """The pattern is found in the event's text; its named groups are arguments."""

    pattern: re.Pattern[str]

    def match(self, event: Event) -> Mapping[str, str] | None:
        text = text_of(event)
        found = None if text is None else self.pattern.search(text)
        if found is None:
            return None
        if not self.pattern.groupindex:
            return NO_ARGUMENTS
        return {name: value for name, value in found.groupdict().items() if value is not None}

    def needs(self) -> frozenset[Key] | None:
        texts = required_texts(self.pattern)
        return None if texts is None else frozenset(gram_key(text) for text in texts)

    def provides(self) -> frozenset[str]:
        return frozenset(self.pattern.groupindex)

    def __str__(self) -> str:
        case = "" if self.pattern.flags & re.IGNORECASE else ", case=True"
        return f'regex("{self.pattern.pattern}"{case})'


def regex(pattern: str | re.Pattern[str], *, case: bool = False) -> Filter:
    r"""The pattern is found somewhere in the text, whatever the case unless ``case=True``.

    Named groups become arguments of the handler, converted to their annotations:
    ``regex(r"order (?P<number>\d+)")`` gives ``number: int``. A group that took no part in the match leaves
    the parameter at its default. A compiled pattern keeps its own flags.

    :raises ValueError: the pattern is wrong, or a group is called ``event`` or ``bot``.
    """
    if isinstance(pattern, str):
        try:
            pattern = re.compile(pattern, 0 if case else re.IGNORECASE)
        except re.error as error:
            raise ValueError(f'regex("{pattern}") is not a pattern: {error}') from None
    elif not isinstance(pattern.pattern, str):
        raise TypeError("regex() takes a pattern of text, not of bytes")
    taken = {"event", "bot"} & set(pattern.groupindex)
    if taken:
        raise ValueError(
            f"regex(): a group can't be called {min(taken)!r}, which every handler has; rename it"
        )
    return Regex(pattern)


def required_texts(pattern: re.Pattern[str]) -> frozenset[str] | None:
    """Folded texts of which at least one stands in the fold of every text that the pattern matches.

    ``None`` when that can't be said for sure: a lost hint costs a little time, a wrong one loses an event.
    """
    try:
        # The standard library's own parser is private. Without it, or with one that answers otherwise, there
        # is no hint, and everything works as before.
        parser = importlib.import_module("re._parser")
        return _of_sequence(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    except (ImportError, AttributeError, TypeError, ValueError, LookupError, RecursionError, re.error):
        return None


def _of_sequence(parsed: Iterable[tuple[Any, Any]]) -> frozenset[str] | None:
    """Literals that follow each other are one text; of all that must be there the rarest is enough."""
    found: list[frozenset[str]] = []
    run: list[str] = []

    def end_of_run() -> None:
        if run:
            found.append(frozenset((fold("".join(run)),)))
            run.clear()

    for operation, operand in parsed:
        name = str(operation)
        if name == "LITERAL":
            run.append(chr(operand))
            continue
        end_of_run()
        inner = _of_operation(name, operand)
        if inner is not None:
            found.append(inner)
    end_of_run()
    return max(found, key=_worth) if found else None


def _of_operation(name: str, operand: Any) -> frozenset[str] | None:
    if name == "SUBPATTERN":
        return _of_sequence(operand[-1])
    if name == "ATOMIC_GROUP":
        return _of_sequence(operand)
    if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        least, _, repeated = operand
        return _of_sequence(repeated) if least else None
    if name == "BRANCH":
        together: set[str] = set()
        for branch in operand[1]:
            texts = _of_sequence(branch)
            if texts is None:
                return None
            together |= texts
        return frozenset(together)
    return None


def _worth(texts: frozenset[str]) -> tuple[int, int]:
    return min(rarity(text) for text in texts), -len(texts)
