"""``bot.state``: one plugin's dictionary for one conversation, saved with the turn."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import msgspec

__all__ = ["State"]


class State(MutableMapping[str, Any]):
    """A dictionary that is stored when the handler succeeds, and forgotten when it raises.

    Values: ``None``, booleans, numbers, texts, bytes, aware datetimes, and lists and dicts of these.
    """

    __slots__ = ("_stored", "_values")

    def __init__(self, stored: bytes | None = None) -> None:
        self._stored = stored
        self._values: dict[str, Any] = msgspec.msgpack.decode(stored) if stored else {}

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"bot.state keys are texts, not {type(key).__name__}")
        self._values[key] = value

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<State of {len(self._values)} keys>"  # values may be what people wrote

    def changed(self) -> tuple[bool, bytes | None]:
        """Whether there is something to store, and its stored form (``None``: nothing is left).

        :raises TypeError: a value can't be stored; the message names its key.
        """
        if not self._values:
            return self._stored is not None, None
        try:
            encoded = msgspec.msgpack.encode(self._values, order="deterministic")
        except (TypeError, ValueError, OverflowError):
            for key, value in self._values.items():
                try:
                    msgspec.msgpack.encode(value)
                except (TypeError, ValueError, OverflowError) as error:
                    raise TypeError(f"bot.state[{key!r}] can't be stored: {error}") from error
            raise
        return encoded != self._stored, encoded
