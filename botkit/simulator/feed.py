"""What happened, for those who watch: a bounded log, and live listeners.

An entry keeps its number; each change to it gives it a new ``updated`` number, so that "everything after N"
also brings entries that changed since.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Entry", "Feed"]

#: a listener that is further behind than this is closed; it can read the log and listen again
_BACKLOG = 1000


@dataclass(slots=True)
class Entry:
    """One thing in the log: a request the bot made, or a delivery to it."""

    n: int
    updated: int
    kind: str
    data: dict[str, Any] = field(default_factory=dict)

    def public(self) -> dict[str, Any]:
        """The entry as JSON."""
        return {"n": self.n, "updated": self.updated, "kind": self.kind, **self.data}


class Feed:
    """The log and its listeners.

    :param size: how many entries are remembered.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[int, Entry] = OrderedDict()
        self._last = 0
        self._listeners: set[asyncio.Queue[tuple[str, dict[str, Any]] | None]] = set()
        self._closed = False

    @property
    def last(self) -> int:
        """The newest ``updated`` number."""
        return self._last

    def record(self, kind: str, data: dict[str, Any]) -> Entry:
        """Put something into the log and tell the listeners."""
        self._last += 1
        entry = Entry(self._last, self._last, kind, data)
        self._entries[entry.n] = entry
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
        self.tell(kind, entry.public)
        return entry

    def update(self, entry: Entry, **changes: Any) -> None:
        """Change an entry and tell the listeners."""
        self._last += 1
        entry.updated = self._last
        entry.data.update(changes)
        self.tell(entry.kind, entry.public)

    def after(self, number: int) -> list[dict[str, Any]]:
        """Entries that came or changed after a number, oldest first."""
        found = [entry for entry in self._entries.values() if entry.updated > number]
        return [entry.public() for entry in sorted(found, key=lambda entry: entry.updated)]

    def tell(self, kind: str, data: Any) -> None:
        """Tell the listeners something; ``data`` may be a function, called only if anybody listens."""
        if not self._listeners:
            return
        made = data() if callable(data) else data
        for queue in list(self._listeners):
            if queue.qsize() >= _BACKLOG:
                self._listeners.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait((kind, made))

    @contextmanager
    def listen(self) -> Iterator[asyncio.Queue[tuple[str, dict[str, Any]] | None]]:
        """A queue of what is told from now on; ``None`` ends it."""
        queue: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()
        self._listeners.add(queue)
        if self._closed:
            queue.put_nowait(None)
        try:
            yield queue
        finally:
            self._listeners.discard(queue)

    def close(self) -> None:
        """End all listeners."""
        self._closed = True
        for queue in self._listeners:
            queue.put_nowait(None)
