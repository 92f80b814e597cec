"""Reads a ``multipart/form-data`` body that is in memory (RFC 7578)."""

from __future__ import annotations

import re

__all__ = ["multipart_fields"]

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^;\s]+))', re.IGNORECASE)
_NAME = re.compile(rb'content-disposition:[^\r\n]*?[;\s]name="([^"]*)"', re.IGNORECASE)


def multipart_fields(content_type: str, body: bytes) -> dict[str, bytes] | None:
    """The fields by name, as bytes; the last of a name counts. ``None`` when the body is malformed."""
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or found is None:
        return None
    mark = b"\r\n--" + (found[1] or found[2]).encode()
    # the first boundary has no line before it
    parts = (b"\r\n" + body).split(mark)
    if len(parts) < 3 or not parts[-1].startswith(b"--"):
        return None
    fields: dict[str, bytes] = {}
    for part in parts[1:-1]:
        head, blank, data = part.partition(b"\r\n\r\n")
        name = _NAME.search(head)
        if not blank or name is None:
            return None
        fields[name[1].decode("utf-8", "replace")] = data
    return fields
