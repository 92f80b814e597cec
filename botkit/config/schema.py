"""The settings classes → a JSON Schema (draft 2020-12) that an editor completes and checks bot.yaml with."""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import is_dataclass
from typing import Any

from botkit.config.decode import may_be_empty
from botkit.config.fields import Field, describe, is_union, read_fields, split_annotated
from botkit.config.kinds import PARSED_TYPES, OneOrMore, Parsed, Range, Text
from botkit.config.model import Config, PluginEntry
from botkit.config.scalars import LISTS, TABLES
from botkit.config.secret import Secret
from botkit.config.tree import Node
from botkit.config.units import format_duration, parse_duration

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["json_schema"]

_VARIABLE = r"\$\{"
_NAMES: Mapping[Any, str] = types.MappingProxyType(
    {str: "string", int: "integer", float: "number", bool: "boolean"}
)


def json_schema(plugins: Mapping[str, type] | None = None) -> dict[str, Any]:
    """Return the schema of bot.yaml.

    :param plugins: the settings classes of known plugins by name; their settings are then described as well.
    :raises PluginError: a settings class uses a type that bot.yaml can't express.
    """
    maker = _Maker(dict(plugins or {}))
    top = maker.dataclass(Config)
    top["title"] = "bot.yaml"
    top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    top["type"] = ["object", "null"]
    top["$defs"] = dict(sorted(maker.made.items()))
    return top


class _Maker:
    def __init__(self, plugins: Mapping[str, type]) -> None:
        self._plugins = plugins
        self._names: dict[type, str] = {}
        self.made: dict[str, dict[str, Any]] = {}

    def schema(self, kind: Any) -> dict[str, Any]:
        bare, extras = split_annotated(kind)
        if any(isinstance(extra, OneOrMore) for extra in extras):
            item = self.schema(typing.get_args(bare)[0])
            return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}
        parsed = next((extra for extra in extras if isinstance(extra, Parsed)), None) or PARSED_TYPES.get(
            bare
        )
        if parsed is not None:
            return _parsed(parsed, extras)
        if bare in _NAMES or bare is Secret:
            return _scalar(bare, extras)
        if bare is types.NoneType or bare is None:
            return {"type": "null"}
        origin = typing.get_origin(bare) or bare
        if origin is typing.Literal:
            return {
                "anyOf": [{"enum": list(typing.get_args(bare))}, {"type": "string", "pattern": _VARIABLE}]
            }
        if is_union(bare):
            return {"anyOf": [self.schema(member) for member in typing.get_args(bare)]}
        return self._collection(bare, origin)

    def _collection(self, bare: Any, origin: Any) -> dict[str, Any]:
        arguments = typing.get_args(bare)
        if origin in LISTS:
            if origin is tuple and arguments and arguments[-1] is not Ellipsis:
                items = [self.schema(argument) for argument in arguments]
                return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
            return {"type": "array", "items": self.schema(arguments[0]) if arguments else {}}
        if origin in TABLES:
            return {"type": "object", "additionalProperties": self.schema(arguments[1]) if arguments else {}}
        if bare is PluginEntry:
            return self._plugin()
        if isinstance(bare, type) and is_dataclass(bare) and not issubclass(bare, Node):
            return {"$ref": f"#/$defs/{self._define(bare)}"}
        return {}

    def _define(self, owner: type) -> str:
        if owner not in self._names:
            name, number = owner.__qualname__.rpartition(".")[2].removesuffix("Config"), 1
            while name in self.made:
                number += 1
                name = f"{owner.__qualname__.rpartition('.')[2]}{number}"
            self._names[owner] = name
            self.made[name] = {}
            self.made[name] = self.dataclass(owner)
        return self._names[owner]

    def dataclass(self, owner: type) -> dict[str, Any]:
        fields = read_fields(owner)
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {key: self._field(field) for key, field in fields.items()},
            "additionalProperties": False,
        }
        if required := [key for key, field in fields.items() if field.required]:
            schema["required"] = required
        if about := describe(owner):
            schema["description"] = about
        return schema

    def _field(self, field: Field) -> dict[str, Any]:
        schema = self.schema(field.kind)
        if not field.required and may_be_empty(field.kind):
            schema = {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}
            schema["anyOf"] = [
                part for i, part in enumerate(schema["anyOf"]) if part not in schema["anyOf"][:i]
            ]
        if field.doc:
            schema["description"] = field.doc
        default = _default(field)
        if default is not None:
            schema["default"] = default
        return schema

    def _plugin(self) -> dict[str, Any]:
        about = "A plugin's name: a file in plugins/ beside bot.yaml, a module path, or an installed plugin."
        known = {
            name: {"anyOf": [self.schema(kind), {"type": "null"}]} for name, kind in self._plugins.items()
        }
        named = {"type": "string", "minLength": 1, "description": about, "examples": list(self._plugins)}
        with_settings = {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "properties": known,
            "description": "A plugin's name and its settings.",
        }
        if not self._plugins:
            del named["examples"], with_settings["properties"]
        return {"anyOf": [named, with_settings]}


def _scalar(bare: Any, extras: tuple[Any, ...]) -> dict[str, Any]:
    if bare is Secret or bare is str:
        # a secret is taken as it is written, also where YAML sees a number
        schema: dict[str, Any] = {"type": "string" if bare is str else ["string", "number", "boolean"]}
        for extra in extras:
            if isinstance(extra, Text):
                schema["pattern"] = rf"^(?:{extra.pattern})$|{_VARIABLE}"
        return schema
    return {"type": [_NAMES[bare], "string"], "pattern": _VARIABLE, **_bounds(extras)}


def _parsed(how: Parsed, extras: tuple[Any, ...]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": ["number", "string"] if how.number else "string",
        "description": how.expected,
    }
    if how.pattern:
        schema["pattern"] = f"{how.pattern}|{_VARIABLE}"
    return schema | (_bounds(extras) if how.number else {})


def _bounds(extras: tuple[Any, ...]) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    for extra in extras:
        if isinstance(extra, Range):
            if extra.minimum is not None:
                bounds["minimum"] = extra.minimum
            if extra.maximum is not None:
                bounds["maximum"] = extra.maximum
    return bounds


def _default(field: Field) -> Any:
    """The default as bot.yaml would say it; ``None`` when there is none worth showing."""
    _, extras = split_annotated(field.kind)
    value = field.default
    if isinstance(value, enum.Enum) or not isinstance(value, (str, int, float, bool)):
        return None
    if any(isinstance(extra, Parsed) and extra.parse is parse_duration for extra in extras):
        return format_duration(value) if isinstance(value, (int, float)) else None
    return value
