"""After a crash or a time-out in the middle of a request: look, then decide. X takes no idempotency key."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import pytest

from botkit.actions import CreatePost, Like, Queued, SendDirectMessage
from botkit.engine.outbox import outbox_item, sending_key, sent_key
from botkit.errors import OutcomeUnknown
from botkit.store.contract import DeadLetter
from botkit.x.wire import Response

from .conftest import ACCOUNT, ALICE, Bench, dm

SENT = {"data": {"dm_conversation_id": "1-2", "dm_event_id": "77", "id": "77"}}


class X:
    """A small X: takes messages, lists what it took, and can lose its answers after taking them.

    :ivar lose: how many answers are lost next, after the request was taken.
    :ivar listing: whether it can list what it took; a status otherwise.
    """

    def __init__(self, bench: Bench) -> None:
        self._clock = bench.clock
        self.lose = 0
        self.listing: int = 200
        self.taken: list[dict[str, Any]] = []
        self.lists = 0
        self.hold = asyncio.Event()
        self.asked = asyncio.Event()
        self.hold.set()

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        if method == "GET":
            self.lists += 1
            return self._answer(self.listing, {"data": self.taken} if self.listing == 200 else {})
        message = json.loads(body or b"{}")
        self.taken.insert(
            0,
            {
                "id": str(77 + len(self.taken)),
                "event_type": "MessageCreate",
                "sender_id": ACCOUNT,
                "text": message.get("text", ""),
                "created_at": self._clock.at.isoformat(),
            },
        )
        self.asked.set()
        await self.hold.wait()
        if self.lose:
            self.lose -= 1
            raise OutcomeUnknown("time-out")
        return self._answer(201, {"data": {"dm_event_id": self.taken[0]["id"], "id": self.taken[0]["id"]}})

    def _answer(self, status: int, value: object) -> Response:
        return Response(status, {}, json.dumps(value).encode(), self._clock.now)

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def x(bench: Bench) -> X:
    x = X(bench)
    bench.use(x)
    return x


async def queue(bench: Bench, text: str = "hello", number: int = 1, on_unknown: str = "") -> None:
    queued = Queued(ACCOUNT, "plugin:handler", SendDirectMessage(to=ALICE, text=text), on_unknown)
    await bench.store.put([outbox_item(queued, f"action-{number}")])


async def drain(bench: Bench, actions: int, letters: list[DeadLetter] | None = None, **settings: Any) -> None:
    """Run the sender, letting time pass, until that many actions came to their end."""

    async def dead(letter: DeadLetter) -> None:
        if letters is not None:
            letters.append(letter)

    for _ in range(10):
        lines = len(bench.log.lines("action_settled"))
        sender = await bench.sender(dead, **settings)
        running = asyncio.create_task(sender.run())
        await bench.log.until(lambda before=lines: len(bench.log.lines("action_settled")) > before)
        sender.stop()
        await running
        done = [line for line in bench.log.lines("action_settled") if line["outcome"] == "done"]
        if len(done) >= actions:
            return
        bench.clock.now += 100
    raise AssertionError("it never ended")


def texts(x: X) -> Sequence[str]:
    return [message["text"] for message in reversed(x.taken)]


async def test_a_lost_answer_is_looked_up_and_nothing_is_sent_twice(bench: Bench, x: X) -> None:
    await queue(bench)
    x.lose = 1
    await drain(bench, 1)
    assert texts(x) == ["hello"]
    assert x.lists == 1
    assert await bench.store.state([sent_key(ACCOUNT, "77")])
    key = sending_key(ACCOUNT, SendDirectMessage(to=ALICE))
    assert key is not None
    assert await bench.store.state([key]) == {}


async def test_x_is_given_a_moment_before_it_is_asked(bench: Bench, x: X) -> None:
    await queue(bench)
    x.lose = 1
    sender = await bench.sender(settle_s=3.0)
    running = asyncio.create_task(sender.run())
    await bench.log.until_line("action_settled")
    sender.stop()
    await running
    bench.clock.now += 2.9
    assert await bench.store.queues("out:") == []
    assert x.lists == 0


async def test_an_action_that_x_does_not_list_is_sent_again(bench: Bench, x: X) -> None:
    await queue(bench)
    x.lose = 1
    sender = await bench.sender()
    running = asyncio.create_task(sender.run())
    await bench.log.until_line("action_settled")
    sender.stop()
    await running
    x.taken.clear()  # it never arrived
    bench.clock.now += 100
    await drain(bench, 1)
    assert texts(x) == ["hello"]
    assert [line["verdict"] for line in bench.log.lines("outcome_looked_up")] == ["not sent"]


async def test_the_same_text_sent_before_is_not_taken_for_this_one(bench: Bench, x: X) -> None:
    await queue(bench, number=1)
    await drain(bench, 1)
    await queue(bench, number=2)
    x.lose = 1
    await drain(bench, 2)
    assert texts(x) == ["hello", "hello"]
    assert await bench.store.state([sent_key(ACCOUNT, "78")])


async def test_an_old_message_of_the_same_text_is_not_taken_for_this_one(bench: Bench, x: X) -> None:
    old = (bench.clock.at.replace(year=2025)).isoformat()
    x.taken.append({"id": "5", "sender_id": ACCOUNT, "text": "hello", "created_at": old})
    await queue(bench)
    x.lose = 1
    await drain(bench, 1)
    assert len(x.taken) == 2


async def test_its_echo_among_the_own_events_is_enough(bench: Bench, x: X) -> None:
    """No question to X: reading messages is limited too."""
    await queue(bench)
    x.lose = 1
    body = json.loads(dm("hello", message_id="77", sender=ACCOUNT, recipient=ALICE))
    body["direct_message_events"][0]["created_timestamp"] = str(int(bench.clock.now * 1000))
    await bench.put(json.dumps(body).encode())
    await drain(bench, 1)
    assert texts(x) == ["hello"]
    assert x.lists == 0


async def test_links_are_compared_whatever_x_made_of_them(bench: Bench, x: X) -> None:
    await queue(bench, "see https://example.com/a?b=1 now")
    x.lose = 1
    sender = await bench.sender()
    running = asyncio.create_task(sender.run())
    await bench.log.until_line("action_settled")
    sender.stop()
    await running
    x.taken[0]["text"] = "see https://t.co/abc  now"
    bench.clock.now += 100
    await drain(bench, 1)
    assert len(x.taken) == 1


@pytest.mark.parametrize(("policy", "sent", "letters"), [("hold", 1, 1), ("drop", 1, 0), ("resend", 2, 0)])
@pytest.mark.parametrize("per_action", [True, False])
async def test_where_nobody_can_know_the_policy_decides(
    bench: Bench, x: X, policy: str, sent: int, letters: int, *, per_action: bool
) -> None:
    await queue(bench, on_unknown=policy if per_action else "")
    x.lose, x.listing = 1, 403
    found: list[DeadLetter] = []
    await drain(bench, 1, found, **({} if per_action else {"on_unknown": policy}))
    assert len(x.taken) == sent
    assert len(found) == letters
    if found:
        assert "nobody can know whether it was sent" in found[0].error


async def test_a_limit_on_reading_is_waited_for(bench: Bench, x: X) -> None:
    await queue(bench)
    x.lose, x.listing = 1, 429
    sender = await bench.sender()
    running = asyncio.create_task(sender.run())
    await bench.log.until_line("action_settled")
    bench.clock.now += 10
    await bench.log.until_line("lookup_waits")
    sender.stop()
    await running
    x.listing = 200
    bench.clock.now += 1000
    await drain(bench, 1, on_unknown="resend")
    assert texts(x) == ["hello"]


async def test_a_crash_in_the_middle_of_the_request_is_looked_up_at_the_next_start(
    bench: Bench, x: X
) -> None:
    await queue(bench)
    x.hold.clear()
    sender = await bench.sender()
    running = asyncio.create_task(sender.run())
    await asyncio.wait_for(x.asked.wait(), 5)
    for task in asyncio.all_tasks():
        if task.get_name() == "botkit-send":
            task.cancel()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    x.hold.set()
    bench.clock.now += 2000
    assert await bench.store.reap() == 1
    await drain(bench, 1)
    assert texts(x) == ["hello"]


async def test_what_may_be_repeated_is_repeated_without_a_question(bench: Bench, x: X) -> None:
    await bench.store.put([outbox_item(Queued(ACCOUNT, "p:h", Like(post_id="5")), "like")])
    x.lose = 1
    await drain(bench, 1)
    assert (len(x.taken), x.lists) == (2, 0)


async def test_a_post_that_x_refuses_as_a_duplicate_was_sent_the_first_time(bench: Bench, x: X) -> None:
    await bench.store.put([outbox_item(Queued(ACCOUNT, "p:h", CreatePost(text="news")), "post")])
    x.lose, x.listing = 1, 404

    class Refuses(X):
        async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
            if method == "POST" and self.taken:
                detail = "You are not allowed to create a Tweet with duplicate content."
                return self._answer(403, {"detail": detail, "title": "Forbidden", "type": "about:blank"})
            return await super().send(method, url, headers, body)

    refuses = Refuses(bench)
    refuses.lose, refuses.listing = 1, 404
    bench.use(refuses)
    letters: list[DeadLetter] = []
    await drain(bench, 1, letters, on_unknown="resend")
    assert texts(refuses) == ["news"]
    assert letters == []


async def test_lost_answers_without_a_lookup_would_double(bench: Bench, x: X) -> None:
    """The control: the same loss under `resend` with nothing to look at sends twice."""
    await queue(bench, on_unknown="resend")
    x.lose, x.listing = 1, 404
    await drain(bench, 1)
    assert texts(x) == ["hello", "hello"]
    assert dataclasses.asdict(SendDirectMessage(to=ALICE))["to"] == ALICE
