"""A handler's parameters: read once at load, filled from what a filter found in a text.

A word becomes what the parameter's annotation says. What does not convert is no error of the program: a
command answers with its usage, any other filter is taken not to match.
"""

from __future__ import annotations

import enum
import inspect
import math
import re
import types
import typing
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, DecimalException
from typing import Any, Final, Literal, Union

from botkit.errors import PluginError

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "NOT_GIVEN",
    "Parameter",
    "annotation_of",
    "bind_words",
    "convert_given",
    "read_parameter",
    "usage",
]


class _NotGiven(enum.Enum):
    NOT_GIVEN = enum.auto()


#: The default of a parameter that must be given.
NOT_GIVEN: Final = _NotGiven.NOT_GIVEN

_WHOLE: Final = re.compile(r"[+-]?\d+")
_YES: Final = frozenset({"yes", "y", "true", "on", "1"})
_NO: Final = frozenset({"no", "n", "false", "off", "0"})


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter that is filled from text.

    :param convert: text → value; raises `ValueError` when it is none.
    :param hint: how a usage line names the value, without brackets.
    :param takes_rest: it is a ``str``, so that as the last one it may hold several words.
    """

    name: str
    convert: Callable[[str], object]
    hint: str
    default: object = NOT_GIVEN
    takes_rest: bool = False


def annotation_of(function: Callable[..., Any], name: str) -> object:
    """The annotation of a parameter, evaluated.

    :raises NameError: it names something that does not exist at run time, such as a name that is imported for
        type checkers only.
    """
    inner = inspect.unwrap(function)
    annotations: Mapping[str, Any] = getattr(inner, "__annotations__", {})
    if name not in annotations:
        return inspect.Parameter.empty
    holder = types.SimpleNamespace(__annotations__={name: annotations[name]})
    scope = getattr(inner, "__globals__", {})
    return typing.get_type_hints(holder, globalns=scope).get(name)


def read_parameter(function: Callable[..., Any], parameter: inspect.Parameter) -> Parameter:
    """How the parameter is filled from text.

    :raises PluginError: texts can't be converted to its annotation; the message is the part after the place.
    """
    default = NOT_GIVEN if parameter.default is inspect.Parameter.empty else parameter.default
    try:
        wanted = annotation_of(function, parameter.name)
    except Exception as error:
        raise PluginError(
            f"the annotation of {parameter.name!r} can't be evaluated ({type(error).__name__}: {error}); "
            "import its type outside `if TYPE_CHECKING`"
        ) from error
    if typing.get_origin(wanted) in {Union, types.UnionType}:
        others = [kind for kind in typing.get_args(wanted) if kind is not type(None)]
        if len(others) == 1 and len(typing.get_args(wanted)) == 2:
            wanted, default = others[0], None if default is NOT_GIVEN else default
    convert, hint = _converter(wanted)
    if convert is None:
        raise PluginError(
            f"{parameter.name!r} is annotated as {_shown(wanted)}, and a text can't become that; "
            "use str, int, float, bool, Decimal, date, an Enum or a Literal"
        )
    takes_rest = wanted in {str, inspect.Parameter.empty, Any}
    return Parameter(
        parameter.name, convert, hint or parameter.name.replace("_", "-"), default, takes_rest=takes_rest
    )


def bind_words(parameters: tuple[Parameter, ...], text: str) -> dict[str, object] | None:
    """The values of a command's parameters, in order; ``None`` when the words do not fit.

    A last ``str`` takes the rest as written. Words that nobody takes do not fit, unless there are no
    parameters at all: a command without arguments does not care what follows.
    """
    values: dict[str, object] = {}
    rest = text
    for number, parameter in enumerate(parameters):
        last = number == len(parameters) - 1
        if last and parameter.takes_rest:
            word, rest = rest, ""
        else:
            parts = rest.split(None, 1)
            word, rest = parts[0] if parts else "", parts[1] if len(parts) == 2 else ""
        if not word:
            if parameter.default is NOT_GIVEN:
                return None
            values[parameter.name] = parameter.default
            continue
        try:
            values[parameter.name] = parameter.convert(word)
        except ValueError:
            return None
    return None if parameters and rest else values


def convert_given(parameters: tuple[Parameter, ...], given: Mapping[str, str]) -> dict[str, object] | None:
    """The values of parameters that a filter gives by name; ``None``: one is missing or no such value."""
    values: dict[str, object] = {}
    for parameter in parameters:
        if parameter.name not in given:
            if parameter.default is NOT_GIVEN:
                return None
            values[parameter.name] = parameter.default
            continue
        try:
            values[parameter.name] = parameter.convert(given[parameter.name])
        except ValueError:
            return None
    return values


def usage(command: str, parameters: tuple[Parameter, ...]) -> str:
    """One line that says how the command is written: ``Usage: /order <number> [note]``."""
    words = [
        f"<{parameter.hint}>" if parameter.default is NOT_GIVEN else f"[{parameter.hint}]"
        for parameter in parameters
    ]
    return " ".join(("Usage:", command, *words))


def _converter(wanted: object) -> tuple[Callable[[str], object] | None, str]:
    """How a text becomes this, and how a usage line names such values (``""``: by the parameter)."""
    if wanted in {str, inspect.Parameter.empty, Any}:
        return str, ""
    if wanted is bool:
        return _bool, "yes|no"
    if wanted is int:
        return _int, ""
    if wanted is float:
        return _float, ""
    if wanted is Decimal:
        return _decimal, ""
    if wanted is date:
        return _date, "YYYY-MM-DD"
    if typing.get_origin(wanted) is Literal:
        choices = {str(value).casefold(): value for value in typing.get_args(wanted)}
        return _chooser(choices), "|".join(str(value) for value in typing.get_args(wanted))
    if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
        members = {str(member.value).casefold(): member for member in wanted}
        by_name = {member.name.casefold(): member for member in wanted}
        return _chooser({**members, **by_name}), "|".join(member.name.lower() for member in wanted)
    return None, ""


def _chooser(choices: Mapping[str, object]) -> Callable[[str], object]:
    def choose(text: str) -> object:
        try:
            return choices[text.casefold()]
        except KeyError:
            raise ValueError("none of the choices") from None

    return choose


def _bool(text: str) -> bool:
    folded = text.casefold()
    if folded in _YES:
        return True
    if folded in _NO:
        return False
    raise ValueError("neither yes nor no")


def _int(text: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or "_" in text:
        raise ValueError("not a number")
    return value


def _decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except DecimalException:
        raise ValueError("not a number") from None
    if not value.is_finite() or "_" in text:
        raise ValueError("not a number")
    return value


def _date(text: str) -> date:
    return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no time zone


def _shown(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")
