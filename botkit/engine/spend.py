"""What X charges, counted by UTC day, account and kind; and the day's budget, which ends sending when spent.

Every process counts for itself, in rows of its own that nobody else writes, and reads what the others have
written: two processes never overwrite each other's counts, and a restart goes on from what is stored.

    spend:<day>:<process>:<account>   what that process counted for that account on that day
    budget:stopped                    until when nothing leaves, and why; for `botkit outbox`

Counts are written every few seconds and at stop: a process that is killed loses those of its last
`Spend.every_s` seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import msgspec
from structlog.typing import FilteringBoundLogger

from botkit.actions import Action, CreatePost, Queued
from botkit.engine.replay import unwrap
from botkit.errors import StoreError
from botkit.store.contract import Store
from botkit.x import Conversation
from botkit.x.prices import DOLLAR, WRITE_PRICES, event_kind
from botkit.x.text import has_url

__all__ = ["KEPT_DAYS", "Counted", "Spend", "Stopped", "Tally", "counted", "day_of", "price_of", "stopped"]

#: for how many days counts are kept
KEPT_DAYS = 62
_PREFIX = "spend:"
_STOPPED = "budget:stopped"
#: from which part of the budget on people are warned
_WARN_AT = 0.8

#: X's category of each action whose price is known; a post's depends on what is in it
_CATEGORIES: Mapping[str, str] = {
    "dm.send": "dm",
    "dm.start_group": "dm",
    "dm.delete": "delete",
    "post.delete": "delete",
    "post.like": "user_interaction",
    "post.unlike": "delete",
    "post.repost": "user_interaction",
    "post.unrepost": "delete",
    "user.follow": "user_interaction",
    "user.unfollow": "delete",
    "user.mute": "user_interaction",
    "user.unmute": "delete",
}


def price_of(action: Action, *, summoned: bool) -> tuple[str, int | None]:
    """The kind of an action as it is counted, and its price in millionths of a US dollar, ``None``: unknown.

    A post with a URL is a kind of its own, as X charges thirteen times as much for it, summoned or not.

    :param summoned: whether an answer to somebody's post is a summoned reply, as it must be for
        self-serve packages. Where it need not be, it is counted as a post: rather too much than too little.
    """
    if isinstance(action, CreatePost):
        if has_url(action.text):
            return f"{action.kind}:url", WRITE_PRICES["post_with_url"]
        if summoned and action.reply_to and action.to and action.part == 1:
            return f"{action.kind}:summoned", WRITE_PRICES["summoned_reply"]
        return action.kind, WRITE_PRICES["post"]
    category = _CATEGORIES.get(action.kind)
    return action.kind, WRITE_PRICES[category] if category else None


def _charges(action: Action, *, summoned: bool) -> list[tuple[str, int | None]]:
    """Everything that X charges for an action: itself, and the alt texts of what is uploaded with it."""
    charges = [price_of(action, summoned=summoned)]
    if attachments := action.attachments:
        alt_texts = sum(bool(each.alt_text) for each in attachments)
        charges += [("media.alt_text", WRITE_PRICES["media_metadata"])] * alt_texts
    return charges


@dataclass(slots=True)
class Tally:
    """How often something was done, and what that cost.

    :param micros: millionths of a US dollar.
    :param unpriced: how many of them have no known price; they are not in ``micros``.
    """

    count: int = 0
    micros: int = 0
    unpriced: int = 0

    def add(self, price: int | None) -> None:
        """Count one more."""
        self.count += 1
        self.micros += price or 0
        self.unpriced += price is None

    def join(self, other: Tally) -> None:
        """Add what another process counted."""
        self.count += other.count
        self.micros += other.micros
        self.unpriced += other.unpriced


@dataclass(slots=True)
class Counted:
    """What was counted for one account on one day, by kind."""

    actions: dict[str, Tally] = field(default_factory=dict)
    events: dict[str, Tally] = field(default_factory=dict)

    @property
    def micros(self) -> int:
        """What it cost in all, millionths of a US dollar."""
        return sum(tally.micros for tally in (*self.actions.values(), *self.events.values()))

    def join(self, other: Counted) -> None:
        """Add what another process counted."""
        for mine, theirs in ((self.actions, other.actions), (self.events, other.events)):
            for kind, tally in theirs.items():
                mine.setdefault(kind, Tally()).join(tally)


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why nothing leaves.

    :param until: Unix seconds: the next UTC midnight.
    :param spent: of that day, millionths of a US dollar.
    :param budget: of a day, likewise.
    """

    until: float
    spent: int
    budget: int


async def counted(store: Store, days: Iterable[str]) -> dict[str, dict[str, Counted]]:
    """What all processes have written of these UTC days (``YYYY-MM-DD``): by day, then by account.

    :raises StoreError: it can't be read.
    """
    found: dict[str, dict[str, Counted]] = {}
    for day in days:
        accounts = found[day] = {}
        for key, value in (await store.states(f"{_PREFIX}{day}:")).items():
            account_id = key.split(":", 3)[3]
            accounts.setdefault(account_id, Counted()).join(msgspec.json.decode(value, type=Counted))
    return found


async def stopped(store: Store) -> Stopped | None:
    """Why nothing leaves now because of the budget; ``None``: it does not hold anything back.

    :raises StoreError: it can't be read.
    """
    value = (await store.state([_STOPPED])).get(_STOPPED)
    why = msgspec.json.decode(value, type=Stopped) if value else None
    return why if why is not None and why.until > await store.now() else None


def day_of(at: float) -> str:
    """The UTC day of a time (Unix seconds), as ``YYYY-MM-DD``."""
    return datetime.fromtimestamp(at, UTC).date().isoformat()


class Spend:
    """Counts in one process, and holds the budget.

    Sending ends when what was spent and what is on its way reach the budget: together all requests of a
    process go past it by the price of one action at most.

    :param process: names this process in the store; never used before, without ``:``.
    :param now: Unix seconds.
    :param sends: whether this process sends: those that do hold the budget.
    :param budget: millionths of a US dollar that may be spent in a UTC day; ``None``: no limit.
    :param summoned: answers to posts are summoned replies, see `price_of`.
    :param tell: is told how the budget stands, whenever that is looked at: that it is nearly spent, or spent,
        and (``""``) that it is not.
    :param sleep: waits for that many seconds.
    """

    every_s = 2.0

    def __init__(
        self,
        store: Store,
        *,
        process: str,
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sends: bool = True,
        budget: int | None = None,
        summoned: bool = False,
        tell: Callable[[Literal["budget", "budget_spent"], str], Awaitable[object]] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._process = process
        self._log = log
        self._now = now
        self._sends = sends
        self._budget = budget
        self._summoned = summoned
        self._tell = tell
        self._sleep = sleep
        self._rows: dict[tuple[str, str], Counted] = {}
        self._unwritten: set[tuple[str, str]] = set()
        #: of the day that `_today` says: counted here, read of the others, on its way
        self._today = day_of(now())
        self._ends = _midnight(self._today)
        self._own = 0
        self._others = 0
        self._reserved = 0
        self._pruned = ""
        #: until when the store says that nothing leaves, 0: not at all; ``None``: what it says is not known
        self._noted: float | None = None
        self._writing = asyncio.Lock()
        self._may_send = asyncio.Event()

    # -- counting ----------------------------------------------------------------------------------------

    def acted(self, queued: Queued) -> None:
        """X took an action, and that is on disk."""
        for kind, price in _charges(queued.action, summoned=self._summoned):
            self._count(queued.account_id, kind, price, is_action=True)

    def received(self, lane: str, payload: bytes) -> None:
        """An event, given as the inbox holds it, was handled; once, whoever handles it again."""
        body, replay = unwrap(payload)
        if replay is None:
            kind = event_kind(body)
            account_id = Conversation.from_key(lane).account_id
            self._count(account_id, kind.name, kind.price, is_action=False)

    def _count(self, account_id: str, kind: str, price: int | None, *, is_action: bool) -> None:
        self._roll()
        row = self._today, account_id
        found = self._rows.get(row)
        if found is None:
            found = self._rows[row] = Counted()
        tallies = found.actions if is_action else found.events
        tally = tallies.get(kind)
        if tally is None:
            tally = tallies[kind] = Tally()
        tally.add(price)
        self._own += price or 0
        self._unwritten.add(row)

    # -- the budget --------------------------------------------------------------------------------------

    @property
    def spent(self) -> int:
        """What was spent in this UTC day as far as is known here, millionths of a US dollar."""
        self._roll()
        return self._own + self._others

    @property
    def is_open(self) -> bool:
        """Whether one more action may leave now."""
        may = self._budget is None or self.spent + self._reserved < self._budget
        if may:
            self._may_send.set()
        else:
            self._may_send.clear()
        return may

    async def opened(self) -> None:
        """Return when one more action may leave."""
        if not self.is_open:
            await self._may_send.wait()

    def reserve(self, queued: Queued) -> int | None:
        """Put the price of an action aside before it leaves; ``None``: the budget allows no more.

        :returns: what must be given to `free` afterwards, whatever became of it.
        """
        if not self.is_open:
            return None
        reserved = sum(price or 0 for _, price in _charges(queued.action, summoned=self._summoned))
        self._reserved += reserved
        return reserved

    def free(self, reserved: int) -> None:
        """An action came to its end: what was put aside is counted now, or was not spent."""
        self._reserved -= reserved
        _ = self.is_open  # wakes who waits

    # -- the store ---------------------------------------------------------------------------------------

    async def load(self) -> None:
        """Begin with what is stored.

        :raises StoreError: it can't be read.
        """
        await self._read_others()
        await self._judge()

    async def run(self) -> None:
        """Write down what is new every few seconds, until cancelled, and then once more."""
        try:
            while True:
                await self._sleep(self.every_s)
                await self.write()
        finally:
            await self._flush()

    async def write(self) -> None:
        """Write down what is new, read what others wrote, and see whether the budget holds.

        A store that can't be written or read now is asked again the next time.
        """
        await self._flush()
        try:
            await self._read_others()
        except StoreError as error:
            self._log.warning("spend_not_read", error=str(error))
        await self._judge()

    async def _flush(self) -> None:
        self._roll()
        async with self._writing:
            rows, self._unwritten = self._unwritten, set()
            try:
                if rows:
                    await self._store.keep(
                        {self._key(row): msgspec.json.encode(self._rows[row]) for row in rows}
                    )
                await self._prune()
            except StoreError as error:
                self._unwritten |= rows
                self._log.warning("spend_not_written", error=str(error))
                return
        # A day that is over is never counted again; what is written of it need not be remembered.
        for row in list(self._rows):
            if row[0] != self._today and row not in self._unwritten:
                del self._rows[row]

    def _key(self, row: tuple[str, str]) -> str:
        # The account comes last: by that its rows go when the account is forgotten.
        day, account_id = row
        return f"{_PREFIX}{day}:{self._process}:{account_id}"

    async def _prune(self) -> None:
        if self._pruned == self._today:
            return
        first = (date.fromisoformat(self._today) - timedelta(days=KEPT_DAYS - 1)).isoformat()
        old = [key for key in await self._store.states(_PREFIX) if key.split(":", 2)[1] < first]
        if old:
            await self._store.keep(dict.fromkeys(old))
        self._pruned = self._today

    async def _read_others(self) -> None:
        if self._budget is None:
            return
        self._roll()
        day, prefix = self._today, f"{_PREFIX}{self._today}:"
        rows = await self._store.states(prefix)
        if day == self._today:
            own = f"{prefix}{self._process}:"
            self._others = sum(
                msgspec.json.decode(value, type=Counted).micros
                for key, value in rows.items()
                if not key.startswith(own)
            )

    def _roll(self) -> None:
        """Begin a new day at UTC midnight; a clock that is set back begins none."""
        now = self._now()
        if now >= self._ends:
            self._today, self._ends = day_of(now), _midnight(day_of(now))
            self._own = self._others = 0

    # -- telling -----------------------------------------------------------------------------------------

    async def _judge(self) -> None:
        budget, spent = self._budget, self.spent
        _ = self.is_open  # wakes who waits for midnight
        if not self._sends:
            return
        why = None
        if budget is not None and spent >= budget:
            why = Stopped(_midnight(self._today), spent, budget)
        await self._mark(why)
        if self._tell is None or budget is None:
            return
        shown, of = _dollars(spent), _dollars(budget)
        warned = f"{shown} of today's budget of {of} is spent" if spent >= budget * _WARN_AT else ""
        reason = (
            f"today's budget of {of} is spent ({shown}): nothing is sent before midnight UTC; to send, "
            "raise budget.per_day and start the bot again"
        )
        await self._tell("budget", warned)
        await self._tell("budget_spent", reason if why else "")

    async def _mark(self, why: Stopped | None) -> None:
        """Leave word for `botkit outbox`; taken back when a day, or a higher budget, opens sending again."""
        if self._noted == (why.until if why else 0.0):
            return
        try:
            await self._store.keep({_STOPPED: msgspec.json.encode(why) if why else None})
        except StoreError as error:
            self._log.warning("budget_not_noted", error=str(error))
        else:
            self._noted = why.until if why else 0.0


def _midnight(day: str) -> float:
    """When a UTC day ends, Unix seconds."""
    return datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), UTC).timestamp()


def _dollars(micros: int) -> str:
    return f"${micros / DOLLAR:.2f}"
