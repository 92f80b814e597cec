"""Cuts X's OpenAPI description down to the operations that the simulator serves.

    python tests/parity/trim_openapi.py openapi.json

writes tests/payloads/openapi-trimmed.json: what these operations need, without descriptions and examples. Run
it again when the simulator learns a call, or when X publishes another description.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from botkit.simulator.endpoints import ENDPOINTS as ALL

TRIMMED = Path(__file__).parent.parent / "payloads" / "openapi-trimmed.json"

#: v2, but for signing in, which the description has no operations for
ENDPOINTS = [one for one in ALL if one.path.startswith("/2/") and "/oauth2/" not in one.path]


def shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"\{[^{}]*(\{[^{}]*\}[^{}]*)*\}", "{}", path)


def trim(whole: dict[str, Any]) -> dict[str, Any]:
    """The part of the description that the served operations need."""
    served = {(one.method.lower(), shape(one.path)) for one in ENDPOINTS}
    paths: dict[str, Any] = {}
    for path, operations in whole["paths"].items():
        kept = {
            method: operation for method, operation in operations.items() if (method, shape(path)) in served
        }
        if kept:
            paths[path] = _plain(kept)
    components: dict[str, Any] = {}
    wanted = _references(paths)
    while wanted:
        found: set[tuple[str, str]] = set()
        for kind, name in sorted(wanted):
            made = components.setdefault(kind, {})[name] = _plain(whole["components"][kind][name])
            found |= _references(made)
        wanted = {(kind, name) for kind, name in found if name not in components.get(kind, {})}
    components["securitySchemes"] = _plain(whole["components"]["securitySchemes"])
    return {
        "openapi": whole["openapi"],
        "info": {"title": whole["info"]["title"], "version": whole["info"]["version"]},
        "servers": whole["servers"],
        "paths": paths,
        "components": components,
    }


def _references(value: Any) -> set[tuple[str, str]]:
    if isinstance(value, dict):
        found = {one for inner in value.values() for one in _references(inner)}
        if isinstance(value.get("$ref"), str):
            kind, name = value["$ref"].removeprefix("#/components/").split("/")
            found.add((kind, name))
        return found
    if isinstance(value, list):
        return {one for inner in value for one in _references(inner)}
    return set()


def _once(values: Any) -> Any:
    """X's description has values twice in some enumerations, which JSON Schema does not allow."""
    return list(dict.fromkeys(values)) if isinstance(values, list) else _plain(values)


def _plain(value: Any) -> Any:
    """Without the words for people, but where OpenAPI wants them: an answer has a description."""
    if isinstance(value, dict):
        answer = "content" in value and "description" in value
        return {
            name: inner if name == "scopes" else _once(inner) if name == "enum" else _plain(inner)
            for name, inner in value.items()
            if not (name in {"description", "title"} and isinstance(inner, str) and not answer)
            and name not in {"example", "examples", "tags", "externalDocs", "summary"}
        }
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value


if __name__ == "__main__":
    text = json.dumps(trim(json.loads(Path(sys.argv[1]).read_text("utf-8"))), separators=(",", ":"))
    TRIMMED.write_text(text + "\n", "utf-8")
