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
alone; a new person is greeted; the first rule that matches answers; else, outside office hours, the
``closed`` text; else ``default`` (neither right after a greeting, nor when another plugin answered).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
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

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SENDER_PLACES = frozenset({"sender.name", "sender.username", "sender.id"})
_END_OF_DAY = 24 * 60
#: characters of a direct message, as `bot.reply` holds them: v1.1's limit, v2 states none
_LONGEST = 10_000

Respond = Callable[[DirectMessage, Bot], Coroutine[Any, Any, str | None]]


def _day(name: str) -> int:
    for number, day in enumerate(_DAYS):
        if name in {day, day[:3]}:
            return number
    raise ValueError(f"{name!r} is no day; days are mon, tue, wed, thu, fri, sat and sun")


def _days(text: str) -> frozenset[int]:
    """``mon-fri`` or ``mon, wed, sat-sun`` as weekdays, Monday 0. A range may pass the end of the week."""
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        days |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(days)


def _minutes(text: str) -> int:
    """``09:00`` as minutes after midnight; ``24:00`` is the end of the day."""
    found = re.fullmatch(r"([0-9]{1,2}):([0-5][0-9])", text)
    minutes = int(found[1]) * 60 + int(found[2]) if found else _END_OF_DAY + 1
    if minutes > _END_OF_DAY:
        raise ValueError("hours and minutes, from 00:00 to 24:00")
    return minutes


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("this machine knows no such timezone") from None


def _reply(text: str) -> Template:
    """A reply in which only the sender's places stand."""
    template = Template(text)
    template.check()
    return template


@dataclass(frozen=True)
class Template:
    """A text with places such as ``{sender.name}``; what people wrote is put in as it is, never looked into.

    :raises ValueError: a brace stands alone, a place has a format, or the text is too long to be sent.
    """

    text: str

    def __post_init__(self) -> None:
        try:
            parts = list(Formatter().parse(self.text))
        except ValueError:
            raise ValueError("a brace stands alone; write {{ or }} where a brace is meant") from None
        for _, place, how, conversion in parts:
            if how or conversion:
                raise ValueError(f"a place is only a name: write {{{place}}}")
        if len(self.text) > _LONGEST:
            raise ValueError(f"a direct message holds {_LONGEST} characters")

    def __bool__(self) -> bool:
        return bool(self.text.strip())

    @cached_property
    def parts(self) -> tuple[tuple[str, str | None], ...]:
        """The text between the places, each with the place that follows it."""
        return tuple((literal, place) for literal, place, _, _ in Formatter().parse(self.text))

    def check(self, also: frozenset[str] = frozenset()) -> None:
        """Refuse places that are neither the sender's nor in ``also``.

        :raises ValueError: there is such a place; the message lists those that are.
        """
        known = _SENDER_PLACES | also
        for _, place in self.parts:
            if place is not None and place not in known:
                places = ", ".join(f"{{{name}}}" for name in sorted(known))
                raise ValueError(
                    f"{{{place}}} is no place in this text; there are {places}; write {{{{ for a brace"
                )

    def fill(self, event: DirectMessage, values: Mapping[str, str] | None = None) -> str | None:
        """The text for this message, cut where X would cut it; ``None`` when nothing is left to say."""
        sender = event.sender
        filled = {
            "sender.name": sender.name or sender.username or sender.id,
            "sender.username": sender.username or sender.id,
            "sender.id": sender.id,
            **(values or {}),
        }
        text = "".join(
            literal + (filled.get(place, "") if place is not None else "") for literal, place in self.parts
        )[:_LONGEST]
        return text if text.strip() else None


Days = Annotated[
    frozenset[int],
    Parsed(_days, "days such as mon-fri or mon, wed", r"^ *[A-Za-z]{3,9}( *[-,] *[A-Za-z]{3,9})* *$"),
]
Clock = Annotated[int, Parsed(_minutes, 'a time such as "09:00"', r"^([01]?[0-9]|2[0-4]):[0-5][0-9]$")]
Zone = Annotated[ZoneInfo, Parsed(_zone, "a timezone such as Europe/Berlin", r"^[A-Za-z0-9_+/-]+$")]
Words = Annotated[tuple[str, ...], OneOrMore()]
Reply = Annotated[Template, Parsed(_reply, "a text with places such as {sender.name}", "")]
RuleReply = Annotated[Template, Parsed(Template, "a text with places such as {sender.name}", "")]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One answer, and what it answers: exactly one of ``contains``, ``equals`` and ``regex``.

    :param reply: the answer.
    :param contains: texts, one of which must stand in the message.
    :param equals: texts, one of which must be the whole message.
    :param regex: a pattern that must be found in it; its named groups can stand in the reply.
    :param case: tell upper from lower case.
    """

    reply: RuleReply
    contains: Words = ()
    equals: Words = ()
    regex: re.Pattern[str] | None = None
    case: bool = False

    def __post_init__(self) -> None:
        if bool(self.contains) + bool(self.equals) + (self.regex is not None) != 1:
            raise ValueError("a rule has exactly one of contains, equals and regex")
        if not all(text.strip() for text in (*self.contains, *self.equals)) or (
            self.regex is not None and not self.regex.pattern
        ):
            raise ValueError("a rule for an empty text; use `default` for what no rule answers")
        if not self.reply:
            raise ValueError("the reply is empty; write what the rule answers")
        provided = self.filter.provides()  # raises for a group whose name is taken
        try:
            self.reply.check(provided)
        except ValueError as error:
            raise ValueError(f"reply: {error}") from None

    @cached_property
    def filter(self) -> Filter:
        """When the rule answers; a pattern gives its named groups."""
        if self.regex is not None:
            return regex(self.regex.pattern, case=self.case)
        if self.contains:
            return contains(*self.contains, case=self.case)
        return equals(*self.equals, case=self.case)

    def answer(self, event: DirectMessage) -> str | None:
        """What the rule answers to the message; ``None`` when it does not match, or leaves nothing to say."""
        groups = self.filter.match(event)
        return None if groups is None else self.reply.fill(event, groups)


@dataclass(frozen=True, kw_only=True)
class OfficeHours:
    """When somebody is there, and what is answered when nobody is. Times are the office's wall clock.

    :param open: opening time.
    :param close: closing time; before ``open`` it is on the next day.
    :param closed: the answer outside these hours; ``{opens}`` is when they begin again.
    :param days: the days on which the office opens.
    :param timezone: where the office is.
    """

    open: Clock
    close: Clock
    closed: RuleReply
    days: Annotated[tuple[Days, ...], OneOrMore()] = (frozenset(range(5)),)
    timezone: Zone = field(default_factory=lambda: ZoneInfo("UTC"))

    def __post_init__(self) -> None:
        if self.open == _END_OF_DAY:
            raise ValueError("open must be before 24:00")
        if self.open == self.close:
            raise ValueError('the office never opens; for the whole day write open: "00:00", close: "24:00"')
        if not self.closed:
            raise ValueError("closed is empty; write what is answered outside office hours")
        try:
            self.closed.check(frozenset({"opens"}))
        except ValueError as error:
            raise ValueError(f"closed: {error}") from None

    @cached_property
    def weekdays(self) -> frozenset[int]:
        """The days on which the office opens, Monday 0."""
        return frozenset[int]().union(*self.days)

    def is_open(self, at: datetime) -> bool:
        """Somebody is there at that time."""
        local = at.astimezone(self.timezone)
        today, now = local.weekday(), local.hour * 60 + local.minute
        if self.open < self.close:
            return today in self.weekdays and self.open <= now < self.close
        yesterday = (today - 1) % 7
        return (today in self.weekdays and now >= self.open) or (
            yesterday in self.weekdays and now < self.close
        )

    def opens(self, at: datetime) -> str:
        """When the office opens next after that time, such as ``Mon 09:00``."""
        local = at.astimezone(self.timezone)
        passed = local.hour * 60 + local.minute >= self.open
        ahead = next(
            days for days in range(passed, passed + 7) if (local.weekday() + days) % 7 in self.weekdays
        )
        day = _DAYS[(local.weekday() + ahead) % 7][:3].title()
        return f"{day} {self.open // 60:02}:{self.open % 60:02}"

    def answer(self, event: DirectMessage) -> str | None:
        """The answer outside these hours."""
        return self.closed.fill(event, {"opens": self.opens(event.at)})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What bot.yaml may say.

    :param rules: the answers, in the order in which they are tried.
    :param greeting: sent once to each person, before any other answer.
    :param office_hours: when somebody is there.
    :param default: the answer to everything that no rule answers.
    :param quiet_after_human: how long the bot keeps out of a conversation after its owner answered by hand.
    :param stop: words that end all answers to the person who sends one (X's rules demand an opt-out).
    :param stopped: the last answer after such a word.
    :param start: words that begin the answers again.
    :param started: the first answer after such a word.
    """

    rules: tuple[Rule, ...] = ()
    greeting: Reply = Template("")
    office_hours: OfficeHours | None = None
    default: Reply = Template("")
    quiet_after_human: Duration = 0.0
    stop: tuple[str, ...] | str = ("stop", "unsubscribe")
    stopped: Reply = Template("You will get no more automatic answers. Write START to get them again.")
    start: Words = ("start",)
    started: Reply = Template("Welcome back!")

    def __post_init__(self) -> None:
        for name, words in (("stop", self.stop_words), ("start", self.start)):
            if not all(word.strip() for word in words):
                raise ValueError(f"{name} holds an empty word; write a word, or delete the key")
        both = {word.strip().lower() for word in self.stop_words} & {
            word.strip().lower() for word in self.start
        }
        if both:
            raise ValueError(f"{min(both)!r} is a word for stop and for start; take it from one of them")

    @property
    def stop_words(self) -> tuple[str, ...]:
        """The opt-out words; none when there is no opt-out."""
        return (self.stop,) if isinstance(self.stop, str) else self.stop


@hookimpl
def setup(plugin: PluginSetup) -> None:
    """Make a handler of every rule, so that `botkit check` shows them and only those that match cost time."""
    settings: Settings = plugin.settings
    if settings.stop_words:
        plugin.add(on_direct_message, _stop, _alone(settings.stop_words), name="stop")
        plugin.add(on_direct_message, _start, _alone(settings.start), name="start")
    for number, rule in enumerate(settings.rules, start=1):
        plugin.add(on_direct_message, _by_rule(rule), rule.filter, name=f"rule-{number}")
    if settings.greeting or settings.default or settings.office_hours:
        plugin.add(on_direct_message, _otherwise, fallback=True, name="otherwise")
    if settings.quiet_after_human:
        plugin.add(on_direct_message_sent, _remember_human, name="human_answered")


def _alone(words: tuple[str, ...]) -> Filter:
    """The message is one of these words, punctuation and white space around it aside."""
    either = "|".join(re.escape(word.strip()) for word in words)
    return equals(*words) | regex(rf"^\W*(?:{either})\W*$")


def _by_rule(rule: Rule) -> Respond:
    async def respond(event: DirectMessage, bot: Bot) -> str | None:
        return await _answer(rule.answer(event), event, bot)

    return respond


async def _answer(text: str | None, event: DirectMessage, bot: Bot) -> str | None:
    """A rule's answer, behind the greeting where one is due; ``None`` where the bot is to be silent."""
    if text is None or _is_silent(event, bot):
        return None
    await _greet(event, bot)
    return text


async def _otherwise(event: DirectMessage, bot: Bot) -> str | None:
    settings: Settings = bot.settings
    if _is_silent(event, bot) or await _greet(event, bot):
        return None
    if settings.office_hours is not None and not settings.office_hours.is_open(event.at):
        return settings.office_hours.answer(event)
    return settings.default.fill(event)


async def _stop(event: DirectMessage, bot: Bot) -> str | None:
    settings: Settings = bot.settings
    already = bot.state.get("stopped", False)
    bot.state["stopped"] = True
    return None if already else settings.stopped.fill(event)


async def _start(event: DirectMessage, bot: Bot) -> str | None:
    """Opt in again. From someone who never opted out the word is a message like any other."""
    settings: Settings = bot.settings
    if bot.state.pop("stopped", False):
        return settings.started.fill(event)
    answers = (rule.answer(event) for rule in settings.rules if rule.filter(event))
    return await _answer(next(answers, None), event, bot)


async def _remember_human(event: DirectMessageSent, bot: Bot) -> None:
    """Remember when the account's owner last wrote by hand in this conversation."""
    if not event.by_bot:
        bot.state["human_at"] = event.at


async def _greet(event: DirectMessage, bot: Bot) -> bool:
    """Greet a person who writes for the first time; whether it did."""
    settings: Settings = bot.settings
    greeting = settings.greeting.fill(event)
    if greeting is None or bot.state.get("greeted"):
        return False
    bot.state["greeted"] = True
    await bot.reply(greeting)
    return True


def _is_silent(event: DirectMessage, bot: Bot) -> bool:
    """The person opted out, or a human has taken the conversation over."""
    settings: Settings = bot.settings
    if bot.state.get("stopped"):
        return True
    human_at: datetime | None = bot.state.get("human_at")
    quiet = timedelta(seconds=settings.quiet_after_human)
    return human_at is not None and event.at - human_at < quiet
