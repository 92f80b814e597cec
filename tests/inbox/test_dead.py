"""Dead letters: retried by the one handler that failed, sent once more, shown, dropped."""

from __future__ import annotations

import pytest

from botkit import actions
from botkit.actions import Queued, SendDirectMessage
from botkit.engine.outbox import outbox_item
from botkit.errors import UserError
from botkit.inbox import dead
from botkit.store.contract import DeadLetter, Done, Effects, NewItem, NewTimer, Settlement

from .conftest import ACCOUNT, ALICE, Bench, dm, run_all

DM = f"{ACCOUNT}:dm:1"

COUNTS = """
    @on_direct_message
    async def count(event, bot):
        bot.state["count"] = bot.state.get("count", 0) + 1
        await bot.send_dm(event.sender, f"good {bot.state['count']}")
"""
FAILS = """
    @on_direct_message(contains("hello"))
    async def fails(event, bot):
        raise ValueError("no")
"""
MENDED = FAILS.replace('raise ValueError("no")', 'return f"mended {event.id} {event.text}"')


async def _died(bench: Bench) -> None:
    """One event; `good` answered it, `bad` spent its attempts."""
    bench.load(good=COUNTS, bad=FAILS)
    await bench.put(dm())
    await run_all(bench)


async def _send_fails(bench: Bench, item_id: str = "1:dm:1/shop:order/0", *, text: str = "hi") -> NewItem:
    queued = Queued(ACCOUNT, "shop:order", SendDirectMessage(to=ALICE, text=text))
    item = outbox_item(queued, item_id)
    await bench.store.put([item])
    worker = await bench.store.register("w", 1000.0)
    (claim,) = await bench.store.claim(worker, item.queue, 1, 1)
    letter = DeadLetter(item_id, "dm.send", 20, "Forbidden: no")
    await bench.store.settle(worker, Settlement(claim, claim.items[0].seq, Done(), Effects(dead=[letter])))
    return item


async def test_only_the_handler_that_failed_runs_again(bench: Bench) -> None:
    await _died(bench)
    bench.load(good=COUNTS, bad=MENDED)
    answer = await dead.retry(bench.store, item_ids=[DM])
    again = f"retry:{int(bench.clock.now)}:{DM}"
    assert answer == {
        "retried": [{"item_id": DM, "handler": "bad:fails", "as": again}],
        "left": [],
    }
    await run_all(bench)
    assert await bench.texts() == ["good 1", f"mended {DM} hello"]
    assert await bench.store.dead_count() == 0


async def test_what_fails_again_is_a_dead_letter_of_the_copy_and_can_be_retried_for_ever(
    bench: Bench,
) -> None:
    await _died(bench)
    for _ in range(3):
        await dead.retry(bench.store, plugin="bad")
        await run_all(bench)
        bench.clock.now += 1
    (letter,) = (await dead.listed(bench.store))["letters"]
    assert letter["handler"] == "bad:fails"
    assert letter["attempts"] == bench.settings.attempts
    assert letter["item_id"].count("retry:") == 1
    assert letter["item_id"].endswith(f":{DM}")
    assert await bench.texts() == ["good 1"]
    bench.load(good=COUNTS, bad=MENDED)
    await dead.retry(bench.store, item_ids=[letter["item_id"]])
    await run_all(bench)
    assert await bench.texts() == ["good 1", f"mended {DM} hello"]


async def test_a_copy_is_handled_after_the_original_is_pruned(bench: Bench) -> None:
    await _died(bench)
    bench.load(good=COUNTS, bad=MENDED)
    await dead.retry(bench.store, item_ids=[DM])
    bench.clock.now += 1
    await bench.store.prune(bench.clock.now)
    assert await bench.store.item(DM) is None
    await run_all(bench)
    assert f"mended {DM} hello" in await bench.texts()


async def test_a_fallback_is_retried_alone_though_others_would_answer(bench: Bench) -> None:
    falls_back = """
        @on_direct_message(fallback=True)
        async def fall_back(event, bot):
            {}
    """
    bench.load(last=falls_back.format("raise ValueError"))
    await bench.put(dm())
    await run_all(bench)
    bench.load(first=COUNTS, last=falls_back.format('return "at last"'))
    await dead.retry(bench.store, item_ids=[DM])
    await run_all(bench)
    assert await bench.texts() == ["at last"]


@pytest.mark.parametrize(
    "now", [COUNTS, FAILS.replace("def fails", "def renamed"), FAILS.replace("hello", "bye")]
)
async def test_a_handler_that_is_gone_leaves_the_letter(bench: Bench, now: str) -> None:
    await _died(bench)
    bench.load(good=COUNTS, bad=now)
    await dead.retry(bench.store, item_ids=[DM])
    await run_all(bench)
    (letter,) = await bench.store.dead_letters()
    assert letter.handler == "bad:fails"
    assert letter.error == "no handler of that name takes the event any more"
    assert await bench.texts() == ["good 1"]


async def test_two_handlers_of_one_event_are_retried_each_alone(bench: Bench) -> None:
    bench.load(one=FAILS, two=FAILS)
    await bench.put(dm())
    await run_all(bench)
    bench.load(one=MENDED.replace("mended", "one"), two=MENDED.replace("mended", "two"))
    answer = await dead.retry(bench.store, item_ids=[DM])
    assert len({each["as"] for each in answer["retried"]}) == 2
    await run_all(bench)
    assert await bench.texts() == [f"one {DM} hello", f"two {DM} hello"]


async def test_one_handler_of_an_item_can_be_named(bench: Bench) -> None:
    bench.load(one=FAILS, two=FAILS)
    await bench.put(dm())
    await run_all(bench)
    await dead.drop(bench.store, item_ids=[DM], handler="one:fails")
    assert [letter.handler for letter in await bench.store.dead_letters()] == ["two:fails"]


async def test_an_event_that_botkit_itself_failed_at_is_retried_by_all_handlers(bench: Bench) -> None:
    bench.load(good=COUNTS, bad=MENDED)
    await bench.put(dm())
    worker = await bench.store.register("w", 1000.0)
    (claim,) = await bench.store.claim(worker, "in", 1, 1)
    letter = DeadLetter(DM, "botkit", 5, "TypeError")
    await bench.store.settle(worker, Settlement(claim, 1, Done(), Effects(dead=[letter])))
    await dead.retry(bench.store, item_ids=[DM])
    await run_all(bench)
    assert await bench.texts() == ["good 1", f"mended {DM} hello"]


async def test_an_action_is_sent_once_more_as_it_is_under_a_new_id(bench: Bench) -> None:
    item = await _send_fails(bench)
    answer = await dead.retry(bench.store, plugin="shop")
    (retried,) = answer["retried"]
    assert retried["as"] == f"retry:{int(bench.clock.now)}:{item.item_id}"
    located = await bench.store.locate(retried["as"])
    assert located is not None
    assert (located.queue, located.lane, located.done) == (item.queue, item.lane, False)
    assert located.item.payload == item.payload


async def test_the_oldest_is_retried_first(bench: Bench) -> None:
    for number in (1, 2, 3):
        await _send_fails(bench, f"1:dm:{number}/shop:order/0", text=f"text {number}")
        bench.clock.now += 1
    await dead.retry(bench.store)
    lane = (await bench.store.lanes("out:"))[0].lane
    found = [actions.decode(item.payload).action for item in await bench.store.unfinished(lane)]
    assert [getattr(action, "text", "") for action in found] == ["text 1", "text 2", "text 3"]


async def test_choosing_by_time_and_plugin(bench: Bench) -> None:
    await _send_fails(bench, "1:dm:1/shop:order/0")
    bench.clock.now += 10
    await _send_fails(bench, "1:dm:2/shop:order/0")
    await _send_fails(bench, "1:dm:3/faq:ask/0")
    since = bench.clock.now
    listed = await dead.listed(bench.store, since=since, plugin="shop")
    assert [letter["item_id"] for letter in listed["letters"]] == ["1:dm:2/shop:order/0"]
    assert listed["count"] == 3
    dropped = await dead.drop(bench.store, since=since, plugin="shop")
    assert dropped == {"dropped": [{"item_id": "1:dm:2/shop:order/0", "handler": "dm.send"}]}
    assert await bench.store.dead_count() == 2


async def test_what_is_not_kept_is_left_and_said(bench: Bench) -> None:
    await bench.store.put([NewItem("in", "a", "1", b"{}")])
    worker = await bench.store.register("w", 1000.0)
    (claim,) = await bench.store.claim(worker, "in", 1, 1)
    due = NewTimer("t", bench.clock.now, NewItem("out:x", "a", "never-put", b""))
    await bench.store.settle(worker, Settlement(claim, 1, Done(), Effects(timers=[due])))
    await bench.store.fire_timers()
    answer = await dead.retry(bench.store)
    assert answer["retried"] == []
    assert answer["left"] == [
        {"item_id": "never-put", "handler": "timer", "reason": "what it is about is not kept"}
    ]
    assert await bench.store.dead_count() == 1
    assert (await dead.show(bench.store, item_id="never-put"))["content"] is None


async def test_an_item_without_a_letter_is_an_error_and_nothing_is_done(bench: Bench) -> None:
    await _died(bench)
    for asked in (dead.retry, dead.drop):
        with pytest.raises(UserError, match="unknown-id has no such dead letter"):
            await asked(bench.store, item_ids=[DM, "unknown-id"])
    with pytest.raises(UserError, match="has no dead letter"):
        await dead.show(bench.store, item_id="unknown-id")
    assert await bench.store.dead_count() == 1


async def test_showing_an_event_and_an_action_with_what_they_hold(bench: Bench) -> None:
    await _died(bench)
    shown = await dead.show(bench.store, item_id=DM)
    (letter,) = shown["letters"]
    assert letter["what"] == "event"
    assert (letter["account_id"], letter["other_id"]) == (ACCOUNT, ALICE)
    assert letter["error"] == "ValueError: no"
    assert shown["content"]["event"] == "DirectMessage"
    (message,) = shown["content"]["payload"]["direct_message_events"]
    assert message["message_create"]["message_data"]["text"] == "hello"
    item = await _send_fails(bench, text="what it says")
    shown = await dead.show(bench.store, item_id=item.item_id)
    assert shown["letters"][0]["what"] == "action"
    assert shown["content"] == {
        "handler": "shop:order",
        "kind": "dm.send",
        "to": ALICE,
        "text": "what it says",
        "due_at": None,
    }


async def test_a_retried_copy_shows_the_event_as_x_sent_it(bench: Bench) -> None:
    await _died(bench)
    await dead.retry(bench.store, item_ids=[DM])
    await run_all(bench)
    (letter,) = (await dead.listed(bench.store))["letters"]
    shown = await dead.show(bench.store, item_id=letter["item_id"])
    assert shown["content"]["payload"]["for_user_id"] == ACCOUNT


async def test_lists_hold_no_word_of_what_people_wrote(bench: Bench) -> None:
    bench.load(bad=FAILS.replace('"no"', "event.text"))
    await bench.put(dm("hello secretword"))
    await run_all(bench)
    assert "secretword" not in str(await dead.listed(bench.store))
