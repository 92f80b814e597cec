"""What a settings dataclass declares: its keys, types, defaults and the sentences that describe them."""

from __future__ import annotations

import dataclasses
import inspect
import keyword
import re
import types
import typing
from dataclasses import dataclass
from typing import Any

from botkit.errors import PluginError

__all__ = ["Field", "describe", "is_union", "read_fields", "split_annotated"]


@dataclass(frozen=True, slots=True)
class Field:
    """One key of a settings class: ``name`` in Python, ``key`` in bot.yaml (``from`` for ``from_``)."""

    name: str
    key: str
    kind: Any
    required: bool
    default: Any
    doc: str


def read_fields(owner: type) -> dict[str, Field]:
    """Return the keys that bot.yaml may set for a dataclass, in order.

    :raises PluginError: the class is written so that its types can't be known.
    """
    if not dataclasses.is_dataclass(owner):
        raise PluginError(f"{place(owner)} is not a dataclass; put @dataclass above it")
    try:
        hints = typing.get_type_hints(owner, include_extras=True)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise PluginError(
            f"{place(owner)}: an annotation can't be read ({error}); import its names at module level"
        ) from None
    docs = _param_docs(owner)
    fields: dict[str, Field] = {}
    for field in dataclasses.fields(owner):
        if not field.init or field.name.startswith("_"):
            continue
        name = field.name
        key = name[:-1] if name.endswith("_") and keyword.iskeyword(name[:-1]) else name
        default: Any = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        fields[key] = Field(
            name=name,
            key=key,
            kind=hints[name],
            required=default is dataclasses.MISSING,
            default=default,
            doc=docs.get(name, ""),
        )
    return fields


def split_annotated(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return the bare type, and what ``Annotated`` says about it."""
    if typing.get_origin(kind) is typing.Annotated:
        bare, *extras = typing.get_args(kind)
        return bare, tuple(extras)
    return kind, ()


def is_union(kind: Any) -> bool:
    """``A | B`` or ``Optional[A]``."""
    return typing.get_origin(kind) in {typing.Union, types.UnionType}


def describe(owner: type) -> str:
    """The first paragraph of a class's own docstring; ``""`` for the one that dataclasses make up."""
    text = owner.__dict__.get("__doc__") or ""
    if text.startswith(f"{owner.__name__}("):
        return ""
    return " ".join(inspect.cleandoc(text).partition("\n\n")[0].split()).replace("``", "").replace("`", "")


def place(owner: type) -> str:
    """The class's name as a plugin's author knows it."""
    return f"{owner.__module__}.{owner.__qualname__}"


def _param_docs(owner: type) -> dict[str, str]:
    text = inspect.cleandoc(owner.__dict__.get("__doc__") or "")
    found = re.findall(r"^:param (\w+): *((?:.*)(?:\n[ \t]+.*)*)", text, re.MULTILINE)
    return {name: " ".join(doc.split()).replace("``", "").replace("`", "") for name, doc in found}
