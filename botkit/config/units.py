"""How durations and sizes are written in bot.yaml: ``30s``, ``1h30m``, ``1MiB``, or a plain number."""

from __future__ import annotations

import math
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DURATION_PATTERN", "SIZE_PATTERN", "format_duration", "parse_duration", "parse_size"]

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_SECONDS: Mapping[str, float] = MappingProxyType(
    {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
)
_SIZES: Mapping[str, int] = MappingProxyType(
    {"": 1, "B": 1, "kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
    | {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
)

#: for editors; what may be written
DURATION_PATTERN = rf"^(?:{_NUMBER}|(?:{_NUMBER}(?:ms|s|m|h|d))+)$"
SIZE_PATTERN = rf"^{_NUMBER} ?(?:B|kB|KB|KiB|MB|MiB|GB|GiB)?$"


def parse_duration(value: str | float) -> float:
    """Return seconds: ``"30s"``, ``"5m"``, ``"1h30m"``, ``"250ms"``; a bare number is seconds already.

    :raises ValueError: not a duration; the message does not repeat the value.
    """
    if isinstance(value, str):
        if not re.fullmatch(DURATION_PATTERN.strip("^$"), value, re.ASCII):
            raise ValueError("not a duration")
        return math.fsum(
            float(number) * _SECONDS[unit] for number, unit in re.findall(rf"({_NUMBER})(ms|[smhd]|)", value)
        )
    if not math.isfinite(value) or value < 0:
        raise ValueError("a duration is not negative")
    return float(value)


def format_duration(seconds: float) -> str:
    """Write seconds as bot.yaml does, largest unit first: 90 → ``"1m30s"``, 0.25 → ``"250ms"``."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    whole, rest = divmod(seconds, 1)
    parts, left = [], int(whole)
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    if left or rest or not parts:
        parts.append(f"{left + rest:.10g}s")
    return "".join(parts)


def parse_size(value: str | float) -> int:
    """Return bytes: ``"1MiB"`` = 1,048,576, ``"500 kB"`` = 500,000; a bare whole number is bytes already.

    :raises ValueError: not a size; the message does not repeat the value.
    """
    if isinstance(value, str):
        found = re.fullmatch(rf"({_NUMBER}) ?([A-Za-z]*)", value, re.ASCII)
        if not found or found[2] not in _SIZES:
            raise ValueError("not a size")
        value = float(found[1]) * _SIZES[found[2]]
    if not math.isfinite(value) or value < 0 or value != int(value):
        raise ValueError("a size is a whole number of bytes")
    return int(value)
