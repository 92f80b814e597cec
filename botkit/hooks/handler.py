"""Handlers: one decorated function of a plugin each, read and checked once, and what runs for one event."""

from __future__ import annotations

import inspect
import types
import typing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botkit.errors import PluginError
from botkit.filters.base import EVERYTHING, Filter
from botkit.filters.text import COMMAND_WORD, COMMAND_WORDS
from botkit.hooks.arguments import Parameter, annotation_of, bind_words, convert_given, read_parameter, usage
from botkit.hooks.places import name_of, unknown_argument
from botkit.hooks.specs import EVENT_OF_HOOK, HOOK_OF_EVENT

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from botkit.bot import Bot
    from botkit.events import Event

__all__ = ["Handler", "Match", "make_handler"]


@dataclass(frozen=True, slots=True)
class Handler:
    """One function for one hook, with everything that is known about it before an event comes.

    :param id: ``plugin:function``, unique in the bot and the same after a restart; ``#2`` and so on tells
        apart what one plugin has under the same name.
    :param own: it also sees what the account did itself, for hooks where that is a matter of choice.
    :param timeout_s: how long it may take, seconds; ``None`` leaves it to bot.yaml.
    :param attempts: how often it is tried in all; ``None`` leaves it to bot.yaml.
    :param place: ``file:line``.
    :param wants_event: it takes ``event``.
    :param wants_bot: it takes ``bot``.
    :param given: the parameters that its filter fills by name.
    :param words: the parameters that a command's words fill, in order.
    """

    id: str
    plugin: str
    hook: str
    function: Callable[..., Awaitable[str | None]]
    filter: Filter = EVERYTHING
    fallback: bool = False
    own: bool = False
    timeout_s: float | None = None
    attempts: int | None = None
    place: str = ""
    wants_event: bool = True
    wants_bot: bool = True
    given: tuple[Parameter, ...] = field(default=(), repr=False)
    words: tuple[Parameter, ...] = field(default=(), repr=False)

    @property
    def slot(self) -> str:
        """The place that it takes for an event; at most one handler of a slot runs.

        Every plugin has one for its handlers (its name), one for its ``on_event`` handlers, and the same for
        fallbacks.
        """
        slot = self.plugin if self.hook != "on_event" else f"{self.plugin}/on_event"
        return f"{slot}/fallback" if self.fallback else slot

    def match(self, event: Event) -> Match | None:
        """What it would do with the event: run with arguments, answer with its usage, or nothing.

        Never raises: what a filter raises is this handler's failure, told when the match is run.
        """
        try:
            given = self.filter.match(event)
        except Exception as error:  # noqa: BLE001 - an author's predicate may raise anything
            return Match(self, error=error)
        if given is None:
            return None
        if not self.given and not self.words:
            return Match(self)
        named = convert_given(self.given, given)
        if named is None:
            return None
        if self.words:
            command = given.get(COMMAND_WORD, "")
            values = bind_words(self.words, given.get(COMMAND_WORDS, ""))
            if values is None:
                return Match(self, usage=usage(command, self.words)) if command else None
            named.update(values)
        return Match(self, named)

    def __str__(self) -> str:
        options = [str(self.filter)] if self.filter != EVERYTHING else []
        options += ["fallback=True"] if self.fallback else []
        options += ["own=True"] if self.own else []
        return f"{self.hook}({', '.join(options)})" if options else self.hook


@dataclass(frozen=True, slots=True)
class Match:
    """A handler that takes an event.

    :param arguments: what its filter found, converted.
    :param usage: the command was written wrongly: this is the answer, and the handler itself does not run.
    :param error: its filter raised; running the match raises this.
    """

    handler: Handler
    arguments: Mapping[str, object] = field(default_factory=dict, repr=False)
    usage: str | None = None
    error: Exception | None = None

    async def run(self, event: Event, bot: Bot) -> str | None:
        """Run the handler and return the text that it answers with, if any.

        :raises TypeError: the handler returned something that is neither a text nor nothing.
        """
        if self.error is not None:
            raise self.error
        if self.usage is not None:
            return self.usage
        handler = self.handler
        arguments = dict(self.arguments)
        if handler.wants_event:
            arguments["event"] = event
        if handler.wants_bot:
            arguments["bot"] = bot
        answer: object = await handler.function(**arguments)
        if answer is None or isinstance(answer, str):
            return answer
        kind = type(answer).__name__
        raise TypeError(f"{handler.id} returned {kind}; return a text, which is the reply, or None")


def make_handler(
    hook: str,
    function: Callable[..., Any],
    filter: Filter = EVERYTHING,  # noqa: A002 - the field's name
    *,
    plugin: str,
    id: str = "",  # noqa: A002 - the field's name
    place: str = "",
    fallback: bool = False,
    own: bool = False,
    timeout_s: float | None = None,
    attempts: int | None = None,
) -> Handler:
    """Read a function's signature and make its handler.

    :raises PluginError: it can't be called with what the hook and the filter give; the message is the part
        after the place.
    """
    name = name_of(function)
    if not inspect.iscoroutinefunction(function):
        raise PluginError(f"{name}() is not async; make it `async def {name}`")
    _check_event(function, name, hook)
    provided = filter.provides()
    given: list[Parameter] = []
    words: list[Parameter] = []
    parameters = inspect.signature(function).parameters
    for parameter in parameters.values():
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY}:
            raise PluginError(
                f"{name}() takes {_kind(parameter)}; arguments are given by name: write each of them out"
            )
        if parameter.name in {"event", "bot"}:
            continue
        if parameter.name in provided:
            given.append(read_parameter(function, parameter))
        elif COMMAND_WORDS in provided:
            words.append(read_parameter(function, parameter))
        elif parameter.default is parameter.empty:
            known = ["event", "bot", *sorted(provided)]
            raise PluginError(unknown_argument(name, parameter.name, hook, known))
    return Handler(
        id=id or f"{plugin}:{name}",
        plugin=plugin,
        hook=hook,
        function=function,
        filter=filter,
        fallback=fallback,
        own=own,
        timeout_s=timeout_s,
        attempts=attempts,
        place=place,
        wants_event="event" in parameters,
        wants_bot="bot" in parameters,
        given=tuple(given),
        words=tuple(words),
    )


def _check_event(function: Callable[..., Any], name: str, hook: str) -> None:
    """The hook must give what the annotation of ``event`` says, where it says anything."""
    try:
        wanted = annotation_of(function, "event")
    except Exception:  # noqa: BLE001 - a name for type checkers only; they check it
        return
    gives = EVENT_OF_HOOK[hook]
    if not _holds(wanted, gives):
        meant = HOOK_OF_EVENT.get(wanted) if isinstance(wanted, type) else None
        shown = wanted.__name__ if isinstance(wanted, type) else str(wanted)
        fix = f"did you mean @{meant}?" if meant and hook != "on_event" else f"write event: {gives.__name__}"
        raise PluginError(f"{name}() takes event: {shown}, but {hook} gives {gives.__name__}; {fix}")


def _holds(wanted: object, gives: type[Event]) -> bool:
    if typing.get_origin(wanted) in {typing.Union, types.UnionType}:
        return any(_holds(kind, gives) for kind in typing.get_args(wanted))
    if wanted in {inspect.Parameter.empty, Any, object} or not isinstance(wanted, type):
        return True  # says nothing, or something that only a type checker can judge
    return bool(getattr(wanted, "_is_protocol", False)) or issubclass(gives, wanted)


def _kind(parameter: inspect.Parameter) -> str:
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"*{parameter.name}"
    if parameter.kind is parameter.VAR_KEYWORD:
        return f"**{parameter.name}"
    return f"{parameter.name!r} by position only"
