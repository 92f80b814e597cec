"""Loads a bot's plugins, checks them, and puts what they do in order.

pluggy declares and validates; its own calls are synchronous and end at the first exception, so what it has
collected is read once (`get_hookimpls`) and compiled: handlers into a `HandlerTable`, other hooks into
ordered lists behind the typed methods of `Hooks`. The order is bot.yaml's; ``tryfirst`` and ``trylast``
come before and after all others; inside a plugin it is the order of definition.
"""

from __future__ import annotations

import sys
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pluggy

from botkit.errors import PluginError, UserError
from botkit.hooks import specs
from botkit.hooks.collecting import Implementation, Marked, check_hook_name, collect, make_implementation
from botkit.hooks.finding import explain, find_plugin
from botkit.hooks.handler import Handler, make_handler
from botkit.hooks.loaded import Hooks, Plugin
from botkit.hooks.places import place_of, shown_path
from botkit.hooks.setup import PluginSetup

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from structlog.typing import FilteringBoundLogger

    from botkit.events import Event
    from botkit.hooks.finding import Found

__all__ = ["Hooks", "Plugin", "PluginListing", "PluginSource", "load_plugins"]

T = TypeVar("T")


class PluginListing(Protocol):
    """One entry of ``plugins:`` in bot.yaml (see `botkit.config.PluginEntry`)."""

    @property
    def name(self) -> str:
        """The plugin's name."""

    @property
    def settings(self) -> object | None:
        """What stands behind the name, undecoded; ``None`` when nothing does."""

    @property
    def file(self) -> str:
        """bot.yaml, as messages name it."""

    @property
    def line(self) -> int:
        """The entry's line."""

    def decode(self, kind: type[T], /) -> T:
        """The settings as a dataclass, or the error about them."""


class PluginSource(Protocol):
    """What is needed of the configuration (see `botkit.config.Config`)."""

    @property
    def plugins(self) -> Sequence[PluginListing]:
        """The plugins, in their order."""

    @property
    def folder(self) -> Path:
        """Where bot.yaml lies."""


def load_plugins(config: PluginSource, *, log: FilteringBoundLogger | None = None) -> Hooks:
    """Import the plugins of bot.yaml and make ready what they do.

    :param log: where failures of hooks that may not stop the bot are told (``hook_failed``).
    :raises PluginError: a plugin can't be found or can't be loaded as written; one line with place and fix.
    :raises ConfigError: its settings are wrong.
    """
    folder = config.folder.resolve()
    manager = _Manager("botkit")
    manager.add_hookspecs(specs)
    plugins: list[Plugin] = []
    known: set[str | int] = set()
    for listing in config.plugins:
        listed_at = f"{listing.file}:{listing.line}: " if listing.file else ""
        found = find_plugin(listing.name, folder, listed_at=listed_at, botkit_names=_names_of_botkit())
        if found.key in known or found.name in known:
            raise PluginError(
                f"{listed_at}the plugin {listing.name!r} is listed twice; keep one, with all its settings"
            )
        known |= {found.key, found.name}
        registration, plugin = _load(found, listing, folder, listed_at)
        try:
            manager.register(registration, found.name)
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            message = " ".join(str(error).split())
            raise PluginError(f"{plugin.origin}: {message}") from error
        plugins.append(plugin)
    return Hooks(plugins, *_compile(manager, [plugin.name for plugin in plugins]), log=log)


class _Registration:
    """A plugin as pluggy sees it: one function per handler or hook, with the hook's own arguments."""

    def __init__(self) -> None:
        self.parts: dict[str, tuple[str, int, Handler | Implementation]] = {}

    def add(self, order: int, part: Handler | Implementation) -> None:
        name = f"part_{len(self.parts)}"
        self.parts[name] = (part.hook, order, part)
        # A handler's own arguments are its filter's business; pluggy is shown those of the hook.
        setattr(self, name, _as_declared(part) if isinstance(part, Handler) else part.function)

    def find(self, impl: pluggy.HookImpl) -> tuple[int, Handler | Implementation]:
        """The part that pluggy's implementation stands for, and its place among the plugin's."""
        for place, (name, (hook, _, part)) in enumerate(self.parts.items()):
            if getattr(self, name) is impl.function and hook == impl.opts["specname"]:
                return place, part
        raise LookupError(impl)

    def options(self, name: str) -> pluggy.HookimplOpts | None:
        if name not in self.parts:
            return None
        hook, order, _ = self.parts[name]
        return {
            "specname": hook,
            "tryfirst": order < 0,
            "trylast": order > 0,
            "wrapper": False,
            "hookwrapper": False,
            "optionalhook": False,
        }


class _Manager(pluggy.PluginManager):
    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        return plugin.options(name) if isinstance(plugin, _Registration) else None


def _as_declared(handler: Handler) -> Callable[..., Any]:
    async def run(event: Event, bot: Any) -> str | None:
        match = handler.match(event)
        return None if match is None else await match.run(event, bot)

    return run


def _load(found: Found, listing: PluginListing, folder: Path, listed_at: str) -> tuple[_Registration, Plugin]:
    marked = collect(found, folder)
    setup = PluginSetup(found.name, _settings(found, listing, folder, listed_at))
    registration = _Registration()
    handlers: list[Handler] = []
    hooks: list[str] = []
    used: dict[str, int] = {}

    def add_handler(one: Marked) -> None:
        place = place_of(one.function, folder)
        check_hook_name(one.mark.hook, place)
        if one.mark.hook not in specs.EVENT_OF_HOOK:
            raise PluginError(f"{place}: {one.mark.hook} has no handlers; put @hookimpl above a function")
        used[one.name] = used.get(one.name, 0) + 1
        number = "" if used[one.name] == 1 else f"#{used[one.name]}"
        try:
            handler = make_handler(
                one.mark.hook,
                one.function,
                one.mark.filter,
                plugin=found.name,
                id=f"{found.name}:{one.name}{number}",
                place=place,
                fallback=one.mark.fallback,
                own=one.mark.own,
                timeout_s=one.mark.timeout_s,
                attempts=one.mark.attempts,
            )
        except PluginError as error:
            raise PluginError(f"{place}: {error}") from error
        handlers.append(handler)
        registration.add(one.mark.order, handler)

    setups: list[Implementation] = []
    for one in marked:
        if one.mark.hook in specs.EVENT_OF_HOOK:
            add_handler(one)
            continue
        implementation = make_implementation(one, found.name, folder)
        hooks.append(one.mark.hook)
        registration.add(one.mark.order, implementation)
        if one.mark.hook == "setup":
            setups.append(implementation)
    for implementation in setups:
        try:
            implementation(plugin=setup)
        except UserError:
            raise
        except Exception as error:
            raise PluginError(explain(error, found.root, folder, _names_of_botkit(), "setup()")) from error
    for added in setup.added:
        add_handler(added)
    origin = shown_path(str(found.root), folder)
    if not handlers and not hooks:
        raise PluginError(
            f"{origin}: has no handlers; put a decorator such as @on_direct_message above an `async def`"
        )
    return registration, Plugin(found.name, origin, tuple(handlers), tuple(hooks), setup.settings)


def _settings(found: Found, listing: PluginListing, folder: Path, listed_at: str) -> object:
    kind = getattr(found.namespace, "Settings", None)
    origin = shown_path(str(found.root), folder)
    if kind is None:
        if listing.settings is not None:
            raise PluginError(
                f"{listed_at}the plugin {found.name!r} takes no settings; "
                f"remove them, or declare them in {origin}: `@dataclass class Settings`"
            )
        return None
    if not isinstance(kind, type) or not is_dataclass(kind):
        raise PluginError(f"{origin}: Settings is no dataclass; put @dataclass(frozen=True) above it")
    try:
        return listing.decode(kind)
    except PluginError as error:
        raise PluginError(f"{origin}: {error}") from error


def _compile(
    manager: pluggy.PluginManager, names: Sequence[str]
) -> tuple[tuple[Handler, ...], dict[str, tuple[Implementation, ...]]]:
    """Everything that pluggy has collected, in the order in which it runs."""
    position = {name: place for place, name in enumerate(names)}
    handlers: list[tuple[tuple[int, ...], Handler]] = []
    others: dict[str, tuple[Implementation, ...]] = {}
    for hook in specs.all_specs():
        ordered: list[tuple[tuple[int, ...], Implementation]] = []
        for impl in getattr(manager.hook, hook).get_hookimpls():
            registration: _Registration = impl.plugin
            place, part = registration.find(impl)
            # pluggy's own order is last in, first out, and alphabetical inside a plugin.
            key = (impl.trylast - impl.tryfirst, position[impl.plugin_name], hook == "on_event", place)
            if isinstance(part, Handler):
                handlers.append((key, part))
            else:
                ordered.append((key, part))
        others[hook] = tuple(part for _, part in sorted(ordered, key=lambda one: one[0]))
    return tuple(handler for _, handler in sorted(handlers, key=lambda one: one[0])), others


def _names_of_botkit() -> tuple[str, ...]:
    """What plugins can import from botkit; the package is complete by the time it loads any."""
    return tuple(getattr(sys.modules["botkit"], "__all__", ()))
