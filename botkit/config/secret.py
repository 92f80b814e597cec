"""A value that may be used and never be seen."""

from __future__ import annotations

import hmac

__all__ = ["Secret"]


class Secret:
    """A secret text: ``repr()``, ``str()`` and formatting hide it; `reveal` gives it to who uses it.

    Two secrets are compared in constant time. A secret can't be pickled or copied into JSON by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Call it where the secret is used, and keep the result nowhere."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('…')" if self._value else "Secret('')"

    def __str__(self) -> str:
        return "…" if self._value else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> str:
        message = "a Secret can't be pickled"
        raise TypeError(message)
