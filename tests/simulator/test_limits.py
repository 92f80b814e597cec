"""X's rate limits, and the headers that tell them."""

from __future__ import annotations

import re

from botkit.simulator import Limit
from botkit.simulator.endpoints import ENDPOINTS
from botkit.simulator.limits import LIMITS
from botkit.x.limits import from_headers


async def _send(rig, text: str):
    path = f"/2/dm_conversations/with/{rig.user('alice')}/messages"
    return await rig.call("POST", path, {"text": text})


async def test_fifteen_messages_in_fifteen_minutes(rig, sample):
    for number in range(15):
        status, _, headers = await _send(rig, str(number))
        assert (status, headers["x-rate-limit-remaining"]) == (201, str(14 - number))
    assert headers["x-rate-limit-limit"] == "15"
    assert headers["x-rate-limit-reset"] == str(int(rig.clock.now) + 900)
    assert headers["x-user-limit-24hour-limit"] == "1440"
    assert headers["x-user-limit-24hour-remaining"] == "1425"
    assert headers["x-app-limit-24hour-remaining"] == "1425"
    status, body, headers = await _send(rig, "too many")
    assert (status, body) == (429, sample("rest/error_429_problem"))
    assert headers["x-rate-limit-remaining"] == "0"
    told = {limit.per: limit for limit in from_headers(headers, now=rig.clock.now)}
    assert (told["call"].limit, told["user"].remaining, told["app"].limit) == (15, 1425, 1440)
    rig.clock.now += 901
    status, _, headers = await _send(rig, "later")
    assert (status, headers["x-rate-limit-remaining"]) == (201, "14")
    assert headers["x-user-limit-24hour-remaining"] == "1424"


async def test_a_spent_day_is_told_by_its_own_headers(rig_with):
    rig = await rig_with(limit_overrides={"dm.send_with": (Limit(15), Limit(2, 86_400))})
    for number in range(2):
        assert (await _send(rig, str(number)))[0] == 201
    status, _, headers = await _send(rig, "three")
    assert status == 429
    assert (headers["x-rate-limit-remaining"], headers["x-user-limit-24hour-remaining"]) == ("13", "0")


async def test_relaxed_has_the_same_windows_with_a_hundred_times_the_requests(rig_with):
    rig = await rig_with(limits="relaxed")
    for number in range(16):
        status, _, headers = await _send(rig, str(number))
        assert status == 201
    assert (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == ("1500", "1484")
    assert headers["x-rate-limit-reset"] == str(int(rig.clock.now) + 900)
    assert headers["x-user-limit-24hour-limit"] == headers["x-app-limit-24hour-limit"] == "144000"
    _, state = await rig.control("GET", "state")
    assert state["limits"]["scale"] == "relaxed"


async def test_relaxed_windows_end_too_and_given_limits_are_taken_as_they_are(rig_with):
    rig = await rig_with(limits="relaxed", limit_overrides={"dm.send_with": (Limit(1),)})
    assert (await _send(rig, "one"))[0] == 201
    assert (await _send(rig, "two"))[0] == 429


async def test_every_answer_carries_the_headers(rig):
    calls = [
        ("GET", "/2/users/me", "user"),
        ("GET", "/2/webhooks", "app"),
        ("GET", "/2/tweets/1", "app"),
        ("GET", "/2/users/5", "user"),
        ("GET", "/2/activity/subscriptions", "app"),
        ("GET", "/2/account_activity/subscriptions/count", "app"),
        ("GET", "/2/dm_events", "user"),
    ]
    for method, path, auth in calls:
        _, _, headers = await rig.call(method, path, auth=auth)
        for name in ("limit", "remaining", "reset"):
            assert re.fullmatch(r"\d+", headers[f"x-rate-limit-{name}"]), path


async def test_an_error_counts_and_a_stranger_does_not(rig):
    _, _, headers = await rig.call("POST", "/2/tweets", {"nonsense": 1})
    assert headers["x-rate-limit-remaining"] == "99"
    await rig.call("POST", "/2/tweets", {"text": "x"}, consumer_secret="wrong")
    _, _, headers = await rig.call("POST", "/2/tweets", {"text": "x"})
    assert headers["x-rate-limit-remaining"] == "98"


async def test_users_and_the_app_have_windows_of_their_own(rig):
    _, _, headers = await rig.call("GET", f"/2/users/{rig.bot_id}")
    assert headers["x-rate-limit-limit"] == "900"
    _, _, headers = await rig.call("GET", f"/2/users/{rig.bot_id}", auth="app")
    assert (headers["x-rate-limit-limit"], headers["x-rate-limit-remaining"]) == ("300", "299")


async def test_they_can_be_only_counted(rig):
    assert (await rig.control("PUT", "limits", {"enforced": False}))[1] == {"enforced": False}
    for number in range(17):
        status, _, headers = await _send(rig, str(number))
        assert status == 201
    assert headers["x-rate-limit-remaining"] == "0"
    _, state = await rig.control("GET", "state")
    assert state["limits"]["enforced"] is False
    assert state["limits"]["windows"][0]["window"] == "dm.send_with"
    assert (await rig.control("PUT", "limits", {"enforced": "no"}))[0] == 400


#: signing in, and what X documents no limit for
_UNLIMITED = re.compile(r"/oauth|/1\.1/direct_messages/welcome_messages/(?!list)")


def test_every_call_has_its_limit():
    for endpoint in ENDPOINTS:
        limited = bool(LIMITS.get(endpoint.window))
        assert limited or _UNLIMITED.search(endpoint.path), endpoint.path


async def test_new_calls_count_in_their_own_windows(rig):
    for _ in range(15):
        assert (await rig.call("GET", f"/2/users/{rig.bot_id}/muting"))[0] == 200
    status, body, headers = await rig.call("GET", f"/2/users/{rig.bot_id}/muting")
    assert (status, body["title"], headers["x-rate-limit-remaining"]) == (429, "Too Many Requests", "0")
    assert (await rig.call("GET", f"/2/users/{rig.bot_id}/blocking"))[0] == 200
