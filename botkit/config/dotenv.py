"""The ``.env`` file beside bot.yaml: ``KEY=VALUE`` lines, for what does not belong into a repository."""

from __future__ import annotations

import re

from botkit.errors import ConfigError

__all__ = ["parse_dotenv"]

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.ASCII)
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
_SINGLE = re.compile(r"'([^']*)'\s*(?:#.*)?")


def parse_dotenv(text: str, *, file: str = ".env") -> dict[str, str]:
    """Read ``.env`` text into names and values; a name written twice has its last value.

    Each line is empty, a ``# comment``, or ``KEY=VALUE``, with or without ``export`` in front. A bare value
    ends at `` #`` or at the line's end, without surrounding blanks. ``'single quotes'`` keep everything as it
    is, ``"double quotes"`` know the escapes ``\\n \\r \\t \\" \\\\ \\$``. Nothing is interpolated.

    :raises ConfigError: a line that is none of these; values are never repeated in the message.
    """
    values: dict[str, str] = {}
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise ConfigError(
                "not a KEY=VALUE line",
                file=file,
                line=number,
                fix="write KEY=VALUE, or start the line with #",
            )
        name, value = found[1], found[2]
        if value[:1] in {'"', "'"}:
            quoted = (_DOUBLE if value[0] == '"' else _SINGLE).fullmatch(value)
            if not quoted:
                raise ConfigError(
                    "the quotes do not end where the value ends",
                    file=file,
                    path=name,
                    line=number,
                    fix=f"close it with {value[0]} on the same line; only a # comment may follow",
                )
            values[name] = _unescape(quoted[1]) if value[0] == '"' else quoted[1]
        else:
            values[name] = re.split(r"(?:^|\s)#", value, maxsplit=1)[0].rstrip()
    return values


def _unescape(text: str) -> str:
    known = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
    return re.sub(r"\\(.)", lambda found: known.get(found[1], found[0]), text)
