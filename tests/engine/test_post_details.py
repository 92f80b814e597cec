"""What X can be told of a post goes along with it: from the handler, through the store, to the request."""

from __future__ import annotations

import json
from typing import Any

import pytest

from botkit.actions import CreatePost

from .conftest import ACCOUNT, Bench, dm


async def asked_for(bench: Bench, body: str) -> CreatePost:
    """The post that a handler queues, as the outbox gives it back."""
    bench.load(f"@on_direct_message\nasync def handler(event, bot):\n    {body}\n")
    await bench.put(dm())
    await bench.step()
    (queued,) = await bench.queued()
    assert isinstance(queued.action, CreatePost)
    return queued.action


def sent(action: CreatePost) -> dict[str, Any]:
    """The body of its request."""
    body: dict[str, Any] = json.loads(action.call(ACCOUNT).request.body or b"")
    return body


async def test_a_poll_and_who_may_reply_reach_the_request(bench: Bench) -> None:
    action = await asked_for(
        bench,
        "await bot.post('tea?', details=PostDetails(poll=Poll(('yes', 'no'), hours(2)), "
        "who_may_reply='mentioned', made_with_ai=True))",
    )
    assert sent(action) == {
        "text": "tea?",
        "poll": {"options": ["yes", "no"], "duration_minutes": 120},
        "reply_settings": "mentionedUsers",
        "made_with_ai": True,
    }


async def test_a_plain_post_tells_nothing_more(bench: Bench) -> None:
    assert sent(await asked_for(bench, "await bot.post('tea')")) == {"text": "tea"}


async def test_every_part_of_a_thread_says_how_it_was_made(bench: Bench) -> None:
    first = await asked_for(bench, "await bot.thread(['one', 'two'], details=PostDetails(made_with_ai=True))")
    assert sent(first)["made_with_ai"] is True
    assert sent(first.next_part("7")) == {
        "text": "two",
        "reply": {"in_reply_to_tweet_id": "7"},
        "made_with_ai": True,
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("await bot.reply('x', details=PostDetails(made_with_ai=True))", "details= go with posts"),
        ("await bot.thread('x', details=PostDetails(edit_of='1'))", "is a post by itself"),
        ("await bot.post('x', details=PostDetails(poll=Poll(('a', 'b'), 60)))", "5 minutes to 7 days"),
        (
            "await bot.post('x', details=PostDetails(poll=Poll(('a', 'b')), card_uri='card://1'))",
            "a poll and a card",
        ),
    ],
)
async def test_what_x_would_refuse_is_refused_in_the_handler(bench: Bench, body: str, said: str) -> None:
    bench.load(f"@on_direct_message\nasync def handler(event, bot):\n    {body}\n")
    await bench.put(dm())
    await bench.step()
    (letter,) = await bench.store.dead_letters()
    assert said in letter.error
