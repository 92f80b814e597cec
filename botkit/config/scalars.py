"""One scalar → a typed value, and the words of its errors."""

from __future__ import annotations

import collections.abc
import math
import re
import types
import typing
from typing import Any

from botkit.config.fields import is_union, split_annotated
from botkit.config.kinds import PARSED_TYPES, Parsed, Range, Text
from botkit.config.secret import Secret
from botkit.config.tree import Items, Node, Scalar, Table

if typing.TYPE_CHECKING:
    from botkit.errors import ConfigError

__all__ = [
    "LISTS",
    "TABLES",
    "as_table",
    "check_bounds",
    "check_shape",
    "closest",
    "join",
    "number_of",
    "read_literal",
    "read_plain",
    "read_scalar",
    "read_secret",
    "shown",
    "words",
    "wrong",
    "yaml_type",
]

_INT = re.compile(r"[-+]?[0-9]+|0x[0-9A-Fa-f]+|0o[0-7]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
LISTS: typing.Final = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Set)
TABLES: typing.Final = (dict, collections.abc.Mapping)


def join(path: str, key: str) -> str:
    """The path of a key below ``path``."""
    return f"{path}.{key}" if path else key


def closest(word: str, known: collections.abc.Iterable[str]) -> str:
    """A fix for a misspelt ``word``: the nearest known one, or all of them."""
    import difflib  # noqa: PLC0415 - only a mistake needs it

    names = list(known)
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    if near:
        return f"did you mean {near[0]}?"
    return f"known: {', '.join(names)}" if names else "delete it"


def read_scalar(node: Node, kind: type, path: str) -> str | float:
    """Read a str, int, float or bool."""
    expected = words(kind)
    if not isinstance(node, Scalar) or node.is_null:
        raise wrong(node, expected, path)
    text = node.resolve(path)
    free = node.plain or node.interpolated
    if kind is str:
        if node.plain and not node.interpolated and yaml_type(text) is not str:
            raise wrong(node, expected, path, fix=f'put it in quotes: "{text}"')
        return text
    if kind is bool:
        if free and text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
            return text.lower() == "true"
        raise wrong(node, expected, path)
    number = number_of(text, node)
    if number is None or (kind is int and not isinstance(number, int)):
        fix = "delete the quotes" if not free and yaml_type(text) in {int, float} else ""
        raise wrong(node, expected, path, fix=fix)
    if kind is int:
        return number
    try:
        return float(number)
    except OverflowError:
        raise wrong(node, expected, path) from None


def number_of(text: str, node: Scalar) -> float | None:
    """A bare number's value: an int where it has no point and no exponent."""
    if not (node.plain or node.interpolated):
        return None
    try:
        if _INT.fullmatch(text):
            return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)
        if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
    except ValueError:  # more digits than Python is willing to read
        return None
    return None


def yaml_type(text: str) -> type:
    """What YAML 1.2 takes a bare scalar for."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return types.NoneType
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return bool
    if _INT.fullmatch(text):
        return int
    return float if _FLOAT.fullmatch(text) else str


def read_secret(node: Node, path: str) -> str:
    """Read a secret's text; no error repeats it."""
    if not isinstance(node, Scalar) or node.is_null:
        raise node.error(f"expected a secret, got {kind_of(node)}", path=path, fix="write ${NAME}")
    return node.resolve(path)


def read_literal(node: Node, allowed: tuple[Any, ...], path: str) -> Any:
    """Read one of the allowed values."""
    names = [str(value).lower() if isinstance(value, bool) else str(value) for value in allowed]
    if isinstance(node, Scalar):
        text = node.resolve(path)
        for value, name in zip(allowed, names, strict=True):
            quoted_number = not isinstance(value, str) and not (node.plain or node.interpolated)
            if name == text and not quoted_number:
                return value
        raise node.error(f"expected {_either(names)}, got {shown(node)}", path=path, fix=_near(text, names))
    raise wrong(node, _either(names), path)


def _near(text: str, names: list[str]) -> str:
    """``did you mean x?`` when there is a near name; the message lists them all already."""
    fix = closest(text, names)
    return fix if fix.startswith("did you mean") else ""


def check_bounds(node: Node, value: Any, extras: tuple[Any, ...], path: str) -> Any:
    """Hold a value against what ``Annotated`` says about it, and return it."""
    for extra in extras:
        if isinstance(extra, Range) and (problem := extra.problem(value)):
            raise node.error(f"{problem}, got {shown(node)}", path=path)
    return check_shape(node, value, extras, path) if isinstance(value, str) else value


def check_shape(node: Node, text: str, extras: tuple[Any, ...], path: str) -> str:
    """Hold a text against its `Text`, and return it; the error does not repeat it."""
    for extra in extras:
        if isinstance(extra, Text) and not re.fullmatch(extra.pattern, text):
            raise node.error(f"expected {extra.expected}", path=path)
    return text


def as_table(node: Node, path: str) -> Table:
    """The node, which must be keys and values."""
    if isinstance(node, Table):
        return node
    raise wrong(node, "keys and values", path, fix="write `key: value` lines")


def read_plain(node: Node, path: str) -> Any:
    """The value as YAML 1.2 has it, for keys whose type is ``Any``."""
    if isinstance(node, Table):
        return {key: read_plain(entry, join(path, key)) for key, entry in node.entries.items()}
    if isinstance(node, Items):
        return [read_plain(item, f"{path}[{index}]") for index, item in enumerate(node.items)]
    assert isinstance(node, Scalar)  # noqa: S101 - the three kinds of node
    text = node.resolve(path)
    if node.is_null:
        return None
    guess = yaml_type(text) if node.plain else str
    if guess is bool:
        return text.lower() == "true"
    number = number_of(text, node) if guess in {int, float} else None
    return text if number is None else number


def words(kind: Any) -> str:
    """A type in the words of someone who writes bot.yaml."""
    bare, extras = split_annotated(kind)
    for extra in extras:
        if isinstance(extra, (Parsed, Text)):
            return extra.expected
    if parsed := PARSED_TYPES.get(bare):
        return parsed.expected
    origin = typing.get_origin(bare) or bare
    if bare is str:
        return "a text"
    if bare is int:
        return "a whole number"
    if bare is float:
        return "a number"
    if bare is bool:
        return "true or false"
    if bare is Secret:
        return "a secret"
    if origin is typing.Literal:
        return _either([str(value) for value in typing.get_args(bare)])
    if origin in LISTS:
        return "a list"
    if is_union(bare):
        return " or ".join(words(kind) for kind in typing.get_args(bare) if kind is not types.NoneType)
    return "keys and values"


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def kind_of(node: Node) -> str:
    """What a node without a text is, in words."""
    if isinstance(node, Table):
        return "keys and values"
    return "a list" if isinstance(node, Items) else "nothing"


def shown(node: Node) -> str:
    """The value as written, shortened; what comes from the environment stays ``${NAME}``."""
    if not isinstance(node, Scalar) or node.is_null:
        return kind_of(node)
    text = node.text if len(node.text) <= 40 else node.text[:39] + "…"
    if node.interpolated:
        written = " ".join(node.text.split())
        return f"the value of {written}" if len(written) <= 80 else "a value from the environment"
    return repr(text) if not node.plain or yaml_type(node.text) is str else text


def wrong(node: Node, expected: str, path: str, fix: str = "") -> ConfigError:
    """The error for a value of another type than expected."""
    return node.error(f"expected {expected}, got {shown(node)}", path=path, fix=fix)
