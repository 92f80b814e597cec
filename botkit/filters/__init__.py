"""What a handler is for: typed predicates on events, joined with ``&``, ``|`` and ``~``.

    @on_direct_message(contains("price") & ~from_user("4242"))

A filter answers from the event alone. Texts are compared whatever the case (``case=True`` changes that); an
event without a text matches no filter about texts. Each filter also tells what must be present in an event
for it to match, so that handlers whose filters can't match cost nothing (`botkit.filters.keys`).
"""

from botkit.filters.base import Filter, where
from botkit.filters.facts import (
    from_user,
    has_link,
    has_media,
    is_quote,
    is_reply,
    is_repost,
    lang,
    quick_reply,
)
from botkit.filters.patterns import regex
from botkit.filters.text import command, contains, equals, startswith

__all__ = [
    "Filter",
    "command",
    "contains",
    "equals",
    "from_user",
    "has_link",
    "has_media",
    "is_quote",
    "is_reply",
    "is_repost",
    "lang",
    "quick_reply",
    "regex",
    "startswith",
    "where",
]
