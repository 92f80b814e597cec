"""The activity stream: lines, keep-alives, what was missed, and every way it ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

SUBSCRIPTIONS = "/2/activity/subscriptions"


async def _subscribe(rig, *event_types, **more):
    for event_type in event_types:
        body = {"event_type": event_type, "filter": {"user_id": rig.bot_id}, **more}
        status, answer, _ = await rig.call("POST", SUBSCRIPTIONS, body)
        assert status == 200, answer


@asynccontextmanager
async def _open(rig, query=""):
    headers = {"authorization": f"Bearer {rig.sim.config.bearer_token}"}
    async with rig.http.get(f"{rig.sim.url}/2/activity/stream{query}", headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        yield answer


async def _line(answer):
    async with asyncio.timeout(10):
        return await answer.content.readline()


async def test_an_event_is_a_line_with_the_envelope_of_a_webhook(rig, sample):
    await _subscribe(rig, "dm.received", tag="mine")
    async with _open(rig) as answer:
        await rig.control("POST", "dm", {"from": "alice", "text": "a\nb"})
        line = await _line(answer)
    assert line.endswith(b"\r\n")
    body = json.loads(line)
    known = sample("xaa/dm_received")
    assert body["data"].keys() - {"tag"} == known["data"].keys() - {"tag"}
    assert (body["data"]["event_type"], body["data"]["tag"]) == ("dm.received", "mine")
    (delivery,) = await rig.log("delivery")
    assert (delivery["event"], delivery["url"]) == ("dm.received", "stream")


async def test_an_event_goes_to_the_webhook_and_to_the_stream(rig):
    await rig.subscribe("dm.received")
    async with _open(rig) as one, _open(rig) as two:
        await rig.control("POST", "dm", {"from": "alice", "text": "hello"})
        assert await _line(one) == await _line(two)
    (body,) = await rig.webhook.until(1)
    assert body["data"]["event_type"] == "dm.received"


async def test_silence_brings_an_empty_line_after_20_seconds(rig):
    async with _open(rig) as answer:
        for _ in range(2):
            await rig.clock.sleeping_until(rig.clock.now + 20)
            rig.clock.move(19)
            rig.clock.move(1)
            assert await _line(answer) == b"\r\n"


async def test_a_third_connection_is_refused(rig, sample):
    async with _open(rig), _open(rig) as second:
        status, body, _ = await rig.call("GET", "/2/activity/stream", auth="app")
        assert (status, body) == (429, sample("rest/stream_too_many_connections"))
        rig.sim.streams.end("disconnect", ids=[rig.sim.streams.connections("active")[0].id])
        await second.content.read()
    async with _open(rig):
        pass


async def test_only_the_app_may_stream(rig):
    for auth in ("user", "oauth2"):
        status, body, _ = await rig.call("GET", "/2/activity/stream", auth=auth)
        assert (status, body["title"]) == (403, "Unsupported Authentication")
    rig.sim.rules.change({"activity_api_allowed": False})
    assert (await rig.call("GET", "/2/activity/stream", auth="app"))[0] == 403


async def _happen(rig, *texts):
    for text in texts:
        await rig.control("POST", "dm", {"from": "alice", "text": text})
        rig.clock.move(60)


def _text(line):
    event = json.loads(line)["data"]["payload"]["direct_message_events"][0]
    return event["message_create"]["message_data"]["text"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?backfill_minutes=2", ["three", "four"]),
        ("?backfill_minutes=5", ["one", "two", "three", "four"]),
        ("?start_time=2026-09-21T14:14:20Z", ["two", "three", "four"]),
        ("?start_time=2026-09-21T14:14:20Z&end_time=2026-09-21T14:16:20Z", ["two", "three"]),
        ("?backfill_minutes=0", []),
    ],
)
async def test_what_was_missed_comes_first(rig, query, expected):
    await _subscribe(rig, "dm.received")
    await _happen(rig, "one", "two", "three", "four")
    async with _open(rig, query) as answer:
        await rig.control("POST", "dm", {"from": "alice", "text": "live"})
        assert [_text(await _line(answer)) for _ in range(len(expected) + 1)] == [*expected, "live"]


@pytest.mark.parametrize("query", ["?backfill_minutes=6", "?backfill_minutes=x", "?start_time=yesterday"])
async def test_a_wrong_time_is_400(rig, query):
    assert (await rig.call("GET", f"/2/activity/stream{query}", auth="app"))[0] == 400


async def test_backfill_is_not_for_self_serve(rig_with):
    rig = await rig_with(backfill_allowed=False)
    status, body, _ = await rig.call("GET", "/2/activity/stream?backfill_minutes=1", auth="app")
    assert (status, "not authorized" in body["detail"]) == (403, True)
    async with _open(rig):
        pass


async def test_a_disconnect_is_told_in_the_stream(rig, sample):
    async with _open(rig) as answer:
        assert (await rig.control("POST", "stream", {"do": "disconnect"}))[1] == {"connections": 1}
        assert json.loads(await _line(answer)) == sample("rest/stream_disconnect")
        assert await _line(answer) == b""


async def test_a_cut_is_told_by_nobody(rig):
    async with _open(rig) as answer:
        await rig.control("POST", "stream", {"do": "cut"})
        with pytest.raises(aiohttp.ClientError):
            await _line(answer)


async def test_a_stalled_stream_stays_open_and_silent(rig):
    await _subscribe(rig, "dm.received")
    async with _open(rig) as answer:
        await rig.control("POST", "stream", {"do": "stall"})
        await rig.control("POST", "dm", {"from": "alice", "text": "unheard"})
        await rig.clock.sleeping_until(rig.clock.now + 20)
        rig.clock.move(20)
        await rig.clock.sleeping_until(rig.clock.now + 20)
        await rig.control("POST", "stream", {"do": "disconnect"})
        assert b"operational-disconnect" in await _line(answer)
    status, body = await rig.control("POST", "stream", {"do": "sing"})
    assert (status, "disconnect" in body["error"]) == (400, True)


async def test_connections_are_listed_and_closed(rig):
    async with _open(rig) as answer:
        _, body, _ = await rig.call("GET", "/2/connections", auth="app")
        (one,) = body["data"]
        assert (one["endpoint_name"], one["client_ip"]) == ("activity_stream", "127.0.0.1")
        assert body["meta"] == {"result_count": 1}
        _, body, _ = await rig.call("GET", "/2/connections?connection.fields=connected_at", auth="app")
        assert body["data"][0].keys() == {"id", "connected_at"}
        _, body, _ = await rig.call("GET", "/2/connections?endpoints=filtered_stream", auth="app")
        assert body["data"] == []
        _, body, _ = await rig.call("DELETE", "/2/connections", {"uuids": [one["id"], "x"]}, auth="app")
        assert (body["data"]["successful_kills"], body["data"]["failed_kills"]) == (1, 1)
        assert b"operational-disconnect" in await _line(answer)
        assert await _line(answer) == b""
    _, body, _ = await rig.call("GET", "/2/connections?status=inactive", auth="app")
    assert (body["data"][0]["id"], "disconnect_reason" in body["data"][0]) == (one["id"], True)
    assert (await rig.call("GET", "/2/connections?status=dead", auth="app"))[0] == 400


@pytest.mark.parametrize("name", ["all", "activity_stream"])
async def test_all_connections_are_closed(rig, name):
    async with _open(rig) as one, _open(rig) as two:
        _, body, _ = await rig.call("DELETE", f"/2/connections/{name}", auth="app")
        assert body["data"]["successful_kills"] == 2
        for answer in (one, two):
            assert b"operational-disconnect" in await answer.content.read()
    assert (await rig.call("DELETE", "/2/connections/nothing", auth="app"))[0] == 400


async def test_a_revocation_comes_without_a_subscription_to_it(rig):
    await _subscribe(rig, "dm.received")
    async with _open(rig) as answer:
        await rig.control("POST", "revoke", {})
        assert json.loads(await _line(answer))["data"]["event_type"] == "oauth.revoke"


async def test_a_connection_whose_client_left_takes_no_room(rig):
    """A bot that is started again and again finds room, without 20 seconds of waiting between."""
    for number in range(4):
        async with _open(rig):
            pass
        for status, count in (("active", 0), ("inactive", number + 1)):
            _, body, _ = await rig.call("GET", f"/2/connections?status={status}", auth="app")
            assert body["meta"]["result_count"] == count


async def test_a_client_that_leaves_while_it_is_written_to_is_no_failure(rig, caplog):
    """The write finds a connection that is closed, before anybody was told so."""
    streams = rig.sim.streams
    async with _open(rig) as answer:
        (connection,) = streams.connections("active")
        (handler,) = rig.sim._runner.server.connections
        handler.transport.abort()
        await rig.clock.sleeping_until(rig.clock.now + 20)
        rig.clock.move(20)
        with pytest.raises(aiohttp.ClientError):
            await answer.content.read()
    await rig.sim.stop()
    assert connection.reason == "the client closed the connection"
    assert [record.getMessage() for record in caplog.records] == []
