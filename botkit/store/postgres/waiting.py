"""Who waits for ready lanes, and who is woken: by our own commits at once, by others' within moments.

A NOTIFY takes a lock of the whole server while it commits, so a process sends one at most every few
hundredths of a second, after its commits and apart from them. A waiter looks at the store from time to time
as well: a process may die between its commit and its notification.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import asyncpg

from botkit.errors import StoreError, StoreUnavailable
from botkit.store.postgres.connections import Connections
from botkit.store.postgres.faults import unavailable
from botkit.store.postgres.reader import Reader

__all__ = ["Looks", "Waiting"]

#: seconds between two notifications
_THROTTLE_S = 0.03

#: seconds between two attempts to listen again, at most
_RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class Looks:
    """Seconds between two looks of a waiter: they double up to a limit, a lower one without notifications."""

    first_s: float = 0.1
    listening_s: float = 2.0
    deaf_s: float = 0.25


class _Waiter:
    """One call of `wait`.

    ``sure`` says that a lane became ready; otherwise a wake-up means: look again.
    """

    def __init__(self, prefix: str, ignore: Collection[str]) -> None:
        self.prefix = prefix
        self.ignore = ignore
        self.sure = False
        self.event = asyncio.Event()

    def wake(self, *, sure: bool) -> None:
        self.sure = self.sure or sure
        self.event.set()

    def waits_for(self, queues: Collection[str]) -> bool:
        return any(queue.startswith(self.prefix) and queue not in self.ignore for queue in queues)


class Waiting:
    """Everyone who waits in this process, and the connection that listens for the others.

    :ivar listening: set while notifications of other processes are heard.
    """

    def __init__(self, connections: Connections, reader: Reader, looks: Looks) -> None:
        self._connections = connections
        self._reader = reader
        self._looks = looks
        self._waiters: set[_Waiter] = set()
        self._channel = ""
        self._me = secrets.token_hex(8)
        self._news = asyncio.Event()
        self.listening = asyncio.Event()
        self._closed = False
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Begin to listen and to notify."""
        async with self._connections.lend() as connection:
            # One store is one schema of one database; notifications stay within the database.
            schema = await connection.fetchval(
                "SELECT oid::text FROM pg_namespace WHERE nspname = current_schema()"
            )
        self._channel = f"botkit_{schema}"
        self._tasks = [
            asyncio.create_task(self._listen(), name="botkit-store-listen"),
            asyncio.create_task(self._notify(), name="botkit-store-notify"),
        ]

    async def close(self) -> None:
        """End every wait, then stop."""
        self._closed = True
        self.wake_all(sure=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def wait(self, prefix: str, timeout_s: float, ignore: Collection[str]) -> None:
        """Return when a lane may be ready, or after the time-out."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        look_s = self._looks.first_s
        waiter = _Waiter(prefix, ignore)
        self._waiters.add(waiter)
        try:
            while not waiter.sure and not self._closed and (left_s := deadline - loop.time()) > 0:
                waiter.event.clear()  # before the look: what happens from now on ends the sleep
                with suppress(StoreUnavailable):
                    queues = await self._reader.ready(prefix, ignore)
                    delay_s = min((delay_s for _, delay_s in queues), default=float("inf"))
                    if delay_s <= 0:
                        return
                    left_s = min(left_s, delay_s)
                longest_s = self._looks.listening_s if self.listening.is_set() else self._looks.deaf_s
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(left_s, look_s, longest_s)):
                        await waiter.event.wait()
                look_s = 2 * look_s
        finally:
            self._waiters.discard(waiter)

    def committed(self, ready: Collection[str], maybe: Collection[str] = ()) -> None:
        """Queues have lanes that became ready, or may have, by a commit of this process."""
        if not ready and not maybe:
            return
        for waiter in self._waiters:
            if waiter.waits_for(ready):
                waiter.wake(sure=True)
            elif waiter.waits_for(maybe):
                waiter.wake(sure=False)
        self._news.set()

    def wake_all(self, *, sure: bool) -> None:
        """Let everyone look, or, when ``sure``, return."""
        for waiter in self._waiters:
            waiter.wake(sure=sure)

    # -- other processes ---------------------------------------------------------------------------------

    async def _notify(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            with suppress(StoreError):  # they look by themselves, a little later
                async with self._connections.lend() as connection:
                    await connection.execute("SELECT pg_notify($1, $2)", self._channel, self._me)
            await asyncio.sleep(_THROTTLE_S)

    async def _listen(self) -> None:
        retry_s = _RETRY_S / 32
        while True:
            try:
                await self._listen_once()
                retry_s = _RETRY_S / 32
            except Exception as error:
                if not isinstance(error, asyncpg.PostgresError) and not unavailable(error):
                    raise
            await asyncio.sleep(retry_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
            retry_s = min(2 * retry_s, _RETRY_S)

    async def _listen_once(self) -> None:
        """Listen until the connection is lost."""
        lost = asyncio.Event()
        connection = await self._connections.apart()
        try:
            connection.add_termination_listener(lambda _: lost.set())
            await connection.add_listener(self._channel, self._heard)
            self.listening.set()
            self.wake_all(sure=False)  # what was notified before was not heard
            if not connection.is_closed():
                await lost.wait()
        finally:
            self.listening.clear()
            connection.terminate()

    def _heard(self, _connection: Any, _pid: int, _channel: str, sender: object) -> None:
        if sender != self._me:
            self.wake_all(sure=False)
