"""An account that X refused and that has signed in again: what waits for it leaves at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from botkit.engine.sender import Sender

from .conftest import ACCOUNT, Bench
from .test_sender import Answers, problem, queue, response

REFUSED, TAKEN = problem(401), response()


@asynccontextmanager
async def running(sender: Sender) -> AsyncIterator[None]:
    task = asyncio.create_task(sender.run())
    try:
        yield
        sender.stop()
        await asyncio.wait_for(task, 5)
    finally:
        task.cancel()


async def test_what_waits_leaves_at_once_when_the_account_signs_in_here(bench: Bench) -> None:
    await queue(bench, "hello", "next")
    await queue(bench, "hi", to="7")
    sender = await bench.sender(concurrency=1)
    transport = Answers(bench, REFUSED, TAKEN)
    bench.use(transport)
    async with running(sender):
        await bench.log.until_line("sending_paused")
        assert len(transport.bodies) == 1
        sender.resume_account("another")
        sender.resume_account(ACCOUNT)
        # Not a second of the clock passes.
        await bench.log.until(lambda: len(transport.bodies) == 4)
        await bench.log.until(lambda: len(bench.log.lines("action_settled")) == 4)
    assert [text for text in dict.fromkeys(transport.bodies) if text != "hi"] == ["hello", "next"]


async def test_a_sign_in_in_another_process_is_noticed_within_seconds(bench: Bench) -> None:
    await queue(bench, "hello")
    signed_in = {"at": 0.0, "looked": 0}

    async def signed_in_at(account_id: str) -> float:
        assert account_id == ACCOUNT
        signed_in["looked"] += 1
        return signed_in["at"]

    sender = await bench.sender(signed_in=signed_in_at)
    sender.look_again_s = 0.01
    transport = Answers(bench, REFUSED, TAKEN)
    bench.use(transport)
    async with running(sender):
        await bench.log.until_line("sending_paused")
        bench.clock.now += 5
        async with asyncio.timeout(5):
            while signed_in["looked"] < 2:
                await asyncio.sleep(0)
                bench.clock.now += 0.01
        assert transport.bodies == ["hello"]
        signed_in["at"] = 1.0
        bench.clock.now += 5
        await bench.log.until(lambda: len(bench.log.lines("action_settled")) == 2)
    assert transport.bodies == ["hello", "hello"]


async def test_each_sign_in_is_tried_once(bench: Bench) -> None:
    """An account that X goes on refusing is asked about every five minutes, not at each look."""
    await queue(bench, "hello")
    looked = 0

    async def signed_in_at(_: str) -> float:
        nonlocal looked
        looked += 1
        return 1.0

    sender = await bench.sender(signed_in=signed_in_at)
    sender.look_again_s = 0.01
    transport = Answers(bench, REFUSED)
    bench.use(transport)
    async with running(sender), asyncio.timeout(5):
        seen = 0
        while looked < 12:
            await asyncio.sleep(0)
            bench.clock.now += 0.02 * (looked - seen)
            seen = looked
    assert transport.bodies == ["hello", "hello"]
