"""Structured logs: one event a line, for people on a terminal, JSON elsewhere; never a secret or a text.

A logger is made once by whoever builds an app and handed down; nothing is configured globally.
"""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Literal, TextIO, cast

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

__all__ = ["HIDDEN", "Level", "Logger", "is_sensitive", "make_logger", "redact"]

Logger = FilteringBoundLogger
Level = Literal["debug", "info", "warning", "error"]

#: what stands in place of a value that must not be seen
HIDDEN = "[hidden]"

_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
_SENSITIVE = frozenset(
    {
        "authorization",
        "bearer",
        "body",
        "cookie",
        "cookies",
        "credential",
        "credentials",
        "message",
        "passphrase",
        "passwd",
        "password",
        "payload",
        "raw",
        "secret",
        "secrets",
        "signature",
        "text",
        "token",
        "tokens",
    }
)
#: a key that ends so tells *about* a message or token, and is needed to find one's way
_ABOUT = frozenset({"at", "bytes", "count", "id", "ids", "kind", "length", "s", "size", "status", "type"})
_KEYS_OF = frozenset({"access", "api", "consumer", "private", "signing"})
#: written by the code or by structlog itself
_OURS = frozenset({"event", "level", "exc_info", "stack_info"})
_LOGIN_IN_URL = re.compile(r"(?<=://)([^/\s:@]*):([^/\s@]+)(?=@)")
_TOKEN_IN_URL = re.compile(r"(?i)([?&][a-z0-9_]*(?:token|secret|signature|code)[a-z0-9_]*=)[^&\s]+")


def make_logger(
    *,
    level: Level = "info",
    format: Literal["auto", "console", "json"] = "auto",  # noqa: A002 - the key's name in bot.yaml
    stream: TextIO | None = None,
) -> Logger:
    """Make a logger that writes to ``stream`` (standard error).

    Levels below ``level`` cost next to nothing: their methods do nothing at all. ``auto`` is the console
    format when the stream is a terminal, else JSON lines. A stream that can't be written to any more never
    raises: a bot outlives its log.

    Every value under a key that names a secret, token, message text or payload is replaced by `HIDDEN`, at
    any depth; tracebacks have no local variables.
    """
    out = sys.stderr if stream is None else stream
    terminal = out.isatty()
    console = format == "console" or (format == "auto" and terminal)
    processors: list[Processor] = [structlog.processors.add_log_level, redact]
    if console:
        processors += [
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False, key="timestamp"),
            _printable,
            ConsoleRenderer(colors=terminal, exception_formatter=plain_traceback, sort_keys=False),
        ]
    else:
        processors += [
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=repr),
        ]
    logger = structlog.wrap_logger(
        _Writer(out),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return cast("Logger", logger.bind())


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace what must not be seen; a structlog processor."""
    return {key: value if key in _OURS else _redacted(key, value) for key, value in event.items()}


def is_sensitive(key: str) -> bool:
    """Values under this key are hidden: ``access_token``, ``dmText``; not ``message_id``, ``body_bytes``."""
    words = [word.lower() for word in _WORDS.findall(key)]
    if not words or words[-1] in _ABOUT:
        return False
    if words[-1] == "key" and not _KEYS_OF.isdisjoint(words):
        return True
    return not _SENSITIVE.isdisjoint(words)


def _redacted(key: str, value: object) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if is_sensitive(key):
        return HIDDEN
    if isinstance(value, str):
        if "://" in value or "=" in value:
            return _TOKEN_IN_URL.sub(rf"\1{HIDDEN}", _LOGIN_IN_URL.sub(rf"\1:{HIDDEN}", value))
        return value
    if isinstance(value, Mapping):
        return {name: _redacted(str(name), entry) for name, entry in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_redacted("", entry) for entry in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    return value


def _printable(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape control characters: a stranger's name must not move the cursor of whoever reads the log."""
    for key, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[key] = repr(value)[1:-1]
    return event


class _Writer:
    """Writes whole lines, from any thread, and never raises for a stream's sake."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        try:
            with self._lock:
                try:
                    self._stream.write(line + "\n")
                except UnicodeEncodeError:
                    encoding = self._stream.encoding or "ascii"
                    safe = line.encode(encoding, "backslashreplace").decode(encoding)
                    self._stream.write(safe + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            return  # closed or full: there is nowhere left to say so

    log = debug = info = warning = warn = error = critical = fatal = exception = failure = msg
