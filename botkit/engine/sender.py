"""The sender: carries actions out, in order, at the pace that X's windows allow."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from structlog.typing import FilteringBoundLogger

from botkit import actions
from botkit.actions import Queued
from botkit.engine.backoff import Backoff
from botkit.engine.blame import describe
from botkit.engine.lease import Lease
from botkit.engine.outbox import OUTBOX, OutQueue, sending_key, sent_key
from botkit.errors import (
    CreditsDepleted,
    OutcomeUnknown,
    RateLimited,
    StoreError,
    StoreUnavailable,
    Unauthorized,
    XError,
    XUnavailable,
)
from botkit.network.client import Client
from botkit.store.contract import Again, Claim, DeadLetter, Done, Effects, Mark, Settlement, Store
from botkit.x.failures import is_already_done, pauses_account
from botkit.x.limits import LIMITS, WindowLimit, from_headers
from botkit.x.wire import Response

__all__ = ["Sender", "SenderSettings"]

#: what is assumed of an API that names no limits
_NO_LIMIT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """How actions are carried out.

    :param concurrency: how many requests may be under way at once.
    :param attempts: how often an action is tried that X could not take.
    :param pause_s: how long an account (or, without credits, everything) rests when X refuses its credential.
    """

    concurrency: int = 16
    attempts: int = 8
    grace_s: float = 20.0
    pause_s: float = 300.0
    backoff: Backoff = field(default_factory=Backoff)


class Sender:
    """Claims outbox lanes and sends what is in them.

    Requests are taken from X's windows before lanes are claimed, so that a waiting action costs nothing: it
    stays in the store until its window opens.
    """

    def __init__(
        self,
        *,
        store: Store,
        lease: Lease,
        client: Client,
        settings: SenderSettings,
        log: FilteringBoundLogger,
        rng: random.Random,
        dead_letter: Callable[[DeadLetter], Awaitable[object]],
    ) -> None:
        self._store = store
        self._lease = lease
        self._client = client
        self._settings = settings
        self._log = log
        self._rng = rng
        self._dead_letter = dead_letter
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._finished = asyncio.Event()
        #: queues that wait for their window, and until when
        self._closed_until: dict[str, float] = {}

    def stop(self) -> None:
        """Send nothing more; `run` returns when the requests under way are answered or out of grace."""
        self._stopping.set()

    async def run(self) -> None:
        """Send until `stop`."""
        sending = asyncio.create_task(self._loop(), name="botkit-sender")
        try:
            await self._stopping.wait()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            if self._running:
                _, unfinished = await asyncio.wait(self._running, timeout=self._settings.grace_s)
                for task in unfinished:
                    task.cancel()
                await asyncio.gather(*unfinished, return_exceptions=True)

    # -- what may be sent now ----------------------------------------------------------------------------

    async def _loop(self) -> None:
        while True:
            self._finished.clear()  # before looking: what ends from here on ends the rest
            try:
                begun = await self._begin()
            except StoreError as error:
                self._log.error("outbox_unreadable", error=str(error))
                await asyncio.sleep(1.0)
                continue
            if begun:
                continue
            await self._rest()

    async def _begin(self) -> bool:
        """Begin to send from every queue that has something and whose window is open; False: none had."""
        begun = False
        now = await self._store.now()
        self._closed_until = {name: until for name, until in self._closed_until.items() if until > now}
        for name in await self._store.queues(OUTBOX):
            room = self._settings.concurrency - len(self._running)
            if room <= 0:
                return False
            if name in self._closed_until:
                continue
            queue = OutQueue.from_name(name)
            granted = await self._take(queue, room)
            if not granted:
                opens_at = await self._opens_at(queue)
                if opens_at <= now:
                    begun = True  # an answer has just told of more room: look again
                    continue
                self._closed_until[name] = opens_at
                self._log.info("window_closed", window=queue.window, seconds=round(opens_at - now))
                continue
            claims = await self._store.claim(self._lease.worker_id, name, granted, 1)
            if len(claims) < granted:
                await self._give_back(queue, granted - len(claims))
            for claim in claims:
                begun = True
                self._spawn(self._lease.worker_id, queue, claim)
        return begun

    def _spawn(self, worker_id: int, queue: OutQueue, claim: Claim) -> None:
        task = asyncio.create_task(self._send(worker_id, queue, claim), name="botkit-send")
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._finished.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("send_crashed", error=describe(error), exc_info=error)

    async def _rest(self) -> None:
        """Wait until a request ends, something new is queued, or a closed window opens."""
        waits = [asyncio.ensure_future(self._finished.wait())]
        if len(self._running) < self._settings.concurrency:
            wait = self._store.wait(OUTBOX, 5.0, ignore=frozenset(self._closed_until))
            waits.append(asyncio.ensure_future(wait))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    # -- X's windows -------------------------------------------------------------------------------------

    def _windows(self, queue: OutQueue) -> list[tuple[str, WindowLimit]]:
        """The windows that the queue's requests count in, by their names in the store."""
        return [
            (_window_name(queue, limit.per, limit.period_s), limit) for limit in LIMITS.get(queue.window, ())
        ]

    async def _take(self, queue: OutQueue, want: int) -> int:
        granted = want
        taken: list[tuple[str, int]] = []
        for name, limit in self._windows(queue):
            got = await self._store.take(name, granted, limit=limit.limit, period_s=limit.period_s)
            taken.append((name, got))
            granted = min(granted, got)
        for name, got in taken:
            if got > granted:
                await self._store.give_back(name, got - granted)
        return granted

    async def _give_back(self, queue: OutQueue, count: int) -> None:
        for name, _ in self._windows(queue):
            await self._store.give_back(name, count)

    async def _opens_at(self, queue: OutQueue) -> float:
        """When all of the queue's windows are open; 0 when they are."""
        opens = 0.0
        for name, _ in self._windows(queue):
            window = await self._store.window(name)
            if window is not None:
                opens = max(opens, window.frozen_until, window.reset_at if window.remaining == 0 else 0.0)
        return opens

    async def _learn(self, queue: OutQueue, response: Response) -> None:
        """Believe what X's answer says of its windows.

        The documented numbers serve only until X has spoken ("obey headers, use the table before the first
        answer"): an answer without any such header comes from an API that has no such windows.
        """
        now = await self._store.now()
        known = from_headers(response.headers, now=now)
        if not known and response.status < 400:
            for name, limit in self._windows(queue):
                await self._store.learn(
                    name, limit=_NO_LIMIT, remaining=_NO_LIMIT, reset_at=now + limit.period_s
                )
        for heard in known:
            await self._store.learn(
                _window_name(queue, "app" if heard.per == "app" else "user", heard.period_s),
                limit=heard.limit,
                remaining=heard.remaining,
                reset_at=heard.reset_at,
            )
        if all(heard.remaining for heard in known):
            self._closed_until.pop(queue.name, None)  # what was assumed before X spoke may be too little

    async def _freeze(self, queue: OutQueue, until: float) -> None:
        for name, _ in self._windows(queue):
            await self._store.freeze(name, until)
        self._closed_until[queue.name] = until

    # -- one action --------------------------------------------------------------------------------------

    async def _send(self, worker_id: int, queue: OutQueue, claim: Claim) -> None:
        log = self._log.bind(action=claim.items[0].item_id)
        try:
            settlement = await self._carry_out(worker_id, queue, claim, log)
        except Exception as error:
            # Our bug, perhaps after X took the request: a person decides whether it is sent again.
            log.exception("action_crashed", error=describe(error))
            settlement = self._dead(claim, "botkit", error, {})
        if settlement is None or not await self._settle(worker_id, settlement):
            log.warning("action_fenced")
            return
        log.debug("action_settled", outcome=type(settlement.outcome).__name__.lower())
        for letter in settlement.effects.dead:
            await self._dead_letter(letter)

    async def _carry_out(
        self, worker_id: int, queue: OutQueue, claim: Claim, log: FilteringBoundLogger
    ) -> Settlement | None:
        """Send the action, between the mark that it is on its way and what X's answer means; None: fenced."""
        item = claim.items[0]
        queued = actions.decode(item.payload)
        call = queued.action.call(queued.account_id)
        mark = sending_key(queued.account_id, queued.action)
        marked = Effects(state={mark: b"1"} if mark else {})
        if not await self._settle(worker_id, Settlement(claim, item.seq, Mark(b"sending"), marked)):
            return None
        try:
            response = await self._client.send(call, queued.account_id)
            await self._learn(queue, response)
            result = call.read(response)
        except XError as error:
            return await self._after_error(queue, claim, queued, error, log)
        return Settlement(claim, item.seq, Done(), Effects(state=_sent(queued, mark, result)))

    async def _after_error(
        self, queue: OutQueue, claim: Claim, queued: Queued, error: XError, log: FilteringBoundLogger
    ) -> Settlement:
        """What X's error means for the action: done after all, again later, or never."""
        seq, action = claim.items[0].seq, queued.action
        mark = sending_key(queued.account_id, action)
        unmarked = Effects(state={mark: None} if mark else {})
        attempt = claim.attempt + 1
        now = await self._store.now()
        if is_already_done(error):
            return Settlement(claim, seq, Done(), unmarked)
        match error:
            case RateLimited():
                await self._freeze(queue, error.reset_at)
                log.warning("rate_limited", window=queue.window, seconds=round(error.reset_at - now))
                again = Again(max(0.0, error.reset_at - now), counts=False)
                return Settlement(claim, seq, again, unmarked)
            case CreditsDepleted() | Unauthorized():
                return await self._paused(queue, claim, unmarked, error, log)
            case _ if pauses_account(error):
                return await self._paused(queue, claim, unmarked, error, log)
            case XUnavailable() | OutcomeUnknown() if attempt < self._settings.attempts:
                delay_s = self._settings.backoff.delay_s(claim.attempt, self._rng)
                log.warning(
                    "action_retried", attempt=attempt, seconds=round(delay_s, 1), error=describe(error)
                )
                return Settlement(claim, seq, Again(delay_s), unmarked)
            case _ if action.best_effort:
                log.info("action_dropped", error=describe(error))
                return Settlement(claim, seq, Done(), unmarked)
            case _:
                log.error(
                    "action_refused",
                    kind=action.kind,
                    attempt=attempt,
                    outcome="dead_letter",
                    error=describe(error),
                )
                return self._dead(claim, action.kind, error, unmarked.state)

    @staticmethod
    def _dead(claim: Claim, handler: str, error: Exception, state: Mapping[str, bytes | None]) -> Settlement:
        item = claim.items[0]
        letter = DeadLetter(
            item.item_id, handler, claim.attempt + 1, describe(error), lane=claim.lane, queue=claim.queue
        )
        return Settlement(claim, item.seq, Done(), Effects(state=state, dead=[letter]))

    async def _paused(
        self, queue: OutQueue, claim: Claim, effects: Effects, error: XError, log: FilteringBoundLogger
    ) -> Settlement:
        """A credential or the money is the trouble, not the action: it waits, with all of its queue."""
        pause_s = self._settings.pause_s
        log.error("sending_paused", account=queue.account_id, seconds=round(pause_s), error=describe(error))
        await self._freeze(queue, await self._store.now() + pause_s)
        return Settlement(claim, claim.items[0].seq, Again(pause_s, counts=False), effects)

    async def _settle(self, worker_id: int, settlement: Settlement) -> bool:
        while True:
            try:
                return await self._store.settle(worker_id, settlement)
            except StoreUnavailable as error:
                self._log.error("settle_failed", lane=settlement.claim.lane, error=str(error))
                await asyncio.sleep(1.0)


def _window_name(queue: OutQueue, per: Literal["user", "app"], period_s: float) -> str:
    whose = queue.account_id if per == "user" else "app"
    return f"{queue.window}:{whose}:{period_s:g}"


def _sent(queued: Queued, mark: str | None, result: Any) -> dict[str, bytes | None]:
    """The marks after success: no longer on its way, and known by the id that X gave it."""
    if mark is None:
        return {}
    object_id = getattr(result, "message_id", "") or getattr(result, "post_id", "")
    marks: dict[str, bytes | None] = {mark: None}
    if object_id:
        marks[sent_key(queued.account_id, object_id)] = b"1"
    return marks
