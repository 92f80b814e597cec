"""What botkit asks of a store: one contract, kept by every driver and held to by one conformance suite.

The unit of order is the **lane**: a conversation, or the outbox of one. Items of a lane are handled one at a
time, in the order in which they were committed; lanes run beside each other. A worker *claims* lanes, handles
their items and *settles* each: the acknowledgement, the state, the actions and the timers of one turn are one
transaction. Every claim carries a fencing token: whoever lost the lane (a paused process whose lease ran out)
settles nothing, because its token no longer matches.

    put ──▶ lane idle → ready ── claim ──▶ owned ── settle(Done, release) ──▶ idle, or ready when more waits
                          ▲                  │
                          └── settle(Again) ─┘      owned ── lease ran out, reap ──▶ ready

Times are Unix seconds by the driver's clock. Payloads and states are bytes that the store never looks into.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

import msgspec

__all__ = [
    "Again",
    "Claim",
    "DeadLetter",
    "Done",
    "Effects",
    "Forgotten",
    "LaneStats",
    "Located",
    "Mark",
    "NewItem",
    "NewTimer",
    "Outcome",
    "QueueStats",
    "Settlement",
    "Store",
    "StoredItem",
    "Window",
]


class NewItem(msgspec.Struct, frozen=True):
    """Something to be handled once: an event, or an action to carry out.

    :param queue: which workers take it: ``in`` for events, ``out:…`` for actions. All items of a lane share
        it.
    :param lane: the unit of order; a name belongs to one queue only.
    :param item_id: its dedup id, unique in the whole store for as long as items are kept.
    """

    queue: str
    lane: str
    item_id: str
    payload: bytes


class StoredItem(msgspec.Struct, frozen=True):
    """An item as it stands in its lane; ``seq`` counts from 1 without gaps in commit order."""

    seq: int
    item_id: str
    payload: bytes
    received_at: float


class Claim(msgspec.Struct, frozen=True):
    """A lane that a worker owns until it settles with ``release``, or its lease runs out.

    :param token: the fencing token; every settlement must name it.
    :param attempt: how often the first item was tried before (0 the first time).
    :param progress: what the last `Again` or `Mark` remembered of the first item; ``b""`` when nothing.
    :param items: the next unfinished items, in order; never empty.
    """

    lane: str
    queue: str
    token: int
    attempt: int
    progress: bytes
    items: tuple[StoredItem, ...]


class NewTimer(msgspec.Struct, frozen=True):
    """An item that is put when it is due. A timer with the same id replaces one that has not fired."""

    timer_id: str
    due_at: float
    item: NewItem


class DeadLetter(msgspec.Struct, frozen=True):
    """One item and handler that spent their attempts (for an action the handler is its kind)."""

    item_id: str
    handler: str
    attempts: int
    error: str
    lane: str = ""
    queue: str = ""
    at: float = 0.0


class Done(msgspec.Struct, frozen=True):
    """The item is finished; the lane's cursor moves past it."""


class Again(msgspec.Struct, frozen=True):
    """The item is to be handled again, not before ``delay_s`` seconds from now; its lane waits with it.

    :param progress: what the next attempt must know, such as the handlers that are already done.
    :param counts: whether this was an attempt (a wait for a rate limit is none).
    """

    delay_s: float
    progress: bytes = b""
    counts: bool = True


class Mark(msgspec.Struct, frozen=True):
    """Remember ``progress`` for the item in hand and go on with it: the lane stays owned."""

    progress: bytes


Outcome = Done | Again | Mark


class Effects(msgspec.Struct, frozen=True):
    """Everything that a turn changes, beside the acknowledgement.

    :param state: new values by key; ``None`` deletes.
    :param items: actions for the outbox. An item whose id is known already is dropped silently.
    :param timers: items for later.
    :param cancel_timers: ids of timers that must not fire any more.
    :param dead: dead letters of the item in hand.
    """

    state: Mapping[str, bytes | None] = msgspec.field(default_factory=dict)
    items: Sequence[NewItem] = ()
    timers: Sequence[NewTimer] = ()
    cancel_timers: Sequence[str] = ()
    dead: Sequence[DeadLetter] = ()


class Settlement(msgspec.Struct, frozen=True):
    """The end of one turn: one transaction, or nothing at all when the lane was lost.

    :param release: give the lane back. `Again` always does, `Mark` never; after `Done` a worker keeps the
        lane while it has further items of the claim in hand.
    """

    claim: Claim
    seq: int
    outcome: Outcome
    effects: Effects = msgspec.field(default_factory=Effects)
    release: bool = True


class Window(msgspec.Struct, frozen=True):
    """One of X's fixed rate-limit windows, as far as it is known.

    ``remaining`` requests are left until ``reset_at``; nothing may be sent before ``frozen_until``.
    """

    name: str
    limit: int
    used: int
    reset_at: float
    frozen_until: float = 0.0

    @property
    def remaining(self) -> int:
        """How many requests X will still take before ``reset_at``."""
        return max(0, self.limit - self.used)


class QueueStats(msgspec.Struct, frozen=True):
    """How full a queue is: unfinished items, lanes that hold some, and when the oldest of them came."""

    queue: str
    items: int
    lanes: int
    oldest_at: float | None


class LaneStats(msgspec.Struct, frozen=True):
    """A lane with unfinished items.

    :param items: how many are unfinished.
    :param oldest_at: when the first of them came.
    :param attempt: how often the first was tried without success.
    :param ready_at: when it may be claimed, or might have been; ``owned``: a worker has it in hand.
    """

    lane: str
    queue: str
    items: int
    oldest_at: float
    attempt: int
    ready_at: float
    owned: bool


class Located(msgspec.Struct, frozen=True):
    """An item and where it stands; ``done``: it is finished."""

    queue: str
    lane: str
    done: bool
    item: StoredItem


class Forgotten(msgspec.Struct, frozen=True):
    """What `Store.forget` deleted.

    :param items: how many by queue, finished and not.
    :param state: the keys of the states.
    """

    items: Mapping[str, int] = msgspec.field(default_factory=dict)
    dead: int = 0
    timers: int = 0
    state: Sequence[str] = ()


class Store(Protocol):
    """A durable inbox, outbox, state, timers and rate windows.

    Every method that writes returns after the commit is on disk, or raises `StoreUnavailable` and has changed
    nothing. Methods may be called from any number of tasks at once.
    """

    async def open(self) -> None:
        """Open, create or migrate the store.

        :raises StoreInUse: another process holds it and this driver allows one.
        :raises ConfigError: the address can't be opened; the message says why.
        """

    async def close(self) -> None:
        """Finish what was asked, then close. Workers that are still registered lose their lanes."""

    async def now(self) -> float:
        """The driver's clock: the one that ready and due times are compared with."""

    async def check(self) -> None:
        """Prove that a write can be committed now; raise `StoreUnavailable` with the reason otherwise."""

    # -- the inbox ---------------------------------------------------------------------------------------

    async def put(self, items: Sequence[NewItem]) -> int:
        """Store the items that are not known yet, all or none, and return how many were new.

        Two calls with the same item at the same moment store it once, whoever commits first.

        :raises StoreError: a lane belongs to another queue; nothing of this call was stored.
        """

    # -- workers -----------------------------------------------------------------------------------------

    async def register(self, name: str, ttl_s: float) -> int:
        """Register a worker whose lease lasts ``ttl_s`` from now and return its id, never used before."""

    async def beat(self, worker_id: int) -> bool:
        """Renew the lease. False: the worker was reaped; drop everything in hand and register anew."""

    async def unregister(self, worker_id: int) -> None:
        """End the lease and free the worker's lanes at once (they are ready again)."""

    async def reap(self) -> int:
        """Delete workers whose lease ran out, free their lanes, and return how many there were."""

    async def claim(self, worker_id: int, queue: str, lanes: int, items: int) -> list[Claim]:
        """Take up to ``lanes`` ready lanes of the queue, those that waited longest first, each with up to
        ``items`` of its next unfinished items. A worker that was reaped gets nothing.
        """

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        """Commit one turn. False: the lane was lost to another worker, and nothing of the turn was written.

        :raises StoreError: the lane is still the worker's, and ``seq`` is not its next item: settled twice,
            or out of order. Nothing was written.
        """

    async def release(self, worker_id: int, claims: Sequence[Claim]) -> None:
        """Give lanes back unsettled; they are ready at once. A lane that was lost is left alone."""

    async def wait(self, prefix: str, timeout_s: float, *, ignore: Collection[str] = frozenset()) -> None:
        """Return when a queue whose name starts with ``prefix`` may have a ready lane, or after the time-out.

        May return early for nothing; never misses a lane that became ready after the last empty `claim`. When
        the store can't be read it waits for the time-out and raises nothing.

        :param ignore: names of queues whose lanes end no wait, ready or not (their rate window is closed).
        """

    async def queues(self, prefix: str) -> list[str]:
        """The names of the queues, starting with ``prefix``, that have a ready lane now."""

    # -- state, outbox, timers ---------------------------------------------------------------------------

    async def state(self, keys: Sequence[str]) -> dict[str, bytes]:
        """The stored values of those keys that have one."""

    async def states(self, prefix: str) -> dict[str, bytes]:
        """All stored values whose keys start with ``prefix``, which is not empty."""

    async def keep(self, state: Mapping[str, bytes | None]) -> None:
        """Write states outside of any turn, all or none; ``None`` deletes."""

    async def drop(self, first: str, behind: str) -> int:
        """Delete the states whose keys sort from ``first`` on and before ``behind``, and return how many.

        Keys sort by their code points. Others commit in between.
        """

    async def unfinished(self, lane: str, limit: int = 100) -> list[StoredItem]:
        """The lane's unfinished items, in order, whoever owns the lane."""

    async def history(self, lane: str, *, since: float, limit: int = 100) -> list[StoredItem]:
        """The lane's latest items that were received at or after ``since``, finished or not, oldest first."""

    async def item(self, item_id: str) -> StoredItem | None:
        """One item by its id, finished or not, for as long as it is kept."""

    async def discard(self, queue: str) -> int:
        """Cancel everything unfinished in a queue, its timers too, and return how much that was.

        What is cancelled counts as finished: nobody handles it, and pruning takes it. The item that a worker
        has in hand (the first of its claim) is left to that worker; settlements of the items behind it are
        refused as those of a lost lane. Only for queues whose lanes are claimed one item at a time, as the
        outbox's are: while a lane is in hand, a driver may number what comes next like what it cancelled.
        """

    async def fire_timers(self, limit: int = 1000) -> int:
        """Put the items of timers that are due, each exactly once, and return how many fired.

        An item whose lane belongs to another queue becomes a dead letter of the handler ``timer``.
        """

    async def next_timer_at(self) -> float | None:
        """When the earliest timer is due, if there is one."""

    async def prune(self, before: float) -> int:
        """Delete items that are done and were received before that time, and return how many.

        What is not done is never touched, nor what a dead letter is about, and a lane goes on counting where
        it was. A pruned id is new again: X delivers an event again for up to 5 days, so keep 7 at least.
        """

    async def forget(self, ending: str, *, items: Collection[str] = ()) -> Forgotten:
        """Delete the lanes and states whose names end with ``ending``, so that no byte of them is left.

        With the lanes go their items, finished or not, their dead letters, and the timers for them. A turn
        that a worker has in hand for such a lane settles as lost, even when the lane is made anew meanwhile.
        When this returns, nothing of it can be found in the store's files, as far as they are the driver's
        to write. Others may have to wait while it works.

        :param items: ids of further items to delete; those that are not finished stay.
        :raises StoreUnavailable: it could not be deleted, or is deleted and may still be found in the files;
            either way it may be asked again.
        """

    # -- named leases ------------------------------------------------------------------------------------

    async def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        """Take a named lease, or renew it, for ``ttl_s`` seconds from now. False: somebody else holds it.

        One holder at a time among all processes of the store. What is done under a lease may still be under
        way when it has run out: choose ``ttl_s`` above the longest that it takes, or renew it meanwhile. A
        store for one process ends all leases when it opens.
        """

    async def let_go(self, name: str, holder: str) -> None:
        """End a lease that this holder has; anybody else's is left alone."""

    # -- X's rate limits ---------------------------------------------------------------------------------

    async def take(self, window: str, want: int, *, limit: int, period_s: float) -> int:
        """Use up to ``want`` requests of the window and return how many were granted (0: wait).

        An unknown or expired window starts anew with ``limit`` requests for ``period_s`` seconds.
        """

    async def give_back(self, window: str, count: int) -> None:
        """Return requests that were taken and not made."""

    async def learn(self, window: str, *, limit: int, remaining: int, reset_at: float) -> None:
        """Believe X's headers: they replace what was assumed of the window until ``reset_at``.

        ``remaining`` never raises what is left in a window that is already known to be further used.
        """

    async def freeze(self, window: str, until: float) -> None:
        """Grant nothing of the window before ``until`` (X answered 429)."""

    async def window(self, name: str) -> Window | None:
        """What is known of a window."""

    # -- looking -----------------------------------------------------------------------------------------

    async def backlog(self, prefix: str = "") -> int:
        """How many items are unfinished in the queues whose name starts with ``prefix``.

        Cheap, however many there are: it may be asked for every request.
        """

    async def stats(self) -> list[QueueStats]:
        """How full every queue is."""

    async def lanes(self, prefix: str = "", limit: int = 100) -> list[LaneStats]:
        """Lanes with unfinished items, longest waiting first, in queues whose name starts with ``prefix``."""

    async def locate(self, item_id: str) -> Located | None:
        """One item by its id, and where it stands."""

    async def search(self, text: str, *, ending: str = "", limit: int = 100) -> list[Located]:
        """Items whose payload holds a text, newest first; it looks at all of them.

        :param text: ASCII; its letters are found in either case. Every payload holds ``""``.
        :param ending: only items of lanes whose names end with that.
        """

    async def dead_letters(
        self, limit: int = 100, *, since: float = 0.0, item_id: str = "", handler_prefix: str = ""
    ) -> list[DeadLetter]:
        """Dead letters, newest first.

        :param since: only those that died then or later.
        :param item_id: only those of that item.
        :param handler_prefix: only those of handlers whose name starts so, and of actions that such a handler
            asked for: their ids hold ``/`` and the prefix.
        """

    async def dead_count(self) -> int:
        """How many dead letters there are."""

    async def take_dead(self, item_id: str, handler: str, put: NewItem | None = None) -> DeadLetter | None:
        """Delete one dead letter and put an item in its place, both or neither.

        :returns: the letter; ``None`` when there is none (any more): nothing was put.
        :raises StoreError: the item's lane belongs to another queue, or its id is known already; nothing was
            changed.
        """
