"""A YAML tree → typed values: one decoder for botkit's own keys and for every plugin's settings.

Types that may be written: ``str``, ``int``, ``float``, ``bool``, ``Literal``, `Secret`, ``re.Pattern[str]``,
``list``, ``tuple``, ``set`` and ``frozenset`` of them, ``dict[str, …]``, ``A | B``, ``… | None``, dataclasses (and
of course dataclasses in lists in dataclasses), ``Any``, and what `kinds` adds through ``Annotated``. A class may
refuse values in ``__post_init__`` with a ValueError, whose message then stands behind the key's path and line.
"""

from __future__ import annotations

import collections.abc
import math
import re
import types
import typing
from dataclasses import is_dataclass
from typing import Any, TypeVar

from botkit.config.fields import Field, is_union, read_fields, split_annotated
from botkit.config.kinds import PARSED_TYPES, OneOrMore, Parsed, Range, Text
from botkit.config.secret import Secret
from botkit.config.tree import Items, Node, Scalar, Table, Unset
from botkit.errors import ConfigError, PluginError

__all__ = ["closest", "decode", "join"]

T = TypeVar("T")

_INT = re.compile(r"[-+]?[0-9]+|0x[0-9A-Fa-f]+|0o[0-7]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)
_LISTS: typing.Final = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Set)
_TABLES: typing.Final = (dict, collections.abc.Mapping)


def decode(node: Node, kind: type[T], path: str = "") -> T:
    """Return ``node`` as a ``kind``, or say exactly what is wrong with it.

    :param path: the key's path for messages, such as ``plugins[1]``.
    :raises ConfigError: an unknown or missing key, a wrong type, a bad value, a variable that is not set.
    :raises PluginError: ``kind`` uses a type that bot.yaml can't express.
    """
    value: T = _Decoder().decode(node, kind, path)
    return value


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


class _Decoder:
    """One decoding; remembers what it read of every class."""

    def __init__(self) -> None:
        self._fields: dict[type, dict[str, Field]] = {}

    def decode(self, node: Node, kind: Any, path: str) -> Any:  # noqa: C901 - one arm for each kind of type
        bare, extras = split_annotated(kind)
        for extra in extras:
            if isinstance(extra, OneOrMore):
                return self._one_or_more(node, bare, path)
            if isinstance(extra, Parsed):
                return _bounded(node, self._parsed(node, extra, path), extras, path)
        if parsed := PARSED_TYPES.get(bare):
            return self._parsed(node, parsed, path)
        if bare is Any or bare is object:
            return _plain(node, path)
        if bare is None or bare is types.NoneType:
            return self._null(node, path)
        if bare in {str, int, float, bool}:
            return _bounded(node, _scalar(node, bare, path), extras, path)
        if bare is Secret:
            return Secret(_shaped(node, _secret(node, path), extras, path))
        if isinstance(bare, type) and issubclass(bare, Node):
            return node
        origin = typing.get_origin(bare) or bare
        if origin is typing.Literal:
            return _literal(node, typing.get_args(bare), path)
        if is_union(bare):
            return self._union(
                node, [(typing.Annotated[a, *extras] if extras else a) for a in typing.get_args(bare)], path
            )
        if origin in _LISTS:
            return self._list(node, bare, origin, path)
        if origin in _TABLES:
            return self._dict(node, bare, path)
        if isinstance(bare, type) and is_dataclass(bare):
            own = getattr(bare, "from_node", None)
            return self._dataclass(node, bare, path) if own is None else own(node, path)
        raise PluginError(
            f"{getattr(bare, '__name__', bare)} at {path or 'the top'} can't be read from bot.yaml; "
            "use str, int, float, bool, Literal, Secret, lists, dicts or dataclasses"
        )

    # -- collections -------------------------------------------------------------------------------------

    def _dataclass(self, node: Node, owner: type, path: str) -> Any:
        table = _table(node, path)
        fields = self._fields.get(owner)
        if fields is None:
            fields = self._fields[owner] = read_fields(owner)
        for key in table.entries:
            if key not in fields:
                raise ConfigError(
                    "unknown key",
                    file=node.source.file,
                    path=join(path, key),
                    line=table.lines[key],
                    fix=closest(key, [known for known in fields if known not in table.entries] or fields),
                )
        values: dict[str, Any] = {}
        for key, field in fields.items():
            below = join(path, key)
            entry = table.entries.get(key)
            if entry is not None and isinstance(entry, Scalar) and entry.is_null and not field.required:
                if may_be_empty(field.kind):
                    continue
                raise entry.error(
                    "nothing stands behind the colon", path=below, fix="write a value, or delete the line"
                )
            if entry is not None:
                try:
                    values[field.name] = self.decode(entry, field.kind, below)
                except Unset:
                    if not (_allows_none(field.kind) and getattr(owner, "unset_is_absent", False)):
                        raise
            elif field.required:
                raise node.error("the key is missing", path=below, fix=_example(key, field.kind))
        try:
            return owner(**values)
        except ValueError as error:
            raise node.error(str(error), path=path) from None

    def _list(self, node: Node, bare: Any, origin: Any, path: str) -> Any:
        if not isinstance(node, Items):
            raise _wrong(node, "a list", path, fix="write one `- item` a line, or [a, b]")
        arguments = typing.get_args(bare) or (Any,)
        if origin is tuple and arguments[-1:] != (Ellipsis,) and typing.get_args(bare):
            if len(arguments) != len(node.items):
                raise node.error(f"expected {len(arguments)} items, got {len(node.items)}", path=path)
            kinds = arguments
        else:
            kinds = (arguments[0],) * len(node.items)
        values = [
            self.decode(item, kind, f"{path}[{index}]")
            for index, (item, kind) in enumerate(zip(node.items, kinds, strict=True))
        ]
        made: collections.abc.Callable[[list[Any]], Any] = {
            list: list,
            set: set,
            collections.abc.Set: frozenset,
            frozenset: frozenset,
        }.get(origin, tuple)
        return made(values)

    def _dict(self, node: Node, bare: Any, path: str) -> dict[str, Any]:
        arguments = typing.get_args(bare) or (str, Any)
        if split_annotated(arguments[0])[0] is not str:
            raise PluginError(f"the keys of the dict at {path or 'the top'} must be str")
        table = _table(node, path)
        return {
            key: self.decode(entry, arguments[1], join(path, key)) for key, entry in table.entries.items()
        }

    def _one_or_more(self, node: Node, bare: Any, path: str) -> Any:
        if isinstance(node, Items):
            if not node.items:
                raise node.error("the list is empty", path=path, fix="write at least one item")
            return self.decode(node, bare, path)
        return tuple([self.decode(node, typing.get_args(bare)[0], path)])

    def _union(self, node: Node, kinds: list[Any], path: str) -> Any:
        """The first member that takes the value; when none does, the complaint of the one that came nearest."""
        candidates = [kind for kind in kinds if _fits(node, kind)]
        if not candidates:
            wanted = [words(kind) for kind in kinds if split_annotated(kind)[0] is not types.NoneType]
            raise _wrong(node, " or ".join(wanted), path)
        complaints: list[tuple[int, ConfigError]] = []
        for kind in candidates:
            try:
                return self.decode(node, kind, path)
            except Unset:
                raise
            except ConfigError as error:
                complaints.append((self._kinship(node, kind), error))
        raise max(complaints, key=lambda entry: entry[0])[1]

    def _kinship(self, node: Node, kind: Any) -> int:
        bare = split_annotated(kind)[0]
        if isinstance(node, Table) and isinstance(bare, type) and is_dataclass(bare):
            return len(set(read_fields(bare)) & set(node.entries))
        return 0

    # -- scalars that know more than their type ----------------------------------------------------------

    def _parsed(self, node: Node, how: Parsed, path: str) -> Any:
        if not isinstance(node, Scalar) or node.is_null:
            raise _wrong(node, how.expected, path)
        text = node.resolve(path)
        value: str | float = text
        if how.number and (number := _number(text, node)) is not None:
            value = number
        try:
            return how.parse(value)
        except ValueError as error:
            shown = "" if str(error) in {"not a duration", "not a size"} or how.number else f" ({error})"
            raise node.error(f"expected {how.expected}, got {_shown(node)}{shown}", path=path) from None

    def _null(self, node: Node, path: str) -> None:
        if isinstance(node, Scalar) and node.is_null:
            return
        raise _wrong(node, "nothing", path)


def _scalar(node: Node, kind: type, path: str) -> str | float:
    expected = words(kind)
    if not isinstance(node, Scalar) or node.is_null:
        raise _wrong(node, expected, path)
    text = node.resolve(path)
    free = node.plain or node.interpolated
    if kind is str:
        if node.plain and not node.interpolated and _guess(text) is not str:
            raise _wrong(node, expected, path, fix=f'put it in quotes: "{text}"')
        return text
    if kind is bool:
        if free and text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
            return text.lower() == "true"
        raise _wrong(node, expected, path)
    number = _number(text, node)
    if number is None or (kind is int and not isinstance(number, int)):
        fix = "delete the quotes" if not free and _guess(text) in {int, float} else ""
        raise _wrong(node, expected, path, fix=fix)
    if kind is int:
        return number
    try:
        return float(number)
    except OverflowError:
        raise _wrong(node, expected, path) from None


def _number(text: str, node: Scalar) -> float | None:
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


def _guess(text: str) -> type:
    """What YAML 1.2 takes a plain scalar for."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return types.NoneType
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return bool
    if _INT.fullmatch(text):
        return int
    return float if _FLOAT.fullmatch(text) else str


def _secret(node: Node, path: str) -> str:
    if not isinstance(node, Scalar) or node.is_null:
        raise node.error(f"expected a secret, got {_kind(node)}", path=path, fix="write ${NAME}")
    return node.resolve(path)


def _literal(node: Node, allowed: tuple[Any, ...], path: str) -> Any:
    names = [str(value).lower() if isinstance(value, bool) else str(value) for value in allowed]
    if isinstance(node, Scalar):
        text = node.resolve(path)
        for value, name in zip(allowed, names, strict=True):
            quoted_number = not isinstance(value, str) and not (node.plain or node.interpolated)
            if name == text and not quoted_number:
                return value
        raise node.error(
            f"expected {_either(names)}, got {_shown(node)}", path=path, fix=closest_value(text, names)
        )
    raise _wrong(node, _either(names), path)


def closest_value(text: str, names: list[str]) -> str:
    """``did you mean x?`` when there is a near name; the message lists them all already."""
    fix = closest(text, names)
    return fix if fix.startswith("did you mean") else ""


def _bounded(node: Node, value: Any, extras: tuple[Any, ...], path: str) -> Any:
    for extra in extras:
        if isinstance(extra, Range) and (problem := extra.problem(value)):
            raise node.error(f"{problem}, got {_shown(node)}", path=path)
    return _shaped(node, value, extras, path) if isinstance(value, str) else value


def _shaped(node: Node, text: str, extras: tuple[Any, ...], path: str) -> str:
    for extra in extras:
        if isinstance(extra, Text) and not re.fullmatch(extra.pattern, text):
            raise node.error(f"expected {extra.expected}", path=path)
    return text


def _table(node: Node, path: str) -> Table:
    if isinstance(node, Table):
        return node
    raise _wrong(node, "keys and values", path, fix="write `key: value` lines")


def _plain(node: Node, path: str) -> Any:
    """The value as YAML 1.2 has it, for keys whose type is ``Any``."""
    if isinstance(node, Table):
        return {key: _plain(entry, join(path, key)) for key, entry in node.entries.items()}
    if isinstance(node, Items):
        return [_plain(item, f"{path}[{index}]") for index, item in enumerate(node.items)]
    assert isinstance(node, Scalar)  # noqa: S101 - the three kinds of node
    text = node.resolve(path)
    if node.is_null:
        return None
    guess = _guess(text) if node.plain else str
    if guess is bool:
        return text.lower() == "true"
    number = _number(text, node) if guess in {int, float} else None
    return text if number is None else number


def may_be_empty(kind: Any) -> bool:
    """A key of this type may stand there without a value, as a section does whose lines are commented out."""
    bare, _ = split_annotated(kind)
    origin = typing.get_origin(bare) or bare
    section = isinstance(bare, type) and is_dataclass(bare)
    return (
        origin in _LISTS
        or origin in _TABLES
        or section
        or _allows_none(kind)
        or bare is Any
        or bare is object
    )


def _allows_none(kind: Any) -> bool:
    bare, extras = split_annotated(kind)
    if any(isinstance(extra, OneOrMore) for extra in extras):
        return True
    return is_union(bare) and types.NoneType in typing.get_args(bare)


def _fits(node: Node, kind: Any) -> bool:
    """The node has the shape that values of the type are written in; what is inside may still be wrong."""
    bare, extras = split_annotated(kind)
    origin = typing.get_origin(bare) or bare
    if bare is Any or bare is object or is_union(bare) or (isinstance(bare, type) and issubclass(bare, Node)):
        return True
    if isinstance(node, Table):
        return origin in _TABLES or (isinstance(bare, type) and is_dataclass(bare))
    if isinstance(node, Items):
        return origin in _LISTS
    assert isinstance(node, Scalar)  # noqa: S101 - the three kinds of node
    if bare is types.NoneType:
        return node.is_null
    if (
        node.is_null
        or origin in _TABLES
        or origin in _LISTS
        or (isinstance(bare, type) and is_dataclass(bare))
    ):
        return False
    if node.interpolated or any(isinstance(extra, Parsed) for extra in extras):
        return True
    guess = _guess(node.text) if node.plain else str
    if origin is typing.Literal:
        return any(type(value) is guess for value in typing.get_args(bare))
    return (
        guess is bare or (guess is int and bare is float) or (guess is str and bare not in {int, float, bool})
    )


def words(kind: Any) -> str:  # noqa: C901 - one arm for each kind of type
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
    if origin in _LISTS:
        return "a list"
    if is_union(bare):
        return " or ".join(words(kind) for kind in typing.get_args(bare) if kind is not types.NoneType)
    return "keys and values"


def _either(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _kind(node: Node) -> str:
    if isinstance(node, Table):
        return "keys and values"
    return "a list" if isinstance(node, Items) else "nothing"


def _shown(node: Node) -> str:
    """The value as written, shortened; what comes from the environment stays ``${NAME}``."""
    if not isinstance(node, Scalar) or node.is_null:
        return _kind(node)
    text = node.text if len(node.text) <= 40 else node.text[:39] + "…"
    if node.interpolated:
        return f"the value of {node.text}" if len(node.text) <= 80 else "a value from the environment"
    return repr(text) if not node.plain or _guess(node.text) is str else text


def _wrong(node: Node, expected: str, path: str, fix: str = "") -> ConfigError:
    return node.error(f"expected {expected}, got {_shown(node)}", path=path, fix=fix)


def _example(key: str, kind: Any) -> str:
    bare, _ = split_annotated(kind)
    if bare is Secret:
        return f"add `{key}: ${{NAME}}`"
    return f"add `{key}:` with {words(kind)}"
