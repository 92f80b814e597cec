"""Texts: what X does to them on the way to us, and how long they may be on the way back.

Source: X docs, fundamentals/counting-characters; the DM limit is v1.1's, v2 states none.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from botkit.x.domains import TOP_LEVEL_DOMAINS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DM_LIMIT",
    "LONG_POST_LIMIT",
    "POST_LIMIT",
    "URL_LENGTH",
    "has_url",
    "post_length",
    "split_post",
    "unescape",
]

#: characters of a direct message
DM_LIMIT = 10_000
#: weighted characters of a post
POST_LIMIT = 280
#: characters of a post by a premium account
LONG_POST_LIMIT = 25_000
#: what every URL in a post weighs
URL_LENGTH = 23

_ESCAPES = {"&amp;": "&", "&lt;": "<", "&gt;": ">"}
_ESCAPED = re.compile("|".join(_ESCAPES))

# Code points that weigh one; all others weigh two.
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))

# One emoji, however many code points it is made of: a keycap, a flag, or pictographs with variation
# selectors, skin tones and tags, joined by ZWJ. A lone pictograph outside the light ranges weighs two either
# way, so the blocks here may hold signs that are no emoji; only what follows them makes a sequence.
_PICTOGRAPH = (
    "[\u00a9\u00ae\u203c\u2049\u2100-\u214f\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2900-\u297f"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_UNIT = rf"{_PICTOGRAPH}\ufe0f?[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]*"
_EMOJI = re.compile(
    rf"[0-9#*]\ufe0f?\u20e3|[\U0001f1e6-\U0001f1ff]{{2}}|{_UNIT}(?:\u200d(?:{_UNIT}|[\u2640\u2642]\ufe0f?))*"
)
_LABEL = r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?"
# A URL begins where no word, handle, hashtag or e-mail address is going on.
_URL = re.compile(
    rf"(?<![\w@#$.\-/])(?P<scheme>https?://)?(?P<host>(?:{_LABEL}\.)+(?P<tld>[a-z][a-z0-9-]*[a-z0-9]))(?![\w@-])"
    r"(?P<rest>(?::[0-9]{1,5})?(?:/[^\s<>\"]*)?(?:\?[^\s<>\"]*)?(?:#[^\s<>\"]*)?)",
    re.IGNORECASE,
)
_TRAILING = ".,:;!?'\")]}…"


def unescape(escaped: str) -> str:
    """Undo X's escaping of ``&``, ``<`` and ``>``, once. Other entities are the author's own words."""
    if "&" not in escaped:
        return escaped
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], escaped)


def post_length(text: str) -> int:
    """How much a text weighs in a post, as X counts: at most `POST_LIMIT` fits.

    In NFC, a URL (with or without scheme) weighs 23, an emoji sequence 2, a code point 1 or 2 by its range.
    The automatic leading mentions of a reply are not part of the text that is sent, and media weigh nothing.
    """
    text = unicodedata.normalize("NFC", text)
    total, at = 0, 0
    for start, end in _urls(text):
        total += _weight(text[at:start]) + URL_LENGTH
        at = end
    return total + _weight(text[at:])


def has_url(text: str) -> bool:
    """Whether X would take something in a post for a URL, with or without scheme."""
    return _is_url(unicodedata.normalize("NFC", text))


def _urls(text: str) -> Iterator[tuple[int, int]]:
    for found in _URL.finditer(text):
        if not found["scheme"] and found["tld"].lower() not in TOP_LEVEL_DOMAINS:
            continue
        end = found.end()
        # Punctuation after a URL belongs to the sentence.
        while end > found.end("host") and text[end - 1] in _TRAILING:
            end -= 1
        yield found.start(), end


def _weight(text: str) -> int:
    total, at = 0, 0
    for found in _EMOJI.finditer(text):
        total += sum(map(_weight_of, text[at : found.start()]))
        # A copyright sign without its variation selector is a letter like others.
        total += _weight_of(found[0]) if len(found[0]) == 1 else 2
        at = found.end()
    return total + sum(map(_weight_of, text[at:]))


def _weight_of(character: str) -> int:
    point = ord(character)
    return 1 if any(first <= point <= last for first, last in _LIGHT) else 2


# -- a long text in parts ------------------------------------------------------------------------------------

# A word with the space before it; an ideographic full stop ends one without a space.
_STOPS = "\u3002\uff01\uff1f"
_WORD = re.compile(rf"[^\s{_STOPS}]*[{_STOPS}]+|[^\s{_STOPS}]+")
_SENTENCE_END = re.compile(rf"[.!?…{_STOPS}][\"'”\u2019)\]]*$")
#: what continues the sign before it: marks, and what joins and varies emoji
_CONTINUES = "\u200d\ufe0e\ufe0f"
#: more marks than that on one sign are no writing; then they may be torn off
_MAX_MARKS = 8
_SMALLEST_LIMIT = 40


def split_post(text: str, limit: int = POST_LIMIT, *, numbered: bool = False) -> list[str]:
    """A text in parts that each weigh at most ``limit``: what a thread is made of.

    Cut between paragraphs, else lines, else sentences, where that leaves a part at least half full; else
    between words; in a word only where it fills more than a part. URLs and emoji are never cut. Only white
    space is lost, at the cuts and at both ends, and the text is brought into NFC, as X does.

    :param numbered: ends every part with its number, such as `` (2/5)``, where there are several.
    :raises ValueError: a limit below 40.
    """
    if limit < _SMALLEST_LIMIT:
        msg = f"parts of fewer than {_SMALLEST_LIMIT} can't hold a URL and a number"
        raise ValueError(msg)
    text = unicodedata.normalize("NFC", text).strip()
    parts = _split(text, limit)
    if not numbered or len(parts) < 2:
        return parts
    digits = 0
    while len(str(len(parts))) > digits:
        digits = len(str(len(parts)))
        parts = _split(text, limit - len(" (/)") - 2 * digits)
    return [f"{part} ({number}/{len(parts)})" for number, part in enumerate(parts, start=1)]


def _split(text: str, limit: int) -> list[str]:
    whole = _unbreakable(text)
    words = _words(text, whole)
    parts: list[str] = []
    first = 0
    while first < len(words):
        count = _fitting(text, words[first:], limit)
        start = words[first][0]
        if count:
            end = words[first + count - 1][1]
            first += count
        else:
            end = _cut(text, words[first], limit, whole)
            words[first] = (end, words[first][1])
        parts.append(text[start:end])
    return parts


def _words(text: str, whole: dict[int, int]) -> list[tuple[int, int]]:
    """Where the words are that may be parted from each other."""
    words: list[tuple[int, int]] = []
    held_until = 0
    for found in _WORD.finditer(text):
        start, end = found.span()
        if words and start < held_until:
            words[-1] = (words[-1][0], end)
        else:
            words.append((start, end))
        held_until = max([held_until, *(whole[at] for at in range(start, end) if at in whole)])
    return words


def _unbreakable(text: str) -> dict[int, int]:
    """Where URLs and emoji begin, and where they end."""
    whole: dict[int, int] = {}
    at = 0
    for start, end in (*_urls(text), (len(text), len(text))):
        whole.update((found.start(), found.end()) for found in _EMOJI.finditer(text, at, start))
        if end > start:
            whole[start] = end
        at = end
    return whole


def _fitting(text: str, words: list[tuple[int, int]], limit: int) -> int:
    """How many of these words make the next part; 0: not even the first fits."""
    total, at = 0, words[0][0]
    best: dict[int, int] = {}
    count = 0
    for start, end in words:
        total += _weight(text[at:start]) + post_length(text[start:end])
        if total > limit:
            break
        count, at = count + 1, end
        if total * 2 >= limit:
            best[_rank(text, start, end)] = count
    else:
        return count
    return best[max(best)] if best else count


def _rank(text: str, start: int, end: int) -> int:
    """How good it is to end a part after this word."""
    after = end
    while after < len(text) and text[after].isspace():
        after += 1
    lines = text.count("\n", end, after)
    return min(lines, 2) + 1 if lines else int(bool(_SENTENCE_END.search(text, start, end)))


def _cut(text: str, word: tuple[int, int], limit: int, whole: dict[int, int]) -> int:
    """Where to cut a word that is too long for a part."""
    start, end = word
    cuts: list[int] = []
    at, total = start, 0
    while at < end:
        until = whole.get(at) or _sign_end(text, at, end)
        total += URL_LENGTH if until - at > 1 and _is_url(text[at:until]) else _weight(text[at:until])
        if total > limit:
            break
        cuts.append(until)
        at = until
    # Torn from what was before them, letters may read as a URL, which weighs more.
    while len(cuts) > 1 and post_length(text[start : cuts[-1]]) > limit:
        cuts.pop()
    return cuts[-1]


def _is_url(text: str) -> bool:
    return next(_urls(text), None) is not None


def _sign_end(text: str, at: int, end: int) -> int:
    until = at + 1
    while until < min(end, at + _MAX_MARKS) and (
        unicodedata.category(text[until]).startswith("M") or text[until] in _CONTINUES
    ):
        until += 1
    return until
