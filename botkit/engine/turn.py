"""One event handled: its handlers run one after the other, and everything they did is settled at once."""

from __future__ import annotations

import asyncio
import dataclasses
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from botkit.actions import Queued
from botkit.api import Api, Caller
from botkit.bot import Bot, Gathered
from botkit.deadlines import Deadlines
from botkit.engine.backoff import Backoff
from botkit.engine.blame import describe, trace
from botkit.engine.guard import Exchange, LoopGuard, loop_key
from botkit.engine.keep_typing import keep_typing
from botkit.engine.outbox import Priority, broadcast_name, echo_keys, outbox_item
from botkit.engine.progress import Progress
from botkit.engine.replay import read_event
from botkit.errors import ActionRefused, StoreUnavailable
from botkit.events import DirectMessage, DirectMessageSent, Event, Post, Revoked
from botkit.hooks.handler import Handler, Match
from botkit.hooks.manager import Hooks
from botkit.hooks.table import Selection
from botkit.rules import Rules
from botkit.state import State
from botkit.store.contract import (
    Again,
    Claim,
    DeadLetter,
    Done,
    Effects,
    NewItem,
    NewTimer,
    Settlement,
    Store,
    StoredItem,
)

__all__ = ["Rehearsed", "TurnSettings", "Turns"]

#: an attempt after which nothing is tried again
_LAST = 1_000_000


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """How handlers are run where they don't say so themselves.

    :param attempts: how often a handler is tried in all.
    :param handler_timeout_s: how long one run may take.
    :param rules: what X's package allows.
    :param guard: when default replies are held back.
    """

    attempts: int = 5
    handler_timeout_s: float = 30.0
    backoff: Backoff = field(default_factory=Backoff)
    rules: Rules = field(default_factory=Rules)
    guard: LoopGuard = field(default_factory=LoopGuard)


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a turn would do.

    :param accepted: False: a plugin keeps the event from all handlers.
    :param handlers: the ids of those that ran, in order.
    :param effects: what would be written; ``dead`` names the handlers that failed.
    """

    event: Event
    accepted: bool
    handlers: tuple[str, ...] = ()
    effects: Effects = field(default_factory=Effects)


@dataclass(slots=True, kw_only=True)
class _Round:
    """One attempt at one event: what it is about, and what its handlers did."""

    event: Event
    #: the stored item's id; another than the event's when the event is handled once more
    item_id: str
    lane: str
    received_at: float
    attempt: int
    progress: Progress
    #: the only handler that is to run; ``""``: all that match
    only: str = ""
    #: nothing of it counts: failures are told to nobody but who asked
    rehearsal: bool = False
    ran: list[str] = field(default_factory=list)
    stored: dict[str, bytes] = field(default_factory=dict)
    state: dict[str, bytes | None] = field(default_factory=dict)
    items: list[NewItem] = field(default_factory=list)
    timers: list[NewTimer] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    failed: list[Handler] = field(default_factory=list)

    def is_answered(self) -> bool:
        """Whether the event is answered, or may be yet: a handler is still to be tried again."""
        return self.progress.answered or bool(self.failed)

    @property
    def effects(self) -> Effects:
        return Effects(state=self.state, items=self.items, timers=self.timers, dead=self.dead)


class Turns:
    """Runs turns. Holds nothing of one when it is over.

    :param withdrawn: told whose access has ended, and since when, when an event says so.
    """

    def __init__(
        self,
        *,
        store: Store,
        hooks: Hooks,
        caller: Caller,
        settings: TurnSettings,
        log: FilteringBoundLogger,
        rng: random.Random,
        now: Callable[[], float],
        withdrawn: Callable[[str, datetime], Awaitable[object]] | None = None,
    ) -> None:
        self._store = store
        self._withdrawn = withdrawn
        self._now = now
        self._hooks = hooks
        self._caller = caller
        self._settings = settings
        self._log = log
        self._rng = rng
        #: by how long a handler may take
        self._deadlines: dict[float, Deadlines] = {}

    async def run(self, claim: Claim, stored: StoredItem) -> Settlement:
        """Handle one item of a claim and return how it ended; nothing is written yet."""
        event, replay = read_event(claim.lane, stored)
        if self._withdrawn is not None and isinstance(event, Revoked):
            # Before a plugin hears of it, and whatever becomes of its handlers: the tokens are dead.
            await self._withdrawn(event.user_id, event.at)
        return await self.handle(event, claim, stored, only=replay.handler if replay else "")

    async def handle(self, event: Event, claim: Claim, stored: StoredItem, *, only: str = "") -> Settlement:
        """Handle an event that is parsed already; otherwise as `run`.

        :param only: the id of the one handler that is to run.
        """
        first = stored is claim.items[0]
        attempt = claim.attempt if first else 0
        if not await self._is_accepted(event):
            return Settlement(claim, stored.seq, Done())
        round_ = _Round(
            event=await self._with_origin(event),
            item_id=stored.item_id,
            lane=claim.lane,
            received_at=stored.received_at,
            attempt=attempt,
            progress=Progress.decode(claim.progress) if first else Progress(),
            only=only,
        )
        await self._attempt(round_)
        if only and not round_.ran:
            reason = "no handler of that name takes the event any more"
            round_.dead.append(DeadLetter(stored.item_id, only, attempt + 1, reason))
        if round_.failed:
            delay_s = self._settings.backoff.delay_s(attempt, self._rng)
            again = Again(delay_s, round_.progress.encode())
            return Settlement(claim, stored.seq, again, round_.effects)
        return Settlement(claim, stored.seq, Done(), round_.effects)

    async def rehearse(self, lane: str, stored: StoredItem) -> Rehearsed:
        """Run an item's handlers once more and say what they would do; nothing of it is written or sent."""
        event, _ = read_event(lane, stored)
        if not await self._is_accepted(event):
            return Rehearsed(event, accepted=False)
        round_ = _Round(
            event=await self._with_origin(event),
            item_id=stored.item_id,
            lane=lane,
            received_at=stored.received_at,
            attempt=_LAST,
            progress=Progress(),
            rehearsal=True,
        )
        await self._attempt(round_)
        return Rehearsed(event, accepted=True, handlers=tuple(round_.ran), effects=round_.effects)

    def interrupted(self, claim: Claim, stored: StoredItem, error: StoreUnavailable) -> Settlement:
        """How a turn ends during which the store was away: it leaves nothing, and was nobody's attempt."""
        self._log.warning("turn_interrupted", item=stored.item_id, error=str(error))
        progress = claim.progress if stored is claim.items[0] else b""
        return Settlement(claim, stored.seq, Again(1.0, progress, counts=False))

    def crashed(self, claim: Claim, stored: StoredItem, error: Exception) -> Settlement:
        """How a turn ends that botkit itself failed at: tried again, then a dead letter of ``botkit``."""
        attempt = claim.attempt if stored is claim.items[0] else 0
        progress = claim.progress if stored is claim.items[0] else b""
        self._log.error(
            "turn_crashed",
            item=stored.item_id,
            attempt=attempt + 1,
            error=describe(error),
            traceback=trace(error),
        )
        if attempt + 1 < self._settings.attempts:
            again = Again(self._settings.backoff.delay_s(attempt, self._rng), progress)
            return Settlement(claim, stored.seq, again)
        letter = DeadLetter(stored.item_id, "botkit", attempt + 1, describe(error))
        return Settlement(claim, stored.seq, Done(), Effects(dead=[letter]))

    async def report(self, settlement: Settlement) -> None:
        """Tell plugins of the dead letters of a turn that was committed."""
        for letter in settlement.effects.dead:
            await self._hooks.dead_letter(
                replace(letter, lane=settlement.claim.lane, queue=settlement.claim.queue)
            )

    async def _is_accepted(self, event: Event) -> bool:
        return not self._hooks.has_accept_event or await self._hooks.accept_event(event)

    # -- one attempt -------------------------------------------------------------------------------------

    async def _attempt(self, round_: _Round) -> None:
        event, progress = round_.event, round_.progress
        selection = self._hooks.table.select(event, skip=progress.done)
        matches = _wanted(selection.matches, round_.only)
        fallbacks = () if matches else _fallbacks(selection, round_)
        await self._load_state(round_, matches or fallbacks)
        for match in matches:
            await self._handle(match, round_)
        if matches and (fallbacks := _fallbacks(selection, round_)):
            await self._load_state(round_, fallbacks)
        if fallbacks:
            await self._answer_by_default(round_, fallbacks)
        if isinstance(event, DirectMessage):
            key = _wrote_key(event.account_id, event.sender.id)
            if key not in round_.stored:
                round_.state[key] = msgspec.msgpack.encode(event.at)

    async def _answer_by_default(self, round_: _Round, fallbacks: Sequence[Match]) -> None:
        guard, key = self._settings.guard, loop_key(round_.lane)
        guarded = bool(guard.replies) and not round_.only and not round_.rehearsal
        before = Exchange.decode(round_.stored.get(key)) if guarded else Exchange()
        if guarded and before.holds(guard, round_.received_at):
            self._log.warning(
                "default_reply_held_back",
                item=round_.item_id,
                conversation=round_.lane,
                replies=guard.replies,
                reason="quicker than people write: perhaps another bot; loop_guard in bot.yaml changes that",
            )
            return
        began = self._now()
        for match in fallbacks:
            if round_.is_answered():
                break
            await self._handle(match, round_)
        if guarded and round_.progress.answered:
            after = before.replied(guard, round_.received_at, max(0.0, self._now() - began))
            round_.state[key] = after.encode()

    async def _handle(self, match: Match, round_: _Round) -> None:
        event, handler = round_.event, match.handler
        round_.ran.append(handler.id)
        key = _state_key(handler.plugin, round_.lane)
        # A handler of the same plugin that ran before in this turn may have changed the state already.
        current = round_.state[key] if key in round_.state else round_.stored.get(key)
        state, gathered = State(current), Gathered()
        log = self._log.bind(item=round_.item_id, handler=handler.id)
        bot = self._bot(event, handler, state, gathered, log)
        try:
            await self._call(match, event, bot)
            changed, encoded = state.changed()
            items, timers = self._outgoing(round_, handler, gathered)
        except StoreUnavailable:
            raise  # not the handler's failure: the whole turn is done again when the store is there
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin's failure is data, whatever it raised
            await self._failed(handler, error, round_, log)
            return
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise  # the bot is stopping: the event is left to the next start
            await self._failed(handler, error, round_, log)
            return
        if changed:
            round_.state[key] = encoded
        round_.items += items
        round_.timers += timers
        round_.progress.done.add(handler.slot)
        round_.progress.answered |= gathered.answered

    async def _call(self, match: Match, event: Event, bot: Bot) -> None:
        timeout_s = match.handler.timeout_s or self._settings.handler_timeout_s
        deadlines = self._deadlines.get(timeout_s)
        if deadlines is None:
            deadlines = self._deadlines[timeout_s] = Deadlines(timeout_s)
        task = deadlines.begin()
        try:
            async with self._hooks.around_handler(event, match.handler):
                answer = await match.run(event, bot)
        except asyncio.CancelledError as error:
            if deadlines.passed(task):
                raise TimeoutError(f"took longer than {timeout_s:g} s") from error
            raise
        finally:
            deadlines.end(task)
        if answer is not None:
            await bot.reply(answer)

    async def _failed(
        self, handler: Handler, error: BaseException, round_: _Round, log: FilteringBoundLogger
    ) -> None:
        event = round_.event
        attempts = handler.attempts or self._settings.attempts
        tried = round_.attempt + 1
        # What botkit refuses it will refuse again: trying again only costs time.
        final = tried >= attempts or isinstance(error, ActionRefused)
        reason = describe(error, event)
        if round_.rehearsal:
            round_.dead.append(DeadLetter(round_.item_id, handler.id, 1, reason))
            return
        log.error(
            "handler_failed",
            error=reason,
            attempt=tried,
            attempts=attempts,
            outcome="dead_letter" if final else "retry",
            traceback=trace(error, event),
        )
        await self._hooks.error(event, handler, error)
        if final:
            round_.dead.append(DeadLetter(round_.item_id, handler.id, tried, reason))
            round_.progress.done.add(handler.slot)
        else:
            round_.failed.append(handler)

    # -- what handlers are given, and what is made of what they want -------------------------------------

    def _bot(
        self, event: Event, handler: Handler, state: State, gathered: Gathered, log: FilteringBoundLogger
    ) -> Bot:
        api = Api(self._caller, event.account_id, now=self._now)
        return Bot(
            event=event,
            account_id=event.account_id,
            settings=self._hooks.settings(handler.plugin),
            state=state,
            api=api,
            log=log,
            gathered=gathered,
            now=self._now,
            have_written=partial(self._have_written, event.account_id),
            rules=self._settings.rules,
            typing=partial(keep_typing, api, log),
        )

    async def _have_written(self, account_id: str, user_ids: Sequence[str]) -> frozenset[str]:
        keys = {_wrote_key(account_id, user_id): user_id for user_id in user_ids}
        return frozenset(keys[key] for key in await self._store.state(list(keys)))

    def _outgoing(
        self, round_: _Round, handler: Handler, gathered: Gathered
    ) -> tuple[list[NewItem], list[NewTimer]]:
        run = f"{round_.item_id}/{handler.id}"
        items: list[NewItem] = []
        timers: list[NewTimer] = []
        for number, wanted in enumerate(gathered.wanted):
            queued = Queued(round_.event.account_id, handler.id, wanted.action, wanted.on_unknown)
            broadcast = ""
            priority = Priority.ANSWER if wanted.answers else Priority.NOTICE
            if wanted.broadcast:
                priority = Priority.BROADCAST
                broadcast = broadcast_name(run, wanted.broadcast)
            item = outbox_item(
                queued, f"{run}/{number}", window=wanted.window, priority=priority, broadcast=broadcast
            )
            if wanted.due_at is None:
                items.append(item)
            else:
                timers.append(NewTimer(item.item_id, wanted.due_at, item))
        return items, timers

    async def _load_state(self, round_: _Round, matches: Sequence[Match]) -> None:
        event = round_.event
        keys = {_state_key(match.handler.plugin, round_.lane) for match in matches if match.handler.wants_bot}
        if isinstance(event, DirectMessage):
            keys.add(_wrote_key(event.account_id, event.sender.id))
        if matches and matches[0].handler.fallback and self._settings.guard.replies:
            keys.add(loop_key(round_.lane))
        keys -= round_.stored.keys()
        if keys:
            round_.stored |= await self._store.state(sorted(keys))

    async def _with_origin(self, event: Event) -> Event:
        """The event, told whether this bot made what it reports (`by_bot`)."""
        if not isinstance(event, DirectMessageSent | Post) or not self._hooks.table.has(type(event)):
            return event
        if event.by_bot:
            return event  # a test says so
        return dataclasses.replace(event, by_bot=bool(await self._store.state(echo_keys(event))))


def _fallbacks(selection: Selection, round_: _Round) -> Sequence[Match]:
    """Those that run now; their filters are asked only when the event is not answered."""
    if round_.is_answered() or (round_.only and round_.ran):
        return ()
    return _wanted(selection.fallbacks(), round_.only)


def _wanted(matches: Sequence[Match], only: str) -> Sequence[Match]:
    return [match for match in matches if match.handler.id == only] if only else matches


def _state_key(plugin: str, lane: str) -> str:
    return f"state:{plugin}:{lane}"


def _wrote_key(account_id: str, user_id: str) -> str:
    """Stands for: this user has written to this account, so a direct message to them is not unasked."""
    return f"wrote:{account_id}:{user_id}"
