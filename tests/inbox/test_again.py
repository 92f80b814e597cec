"""Events that are handled once more, and rehearsals, which leave no trace."""

from __future__ import annotations

import pytest

from botkit.engine.replay import Replay, again_id, origin_of, unwrap, wrap
from botkit.errors import UserError
from botkit.inbox import again
from botkit.inbox.again import LooksOnly
from botkit.x.calls import dm as dm_calls

from .conftest import ACCOUNT, ALICE, Bench, Dump, dm, run_all

DM = f"{ACCOUNT}:dm:1"
COUNTS = """
    @on_direct_message
    async def count(event, bot):
        bot.state["count"] = bot.state.get("count", 0) + 1
        return f"{bot.state['count']} {event.id} {event.at.isoformat()}"
"""


async def _rehearse(bench: Bench, *event_ids: str, asks: bool = True) -> list[dict[str, object]]:
    answer = await again.rehearse(
        bench.store,
        event_ids=event_ids or [DM],
        hooks=bench.hooks,
        caller=bench.client if asks else None,
        handler_timeout_s=5.0,
        log=bench.log.logger,
        now=bench.clock,
    )
    rehearsed: list[dict[str, object]] = answer["rehearsed"]
    return rehearsed


def test_a_wrapped_body_comes_out_as_it_was_and_wrapping_twice_adds_nothing() -> None:
    body = b'{"a":\n1}\xff'
    replay = Replay("1:dm:2", 5.0, "p:h")
    wrapped = wrap(body, replay)
    assert unwrap(wrapped) == (body, replay)
    assert unwrap(wrap(wrapped, Replay("1:dm:2", 6.0))) == (body, Replay("1:dm:2", 6.0))
    assert unwrap(body) == (body, None)
    assert not wrapped.startswith(b"{")


def test_ids_of_copies_do_not_grow() -> None:
    assert again_id("replay", "1:dm:2", 77.9) == "replay:77:1:dm:2"
    assert again_id("retry", "replay:77:1:dm:2", 99) == "retry:99:1:dm:2"
    assert origin_of("retry:99:1:dm:2") == "1:dm:2"
    assert origin_of("1:replay:5:2") == "1:replay:5:2"


async def test_all_handlers_see_it_anew_with_its_own_id_and_time_and_the_state_of_now(bench: Bench) -> None:
    bench.load(one=COUNTS, two=COUNTS)
    await bench.put(dm())
    await run_all(bench)
    bench.clock.now += 100
    assert await again.replay(bench.store, event_ids=[DM]) == {
        "replayed": [{"event_id": DM, "as": f"replay:{int(bench.clock.now)}:{DM}"}]
    }
    await run_all(bench)
    at = "2019-01-28T21:39:42.440000+00:00"
    assert await bench.texts() == [f"1 {DM} {at}", f"1 {DM} {at}", f"2 {DM} {at}", f"2 {DM} {at}"]


async def test_an_event_without_a_time_of_x_keeps_the_one_at_which_it_came(bench: Bench) -> None:
    bench.load("""
        @on_event
        async def say(event, bot):
            await bot.post(event.at.isoformat())
    """)
    await bench.put(b'{"for_user_id":"14235326","strange_events":[{"id":"5"}]}')
    came = bench.clock.at.isoformat()
    await run_all(bench)
    bench.clock.now += 100
    (stored,) = await bench.store.history(f"{ACCOUNT}:", since=0)
    await again.replay(bench.store, event_ids=[stored.item_id])
    await run_all(bench)
    assert await bench.texts() == [came, came]


async def test_replaying_twice_at_the_same_moment_is_two_copies(bench: Bench) -> None:
    bench.load(COUNTS)
    await bench.put(dm())
    await again.replay(bench.store, event_ids=[DM])
    await again.replay(bench.store, event_ids=[DM, DM])
    await run_all(bench)
    assert len(await bench.texts()) == 3


async def test_an_unknown_event_or_an_action_is_refused_and_nothing_is_put(bench: Bench, dump: Dump) -> None:
    bench.load(COUNTS)
    await bench.put(dm())
    await run_all(bench)
    before = dump()
    with pytest.raises(UserError, match="the event 5 is not kept"):
        await again.replay(bench.store, event_ids=[DM, "5"])
    with pytest.raises(UserError, match="is an action"):
        await again.replay(bench.store, event_ids=[DM, f"{DM}/plugin1:count/0"])
    with pytest.raises(UserError, match="is not kept"):
        await _rehearse(bench, "5")
    assert dump() == before


async def test_a_rehearsal_says_what_would_be_sent_and_leaves_no_trace(bench: Bench, dump: Dump) -> None:
    bench.load("""
        @on_direct_message
        async def answer(event, bot):
            bot.state["count"] = bot.state.get("count", 0) + 1
            await bot.send_dm("77", "to another", unasked=True)
            await bot.reply("later", after=minutes(1))
            return f"number {bot.state['count']}"
    """)
    await bench.put(dm())
    await run_all(bench)
    before = dump()
    (rehearsed,) = await _rehearse(bench)
    assert dump() == before
    assert bench.transport.requests == []
    assert (rehearsed["event"], rehearsed["accepted"]) == ("DirectMessage", True)
    assert rehearsed["handlers"] == [{"handler": "plugin1:answer", "error": None}]
    expected = {"handler": "plugin1:answer", "kind": "dm.send"}
    due_at = bench.clock.at.replace(minute=1).isoformat().replace("+00:00", "Z")
    assert rehearsed["actions"] == [
        expected | {"to": "77", "text": "to another", "due_at": None},
        expected | {"to": ALICE, "text": "number 2", "due_at": None},
        expected | {"to": ALICE, "text": "later", "due_at": due_at},
    ]


async def test_a_failure_in_a_rehearsal_is_told_to_nobody_but_who_asked(bench: Bench) -> None:
    bench.load("""
        @on_direct_message(attempts=50)
        async def fails(event, bot):
            raise ValueError(event.text)

        told = []

        @hookimpl
        async def on_error(event, handler, error):
            raise SystemExit("told")

        @hookimpl
        async def on_dead_letter(letter):
            raise SystemExit("told")
    """)
    await bench.put(dm())
    (rehearsed,) = await _rehearse(bench)
    assert rehearsed["handlers"] == [{"handler": "plugin1:fails", "error": "ValueError: <text>"}]
    assert rehearsed["actions"] == []
    assert await bench.store.dead_count() == 0
    assert bench.log.lines("handler_failed") == []


async def test_fallbacks_are_rehearsed_as_they_would_run(bench: Bench) -> None:
    bench.load("""
        @on_direct_message(fallback=True)
        async def at_last(event, bot):
            return "at last"
    """)
    await bench.put(dm())
    (rehearsed,) = await _rehearse(bench)
    assert rehearsed["handlers"] == [{"handler": "plugin1:at_last", "error": None}]


async def test_an_event_that_a_plugin_does_not_accept(bench: Bench) -> None:
    bench.load(
        COUNTS,
        """
        @hookimpl
        async def accept_event(event):
            return False
        """,
    )
    await bench.put(dm())
    (rehearsed,) = await _rehearse(bench)
    assert (rehearsed["accepted"], rehearsed["handlers"]) == (False, [])


async def test_a_rehearsal_looks_at_x_and_changes_nothing_there(bench: Bench) -> None:
    bench.load("""
        @on_direct_message
        async def looks(event, bot):
            return (await bot.api.user("5")).username

        @on_direct_message
        async def unused(event, bot): ...
    """)
    bench.transport.answer("GET", "/2/users/5", {"data": {"id": "5", "username": "eve", "name": "Eve"}})
    await bench.put(dm())
    (rehearsed,) = await _rehearse(bench)
    assert [action["text"] for action in rehearsed["actions"]] == ["eve"]  # type: ignore[attr-defined]
    bench.load("""
        @on_direct_message
        async def sends(event, bot):
            await bot.api.send_dm("5", "now")
    """)
    sent = len(bench.transport.requests)
    (rehearsed,) = await _rehearse(bench)
    assert "a dry run changes nothing at X" in str(rehearsed["handlers"])
    assert len(bench.transport.requests) == sent


async def test_without_a_running_bot_x_can_not_be_asked(bench: Bench) -> None:
    bench.load("""
        @on_direct_message
        async def looks(event, bot):
            return (await bot.api.me()).username
    """)
    await bench.put(dm())
    (rehearsed,) = await _rehearse(bench, asks=False)
    assert "while the bot does not run" in str(rehearsed["handlers"])


async def test_only_calls_that_read_pass(bench: Bench) -> None:
    with pytest.raises(Exception, match="changes nothing"):
        await LooksOnly(bench.client).do(dm_calls.send("5", "x"), ACCOUNT)
    assert bench.transport.requests == []
