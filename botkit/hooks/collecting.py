"""What stands in a plugin's namespace: handlers and hook implementations, checked before anything runs."""

from __future__ import annotations

import functools
import inspect
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from botkit.errors import PluginError
from botkit.hooks.decorators import Mark, Pending, marks_of
from botkit.hooks.places import did_you_mean, name_of, place_of, unknown_argument
from botkit.hooks.specs import EVENT_OF_HOOK, all_specs, arguments_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from botkit.hooks.finding import Found

__all__ = ["Implementation", "Marked", "check_hook_name", "collect", "make_implementation"]

# Where pluggy's marker keeps its options.
_IMPL: Final = "botkit_impl"

# These give an async context manager, which a coroutine is not.
_CONTEXT_HOOKS: Final = frozenset({"around_handler", "open_tunnel"})


@dataclass(frozen=True, slots=True)
class Marked:
    """A function of a plugin that is marked for a hook, and the name under which it stands there."""

    mark: Mark
    function: Callable[..., Any]
    name: str


@dataclass(frozen=True, slots=True)
class Implementation:
    """One plugin's function for a hook that has no handlers.

    :param place: ``file:line``.
    """

    plugin: str
    hook: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    place: str

    def __call__(self, **given: Any) -> Any:
        """Call it with those of the hook's arguments that it takes."""
        return self.function(**{name: given[name] for name in self.arguments})


def collect(found: Found, folder: Path) -> list[Marked]:
    """The marked functions of a plugin, in the order in which they stand there.

    What stands in the plugin's namespace belongs to it, also what it imported from a module of its own.

    :raises PluginError: a function that looks like a hook would never be called, or names no hook.
    """
    marked: list[Marked] = []
    seen: set[int] = set()
    for name, value in _members(found.namespace):
        if isinstance(value, Pending):
            _check_applied(name, value, folder)
            continue
        if not inspect.isroutine(value) or id(value) in seen:
            continue
        marks = [*marks_of(value), *_plain_marks(name, value, folder)]
        if not marks and not hasattr(value, _IMPL) and _is_own(value, found.namespace):
            _check_no_hook(name, value, folder)
        seen.add(id(value))
        marked += [Marked(mark, value, name_of(value)) for mark in marks]
    return marked


def make_implementation(marked: Marked, plugin: str, folder: Path) -> Implementation:
    """Check a function for a hook without handlers.

    :raises PluginError: async where it must not be or the other way round, or an unknown argument.
    """
    hook, function, name = marked.mark.hook, marked.function, marked.name
    place = place_of(function, folder)
    awaited = inspect.iscoroutinefunction(function)
    if hook in _CONTEXT_HOOKS and (awaited or inspect.isasyncgenfunction(function)):
        raise PluginError(
            f"{place}: {name}() is no context manager; put @asynccontextmanager below @hookimpl"
        )
    if inspect.iscoroutinefunction(all_specs()[hook]):
        if not awaited:
            raise PluginError(f"{place}: {name}() is not async; make it `async def {name}`")
    elif awaited:
        raise PluginError(f"{place}: {name}() is async, but {hook} is not awaited; make it `def {name}`")
    known = list(arguments_of(hook))
    taken: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in known and parameter.kind in {
            parameter.POSITIONAL_OR_KEYWORD,
            parameter.KEYWORD_ONLY,
        }:
            taken.append(parameter.name)
        elif parameter.default is parameter.empty:
            raise PluginError(f"{place}: {unknown_argument(name, parameter.name, hook, known)}")
    return Implementation(plugin, hook, function, tuple(taken), place)


def check_hook_name(hook: str, place: str) -> None:
    """:raises PluginError: no hook has this name."""
    if hook not in all_specs():
        meant = did_you_mean(hook, all_specs()) or "docs/plugins.md lists them"
        raise PluginError(f"{place}: there is no hook {hook!r}; {meant}")


def _members(namespace: object) -> list[tuple[str, object]]:
    """What stands in the namespace, in order of definition; methods are bound."""
    if isinstance(namespace, types.ModuleType):
        return list(vars(namespace).items())
    kind = namespace if isinstance(namespace, type) else type(namespace)
    names: dict[str, None] = {}
    for base in reversed(kind.__mro__[:-1]):
        names.update(dict.fromkeys(vars(base)))
    names.update(dict.fromkeys(getattr(namespace, "__dict__", ())))
    return [
        (name, getattr(namespace, name))
        for name in names
        if not isinstance(inspect.getattr_static(namespace, name), property | functools.cached_property)
    ]


def _plain_marks(name: str, function: object, folder: Path) -> list[Mark]:
    """The mark of ``@hookimpl``, whose function is named as the hook."""
    options = cast("Mapping[str, Any] | None", getattr(function, _IMPL, None))
    if not isinstance(options, dict) or not callable(function):
        return []
    hook = options.get("specname") or name
    place = place_of(function, folder)
    if hook not in all_specs() and options.get("optionalhook"):
        return []
    check_hook_name(hook, place)
    if options.get("wrapper") or options.get("hookwrapper"):
        raise PluginError(
            f"{place}: {name}() is a wrapper of pluggy's, and those can't wait; write an around_handler hook"
        )
    return [Mark(hook, order=bool(options.get("trylast")) - bool(options.get("tryfirst")))]


def _check_applied(name: str, pending: Pending, folder: Path) -> None:
    # `@on_follow` above `def greet(event)` reads it as a predicate and leaves a decorator under its name.
    predicate = pending.predicate
    if predicate is not None and name_of(predicate) == name:
        raise PluginError(f"{place_of(predicate, folder)}: {name}() is not async; make it `async def {name}`")


def _is_own(function: object, namespace: object) -> bool:
    module = getattr(function, "__module__", None)
    own = getattr(namespace, "__name__", None)
    if not isinstance(namespace, types.ModuleType):
        return True
    return isinstance(module, str) and (module == own or module.startswith(f"{own}."))


def _check_no_hook(name: str, function: Any, folder: Path) -> None:
    """An undecorated function with a hook's name was meant to be called."""
    place = place_of(function, folder)
    if name in all_specs():
        marker = f"@{name}" if name in EVENT_OF_HOOK else "@hookimpl"
        raise PluginError(f"{place}: {name}() is not decorated, so it would never run; put {marker} above it")
    if name.startswith("on_"):
        meant = did_you_mean(name, all_specs()) or f"if it is no handler, rename it _{name}"
        raise PluginError(f"{place}: {name}() is not decorated, and there is no hook of that name; {meant}")
