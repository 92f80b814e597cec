"""Reading X's JSON without trusting it: every look-up gives a value of the wanted type, or its empty value.

X sends ids as text or as numbers, wraps some objects in ``{"data": …}``, and leaves members out. What is
asked for here is asked for by one of these functions, so that no shape of a body can make a reader raise.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

__all__ = [
    "FIRST_SNOWFLAKE",
    "Json",
    "canonical",
    "decode_object",
    "first_snowflake",
    "first_text",
    "from_ms",
    "from_text",
    "id_of",
    "ident",
    "integer",
    "mend",
    "obj",
    "objects",
    "snowflake_time",
    "text",
    "unwrap",
    "whole",
]

Json = Mapping[str, Any]

#: Longer ids than this are none.
MAX_ID = 256
_NONE: dict[str, Any] = {}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: ids below it were counted, and tell no time
FIRST_SNOWFLAKE = 29_700_859_247
_SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_decode = msgspec.json.Decoder().decode
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\(u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


def mend(body: bytes) -> bytes:
    """The body with halves of surrogate pairs, which are no characters, replaced by U+FFFD."""
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)


def decode_object(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``; an empty one when it holds none."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # Numbers beyond a double are the one thing that split lets through and msgspec does not.
        try:
            value = json.loads(mend(body))
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def canonical(value: object) -> bytes:
    """One spelling for equal JSON: sorted keys, no spaces."""
    try:
        return msgspec.json.encode(value, order="sorted")
    except (TypeError, ValueError, RecursionError):
        return repr(value).encode("utf-8", "replace")


def obj(value: Json, key: str) -> dict[str, Any]:
    """The object under ``key``, or an empty one."""
    found = value.get(key)
    return found if isinstance(found, dict) else _NONE


def objects(value: Json, key: str) -> list[dict[str, Any]]:
    """The objects in the array under ``key``; what is no object is passed over."""
    found = value.get(key)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def unwrap(value: object) -> dict[str, Any]:
    """The object, taken out of ``{"data": {…}}`` where X wrapped it; empty for anything else."""
    if not isinstance(value, dict):
        return _NONE
    inner = value.get("data")
    return inner if isinstance(inner, dict) else value


def text(value: Json, key: str) -> str:
    """The text under ``key``, or ``""``."""
    found = value.get(key)
    return found if isinstance(found, str) else ""


def first_text(value: Json, *keys: str) -> str:
    """The first text under one of the keys that is not empty, or ``""``."""
    for key in keys:
        found = value.get(key)
        if isinstance(found, str) and found:
            return found
    return ""


def ident(value: Json, *keys: str) -> str:
    """The id under the first of the keys that holds one, as text; ``""`` when none does.

    Name the ``…_str`` twin first: X's numbers are rounded in some bodies.
    """
    for key in keys:
        found = id_of(value.get(key))
        if found:
            return found
    return ""


def id_of(found: object) -> str:
    """An id as text; ``""`` for what is none."""
    if isinstance(found, str):
        return found if len(found) <= MAX_ID else ""
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 128:
        return str(found)
    return ""


def integer(value: Json, *keys: str) -> int | None:
    """The first whole number under one of the keys, also where X wrote it as text."""
    for key in keys:
        found = whole(value.get(key))
        if found is not None:
            return found
    return None


def whole(found: object) -> int | None:
    """A whole number, also where X wrote it as text; ``None`` for anything else."""
    if isinstance(found, str):
        return int(found) if len(found) <= 20 and found.isascii() and found.isdecimal() else None
    if isinstance(found, int) and not isinstance(found, bool):
        return found
    return None


def from_ms(milliseconds: int | None) -> datetime | None:
    """Milliseconds since 1970 as an aware time; ``None`` for none, zero, and what no calendar holds."""
    if not milliseconds or milliseconds < 0:
        return None
    try:
        return _EPOCH + timedelta(0, 0, 0, milliseconds)
    except OverflowError:
        return None


def from_text(written: str) -> datetime | None:
    """A time as X writes it: ISO 8601, or ``Sat Nov 28 05:30:03 +0000 2020`` (v1.1). ``None`` for others."""
    if not written or len(written) > 64:
        return None
    parts = written.split()
    try:
        if len(parts) == 6 and parts[1] in _MONTHS:
            _, month, day, clock, zone, year = parts
            written = f"{int(year):04}-{_MONTHS[month]:02}-{int(day):02}T{clock}{zone}"
        found = datetime.fromisoformat(written)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def snowflake_time(found: str) -> datetime | None:
    """When X made an id: ``(id >> 22) + 1288834974657`` milliseconds. Source: X docs, as quoted for XAA.

    ``None`` for what is no snowflake.
    """
    if not (found.isascii() and found.isdecimal() and len(found) <= 19):
        return None
    number = int(found)
    return from_ms((number >> 22) + _SNOWFLAKE_EPOCH_MS) if number >= FIRST_SNOWFLAKE else None


def first_snowflake(at: float) -> int:
    """The smallest id that X may make at a time, Unix seconds: the other way round than `snowflake_time`."""
    return max(FIRST_SNOWFLAKE, (int(at * 1000) - _SNOWFLAKE_EPOCH_MS) << 22)
