"""What is wanted at X, what became of it, and X's refusals as one line that says what was asked."""

from __future__ import annotations

from collections.abc import Awaitable, Collection
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from botkit.errors import Unauthorized, UserError, XError
from botkit.events import Event, User
from botkit.network.lifecycle.products import Delivery

__all__ = ["About", "Connected", "Desired", "NotSo", "Own", "Problem", "asked", "concerns_account", "refused"]

T = TypeVar("T")

#: what a problem is about
About = Literal["webhook", "subscriptions", "account", "x"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desired:
    """How things should be at X.

    :param url: the webhook's address; ``""`` with ``activity_stream``, which has none.
    :param environment: premium's.
    :param events: the event classes that some handler wants.
    :param keywords: what news are wanted about.
    :param accounts: the ids of the connected accounts beside the bot's own.
    :param own: the bot has tokens of an account of its own.
    """

    delivery: Delivery
    url: str
    events: Collection[type[Event]]
    environment: str = ""
    keywords: Collection[str] = ()
    accounts: Collection[str] = ()
    own: bool = True


@dataclass(frozen=True, slots=True)
class Own:
    """What this bot has made at X so far, as it remembers: it deletes nothing else.

    Subscriptions to single event types also carry a tag.

    :param webhooks: ids of webhooks that it registered.
    :param accounts: ids of accounts that it subscribed.
    """

    webhooks: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be, in one line; the rest was done all the same."""

    about: About
    line: str
    account_id: str = ""


@dataclass(frozen=True, slots=True)
class Connected:
    """The bot's account, and how its events come.

    :param account: the bot's own; its id is ``""`` when X did not say.
    :param webhook_id: ``""`` with ``activity_stream``.
    :param subscribed: how many subscriptions were made; 0 when all were there.
    :param moved: how many were pointed at our webhook, theirs being gone.
    :param removed: how many of our own were removed that nobody needs any more.
    :param revived: the webhook was there and invalid, and X took it again.
    :param own: what this bot has made, with what it made now.
    """

    account: User
    webhook_id: str
    subscribed: int
    moved: int = 0
    removed: int = 0
    revived: bool = False
    own: Own = field(default_factory=Own)
    problems: tuple[Problem, ...] = ()


class NotSo(UserError):
    """X did not do what the bot can't receive without. One line that says what was asked, and the fix.

    :param about: what it is about.
    """

    def __init__(self, line: str, about: About = "x", *, account_id: str = "") -> None:
        super().__init__(line)
        self.about = about
        self.account_id = account_id


async def asked(what: str, answer: Awaitable[T], about: About = "x") -> T:
    """X's answer.

    :param what: what X is asked, to stand behind "X refused when asked".
    :raises NotSo: an error instead, in one line.
    """
    try:
        return await answer
    except XError as error:
        raise refused(what, error, about) from error


def refused(what: str, error: XError, about: About = "x") -> NotSo:
    """The line about an error of X's."""
    did = "refused when asked" if error.status else "could not be asked"
    return NotSo(f"X {did} {what}: {error}", about)


def concerns_account(error: XError) -> bool:
    """The account's tokens are the reason: missing, dead, or taken back. Others may do."""
    return isinstance(error, Unauthorized) or error.kind == "account-not-connected"
