"""What a settings class may say about a value beside its type; put it into ``typing.Annotated``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

from botkit.config.units import DURATION_PATTERN, SIZE_PATTERN, parse_duration, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Duration", "Network", "OneOrMore", "Parsed", "Range", "Size", "Text"]


@dataclass(frozen=True, slots=True)
class Range:
    """A number's bounds, both included; ``None`` is open. Durations count in seconds, sizes in bytes."""

    minimum: float | None = None
    maximum: float | None = None

    def problem(self, value: float) -> str:
        """Say what is wrong with ``value``, or ``""``."""
        if self.minimum is not None and value < self.minimum:
            return f"must be at least {self.minimum:g}"
        if self.maximum is not None and value > self.maximum:
            return f"must be at most {self.maximum:g}"
        return ""


@dataclass(frozen=True, slots=True)
class Text:
    """A text's or secret's shape.

    :param pattern: a regular expression that the whole text must match, in the syntax that Python and JSON
        Schema share.
    :param expected: the shape in words, such as ``a path that starts with /``.
    """

    pattern: str
    expected: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """A scalar that a function turns into the value.

    :param parse: takes the text, or the number where ``number`` is set; raises ValueError to refuse.
    :param expected: what may be written, in words.
    :param pattern: a regular expression for the text, for editors.
    :param number: a bare number is given to ``parse`` as a number, not as its text.
    """

    parse: Callable[[Any], Any]
    expected: str
    pattern: str
    number: bool = False


@dataclass(frozen=True, slots=True)
class OneOrMore:
    """A list that may also be written as its only item."""


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text)


#: seconds, written ``30s``, ``5m``, ``2h``, ``1d``, ``1h30m`` or as a number of seconds
Duration = Annotated[
    float, Parsed(parse_duration, "a duration such as 30s, 5m or 2h", DURATION_PATTERN, number=True)
]

#: bytes, written ``1MiB``, ``500kB`` or as a number of bytes
Size = Annotated[int, Parsed(parse_size, "a size such as 1MiB or 500kB", SIZE_PATTERN, number=True)]

#: an address or a network of addresses
Network = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    Parsed(_network, "an address or network such as 10.0.0.0/8", r"^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$"),
]


def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile a regular expression; ValueError says what is wrong and where."""
    try:
        return re.compile(text)
    except (re.error, OverflowError) as error:
        raise ValueError(str(error)) from None


#: types that are read from a text without further ado
PARSED_TYPES: Mapping[Any, Parsed] = MappingProxyType(
    {re.Pattern[str]: Parsed(compile_pattern, "a regular expression", "")}
)
