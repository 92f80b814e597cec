"""Answers direct messages by rules from bot.yaml; no code needed.

    plugins:
      - autoresponder:
          greeting: "Hello {sender.name}, nice to meet you!"     # once per person
          rules:
            - {contains: [price, cost], reply: "Our prices: example.com/prices"}
            - {equals: hours, reply: "We answer from 9 to 5."}
            - {regex: 'order (?P<number>[0-9]+)', reply: "Order {number} is on its way, {sender.name}."}
          office_hours: {open: "09:00", close: "17:00", days: mon-fri, timezone: Europe/Berlin,
                         closed: "We are back on {opens}."}
          default: "Thanks, a colleague will write to you."
          quiet_after_human: 12h         # after you answered by hand, the bot keeps out of the conversation

For one message, in this order: an opt-out word is obeyed; a conversation in which a human answered is left
alone; a person who never wrote before is greeted; the first rule that matches answers; else, outside office
hours, the ``closed`` text; else ``default`` (neither right after a greeting).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from string import Formatter
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from botkit import (
    Bot,
    DirectMessage,
    DirectMessageSent,
    Duration,
    Filter,
    OneOrMore,
    Parsed,
    PluginSetup,
    contains,
    equals,
    hookimpl,
    on_direct_message,
    on_direct_message_sent,
    regex,
)

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SENDER_FIELDS = frozenset({"sender.name", "sender.username", "sender.id"})

Respond = Callable[[DirectMessage, Bot], Coroutine[Any, Any, str | None]]


def _days(text: str) -> frozenset[int]:
    """``mon-fri`` or ``mon, wed, sat-sun`` as weekdays, Monday 0. A range may pass the end of the week."""
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        begin, end = _DAYS.index(first[:3]), _DAYS.index((last if dash else first)[:3])
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(days)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"there is no timezone {name!r}") from error


Days = Annotated[
    frozenset[int],
    Parsed(_days, "days such as mon-fri or mon, wed", r"^[A-Za-z]{3,9}( *[-,] *[A-Za-z]{3,9})*$"),
]
Clock = Annotated[
    time, Parsed(time.fromisoformat, 'a time such as "09:00", in quotes', r"^[0-2][0-9]:[0-5][0-9]$")
]
Zone = Annotated[ZoneInfo, Parsed(_zone, "a timezone such as Europe/Berlin", r"^[A-Za-z0-9_+/-]+$")]
Words = Annotated[tuple[str, ...], OneOrMore()]


class Template:
    """A reply with places such as ``{sender.name}``; what people wrote is put in as it is."""

    def __init__(self, text: str, also: frozenset[str] = frozenset()) -> None:
        known = _SENDER_FIELDS | also
        for _, name, spec, conversion in Formatter().parse(text):
            if name is not None and (name not in known or spec or conversion):
                places = ", ".join(f"{{{place}}}" for place in sorted(known))
                raise ValueError(
                    f"{{{name}}} is no place in a reply; there are {places} (write {{{{ for a brace)"
                )
        self._text = text

    def fill(self, event: DirectMessage, values: Mapping[str, str] | None = None) -> str:
        """The text for this message."""
        sender = event.sender
        filled = {
            "sender.name": sender.name or sender.username or sender.id,
            "sender.username": sender.username or sender.id,
            "sender.id": sender.id,
            **(values or {}),
        }
        return "".join(
            literal + (filled.get(name, "") if name is not None else "")
            for literal, name, _, _ in Formatter().parse(self._text)
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One answer, and what it answers: exactly one of ``contains``, ``equals`` and ``regex``.

    :param reply: the answer.
    :param contains: texts, one of which must stand in the message.
    :param equals: texts, one of which must be the whole message.
    :param regex: a pattern that must be found in it; its named groups can stand in the reply.
    :param case: tell upper from lower case.
    """

    reply: str
    contains: Words = ()
    equals: Words = ()
    regex: re.Pattern[str] | None = None
    case: bool = False

    def __post_init__(self) -> None:
        given = [name for name in ("contains", "equals", "regex") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("a rule has exactly one of contains, equals and regex")
        self.template()

    def filter(self) -> Filter:
        """When the rule answers."""
        if self.regex is not None:
            return regex(self.regex.pattern, case=self.case)
        if self.contains:
            return contains(*self.contains, case=self.case)
        return equals(*self.equals, case=self.case)

    def template(self) -> Template:
        """What it answers."""
        return Template(
            self.reply, frozenset(self.regex.groupindex) if self.regex is not None else frozenset()
        )

    def groups(self, text: str) -> dict[str, str]:
        """What the pattern's named groups hold."""
        if self.regex is None:
            return {}
        found = re.search(self.regex.pattern, text, 0 if self.case else re.IGNORECASE)
        return {name: value or "" for name, value in found.groupdict().items()} if found else {}


@dataclass(frozen=True, kw_only=True)
class OfficeHours:
    """When somebody is there, and what is answered when nobody is.

    :param open: opening time.
    :param close: closing time; before ``open`` it is on the next day.
    :param closed: the answer outside these hours; ``{opens}`` is when they begin again.
    :param days: the days on which the office opens.
    :param timezone: where the office is.
    """

    open: Clock
    close: Clock
    closed: str
    days: Days = frozenset(range(5))
    timezone: Zone = field(default_factory=lambda: ZoneInfo("UTC"))

    def __post_init__(self) -> None:
        if not self.days or self.open == self.close:
            raise ValueError("the office never opens: give it days, and times that differ")
        self.template()

    def template(self) -> Template:
        """The answer outside these hours."""
        return Template(self.closed, frozenset({"opens"}))

    def is_open(self, at: datetime) -> bool:
        """Somebody is there at that time."""
        local = at.astimezone(self.timezone)
        clock = local.time().replace(tzinfo=None)
        if self.open < self.close:
            return local.weekday() in self.days and self.open <= clock < self.close
        yesterday = (local.weekday() - 1) % 7
        return (local.weekday() in self.days and clock >= self.open) or (
            yesterday in self.days and clock < self.close
        )

    def opens(self, at: datetime) -> str:
        """When the office opens next after that time, such as ``Mon 09:00``."""
        local = at.astimezone(self.timezone)
        for ahead in range(8):
            day = local + timedelta(days=ahead)
            if day.weekday() in self.days and (ahead or local.time() < self.open):
                return f"{_DAYS[day.weekday()].title()} {self.open:%H:%M}"
        raise AssertionError("some day of the next eight is a day of the week")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What bot.yaml may say.

    :param rules: the answers, in the order in which they are tried.
    :param greeting: sent once to each person, before any other answer.
    :param office_hours: when somebody is there.
    :param default: the answer to everything that no rule answers.
    :param quiet_after_human: how long the bot keeps out of a conversation after its owner answered by hand.
    :param stop: words that end all answers to the person who sends one (X's rules demand an opt-out).
    :param stopped: the last answer after such a word; ``start`` begins again.
    """

    rules: tuple[Rule, ...] = ()
    greeting: str = ""
    office_hours: OfficeHours | None = None
    default: str = ""
    quiet_after_human: Duration = 0.0
    stop: Words = ("stop", "unsubscribe")
    stopped: str = "You will get no more automatic answers. Write START to get them again."

    def __post_init__(self) -> None:
        for text in (self.greeting, self.default, self.stopped):
            Template(text)


@hookimpl
def setup(plugin: PluginSetup) -> None:
    """Make a handler of every rule, so that `botkit check` shows them and only those that match cost time."""
    settings = plugin.settings
    if settings.stop:
        plugin.add(on_direct_message, _stop, equals(*settings.stop), name="stop")
        plugin.add(on_direct_message, _start, equals("start"), name="start")
    for number, rule in enumerate(settings.rules, start=1):
        plugin.add(on_direct_message, _by_rule(rule), rule.filter(), name=f"rule-{number}")
    if settings.greeting or settings.default or settings.office_hours:
        plugin.add(on_direct_message, _otherwise(settings), fallback=True, name="otherwise")


def _by_rule(rule: Rule) -> Respond:
    template = rule.template()

    async def respond(event: DirectMessage, bot: Bot) -> str | None:
        if _is_silent(event, bot):
            return None
        await _greet(event, bot)
        return template.fill(event, rule.groups(event.text))

    return respond


def _otherwise(settings: Settings) -> Respond:
    default = Template(settings.default)
    hours = settings.office_hours

    async def respond(event: DirectMessage, bot: Bot) -> str | None:
        if _is_silent(event, bot) or await _greet(event, bot):
            return None
        if hours is not None and not hours.is_open(event.at):
            return hours.template().fill(event, {"opens": hours.opens(event.at)})
        return default.fill(event) or None

    return respond


async def _stop(event: DirectMessage, bot: Bot) -> str | None:
    already = bot.state.get("stopped", False)
    bot.state["stopped"] = True
    return None if already else Template(bot.settings.stopped).fill(event) or None


async def _start(event: DirectMessage, bot: Bot) -> str | None:
    if bot.state.pop("stopped", False):
        return "Welcome back!"
    return None


@on_direct_message_sent
async def human_answered(event: DirectMessageSent, bot: Bot) -> None:
    """Remember when the account's owner last wrote by hand in this conversation."""
    if not event.by_bot:
        bot.state["human_at"] = event.at


async def _greet(event: DirectMessage, bot: Bot) -> bool:
    """Greet a person who writes for the first time; whether it did."""
    greeting = Template(bot.settings.greeting).fill(event)
    if not greeting or bot.state.get("greeted"):
        return False
    bot.state["greeted"] = True
    await bot.reply(greeting)
    return True


def _is_silent(event: DirectMessage, bot: Bot) -> bool:
    """The person opted out, or a human has taken the conversation over."""
    if bot.state.get("stopped"):
        return True
    human_at: datetime | None = bot.state.get("human_at")
    quiet = timedelta(seconds=bot.settings.quiet_after_human)
    return human_at is not None and event.at - human_at < quiet
