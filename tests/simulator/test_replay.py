"""Replay: what was delivered or attempted, once more, and how the job ends."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from aiohttp import web

BASE = "/1.1/account_activity"


def _minute(at):
    return f"{datetime.fromtimestamp(at, UTC):%Y%m%d%H%M}"


def _name(body):
    return body["errors"][0]["message"].partition(":")[0]


async def _job(rig, hook, start, end, status=200):
    body = {"webhook_id": hook, "from_date": _minute(start), "to_date": _minute(end)}
    got, answer, _ = await rig.call("POST", "/2/webhooks/replay", body, auth="app")
    assert got == status, answer
    return answer


async def _missed(rig):
    """Three messages that the bot was not there for, a minute apart, and the time of the first."""
    rig.webhook.statuses = [503, 503, 503]
    start = rig.clock.now
    for text in ("one", "two", "three"):
        await rig.control("POST", "dm", {"from": "alice", "text": text})
        await rig.sim.courier.idle()
        rig.clock.move(60)
    return start


def _texts(bodies):
    return [
        body["direct_message_events"][0]["message_create"]["message_data"]["text"]
        for body in bodies
        if "direct_message_events" in body
    ]


async def test_what_was_lost_comes_again_and_then_the_end(rig_with, sample):
    rig = await rig_with(retry_delays_s=(), replay_ages_s=(0, 0))
    hook = await rig.subscribe_all()
    start = await _missed(rig)
    crcs = len(rig.webhook.crcs)
    job = await _job(rig, hook, start, rig.clock.now)
    assert job["data"].keys() == {"job_id", "created_at"}
    bodies = await rig.webhook.until(7)
    assert len(rig.webhook.crcs) == crcs + 1, "a challenge comes first"
    assert _texts(bodies[3:]) == ["one", "two", "three"], "the oldest first"
    assert bodies[:3] == bodies[3:6], "nothing tells a replay from the first time"
    status = bodies[6]["replay_job_status"]
    assert status.keys() == sample("aaa/replay_job_status_complete")["replay_job_status"].keys()
    assert (status["webhook_id"], status["job_state"], status["job_id"]) == (
        hook,
        "Complete",
        job["data"]["job_id"],
    )
    rig.webhook.check()


async def test_both_minutes_belong_to_v2_and_the_last_not_to_v1(rig_with):
    rig = await rig_with(retry_delays_s=(), replay_ages_s=(0, 0))
    hook = await rig.subscribe_all()
    start = await _missed(rig)
    await _job(rig, hook, start + 60, start + 60)
    assert _texts((await rig.webhook.until(5))[3:]) == ["two"]
    await rig.sim.replays.idle()
    path = f"{BASE}/webhooks.json?url={quote(rig.webhook.url, safe='')}"
    _, made, _ = await rig.call("POST", path)
    await rig.call("POST", f"{BASE}/webhooks/{made['id']}/subscriptions/all.json")
    rig.webhook.bodies.clear()
    rig.webhook.signatures.clear()
    rig.webhook.statuses = [503] * 4
    start = rig.clock.now
    for text in ("four", "five"):
        await rig.control("POST", "dm", {"from": "alice", "text": text})
        await rig.sim.courier.idle()
        rig.clock.move(60)
    rig.webhook.bodies.clear()
    dates = f"from_date={_minute(start)}&to_date={_minute(start + 60)}"
    replay = f"{BASE}/replay/webhooks/{made['id']}/subscriptions/all.json"
    status, body, _ = await rig.call("POST", f"{replay}?{dates}", auth="app")
    assert (status, body.keys()) == (202, {"job_id", "created_at"})
    bodies = await rig.webhook.until(2)
    assert (_texts(bodies), "replay_job_status" in bodies[1]) == (["four"], True)


async def test_a_replay_is_not_repeated_and_ends_incomplete(rig_with, sample):
    rig = await rig_with(replay_ages_s=(0, 0))
    hook = await rig.subscribe_all()
    await rig.control("POST", "dm", {"from": "alice", "text": "one"})
    await rig.webhook.until(1)
    await rig.sim.courier.idle()
    rig.webhook.statuses = [500]
    await _job(rig, hook, rig.clock.now, rig.clock.now)
    bodies = await rig.webhook.until(3)
    status = bodies[2]["replay_job_status"]
    known = sample("aaa/replay_job_status_incomplete")["replay_job_status"]
    assert (status["job_state"], status["job_state_description"]) == (
        known["job_state"],
        known["job_state_description"],
    )


async def test_only_what_was_attempted_is_replayed(rig_with):
    rig = await rig_with(replay_ages_s=(0, 0))
    hook = await rig.subscribe_all()
    start = rig.clock.now
    rig.sim.webhooks.invalidate(rig.sim.webhooks.get(hook))
    await rig.control("POST", "dm", {"from": "alice", "text": "nobody tried"})
    assert (await rig.call("PUT", f"/2/webhooks/{hook}", auth="app"))[0] == 200
    rig.sim.faults.change({"drop": 1})
    await rig.control("POST", "dm", {"from": "alice", "text": "lost on the way"})
    await _job(rig, hook, start, rig.clock.now)
    bodies = await rig.webhook.until(2)
    assert _texts(bodies) == ["lost on the way"]


async def test_one_job_at_a_time(rig_with):
    rig = await rig_with(replay_ages_s=(0, 0))
    hook = await rig.subscribe_all()
    now = rig.clock.now
    await _delivered(rig)
    rig.webhook.hold = asyncio.Event()
    await _job(rig, hook, now, now)
    assert _name(await _job(rig, hook, now, now, status=400)) == "ReplayConflictError"
    rig.webhook.hold.set()
    await rig.webhook.until(3)
    await rig.sim.replays.idle()
    await _job(rig, hook, now, now)
    await rig.webhook.until(5)


async def _delivered(rig):
    await rig.control("POST", "dm", {"from": "alice", "text": "hello"})
    await rig.webhook.until(1)
    await rig.sim.courier.idle()


@pytest.mark.parametrize(
    ("start", "end", "right"),
    [
        (-31 * 60, -10 * 60, True),
        (-30 * 60, -10 * 60, False),
        (-31 * 60, -9 * 60, False),
        (-20 * 3600, -10 * 3600, True),
        (-24 * 3600 - 120, -20 * 3600, False),
        (-3600, -7200, False),
        (3600, 7200, False),
    ],
)
async def test_v2_replays_a_day_that_is_half_an_hour_old(rig, start, end, right):
    hook = await rig.register()
    rig.clock.now -= rig.clock.now % 60
    now = rig.clock.now
    answer = await _job(rig, hook, now + start, now + end, status=200 if right else 400)
    assert right or _name(answer) == "QueryParamInvalid"


async def test_v2_names_its_failures(rig_with):
    rig = await rig_with(replay_ages_s=(0, 0))
    hook = await rig.register()
    now = rig.clock.now
    assert _name(await _job(rig, "5", now, now, status=400)) == "WebhookIdInvalid"
    body = {"webhook_id": hook, "from_date": "202613010000", "to_date": _minute(now)}
    _, answer, _ = await rig.call("POST", "/2/webhooks/replay", body, auth="app")
    assert _name(answer) == "QueryParamInvalid"
    rig.webhook.crc = lambda _token: web.Response(status=500)
    assert _name(await _job(rig, hook, now, now, status=400)) == "CrcValidationFailed"
    assert (await rig.call("POST", "/2/webhooks/replay", body))[0] == 403, "only for the app"
    rig.sim.rules.change({"replay_allowed": False})
    answer = await _job(rig, hook, now, now, status=403)
    assert answer["type"].endswith("/client-forbidden")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("to_date=202609210000", 400, 357),
        ("from_date=202609210000", 400, 357),
        ("from_date=yesterday&to_date=202609210000", 400, 358),
        ("from_date=202609210000&to_date=2026092100", 400, 358),
        ("from_date=202609211400&to_date=202609211401", 400, 368),
        ("from_date=202609200100&to_date=202609200000", 400, 356),
        ("from_date=202609100000&to_date=202609200000", 400, 356),
    ],
)
async def test_v1_has_a_code_for_every_mistake(rig, query, status, code):
    path = f"{BASE}/webhooks.json?url={quote(rig.webhook.url, safe='')}"
    hook = (await rig.call("POST", path))[1]["id"]
    replay = f"{BASE}/replay/webhooks/{hook}/subscriptions/all.json?{query}"
    got, body, _ = await rig.call("POST", replay, auth="app")
    assert (got, body["errors"][0]["code"]) == (status, code)


async def test_v1_s_other_codes(rig_with):
    rig = await rig_with(limits="relaxed")
    path = f"{BASE}/webhooks.json?url={quote(rig.webhook.url, safe='')}"
    hook = (await rig.call("POST", path))[1]["id"]
    await rig.call("POST", f"{BASE}/webhooks/{hook}/subscriptions/all.json")
    await _delivered(rig)
    start = rig.clock.now
    rig.clock.move(3600)
    dates = f"from_date={_minute(start)}&to_date={_minute(start + 60)}"

    async def code(webhook_id, **more):
        replay = f"{BASE}/replay/webhooks/{webhook_id}/subscriptions/all.json?{dates}"
        got, body, _ = await rig.call("POST", replay, **{"auth": "app", **more})
        return got, body["errors"][0]["code"]

    assert await code("-1") == (400, 360)
    assert await code("5") == (404, 34)
    assert await code(hook, auth="user") == (401, 32)
    rig.sim.webhooks.invalidate(rig.sim.webhooks.get(hook, "enterprise"))
    assert await code(hook) == (400, 214)
    assert (await rig.call("PUT", f"{BASE}/webhooks/{hook}.json"))[0] == 204
    replay = f"{BASE}/replay/webhooks/{hook}/subscriptions/all.json?{dates}"
    rig.webhook.hold = asyncio.Event()
    assert (await rig.call("POST", replay, auth="app"))[0] == 202
    assert await code(hook) == (409, 355)
    rig.webhook.hold.set()
    rig.sim.rules.change({"replay_allowed": False})
    assert await code(hook) == (403, 200)


async def test_activity_events_are_replayed_as_they_were(rig_with):
    rig = await rig_with(retry_delays_s=(), replay_ages_s=(0, 0))
    hook = await rig.subscribe("dm.received")
    rig.webhook.statuses = [503]
    await rig.control("POST", "dm", {"from": "alice", "text": "one"})
    await rig.sim.courier.idle()
    await _job(rig, hook, rig.clock.now, rig.clock.now)
    await rig.webhook.until(3)
    assert rig.webhook.bodies[0] == rig.webhook.bodies[1]
    assert json.loads(rig.webhook.bodies[0])["data"]["event_uuid"]
