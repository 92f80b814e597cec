"""Replay: what was delivered or attempted, kept for days, and delivered once more on request.

Source: X docs, account-activity/quickstart ("Replay"); X's enterprise page (replay); X spec.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from botkit.simulator.delivery import Parcel, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.delivery import Courier
    from botkit.simulator.ids import Snowflakes
    from botkit.simulator.webhooks import Webhook, Webhooks

__all__ = ["ReplayJob", "ReplayRefused", "Replays", "minute"]

Cause = Literal["busy", "crc", "invalid", "future", "order", "old"]

#: nothing older is replayed by any product (Source: X's enterprise page)
_KEPT_S = 5 * 86_400.0
_WORDS = {
    "Complete": "Job completed successfully",
    "Incomplete": "Job failed to deliver all events, please retry your replay job",
}


class ReplayRefused(Exception):
    """A replay can't begin; it is told in the words of the product that was asked."""

    def __init__(self, cause: Cause, reason: str) -> None:
        super().__init__(cause)
        self.cause, self.reason = cause, reason


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """A replay that was accepted."""

    id: str
    webhook_id: str
    created_at: float


class Replays:
    """Keeps deliveries, and runs one job for each webhook at a time."""

    def __init__(
        self,
        config: SimulatorConfig,
        *,
        webhooks: Webhooks,
        courier: Courier,
        ids: Snowflakes,
        clock: Callable[[], float],
        log: FilteringBoundLogger,
    ) -> None:
        self._config, self._webhooks, self._courier = config, webhooks, courier
        self._ids, self._clock, self._log = ids, clock, log
        self._kept: deque[tuple[float, Parcel]] = deque(maxlen=config.keep_messages)
        self._running: dict[str, asyncio.Task[None]] = {}

    def keep(self, parcel: Parcel) -> None:
        """A delivery is about to be tried."""
        now = self._clock()
        self._kept.append((now, parcel))
        while self._kept and self._kept[0][0] < now - _KEPT_S:
            self._kept.popleft()

    async def begin(
        self, hook: Webhook, start: float, end: float, *, reach_s: float, inclusive: bool = False
    ) -> ReplayJob:
        """Accept a job for what happened from the minute ``start`` to the minute ``end``.

        :param inclusive: the minute ``end`` is part of it.
        :raises ReplayRefused: why it can't begin.
        """
        self._check(start, end, reach_s=reach_s, inclusive=inclusive)
        if hook.id in self._running:
            raise ReplayRefused("busy", "a replay job is running for this webhook")
        if not hook.valid:
            raise ReplayRefused("invalid", "the webhook is invalid; validate it first")
        result = await self._webhooks.challenge(hook.url, hook.product)
        if result.verdict != "passed":
            raise ReplayRefused("crc", result.reason)
        if hook.id in self._running:
            raise ReplayRefused("busy", "a replay job is running for this webhook")
        job = ReplayJob(self._ids.next(), hook.id, self._clock())
        until = end + 60 if inclusive else end
        wanted = [parcel for at, parcel in self._kept if start <= at < until and parcel.webhook is hook]
        self._running[hook.id] = asyncio.create_task(self._run(job, hook, wanted))
        return job

    async def idle(self) -> None:
        """Wait until no job is running."""
        while self._running:
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def close(self) -> None:
        """Give up what is running."""
        for task in self._running.values():
            task.cancel()
        await self.idle()

    def _check(self, start: float, end: float, *, reach_s: float, inclusive: bool) -> None:
        now, (start_age, end_age) = self._clock(), self._config.replay_ages
        if start > now - start_age or end > now - end_age:
            wait = f"from_date lies {start_age / 60:g}, to_date {end_age / 60:g} minutes in the past at least"
            raise ReplayRefused("future", wait)
        if start > end or (start == end and not inclusive):
            raise ReplayRefused("order", "from_date must be before to_date")
        if start + 60 <= now - reach_s:
            raise ReplayRefused("old", f"from_date is more than {reach_s / 3600:g} hours ago")

    async def _run(self, job: ReplayJob, hook: Webhook, parcels: list[Parcel]) -> None:
        state = "Incomplete"
        try:
            done = [await self._courier.once(parcel) for parcel in parcels]
            state = "Complete" if all(done) else "Incomplete"
        except Exception:  # noqa: BLE001 - the task has no other reader: a fault of ours must not be silent
            self._log.exception("replay_broke", job_id=job.id)
        finally:
            self._running.pop(hook.id, None)
        # X tells the end to the webhook, and a new job may start then
        status = {
            "webhook_id": hook.id,
            "job_state": state,
            "job_state_description": _WORDS[state],
            "job_id": job.id,
        }
        body = encode({"replay_job_status": status})
        self._courier.send(Parcel(webhook=hook, body=body, event="replay_job_status", replayable=False))


def minute(text: str) -> float | None:
    """A time as ``yyyymmddhhmm`` in UTC, in Unix seconds; ``None`` when it is none."""
    if len(text) != 12 or not (text.isascii() and text.isdecimal()):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
