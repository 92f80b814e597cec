"""Brings events to webhooks: signed, in order where it can, tried again as X does, and wrong on request.

Events of one lane (one account and one other user) are first tried in order; a repeated attempt never holds
up what comes after it, so order is not promised, as with X. Each delivery is one task with at most
``len(retry_delays_s) + 1`` attempts, and the number of deliveries under way is bounded.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from botkit.simulator.webhooks import SIGNATURE_HEADER, Webhook
from botkit.x.signature import sign

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from structlog.typing import FilteringBoundLogger

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.faults import Faults
    from botkit.simulator.feed import Entry, Feed

__all__ = ["Courier", "Parcel"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """One body for one webhook.

    :param event: what it is, for the log.
    :param lane: what it should stay in order with.
    :param question: (account, other user) when it is a message that a reply may answer.
    :param replayable: a replay brings it again.
    """

    webhook: Webhook
    body: bytes
    event: str
    lane: str = ""
    question: tuple[str, str] | None = None
    replayable: bool = True


@dataclass(slots=True, eq=False)
class _Delivery:
    parcel: Parcel
    entry: Entry
    signature: str
    first_tried: asyncio.Event = field(default_factory=asyncio.Event)
    #: set when the one before has been tried; ``None``: there is none
    after: asyncio.Event | None = None
    #: set to let it go; ``None``: it is not held back
    held: asyncio.Event | None = None
    late_s: float = 0.0
    posted_at: float = 0.0


class Courier:
    """Delivers parcels in the background."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        faults: Faults,
        feed: Feed,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        log: FilteringBoundLogger,
        timeout_s: Callable[[str], float],
    ) -> None:
        self._config, self._faults, self._feed = config, faults, feed
        self._timeout_s = timeout_s
        self._clock, self._sleep, self._log = clock, sleep, log
        self._http: aiohttp.ClientSession | None = None
        self._slots = asyncio.Semaphore(config.delivery_concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes: dict[str, _Delivery] = {}
        self._held: list[_Delivery] = []
        self._questions: dict[tuple[str, str], _Delivery] = {}
        #: told of every delivery that X tries
        self.attempting: Callable[[Parcel], None] = lambda _parcel: None

    def open(self, http: aiohttp.ClientSession) -> None:
        """Use this HTTP client from now on."""
        self._http = http

    @property
    def pending(self) -> int:
        """Deliveries under way, waiting or to be tried again."""
        return len(self._tasks)

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in list(self._tasks):
            task.cancel()
        await self.idle()

    def send(self, parcel: Parcel) -> None:
        """Take a parcel; returns at once."""
        if parcel.replayable and parcel.webhook.valid:
            self.attempting(parcel)
        if self._faults.take("drop"):
            self._note(parcel, state="dropped", faults=["drop"])
            return
        copies = 2 if self._faults.take("duplicate") else 1
        for number in range(copies):
            self._start(parcel, ["duplicate"] if number else [])

    async def once(self, parcel: Parcel) -> bool:
        """Deliver a parcel now, with one attempt and without faults; whether it was taken."""
        if not parcel.webhook.valid:
            return False
        entry = self._note(parcel, state="replayed", faults=[])
        signature = sign(self._config.consumer_secret, parcel.body)
        done = await self._try(_Delivery(parcel=parcel, entry=entry, signature=signature))
        if not done:
            self._feed.update(entry, state="lost: a replay is not repeated")
        return done

    def answered(self, account_id: str, other_id: str, at: float) -> None:
        """The account wrote to the other user: note how long it took since their message was posted."""
        asked = self._questions.pop((account_id, other_id), None)
        if asked is not None and asked.posted_at:
            self._feed.update(asked.entry, reply_latency_s=round(at - asked.posted_at, 6))

    # -- inside ------------------------------------------------------------------------------------------

    def _note(self, parcel: Parcel, *, state: str, faults: list[str]) -> Entry:
        return self._feed.record(
            "delivery",
            {
                "event": parcel.event,
                "webhook_id": parcel.webhook.id,
                "url": parcel.webhook.url,
                "at": self._clock(),
                "state": state,
                "status": None,
                "faults": faults,
                "attempts": [],
                "delivered_at": None,
                "latency_s": None,
                "reply_latency_s": None,
                "raw": parcel.body.decode(errors="replace"),
            },
        )

    def _start(self, parcel: Parcel, faults: list[str]) -> None:
        if not parcel.webhook.valid:
            self._note(parcel, state="not sent: the webhook is invalid", faults=faults)
            return
        if len(self._tasks) >= self._config.max_pending:
            self._note(parcel, state="lost: too many deliveries are waiting", faults=faults)
            return
        secret = self._config.consumer_secret
        if self._faults.take("wrong_signature"):
            secret, faults = f"not-{secret}", [*faults, "wrong_signature"]
        held = self._faults.take("reorder")
        late = self._faults.take("delay")
        faults = [*faults, *(["reorder"] if held else []), *(["delay"] if late else [])]
        delivery = _Delivery(
            parcel=parcel,
            entry=self._note(parcel, state="waiting", faults=faults),
            signature=sign(secret, parcel.body),
            held=asyncio.Event() if held else None,
            late_s=self._faults.delay_s if late else 0.0,
        )
        before = self._lanes.get(parcel.lane) if parcel.lane else None
        delivery.after = before.first_tried if before else None
        if parcel.lane:
            self._lanes[parcel.lane] = delivery
        if parcel.question:
            self._questions[parcel.question] = delivery
        if held:
            self._held.append(delivery)
        task = asyncio.create_task(self._deliver(delivery))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: _Delivery) -> None:
        parcel = delivery.parcel
        try:
            if delivery.after:
                await delivery.after.wait()
            if delivery.held or delivery.late_s:
                # whoever is late does not keep the others
                delivery.first_tried.set()
            if delivery.held:
                await self._hold(delivery.held)
            if delivery.late_s:
                await self._sleep(delivery.late_s)
            await self._try_all(delivery)
        except Exception:  # noqa: BLE001 - the task has no other reader: a fault of ours must not be silent
            self._log.exception("delivery_broke", kind=parcel.event)
            self._feed.update(delivery.entry, state="broken")
        finally:
            delivery.first_tried.set()
            if self._lanes.get(parcel.lane) is delivery:
                del self._lanes[parcel.lane]

    async def _hold(self, let_go: asyncio.Event) -> None:
        """Until the next delivery has been tried, or the time for being late is over."""
        timer = asyncio.ensure_future(self._sleep(self._faults.delay_s))
        waiter = asyncio.ensure_future(let_go.wait())
        try:
            await asyncio.wait({timer, waiter}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in (timer, waiter):
                one.cancel()
            await asyncio.gather(timer, waiter, return_exceptions=True)

    async def _try_all(self, delivery: _Delivery) -> None:
        delays = self._config.retry_delays_s
        for number in range(len(delays) + 1):
            if number:
                self._feed.update(delivery.entry, state=f"failed, again in {delays[number - 1]:g} s")
                await self._sleep(delays[number - 1])
            if not delivery.parcel.webhook.valid:
                self._feed.update(delivery.entry, state="lost: the webhook is invalid")
                return
            done = await self._try(delivery)
            delivery.first_tried.set()
            if delivery in self._held:
                self._held.remove(delivery)
            else:
                self._let_go()
            if done:
                return
        self._feed.update(delivery.entry, state="lost: all attempts failed")

    def _let_go(self) -> None:
        for other in self._held:
            if other.held:
                other.held.set()
        self._held.clear()

    async def _try(self, delivery: _Delivery) -> bool:
        if self._http is None:
            raise RuntimeError("the simulator is not started")
        headers = {"content-type": "application/json", SIGNATURE_HEADER: delivery.signature}
        timeout = aiohttp.ClientTimeout(total=self._timeout_s(delivery.parcel.webhook.product))
        status, failure = None, ""
        async with self._slots:
            posted_at = self._clock()
            delivery.posted_at = delivery.posted_at or posted_at
            try:
                async with self._http.post(
                    delivery.parcel.webhook.url,
                    data=delivery.parcel.body,
                    headers=headers,
                    timeout=timeout,
                    allow_redirects=False,
                ) as answer:
                    status = answer.status
                    # read it out, so that the connection can be used again
                    with suppress(aiohttp.ClientError):
                        await answer.read()
            except (TimeoutError, aiohttp.ClientError, OSError) as error:
                failure = type(error).__name__
        now, done = self._clock(), status == 200
        attempt = {
            "at": posted_at,
            "status": status,
            "latency_s": round(now - posted_at, 6),
            "failure": failure,
        }
        changes: dict[str, Any] = {
            "attempts": [*delivery.entry.data["attempts"], attempt],
            "status": status,
            "latency_s": attempt["latency_s"],
        }
        if done:
            changes.update(state="delivered", delivered_at=now)
        self._feed.update(delivery.entry, **changes)
        return done


def encode(body: dict[str, Any]) -> bytes:
    """A body as it goes over the wire: compact JSON in UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
