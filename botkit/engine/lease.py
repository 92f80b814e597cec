"""A lease on what a process claims: renewed while it lives; what it held is freed when it dies."""

from __future__ import annotations

import asyncio

from structlog.typing import FilteringBoundLogger

from botkit.errors import StoreError
from botkit.store.contract import Store

__all__ = ["Lease"]


class Lease:
    """Registers a worker at the store and renews its lease every third of its length.

    When the store says that the worker was reaped (this process was stopped for longer than its lease), what
    it had in hand is lost to others: it registers anew under a new id, and settlements under the old one are
    fenced off by the store.
    """

    def __init__(
        self,
        store: Store,
        *,
        name: str,
        ttl_s: float,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._name = name
        self._ttl_s = ttl_s
        self._log = log
        self._id: int | None = None

    @property
    def worker_id(self) -> int:
        """The id to claim and settle under."""
        if self._id is None:
            raise RuntimeError("the lease is not open")
        return self._id

    async def open(self) -> None:
        """Register."""
        self._id = await self._store.register(self._name, self._ttl_s)

    async def close(self) -> None:
        """End the lease: what is still claimed is free at once."""
        worker_id, self._id = self._id, None
        if worker_id is not None:
            try:
                await self._store.unregister(worker_id)
            except StoreError as error:  # it runs out by itself
                self._log.warning("lease_not_ended", worker=self._name, error=str(error))

    async def keep(self) -> None:
        """Renew until cancelled, and free what dead workers held."""
        while True:
            await asyncio.sleep(self._ttl_s / 3)
            try:
                if not await self._store.beat(self.worker_id):
                    self._log.error("lease_lost", worker=self._name, ttl_s=self._ttl_s)
                    await self.open()
                reaped = await self._store.reap()
                if reaped:
                    self._log.warning("workers_reaped", count=reaped)
            except StoreError as error:
                self._log.error("lease_not_renewed", worker=self._name, error=str(error))
