"""`regex`, and what a pattern tells about the texts that it can match."""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

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
        return _of_sequence(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG)).required
    except (ImportError, AttributeError, TypeError, ValueError, LookupError, RecursionError, re.error):
        return None


# So many alternatives are spelled out, `(hi|hello) (you|all)` being four; more are taken apart.
_MOST_ALTERNATIVES: Final = 16


@dataclass(frozen=True, slots=True)
class _Told:
    """What a part of a pattern tells of the text that it matches, folded.

    :param exact: it matches nothing but one of these.
    :param required: whatever it matches holds one of these.
    """

    exact: frozenset[str] | None = None
    required: frozenset[str] | None = None


_NOTHING: Final = _Told()
_EMPTY: Final = _Told(exact=frozenset(("",)))


def _of_sequence(parsed: Iterable[tuple[Any, Any]]) -> _Told:
    """Exactly known parts that follow each other are one text; of what must be there the rarest is enough."""
    found: list[frozenset[str]] = []
    run = frozenset(("",))
    unbroken = True
    for operation, operand in parsed:
        told = _of_operation(str(operation), operand)
        if told.exact is not None and len(run) * len(told.exact) <= _MOST_ALTERNATIVES:
            run = frozenset(before + after for before in run for after in told.exact)
            continue
        unbroken = False
        found.append(run)
        run = told.exact if told.exact is not None else frozenset(("",))
        if told.exact is None and told.required is not None:
            found.append(told.required)
    found.append(run)
    useful = [texts for texts in found if "" not in texts]
    return _Told(run if unbroken else None, max(useful, key=_worth) if useful else None)


def _of_operation(name: str, operand: Any) -> _Told:
    if name == "LITERAL":
        return _Told(exact=frozenset((fold(chr(operand)),)))
    if name == "IN":
        return _of_letters(operand)
    if name in {"AT", "ASSERT", "ASSERT_NOT"}:
        return _EMPTY  # they match no letter of their own
    if name == "SUBPATTERN":
        return _of_sequence(operand[-1])
    if name == "ATOMIC_GROUP":
        return _of_sequence(operand)
    if name == "BRANCH":
        return _of_branches([_of_sequence(branch) for branch in operand[1]])
    if name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
        least, most, repeated = operand
        inner = _of_sequence(repeated)
        if least:
            return _Told(required=inner.required)
        return _of_branches([inner, _EMPTY]) if most == 1 else _NOTHING
    return _NOTHING


def _of_letters(letters: Iterable[tuple[Any, Any]]) -> _Told:
    """``[pP]``: a few letters, told one by one; a negation, a range or a class tells nothing."""
    listed = list(letters)
    if len(listed) > _MOST_ALTERNATIVES or any(str(kind) != "LITERAL" for kind, _ in listed):
        return _NOTHING
    return _Told(exact=frozenset(fold(chr(letter)) for _, letter in listed))


def _of_branches(branches: list[_Told]) -> _Told:
    exact: set[str] = set()
    required: set[str] | None = set()
    for told in branches:
        exact |= told.exact or frozenset()
        required = None if required is None or told.required is None else required | told.required
    known = all(told.exact is not None for told in branches) and len(exact) <= _MOST_ALTERNATIVES
    return _Told(frozenset(exact) if known else None, None if required is None else frozenset(required))


def _worth(texts: frozenset[str]) -> tuple[int, int]:
    return min(rarity(text) for text in texts), -len(texts)
