"""Subscriptions of both products."""

from __future__ import annotations

import pytest

_ACTIVITY = "/2/activity/subscriptions"


def _name(body) -> str:
    return body["errors"][0]["message"].partition(":")[0]


async def test_account_activity(rig, sample):
    webhook_id = await rig.register()
    base = f"/2/account_activity/webhooks/{webhook_id}/subscriptions"
    assert (await rig.call("GET", f"{base}/all"))[1] == {"data": {"subscribed": False}}
    status, body, _ = await rig.call("POST", f"{base}/all", {})
    assert (status, body) == (200, sample("rest/aaa_subscription_200"))
    assert (await rig.call("GET", f"{base}/all"))[1] == body
    status, body, _ = await rig.call("POST", f"{base}/all", {})
    assert (status, _name(body)) == (400, "DuplicateSubscriptionFailed")
    _, body, _ = await rig.call("GET", f"{base}/all/list", auth="app")
    assert body["data"].keys() == sample("rest/aaa_subscriptions_list_200")["data"].keys()
    assert body["data"]["subscriptions"] == [{"user_id": rig.bot_id}]
    _, body, _ = await rig.call("GET", "/2/account_activity/subscriptions/count", auth="app")
    assert body["data"].keys() == sample("rest/aaa_subscriptions_count_200")["data"].keys()
    assert (body["data"]["subscriptions_count_all"], body["data"]["provisioned_count"]) == ("1", "3")
    _, body, _ = await rig.call("DELETE", f"{base}/{rig.bot_id}/all", auth="app")
    assert body == {"data": {"subscribed": False}}
    status, body, _ = await rig.call("DELETE", f"{base}/{rig.bot_id}/all", auth="app")
    assert (status, _name(body)) == (400, "SubscriptionNotFound")


async def test_account_activity_refusals(rig, rig_with):
    path = "/2/account_activity/webhooks/5/subscriptions"
    for method, tail, auth in (("POST", "all", "user"), ("GET", "all", "user"), ("GET", "all/list", "app")):
        status, body, _ = await rig.call(
            method, f"{path}/{tail}", {} if method == "POST" else None, auth=auth
        )
        assert (status, _name(body)) == (400, "WebhookIdInvalid")
    assert (await rig.call("POST", f"{path}/all", {}, auth="app"))[0] == 403
    full = await rig_with(account_activity_limit=0)
    webhook_id = await full.register()
    target = f"/2/account_activity/webhooks/{webhook_id}/subscriptions/all"
    status, body, _ = await full.call("POST", target, {})
    assert (status, _name(body)) == (400, "SubscriptionLimitExceeded")


@pytest.mark.parametrize(
    ("shape", "name"),
    [("array", "docs"), ("object", "docs_b"), ("nested", "spec")],
)
async def test_the_three_answers_that_x_was_seen_to_give(rig_with, sample, shape, name):
    rig = await rig_with(create_shape=shape)
    webhook_id = await rig.register()
    wanted = {
        "event_type": "post.create",
        "filter": {"user_id": rig.bot_id},
        "tag": "t",
        "webhook_id": webhook_id,
    }
    _, body, _ = await rig.call("POST", _ACTIVITY, wanted)
    known = sample(f"rest/activity_subscription_create_200_{name}")
    assert type(body["data"]) is type(known["data"])
    one = body["data"][0] if shape == "array" else body["data"].get("subscription", body["data"])
    assert one.keys() == {
        "subscription_id", "event_type", "filter", "created_at", "updated_at", "tag", "webhook_id"
    }  # fmt: skip
    assert one["filter"] == {"user_id": rig.bot_id}


async def test_listing_changing_deleting(rig, sample):
    webhook_id = await rig.subscribe("dm.received", "post.create", tag="mine")
    _, body, _ = await rig.call("GET", _ACTIVITY, auth="app")
    known = sample("rest/activity_subscriptions_list_200")
    assert body["data"][0].keys() >= known["data"][0].keys()
    assert body["meta"] == {"total_subscriptions": 2}
    first, second = (one["subscription_id"] for one in body["data"])
    rig.clock.move(5)
    _, body, _ = await rig.call("PUT", f"{_ACTIVITY}/{first}", {"tag": "other"}, auth="app")
    changed = body["data"]["subscription"]
    assert (changed["tag"], changed["webhook_id"]) == ("other", webhook_id)
    assert changed["updated_at"] > changed["created_at"]
    assert body["data"]["total_subscriptions"] == 2
    assert (await rig.call("PUT", f"{_ACTIVITY}/{first}", {"webhook_id": "5"}, auth="app"))[0] == 400
    _, body, _ = await rig.call("DELETE", f"{_ACTIVITY}/{first}", auth="app")
    assert (body["data"], body["meta"]) == ({"deleted": True}, {"total_subscriptions": 1})
    assert (await rig.call("DELETE", f"{_ACTIVITY}/{first}", auth="app"))[0] == 404
    _, body, _ = await rig.call("DELETE", f"{_ACTIVITY}?ids={second},{first}", auth="app")
    assert body["data"] == [{"subscription_id": second, "deleted": True}]
    assert body["errors"][0]["subscription_id"] == first
    assert (await rig.call("DELETE", _ACTIVITY, auth="app"))[0] == 400


async def test_pages(rig):
    await rig.subscribe("dm.received", "dm.sent", "dm.read")
    _, one, _ = await rig.call("GET", f"{_ACTIVITY}?max_results=2", auth="app")
    token = one["meta"]["next_token"]
    _, two, _ = await rig.call("GET", f"{_ACTIVITY}?max_results=2&pagination_token={token}", auth="app")
    assert [row["event_type"] for row in one["data"] + two["data"]] == ["dm.received", "dm.sent", "dm.read"]
    assert "next_token" not in two["meta"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"filter": None}, "$.filter: null found, object expected"),
        ({"filter": {}}, "$.filter: should be valid to any of"),
        ({"filter": {"user_id": "x"}}, "$.filter.user_id: does not match"),
        ({"event_type": "ProfileBioUpdate"}, "$.event_type: does not have a value in the enumeration"),
        ({"tag": ""}, "$.tag: must be at least 1"),
        ({"colour": "red"}, "$.colour: is not defined"),
        ({"webhook_id": "5"}, "WebhookIdInvalid"),
        ({"event_type": "mute.mute", "direction": True}, "$.direction: is not defined"),
    ],
)
async def test_what_is_no_subscription_is_400(rig, change, message):
    wanted = {"event_type": "post.create", "filter": {"user_id": rig.bot_id}, **change}
    status, body, _ = await rig.call("POST", _ACTIVITY, wanted)
    assert status == 400
    assert body["errors"][0]["message"].startswith(message)


async def test_a_missing_filter_is_said_in_x_s_words(rig):
    _, body, _ = await rig.call("POST", _ACTIVITY, {"event_type": "post.create"})
    assert body["errors"][0]["message"] == "$.filter: is missing but it is required"


async def test_private_events_need_the_account_s_own_token(rig):
    wanted = {"event_type": "dm.received", "filter": {"user_id": rig.bot_id}}
    status, body, _ = await rig.call("POST", _ACTIVITY, wanted, auth="app")
    assert (status, body["title"]) == (403, "Unsupported Authentication")
    other = {"event_type": "dm.received", "filter": {"user_id": rig.user("alice")}}
    assert (await rig.call("POST", _ACTIVITY, other))[0] == 403
    public = {"event_type": "post.create", "filter": {"user_id": rig.user("alice")}}
    assert (await rig.call("POST", _ACTIVITY, public, auth="app"))[0] == 200
    assert (await rig.call("POST", _ACTIVITY, wanted, auth="oauth2"))[0] == 200


async def test_the_same_again_is_a_duplicate(rig):
    wanted = {"event_type": "like.create", "filter": {"user_id": rig.bot_id}}
    assert (await rig.call("POST", _ACTIVITY, wanted))[0] == 200
    status, body, _ = await rig.call("POST", _ACTIVITY, wanted)
    assert (status, "Duplicate" in body["errors"][0]["message"]) == (400, True)
    inbound = {"event_type": "like.create", "filter": {"user_id": rig.bot_id, "direction": "inbound"}}
    assert (await rig.call("POST", _ACTIVITY, inbound))[0] == 200


async def test_odd_ones(rig):
    news = {"event_type": "news.new", "filter": {"keyword": "x"}}
    assert (await rig.call("POST", _ACTIVITY, news))[0] == 403
    mute = {"event_type": "mute.mute", "filter": {"user_id": rig.bot_id, "direction": "inbound"}}
    assert (await rig.call("POST", _ACTIVITY, mute))[0] == 400
    old = {"event_type": "chat.conversation_join", "filter": {"user_id": rig.bot_id}}
    _, body, _ = await rig.call("POST", _ACTIVITY, old)
    assert body["data"]["subscription"]["event_type"] == "chat.conversation.join"


async def test_a_deleted_webhook_takes_its_subscriptions_along(rig):
    webhook_id = await rig.subscribe("dm.received")
    await rig.call("POST", f"/2/account_activity/webhooks/{webhook_id}/subscriptions/all", {})
    await rig.call("DELETE", f"/2/webhooks/{webhook_id}", auth="app")
    _, body = await rig.control("GET", "state")
    assert body["subscriptions"] == {"account_activity": [], "activity": []}


async def test_the_limit(rig_with):
    rig = await rig_with(activity_limit=1)
    await rig.subscribe("dm.received")
    wanted = {"event_type": "dm.sent", "filter": {"user_id": rig.bot_id}}
    status, body, _ = await rig.call("POST", _ACTIVITY, wanted)
    assert (status, _name(body)) == (400, "SubscriptionLimitExceeded")
