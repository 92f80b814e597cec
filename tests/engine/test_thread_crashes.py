"""A thread across crashes and lost answers: each part once, each below the one before. And typing kept up."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from botkit import actions
from botkit.actions import CreatePost, Queued
from botkit.bot import Bot, Gathered
from botkit.engine.keep_typing import keep_typing
from botkit.engine.marks import Sending
from botkit.engine.outbox import outbox_item
from botkit.errors import ActionRefused, Forbidden
from botkit.events import DirectMessage, User
from botkit.media import Uploaded, attach
from botkit.rules import Rules
from botkit.state import State
from botkit.store.contract import DeadLetter
from botkit.testing import Clock
from botkit.x.wire import Call, Response

from .conftest import ACCOUNT, ALICE, Bench
from .test_unknown_outcome import X, drain

DUPLICATE = {"title": "Forbidden", "detail": "You are not allowed to create a Tweet with duplicate content."}


class Threads(X):
    """Takes posts, and knows what each answers.

    :ivar strict: it refuses the second copy of a post.
    """

    strict = False

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.below: list[str] = []

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        if method == "POST":
            post = json.loads(body or b"{}")
            if self.strict and any(taken["text"] == post["text"] for taken in self.taken):
                return self._answer(403, DUPLICATE)
            self.below.append(post.get("reply", {}).get("in_reply_to_tweet_id", ""))
        return await super().send(method, url, headers, body)


@pytest.fixture
def x(bench: Bench) -> Threads:
    x = Threads(bench)
    bench.use(x)
    return x


async def queue(bench: Bench, *parts: str, on_unknown: str = "") -> None:
    action = CreatePost(text=parts[0], then=parts[1:])
    await bench.store.put([outbox_item(Queued(ACCOUNT, "plugin:handler", action, on_unknown), "thread")])


@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_lost_answer_leaves_no_gap_and_no_double(bench: Bench, x: Threads, part: int) -> None:
    await queue(bench, "one", "two", "three")
    for _ in range(part):
        await drain_one(bench)
    x.lose = 1
    await drain(bench, 3)
    assert [taken["text"] for taken in reversed(x.taken)] == ["one", "two", "three"]
    assert x.below == ["", "77", "78"]


async def drain_one(bench: Bench) -> None:
    """Send one part, and stop before the next."""
    worker = await bench.store.register("one", 1000.0)
    (queue_name,) = await bench.store.queues("out:")
    (claim,) = await bench.store.claim(worker, queue_name, 1, 1)
    sender = await bench.sender()
    carried = await sender._carrier.carry_out(worker, claim)
    assert carried.settlement is not None
    assert await bench.store.settle(worker, carried.settlement)
    bench.log.logger.debug("action_settled", outcome="done")


async def test_a_settlement_that_is_lost_makes_no_second_next_part(bench: Bench, x: Threads) -> None:
    """The process dies between X's answer and the commit: the part is looked up, the chain goes on."""
    await queue(bench, "one", "two")
    worker = await bench.store.register("dies", 1000.0)
    (name,) = await bench.store.queues("out:")
    (claim,) = await bench.store.claim(worker, name, 1, 1)
    sender = await bench.sender()
    assert (await sender._carrier.carry_out(worker, claim)).settlement is not None
    bench.clock.now += 2000  # its lease is over; what it had to say was never written
    await bench.store.reap()
    await drain(bench, 2)
    assert [taken["text"] for taken in reversed(x.taken)] == ["one", "two"]
    assert x.below == ["", "77"]


async def test_a_part_that_x_calls_a_duplicate_is_looked_up_so_that_the_thread_goes_on(
    bench: Bench, x: Threads
) -> None:
    await queue(bench, "one", "two", on_unknown="resend")
    x.strict, x.lose, x.listing = True, 1, 403
    letters: list[DeadLetter] = []

    async def dead(letter: DeadLetter) -> None:
        letters.append(letter)

    for _ in range(2):  # lost; sent again, as asked, since X does not list it: a duplicate
        sender = await bench.sender(dead, attempts=9)
        running = asyncio.create_task(sender.run())
        before = len(bench.log.lines("action_settled"))
        await bench.log.until(lambda b=before: len(bench.log.lines("action_settled")) > b)
        sender.stop()
        await running
        bench.clock.now += 100
    x.listing = 200
    await drain(bench, 2, letters, attempts=9)
    assert [taken["text"] for taken in reversed(x.taken)] == ["one", "two"]
    assert x.below == ["", "77"]
    assert letters == []


async def test_a_refused_part_stops_the_thread_and_keeps_the_rest(bench: Bench, x: Threads) -> None:
    await queue(bench, "same", "same", "end")
    x.strict = True
    letters: list[DeadLetter] = []
    await drain(bench, 2, letters)
    assert [letter.item_id for letter in letters] == ["thread/part2"]
    located = await bench.store.locate("thread/part2")
    assert located is not None
    action = actions.decode(located.item.payload).action
    assert isinstance(action, CreatePost)
    assert (action.reply_to, action.then, action.part) == ("77", ("end",), 2)


def test_an_action_with_bytes_is_read_back_as_it_was_written() -> None:
    media = attach(b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "all bytes")
    queued = Queued(ACCOUNT, "h", CreatePost(text="x", media=(media,), then=("y",)))
    assert actions.decode(actions.encode(queued)) == queued
    assert "all bytes" not in repr(media)
    assert "x02" not in repr(media)


def test_a_mark_is_read_back_also_one_of_an_older_version() -> None:
    mark = Sending(5.0, (Uploaded("1", 9.0, ready=True),))
    assert Sending.decode(mark.encode()) == mark
    assert Sending.decode(b"\x81\xa2at\xcb@\x14\x00\x00\x00\x00\x00\x00") == Sending(5.0)
    assert Sending().encode() == b""
    assert Sending.decode(b"") == Sending()


# -- typing --------------------------------------------------------------------------------------------------


class Api:
    """Counts typing calls; fails from the given one on."""

    def __init__(self, fail_after: int = 1_000) -> None:
        self.calls: list[str] = []
        self._fail_after = fail_after

    async def call(self, call: Call[Any]) -> None:
        self.calls.append(call.name)
        if len(self.calls) > self._fail_after:
            raise Forbidden("no", status=403, codes=[453])


class Sleep:
    """Sleepers that wake when the test says so."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.asleep, self._wake = asyncio.Event(), asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep.set()
        await self._wake.wait()
        self._wake.clear()

    async def tick(self) -> None:
        """Wait until somebody sleeps, and wake them."""
        await self.asleep.wait()
        self.asleep.clear()
        self._wake.set()


def make_bot(api: Any, sleep: Sleep, log: Any) -> Bot:
    async def nobody(_: object) -> frozenset[str]:
        return frozenset()

    clock = Clock()
    alice = User(id=ALICE, username="alice", name="Alice")
    me = User(id=ACCOUNT, username="bot", name="Bot")
    event = DirectMessage(
        id="1", account_id=ACCOUNT, at=clock.at, message_id="1", sender=alice, recipient=me, text="hi"
    )
    return Bot(
        event=event,
        account_id=ACCOUNT,
        settings=None,
        state=State(None),
        api=api,
        log=log.logger,
        gathered=Gathered(),
        now=clock,
        have_written=nobody,
        rules=Rules(),
        typing=lambda user_id: keep_typing(api, log.logger, user_id, sleep),
    )


async def test_typing_is_kept_alive_while_the_body_runs(log: Any) -> None:
    api, sleep = Api(), Sleep()
    async with make_bot(api, sleep, log).typing():
        await sleep.tick()
        await sleep.tick()
        await sleep.asleep.wait()
    assert api.calls == ["dm.typing"] * 3
    assert sleep.slept == [2.5] * 3


async def test_typing_gives_up_silently_where_x_has_none(log: Any) -> None:
    api, sleep = Api(fail_after=0), Sleep()
    async with make_bot(api, sleep, log).typing():
        await log.until_line("typing_not_shown")
    assert api.calls == ["dm.typing"]
    assert [line["level"] for line in log.lines()] == ["debug"]


async def test_what_the_body_raises_comes_through_and_typing_ends(log: Any) -> None:
    api, sleep = Api(), Sleep()
    with pytest.raises(ActionRefused):
        async with make_bot(api, sleep, log).typing():
            raise ActionRefused("mine")
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "botkit-typing"]
