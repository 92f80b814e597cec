"""What breaks a bot's set-up at X's side, made to happen by the control API."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest


async def _dm(rig, **more):
    path = f"/2/dm_conversations/with/{rig.user('alice')}/messages"
    return await rig.call("POST", path, {"text": "hello"}, **more)


async def test_a_webhook_is_invalid_until_a_put(rig):
    hook = await rig.subscribe_all()
    status, body = await rig.control("POST", "invalidate", {})
    assert (status, [one["valid"] for one in body["webhooks"]]) == (200, [False])
    assert (await rig.call("GET", "/2/webhooks", auth="app"))[1]["data"][0]["valid"] is False
    await rig.control("POST", "dm", {"from": "alice", "text": "unheard"})
    await rig.control("POST", "crc")
    assert rig.webhook.bodies == [], "the periodic challenge does not make it valid again"
    _, body, _ = await rig.call("PUT", f"/2/webhooks/{hook}", auth="app")
    assert body == {"data": {"valid": True}}
    assert (await rig.control("POST", "invalidate", {"webhook_id": "5"}))[0] == 400


async def test_a_round_of_challenges_on_request_judges_the_webhooks(rig):
    await rig.register()
    rig.sim.faults.change({"crc_slow": 1})
    _, body = await rig.control("POST", "crc")
    assert body["webhooks"][0]["valid"] is True, "slow once is forgiven"
    rig.clock.move(28 * 3600 + 1)
    rig.sim.faults.change({"crc_slow": 1})
    _, body = await rig.control("POST", "crc")
    assert body["webhooks"][0]["valid"] is False, "slow for 28 hours is not"


async def test_a_wrong_answer_to_a_challenge_invalidates_at_once(rig):
    hook = await rig.register()
    rig.sim.faults.change({"crc_wrong": 1})
    status, body, _ = await rig.call("PUT", f"/2/webhooks/{hook}", auth="app")
    assert (status, "Invalid response_token" in body["errors"][0]["message"]) == (400, True)
    assert not rig.sim.webhooks.all()[0].valid


async def test_somebody_else_s_webhook_takes_the_place(rig, sample):
    _, made = await rig.control("POST", "webhook", {"url": "https://other.example/hook"})
    assert made["product"] == "v2"
    status, body, _ = await rig.call("POST", "/2/webhooks", {"url": rig.webhook.url})
    known = sample("rest/webhooks_create_400_limit")
    assert (status, body["errors"][0]["message"]) == (400, known["errors"][0]["message"])
    await rig.control("POST", "webhook", {"url": "https://other.example/x", "product": "premium:dev"})
    status, body = await rig.control("POST", "webhook", {"url": "https://x.y", "product": "premium:no"})
    assert (status, "premium:" in body["error"]) == (400, True)


async def test_somebody_else_s_webhook_puts_the_bot_s_out_where_there_is_room_for_one(rig):
    await rig.subscribe("dm.received")
    _, made = await rig.control("POST", "webhook", {"url": "https://other.example/hook"})
    assert [hook.id for hook in rig.sim.webhooks.all()] == [made["id"]]
    assert not rig.sim.subscriptions.activity, "they went with the webhook"


async def test_somebody_else_s_webhook_leaves_the_bot_s_where_there_is_room(rig_with):
    rig = await rig_with(webhook_limit=2)
    mine = await rig.register()
    _, made = await rig.control("POST", "webhook", {"url": "https://other.example/hook"})
    assert [hook.id for hook in rig.sim.webhooks.all()] == [mine, made["id"]]


async def test_subscriptions_are_dropped_one_by_one_or_all(rig):
    await rig.subscribe("dm.received", "dm.sent", "post.create")
    _, body = await rig.control("POST", "drop", {"event_type": "dm.sent"})
    assert body == {"activity": 1, "account_activity": 0}
    one = next(iter(rig.sim.subscriptions.activity))
    assert (await rig.control("POST", "drop", {"subscription_id": one}))[1]["activity"] == 1
    hook = rig.sim.webhooks.all()[0].id
    await rig.call("POST", f"/2/account_activity/webhooks/{hook}/subscriptions/all", {})
    assert (await rig.control("POST", "drop", {"user": "alice"}))[1] == {"activity": 0, "account_activity": 0}
    assert (await rig.control("POST", "drop", {}))[1] == {"activity": 1, "account_activity": 1}
    await rig.control("POST", "dm", {"from": "alice", "text": "unheard"})
    await rig.sim.courier.idle()
    assert rig.webhook.bodies == []


async def test_subscriptions_end_by_themselves_at_an_age(rig_with):
    rig = await rig_with(subscription_life_s=3600.0)
    hook = await rig.subscribe("dm.received")
    await rig.call("POST", f"/2/account_activity/webhooks/{hook}/subscriptions/all", {})
    rig.clock.move(3599)
    await rig.control("POST", "dm", {"from": "alice", "text": "heard twice"})
    await rig.webhook.until(2)
    rig.clock.move(1)
    await rig.control("POST", "dm", {"from": "alice", "text": "unheard"})
    await rig.sim.courier.idle()
    assert len(rig.webhook.bodies) == 2
    _, body, _ = await rig.call("GET", "/2/activity/subscriptions", auth="app")
    assert body["data"] == []
    _, body, _ = await rig.call("GET", f"/2/account_activity/webhooks/{hook}/subscriptions/all")
    assert body["data"] == {"subscribed": False}


async def test_an_expired_subscription_is_not_listed_before_anything_happens(rig_with):
    rig = await rig_with(subscription_life_s=3600.0)
    await rig.subscribe("dm.received")
    rig.clock.move(3600)
    assert (await rig.call("GET", "/2/activity/subscriptions", auth="app"))[1]["data"] == []


async def test_tokens_without_the_permission_for_messages(rig, sample):
    _, body = await rig.control("POST", "permission", {"level": "read-write"})
    assert body["permission"] == "read-write"
    status, body, headers = await _dm(rig)
    known = sample("rest/error_403_oauth1_permissions")
    assert (status, body["detail"]) == (403, known["detail"])
    assert (await rig.call("POST", "/2/tweets", {"text": "x"}))[0] == 201
    status, _, headers = await rig.call("POST", "/1.1/direct_messages/indicate_typing.json")
    assert (status, headers.get("x-access-level")) == (403, None)
    assert (await rig.control("POST", "permission", {"level": "all"}))[0] == 400
    assert (await rig.control("POST", "permission", {"level": "read", "user": "nobody"}))[0] == 400


async def test_oauth2_tokens_that_are_over_or_lack_a_scope(rig):
    assert (await rig.call("GET", "/2/users/me", auth="oauth2"))[0] == 200
    scopes = ["tweet.read", "users.read"]
    assert (await rig.control("POST", "scopes", {"scopes": scopes}))[1]["scopes"] == scopes
    status, body, _ = await _dm(rig, auth="oauth2")
    assert (status, "dm.write" in body["detail"]) == (403, True)
    for wrong in (["dm"], "dm.read", None):
        assert (await rig.control("POST", "scopes", {"scopes": wrong}))[0] == 400
    assert (await rig.control("POST", "expire", {}))[1]["expired"] == 1
    assert (await rig.call("GET", "/2/users/me", auth="oauth2"))[0] == 401


async def test_refresh_tokens_end_on_request(rig):
    grant = rig.sim.tokens.access(rig.sim.config.oauth2_token)
    refresh = rig.sim.tokens.issue(grant)["refresh_token"]
    await rig.control("POST", "expire", {})
    assert rig.sim.tokens.use_refresh(refresh) is grant
    refresh = rig.sim.tokens.issue(grant)["refresh_token"]
    await rig.control("POST", "expire", {"refresh": True})
    assert rig.sim.tokens.use_refresh(refresh) is None


async def test_the_app_s_token_is_over_on_request(rig):
    assert (await rig.control("POST", "bearer", {}))[0] == 200
    assert (await rig.call("GET", "/2/webhooks", auth="app"))[0] == 401


async def test_x_s_clock_is_wrong_for_signatures_and_in_its_date(rig):
    await rig.control("PUT", "rules", {"clock_skew_s": -600})
    status, body, headers = await rig.call("POST", "/1.1/direct_messages/indicate_typing.json")
    assert (status, body["errors"][0]["code"]) == (401, 135)
    assert parsedate_to_datetime(headers["date"]).timestamp() == rig.clock.now - 600
    assert (await rig.call("GET", "/2/users/me"))[0] == 401
    assert (await rig.call("GET", "/2/users/me", timestamp=str(int(rig.clock.now - 600))))[0] == 200


@pytest.mark.parametrize(
    ("rule", "method", "path", "body", "auth"),
    [
        ("activity_api_allowed", "POST", "/2/activity/subscriptions", "subscription", "user"),
        ("replay_allowed", "POST", "/2/webhooks/replay", "replay", "app"),
        ("backfill_allowed", "GET", "/2/activity/stream?backfill_minutes=1", None, "app"),
    ],
)
async def test_what_is_not_in_the_package_is_403(rig, rule, *, method, path, body, auth):
    hook = await rig.register()
    bodies = {
        "subscription": {"event_type": "post.create", "filter": {"user_id": rig.bot_id}},
        "replay": {"webhook_id": hook, "from_date": "202609210000", "to_date": "202609210001"},
        None: None,
    }
    await rig.control("PUT", "rules", {rule: False})
    status, answer, _ = await rig.call(method, path, bodies[body], auth=auth)
    assert (status, answer["type"].endswith("/client-forbidden")) == (403, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"nothing": 1},
        {"rich_messages": 1},
        {"webhook_limit": -1},
        {"webhook_limit": True},
        {"permission": "all"},
        {"clock_skew_s": "late"},
    ],
)
async def test_a_rule_has_its_kind_of_value(rig, wrong):
    before = (await rig.control("GET", "rules"))[1]
    status, body = await rig.control("PUT", "rules", {"require_summons": False, **wrong})
    assert (status, next(iter(wrong)) in body["error"]) == (400, True)
    assert (await rig.control("GET", "rules"))[1] == before


async def test_a_request_that_names_x_s_host_was_signed_for_it(rig):
    url = "https://api.x.com/2/users/me"
    headers = {**rig.signed("GET", url, {}), "host": "api.x.com"}
    async with rig.http.get(f"{rig.sim.url}/2/users/me", headers=headers) as answer:
        assert answer.status == 200
    other = {**rig.signed("GET", "https://api.twitter.com/2/users/me", {}), "host": "api.x.com"}
    async with rig.http.get(f"{rig.sim.url}/2/users/me", headers=other) as answer:
        assert answer.status == 401, "each host has its signature"


async def test_an_xaa_quota_is_told_by_name(rig):
    await rig.subscribe("dm.received")
    await rig.control("PUT", "rules", {"activity_limit": 1, "account_activity_limit": 0})
    body = {"event_type": "dm.sent", "filter": {"user_id": rig.bot_id}}
    _, answer, _ = await rig.call("POST", "/2/activity/subscriptions", body)
    assert answer["errors"][0]["message"].startswith("SubscriptionLimitExceeded")
    hook = rig.sim.webhooks.all()[0].id
    _, answer, _ = await rig.call("POST", f"/2/account_activity/webhooks/{hook}/subscriptions/all", {})
    assert answer["errors"][0]["message"].startswith("SubscriptionLimitExceeded")
