"""The stream's reader: lines, waits, what was missed, what is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from botkit.errors import (
    Forbidden,
    InvalidRequest,
    RateLimited,
    StoreUnavailable,
    Unauthorized,
    XUnavailable,
)
from botkit.network.client import Credentials
from botkit.network.stream import Backfill, Missed, Pauses, Reader, StreamOpener, in_lines
from botkit.network.transport import AiohttpTransport

from .conftest import Place

TOO_MANY = RateLimited("full", reset_at=0.0, status=429, kind="streaming-connection")


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b'{"a":1}\r\n'], [[b'{"a":1}']]),
        ([b'{"a"', b":1}\r\n{", b"}\r\n"], [[], [b'{"a":1}'], [b"{}"]]),
        ([b"\r\n"], [[]]),
        ([b"a\r\n\r\nb\r\n"], [[b"a", b"b"]]),
        ([b"x" * 9, b"x" * 9, b"x\r\nok\r\n"], [[], [], [b"ok"]]),
        ([b"x" * 20 + b"\r\nok\r\n"], [[b"ok"]]),
    ],
)
async def test_lines_are_put_together_and_long_ones_left_out(
    chunks: list[bytes], lines: list[list[bytes]]
) -> None:
    assert [each async for each in in_lines(pieces(*chunks), longest=16)] == lines


def test_the_waits_are_those_of_x_documents() -> None:
    pauses = Pauses()
    lost = [pauses.next_s(XUnavailable("lost")) for _ in range(67)]
    assert lost[:4] == [0.0, 0.25, 0.5, 0.75]
    assert max(lost) == lost[-1] == 16.0
    assert [pauses.next_s(XUnavailable("down", status=503)) for _ in range(8)] == [
        5.0,
        10.0,
        20.0,
        40.0,
        80.0,
        160.0,
        320.0,
        320.0,
    ]
    assert [pauses.next_s(TOO_MANY) for _ in range(6)] == [60.0, 120.0, 240.0, 480.0, 900.0, 900.0]
    pauses.worked()
    assert pauses.next_s(None) == 0.0
    assert pauses.next_s(XUnavailable("down", status=503)) == 5.0


@pytest.mark.parametrize(
    ("steps", "since", "asked"),
    [
        (2, None, Backfill()),
        (2, 1_000.0, Backfill(minutes=1)),
        (2, 990.0, Backfill(minutes=1)),
        (2, 730.0, Backfill(minutes=5)),
        (2, 100.5, Backfill(start_at=datetime.fromtimestamp(100, UTC))),
        (1, 100.5, Backfill(minutes=5)),
        (1, 990.0, Backfill(minutes=1)),
        (0, 990.0, Backfill()),
    ],
)
def test_what_was_missed_is_asked_for_in_minutes_or_from_a_beginning(
    steps: int, since: float | None, asked: Backfill
) -> None:
    assert Missed(steps).backfill(since, 1_000.0) == asked


class Script:
    """An opener that does what is written, and then waits for ever."""

    def __init__(self, *does: Exception | list[bytes]) -> None:
        self.does = list(does)
        self.asked: list[Backfill] = []
        self.over = asyncio.Event()

    @asynccontextmanager
    async def open(self, backfill: Backfill) -> AsyncIterator[AsyncIterator[bytes]]:
        self.asked.append(backfill)
        if not self.does:
            self.over.set()
            await asyncio.Event().wait()
        now = self.does.pop(0)
        if isinstance(now, Exception):
            raise now
        yield pieces(*now)


class Run:
    """A reader that reads a script to its end."""

    def __init__(self, log: Any, *does: Exception | list[bytes], since: float | None = None) -> None:
        self.script = Script(*does)
        self.now = 1_000.0
        self.since = since
        self.got: list[bytes] = []
        self.waits: list[float] = []
        self.refused: list[str] = []
        self.troubles: list[str] = []
        self.full = 0
        self.missed = Missed()
        self.log = log

    async def receive(self, bodies: Sequence[bytes]) -> None:
        if self.full:
            self.full -= 1
            raise StoreUnavailable("the disk is full")
        self.got += bodies

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    async def _append(self, to: list[str], what: str) -> None:
        to.append(what)

    async def to_the_end(self) -> None:
        def heard() -> None:
            self.since = self.now

        reader = Reader(
            self.script,  # type: ignore[arg-type]  # opens as one does
            receive=self.receive,
            heard=heard,
            since=lambda: self.since,
            missed=self.missed,
            refused_backfill=lambda reason: self._append(self.refused, reason),
            trouble=lambda reason: self._append(self.troubles, reason),
            log=self.log.logger,
            now=lambda: self.now,
            sleep=self.sleep,
        )
        running = asyncio.create_task(reader.run())
        async with asyncio.timeout(5):
            await self.script.over.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_broken_stream_is_opened_again_at_once_and_asks_for_what_was_missed(log: Any) -> None:
    run = Run(log, [b"{}\r\n"], XUnavailable("lost"), [b'{"b":1}\r\n'])
    await run.to_the_end()
    assert run.got == [b"{}", b'{"b":1}']
    assert run.waits == [0.0, 0.25, 0.0]
    assert run.script.asked[0] == Backfill()
    assert run.troubles == []


async def test_what_could_not_be_stored_is_asked_for_again(log: Any) -> None:
    run = Run(log, [b"\r\n", b"{}\r\n"], [b"{}\r\n"])
    run.full = 1
    await run.to_the_end()
    assert run.got == [b"{}"]
    assert [line["reason"] for line in log.lines("stream_lost")] == ["the disk is full", "X ended the stream"]


async def test_x_refuses_a_beginning_and_gives_minutes(log: Any) -> None:
    run = Run(log, InvalidRequest("no such parameter", status=400), [b"{}\r\n"], since=100.0)
    await run.to_the_end()
    assert [(each.minutes, bool(each.start_at)) for each in run.script.asked[:2]] == [(0, True), (5, False)]
    assert run.refused == ["X does not give this app more than 5 minutes of its stream"]
    assert run.waits[0] == 0.0


async def test_a_refusal_that_backfill_is_not_the_reason_of_is_no_refusal_of_backfill(log: Any) -> None:
    refusal = Forbidden("not in the package", status=403)
    run = Run(log, refusal, refusal, [b"{}\r\n"], since=990.0)
    await run.to_the_end()
    assert [each.minutes for each in run.script.asked[:3]] == [1, 0, 1]
    assert run.missed.steps == 2
    assert run.refused == []
    assert run.waits[0] == 5.0
    assert run.troubles == [
        "the stream can't be read: not in the package; the app's package may not have the stream",
        "",
    ]


async def test_trouble_is_told_when_it_lasts_and_once_when_it_is_over(log: Any) -> None:
    down = [XUnavailable("down", status=503) for _ in range(5)]
    run = Run(log, *down, [b"\r\n"], [b"\r\n"])
    await run.to_the_end()
    assert run.waits[:5] == [5.0, 10.0, 20.0, 40.0, 80.0]
    assert run.troubles == ["the stream can't be read: down", ""]


async def test_a_dead_token_is_told_at_once(log: Any) -> None:
    run = Run(log, Unauthorized("dead", status=401))
    await run.to_the_end()
    assert run.troubles == ["the stream can't be read: dead"]


async def test_an_error_in_the_stream_is_told_and_is_no_event(log: Any) -> None:
    line = b'{"errors":[{"title":"operational-disconnect","detail":"going down"}]}\r\n'
    run = Run(log, [line, b'{"data":{"text":"\\"errors\\""}}\r\n'])
    await run.to_the_end()
    assert run.got == [b'{"data":{"text":"\\"errors\\""}}']
    (told,) = log.lines("stream_error")
    assert told["detail"] == "going down"


# -- over real sockets ---------------------------------------------------------------------------------------


async def test_a_stream_that_falls_silent_is_left(log: Any) -> None:
    """What keeps a connection open without a keep-alive is dead. Here a moment is too long."""

    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"{}\r\n")
        await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_get("/2/activity/stream", silent)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    transport = AiohttpTransport()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        opener = StreamOpener(transport, Credentials(bearer_token="t"), api_url=url, silence_s=0.1)
        got: list[bytes] = []

        async def read() -> None:
            async with opener.open(Backfill()) as chunks:
                async for lines in in_lines(chunks):
                    got.extend(lines)

        with pytest.raises(XUnavailable, match="nothing came for too long"):
            await read()
        assert got == [b"{}"]
    finally:
        await transport.close()
        await runner.cleanup()


async def test_a_stream_that_x_ends_is_opened_again(place: Place) -> None:
    async with place.bot(place.config("activity_stream")):
        for how in ("disconnect", "cut", "disconnect"):
            await place.until(lambda: place.sim.streams.connections("active"))
            (before,) = place.sim.streams.connections("active")
            place.sim.streams.end(how)
            place.says("alice", how)
            assert await place.time.until(
                lambda old=before: [one for one in place.sim.streams.connections("active") if one is not old],
                at_most_s=60.0,
            )
        await place.until(lambda: len(place.answers) == 3)
    assert sorted(place.seen) == ["cut", "disconnect", "disconnect"]


async def test_events_of_other_bots_of_the_app_are_left(place: Place) -> None:
    """A stream brings what any of them has subscribed to."""
    async with place.bot(place.config("activity_stream")):
        await place.until(lambda: place.sim.streams.connections("active"))
        alice, bob = place.sim.world.named("alice"), place.sim.world.named("bob")
        assert alice is not None
        assert bob is not None
        place.sim.subscriptions.add("dm.received", {"user_id": bob.id}, tag="botkit", webhook_id="")
        place.sim.world.send(alice, bob, "not for the bot")
        place.says("alice", "for the bot")
        await place.until(lambda: place.answers == ["echo for the bot"])
        await place.time.passes(20 * 60.0)
    assert place.seen == ["for the bot"]
    assert place.log.lines("stream_event_of_others")
    assert len(place.sim.subscriptions.activity) == 2


async def test_a_stream_that_can_not_be_opened_is_an_alarm(place: Place) -> None:
    place.sim.rules.stream_limit = 0
    async with place.bot(place.config("activity_stream")):
        assert await place.time.until(lambda: place.alarms == ["stream on"], at_most_s=300.0)
        place.sim.rules.stream_limit = 2
        assert await place.time.until(lambda: place.alarms == ["stream on", "stream off"], at_most_s=600.0)
    (alarm,) = place.log.lines("alarm")
    assert "other processes of this app hold its connections" in alarm["reason"]


async def test_a_bot_that_reads_the_stream_names_no_webhook(place: Place) -> None:
    async with place.bot(place.config("activity_stream")):
        (started,) = place.log.lines("started")
    assert started["webhook"] == ""
