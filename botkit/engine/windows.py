"""X's rate-limit windows of the outbox's queues: what may be sent now, and when more may be."""

from __future__ import annotations

from typing import Literal

from botkit.engine.outbox import OutQueue, Priority
from botkit.store.contract import Store
from botkit.x.limits import LIMITS, WindowLimit, from_headers
from botkit.x.wire import Response

__all__ = ["Windows"]

#: what is assumed of an API that names no limits
_NO_LIMIT = 1_000_000_000
#: how much of a window broadcasts leave to answers
_KEPT_FOR_ANSWERS = 0.2


class Windows:
    """Takes requests from the windows that a queue counts in; the store shares them with all processes.

    The documented numbers serve only until X has spoken ("obey headers, use the table before the first
    answer", X docs, rate-limits); an answer that names no limit at all comes from an API that has none. So a
    process begins with one request: had it sent all that the documents allow before X spoke, a crash would
    leave it waiting for a window that X never closed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        #: queues whose API named no limits, and until when that is believed without asking again
        self._unlimited: dict[OutQueue, float] = {}
        #: windows of which X spoke to this process, and those in which one request asks it to
        self._heard: set[tuple[str, str]] = set()
        self._probes: set[tuple[str, str]] = set()
        #: how large windows are, as X said last or as the documents say
        self._sizes: dict[str, int] = {}
        #: what X said last of a window, so that the store is told only what it does not expect
        self._told: dict[str, tuple[int, float]] = {}

    async def take(self, queue: OutQueue, want: int) -> int:
        """Use up to ``want`` requests of all the queue's windows; how many were granted."""
        granted = want
        if queue.window_key not in self._heard:
            if self.is_probing(queue):
                return 0
            granted = min(want, 1)
        taken: list[tuple[str, int]] = []
        for name, limit in _windows(queue):
            size = await self._size(name, limit)
            if queue.priority is Priority.BROADCAST:
                granted = min(granted, await self._beside_answers(name, size))
            if not granted:
                break
            got = await self._store.take(name, granted, limit=size, period_s=limit.period_s)
            taken.append((name, got))
            granted = min(granted, got)
        for name, got in taken:
            if got > granted:
                await self._store.give_back(name, got - granted)
        if granted and queue.window_key not in self._heard:
            self._probes.add(queue.window_key)
        return granted

    def is_probing(self, queue: OutQueue) -> bool:
        """One request is on its way to ask X of the window; the others wait for its answer."""
        return queue.window_key in self._probes

    def ended(self, queue: OutQueue) -> bool:
        """A request of the queue came to its end, answered or not. True: the others waited for it."""
        if not self.is_probing(queue):
            return False
        self._probes.discard(queue.window_key)
        return True

    async def give_back(self, queue: OutQueue, count: int) -> None:
        """Return requests that were taken and not made."""
        self.ended(queue)
        for name, _ in _windows(queue):
            await self._store.give_back(name, count)

    async def opens_at(self, queue: OutQueue) -> float:
        """When all of the queue's windows have room, Unix seconds; 0 when they have."""
        opens = 0.0
        for name, limit in _windows(queue):
            window = await self._store.window(name)
            if window is None:
                continue
            kept = _kept(window.limit) if queue.priority is Priority.BROADCAST else 0
            opens = max(opens, window.frozen_until)
            if window.remaining <= kept and limit.limit > kept:
                opens = max(opens, window.reset_at)
        return opens

    async def eta_s(self, queue: OutQueue, waiting: int) -> float:
        """How long it takes until that many actions have left, seconds, if nothing else does."""
        now = await self._store.now()
        longest = 0.0
        for name, limit in _windows(queue):
            window = await self._store.window(name)
            known = window is not None and window.reset_at > now
            size = window.limit if window is not None and known else await self._size(name, limit)
            left = window.remaining if window is not None and known else size
            ends = window.reset_at if window is not None and known else now + limit.period_s
            kept = _kept(size) if queue.priority is Priority.BROADCAST else 0
            room = max(1, size - kept)
            beyond = waiting - max(0, left - kept)
            wait = 0.0 if beyond <= 0 else ends - now + (-(-beyond // room) - 1) * limit.period_s
            frozen = window.frozen_until - now if window is not None else 0.0
            longest = max(longest, wait, frozen)
        return longest

    async def learn(self, queue: OutQueue, response: Response) -> bool:
        """Believe what an answer says of its windows. True: there is room, whatever was assumed before."""
        now = await self._store.now()
        known = from_headers(response.headers, now=now)
        if known or response.status < 400:
            self._heard.add(queue.window_key)
        if not known:
            if response.status < 400 and self._unlimited.get(queue, 0.0) <= now:
                await self._unlimit(queue, now)
            return response.status < 400
        for heard in known:
            name = _name(queue, "app" if heard.per == "app" else "user", heard.period_s)
            expected = self._told.get(name)
            # One fewer than last time is what the store counted itself; anything else it must be told.
            self._told[name] = (heard.remaining, heard.reset_at)
            self._sizes[name] = heard.limit
            if expected != (heard.remaining + 1, heard.reset_at):
                await self._store.learn(
                    name, limit=heard.limit, remaining=heard.remaining, reset_at=heard.reset_at
                )
        return all(heard.remaining for heard in known)

    async def freeze(self, queue: OutQueue, until: float) -> None:
        """Grant nothing of the queue's windows before that time."""
        for name, _ in _windows(queue):
            await self._store.freeze(name, until)

    async def _unlimit(self, queue: OutQueue, now: float) -> None:
        ends = now + max((limit.period_s for _, limit in _windows(queue)), default=0.0)
        for name, limit in _windows(queue):
            reset_at = now + limit.period_s
            ends = min(ends, reset_at)
            self._sizes[name] = _NO_LIMIT
            await self._store.learn(name, limit=_NO_LIMIT, remaining=_NO_LIMIT, reset_at=reset_at)
        self._unlimited[queue] = ends

    async def _size(self, name: str, limit: WindowLimit) -> int:
        """How many requests a new window holds: what X said of the last one, else the documented number."""
        size = self._sizes.get(name)
        if size is None:
            window = await self._store.window(name)
            size = self._sizes[name] = window.limit if window is not None and window.limit else limit.limit
        return size

    async def _beside_answers(self, name: str, size: int) -> int:
        window = await self._store.window(name)
        if window is None or window.reset_at <= await self._store.now():
            return size - _kept(size)
        return max(0, window.remaining - _kept(window.limit))


def _kept(limit: int) -> int:
    return int(limit * _KEPT_FOR_ANSWERS)


def _windows(queue: OutQueue) -> list[tuple[str, WindowLimit]]:
    return [(_name(queue, limit.per, limit.period_s), limit) for limit in LIMITS.get(queue.window, ())]


def _name(queue: OutQueue, per: Literal["user", "app"], period_s: float) -> str:
    whose = queue.account_id if per == "user" else "app"
    return f"{queue.window}:{whose}:{period_s:g}"
