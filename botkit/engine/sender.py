"""The sender: takes what waits in the outbox, by priority, at the pace that X's windows allow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from structlog.typing import FilteringBoundLogger

from botkit import actions
from botkit.actions import Queued
from botkit.engine.blame import describe
from botkit.engine.carrier import Carried, Carrier
from botkit.engine.lease import Lease
from botkit.engine.outbox import OUTBOX, OutQueue, Priority, counts_in, paused_key
from botkit.engine.spend import Spend
from botkit.engine.windows import Windows
from botkit.errors import StoreError, StoreUnavailable
from botkit.store.contract import Again, Claim, DeadLetter, Settlement, Store

__all__ = ["Sender"]


class Sender:
    """Claims outbox lanes and has what is in them carried out.

    Requests are taken from X's windows before lanes are claimed, so that a waiting action costs nothing: it
    stays in the store until its window opens.

    :param concurrency: how many requests may be under way at once.
    :param grace_s: how long requests under way may take to be answered after `stop`.
    :param dead_letter: told of every action that became a dead letter.
    :param spend: counts what X took, and says whether the budget allows more; ``None``: nothing is counted.
    :param signed_in: when an account signed in last, read anew; ``None``: nobody else takes accounts in.
    """

    #: how soon it is noticed that somebody else paused or resumed a broadcast, or signed an account in
    look_again_s = 5.0

    def __init__(
        self,
        *,
        store: Store,
        lease: Lease,
        carrier: Carrier,
        log: FilteringBoundLogger,
        dead_letter: Callable[[DeadLetter], Awaitable[object]],
        spend: Spend | None = None,
        signed_in: Callable[[str], Awaitable[float]] | None = None,
        concurrency: int = 128,
        grace_s: float = 20.0,
    ) -> None:
        self._store = store
        self._lease = lease
        self._carrier = carrier
        self._windows = Windows(store)
        self._log = log
        self._dead_letter = dead_letter
        self._spend = spend
        self._concurrency = concurrency
        self._grace_s = grace_s
        self._stopping = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._finished = asyncio.Event()
        #: queues that are not looked at before a time: their window is closed, or they are paused
        self._closed_until: dict[str, float] = {}
        self._account_until: dict[str, float] = {}
        self._signed_in = signed_in
        #: the sign-ins that an account was resumed for: each is tried once
        self._tried: dict[str, float] = {}

    def stop(self) -> None:
        """Send nothing more; `run` returns when the requests under way are answered or out of grace."""
        self._stopping.set()

    def resume_account(self, account_id: str) -> None:
        """What waits for an account that X refused may leave now: it has signed in again."""
        self._account_until.pop(account_id, None)
        for name in list(self._closed_until):
            if OutQueue.from_name(name).account_id == account_id:
                del self._closed_until[name]
        self._finished.set()

    async def run(self) -> None:
        """Send until `stop`."""
        sending = asyncio.create_task(self._loop(), name="botkit-sender")
        try:
            await self._stopping.wait()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            if self._running:
                _, unfinished = await asyncio.wait(self._running, timeout=self._grace_s)
                for task in unfinished:
                    task.cancel()
                await asyncio.gather(*unfinished, return_exceptions=True)

    # -- what may be sent now ----------------------------------------------------------------------------

    async def _loop(self) -> None:
        while True:
            self._finished.clear()  # before looking: what ends from here on ends the rest
            try:
                if not await self._begin():
                    await self._rest()
            except StoreError as error:
                self._log.error("outbox_unreadable", error=str(error))
                await asyncio.sleep(1.0)

    async def _begin(self) -> bool:
        """Begin to send from every queue that has something and whose window is open; False: none had."""
        if not self._is_affordable():
            return False
        begun = False
        now = await self._store.now()
        self._closed_until = {name: until for name, until in self._closed_until.items() if until > now}
        names = [name for name in await self._store.queues(OUTBOX) if name not in self._closed_until]
        for queue in sorted(map(OutQueue.from_name, names)):
            room = self._concurrency - len(self._running)
            if room <= 0 or not self._is_affordable():
                return False
            if await self._is_paused(queue, now):
                continue
            if self._windows.is_probing(queue):
                self._closed_until[queue.name] = now + self.look_again_s  # until the one request has ended
                continue
            granted = await self._windows.take(queue, room)
            if not granted:
                opens_at = await self._windows.opens_at(queue)
                if opens_at <= now:
                    begun = True  # an answer has just told of more room: look again
                    continue
                self._closed_until[queue.name] = opens_at
                self._log.info("window_closed", window=queue.window, seconds=round(opens_at - now))
                continue
            begun |= await self._send_from(queue, granted)
        return begun

    async def _is_paused(self, queue: OutQueue, now: float) -> bool:
        until = self._account_until.get(queue.account_id, 0.0)
        if until > now and self._signed_in is not None:
            signed_in_at = await self._signed_in(queue.account_id)
            if signed_in_at != self._tried.get(queue.account_id, 0.0):
                self._tried[queue.account_id] = signed_in_at
                self.resume_account(queue.account_id)
                until = 0.0
            until = min(until, now + self.look_again_s)
        elif until <= now:
            self._account_until.pop(queue.account_id, None)
        if until <= now and queue.priority is Priority.BROADCAST:
            paused = await self._store.state([paused_key(queue)])
            until = now + self.look_again_s if paused else 0.0
        if until > now:
            self._closed_until[queue.name] = until
        return until > now

    async def _send_from(self, queue: OutQueue, granted: int) -> bool:
        worker_id = self._lease.worker_id
        claims = await self._store.claim(worker_id, queue.name, granted, 1)
        used, begun, too_many = 0, False, []
        if queue.account_id in self._account_until:  # since we looked; what X refused is among the claims
            claims, too_many = [], claims
        for claim in claims:
            queued = _decoded(claim)
            reserved = self._spend.reserve(queued) if self._spend is not None and queued is not None else 0
            if reserved is None:
                too_many.append(claim)
                continue
            counted = queue if queued is None else counts_in(queue, queued, claim.progress)
            used += counted is queue
            begun = True
            sending = self._send(worker_id, counted, claim, queued, reserved, taken=counted is queue)
            task = asyncio.create_task(sending, name="botkit-send")
            self._running.add(task)
            task.add_done_callback(self._ended)
        if used < granted:
            await self._windows.give_back(queue, granted - used)
        if too_many:
            await self._store.release(worker_id, too_many)
        return begun

    def _is_affordable(self) -> bool:
        return self._spend is None or self._spend.is_open

    async def _rest(self) -> None:
        """Wait until a request ends, something new is queued, or a closed window opens."""
        waits: list[asyncio.Future[object]] = [asyncio.ensure_future(self._finished.wait())]
        if self._spend is not None and not self._spend.is_open:
            # What waits is ready, and would end every wait at once.
            waits.append(asyncio.ensure_future(self._spend.opened()))
        elif len(self._running) < self._concurrency:
            wait = self._store.wait(OUTBOX, self.look_again_s, ignore=frozenset(self._closed_until))
            waits.append(asyncio.ensure_future(wait))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in waits:
                waiting.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    # -- one action --------------------------------------------------------------------------------------

    async def _send(
        self,
        worker_id: int,
        queue: OutQueue,
        claim: Claim,
        queued: Queued | None,
        reserved: int,
        *,
        taken: bool,
    ) -> None:
        try:
            if taken or await self._has_room(worker_id, claim, queue):
                await self._carry_out(worker_id, queue, claim, queued)
        finally:
            if self._spend is not None:
                self._spend.free(reserved)

    async def _has_room(self, worker_id: int, claim: Claim, counted: OutQueue) -> bool:
        """Take a request of the window that X counts the action in; without room there its lane waits."""
        try:
            if not self._windows.is_probing(counted) and await self._windows.take(counted, 1):
                return True
            wait_s = max(1.0, await self._windows.opens_at(counted) - await self._store.now())
        except StoreError as error:
            self._log.warning("action_not_begun", action=claim.items[0].item_id, error=str(error))
            await self._release(worker_id, claim)
            return False
        waits = Again(wait_s, claim.progress, counts=False)
        await self._settle(worker_id, Settlement(claim, claim.items[0].seq, waits))
        self._log.info("window_closed", window=counted.window, seconds=round(wait_s))
        return False

    async def _carry_out(self, worker_id: int, queue: OutQueue, claim: Claim, queued: Queued | None) -> None:
        item_id = claim.items[0].item_id
        try:
            carried = await self._carrier.carry_out(worker_id, claim, queued)
        except StoreError as error:
            self._log.warning("action_not_begun", action=item_id, error=str(error))
            await self._release(worker_id, claim)
            await self._heed(queue, Carried(None, counted=False))
            return
        if carried.account_until:  # before its lane is free again
            self._account_until[queue.account_id] = carried.account_until
        settled = await self._settle(worker_id, carried.settlement)
        await self._heed(queue, carried)
        if not settled or carried.settlement is None:
            self._log.warning("action_fenced", action=item_id)
            return
        if carried.taken and self._spend is not None and queued is not None:
            # Only now: when it is not recorded, the next attempt finds it at X, and counts it.
            self._spend.acted(queued)
        self._log.debug(
            "action_settled", action=item_id, outcome=type(carried.settlement.outcome).__name__.lower()
        )
        for letter in carried.settlement.effects.dead:
            await self._dead_letter(letter)

    async def _heed(self, queue: OutQueue, carried: Carried) -> None:
        """Take in what X's answer says of limits, credentials and money."""
        try:
            if not carried.counted:
                await self._windows.give_back(queue, 1)
            if carried.response is not None and await self._windows.learn(queue, carried.response):
                self._closed_until.pop(queue.name, None)  # what was assumed before X spoke may be too little
            if carried.closed_until:
                await self._windows.freeze(queue, carried.closed_until)
        except StoreError as error:  # what X said is said again with its next answer
            self._log.warning("limits_not_noted", window=queue.window, error=str(error))
        if not carried.counted:
            self._closed_until.pop(queue.name, None)
        if self._windows.ended(queue):
            for name in list(self._closed_until):
                if OutQueue.from_name(name).window_key == queue.window_key:
                    del self._closed_until[name]
        if carried.closed_until:
            self._closed_until[queue.name] = carried.closed_until

    async def _settle(self, worker_id: int, settlement: Settlement | None) -> bool:
        while settlement is not None:
            try:
                return await self._store.settle(worker_id, settlement)
            except StoreUnavailable as error:
                self._log.error("settle_failed", lane=settlement.claim.lane, error=str(error))
                await asyncio.sleep(1.0)
        return False

    async def _release(self, worker_id: int, claim: Claim) -> None:
        """Give a lane back as soon as the store can: nobody else frees it while our lease is renewed."""
        while True:
            await asyncio.sleep(1.0)
            try:
                return await self._store.release(worker_id, [claim])
            except StoreUnavailable as error:
                self._log.error("release_failed", lane=claim.lane, error=str(error))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._finished.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log.error("send_crashed", error=describe(error), exc_info=error)


def _decoded(claim: Claim) -> Queued | None:
    try:
        return actions.decode(claim.items[0].payload)
    except (msgspec.DecodeError, msgspec.ValidationError):
        return None  # the carrier says what is wrong with it
