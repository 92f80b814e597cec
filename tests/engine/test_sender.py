"""The sender: order, X's windows, what each of X's errors means for an action."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from botkit.actions import CreatePost, Queued, SendDirectMessage, ShowTyping
from botkit.engine.outbox import outbox_item, sending_key, sent_key
from botkit.engine.sender import Sender
from botkit.errors import XUnavailable
from botkit.store.contract import DeadLetter
from botkit.x.wire import Response

from .conftest import ACCOUNT, ALICE, Bench

#: an answer that both a message and a post can be read from
SENT = json.dumps({"data": {"dm_conversation_id": "1-2", "dm_event_id": "77", "id": "77"}}).encode()
Answer = Response | Exception


class Answers:
    """A transport that gives its answers one after the other, the last one again and again."""

    def __init__(self, bench: Bench, *answers: Answer) -> None:
        self._clock = bench.clock
        self.answers = list(answers)
        self.bodies: list[str] = []
        self.asked = asyncio.Event()

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        self.bodies.append(
            json.loads(body or b"{}").get("text", "") if url.startswith("https://api.x.com/2/") else ""
        )
        self.asked.set()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dataclasses.replace(answer, received_at=self._clock.now)

    async def close(self) -> None:
        """Nothing is open."""


def response(status: int = 201, body: bytes = SENT, **headers: str) -> Response:
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def problem(status: int, **members: object) -> Response:
    return response(
        status, json.dumps({"title": "Forbidden", "detail": "No.", "type": "about:blank", **members}).encode()
    )


async def queue(bench: Bench, *texts: str, to: str = ALICE) -> None:
    for number, text in enumerate(texts):
        queued = Queued(ACCOUNT, "plugin:handler", SendDirectMessage(to=to, text=text))
        await bench.store.put([outbox_item(queued, f"{to}/{number}/{len(text)}")])


async def run_until(bench: Bench, sender: Sender, done: Callable[[], object]) -> None:
    """Run the sender until something is so, then stop it gracefully."""
    running = asyncio.create_task(sender.run())
    try:
        await bench.log.until(done)
        sender.stop()
        await asyncio.wait_for(running, 5)
    finally:
        running.cancel()


def settled(bench: Bench, count: int = 1) -> Callable[[], object]:
    """True when that many more actions were settled than there are now."""
    before = len(bench.log.lines("action_settled"))
    return lambda: len(bench.log.lines("action_settled")) >= before + count


async def make(
    bench: Bench, *answers: Answer, letters: list[DeadLetter] | None = None, **settings: Any
) -> tuple[Sender, Answers]:
    transport = Answers(bench, *answers)
    bench.use(transport)

    async def dead(letter: DeadLetter) -> None:
        if letters is not None:
            letters.append(letter)

    return await bench.sender(dead, **settings), transport


async def test_actions_about_one_user_leave_in_order(bench: Bench) -> None:
    await queue(bench, *"abcdefgh")
    sender, transport = await make(bench, response())
    await run_until(bench, sender, settled(bench, 8))
    assert "".join(transport.bodies) == "abcdefgh"


async def test_a_request_is_signed(bench: Bench) -> None:
    await queue(bench, "hello")
    bench.transport.answer(
        "POST", f"/2/dm_conversations/with/{ALICE}/messages", {"data": {"dm_event_id": "5"}}, status=201
    )
    sender = await bench.sender()
    await run_until(bench, sender, lambda: bench.log.lines("action_settled"))
    (request,) = bench.transport.requests
    assert request.json == {"text": "hello"}
    assert request.headers["authorization"].startswith("OAuth ")


async def test_success_swaps_the_sending_mark_for_the_messages_id(bench: Bench) -> None:
    await queue(bench, "hello")
    sender, _ = await make(bench, response())
    key = sending_key(ACCOUNT, SendDirectMessage(to=ALICE))
    assert key is not None
    await run_until(bench, sender, lambda: bench.log.lines("action_settled"))
    assert await bench.store.state([sent_key(ACCOUNT, "77")])
    assert await bench.store.state([key]) == {}


async def test_the_mark_stands_before_the_request_leaves(bench: Bench) -> None:
    key = sending_key(ACCOUNT, SendDirectMessage(to=ALICE))
    assert key is not None
    seen: list[bool] = []

    class Looks(Answers):
        async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
            seen.append(bool(await bench.store.state([key])))
            return await super().send(method, url, headers, body)

    await queue(bench, "hello")
    sender = await bench.sender()
    bench.use(Looks(bench, response()))
    await run_until(bench, sender, lambda: bench.log.lines("action_settled"))
    assert seen == [True]


async def test_429_waits_for_the_reset_and_is_no_attempt(bench: Bench) -> None:
    await queue(bench, "hello")
    reset = str(int(bench.clock.now + 600))
    limited = problem(429, title="Too Many Requests")
    limited = Response(
        429,
        {"x-rate-limit-limit": "15", "x-rate-limit-remaining": "0", "x-rate-limit-reset": reset},
        limited.body,
    )
    sender, transport = await make(bench, limited, response(), attempts=1)
    await run_until(bench, sender, lambda: bench.log.lines("rate_limited"))
    assert transport.bodies == ["hello"]
    bench.clock.now += 599
    sender, transport = await make(bench, response(), attempts=1)
    await bench.store.put([outbox_item(Queued(ACCOUNT, "plugin:handler", CreatePost(text="post")), "post")])
    await run_until(bench, sender, settled(bench))
    assert transport.bodies == ["post"]
    bench.clock.now += 2
    sender, transport = await make(bench, response(), attempts=1)
    await run_until(bench, sender, settled(bench))
    assert transport.bodies == ["hello"]
    assert await bench.store.dead_letters() == []


async def test_a_frozen_window_stops_its_own_queue_only(bench: Bench) -> None:
    await queue(bench, "hello")
    await bench.store.freeze(f"dm_send:{ACCOUNT}:900", bench.clock.now + 1000)
    post = Queued(ACCOUNT, "plugin:handler", CreatePost(text="post"))
    await bench.store.put([outbox_item(post, "post")])
    sender, transport = await make(bench, response(201, b'{"data":{"id":"9"}}'))
    await run_until(bench, sender, settled(bench))
    assert transport.bodies == ["post"]


async def test_no_more_leaves_than_the_window_holds(bench: Bench) -> None:
    for user in range(20):
        await queue(bench, "hello", to=str(1000 + user))
    sender, transport = await make(bench, problem(503), attempts=2)
    await run_until(bench, sender, lambda: bench.log.lines("window_closed"))
    assert len(transport.bodies) == 15


async def test_an_api_that_names_no_limits_has_none(bench: Bench) -> None:
    for user in range(20):
        await queue(bench, "hello", to=str(1000 + user))
    sender, transport = await make(bench, response())
    await run_until(bench, sender, settled(bench, 20))
    assert len(transport.bodies) == 20


async def test_what_the_headers_say_is_believed(bench: Bench) -> None:
    for user in range(20):
        await queue(bench, "hello", to=str(1000 + user))
    headers = {
        "x_rate_limit_limit": "3",
        "x_rate_limit_remaining": "2",
        "x_rate_limit_reset": str(int(bench.clock.now + 900)),
    }
    sender, transport = await make(bench, response(**headers), concurrency=1)
    await run_until(bench, sender, lambda: bench.log.lines("window_closed"))
    assert len(transport.bodies) == 3


@pytest.mark.parametrize("error", [problem(503), XUnavailable("refused"), response(500, b"<html>")])
async def test_what_x_could_not_take_is_tried_again(bench: Bench, error: Answer) -> None:
    await queue(bench, "hello")
    sender, _ = await make(bench, error, response())
    await run_until(bench, sender, lambda: bench.log.lines("action_retried"))
    bench.clock.now += 60
    sender, _transport = await make(bench, response())
    await run_until(bench, sender, settled(bench))
    assert await bench.store.dead_letters() == []


async def test_what_x_will_never_take_is_a_dead_letter_with_its_words(bench: Bench) -> None:
    await queue(bench, "hello", "next")
    refused = problem(403, detail="You do not have permission to DM one or more participants.")
    letters: list[DeadLetter] = []
    sender, transport = await make(bench, refused, response(), letters=letters)
    await run_until(bench, sender, settled(bench, 2))
    (letter,) = letters
    assert "You do not have permission to DM one or more participants." in letter.error
    assert (letter.handler, letter.attempts) == ("dm.send", 1)
    assert [each.item_id for each in await bench.store.dead_letters()] == [letter.item_id]
    assert transport.bodies == ["hello", "next"]


async def test_spent_attempts_are_a_dead_letter(bench: Bench) -> None:
    await queue(bench, "hello")
    letters: list[DeadLetter] = []
    for _ in range(3):
        sender, _transport = await make(bench, problem(503), letters=letters)
        await run_until(bench, sender, settled(bench))
        bench.clock.now += 600
    assert [letter.attempts for letter in letters] == [3]


@pytest.mark.parametrize("error", [problem(401), problem(402, type="https://api.x.com/2/problems/credits")])
async def test_a_dead_credential_or_no_money_pauses_the_account_and_loses_nothing(
    bench: Bench, error: Answer
) -> None:
    await queue(bench, "hello", "next")
    await queue(bench, "hello", to="7")
    sender, transport = await make(bench, error, concurrency=1)
    await run_until(
        bench, sender, lambda: bench.log.lines("window_closed") or bench.log.lines("sending_paused")
    )
    assert len(transport.bodies) == 1
    assert await bench.store.dead_letters() == []
    bench.clock.now += 301
    sender, transport = await make(bench, response())
    await run_until(bench, sender, settled(bench, 3))


async def test_an_action_that_this_version_can_not_read_is_a_dead_letter_and_stops_nothing(
    bench: Bench,
) -> None:
    queued = outbox_item(Queued(ACCOUNT, "plugin:handler", SendDirectMessage(to=ALICE, text="hello")), "old")
    await bench.store.put(
        [msgspec.structs.replace(queued, payload=queued.payload.replace(b"dm.send", b"dm.levitate"))]
    )
    await queue(bench, "next")
    letters: list[DeadLetter] = []
    sender, _transport = await make(bench, response(), letters=letters)
    await run_until(bench, sender, settled(bench))
    assert [letter.error for letter in letters] == ["ValidationError: unknown action 'dm.levitate'"]


async def test_what_is_nice_to_have_is_dropped_without_a_dead_letter(bench: Bench) -> None:
    await bench.store.put([outbox_item(Queued(ACCOUNT, "plugin:handler", ShowTyping(to=ALICE)), "typing")])
    sender, _ = await make(
        bench, response(403, b'{"errors":[{"code":453,"message":"Not in your package."}]}')
    )
    await run_until(bench, sender, lambda: bench.log.lines("action_dropped"))
    assert await bench.store.dead_letters() == []


async def test_stop_waits_for_the_request_under_way(bench: Bench) -> None:
    await queue(bench, "hello", "next")
    go = asyncio.Event()

    class Slow(Answers):
        async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
            answer = await super().send(method, url, headers, body)
            await go.wait()
            return answer

    sender = await bench.sender()
    transport = Slow(bench, response())
    bench.use(transport)
    running = asyncio.create_task(sender.run())
    async with asyncio.timeout(5):
        await transport.asked.wait()
        sender.stop()
        go.set()
        await running
    assert transport.bodies == ["hello"]
    assert await bench.store.state([sent_key(ACCOUNT, "77")])


async def test_texts_do_not_reach_the_log(bench: Bench) -> None:
    await queue(bench, "my secret diary")
    sender, _transport = await make(bench, problem(403))
    await run_until(bench, sender, lambda: bench.log.lines("action_refused"))
    assert "diary" not in bench.log.text
