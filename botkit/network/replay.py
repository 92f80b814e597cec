"""Replay: what X is asked to deliver again, in windows that it takes, one job at a time.

Source: X docs, account-activity/quickstart "Replay" and X's enterprise page (removed 2026-05-04): from at
least 31 minutes ago and inclusive, to at least 10 minutes ago and exclusive, about two hours a job, one job a
webhook; the end of a job is delivered to the webhook as an event. Their stricter reading also fits X's
OpenAPI description of ``POST /2/webhooks/replay``, which calls both ends inclusive.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from structlog.typing import FilteringBoundLogger

from botkit.errors import (
    CreditsDepleted,
    Forbidden,
    InvalidRequest,
    RateLimited,
    Unauthorized,
    UserError,
    XError,
)
from botkit.network.client import Client
from botkit.network.lifecycle.products import Replays
from botkit.x.calls.webhooks import ReplayJob

__all__ = ["NoReplay", "Replayer", "Span", "parts_of", "ready_at", "spoken"]

_MINUTE = 60.0
_LATEST_START_S = 31 * _MINUTE
_LATEST_END_S = 10 * _MINUTE
#: the longest that one job is asked for
_LONGEST_S = 2 * 3600.0
#: a job that is just within X's reach now must be so still when X reads it
_MARGIN_S = 2 * _MINUTE

_CONFLICT_S = 60.0
_AGAIN_S = 30.0
_TRIES = 10
#: X promises the end of a job to account activity only: after that long without it the next one is asked for
_ENDS_WITHIN_S = 20 * _MINUTE
_LOOKS_EVERY_S = 5.0
#: how often a window is asked for whose job X could not finish
_ATTEMPTS = 3

#: how a job ended: X delivered all, not all, or has not said so
Ended = Literal["Complete", "Incomplete", ""]


class NoReplay(UserError):
    """X gives this app no replay; one line says what X said."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of time, Unix seconds; its end does not belong to it."""

    start: float
    end: float

    def __str__(self) -> str:
        return f"{spoken(self.start)} to {spoken(self.end)}"


def spoken(at: float) -> str:
    """A time for people: UTC, to the minute."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def ready_at(span: Span) -> float:
    """When the whole span can be asked for."""
    return _up(span.end) + _LATEST_END_S


def parts_of(span: Span, *, now: float, reach_s: float) -> Iterator[Span]:
    """The windows to ask for, oldest first, in whole minutes.

    What is too old for X, or too young yet, is left out. A window that begins too late for X begins earlier:
    what comes twice is dropped.

    :param reach_s: how long ago X still has events.
    """
    start = max(_down(span.start), _up(now - reach_s + _MARGIN_S))
    end = min(_up(span.end), _down(now - _LATEST_END_S))
    while start < end:
        until = min(start + _LONGEST_S, end)
        yield Span(min(start, _down(now - _LATEST_START_S)), until)
        start = until


def _down(at: float) -> float:
    return at // _MINUTE * _MINUTE


def _up(at: float) -> float:
    return -(-at // _MINUTE) * _MINUTE


class Replayer:
    """Asks for windows, one after the other, and waits for each job's end.

    :param ended: how a job ended, as its event says that came meanwhile.
    :param now: Unix seconds.
    :param sleep: waits for that many seconds.
    """

    def __init__(
        self,
        client: Client,
        replays: Replays,
        *,
        ended: Callable[[str], Awaitable[Ended]],
        log: FilteringBoundLogger,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._client = client
        self._replays = replays
        self._ended = ended
        self._log = log
        self._now = now
        self._sleep = sleep

    async def run(
        self, webhook_id: str, span: Span, *, done: Callable[[Span], Awaitable[None]]
    ) -> tuple[Span, ...]:
        """Have a span delivered again, as far as X has it.

        :param done: told of each window whose turn is over.
        :returns: the windows that X did not deliver wholly.
        :raises NoReplay: X gives this app no replay.
        :raises UserError: X can't be asked; one line.
        """
        parts = list(parts_of(span, now=self._now(), reach_s=self._replays.reach_s))
        missing: list[Span] = []
        for number, part in enumerate(parts, start=1):
            told = {"part": f"{number}/{len(parts)}", "from": spoken(part.start), "to": spoken(part.end)}
            if await self._one(webhook_id, part, told):
                self._log.info("replay_done", **told)
            else:
                missing.append(part)
            await done(part)
        return tuple(missing)

    async def _one(self, webhook_id: str, part: Span, told: dict[str, str]) -> bool:
        for attempt in range(1, _ATTEMPTS + 1):
            job = await self._asked(webhook_id, part, told)
            if job is None:
                return False
            self._log.info("replay_asked", job=job.job_id, **told)
            ended = await self._end_of(job.job_id)
            if ended == "Complete":
                return True
            if not ended:
                self._log.info("replay_end_not_told", job=job.job_id, waited_s=_ENDS_WITHIN_S, **told)
                return True
            self._log.warning("replay_incomplete", job=job.job_id, attempt=attempt, **told)
        return False

    async def _asked(self, webhook_id: str, part: Span, told: dict[str, str]) -> ReplayJob | None:
        """The job that X began; ``None`` when it refuses this window."""
        call = self._replays.ask(webhook_id, _moment(part.start), _moment(part.end))
        for tries_left in reversed(range(_TRIES)):
            try:
                return await self._client.do(call)
            except XError as error:
                wait_s = self._wait_s(error)
                if wait_s is None:
                    self._log.warning("replay_refused", reason=str(error), **told)
                    return None
                if not tries_left:
                    raise UserError(f"X could not be asked to replay {part}: {error}") from error
                self._log.info("replay_waits", reason=str(error), again_in_s=round(wait_s), **told)
            await self._sleep(wait_s)
        return None

    def _wait_s(self, error: XError) -> float | None:
        """How long to wait before the same is asked again; ``None``: it is no use.

        :raises NoReplay, UserError: nothing else is either.
        """
        if error.kind == "ReplayConflictError" or (error.status == 409 and 355 in error.codes):
            return _CONFLICT_S
        if isinstance(error, RateLimited):
            return max(1.0, error.reset_at - self._now())
        if isinstance(error, Forbidden):
            raise NoReplay(f"X gives this app no replay: {error}") from error
        if isinstance(error, Unauthorized | CreditsDepleted):
            raise UserError(f"X refused to replay: {error}") from error
        if error.kind == "CrcValidationFailed" or 214 in error.codes:
            raise UserError(f"X replays nothing to a webhook that fails its challenge: {error}") from error
        if isinstance(error, InvalidRequest):
            return None
        return _AGAIN_S

    async def _end_of(self, job_id: str) -> Ended:
        until = self._now() + _ENDS_WITHIN_S
        while True:
            ended = await self._ended(job_id)
            if ended or self._now() >= until:
                return ended
            await self._sleep(_LOOKS_EVERY_S)


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
