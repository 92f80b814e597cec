"""The decorators that make handlers: ``@on_direct_message``, ``@on_direct_message(contains("price"))``.

A decorated function comes back as it was, with a mark; the manager reads the marks when the plugin is loaded.
Marks stack: a function under two decorators is two handlers.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypedDict, TypeVar, overload

from botkit import events
from botkit.events import Event
from botkit.filters.base import EVERYTHING, And, Filter, as_filter
from botkit.hooks.places import did_you_mean
from botkit.hooks.specs import all_specs

__all__ = [
    "Decorator",
    "HandlerOptions",
    "Mark",
    "NoticeDecorator",
    "Pending",
    "marks_of",
    "on_alarm",
    "on_block",
    "on_broadcast_chat",
    "on_broadcast_end",
    "on_broadcast_start",
    "on_chat_message",
    "on_dead_letter",
    "on_direct_message",
    "on_direct_message_read",
    "on_direct_message_sent",
    "on_error",
    "on_event",
    "on_follow",
    "on_like",
    "on_mention",
    "on_mute",
    "on_news",
    "on_post",
    "on_post_deleted",
    "on_profile_update",
    "on_quote",
    "on_replay_finished",
    "on_reply",
    "on_repost",
    "on_revoke",
    "on_shutdown",
    "on_space_end",
    "on_space_start",
    "on_startup",
    "on_typing",
    "on_unblock",
    "on_unfollow",
    "on_unknown",
    "on_unmute",
]

_MARKS: Final = "botkit_marks"

H = TypeVar("H", bound=Callable[..., Coroutine[Any, Any, str | None]])
N = TypeVar("N", bound=Callable[..., Coroutine[Any, Any, None]])
E = TypeVar("E", bound=Event)


class HandlerOptions(TypedDict, total=False):
    """What a handler can be given beside its filters.

    ``fallback``: run only if no handler of any plugin answered. ``own``: also see what the account did
    itself, where X reports both directions. ``timeout``: seconds that one run may take. ``attempts``: how
    often it is tried in all. ``tryfirst``, ``trylast``: before or after the handlers of all other plugins.
    ``where``: one more filter or predicate.
    """

    fallback: bool
    own: bool
    timeout: float | None
    attempts: int | None
    tryfirst: bool
    trylast: bool
    where: Filter | Callable[[Any], bool] | None


@dataclass(frozen=True, slots=True)
class Mark:
    """What a decorator says about the function below it.

    :param order: -1 before the handlers of all plugins, 1 after them, 0 in its place.
    """

    hook: str
    filter: Filter = EVERYTHING
    fallback: bool = False
    own: bool = False
    timeout_s: float | None = None
    attempts: int | None = None
    order: int = 0


class _Marks(Protocol):
    """What a called decorator returns: put it above an ``async def``."""

    def __call__(self, function: H, /) -> H: ...


class _MarksNotice(Protocol):
    def __call__(self, function: N, /) -> N: ...


@dataclass(frozen=True, slots=True)
class Pending:
    """A called decorator that waits for its function.

    :param predicate: the plain function that it was called with, which may have been meant as the handler.
    """

    mark: Mark
    predicate: Callable[..., Any] | None = None

    def __call__(self, function: H, /) -> H:
        if not callable(function):
            raise TypeError(f"@{self.mark.hook}(…) stands above a function, not above {function!r}")
        _put(function, self.mark)
        return function


class Decorator(Generic[E]):
    """A decorator that makes handlers of one hook, bare or called with filters and options."""

    def __init__(self, hook: str, event: type[E]) -> None:
        self.hook = hook
        self.event = event
        self.__doc__ = inspect.getdoc(all_specs()[hook])

    def __repr__(self) -> str:
        return f"@{self.hook}"

    @overload
    def __call__(self, function: H, /) -> H: ...

    @overload
    def __call__(
        self,
        *filters: Filter | Callable[[E], bool],
        fallback: bool = False,
        own: bool = False,
        timeout: float | None = None,
        attempts: int | None = None,
        tryfirst: bool = False,
        trylast: bool = False,
        where: Filter | Callable[[E], bool] | None = None,
    ) -> _Marks: ...

    # Options come as they are, so that a misspelt one can be told with the one that was meant.
    def __call__(self, *filters: Any, **options: object) -> Any:
        """Mark a function as a handler.

        :param filters: all of them must match. A plain function from event to bool is a filter too.
        :param options: see `HandlerOptions`.
        :raises TypeError: an unknown option, or something that is no filter.
        :raises ValueError: an option that makes no sense.
        """
        if len(filters) == 1 and not options and _is_handler(filters[0]):
            _put(filters[0], Mark(self.hook))
            return filters[0]
        plain = [given for given in filters if inspect.isfunction(given)]
        return Pending(make_mark(self.hook, filters, options), plain[0] if plain else None)


class NoticeDecorator:
    """A decorator for a hook that is told something: no filters, bare or called with an order."""

    def __init__(self, hook: str) -> None:
        self.hook = hook
        self.__doc__ = inspect.getdoc(all_specs()[hook])

    def __repr__(self) -> str:
        return f"@{self.hook}"

    @overload
    def __call__(self, function: N, /) -> N: ...

    @overload
    def __call__(self, *, tryfirst: bool = False, trylast: bool = False) -> _MarksNotice: ...

    def __call__(self, function: Any = None, *, tryfirst: bool = False, trylast: bool = False) -> Any:
        """Mark a function as an implementation of the hook."""
        mark = Mark(self.hook, order=_order(self.hook, tryfirst=tryfirst, trylast=trylast))
        if function is None:
            return Pending(mark)
        return Pending(mark)(function)


def make_mark(hook: str, filters: tuple[Any, ...], options: Any) -> Mark:
    """The mark for a handler with these filters and options (`HandlerOptions`).

    :raises TypeError: an unknown option, or something that is no filter.
    :raises ValueError: an option that makes no sense.
    """
    known = HandlerOptions.__annotations__
    for name in options:
        if name not in known:
            meant = did_you_mean(name, known) or f"known: {', '.join(known)}"
            raise TypeError(f"@{hook} has no option {name!r}; {meant}")
    for given in filters:
        if inspect.iscoroutinefunction(given):
            name = given.__name__
            raise TypeError(f"@{hook}: {name} is async, and a filter can't wait; make it a plain function")
    where, timeout, attempts = options.get("where"), options.get("timeout"), options.get("attempts")
    if timeout is not None and (not isinstance(timeout, int | float) or not timeout > 0):
        raise ValueError(f"@{hook}: timeout={timeout!r} is no duration; write seconds, such as timeout=10")
    if attempts is not None and (not isinstance(attempts, int) or attempts < 1):
        raise ValueError(f"@{hook}: attempts={attempts!r}; a handler is tried at least once: attempts=1")
    return Mark(
        hook,
        And.of([as_filter(given) for given in (*filters, *(() if where is None else (where,)))]),
        fallback=bool(options.get("fallback", False)),
        own=bool(options.get("own", False)),
        timeout_s=None if timeout is None else float(timeout),
        attempts=attempts,
        order=_order(hook, tryfirst=options.get("tryfirst", False), trylast=options.get("trylast", False)),
    )


def marks_of(function: object) -> tuple[Mark, ...]:
    """The marks that decorators left on the function, from the topmost down."""
    marks: tuple[Mark, ...] = getattr(function, _MARKS, ())
    return marks


def _put(function: Any, mark: Mark) -> None:
    # Decorators are applied from the bottom up; marks are kept in the order in which they are read.
    setattr(function, _MARKS, (mark, *marks_of(function)))


def _order(hook: str, *, tryfirst: bool, trylast: bool) -> int:
    if tryfirst and trylast:
        raise ValueError(f"@{hook}: tryfirst and trylast exclude each other; keep one")
    return trylast - tryfirst


def _is_handler(given: object) -> bool:
    """Whether a decorator stands bare above this; a plain function of one argument is a predicate."""
    if isinstance(given, Filter) or (not inspect.isroutine(given) and not inspect.iscoroutinefunction(given)):
        return False
    if inspect.iscoroutinefunction(given):
        return True
    try:
        inspect.signature(given).bind(None)
    except (TypeError, ValueError):
        return inspect.isfunction(given)
    return False


on_direct_message: Final = Decorator("on_direct_message", events.DirectMessage)
on_direct_message_sent: Final = Decorator("on_direct_message_sent", events.DirectMessageSent)
on_direct_message_read: Final = Decorator("on_direct_message_read", events.DirectMessageRead)
on_typing: Final = Decorator("on_typing", events.Typing)
on_chat_message: Final = Decorator("on_chat_message", events.ChatMessage)
on_post: Final = Decorator("on_post", events.Post)
on_reply: Final = Decorator("on_reply", events.Reply)
on_mention: Final = Decorator("on_mention", events.Mention)
on_repost: Final = Decorator("on_repost", events.Repost)
on_quote: Final = Decorator("on_quote", events.Quote)
on_post_deleted: Final = Decorator("on_post_deleted", events.PostDeleted)
on_like: Final = Decorator("on_like", events.Like)
on_follow: Final = Decorator("on_follow", events.Follow)
on_unfollow: Final = Decorator("on_unfollow", events.Unfollow)
on_block: Final = Decorator("on_block", events.Block)
on_unblock: Final = Decorator("on_unblock", events.Unblock)
on_mute: Final = Decorator("on_mute", events.Mute)
on_unmute: Final = Decorator("on_unmute", events.Unmute)
on_revoke: Final = Decorator("on_revoke", events.Revoked)
on_profile_update: Final = Decorator("on_profile_update", events.ProfileUpdated)
on_space_start: Final = Decorator("on_space_start", events.SpaceStarted)
on_space_end: Final = Decorator("on_space_end", events.SpaceEnded)
on_broadcast_start: Final = Decorator("on_broadcast_start", events.BroadcastStarted)
on_broadcast_end: Final = Decorator("on_broadcast_end", events.BroadcastEnded)
on_broadcast_chat: Final = Decorator("on_broadcast_chat", events.BroadcastChat)
on_news: Final = Decorator("on_news", events.NewsPublished)
on_replay_finished: Final = Decorator("on_replay_finished", events.ReplayFinished)
on_unknown: Final = Decorator("on_unknown", events.UnknownEvent)
on_event: Final = Decorator("on_event", events.Event)

on_error: Final = NoticeDecorator("on_error")
on_dead_letter: Final = NoticeDecorator("on_dead_letter")
on_alarm: Final = NoticeDecorator("on_alarm")
on_startup: Final = NoticeDecorator("on_startup")
on_shutdown: Final = NoticeDecorator("on_shutdown")
