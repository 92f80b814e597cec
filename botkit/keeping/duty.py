"""Work that one process at a time does, however many there are: under a lease that is renewed meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError
from botkit.store.contract import Store

__all__ = ["Duty", "alone"]

#: X is asked to register by one process at a time, which is believed dead after that many seconds
_CONNECTING = "connecting"
_CONNECTING_S = 15.0


class Duty:
    """Does a work as long as this process holds a lease; stands by while another one does.

    :param name: the lease's.
    :param holder: this process's.
    :param ttl_s: how long after this process died another one takes over.
    """

    def __init__(
        self,
        store: Store,
        name: str,
        *,
        holder: str,
        log: FilteringBoundLogger,
        ttl_s: float = 15.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._name = name
        self._holder = holder
        self._log = log
        self._ttl_s = ttl_s
        self._sleep = sleep

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it until cancelled. What it raises comes out.

        :param work: runs for ever; it is cancelled when the lease is lost, and begun again with the next.
        """
        standing_by = False
        while True:
            if not await self._hold():
                if not standing_by:
                    self._log.info("stands_by", duty=self._name)
                standing_by = True
                await self._sleep(self._ttl_s / 3)
                continue
            standing_by = False
            await self._while_held(work)

    async def _while_held(self, work: Callable[[], Awaitable[None]]) -> None:
        working = asyncio.ensure_future(work())
        keeping = asyncio.ensure_future(self._keep())
        try:
            await asyncio.wait({working, keeping}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                working.result()
        finally:
            for task in (working, keeping):
                task.cancel()
            await asyncio.gather(working, keeping, return_exceptions=True)
            try:
                await self._store.let_go(self._name, self._holder)
            except StoreError as error:
                self._log.warning("lease_not_released", duty=self._name, error=str(error))

    async def _keep(self) -> None:
        """Renew the lease; return when it is lost."""
        while True:
            await self._sleep(self._ttl_s / 3)
            if not await self._hold():
                self._log.warning("duty_lost", duty=self._name)
                return

    async def _hold(self) -> bool:
        try:
            return await self._store.hold(self._name, self._holder, self._ttl_s)
        except StoreError as error:
            self._log.warning("lease_not_held", duty=self._name, error=str(error))
            return False


@asynccontextmanager
async def alone(
    store: Store,
    holder: str,
    *,
    log: FilteringBoundLogger,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[None]:
    """Wait while another process asks X for the same: two that both find nothing would both register."""
    waited_s = 0.0
    while not await _held(store, holder):
        if not waited_s:
            log.info("waits_for_other_receiver", at_most_s=_CONNECTING_S)
        if waited_s >= _CONNECTING_S:
            break
        await sleep(0.25)
        waited_s += 0.25
    try:
        yield
    finally:
        try:
            await store.let_go(_CONNECTING, holder)
        except StoreError as error:
            log.warning("connecting_not_released", error=str(error))


async def _held(store: Store, holder: str) -> bool:
    try:
        return await store.hold(_CONNECTING, holder, _CONNECTING_S)
    except StoreError:
        return True  # a store that can't be written now knows of nobody else either
