"""What is loaded: a bot's plugins, their handlers in a table, and one typed method per other hook."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botkit.errors import PluginError, UserError
from botkit.hooks.places import one_line
from botkit.hooks.specs import EVENT_OF_HOOK, HOOK_OF_EVENT
from botkit.hooks.table import HandlerTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    import click
    from aiohttp.web import UrlDispatcher
    from structlog.typing import FilteringBoundLogger

    from botkit.events import Event
    from botkit.hooks.collecting import Implementation
    from botkit.hooks.handler import Handler
    from botkit.hooks.specs import Alarm, AppInfo
    from botkit.store.contract import DeadLetter, Store

__all__ = ["HookFailure", "Hooks", "Plugin"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """A loaded plugin.

    :param origin: its file or folder, from bot.yaml's folder when it lies there.
    :param handlers: in order of definition.
    :param hooks: the names of the other hooks that it implements.
    :param settings: its typed settings, or what its ``setup`` made of them; ``None`` when it declares none.
    """

    name: str
    origin: str
    handlers: tuple[Handler, ...] = ()
    hooks: tuple[str, ...] = ()
    settings: object = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HookFailure:
    """A hook that raised where that may not stop the bot."""

    plugin: str
    hook: str
    error: Exception


class Hooks:
    """Everything that a bot's plugins do, in order. Immutable; holds nothing of what it is called with."""

    def __init__(
        self,
        plugins: Iterable[Plugin] = (),
        handlers: Sequence[Handler] = (),
        implementations: Mapping[str, tuple[Implementation, ...]] | None = None,
        *,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        """Put together what `load_plugins` found.

        :param handlers: in the order in which they run.
        :param implementations: of the other hooks, by hook, in the order in which they run.
        """
        self.plugins: Final = tuple(plugins)
        self.table: Final = HandlerTable(handlers)
        self._implementations = dict(implementations or {})
        self._settings = {plugin.name: plugin.settings for plugin in self.plugins}
        self._log = log
        self.has_accept_event: Final = bool(self._of("accept_event"))

    def handlers(self, hook: str | type[Event] | None = None) -> tuple[Handler, ...]:
        """The handlers in the order in which they run: all, one hook's, or those of an event's own hook."""
        if isinstance(hook, type):
            hook = HOOK_OF_EVENT.get(hook, "on_event")
        return tuple(handler for handler in self.table if hook in {None, handler.hook})

    def settings(self, plugin: str) -> Any:
        """The plugin's settings; ``None`` when it declares none."""
        return self._settings.get(plugin)

    def needed_events(self) -> frozenset[type[Event]]:
        """The classes of events that some handler wants. A handler for ``on_event`` wants them all."""
        wanted = {handler.hook for handler in self.table}
        if "on_event" in wanted:
            return frozenset(HOOK_OF_EVENT)
        return frozenset(EVENT_OF_HOOK[hook] for hook in wanted)

    # -- around the handlers -----------------------------------------------------------------------------

    async def accept_event(self, event: Event) -> bool:
        """Whether the event is to be handled: the first plugin that answers decides; none means yes.

        What a plugin raises comes out.
        """
        for implementation in self._of("accept_event"):
            answer = await implementation(event=event)
            if answer is not None:
                return bool(answer)
        return True

    def around_handler(self, event: Event, handler: Handler) -> AbstractAsyncContextManager[None]:
        """What plugins put around a run of a handler, the first one's outermost.

        What the handler raises comes out, even where a plugin swallows it.
        """
        implementations = self._of("around_handler")
        return _around(implementations, event, handler) if implementations else nullcontext()

    async def error(self, event: Event, handler: Handler, error: BaseException) -> tuple[HookFailure, ...]:
        """Tell all plugins of a handler that failed. Never raises; returns what failed in turn."""
        return await self._tell("on_error", event=event, handler=handler, error=error)

    async def dead_letter(self, letter: DeadLetter) -> tuple[HookFailure, ...]:
        """Tell all plugins of a dead letter. Never raises; returns what failed."""
        return await self._tell("on_dead_letter", letter=letter)

    async def alarm(self, alarm: Alarm) -> tuple[HookFailure, ...]:
        """Tell all plugins of an alarm. Never raises; returns what failed."""
        return await self._tell("on_alarm", alarm=alarm)

    # -- from start to end -------------------------------------------------------------------------------

    async def startup(self, app: AppInfo) -> None:
        """Tell all plugins, in order, that the bot starts. What one raises comes out and ends the start."""
        for implementation in self._of("on_startup"):
            await implementation(app=app)

    async def shutdown(self) -> tuple[HookFailure, ...]:
        """Tell all plugins, in the opposite order, that the bot stops. Never raises; returns what failed."""
        return await self._tell("on_shutdown", backwards=True)

    def register_commands(self, cli: click.Group) -> None:
        """Let plugins add commands.

        :raises PluginError: one of them raised.
        """
        for implementation in self._of("register_commands"):
            _call(implementation, cli=cli)

    def register_routes(self, router: UrlDispatcher) -> None:
        """Let plugins add routes.

        :raises PluginError: one of them raised.
        """
        for implementation in self._of("register_routes"):
            _call(implementation, router=router)

    def register_store(self, url: str) -> Store | None:
        """The store that the first plugin makes for the address, if one does.

        :raises PluginError: one of them raised.
        """
        store: Store | None = self._first("register_store", url=url)
        return store

    def open_tunnel(self, port: int) -> AbstractAsyncContextManager[str] | None:
        """The tunnel that the first plugin offers, if one does: a context that gives the public address.

        :raises PluginError: one of them raised.
        """
        tunnel: AbstractAsyncContextManager[str] | None = self._first("open_tunnel", port=port)
        return tunnel

    def _of(self, hook: str) -> tuple[Implementation, ...]:
        return self._implementations.get(hook, ())

    def _first(self, hook: str, **given: Any) -> Any:
        for implementation in self._of(hook):
            answer = _call(implementation, **given)
            if answer is not None:
                return answer
        return None

    async def _tell(self, hook: str, *, backwards: bool = False, **given: Any) -> tuple[HookFailure, ...]:
        failures: list[HookFailure] = []
        implementations = self._of(hook)
        for implementation in reversed(implementations) if backwards else implementations:
            try:
                await implementation(**given)
            except Exception as error:  # noqa: BLE001 - one plugin's failure must not keep others from being told
                failures.append(HookFailure(implementation.plugin, hook, error))
                if self._log is not None:
                    # Only the kind: the message of an exception can hold what people wrote.
                    self._log.error(
                        "hook_failed",
                        plugin=implementation.plugin,
                        hook=hook,
                        place=implementation.place,
                        error=type(error).__name__,
                    )
        return tuple(failures)


def _call(implementation: Implementation, **given: Any) -> Any:
    try:
        return implementation(**given)
    except UserError:
        raise
    except Exception as error:
        raise PluginError(
            f"{implementation.place}: {implementation.hook}() raised {one_line(error)}"
        ) from error


@asynccontextmanager
async def _around(
    implementations: tuple[Implementation, ...], event: Event, handler: Handler
) -> AsyncIterator[None]:
    raised: BaseException | None = None
    async with AsyncExitStack() as stack:
        for implementation in implementations:
            await stack.enter_async_context(implementation(event=event, handler=handler))
        try:
            yield
        except BaseException as error:
            raised = error
            raise
    if raised is not None:
        raise raised
