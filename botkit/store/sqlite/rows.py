"""SQL over many rows at once: a statement a batch instead of a statement a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

__all__ = ["ManyRows", "OneOf"]

#: rows a statement; times the columns of any statement here this stays far below SQLite's limit of parameters
_MOST = 256
#: up to here a statement is made for every number of rows, above for every multiple of it
_FEW = 32


class ManyRows:
    """A statement with ``{rows}`` where its rows go.

    It has a text for few rows and for multiples of them, so that SQLite's prepared statements are found again
    and that a batch takes one or two: each time the thread may have to wait for Python's lock.
    """

    def __init__(self, text: str, columns: int) -> None:
        self._row = f"({', '.join('?' * columns)})"
        self._text = text
        self._texts: dict[int, str] = {}

    def run(self, connection: sqlite3.Connection, rows: Sequence[Sequence[object]], *after: object) -> int:
        """Run it and return how many rows it changed. ``after``: parameters behind those of the rows."""
        # Python counts no rows for a statement that begins with WITH.
        before = connection.total_changes
        for text, piece in self._pieces(rows):
            parameters = list(chain.from_iterable(piece))
            parameters.extend(after)
            connection.execute(text, parameters)
        return connection.total_changes - before

    def fetch(
        self, connection: sqlite3.Connection, rows: Sequence[Sequence[object]], *after: object
    ) -> list[tuple[Any, ...]]:
        """Run a query and return its rows."""
        found: list[tuple[Any, ...]] = []
        for text, piece in self._pieces(rows):
            parameters = list(chain.from_iterable(piece))
            parameters.extend(after)
            found += connection.execute(text, parameters)
        return found

    def _pieces(self, rows: Sequence[Sequence[object]]) -> Iterator[tuple[str, Sequence[Sequence[object]]]]:
        start, left = 0, len(rows)
        while left:
            size = left if left <= _FEW else min(_MOST, left - left % _FEW)
            text = self._texts.get(size)
            if text is None:
                text = self._texts[size] = self._text.format(rows=", ".join([self._row] * size))
            yield text, rows[start : start + size]
            start += size
            left -= size


class OneOf:
    """A statement with ``{keys}`` in an ``IN``; keys are padded with the last one to a power of two."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._texts: dict[int, str] = {}

    def run(self, connection: sqlite3.Connection, keys: Sequence[object]) -> Iterator[sqlite3.Cursor]:
        """Run it, in as many pieces as it takes."""
        for start in range(0, len(keys), _MOST):
            piece = list(keys[start : start + _MOST])
            size = 1 << (len(piece) - 1).bit_length()
            piece += piece[-1:] * (size - len(piece))
            text = self._texts.get(size)
            if text is None:
                text = self._texts[size] = self._text.format(keys=", ".join("?" * size))
            yield connection.execute(text, piece)
