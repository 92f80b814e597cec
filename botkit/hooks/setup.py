"""What a plugin holds in its ``setup`` hook: its settings, and the way to add handlers made from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

from botkit.hooks.collecting import Marked
from botkit.hooks.decorators import Decorator, HandlerOptions, make_mark
from botkit.hooks.places import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from botkit.filters.base import Filter

__all__ = ["PluginSetup"]


class PluginSetup:
    """A plugin while it is loaded.

    :ivar name: its name in bot.yaml.
    :ivar settings: its ``Settings``, decoded, or ``None`` when it declares none. What ``setup`` puts here
        instead is what its handlers find in ``bot.settings``.
    """

    def __init__(self, name: str, settings: Any) -> None:
        self.name = name
        self.settings = settings
        self.added: list[Marked] = []

    def add(
        self,
        hook: str | Decorator[Any],
        function: Callable[..., Coroutine[Any, Any, str | None]],
        *filters: Filter | Callable[[Any], bool],
        name: str = "",
        **options: Unpack[HandlerOptions],
    ) -> None:
        """Add a handler, as if the function stood in the plugin under ``@hook(*filters, **options)``.

        :param hook: the decorator or its name: ``on_direct_message`` or ``"on_direct_message"``.
        :param name: what to call the handler instead of the function's name. It is a part of its id, which
            botkit remembers across restarts: give the same handler the same name.
        :raises TypeError: an unknown option, or something that is no filter.
        :raises ValueError: an option that makes no sense.
        """
        hook_name = hook if isinstance(hook, str) else hook.hook
        mark = make_mark(hook_name, filters, options)
        self.added.append(Marked(mark, function, name or name_of(function)))

    def __repr__(self) -> str:
        return f"PluginSetup({self.name!r}, {len(self.added)} handlers added)"
