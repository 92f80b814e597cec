"""What a failure says to the log and to the dead letters, without what people wrote."""

from __future__ import annotations

import re
import traceback

from botkit.events import Event

__all__ = ["describe", "trace"]

_LONGEST = 300
_HIDDEN = "<text>"
_SHORTEST_WORD = 4


def describe(error: BaseException, event: Event | None = None) -> str:
    """The error in one line: its class and its message, with the event's text taken out."""
    message = " ".join(_hide(str(error), event).split())
    line = f"{type(error).__name__}: {message}" if message else type(error).__name__
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def trace(error: BaseException, event: Event | None = None) -> str:
    """The traceback, without local values, and with the event's text taken out of the messages."""
    # Frames quote the author's code, which is no secret; everything else may quote the message.
    return "".join(
        part if part.startswith("  File ") else _hide(part, event)
        for part in traceback.format_exception(error)
    )


def _hide(message: str, event: Event | None) -> str:
    text = getattr(event, "text", "")
    if not isinstance(text, str) or not text.strip():
        return message
    for written in (text, repr(text)[1:-1]):
        message = message.replace(written, _HIDDEN)
    words = {word for word in re.findall(r"\w+", text) if len(word) >= _SHORTEST_WORD}
    # A word of the message that is also a word of the error: int('hello') quotes what was written.
    for word in sorted(words, key=len, reverse=True):
        message = re.sub(rf"(?<=['\"]){re.escape(word)}(?=['\"])", _HIDDEN, message)
    return message
