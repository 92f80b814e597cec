"""Deadlines: whoever is late is cancelled, once and alone, and knows it from a cancellation of others."""

from __future__ import annotations

import asyncio

import pytest

from botkit.deadlines import Deadlines

SHORT_S, NEVER_S = 0.02, 3600.0


async def wait(deadlines: Deadlines, event: asyncio.Event) -> str:
    task = deadlines.begin()
    try:
        await event.wait()
    except asyncio.CancelledError:
        if deadlines.passed(task):
            return "late"
        raise
    finally:
        deadlines.end(task)
    return "in time"


async def test_who_is_done_in_time_is_left_alone() -> None:
    deadlines, event = Deadlines(NEVER_S), asyncio.Event()
    tasks = [asyncio.create_task(wait(deadlines, event)) for _ in range(3)]
    await asyncio.sleep(0)
    event.set()
    assert await asyncio.gather(*tasks) == ["in time"] * 3
    deadlines.close()


async def test_who_is_late_is_cancelled_and_can_go_on() -> None:
    deadlines = Deadlines(SHORT_S)
    for _ in range(2):
        assert await wait(deadlines, asyncio.Event()) == "late"
        current = asyncio.current_task()
        assert current is not None
        assert current.cancelling() == 0


async def test_each_has_its_own_time() -> None:
    """The first is done when its time is over; those behind it are cancelled all the same, and not before."""
    loop = asyncio.get_running_loop()
    deadlines, first, never = Deadlines(0.05), asyncio.Event(), asyncio.Event()
    loop.call_later(0.03, first.set)
    one = asyncio.create_task(wait(deadlines, first))
    await asyncio.sleep(0)
    assert await one == "in time"
    began = loop.time()
    assert await asyncio.gather(*(wait(deadlines, never) for _ in range(5))) == ["late"] * 5
    assert 0.045 <= loop.time() - began < 5.0


async def test_a_cancellation_by_others_stays_one() -> None:
    deadlines = Deadlines(NEVER_S)
    task = asyncio.create_task(wait(deadlines, asyncio.Event()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    deadlines.close()


async def test_a_cancellation_by_others_wins_over_being_late() -> None:
    """Both in one moment: whoever stops the bot must not be taken for a deadline."""
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(SHORT_S)
    task = asyncio.create_task(wait(deadlines, asyncio.Event()))
    await asyncio.sleep(0)
    deadlines._look(_Later(loop))  # type: ignore[arg-type]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_ends_otherwise_in_the_moment_it_is_late_is_not_cancelled_later() -> None:
    deadlines = Deadlines(SHORT_S)

    async def fails() -> int:
        task = deadlines.begin()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ConnectionResetError from None
        finally:
            deadlines.end(task)
        return 0

    with pytest.raises(ConnectionResetError):
        await fails()
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0


async def test_only_a_task_can_begin() -> None:
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def outside() -> None:
        try:
            Deadlines(1.0).begin()
        except RuntimeError as error:
            failed.set_result(str(error))

    asyncio.get_running_loop().call_soon(outside)
    assert "only a task" in await failed


class _Later:
    """A loop on which everything is due."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def time(self) -> float:
        return self._loop.time() + 60.0


def test_it_goes_on_in_another_loop() -> None:
    """What was under way in a loop that is over keeps its timer from nobody."""
    deadlines = Deadlines(SHORT_S)

    async def leave() -> None:
        deadlines.begin()

    asyncio.run(leave())
    assert asyncio.run(wait(deadlines, asyncio.Event())) == "late"
