"""The worker: claims lanes that have work and runs their turns on a fixed pool of tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from botkit.engine.lease import Lease
from botkit.engine.spend import Spend
from botkit.engine.turn import Turns
from botkit.errors import StoreError, StoreUnavailable
from botkit.store.contract import Again, Claim, Done, Settlement, Store

__all__ = ["INBOX", "Worker"]

#: the queue of events
INBOX = "in"


class Worker:
    """Keeps up to ``concurrency`` conversations in hand, one event of each at a time, in order.

    :param items: how many events of one conversation are fetched at once.
    :param grace_s: how long running turns may take to finish after `stop`.
    :param timers_set: called when a turn that sets timers was committed.
    :param spend: counts what X charges for events; ``None``: nothing is counted.
    """

    def __init__(
        self,
        *,
        store: Store,
        lease: Lease,
        turns: Turns,
        concurrency: int,
        grace_s: float,
        log: FilteringBoundLogger,
        items: int = 16,
        timers_set: Callable[[], None] = lambda: None,
        spend: Spend | None = None,
    ) -> None:
        self._timers_set = timers_set
        self._store = store
        self._lease = lease
        self._turns = turns
        self._concurrency = concurrency
        self._grace_s = grace_s
        self._items = items
        self._spend = spend
        self._log = log
        self._stopping = asyncio.Event()
        self._free = asyncio.Semaphore(concurrency)
        self._claimed: asyncio.Queue[tuple[int, Claim]] = asyncio.Queue()

    def stop(self) -> None:
        """Claim nothing more; `run` returns when the running turns are finished or out of grace."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`."""
        pool = [
            asyncio.create_task(self._work(), name=f"botkit-turns-{number}")
            for number in range(self._concurrency)
        ]
        claiming = asyncio.create_task(self._claim(), name="botkit-claim")
        try:
            await self._stopping.wait()
            claiming.cancel()
            await asyncio.gather(claiming, return_exceptions=True)
            await self._give_back()
            await self._drain()
        finally:
            for task in (claiming, *pool):
                task.cancel()
            await asyncio.gather(claiming, *pool, return_exceptions=True)

    # -- claiming ----------------------------------------------------------------------------------------

    async def _claim(self) -> None:
        while True:
            await self._free.acquire()  # at least one task has nothing to do
            free = 1
            while not self._free.locked() and free < self._concurrency:
                await self._free.acquire()
                free += 1
            claiming = asyncio.ensure_future(self._claim_lanes(free))
            try:
                found = await asyncio.shield(claiming)
            except asyncio.CancelledError:
                await claiming  # what was claimed must be known, or nobody could give it back
                raise
            if not found:
                await self._store.wait(INBOX, 5.0)

    async def _claim_lanes(self, free: int) -> bool:
        """Claim up to ``free`` lanes for the pool; every permit that finds none is given back."""
        worker_id = self._lease.worker_id
        claims: list[Claim] = []
        try:
            claims = await self._store.claim(worker_id, INBOX, free, self._items)
        except StoreError as error:
            self._log.error("claim_failed", error=str(error))
            await asyncio.sleep(1.0)
        finally:
            for claim in claims:
                self._claimed.put_nowait((worker_id, claim))
            for _ in range(free - len(claims)):
                self._free.release()
        return bool(claims)

    async def _give_back(self) -> None:
        """Lanes that were claimed and not begun go back to whoever comes next."""
        waiting: dict[int, list[Claim]] = {}
        while not self._claimed.empty():
            worker_id, claim = self._claimed.get_nowait()
            waiting.setdefault(worker_id, []).append(claim)
            self._free.release()
        for worker_id, claims in waiting.items():
            try:
                await self._store.release(worker_id, claims)
            except StoreError as error:  # they are free when the lease ends
                self._log.error("release_failed", lanes=len(claims), error=str(error))

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(self._grace_s):
                for _ in range(self._concurrency):
                    await self._free.acquire()
        except TimeoutError:
            self._log.warning("turns_left_unfinished", grace_s=self._grace_s)

    # -- working -----------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            worker_id, claim = await self._claimed.get()
            try:
                await self._lane(worker_id, claim)
            except Exception:  # noqa: BLE001 - logged with its traceback
                self._log.exception("worker_failed", lane=claim.lane)
                await self._give_up(worker_id, claim)
            finally:
                self._free.release()

    async def _lane(self, worker_id: int, claim: Claim) -> None:
        for item in claim.items:
            try:
                settlement = await self._turns.run(claim, item)
            except StoreUnavailable as error:
                settlement = self._turns.interrupted(claim, item, error)
            except Exception as error:  # noqa: BLE001 - our bug must not stop the conversation for good
                settlement = self._turns.crashed(claim, item, error)
            # What was fetched behind this item is fetched again when the lane is given back before.
            last = item is claim.items[-1] or self._stopping.is_set() or isinstance(settlement.outcome, Again)
            if not last:
                settlement = replace(settlement, release=False)
            if not await self._settle(worker_id, settlement):
                self._log.warning("turn_fenced", lane=claim.lane, item=item.item_id)
                return
            if settlement.effects.timers:
                self._timers_set()
            if self._spend is not None and isinstance(settlement.outcome, Done):
                self._spend.received(claim.lane, item.payload)
            await self._turns.report(settlement)
            if last:
                return

    async def _give_up(self, worker_id: int, claim: Claim) -> None:
        """Our bug: the pool goes on, and the lane is free again, but not at once, lest it spin."""
        while True:
            await asyncio.sleep(1.0)
            try:
                return await self._store.release(worker_id, [claim])
            except StoreError as error:
                # As long as our lease is renewed, nobody else would free it.
                self._log.error("release_failed", lane=claim.lane, error=str(error))

    async def _settle(self, worker_id: int, settlement: Settlement) -> bool:
        while True:
            try:
                return await self._store.settle(worker_id, settlement)
            except StoreUnavailable as error:
                # The handlers ran; only the commit is missing. It is fenced, so trying again is safe.
                self._log.error("settle_failed", lane=settlement.claim.lane, error=str(error))
                await asyncio.sleep(1.0)
