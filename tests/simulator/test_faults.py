"""Every fault on the way from the bot, and how faults are set."""

from __future__ import annotations

import aiohttp
import pytest


async def _faults(rig, **wanted):
    status, body = await rig.control("PUT", "faults", wanted)
    assert status == 200, body


async def _send(rig):
    return await rig.call("POST", "/2/tweets", {"text": "hello"})


def _posts(rig) -> list[str]:
    return [post.text for post in rig.sim.world.posts_by(rig.bot_id)][1:]


async def test_rate_limited(rig, sample):
    await _faults(rig, rate_limited=1, reset_s=60)
    status, body, headers = await _send(rig)
    assert (status, body) == (429, sample("rest/error_429_problem"))
    assert headers["x-rate-limit-reset"] == str(int(rig.clock.now) + 60)
    assert (await _send(rig))[0] == 201


async def test_rate_limited_v1(rig, sample):
    await _faults(rig, rate_limited=1)
    path = "/1.1/direct_messages/indicate_typing.json"
    status, body, _ = await rig.call("POST", path, form={"recipient_id": rig.user("alice")})
    assert (status, body) == (429, sample("rest/error_429_docs"))


async def test_server_error_and_unavailable_do_nothing(rig):
    await _faults(rig, server_error=1)
    status, body, _ = await _send(rig)
    assert (status, body["type"].rpartition("/")[2]) == (500, "internal-error")
    await _faults(rig, unavailable=1)
    url = f"{rig.sim.url}/2/users/me"
    async with rig.http.get(url, headers=rig.signed("GET", url, {})) as answer:
        assert (answer.status, answer.content_type) == (503, "text/html")
    assert _posts(rig) == []


async def test_outage_hangs_up_and_does_nothing(rig):
    await _faults(rig, outage=1)
    with pytest.raises(aiohttp.ClientError):
        await _send(rig)
    assert _posts(rig) == []
    assert (await _send(rig))[0] == 201


async def test_a_lost_answer_was_carried_out(rig):
    await _faults(rig, lost_answer=1)
    with pytest.raises(aiohttp.ClientError):
        await _send(rig)
    assert _posts(rig) == ["hello"]
    entry = (await rig.log("request"))[-1]
    assert (entry["status"], entry["lost"]) == (201, True)


async def test_no_credits(rig, sample):
    await _faults(rig, no_credits=1)
    status, body, _ = await _send(rig)
    assert (status, body) == (402, sample("rest/error_402_credits_v2"))


async def test_only_some_paths(rig):
    await _faults(rig, server_error=-1, path="/2/tweets")
    assert (await rig.call("GET", "/2/users/me"))[0] == 200
    assert (await _send(rig))[0] == 500
    assert (await _send(rig))[0] == 500
    await rig.control("DELETE", "faults")
    assert (await _send(rig))[0] == 201


async def test_seeing_setting_clearing(rig):
    _, before = await rig.control("GET", "faults")
    assert before["duplicate"] == 0
    _, now = await rig.control("PUT", "faults", {"duplicate": 2, "delay_s": 1})
    assert (now["duplicate"], now["delay_s"]) == (2, 1)
    assert (await rig.control("DELETE", "faults"))[1] == before


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"explode": 1}, "there is no fault 'explode'"),
        ({"drop": "x"}, "drop takes a number"),
        ({"drop": 1.5}, "drop takes a whole number"),
        ({"drop": True}, "drop takes a number"),
        ({"drop": -2}, "drop takes a whole number"),
        ({"delay_s": -1}, "delay_s takes seconds"),
        ({"path": 1}, "path takes a text"),
        ({"duplicate": 1, "drop": "x"}, "drop takes a number"),
    ],
)
async def test_a_wrong_fault_changes_nothing(rig, wanted, problem):
    status, body = await rig.control("PUT", "faults", wanted)
    assert (status, body["error"].startswith(problem)) == (400, True)
    assert (await rig.control("GET", "faults"))[1]["duplicate"] == 0


async def test_faults_can_be_on_from_the_start(rig_with):
    rig = await rig_with(faults={"server_error": 1})
    assert (await _send(rig))[0] == 500
