"""Checks request bodies against the part of JSON Schema that X's own description uses.

The messages are worded like X's: ``$.filter: is missing but it is required`` (Source: X docs,
activity/quickstart).
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["violations"]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
}
_NAMES = {str: "string", int: "integer", bool: "boolean", dict: "object", list: "array", float: "number"}


def violations(value: Any, schema: dict[str, Any], path: str = "$") -> list[str]:
    """What is wrong with a decoded JSON value, in X's words; empty when nothing is."""
    wanted = schema.get("type")
    if wanted and not _is(value, wanted):
        return [f"{path}: {_NAMES.get(type(value), 'null')} found, {wanted} expected"]
    if isinstance(value, dict):
        return _of_object(value, schema, path)
    if isinstance(value, list):
        return _of_array(value, schema, path)
    return _of_scalar(value, schema, path)


def _is(value: Any, wanted: str) -> bool:
    if wanted == "integer" and isinstance(value, bool):
        return False
    return isinstance(value, _TYPES[wanted])


def _of_object(value: dict[str, Any], schema: dict[str, Any], path: str) -> list[str]:
    known: dict[str, Any] = schema.get("properties", {})
    found = [
        f"{path}.{name}: is missing but it is required"
        for name in schema.get("required", ())
        if name not in value
    ]
    choices = schema.get("any_of", ())
    if choices and not any(name in value for name in choices):
        found.append(f"{path}: should be valid to any of the schemas {', '.join(choices)}")
    for name, member in value.items():
        if name in known:
            found += violations(member, known[name], f"{path}.{name}")
        elif not schema.get("open"):
            found.append(
                f"{path}.{name}: is not defined in the schema and the schema does not allow additional "
                "properties"
            )
    return found


def _of_array(value: list[Any], schema: dict[str, Any], path: str) -> list[str]:
    found = []
    low, high = schema.get("minItems", 0), schema.get("maxItems")
    if len(value) < low:
        found.append(f"{path}: there must be a minimum of {low} items in the array")
    if high is not None and len(value) > high:
        found.append(f"{path}: there must be a maximum of {high} items in the array")
    for number, item in enumerate(value):
        found += violations(item, schema.get("items", {}), f"{path}[{number}]")
    return found


def _of_scalar(value: Any, schema: dict[str, Any], path: str) -> list[str]:
    if "enum" in schema and value not in schema["enum"]:
        return [f"{path}: does not have a value in the enumeration [{', '.join(schema['enum'])}]"]
    if isinstance(value, str):
        return _of_text(value, schema, path)
    if isinstance(value, int) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            return [f"{path}: must have a minimum value of {schema['minimum']}"]
        if value > schema.get("maximum", value):
            return [f"{path}: must have a maximum value of {schema['maximum']}"]
    return []


def _of_text(value: str, schema: dict[str, Any], path: str) -> list[str]:
    if len(value) < schema.get("minLength", 0):
        return [f"{path}: must be at least {schema['minLength']} characters long"]
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        return [f"{path}: may only be {schema['maxLength']} characters long"]
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        return [f"{path}: does not match the regex pattern {schema['pattern']}"]
    return []
