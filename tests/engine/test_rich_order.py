"""Messages with options stand in one line with those without: whatever becomes of them, nothing overtakes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from botkit import QuickReplyOption
from botkit.actions import CreatePost, Queued, SendDirectMessage
from botkit.engine.outbox import outbox_item
from botkit.x.wire import Response

from .conftest import ACCOUNT, ALICE, Bench
from .test_sender import Answers, make, problem, response, run_until, settled

NOT_IN_PACKAGE = response(403, b'{"errors":[{"code":453,"message":"Not in your package."}]}')
V11 = "https://api.x.com/1.1/"
RICH_SENT = response(
    200, json.dumps({"event": {"id": "78", "message_create": {"target": {"recipient_id": ALICE}}}}).encode()
)


class ByWay(Answers):
    """Answers that differ by the way that a message takes; notes which texts came, in order."""

    def __init__(self, bench: Bench, rich: Response, plain: Response) -> None:
        super().__init__(bench, plain)
        self.rich, self.plain = rich, plain
        self.came: list[str] = []
        self.hold: asyncio.Event | None = None

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        said: dict[str, Any] = json.loads(body or b"{}")
        rich = url.startswith(V11)
        text = said["event"]["message_create"]["message_data"]["text"] if rich else said["text"]
        self.came.append(text.partition("\n")[0])
        self.asked.set()
        if self.hold is not None:
            await self.hold.wait()
        self.answers = [self.rich if rich else self.plain]
        answer: Response = await super().send(method, url, headers, body)
        return answer


async def queue(bench: Bench, *texts: str, to: str = ALICE) -> None:
    """Texts in capitals have options."""
    for number, text in enumerate(texts):
        options = (QuickReplyOption(label="Red"), QuickReplyOption(label="Blue")) if text.isupper() else ()
        message = SendDirectMessage(to=to, text=text, options=options)
        await bench.store.put([outbox_item(Queued(ACCOUNT, "plugin:handler", message), f"{to}/{number}")])


@pytest.mark.parametrize("rich", [RICH_SENT, NOT_IN_PACKAGE], ids=["taken", "refused"])
async def test_messages_of_both_kinds_leave_in_the_order_in_which_they_were_asked_for(
    bench: Bench, rich: Response
) -> None:
    await queue(bench, "one", "TWO", "three", "FOUR", "five")
    sender = await bench.sender()
    transport = ByWay(bench, rich, response())
    bench.use(transport)
    await run_until(
        bench,
        sender,
        lambda: len(bench.log.lines("action_settled")) >= 5 and transport.came[-1:] == ["five"],
    )
    assert list(dict.fromkeys(transport.came)) == ["one", "TWO", "three", "FOUR", "five"]
    # X is asked once whether the account may; from then on it is known.
    assert transport.came.count("TWO") == (1 if rich is RICH_SENT else 2)
    assert transport.came.count("FOUR") == 1
    assert await bench.store.queues("out:") == []
    assert await bench.store.dead_letters() == []


async def test_a_later_message_waits_while_the_one_with_options_is_on_its_way(bench: Bench) -> None:
    await queue(bench, "FIRST", "second")
    sender = await bench.sender()
    transport = ByWay(bench, RICH_SENT, response())
    transport.hold = asyncio.Event()
    bench.use(transport)
    running = asyncio.create_task(sender.run())
    try:
        async with asyncio.timeout(5):
            await transport.asked.wait()
            # Another person's message is proof that the sender looked once more.
            await queue(bench, "other", to="7")
            transport.asked.clear()
            await transport.asked.wait()
            assert transport.came == ["FIRST", "other"]
            transport.hold.set()
            await bench.log.until(lambda: transport.came == ["FIRST", "other", "second"])
            sender.stop()
            await running
    finally:
        running.cancel()


async def test_each_kind_counts_in_its_own_window(bench: Bench) -> None:
    """A closed window of the ones says nothing of the others; the line waits for it, and no other line."""
    await bench.store.freeze(f"dm_send_v11:{ACCOUNT}:86400", bench.clock.now + 1000)
    await queue(bench, "RICH", "behind")
    await queue(bench, "other", to="7")
    sender, transport = await make(bench, response())
    await run_until(bench, sender, lambda: bench.log.lines("window_closed") and transport.bodies)
    assert transport.bodies == ["other"]
    bench.clock.now += 1001
    sender = await bench.sender()
    by_way = ByWay(bench, RICH_SENT, response())
    bench.use(by_way)
    await run_until(bench, sender, lambda: len(by_way.came) == 2)
    assert by_way.came == ["RICH", "behind"]
    window = await bench.store.window(f"dm_send_v11:{ACCOUNT}:86400")
    assert window is not None
    assert window.used == 1 or window.limit > 10**6  # an API that names no limits has none


async def test_what_waited_in_the_queue_of_an_earlier_version_still_leaves(bench: Bench) -> None:
    message = SendDirectMessage(
        to=ALICE, text="OLD", options=(QuickReplyOption(label="Red"), QuickReplyOption(label="Blue"))
    )
    item = outbox_item(Queued(ACCOUNT, "plugin:handler", message), "old")
    name = f"out:dm_send_v11:{ACCOUNT}:0"
    await bench.store.put([type(item)(name, f"{name}:{ALICE}", "old", item.payload)])
    sender = await bench.sender()
    transport = ByWay(bench, NOT_IN_PACKAGE, response())
    bench.use(transport)
    await run_until(bench, sender, settled(bench, 2))
    assert transport.came == ["OLD", "OLD"]
    assert await bench.store.queues("out:") == []


async def test_a_lost_answer_to_the_words_is_looked_up_as_words(bench: Bench) -> None:
    """What is remembered says that it went in words, so nobody looks for the message with options."""
    await queue(bench, "ONE")
    sender = await bench.sender(settle_s=1.0)
    lost = problem(503)
    transport = ByWay(bench, NOT_IN_PACKAGE, lost)
    bench.use(transport)
    await run_until(bench, sender, lambda: bench.log.lines("action_retried"))
    bench.clock.now += 60
    sender = await bench.sender()
    transport = ByWay(bench, RICH_SENT, response())
    bench.use(transport)
    await run_until(bench, sender, settled(bench))
    assert transport.came == ["ONE"]
    assert transport.bodies == ["ONE\n\n• Red\n• Blue"]


async def test_posts_are_not_concerned(bench: Bench) -> None:
    item = outbox_item(Queued(ACCOUNT, "plugin:handler", CreatePost(text="post")), "post")
    assert item.queue == f"out:post_create:{ACCOUNT}:0"
