"""The chat page and its stream of events."""

from __future__ import annotations

import asyncio
import json
import re

import aiohttp
import pytest


async def _next(answer) -> tuple[str, dict]:
    async with asyncio.timeout(10):
        while True:
            line = (await answer.content.readline()).decode()
            if line.startswith("event: "):
                data = (await answer.content.readline()).decode().removeprefix("data: ")
                return line.removeprefix("event: ").strip(), json.loads(data)


async def test_events_come_live(rig):
    await rig.subscribe_all()
    async with rig.http.get(f"{rig.sim.url}/_sim/events") as answer:
        assert answer.content_type == "text/event-stream"
        assert (await _next(answer))[0] == "hello"
        _, sent = await rig.control("POST", "dm", {"from": "carol", "text": "<b>hi</b>"})
        kind, user = await _next(answer)
        assert (kind, user["username"]) == ("user", "carol")
        kind, message = await _next(answer)
        assert (kind, message["id"], message["text"]) == ("message", sent["message_id"], "<b>hi</b>")
        kind, waiting = await _next(answer)
        assert (kind, waiting["state"]) == ("delivery", "waiting")
        kind, delivered = await _next(answer)
        assert (kind, delivered["state"], delivered["n"]) == ("delivery", "delivered", waiting["n"])
        assert delivered["updated"] > waiting["updated"]
        await rig.call("GET", "/2/users/me")
        kind, request = await _next(answer)
        assert (kind, request["path"]) == ("request", "/2/users/me")
        for what in ("follow", "like"):
            await rig.control("POST", what, {"from": "carol"})
        kinds = {(await _next(answer))[0] for _ in range(6)}
        assert kinds == {"relation", "like", "delivery"}


async def test_the_stream_ends_with_the_simulator(rig):
    async with rig.http.get(f"{rig.sim.url}/_sim/events") as answer:
        await _next(answer)
        await rig.sim.stop()
        async with asyncio.timeout(10):
            assert (await answer.content.read()).strip() == b""


async def test_a_page_that_was_closed_is_no_failure(rig, caplog):
    async with rig.http.get(f"{rig.sim.url}/_sim/events") as answer:
        await _next(answer)
        (handler,) = rig.sim._runner.server.connections
        handler.transport.abort()
        rig.sim.feed.tell("message", {"number": 1})
        with pytest.raises(aiohttp.ClientError):
            await answer.content.read()
    await rig.sim.stop()
    assert [record.getMessage() for record in caplog.records] == []


async def test_a_listener_that_is_too_slow_is_let_go(rig):
    with rig.sim.feed.listen() as queue:
        for number in range(1500):
            rig.sim.feed.tell("message", {"number": number})
        got = [queue.get_nowait() for _ in range(queue.qsize())]
    assert got[-1] is None
    assert len(got) == 1001


async def test_the_page_needs_nothing_from_elsewhere(rig):
    for path, kind in (
        ("/", "text/html"),
        ("/_sim/page.css", "text/css"),
        ("/_sim/page.js", "text/javascript"),
    ):
        async with rig.http.get(rig.sim.url + path) as answer:
            text = await answer.text()
            assert (answer.status, answer.content_type) == (200, kind)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
            assert "unsafe" not in policy
        links = re.findall(r"(?:src|href)=\"([^\"#]*)\"", text)
        assert all(link.startswith(("/_sim/page.", "data:image/")) for link in links)
        assert not re.search(
            r"\son[a-z]+=|style=|<script>|innerHTML|insertAdjacentHTML|document\.write", text
        )


async def test_two_simulators_in_one_process_know_nothing_of_each_other(rig_with):
    one, two = await rig_with(), await rig_with()
    await one.control("POST", "dm", {"from": "carol", "text": "hi"})
    assert one.sim.port != two.sim.port
    assert two.sim.world.named("carol") is None
    assert not two.sim.world.messages
