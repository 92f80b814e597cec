"""A YAML tree → typed values: one decoder for botkit's own keys and for every plugin's settings.

Types that may be written: ``str``, ``int``, ``float``, ``bool``, ``Literal``, `Secret`, ``re.Pattern[str]``,
``list``, ``tuple``, ``set`` and ``frozenset`` of them, ``dict[str, …]``, ``A | B``, ``… | None``, dataclasses
(and dataclasses in lists in dataclasses), ``Any``, and what `kinds` adds through ``Annotated``. A class may
refuse values in ``__post_init__`` with a ValueError; its message is then told with the key's path and line.
"""

from __future__ import annotations

import collections.abc
import types
import typing
from dataclasses import is_dataclass
from typing import Any, TypeVar

from botkit.config.fields import Field, is_union, read_fields, split_annotated
from botkit.config.kinds import PARSED_TYPES, OneOrMore, Parsed
from botkit.config.scalars import (
    LISTS,
    TABLES,
    as_table,
    check_bounds,
    check_shape,
    closest,
    join,
    number_of,
    read_literal,
    read_plain,
    read_scalar,
    read_secret,
    shown,
    words,
    wrong,
    yaml_type,
)
from botkit.config.secret import Secret
from botkit.config.tree import Items, Node, Scalar, Table, Unset
from botkit.errors import ConfigError, PluginError

__all__ = ["decode"]

T = TypeVar("T")


def decode(node: Node, kind: type[T], path: str = "") -> T:
    """Return ``node`` as a ``kind``, or say exactly what is wrong with it.

    :param path: the key's path for messages, such as ``plugins[1]``.
    :raises ConfigError: an unknown or missing key, a wrong type, a bad value, a variable that is not set.
    :raises PluginError: ``kind`` uses a type that bot.yaml can't express.
    """
    value: T = _Decoder(kind).decode(node, kind, path)
    return value


class _Decoder:
    """One decoding; remembers what it read of every class.

    :param whole: what is decoded in the end.
    """

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self._fields: dict[type, dict[str, Field]] = {}

    def decode(self, node: Node, kind: Any, path: str) -> Any:
        bare, extras = split_annotated(kind)
        for extra in extras:
            if isinstance(extra, OneOrMore):
                return self._one_or_more(node, bare, path)
            if isinstance(extra, Parsed):
                return check_bounds(node, self._parsed(node, extra, path), extras, path)
        if parsed := PARSED_TYPES.get(bare):
            return self._parsed(node, parsed, path)
        if bare is Any or bare is object:
            return read_plain(node, path)
        if bare is None or bare is types.NoneType:
            return self._null(node, path)
        if bare in {str, int, float, bool}:
            return check_bounds(node, read_scalar(node, bare, path), extras, path)
        if bare is Secret:
            return Secret(check_shape(node, read_secret(node, path), extras, path))
        if isinstance(bare, type) and issubclass(bare, Node):
            return node
        if typing.get_origin(bare) is typing.Literal:
            return read_literal(node, typing.get_args(bare), path)
        if is_union(bare):
            return self._union(
                node, [(typing.Annotated[a, *extras] if extras else a) for a in typing.get_args(bare)], path
            )
        return self._collection(node, bare, path)

    # -- collections -------------------------------------------------------------------------------------

    def _collection(self, node: Node, bare: Any, path: str) -> Any:
        origin = typing.get_origin(bare) or bare
        if origin in LISTS:
            return self._list(node, bare, origin, path)
        if origin in TABLES:
            return self._dict(node, bare, path)
        if isinstance(bare, type) and is_dataclass(bare):
            own = getattr(bare, "from_node", None)
            return self._dataclass(node, bare, path) if own is None else own(node, path)
        raise PluginError(
            f"{getattr(bare, '__name__', bare)} at {path or 'the top'} can't be read from bot.yaml; "
            "use str, int, float, bool, Literal, Secret, lists, dicts or dataclasses"
        )

    def _fields_of(self, owner: type) -> dict[str, Field]:
        fields = self._fields.get(owner)
        if fields is None:
            fields = self._fields[owner] = read_fields(owner)
        return fields

    def _elsewhere(self, key: str) -> str:
        """The fix for a key that is known, but below another one; ``""`` where there is no such place."""
        if not (isinstance(self._whole, type) and is_dataclass(self._whole)):
            return ""
        whole = self._fields_of(self._whole)
        if key in whole:
            return "write it at the top, below no other key"
        below = {
            name: self._fields_of(field.kind)
            for name, field in whole.items()
            if isinstance(field.kind, type) and is_dataclass(field.kind)
        }
        places = [name for name, fields in below.items() if key in fields]
        return f"write it below {' or '.join(places)}" if places else ""

    def _dataclass(self, node: Node, owner: type, path: str) -> Any:
        table = as_table(node, path)
        fields = self._fields_of(owner)
        for key in table.entries:
            if key not in fields:
                free = [known for known in fields if known not in table.entries]
                raise ConfigError(
                    "unknown key",
                    file=node.source.file,
                    path=join(path, key),
                    line=table.lines[key],
                    fix=self._elsewhere(key) or closest(key, free or fields),
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
            raise wrong(node, "a list", path, fix="write one `- item` a line, or [a, b]")
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
        table = as_table(node, path)
        return {
            key: self.decode(entry, arguments[1], join(path, key)) for key, entry in table.entries.items()
        }

    def _one_or_more(self, node: Node, bare: Any, path: str) -> Any:
        if isinstance(node, Items):
            if not node.items:
                raise node.error("the list is empty", path=path, fix="write at least one item")
            return self.decode(node, bare, path)
        return (self.decode(node, typing.get_args(bare)[0], path),)

    def _union(self, node: Node, kinds: list[Any], path: str) -> Any:
        """The first member that takes the value; or the complaint of the one that came nearest."""
        candidates = [kind for kind in kinds if _fits(node, kind)]
        if not candidates:
            wanted = [words(kind) for kind in kinds if split_annotated(kind)[0] is not types.NoneType]
            raise wrong(node, " or ".join(dict.fromkeys(wanted)), path)
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
            raise wrong(node, how.expected, path)
        text = node.resolve(path)
        value: str | float = text
        if how.number and (number := number_of(text, node)) is not None:
            value = number
        try:
            return how.parse(value)
        except ValueError as error:
            because = "" if str(error) in {"not a duration", "not a size"} or how.number else f" ({error})"
            raise node.error(f"expected {how.expected}, got {shown(node)}{because}", path=path) from None

    def _null(self, node: Node, path: str) -> None:
        if isinstance(node, Scalar) and node.is_null:
            return
        raise wrong(node, "nothing", path)


def may_be_empty(kind: Any) -> bool:
    """A key of this type may stand there without a value, as a section does whose lines are commented out."""
    bare, _ = split_annotated(kind)
    origin = typing.get_origin(bare) or bare
    section = isinstance(bare, type) and is_dataclass(bare)
    return (
        origin in LISTS or origin in TABLES or section or _allows_none(kind) or bare is Any or bare is object
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
        return origin in TABLES or (isinstance(bare, type) and is_dataclass(bare))
    if isinstance(node, Items):
        return origin in LISTS
    assert isinstance(node, Scalar)  # noqa: S101 - the three kinds of node
    if bare is types.NoneType:
        return node.is_null
    if node.is_null or origin in TABLES or origin in LISTS or (isinstance(bare, type) and is_dataclass(bare)):
        return False
    if node.interpolated or bare is Secret or any(isinstance(extra, Parsed) for extra in extras):
        return True  # a secret is taken as written, also where YAML sees a number
    guess = yaml_type(node.text) if node.plain else str
    if origin is typing.Literal:
        return any(type(value) is guess for value in typing.get_args(bare))
    return (
        guess is bare or (guess is int and bare is float) or (guess is str and bare not in {int, float, bool})
    )


def _example(key: str, kind: Any) -> str:
    bare, _ = split_annotated(kind)
    if bare is Secret:
        return f"add `{key}: ${{NAME}}`"
    return f"add `{key}:` with {words(kind)}"
