"""The table of handlers: who runs for an event, found without asking those who can't match.

The order is the handlers' order; per slot (a plugin, see `Handler.slot`) the first that matches runs. For
every class of events the handlers are indexed by the keys that their filters need. Reading an event's keys
costs the same for one plugin as for a thousand; whoever shares a key is asked, and whoever can't tell.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from botkit.events import Event
from botkit.filters.keys import READERS, fold, text_of
from botkit.hooks.specs import ECHOED, HOOK_OF_EVENT

if TYPE_CHECKING:
    from collections.abc import Container, Hashable, Iterable, Iterator, Sequence

    from botkit.filters.keys import Family
    from botkit.hooks.handler import Handler, Match

__all__ = ["HandlerTable", "Selection"]


class _Index:
    """Some handlers, in order, by what an event must have for them to match."""

    __slots__ = ("_always", "_families", "_handlers")

    def __init__(self, handlers: Sequence[Handler]) -> None:
        self._handlers = tuple(handlers)
        always: list[int] = []
        places: dict[Family, defaultdict[Hashable, list[int]]] = {}
        for place, handler in enumerate(self._handlers):
            needs = handler.filter.needs()
            if needs is None:
                always.append(place)
                continue
            for family, value in needs:
                places.setdefault(family, defaultdict(list))[value].append(place)
        self._always = tuple(always)
        self._families = tuple(
            (READERS[family], frozenset(by_value), {value: tuple(found) for value, found in by_value.items()})
            for family, by_value in places.items()
        )

    def candidates(self, event: Event) -> Iterable[Handler]:
        """The handlers that may match the event, in order."""
        if not self._families:
            return self._handlers
        text = text_of(event)
        folded = fold(text) if text else ""
        found: set[int] = set()
        for read, wanted, places in self._families:
            # The frozenset walks what the event has, in C, and keeps what is wanted: how much is wanted by
            # plugins that do not match makes no difference.
            for value in wanted.intersection(read(event, folded)):
                found.update(places[value])
        if not found:
            return [self._handlers[place] for place in self._always]
        found.update(self._always)
        return [self._handlers[place] for place in sorted(found)]


class Selection:
    """What runs for one event: `matches` one after the other, then `fallbacks` if nothing answered."""

    __slots__ = ("_event", "_fallbacks", "_index", "_skip", "matches")

    def __init__(self, event: Event, matches: tuple[Match, ...], index: _Index, skip: Container[str]) -> None:
        self.matches: Final = matches
        self._event = event
        self._index = index
        self._skip = skip
        self._fallbacks: tuple[Match, ...] | None = None

    def fallbacks(self) -> tuple[Match, ...]:
        """Per plugin the first fallback handler that matches, in order; their filters are asked only now."""
        if self._fallbacks is None:
            self._fallbacks = _first_of_each(self._index.candidates(self._event), self._event, self._skip)
        return self._fallbacks

    def __repr__(self) -> str:
        return f"Selection({', '.join(match.handler.id for match in self.matches)})"


class HandlerTable:
    """Handlers in the order in which they run, ready to be selected from. Immutable."""

    __slots__ = ("_by_kind", "_handlers")

    def __init__(self, handlers: Sequence[Handler]) -> None:
        """Index the handlers, which come in their order."""
        self._handlers = tuple(handlers)
        self._by_kind: dict[tuple[type[Event], bool], tuple[_Index, _Index]] = {}
        for kind in (*HOOK_OF_EVENT, Event):
            for by_us in (False, True):
                concerned = [handler for handler in self._handlers if _concerns(handler, kind, by_us=by_us)]
                self._by_kind[kind, by_us] = (
                    _Index([handler for handler in concerned if not handler.fallback]),
                    _Index([handler for handler in concerned if handler.fallback]),
                )

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._handlers)

    def __len__(self) -> int:
        return len(self._handlers)

    def has(self, kind: type[Event]) -> bool:
        """Whether any handler can run for events of this class."""
        return any(
            _concerns(handler, kind, by_us=by_us) for handler in self._handlers for by_us in (False, True)
        )

    def select(self, event: Event, *, skip: Container[str] = ()) -> Selection:
        """Per slot the first handler that matches the event, in order, fallbacks apart.

        :param skip: slots (`Handler.slot`) that are done already, from an earlier attempt at the event.

        Never raises; what a filter raises is that handler's failure and comes out of `Match.run`.
        """
        found = self._by_kind.get((type(event), event.by_us))
        if found is None:  # a class of its own, which only `on_event` can see
            found = self._by_kind[Event, event.by_us]
        handlers, fallbacks = found
        return Selection(event, _first_of_each(handlers.candidates(event), event, skip), fallbacks, skip)


def _concerns(handler: Handler, kind: type[Event], *, by_us: bool) -> bool:
    if handler.hook == "on_event":
        return True
    return HOOK_OF_EVENT.get(kind) == handler.hook and (
        not by_us or handler.own or handler.hook not in ECHOED
    )


def _first_of_each(candidates: Iterable[Handler], event: Event, skip: Container[str]) -> tuple[Match, ...]:
    matches: list[Match] = []
    taken: set[str] = set()
    for handler in candidates:
        slot = handler.slot
        if slot in taken or slot in skip:
            continue
        match = handler.match(event)
        if match is not None:
            taken.add(slot)
            matches.append(match)
    return tuple(matches)
