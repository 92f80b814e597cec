"""Hooks that wait for what can't come: told when the bot starts, and by `botkit check`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from botkit.config import Config
from botkit.hooks.manager import Hooks
from botkit.hooks.specs import EVENT_OF_HOOK
from botkit.x.reach import why_never

__all__ = ["Never", "hooks_never_called"]


@dataclass(frozen=True, slots=True)
class Never:
    """A hook whose event can't come.

    :param handlers: those that wait for it.
    """

    hook: str
    handlers: tuple[str, ...]
    delivery: str
    reason: str

    def __str__(self) -> str:
        return f"{self.hook} is never called with delivery {self.delivery}: {self.reason}"


def hooks_never_called(
    config: Config, hooks: Hooks, *, granted: Sequence[Collection[str] | None] = ()
) -> tuple[Never, ...]:
    """The hooks of the loaded plugins whose events the delivery, or the scopes, can't bring.

    :param granted: the OAuth 2.0 scopes that each account granted; ``None`` for one that signs with OAuth
        1.0a. Without accounts there is nothing to be said of scopes.
    """
    scopes = [each for each in granted if each is not None]
    known = scopes if scopes and len(scopes) == len(granted) else None
    waiting: dict[str, list[str]] = {}
    for handler in hooks.handlers():
        waiting.setdefault(handler.hook, []).append(handler.id)
    found = []
    for hook, handlers in waiting.items():
        delivery = config.x.delivery
        reason = why_never(EVENT_OF_HOOK[hook], delivery, keywords=config.x.keywords, granted=known)
        if reason:
            found.append(Never(hook, tuple(handlers), delivery, reason))
    return tuple(found)
