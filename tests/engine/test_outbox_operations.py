"""What `botkit outbox` shows and does: on the store itself, where the bot's own operations run."""

from __future__ import annotations

import pytest

from botkit.errors import UserError
from botkit.inbox import outbox

from .conftest import ACCOUNT, Bench, dm

TELL_ALL = """
    @on_direct_message(contains("all"))
    async def tell_all(event, bot):
        await bot.send_dm([str(1000 + number) for number in range(50)], "news", unasked=True)
    @on_direct_message
    async def answer(event, bot):
        return "answer"
"""


async def queued(bench: Bench) -> str:
    bench.load(TELL_ALL)
    await bench.put(dm("to all"))
    await bench.step()
    await bench.put(dm("me", message_id="2"))
    await bench.step()
    return str((await outbox.listed(bench.store))["queues"][-1]["broadcast"])


async def test_queues_are_listed_as_they_leave_with_the_time_that_they_take(bench: Bench) -> None:
    name = await queued(bench)
    answer, broadcast = (await outbox.listed(bench.store))["queues"]
    assert (answer["priority"], answer["waiting"], answer["eta_s"]) == ("answer", 1, 0)
    assert broadcast["priority"] == "broadcast"
    assert broadcast["broadcast"] == name
    assert (broadcast["account_id"], broadcast["waiting"]) == (ACCOUNT, 50)
    assert broadcast["eta_s"] == pytest.approx(4 * 900, abs=1)
    assert not broadcast["paused"]


async def test_a_broadcast_is_paused_and_resumed(bench: Bench) -> None:
    name = await queued(bench)
    await outbox.pause(bench.store, broadcast=name)
    shown = (await outbox.listed(bench.store))["queues"][-1]
    assert (shown["paused"], shown["eta_s"]) == (True, None)
    await outbox.resume(bench.store, broadcast=name)
    assert not (await outbox.listed(bench.store))["queues"][-1]["paused"]


async def test_cancelling_gives_up_what_has_not_left_and_nothing_else(bench: Bench) -> None:
    name = await queued(bench)
    assert await outbox.cancel(bench.store, broadcast=name) == {"broadcast": name, "cancelled": 50}
    assert await bench.texts() == ["answer"]


async def test_a_name_that_is_none_is_answered_with_those_that_are(bench: Bench) -> None:
    name = await queued(bench)
    with pytest.raises(UserError, match=f"no broadcast 'nope' waits; there are: {name}"):
        await outbox.cancel(bench.store, broadcast="nope")
