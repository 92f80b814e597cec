"""What kind of picture some bytes are, and how large: the headers of PNG, GIF, JPEG and WebP."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Picture", "picture_of"]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture's type, as ``image/…``, and its size in pixels; 0 where the header does not tell."""

    type: str
    width: int = 0
    height: int = 0


def picture_of(data: bytes) -> Picture | None:
    """The picture that some bytes begin with; ``None`` when they are none of these."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return Picture("image/png", _big(data[16:20]), _big(data[20:24]))
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return Picture("image/gif", _little(data[6:8]), _little(data[8:10]))
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    return None


def _jpeg(data: bytes) -> Picture:
    """Walks the segments to the frame header."""
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return Picture("image/jpeg", _big(data[at + 7 : at + 9]), _big(data[at + 5 : at + 7]))
        at += 2 + _big(data[at + 2 : at + 4])
    return Picture("image/jpeg")


def _webp(data: bytes) -> Picture:
    kind = data[12:16]
    if kind == b"VP8X":
        return Picture("image/webp", _little(data[24:27]) + 1, _little(data[27:30]) + 1)
    if kind == b"VP8 ":
        return Picture("image/webp", _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF)
    if kind == b"VP8L":
        bits = _little(data[21:25])
        return Picture("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return Picture("image/webp")


def _big(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")
