"""Account Activity v1.1: enterprise and premium, with their codes and oddities."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from aiohttp import web

BASE = "/1.1/account_activity"
PREMIUM = f"{BASE}/all/dev"


def _code(body):
    return body["errors"][0]["code"]


async def _register(rig, base=BASE):
    return await rig.call("POST", f"{base}/webhooks.json?url={quote(rig.webhook.url, safe='')}")


async def _enterprise(rig):
    status, body, _ = await _register(rig)
    assert status == 200, body
    return body["id"]


async def test_enterprise_registers_lists_validates_and_deletes(rig):
    status, made, headers = await _register(rig)
    assert (status, made.keys()) == (200, {"id", "url", "valid", "created_at"})
    assert headers["x-access-level"] == "read-write-directmessages"
    assert (await rig.call("GET", f"{BASE}/webhooks.json", auth="app"))[1] == [made]
    one = f"{BASE}/webhooks/{made['id']}.json"
    assert (await rig.call("PUT", one))[:2] == (204, None)
    assert len(rig.webhook.crcs) == 2
    assert (await rig.call("DELETE", one))[:2] == (204, None)
    for method in ("PUT", "DELETE"):
        status, body, _ = await rig.call(method, one)
        assert (status, _code(body)) == (404, 34)


async def test_premium_writes_the_time_its_own_way(rig, sample):
    status, made, _ = await _register(rig, PREMIUM)
    known = sample("rest/premium_webhook_create_live_200")
    assert (status, made.keys()) == (200, known.keys())
    assert made["created_timestamp"] == "2026-09-21 14:13:20 +0000"
    assert (await rig.call("GET", f"{PREMIUM}/webhooks.json", auth="app"))[1] == [made]
    listed = (await rig.call("GET", f"{BASE}/all/webhooks.json", auth="app"))[1]
    assert listed == {"environments": [{"environment_name": "dev", "webhooks": [made]}]}
    assert listed.keys() == sample("rest/premium_webhooks_list_live_200").keys()
    assert (await rig.call("GET", f"{BASE}/all/webhooks.json"))[0] == 200, "the owner may list, too"
    assert (await rig.call("DELETE", f"{PREMIUM}/webhooks/{made['id']}.json"))[0] == 204


async def test_the_products_keep_their_webhooks_apart(rig):
    hook = await _enterprise(rig)
    await _register(rig, PREMIUM)
    await rig.register()
    assert len(rig.sim.webhooks.all()) == 3
    assert len((await rig.call("GET", "/2/webhooks", auth="app"))[1]["data"]) == 1
    assert (await rig.call("DELETE", f"/2/webhooks/{hook}", auth="app"))[0] == 400
    assert (await rig.call("DELETE", f"{PREMIUM}/webhooks/{hook}.json"))[0] == 404


@pytest.mark.parametrize("environment", ["Dev", "prod", "DEV"])
async def test_an_environment_that_is_not_there_is_code_200_and_case_counts(rig, environment):
    base = f"{BASE}/all/{environment}"
    for method, path, auth in (
        ("POST", f"webhooks.json?url={quote(rig.webhook.url, safe='')}", "user"),
        ("GET", "webhooks.json", "app"),
        ("POST", "subscriptions.json", "user"),
    ):
        status, body, _ = await rig.call(method, f"{base}/{path}", auth=auth)
        assert (status, _code(body)) == (403, 200)


async def test_without_the_package_every_call_is_code_200(rig):
    rig.sim.rules.change({"v1_allowed": False})
    for path in (
        f"{BASE}/webhooks.json",
        f"{BASE}/all/webhooks.json",
        f"{BASE}/subscriptions/count.json",
        f"{BASE}/all/subscriptions/count.json",
    ):
        status, body, _ = await rig.call("GET", path, auth="app")
        assert (status, _code(body)) == (403, 200)


_WRONG = "Webhook URL does not meet the requirements."


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (web.json_response, f"{_WRONG} Invalid CRC token or json response format."),
        (
            lambda _: web.Response(status=500),
            "Non-200 response code during CRC GET request (i.e. 404, 500, etc).",
        ),
        (
            lambda _: web.Response(status=302, headers={"location": "/"}),
            f"{_WRONG} Invalid CRC token or json response format.",
        ),
    ],
)
@pytest.mark.parametrize(("base", "status"), [(BASE, 403), (PREMIUM, 400)])
async def test_a_failed_challenge_is_code_214_and_says_why(rig, answer, message, base, status):
    rig.webhook.crc = answer
    got, body, _ = await _register(rig, base)
    assert (got, body) == (status, {"errors": [{"code": 214, "message": message}]})


async def test_a_challenge_that_is_too_slow_says_so(rig):
    rig.sim.faults.change({"crc_slow": 1})
    _, body, _ = await _register(rig)
    words = "High latency on CRC GET request. Your webhook should respond in less than 3 seconds."
    assert body["errors"] == [{"code": 214, "message": words}]
    assert rig.sim.webhooks.timeout_s("enterprise") == 3.0
    assert rig.sim.webhooks.timeout_s("v2") == 10.0


async def test_a_url_that_x_does_not_take_is_code_214(rig):
    rig.sim.rules.change({"allow_http_webhooks": False})
    _, body, _ = await _register(rig)
    assert body["errors"] == [{"code": 214, "message": _WRONG}]


async def test_a_second_webhook_in_an_environment_is_one_too_many(rig, sample):
    await _register(rig, PREMIUM)
    status, body, _ = await _register(rig, PREMIUM)
    assert (status, body) == (400, sample("rest/error_v11_214"))
    rig.sim.rules.change({"enterprise_webhook_limit": 0})
    assert (await _register(rig))[:2] == (403, sample("rest/error_v11_214"))


async def test_who_may_do_what(rig, sample):
    hook = await _enterprise(rig)
    path = f"{BASE}/webhooks.json?url={quote(rig.webhook.url, safe='')}"
    status, body, _ = await rig.call("POST", path, auth="app")
    assert (status, _code(body)) == (403, 261), "registering is for the owner's tokens"
    status, body, _ = await rig.call("GET", f"{BASE}/webhooks.json")
    assert (status, _code(body)) == (403, 99), "listing is for the app"
    for path in (f"{BASE}/webhooks/{hook}/subscriptions/all/list.json", f"{BASE}/subscriptions/count.json"):
        assert (await rig.call("GET", path))[:2] == (401, sample("rest/error_v11_32"))
    rig.sim.tokens.set_permission(rig.bot_id, "read-write")
    status, body, _ = await rig.call("POST", f"{BASE}/webhooks/{hook}/subscriptions/all.json")
    assert (status, _code(body)) == (403, 261)


async def test_another_account_s_tokens_do_not_register(rig):
    key = rig.sim.tokens.issue_key(rig.user("alice"), "read-write-directmessages")
    path = f"{BASE}/webhooks.json?url={quote(rig.webhook.url, safe='')}"
    status, body, _ = await rig.call("POST", path, token=key.token, token_secret=key.secret)
    assert (status, _code(body)) == (403, 261)


async def test_enterprise_subscriptions(rig):
    hook = await _enterprise(rig)
    mine = f"{BASE}/webhooks/{hook}/subscriptions/all.json"
    assert (await rig.call("GET", mine))[0] == 404
    assert (await rig.call("POST", mine))[:2] == (204, None)
    assert (await rig.call("GET", mine))[:2] == (204, None)
    _, listed, _ = await rig.call("GET", f"{BASE}/webhooks/{hook}/subscriptions/all/list.json", auth="app")
    assert listed == {
        "webhook_id": hook,
        "webhook_url": rig.webhook.url,
        "application_id": rig.sim.config.app_id,
        "subscriptions": [{"user_id": rig.bot_id}],
    }
    _, count, _ = await rig.call("GET", f"{BASE}/subscriptions/count.json", auth="app")
    assert (count["subscriptions_count_all"], count["subscriptions_count_direct_messages"]) == ("1", "0")
    other = f"{BASE}/webhooks/{hook}/subscriptions/{rig.bot_id}/all.json"
    assert (await rig.call("DELETE", other, auth="app"))[0] == 204
    status, body, _ = await rig.call("DELETE", other, auth="app")
    assert (status, _code(body)) == (404, 34)


async def test_premium_subscriptions_and_subscribing_twice(rig, sample):
    mine = f"{PREMIUM}/subscriptions.json"
    status, body, _ = await rig.call("POST", mine)
    assert (status, _code(body)) == (404, 34), "there is no webhook in the environment"
    await _register(rig, PREMIUM)
    assert (await rig.call("POST", mine))[0] == 204
    assert (await rig.call("POST", mine))[:2] == (403, sample("rest/error_v11_355_subscription"))
    assert (await rig.call("GET", mine))[0] == 204
    _, listed, _ = await rig.call("GET", f"{PREMIUM}/subscriptions/list.json", auth="app")
    assert (listed["environment"], listed["subscriptions"]) == ("dev", [{"user_id": rig.bot_id}])
    for path in (f"{BASE}/all/subscriptions/count.json", f"{BASE}/all/count.json"):
        _, count, _ = await rig.call("GET", path, auth="app")
        assert (count["subscriptions_count"], count["provisioned_count"]) == ("1", "15")
    assert (await rig.call("DELETE", mine))[0] == 204
    rig.sim.rules.change({"premium_limit": 0})
    status, body, _ = await rig.call("POST", mine)
    assert (status, _code(body)) == (400, 214)
    rig.sim.rules.change({"premium_limit": 1})
    assert (await rig.call("POST", mine))[0] == 204
    assert (await rig.call("DELETE", f"{PREMIUM}/subscriptions/{rig.bot_id}.json", auth="app"))[0] == 204


@pytest.mark.parametrize("base", [BASE, PREMIUM])
async def test_the_events_are_those_of_account_activity(rig, base):
    _, made, _ = await _register(rig, base)
    mine = (
        f"{base}/subscriptions.json"
        if base == PREMIUM
        else f"{base}/webhooks/{made['id']}/subscriptions/all.json"
    )
    assert (await rig.call("POST", mine))[0] == 204
    await rig.control("POST", "dm", {"from": "alice", "text": "hello"})
    (body,) = await rig.webhook.until(1)
    rig.webhook.check()
    assert (body["for_user_id"], list(body)) == (
        rig.bot_id,
        ["for_user_id", "direct_message_events", "users"],
    )
