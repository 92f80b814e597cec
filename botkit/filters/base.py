"""Filters: pure, readable questions about an event, joined with ``&``, ``|`` and ``~``."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from botkit.events import Event
    from botkit.filters.keys import Family, Key

__all__ = [
    "EVERYTHING",
    "NO_ARGUMENTS",
    "And",
    "Everything",
    "Filter",
    "Not",
    "Or",
    "Where",
    "as_filter",
    "where",
]

NO_ARGUMENTS: Final[Mapping[str, str]] = MappingProxyType({})

# How many events have a given key of the family, from few to many: what `&` chooses by.
_COMMON: Final[Mapping[Family, int]] = MappingProxyType(
    {
        "text": 1,
        "command": 1,
        "from": 2,
        "start": 2,
        "quick_reply": 2,
        "gram3": 4,
        "gram2": 20,
        "media": 30,
        "lang": 40,
        "flag": 40,
        "gram1": 50,
    }
)


class Filter(ABC):
    """A question about an event that is answered by the event alone.

    Filters are immutable, hashable and compared by value; ``str()`` is what `botkit check` prints. A filter
    is also a plain predicate: ``contains("price")(event)`` is a bool. Write your own by giving a subclass
    `match` and ``__str__``, or hand a plain function to a decorator.
    """

    __slots__ = ()

    @abstractmethod
    def match(self, event: Event) -> Mapping[str, str] | None:
        """``None`` when the event does not match, else the arguments that the match gives to the handler.

        Must have no effect. What it raises counts as a failure of the handler that it stands before.
        """

    def needs(self) -> frozenset[Key] | None:
        """Keys of which an event must have at least one for a match to be possible; ``None``: can't tell."""
        return None

    def provides(self) -> frozenset[str]:
        """The names of the arguments that a match can give."""
        return frozenset()

    @abstractmethod
    def __str__(self) -> str: ...

    def __call__(self, event: Event) -> bool:
        """Whether the event matches."""
        return self.match(event) is not None

    def __and__(self, other: Filter | Callable[[Any], bool]) -> Filter:
        return And.of((self, as_filter(other)))

    def __rand__(self, other: Callable[[Any], bool]) -> Filter:
        return And.of((as_filter(other), self))

    def __or__(self, other: Filter | Callable[[Any], bool]) -> Filter:
        return Or.of((self, as_filter(other)))

    def __ror__(self, other: Callable[[Any], bool]) -> Filter:
        return Or.of((as_filter(other), self))

    def __invert__(self) -> Filter:
        return Not(self)


@dataclass(frozen=True)
class Everything(Filter):
    """Matches every event: a handler without filters."""

    def match(self, event: Event) -> Mapping[str, str] | None:
        return NO_ARGUMENTS

    def __str__(self) -> str:
        return "everything"


EVERYTHING: Final = Everything()


@dataclass(frozen=True)
class And(Filter):
    """All of them match, asked from left to right."""

    parts: tuple[Filter, ...]

    @classmethod
    def of(cls, filters: Iterable[Filter]) -> Filter:
        """The filters joined; none is `EVERYTHING`, one is itself.

        :raises ValueError: two of them give the same argument.
        """
        parts: list[Filter] = []
        for given in filters:
            parts.extend(given.parts if isinstance(given, And) else () if given == EVERYTHING else (given,))
        named: set[str] = set()
        for part in parts:
            twice = named & part.provides()
            if twice:
                raise ValueError(f"two filters joined with & both give {min(twice)!r}; rename one of them")
            named |= part.provides()
        return cls(tuple(parts)) if len(parts) > 1 else parts[0] if parts else EVERYTHING

    def match(self, event: Event) -> Mapping[str, str] | None:
        together: dict[str, str] | None = None
        for part in self.parts:
            given = part.match(event)
            if given is None:
                return None
            if given:
                together = {**together, **given} if together else dict(given)
        return NO_ARGUMENTS if together is None else together

    def needs(self) -> frozenset[Key] | None:
        """The keys of the part that the fewest events share."""
        told = [keys for keys in (part.needs() for part in self.parts) if keys is not None]
        return min(told, key=_commonness) if told else None

    def provides(self) -> frozenset[str]:
        return frozenset().union(*(part.provides() for part in self.parts))

    def __str__(self) -> str:
        return " & ".join(f"({part})" if isinstance(part, Or) else str(part) for part in self.parts)


@dataclass(frozen=True)
class Or(Filter):
    """One of them matches, asked from left to right; the first match gives the arguments."""

    parts: tuple[Filter, ...]

    @classmethod
    def of(cls, filters: Iterable[Filter]) -> Filter:
        """The filters as alternatives; one is itself."""
        parts: list[Filter] = []
        for given in filters:
            parts.extend(given.parts if isinstance(given, Or) else (given,))
        return cls(tuple(parts)) if len(parts) > 1 else parts[0]

    def match(self, event: Event) -> Mapping[str, str] | None:
        for part in self.parts:
            given = part.match(event)
            if given is not None:
                return given
        return None

    def needs(self) -> frozenset[Key] | None:
        """The keys of all parts, if all can tell."""
        told = [part.needs() for part in self.parts]
        if any(keys is None for keys in told):
            return None
        return frozenset().union(*(keys for keys in told if keys is not None))

    def provides(self) -> frozenset[str]:
        return frozenset().union(*(part.provides() for part in self.parts))

    def __str__(self) -> str:
        return " | ".join(f"({part})" if isinstance(part, And) else str(part) for part in self.parts)


@dataclass(frozen=True)
class Not(Filter):
    """Matches what the other does not; gives no arguments."""

    part: Filter

    def match(self, event: Event) -> Mapping[str, str] | None:
        return NO_ARGUMENTS if self.part.match(event) is None else None

    def __invert__(self) -> Filter:
        # Not `self.part`: a double negation gives no arguments either.
        return self.part if not self.part.provides() else Not(self)

    def __str__(self) -> str:
        return f"~({self.part})" if isinstance(self.part, And | Or) else f"~{self.part}"


@dataclass(frozen=True)
class Where(Filter):
    """A function of the author's decides; nothing is known about it, so it is asked for every event."""

    predicate: Callable[[Any], bool]
    name: str

    def match(self, event: Event) -> Mapping[str, str] | None:
        return NO_ARGUMENTS if self.predicate(event) else None

    def __str__(self) -> str:
        return f"where({self.name})"


def where(predicate: Callable[[Any], bool], *, name: str = "") -> Filter:
    """A filter of any function from event to bool; ``name`` is what `botkit check` prints.

    :raises TypeError: it can't be called with one event, or is asynchronous.
    """
    if isinstance(predicate, Filter):
        return predicate
    if not callable(predicate):
        raise TypeError(
            f"a filter is a Filter or a function from event to bool, not {type(predicate).__name__}; "
            "for a text write contains(…)"
        )
    if inspect.iscoroutinefunction(predicate):
        raise TypeError(f"{_name(predicate)} is async, and a filter can't wait; make it a plain function")
    if getattr(predicate, "__module__", "").startswith("botkit.filters"):
        raise TypeError(f"{_name(predicate)} makes a filter; call it: {_name(predicate)}(…)")
    try:
        inspect.signature(predicate).bind(None)
    except TypeError:
        raise TypeError(f"{_name(predicate)} can't be a filter: it is not called with one event") from None
    except ValueError:
        pass  # a builtin that does not tell its signature
    return Where(predicate, name or _name(predicate))


def as_filter(given: Filter | Callable[[Any], bool]) -> Filter:
    """The filter itself, or the plain function as a filter.

    :raises TypeError: as `where`.
    """
    return given if isinstance(given, Filter) else where(given)


def _name(function: object) -> str:
    name = getattr(function, "__name__", "") or type(function).__name__
    code = getattr(function, "__code__", None)
    if name == "<lambda>" and code is not None:
        return f"lambda at {PurePath(code.co_filename).name}:{code.co_firstlineno}"
    return name


def _commonness(keys: frozenset[Key]) -> int:
    return sum(_COMMON[key.family] for key in keys)
