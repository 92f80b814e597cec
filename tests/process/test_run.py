"""`botkit run` from outside: what is answered 200 is handled, once, whatever happens to the process."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp import ClientSession

from botkit.x import split
from botkit.x.signature import sign

from .conftest import KEYS, PAYLOADS, ApiStub, Start, dm

ECHO = """
    @on_direct_message
    async def echo(event, bot):
        return f"echo {event.text}"
"""
TYPES = """
    @on_event(own=True)
    async def seen(event, bot):
        bot.log.info("seen", type=type(event).__name__, id=event.id)
"""
HELD = """
    import asyncio, pathlib
    @on_direct_message
    async def held(event, bot):
        bot.log.info("handling", file=__file__)
        while (pathlib.Path(__file__).parent / "hold").exists():
            await asyncio.Event().wait()
        return f"echo {event.text}"
"""
EXPECTED = json.loads((Path(__file__).parent / "event_types.json").read_text())


async def test_a_direct_message_leads_to_one_signed_reply(start: Start, api: ApiStub) -> None:
    bot = await start({"echo": ECHO})
    body = (PAYLOADS / "aaa" / "direct_message_received.json").read_bytes()
    assert await bot.post(body) == 200
    await api.until(1)
    assert api.requests == [
        ("POST", "/2/dm_conversations/with/707685546848550916/messages", {"text": "echo Plouf"})
    ]
    assert api.unsigned == []
    assert await bot.end() == 0


async def test_the_same_delivery_twice_and_at_once_is_answered_once(start: Start, api: ApiStub) -> None:
    bot = await start({"echo": ECHO})
    body = dm("one", message_id=1)
    assert set(await asyncio.gather(*(bot.post(body) for _ in range(5)))) == {200}
    await api.until(1)
    assert await bot.post(body) == 200
    assert await bot.post(dm("two", message_id=2)) == 200
    await api.until(2)
    assert await bot.end() == 0
    assert api.texts == ["echo one", "echo two"]


async def test_the_challenge_is_answered_and_forges_nothing(start: Start, api: ApiStub) -> None:
    bot = await start({"echo": ECHO})
    token = "MTYwZjgwNDAtMjI4Ni00MWI2LTk4MTktMjJjZjU4OGYxOTU4"
    event = dm("forged", message_id=1)
    async with ClientSession() as session:
        async with session.get(f"{bot.url}/webhook?crc_token={token}") as answer:
            assert await answer.json() == {"response_token": sign(KEYS["X_CONSUMER_SECRET"], token.encode())}
        async with session.get(f"{bot.url}/webhook?crc_token={quote(event)}") as answer:
            assert answer.status == 400
            assert "response_token" not in await answer.text()


async def test_every_recorded_body_becomes_the_right_event(start: Start) -> None:
    bot = await start({"types": TYPES})
    paths = sorted(PAYLOADS.glob("[ax]aa/*.json"))
    assert {path.stem for path in paths} == set(EXPECTED)
    known: set[str] = set()
    for path in paths:
        body = await asyncio.to_thread(path.read_bytes)
        (item,) = split(body)
        before = len(bot.lines)
        assert await bot.post(body) == 200, path.stem
        if item.id in known:
            continue  # some samples show one and the same message: the second is a duplicate
        known.add(item.id)
        seen = await bot.line("seen", after=before)
        assert (seen["type"], seen["id"]) == (EXPECTED[path.stem], item.id), path.stem
    assert len(known) >= 55
    assert await bot.end() == 0


async def test_killed_after_200_and_before_the_reply_the_reply_leaves_once(
    start: Start, api: ApiStub, tmp_path: Path
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "hold").touch()
    bot = await start({"held": HELD})
    assert await bot.post(dm("hello", message_id=1)) == 200
    await bot.line("handling")
    await bot.kill()
    assert api.requests == []
    (tmp_path / "plugins" / "hold").unlink()
    bot = await start()
    await api.until(1)
    assert await bot.post(dm("hello", message_id=1)) == 200  # X delivers it again
    assert await bot.post(dm("next", message_id=2)) == 200
    await api.until(2)
    assert await bot.end() == 0
    assert api.texts == ["echo hello", "echo next"]


async def test_killed_after_the_turn_and_before_the_request_the_reply_leaves_once(
    start: Start, api: ApiStub, tmp_path: Path
) -> None:
    """Nobody listens at the API's address at first: the turn is committed, its reply can't leave."""
    bot = await start({"echo": ECHO})
    good = (tmp_path / "bot.yaml").read_text()
    await bot.end()
    (tmp_path / "bot.yaml").write_text(good.replace(api.url, "http://127.0.0.1:9"))
    bot = await start()
    assert await bot.post(dm("hello", message_id=1)) == 200
    await bot.line("action_retried")
    await bot.kill()
    (tmp_path / "bot.yaml").write_text(good)
    bot = await start()
    await api.until(1)
    assert await bot.post(dm("next", message_id=2)) == 200
    await api.until(2)
    assert await bot.end() == 0
    assert api.texts == ["echo hello", "echo next"]


async def test_a_plugin_that_raises_does_not_hold_the_others(start: Start, api: ApiStub) -> None:
    broken = """
        @on_direct_message
        async def broken(event, bot):
            await bot.reply("half")
            raise RuntimeError("out of paper")
    """
    bot = await start({"broken": broken, "echo": ECHO})
    assert await bot.post(dm("hello", message_id=1)) == 200
    await api.until(1)
    await bot.line("handler_failed", outcome="dead_letter")
    assert await bot.end() == 0
    assert api.texts == ["echo hello"]
    failures = [line for line in bot.lines if line["event"] == "handler_failed"]
    assert [(line["handler"], line["attempt"]) for line in failures] == [
        ("broken:broken", n) for n in range(1, 6)
    ]
    assert 'raise RuntimeError("out of paper")' in failures[-1]["traceback"]
    assert not any("hello" in json.dumps(line) for line in bot.lines)


async def test_sigterm_lets_the_running_turn_finish(start: Start, api: ApiStub, tmp_path: Path) -> None:
    slow = """
        import asyncio, pathlib
        @on_direct_message
        async def slow(event, bot):
            bot.log.info("handling")
            await asyncio.sleep(0.3)
            return "done"
    """
    bot = await start({"slow": slow})
    assert await bot.post(dm("hello", message_id=1)) == 200
    await bot.line("handling")
    assert await bot.end() == 0
    bot = await start()
    await api.until(1)
    assert await bot.end() == 0
    assert api.texts == ["done"]


async def test_a_second_sigterm_ends_it_at_once_and_loses_nothing(
    start: Start, api: ApiStub, tmp_path: Path
) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "hold").touch()
    bot = await start({"held": HELD})
    assert await bot.post(dm("hello", message_id=1)) == 200
    await bot.line("handling")
    bot._process.send_signal(signal.SIGTERM)
    await bot.line("stopping")
    assert await bot.end() == 128 + signal.SIGTERM
    (tmp_path / "plugins" / "hold").unlink()
    bot = await start()
    await api.until(1)
    assert await bot.end() == 0
    assert api.texts == ["echo hello"]


BAD = {
    "misspelt hook": (
        "@on_direct_mesage\nasync def hello(event, bot): return 'hi'",
        "on_direct_message",
    ),
    "sync handler": ("@on_direct_message\ndef hello(event, bot): return 'hi'", "async def"),
    "unknown argument": ("@on_direct_message\nasync def hello(event, bott): return 'hi'", "bott"),
}


@pytest.mark.parametrize(("plugin", "said"), BAD.values(), ids=BAD)
async def test_a_plugin_that_can_not_work_is_refused_in_one_line(
    start: Start, plugin: str, said: str
) -> None:
    bot = await start({"bad": plugin}, ready=False)
    assert await bot.exited() == 2
    (line,) = bot.lines
    assert line["plain"].startswith("botkit: error: plugins/bad.py:")
    assert said in line["plain"]


async def test_a_second_process_on_the_same_store_is_refused_in_one_line(start: Start) -> None:
    bot = await start({"echo": ECHO})
    second = await start(ready=False)
    assert await second.exited() == 2
    (line,) = second.lines
    assert line["plain"].startswith("botkit: error: ")
    assert "postgresql://" in line["plain"]
    assert await bot.end() == 0
