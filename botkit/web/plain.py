"""Plain deliveries: a whole POST to the webhook's path in the few headers that matter, read without a parser.

What is the least bit unusual is not plain, and aiohttp reads it. This is no second HTTP parser: two that
disagree about where a request ends would let one be smuggled into another.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

__all__ = ["Delivery", "NotRead", "PlainReader"]

_HEAD_END = b"\r\n\r\n"
# Names are tokens right up to the colon, values are visible ASCII: no folded lines, no bare line breaks.
_HEADERS = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*\r\n)*")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_DIGITS = re.compile(rb"[0-9]{1,9}")
#: headers that change where the body ends or what becomes of the connection
_UNUSUAL = frozenset({b"transfer-encoding", b"content-encoding", b"expect", b"upgrade", b"trailer", b"te"})
_READ = frozenset(
    {b"host", b"content-length", b"content-type", b"connection", b"x-twitter-webhooks-signature"}
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What X posted, not verified yet."""

    body: bytes
    signature: str


class NotRead(enum.Enum):
    """Why bytes are no delivery."""

    #: it is plain so far, and the rest of its body is still to come
    MORE = enum.auto()
    #: anything else
    UNUSUAL = enum.auto()


class PlainReader:
    """Reads plain deliveries to one path.

    :param max_body: bytes; what is longer is not plain.
    :raises ValueError: the path is not written as it stands in a request.
    """

    def __init__(self, path: str, *, max_body: int) -> None:
        if _PATH.fullmatch(path) is None:
            raise ValueError(f"{path} is no plain path")
        self._start = f"POST {path} HTTP/1.1\r\n".encode("ascii")
        self._max_body = max_body

    def read(self, data: bytes) -> Delivery | NotRead:
        """The delivery that these bytes are, no more and no less, or why they are none."""
        start = self._start
        if not data.startswith(start):
            return NotRead.UNUSUAL
        end = data.find(_HEAD_END)
        if end < 0:
            return NotRead.UNUSUAL
        head = data[len(start) : end + 2]
        if _HEADERS.fullmatch(head) is None:
            return NotRead.UNUSUAL
        found: dict[bytes, bytes] = {}
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b":")
            name = name.lower()
            if name in _READ:
                if name in found:
                    return NotRead.UNUSUAL
                found[name] = value.strip(b" \t")
            elif name in _UNUSUAL:
                return NotRead.UNUSUAL
        length = found.get(b"content-length", b"")
        signature = found.get(b"x-twitter-webhooks-signature")
        if (
            signature is None
            or _DIGITS.fullmatch(length) is None
            or (missing := end + 4 + int(length) - len(data)) < 0
            or int(length) > self._max_body
            or found.get(b"content-type") != b"application/json"
            or found.get(b"connection", b"keep-alive").lower() != b"keep-alive"
            or not found.get(b"host")
        ):
            return NotRead.UNUSUAL
        return NotRead.MORE if missing else Delivery(data[end + 4 :], signature.decode("ascii"))
