"""Texts: what X does to them on the way to us, and how long they may be on the way back.

Source: X docs, fundamentals/counting-characters; the DM limit is v1.1's, v2 states none.
"""

from __future__ import annotations

import re
import unicodedata

from botkit.x.domains import TOP_LEVEL_DOMAINS

__all__ = ["DM_LIMIT", "LONG_POST_LIMIT", "POST_LIMIT", "URL_LENGTH", "post_length", "unescape"]

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
    for found in _URL.finditer(text):
        if not found["scheme"] and found["tld"].lower() not in TOP_LEVEL_DOMAINS:
            continue
        end = found.end()
        # Punctuation after a URL belongs to the sentence.
        while end > found.end("host") and text[end - 1] in _TRAILING:
            end -= 1
        total += _weight(text[at : found.start()]) + URL_LENGTH
        at = end
    return total + _weight(text[at:])


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
