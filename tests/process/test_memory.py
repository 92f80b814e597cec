"""A backlog waits in the store, not in memory."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from botkit.store import open_store
from botkit.store.contract import NewItem
from botkit.x import split

from .conftest import ApiStub, BotProcess, Start, dm

BUSY = """
    import asyncio
    @on_direct_message
    async def busy(event, bot):
        bot.log.info("handling")
        await asyncio.Event().wait()
"""
#: more than this much more memory is a backlog that is held in it: the bodies alone are 200 MB
_ROOM = 24 * 1024 * 1024


async def _fill(folder: Path, count: int) -> None:
    """Put that many events of 2 KB, in two hundred conversations."""
    store = open_store(f"sqlite:///{folder / 'botkit.db'}")
    await store.open()
    text = "x" * 1800
    for first in range(1, count + 1, 1000):
        bodies = [
            dm(text, message_id=number, sender=str(10_000 + number % 200))
            for number in range(first, min(first + 1000, count + 1))
        ]
        items = [item for body in bodies for item in split(body)]
        await store.put([NewItem("in", item.conversation.key, item.id, item.payload) for item in items])
    await store.close()


def _peak(bot: BotProcess) -> int:
    """The most memory that the process ever had, in bytes."""
    status = Path(f"/proc/{bot._process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


async def _until_all_are_busy(bot: BotProcess) -> None:
    async with asyncio.timeout(60), bot._written:
        await bot._written.wait_for(
            lambda: sum(line["event"] == "handling" for line in bot.lines) == 128,
        )


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_a_hundred_thousand_waiting_events_need_no_memory(
    start: Start, api: ApiStub, tmp_path: Path
) -> None:
    """128 conversations are in hand, with up to 16 events each: as few as with a thousand waiting."""
    bot = await start({"busy": BUSY}, extra="log: {level: info}\n")
    await bot.kill()
    peaks = []
    for count in (1000, 100_000):
        await _fill(tmp_path, count)  # what is known already is dropped
        bot = await start()
        await _until_all_are_busy(bot)
        for number in range(3):
            assert await bot.post(dm("more", message_id=10**6 + number, sender="9")) == 200
        peaks.append(_peak(bot))
        await bot.kill()
    few, many = peaks
    assert many - few < _ROOM, f"{few >> 20} MiB with 1 000 waiting, {many >> 20} MiB with 100 000"
