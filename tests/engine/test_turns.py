"""One event, its handlers and what is settled: isolation, retries, answers, state."""

from __future__ import annotations

import pytest

from botkit.actions import CreatePost, SendDirectMessage
from botkit.engine.outbox import sending_key, sent_key
from botkit.store.contract import Again, Done, Effects, Mark, NewItem, Settlement

from .conftest import ACCOUNT, ALICE, Bench, dm

HELLO = """
    @on_direct_message
    async def hello(event, bot):
        return f"Hello {event.sender.name}!"
"""
BROKEN = """
    @on_direct_message
    async def broken(event, bot):
        await bot.reply("half")
        bot.state["half"] = True
        raise RuntimeError("out of paper")
"""


async def test_a_returned_text_is_the_reply(bench: Bench) -> None:
    bench.load(HELLO)
    await bench.put(dm())
    settlement = await bench.step()
    assert settlement is not None
    assert settlement.outcome == Done()
    (queued,) = await bench.queued()
    assert queued.account_id == ACCOUNT
    assert queued.action == SendDirectMessage(to=ALICE, text="Hello Alice!")


async def test_every_plugin_sees_the_event_and_one_handler_of_each_takes_it(bench: Bench) -> None:
    bench.load(
        """
        @on_direct_message(contains("nothing"))
        async def no(event, bot): return "a1"
        @on_direct_message
        async def first(event, bot): return "a2"
        @on_direct_message
        async def second(event, bot): return "a3"
        """,
        """
        @on_direct_message
        async def other(event, bot): return "b"
        """,
    )
    await bench.put(dm())
    await bench.step()
    assert await bench.texts() == ["a2", "b"]


async def test_a_handler_that_raises_loses_its_own_effects_and_is_tried_again_alone(bench: Bench) -> None:
    bench.load(HELLO, BROKEN)
    await bench.put(dm())
    for attempt in range(2):
        settlement = await bench.step()
        assert settlement is not None
        assert isinstance(settlement.outcome, Again), attempt
        assert await bench.texts() == ["Hello Alice!"]
        assert await bench.step() is None  # it waits for its time
        bench.clock.now += settlement.outcome.delay_s
    settlement = await bench.step()
    assert settlement is not None
    assert settlement.outcome == Done()
    assert await bench.texts() == ["Hello Alice!"]
    (letter,) = await bench.store.dead_letters()
    assert (letter.handler, letter.attempts, letter.error) == (
        "plugin2:broken",
        3,
        "RuntimeError: out of paper",
    )
    assert [line["outcome"] for line in bench.log.lines("handler_failed")] == [
        "retry",
        "retry",
        "dead_letter",
    ]
    assert 'raise RuntimeError("out of paper")' in bench.log.lines("handler_failed")[-1]["traceback"]


async def test_the_failing_handler_is_found_again_and_the_others_are_not_run_again(bench: Bench) -> None:
    bench.load(
        """
        runs = []
        @on_direct_message
        async def once(event, bot):
            runs.append(1)
            return f"run {len(runs)}"
        """,
        """
        tries = []
        @on_direct_message
        async def second_time(event, bot):
            tries.append(1)
            if len(tries) == 1:
                raise ValueError
            return "at last"
        """,
    )
    await bench.put(dm())
    await bench.step()
    bench.clock.now += 60
    await bench.step()
    assert await bench.texts() == ["at last", "run 1"]
    assert await bench.store.dead_letters() == []


async def test_the_conversation_waits_for_its_failing_event_and_others_go_on(bench: Bench) -> None:
    bench.load(
        """
        @on_direct_message(contains("bad"))
        async def bad(event, bot): raise ValueError
        @on_direct_message
        async def good(event, bot): return event.text
        """
    )
    await bench.put(
        dm("bad", message_id="1"), dm("next", message_id="2"), dm("other", message_id="3", sender="7")
    )
    for _ in range(2):
        await bench.step()
    assert await bench.step() is None
    assert await bench.texts() == ["other"]
    for _ in range(3):
        bench.clock.now += 60
        await bench.step()
    assert await bench.texts() == ["next", "other"]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
        ("return 5", "TypeError: plugin1:handler returned int; return a text, which is the reply, or None"),
        (
            "bot.state['x'] = object()",
            "TypeError: bot.state['x'] can't be stored: Encoding objects of type object is unsupported",
        ),
        ("await bot.reply('')", "ActionRefused: there is nothing to send: the text is empty"),
        ("await bot.send_dm('99', 'hi')", "ActionRefused: user 99 never wrote to this account"),
        ("await bot.reply('x' * 10001)", "ActionRefused: a direct message holds 10000 characters, not 10001"),
        ("await bot.follow('@bob')", "ActionRefused: '@bob' is no user id"),
    ],
)
async def test_whatever_a_handler_does_stays_its_own_failure(bench: Bench, body: str, error: str) -> None:
    bench.load(f"@on_direct_message(attempts=1)\nasync def handler(event, bot):\n    {body}\n", HELLO)
    await bench.put(dm())
    await bench.step()
    (letter,) = await bench.store.dead_letters()
    assert letter.error.startswith(error)
    assert await bench.texts() == ["Hello Alice!"]


async def test_what_botkit_refuses_is_not_tried_again(bench: Bench) -> None:
    bench.load("@on_direct_message\nasync def handler(event, bot):\n    await bot.reply('')\n")
    await bench.put(dm())
    settlement = await bench.step()
    assert settlement is not None
    assert settlement.outcome == Done()
    (letter,) = await bench.store.dead_letters()
    assert letter.attempts == 1


async def test_a_handler_that_takes_too_long_is_stopped(bench: Bench) -> None:
    bench.load(
        """
        import asyncio
        @on_direct_message(timeout=0.01, attempts=1)
        async def slow(event, bot):
            await bot.reply("never")
            await asyncio.Event().wait()
        """
    )
    await bench.put(dm())
    await bench.step()
    (letter,) = await bench.store.dead_letters()
    assert letter.error == "TimeoutError: took longer than 0.01 s"
    assert await bench.texts() == []


async def test_a_timeout_of_the_handlers_own_is_told_as_it_is(bench: Bench) -> None:
    bench.load(
        "@on_direct_message(attempts=1)\nasync def handler(event, bot):\n    raise TimeoutError('printer')\n"
    )
    await bench.put(dm())
    await bench.step()
    (letter,) = await bench.store.dead_letters()
    assert letter.error == "TimeoutError: printer"


async def test_a_filter_that_raises_is_that_handlers_failure(bench: Bench) -> None:
    bench.load(
        """
        def broken(event): raise KeyError("nope")
        @on_direct_message(broken, attempts=1)
        async def handler(event, bot): return "no"
        """,
        HELLO,
    )
    await bench.put(dm())
    await bench.step()
    (letter,) = await bench.store.dead_letters()
    assert (letter.handler, letter.error) == ("plugin1:handler", "KeyError: 'nope'")
    assert await bench.texts() == ["Hello Alice!"]


# -- who answers ---------------------------------------------------------------------------------------------

FALLBACK = """
    @on_direct_message(fallback=True)
    async def otherwise(event, bot):
        return "fallback"
"""


async def test_a_fallback_runs_when_nothing_answered(bench: Bench) -> None:
    bench.load(FALLBACK, "@on_direct_message\nasync def listen(event, bot):\n    bot.state['seen'] = True\n")
    await bench.put(dm())
    await bench.step()
    assert await bench.texts() == ["fallback"]


async def test_a_fallback_does_not_run_when_another_plugin_answered(bench: Bench) -> None:
    bench.load(FALLBACK, HELLO)
    await bench.put(dm())
    await bench.step()
    assert await bench.texts() == ["Hello Alice!"]


async def test_the_first_fallback_that_answers_is_the_last_to_run(bench: Bench) -> None:
    silent = "@on_direct_message(fallback=True)\nasync def silent(event, bot): return None\n"
    bench.load(silent, FALLBACK, FALLBACK.replace('"fallback"', '"another"'))
    await bench.put(dm())
    await bench.step()
    assert await bench.texts() == ["fallback"]


async def test_a_fallback_waits_until_a_failing_handler_is_decided(bench: Bench) -> None:
    bench.load(FALLBACK, BROKEN)
    await bench.put(dm())
    for _ in range(2):
        await bench.step()
        assert await bench.texts() == []
        bench.clock.now += 60
    await bench.step()  # the last attempt: a dead letter answers nobody
    assert await bench.texts() == ["fallback"]


async def test_an_answer_of_an_earlier_attempt_counts(bench: Bench) -> None:
    bench.load(FALLBACK, HELLO, BROKEN)
    await bench.put(dm())
    for _ in range(3):
        await bench.step()
        bench.clock.now += 60
    assert await bench.texts() == ["Hello Alice!"]


# -- other hooks ---------------------------------------------------------------------------------------------


async def test_accept_event_can_drop_an_event(bench: Bench) -> None:
    bench.load(
        """
        @hookimpl
        async def accept_event(event):
            return False if "spam" in event.text else None
        """,
        HELLO,
    )
    await bench.put(dm("spam", message_id="1"), dm("ham", message_id="2"))
    await bench.step()
    assert await bench.texts() == []
    await bench.step()
    assert await bench.texts() == ["Hello Alice!"]


async def test_around_handler_wraps_every_run_and_its_failure_is_the_handlers(bench: Bench) -> None:
    bench.load(
        """
        from contextlib import asynccontextmanager
        seen = []
        @hookimpl
        @asynccontextmanager
        async def around_handler(event, handler):
            seen.append(f"before {handler.id}")
            try:
                yield
            finally:
                seen.append("after")
        @on_direct_message(contains("what"))
        async def told(event, bot): return ", ".join(seen)
        """,
        BROKEN,
    )
    await bench.put(dm("what"))
    await bench.step()
    assert await bench.texts() == ["before plugin1:told"]


async def test_plugins_are_told_of_failures_and_dead_letters(bench: Bench) -> None:
    bench.load(
        """
        told = []
        @on_error
        async def error(event, handler, error): told.append(f"{handler.id} {error}")
        @on_dead_letter
        async def letter(letter): told.append(f"dead {letter.handler} {letter.lane}")
        @on_direct_message(contains("what"))
        async def what(event, bot): return " | ".join(told)
        """,
        """
        @on_direct_message(contains("x"), attempts=1)
        async def broken(event, bot): raise ValueError("v")
        """,
    )
    await bench.put(dm("x", message_id="1"), dm("what", message_id="2"))
    await bench.step()
    await bench.step()
    assert await bench.texts() == [f"plugin2:broken v | dead plugin2:broken {ACCOUNT}:{ALICE}"]


# -- state, settings of time, unasked messages ---------------------------------------------------------------


async def test_state_is_the_plugins_own_for_this_conversation(bench: Bench) -> None:
    count = """
        @on_direct_message
        async def count(event, bot):
            bot.state["n"] = bot.state.get("n", 0) + 1
            return f"{__name__[-1]}{bot.state['n']}"
    """
    bench.load(count.replace("{__name__[-1]}", "a"), count.replace("{__name__[-1]}", "b"))
    await bench.put(dm(message_id="1"), dm(message_id="2"), dm(message_id="3", sender="7"))
    while await bench.step():
        pass
    assert await bench.texts() == ["a1", "a1", "a2", "b1", "b1", "b2"]


async def test_state_of_a_failed_run_is_forgotten(bench: Bench) -> None:
    bench.load(
        """
        tries = []
        @on_direct_message
        async def handler(event, bot):
            seen = dict(bot.state)
            bot.state["dirty"] = True
            tries.append(1)
            if len(tries) == 1:
                raise ValueError
            return str(seen)
        """
    )
    await bench.put(dm())
    await bench.step()
    bench.clock.now += 60
    await bench.step()
    assert await bench.texts() == ["{}"]


async def test_a_reply_can_wait_in_the_store(bench: Bench) -> None:
    bench.load(
        "@on_direct_message\nasync def later(event, bot):\n    await bot.reply('later', after=minutes(5))\n"
    )
    await bench.put(dm())
    await bench.step()
    assert await bench.texts() == []
    bench.clock.now += 299
    assert await bench.store.fire_timers() == 0
    bench.clock.now += 1
    assert await bench.store.fire_timers() == 1
    assert await bench.texts() == ["later"]


async def test_someone_who_wrote_before_may_be_written_to_from_elsewhere(bench: Bench) -> None:
    bench.load(
        f"""
        @on_direct_message(from_user("7"))
        async def tell(event, bot):
            await bot.send_dm("{ALICE}", "news")
        """
    )
    await bench.put(dm("hi", message_id="1"))
    await bench.step()
    await bench.put(dm("go", message_id="2", sender="7"))
    await bench.step()
    assert await bench.texts() == ["news"]


async def test_an_unasked_message_leaves_when_it_is_called_that(bench: Bench) -> None:
    bench.load(
        "@on_direct_message\nasync def tell(event, bot):\n    await bot.send_dm('99', 'news', unasked=True)\n"
    )
    await bench.put(dm())
    await bench.step()
    assert await bench.texts() == ["news"]


async def test_running_a_turn_twice_queues_its_actions_once(bench: Bench) -> None:
    """As after a crash between the handlers and the commit: the second run makes the same ids."""
    bench.load(HELLO)
    await bench.put(dm())
    worker = await bench.store.register("one", 1000.0)
    (claim,) = await bench.store.claim(worker, "in", 1, 1)
    first = await bench.turns.run(claim, claim.items[0])
    second = await bench.turns.run(claim, claim.items[0])
    assert first.effects.items == second.effects.items


# -- the account's own messages ------------------------------------------------------------------------------

ECHO = """
    @on_direct_message_sent
    async def sent(event, bot):
        await bot.send_dm(event.recipient, f"by_bot={event.by_bot}", unasked=True)
    @on_direct_message
    async def never(event, bot):
        return "loop"
"""


async def _marked(bench: Bench, key: str) -> None:
    await bench.store.put([NewItem("test", "test", f"test-{key}", b"")])
    worker = await bench.store.register("marks", 1000.0)
    (claim,) = await bench.store.claim(worker, "test", 1, 1)
    effects = Effects(state={key: b"1"})
    assert await bench.store.settle(worker, Settlement(claim, 1, Mark(b""), effects))


async def test_what_the_owner_typed_is_not_the_bots(bench: Bench) -> None:
    bench.load(ECHO)
    await bench.put(dm("hi", sender=ACCOUNT, recipient=ALICE))
    await bench.step()
    assert await bench.texts() == ["by_bot=False"]


async def test_the_echo_of_a_message_is_known_by_its_id(bench: Bench) -> None:
    bench.load(ECHO)
    await _marked(bench, sent_key(ACCOUNT, "1"))
    await bench.put(dm("hi", sender=ACCOUNT, recipient=ALICE))
    await bench.step()
    assert await bench.texts() == ["by_bot=True"]


async def test_the_echo_that_overtakes_its_answer_is_known_by_the_mark(bench: Bench) -> None:
    bench.load(ECHO)
    key = sending_key(ACCOUNT, SendDirectMessage(to=ALICE, text="hi"))
    assert key is not None
    await _marked(bench, key)
    await bench.put(dm("hi", sender=ACCOUNT, recipient=ALICE))
    await bench.step()
    assert await bench.texts() == ["by_bot=True"]


def test_posts_are_marked_too_and_likes_are_not() -> None:
    assert sending_key("1", CreatePost(text="x")) == "sending:1:post"


# -- what reaches the log ------------------------------------------------------------------------------------


async def test_what_people_wrote_stays_out_of_log_and_dead_letter(bench: Bench) -> None:
    bench.load(
        "@on_direct_message(attempts=1)\nasync def number(event, bot):\n    return str(int(event.text))\n"
    )
    await bench.put(dm("my secret diary"))
    await bench.step()
    (letter,) = await bench.store.dead_letters()
    assert "diary" not in letter.error
    assert "invalid literal for int()" in letter.error
    assert "diary" not in bench.log.text
    assert "return str(int(event.text))" in bench.log.lines("handler_failed")[0]["traceback"]
