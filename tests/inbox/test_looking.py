"""What an operator sees: counts, conversations, and one person's items, without what people wrote."""

from __future__ import annotations

from botkit.inbox import looking

from .conftest import ACCOUNT, ALICE, Bench, dm

NOON = "2026-01-05T12:00:00Z"


async def test_an_empty_inbox(bench: Bench) -> None:
    nothing = {"waiting": 0, "conversations": 0, "oldest_at": None}
    assert await looking.status(bench.store) == {
        "now": NOON,
        "events": nothing,
        "actions": nothing,
        "dead_letters": 0,
        "next_timer_at": None,
        "conversations": [],
    }


async def test_counts_and_conversations(bench: Bench) -> None:
    bench.load("""
        @on_direct_message(contains("hello"))
        async def hello(event, bot):
            await bot.reply("later", after=60)
            return "hi"

        @on_direct_message
        async def fails(event, bot):
            raise ValueError
    """)
    await bench.put(dm(message_id="1"))
    await bench.step()
    bench.clock.now += 10
    await bench.put(dm("bad", message_id="2"), dm("bad", message_id="3"))
    await bench.step()
    bench.clock.now += 0.25
    status = await looking.status(bench.store)
    oldest = "2026-01-05T12:00:10Z"
    assert status["events"] == {"waiting": 2, "conversations": 1, "oldest_at": oldest}
    assert status["actions"] == {"waiting": 1, "conversations": 1, "oldest_at": NOON}
    assert status["next_timer_at"] == "2026-01-05T12:01:00Z"
    action, event = status["conversations"]
    assert (action["what"], action["account_id"], action["other_id"]) == ("actions", ACCOUNT, ALICE)
    assert (event["what"], event["account_id"], event["other_id"]) == ("events", ACCOUNT, ALICE)
    assert (event["waiting"], event["failed_attempts"], event["in_hand"]) == (2, 1, False)
    assert event["oldest_at"] == oldest
    assert len((await looking.status(bench.store, limit=1))["conversations"]) == 1


async def test_a_conversation_that_a_handler_has_in_hand(bench: Bench) -> None:
    await bench.put(dm())
    worker = await bench.store.register("w", 1000.0)
    await bench.store.claim(worker, "in", 1, 1)
    (event,) = (await looking.status(bench.store))["conversations"]
    assert (event["in_hand"], event["next_attempt_at"]) == (True, None)


async def test_one_person_newest_first_without_texts(bench: Bench) -> None:
    bench.load("""
        @on_direct_message
        async def hello(event, bot):
            return event.text
    """)
    await bench.put(dm("secretword", message_id="1"))
    await bench.step()
    bench.clock.now += 1
    await bench.put(dm("secretword", message_id="2"), dm("other", message_id="3", sender="5"))
    shown = await looking.conversation(bench.store, user=ALICE)
    assert shown["user_id"] == ALICE
    assert [(item["item_id"], item["kind"], item["done"]) for item in shown["items"]] == [
        (f"{ACCOUNT}:dm:2", "DirectMessage", False),
        (f"{ACCOUNT}:dm:1/plugin1:hello/0", "dm.send", False),
        (f"{ACCOUNT}:dm:1", "DirectMessage", True),
    ]
    assert "secretword" not in str(shown)
    assert [item["item_id"] for item in (await looking.conversation(bench.store, user="5"))["items"]] == [
        f"{ACCOUNT}:dm:3"
    ]
    assert (await looking.conversation(bench.store, user="6"))["items"] == []
