"""Receivers that start together ask X one after the other."""

from __future__ import annotations

import asyncio
from typing import Any

from botkit.keeping.duty import alone
from botkit.store.contract import Store


async def test_one_process_at_a_time_asks_x(store: Store, log: Any) -> None:
    order: list[str] = []
    first_is_in, first_may_end = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with alone(store, "one", log=log.logger):
            order.append("one in")
            first_is_in.set()
            await first_may_end.wait()
            order.append("one out")

    async def second() -> None:
        async with alone(store, "two", log=log.logger):
            order.append("two in")

    one = asyncio.create_task(first())
    await first_is_in.wait()
    two = asyncio.create_task(second())
    await log.until_line("waits_for_other_receiver")
    first_may_end.set()
    async with asyncio.timeout(10):
        await asyncio.gather(one, two)
    assert order == ["one in", "one out", "two in"]
