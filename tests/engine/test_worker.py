"""The worker: conversations beside each other, each in order; a stop that leaves nothing half done."""

from __future__ import annotations

import asyncio

from .conftest import Bench, dm

GATE = """
    import asyncio
    gate, begun = asyncio.Event(), asyncio.Event()
    @on_direct_message(contains("wait"))
    async def wait(event, bot):
        begun.set()
        await gate.wait()
        return "waited"
    @on_direct_message(contains("open"))
    async def open_gate(event, bot):
        gate.set()
        return "opened"
"""


async def _until(bench: Bench, count: int) -> list[str]:
    """The texts in the outbox, once there are that many."""
    while len(texts := await bench.texts()) < count:
        await bench.store.wait("out:", 1.0)
    return texts


async def test_a_slow_conversation_does_not_hold_another(bench: Bench) -> None:
    bench.load(GATE)
    worker = await bench.worker()
    running = asyncio.create_task(worker.run())
    await bench.put(dm("wait", message_id="1"), dm("open", message_id="2", sender="7"))
    async with asyncio.timeout(5):
        assert await _until(bench, 2) == ["opened", "waited"]
    worker.stop()
    await running


async def test_events_of_one_conversation_are_handled_one_at_a_time_in_order(bench: Bench) -> None:
    bench.load(
        """
        import asyncio
        busy = []
        @on_direct_message
        async def one(event, bot):
            busy.append(event.message_id)
            assert len(busy) == 1
            await asyncio.sleep(0)
            busy.remove(event.message_id)
            bot.state["order"] = [*bot.state.get("order", ()), event.message_id]
            return ",".join(bot.state["order"])
        """
    )
    await bench.put(*(dm(message_id=str(number)) for number in range(1, 41)))
    worker = await bench.worker()
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(5):
        texts = await _until(bench, 40)
    assert max(texts, key=len) == ",".join(str(number) for number in range(1, 41))
    worker.stop()
    await running
    assert await bench.store.dead_letters() == []


async def test_stop_lets_the_running_turn_finish_and_leaves_the_rest(bench: Bench) -> None:
    hooks = bench.load(GATE)
    module = hooks.handlers("on_direct_message")[0].function.__globals__
    worker = await bench.worker(concurrency=1)
    running = asyncio.create_task(worker.run())
    await bench.put(
        dm("wait", message_id="1"), dm("wait", message_id="2"), dm("wait", message_id="3", sender="7")
    )
    async with asyncio.timeout(5):
        await module["begun"].wait()
        worker.stop()
        module["gate"].set()
        await running
    assert await bench.texts() == ["waited"]
    left = 0
    while await bench.step():
        left += 1
    assert left == 2


async def test_a_turn_that_outlasts_its_grace_is_left_to_the_next_start(bench: Bench) -> None:
    hooks = bench.load(GATE)
    module = hooks.handlers("on_direct_message")[0].function.__globals__
    worker = await bench.worker(grace_s=0.01)
    running = asyncio.create_task(worker.run())
    await bench.put(dm("wait", message_id="1"))
    async with asyncio.timeout(5):
        await module["begun"].wait()
        worker.stop()
        await running
    assert await bench.texts() == []
    assert bench.log.lines("turns_left_unfinished")
    assert await bench.store.dead_letters() == []


async def test_a_turn_of_a_worker_that_was_reaped_writes_nothing(bench: Bench) -> None:
    hooks = bench.load(GATE)
    module = hooks.handlers("on_direct_message")[0].function.__globals__
    worker = await bench.worker()
    running = asyncio.create_task(worker.run())
    await bench.put(dm("wait", message_id="1"))
    async with asyncio.timeout(5):
        await module["begun"].wait()
        bench.clock.now += 2000.0  # beyond the lease
        assert await bench.store.reap() == 1
        module["gate"].set()
        await bench.log.until_line("turn_fenced")
    assert await bench.texts() == []
    worker.stop()
    await running
    await bench.step()
    assert await bench.texts() == ["waited"]
