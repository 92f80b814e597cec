"""Texts as X sends them: escaped, with short links, and with the places of mentions, hashtags and links.

X escapes ``&``, ``<`` and ``>``, replaces every URL by a t.co link of 23 characters, and counts places in
code points of the escaped text (Source: X docs, account-activity/introduction; v1.1 data dictionary).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Rendered", "Token", "cashtags", "mentioned", "render", "short_link"]

_TOKEN = re.compile(
    r"(?P<url>https?://[^\s<>\"]*[^\s<>\".,;:!?)'\]])"
    r"|(?<![A-Za-z0-9_@/])@(?P<mention>[A-Za-z0-9_]{1,15})(?![A-Za-z0-9_@])"
    r"|(?<![\w&/])#(?P<hashtag>\w*[^\W\d]\w*)"
    r"|(?<![\w$])\$(?P<symbol>[A-Za-z]{1,6})(?!\w)"
)
_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

Kind = Literal["url", "mention", "hashtag", "symbol"]


@dataclass(frozen=True, slots=True)
class Token:
    """Something special in a text: ``value`` without its sign, at ``[start, end)`` of the rendered text."""

    kind: Kind
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text in X's form and what is in it."""

    text: str
    tokens: tuple[Token, ...]

    def of(self, kind: Kind) -> list[Token]:
        """The tokens of one kind, in order."""
        return [token for token in self.tokens if token.kind == kind]


def render(text: str) -> Rendered:
    """The text as X sends it."""
    out: list[str] = []
    tokens: list[Token] = []
    length = at = 0
    for match in _TOKEN.finditer(text):
        plain = _escape(text[at : match.start()])
        kind, value = _kind(match)
        shown = short_link(value) if kind == "url" else match.group()
        start = length + len(plain)
        length = start + len(shown)
        out += (plain, shown)
        tokens.append(Token(kind, value, start, length))
        at = match.end()
    out.append(_escape(text[at:]))
    return Rendered("".join(out), tuple(tokens))


def mentioned(text: str) -> list[str]:
    """The usernames written in a text, in order, without the @."""
    return [match["mention"] for match in _TOKEN.finditer(text) if match["mention"]]


def cashtags(text: str) -> list[str]:
    """The cashtags written in a text."""
    return [match["symbol"] for match in _TOKEN.finditer(text) if match["symbol"]]


def short_link(url: str) -> str:
    """The t.co link of a URL; the same one every time."""
    number = int.from_bytes(hashlib.sha256(url.encode()).digest()[:8], "big")
    letters = []
    for _ in range(10):
        number, digit = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[digit])
    return "https://t.co/" + "".join(letters)


def _kind(match: re.Match[str]) -> tuple[Kind, str]:
    if match["url"]:
        return "url", match["url"]
    if match["mention"]:
        return "mention", match["mention"]
    if match["hashtag"]:
        return "hashtag", match["hashtag"]
    return "symbol", match["symbol"]


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
