"""YAML text → a tree in which every value knows the line it stands on, with ``${NAME}`` still unresolved.

Scalars keep their text and are read by what the schema expects, following YAML 1.2: ``yes`` and ``on`` are
texts, not booleans. Nothing is ever constructed: a tag such as ``!!python/object`` is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import yaml

from botkit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Items", "Node", "Scalar", "Source", "Table", "Unset", "read_tree"]

#: an escaped ``$${``, a reference, or a ``${`` that is neither
_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|\$\{")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tree comes from: the file's name for messages, and what ``${NAME}`` may name."""

    file: str
    environ: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)


class Unset(ConfigError):
    """``${NAME}`` names variables that are not set; ``names`` lists them."""

    def __init__(self, names: tuple[str, ...], *, file: str, path: str, line: int, fix: str) -> None:
        which = " and ".join(names)
        problem = f"{which} {'is' if len(names) == 1 else 'are'} not set"
        super().__init__(problem, file=file, path=path, line=line, fix=fix)
        self.names = names


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One value of a bot.yaml, not decoded yet."""

    source: Source = field(repr=False, compare=False)
    line: int

    def error(self, problem: str, *, path: str = "", fix: str = "") -> ConfigError:
        """A `ConfigError` about this value, ready to be raised."""
        return ConfigError(problem, file=self.source.file, path=path, line=self.line, fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar(Node):
    """A text, number, boolean or null; ``plain`` says that it stands without quotes."""

    text: str = field(repr=False)
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Nothing stands there, or a bare ``null`` or ``~``."""
        return self.plain and self.text in {"", "~", "null", "Null", "NULL"}

    @property
    def interpolated(self) -> bool:
        """The value comes from the environment, at least in part."""
        return any(found[1] for found in _REFERENCE.finditer(self.text))

    def resolve(self, path: str) -> str:
        """The text with every ``${NAME}`` and ``${NAME:-default}`` replaced; ``$${`` stands for ``${``.

        :raises Unset: a name without default is not in the environment; all such names are listed.
        :raises ConfigError: a ``${`` that is no reference.
        """
        unset: list[str] = []

        def replace(found: re.Match[str]) -> str:
            if found[0] == "$${":
                return "${"
            if not found[1]:
                raise self.error(
                    "'${' begins no reference",
                    path=path,
                    fix="write ${NAME} or ${NAME:-default}, or $${ for the characters themselves",
                )
            value = self.source.environ.get(found[1])
            if found[2] is not None:
                return value or found[2]
            if value is None:
                if found[1] not in unset:
                    unset.append(found[1])
                return ""
            return value

        text = _REFERENCE.sub(replace, self.text)
        if unset:
            raise Unset(
                tuple(unset),
                file=self.source.file,
                path=path,
                line=self.line,
                fix="set it in the environment or in .env beside bot.yaml, or write ${"
                + unset[0]
                + ":-default}",
            )
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Items(Node):
    """A list."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Node):
    """Keys and values, in the file's order; ``lines`` tells where each key stands."""

    entries: Mapping[str, Node]
    lines: Mapping[str, int] = field(compare=False)


def read_tree(text: str, source: Source) -> Node | None:
    """Read one YAML document; ``None`` when the text holds nothing but comments.

    :raises ConfigError: YAML's grammar is broken, a key is written twice, or something can't be data.
    """
    try:
        root = _compose(text)
        return None if root is None else _Builder(source).build(root, ())
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"the character #x{ord(text[error.position]):02x} can't be in YAML",
            file=source.file,
            line=line,
            fix="delete it",
        ) from None
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, text, source) from None
    except RecursionError:
        raise ConfigError("values are nested too deeply", file=source.file, fix="flatten the file") from None


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without YAML 1.1's guesses about bare scalars (``on``, ``1:30``)."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own attribute


def _compose(text: str) -> yaml.Node | None:
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


class _Builder:
    """Turns PyYAML's nodes into ours; a node that is aliased is built once and shared."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._built: dict[int, Node] = {}

    def build(self, node: yaml.Node, above: tuple[int, ...]) -> Node:
        line = node.start_mark.line + 1
        if id(node) in above:
            raise ConfigError(
                "an alias that contains itself", file=self._source.file, line=line, fix="delete it"
            )
        if id(node) not in self._built:
            self._built[id(node)] = self._make(node, line, (*above, id(node)))
        return self._built[id(node)]

    def _make(self, node: yaml.Node, line: int, above: tuple[int, ...]) -> Node:
        source = self._source
        if node.tag not in {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}:
            raise ConfigError(
                f"the tag {node.tag.replace('tag:yaml.org,2002:', '!!')} is not supported",
                file=source.file,
                line=line,
                fix="write the plain value",
            )
        if isinstance(node, yaml.ScalarNode):
            return Scalar(source=source, line=line, text=node.value, plain=node.style is None)
        if isinstance(node, yaml.SequenceNode):
            return Items(
                source=source, line=line, items=tuple(self.build(item, above) for item in node.value)
            )
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        merged: list[Table] = []
        for key, value in node.value:
            at = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError("a key must be a text", file=source.file, line=at, fix="write `key: value`")
            if key.value == "<<" and key.style is None:
                merged.extend(self._merged(value, above))
                continue
            if key.value in entries:
                raise ConfigError(
                    "the key is written twice",
                    file=source.file,
                    path=key.value,
                    line=at,
                    fix=f"delete one of the two, the first is on line {lines[key.value]}",
                )
            entries[key.value], lines[key.value] = self.build(value, above), at
        for table in merged:
            for name, entry in table.entries.items():
                entries.setdefault(name, entry)
                lines.setdefault(name, table.lines[name])
        return Table(
            source=source, line=line, entries=MappingProxyType(entries), lines=MappingProxyType(lines)
        )

    def _merged(self, node: yaml.Node, above: tuple[int, ...]) -> Iterator[Table]:
        built = self.build(node, above)
        for table in built.items if isinstance(built, Items) else (built,):
            if not isinstance(table, Table):
                raise table.error("'<<' merges keys and values only", fix="name an anchor of a mapping")
            yield table


def _syntax_error(error: yaml.MarkedYAMLError, text: str, source: Source) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else None
    written = text.split("\n")[mark.line] if mark and mark.line < text.count("\n") + 1 else ""
    problem = " ".join((error.problem or "not YAML").split())
    if "\\t" in problem or "\t" in written[: len(written) - len(written.lstrip())]:
        problem, fix = "a tab can't indent YAML", "indent with spaces"
    elif "${" in written and ("{" in written.replace("${", "") or "[" in written):
        problem, fix = "${NAME} can't stand bare inside { } or [ ]", 'put it in quotes: "${NAME}"'
    elif "while parsing a flow" in str(error.context) and error.context_mark:
        problem, fix = "a [ or { that is not closed", "close it, or put the text in quotes"
        line = error.context_mark.line + 1
    elif "mapping values are not allowed" in problem:
        problem, fix = (
            "a second ': ' on the line",
            "put a text that contains ': ' in quotes, or check the indent",
        )
    elif "single document" in str(error.context) + problem:
        problem, fix = "more than one YAML document", "delete the --- line and what belongs to the other file"
    elif "found character" in problem:
        problem, fix = "a text can't start with this character", "put the text in quotes"
    elif "quoted scalar" in str(error.context):
        problem, fix = "quotes that are not closed", "close them, and double a quote that belongs to the text"
    elif "undefined alias" in problem:
        problem, fix = "an alias without its anchor", "put a text that starts with * in quotes"
    else:
        problem, fix = f"not YAML ({problem})", "check the indent and the quotes here and on the line above"
    return ConfigError(problem, file=source.file, line=line, fix=fix)
