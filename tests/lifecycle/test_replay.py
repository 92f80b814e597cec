"""Windows that X takes, jobs one at a time, and what its refusals mean."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from botkit.errors import (
    Forbidden,
    InvalidRequest,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
    UserError,
    XError,
)
from botkit.keeping.gaps import end_of, joined
from botkit.network.lifecycle.products import Replays
from botkit.network.replay import NoReplay, Replayer, Span, parts_of, ready_at
from botkit.store.contract import NewItem, Store
from botkit.x.calls import webhooks
from botkit.x.calls.webhooks import ReplayJob
from botkit.x.replays import end_ids
from botkit.x.split import split

PAYLOADS = Path(__file__).parent.parent / "payloads"
DAY, HOUR, MINUTE = 86400.0, 3600.0, 60.0
NOW = 1_800_000_000.0 // MINUTE * MINUTE


def parts(start: float, end: float, now: float = NOW) -> list[tuple[float, float]]:
    """The windows as minutes before now."""
    found = parts_of(Span(now + start * MINUTE, now + end * MINUTE), now=now, reach_s=DAY)
    return [((part.start - now) / MINUTE, (part.end - now) / MINUTE) for part in found]


@pytest.mark.parametrize(
    ("start", "end", "windows"),
    [
        (-60, -20, [(-60, -20)]),
        (-20, -15, [(-31, -15)]),
        (-60, -5, [(-60, -10)]),
        (-9, -1, []),
        (-300, -40, [(-300, -180), (-180, -60), (-60, -40)]),
        (-270, -20, [(-270, -150), (-150, -30), (-31, -20)]),
        (-60.5, -20.5, [(-61, -20)]),
        (-3000, -1400, [(-1438, -1400)]),
        (-3000, -2000, []),
    ],
)
def test_windows_are_such_as_x_takes(start: float, end: float, windows: list[tuple[float, float]]) -> None:
    """At most two hours, from at least 31 and to at least 10 minutes ago, nothing that X has not any more."""
    assert parts(start, end) == windows


def test_a_gap_can_be_asked_for_ten_minutes_after_its_end() -> None:
    assert ready_at(Span(NOW - 90, NOW - 30)) == NOW + 600
    assert parts(-90 / 60, -0.5, now=NOW) == []
    assert parts(-11.5, -10.5) == [(-31, -10)]


def test_gaps_are_joined() -> None:
    spans = [Span(50, 60), Span(10, 20), Span(15, 30), Span(30, 31)]
    assert joined(spans) == [Span(10, 31), Span(50, 60)]


async def test_the_end_of_a_job_is_what_x_delivers(store: Store) -> None:
    """The recorded bodies, as they are stored when they come."""
    for name, state in (("complete", "Complete"), ("incomplete", "Incomplete")):
        body = (PAYLOADS / "aaa" / f"replay_job_status_{name}.json").read_bytes()
        (item,) = split(body)
        job_id = item.id.split(":")[2]
        assert end_ids(job_id)[state] == item.id
        assert await end_of(store, job_id) == ""
        await store.put([NewItem("in", item.conversation.key, item.id, item.payload)])
        assert await end_of(store, job_id) == state


class Bench:
    """A replayer, what X answers it, and the time that it takes."""

    def __init__(self, log: Any, *answers: XError | str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.ends: dict[str, list[str]] = {}
        self.now = NOW
        self.waits: list[float] = []
        self.replayer = Replayer(
            self,  # type: ignore[arg-type]  # does calls as a client does
            Replays(self.ask, DAY),
            ended=self.ended,
            log=log.logger,
            now=lambda: self.now,
            sleep=self.sleep,
        )

    def ask(self, webhook_id: str, start: datetime, end: datetime) -> Any:
        return webhooks.replay(webhook_id, start, end)

    async def do(self, call: Any) -> ReplayJob:
        body = call.request.body.decode()
        self.asked.append((body, ""))
        answer = self.answers.pop(0)
        if isinstance(answer, XError):
            raise answer
        return ReplayJob(answer)

    async def ended(self, job_id: str) -> Any:
        ends = self.ends.get(job_id, ["Complete"])
        return ends.pop(0) if len(ends) > 1 else ends[0]

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def run(self, start: float = -60, end: float = -20) -> tuple[Span, ...]:
        async def done(_: Span) -> None:
            self.waits.append(-1)

        span = Span(NOW + start * MINUTE, NOW + end * MINUTE)
        return await self.replayer.run("7", span, done=done)


async def test_one_job_at_a_time(log: Any) -> None:
    bench = Bench(log, "1", "2", "3")
    bench.ends = {"1": ["", "", "Complete"]}
    assert await bench.run(-300, -40) == ()
    assert bench.waits == [5.0, 5.0, -1, -1, -1]
    assert [line["part"] for line in log.lines("replay_done")] == ["1/3", "2/3", "3/3"]


async def test_a_job_that_x_did_not_finish_is_asked_for_again_and_then_told(log: Any) -> None:
    bench = Bench(log, "1", "2", "3")
    bench.ends = {"1": ["Incomplete"], "2": ["Incomplete"], "3": ["Incomplete"]}
    (missing,) = await bench.run()
    assert missing.start == NOW - 60 * MINUTE
    assert len(log.lines("replay_incomplete")) == 3
    assert not log.lines("replay_done")


async def test_a_job_whose_end_x_does_not_tell_holds_up_nothing_for_ever(log: Any) -> None:
    bench = Bench(log, "1")
    bench.ends = {"1": [""]}
    assert await bench.run() == ()
    assert sum(bench.waits) == 20 * MINUTE - 1
    assert log.lines("replay_end_not_told")


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (InvalidRequest("busy", status=400, kind="ReplayConflictError"), 60.0),
        (InvalidRequest("busy", status=409, codes=[355]), 60.0),
        (RateLimited("spent", reset_at=NOW + 77.0), 77.0),
        (OutcomeUnknown("no answer"), 30.0),
    ],
)
async def test_what_is_worth_waiting_for(log: Any, error: XError, waits: float) -> None:
    bench = Bench(log, error, "1")
    assert await bench.run() == ()
    assert bench.waits == [waits, -1]


async def test_a_package_without_replay(log: Any) -> None:
    """403 with code 200 in v1.1, a plain 403 in v2."""
    with pytest.raises(NoReplay, match="X gives this app no replay: not enabled"):
        await Bench(log, Forbidden("not enabled", status=403, codes=[200])).run()


@pytest.mark.parametrize(
    "error",
    [
        Unauthorized("dead", status=401),
        InvalidRequest("CrcValidationFailed: bad", status=400, kind="CrcValidationFailed"),
        InvalidRequest("High latency on CRC", status=400, codes=[214]),
    ],
)
async def test_what_a_person_has_to_mend(log: Any, error: XError) -> None:
    with pytest.raises(UserError) as caught:
        await Bench(log, error).run()
    assert not isinstance(caught.value, NoReplay)
    assert str(error) in str(caught.value)


async def test_a_window_that_x_refuses_is_left_and_told(log: Any) -> None:
    bench = Bench(log, InvalidRequest("too old", status=400, codes=[356]), "2", "3")
    missing = await bench.run(-300, -40)
    assert [(each.start - NOW) / MINUTE for each in missing] == [-300]
    assert len(log.lines("replay_refused")) == 1
