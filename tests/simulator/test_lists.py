"""Lists of people and posts, usage, and welcome messages."""

from __future__ import annotations

import pytest


async def _follow(rig, *names):
    for name in names:
        await rig.control("POST", "follow", {"from": name})


def _names(body):
    return [one["username"] for one in body.get("data", ())]


async def test_followers_come_in_pages_the_newest_first(rig):
    await _follow(rig, "alice", "bob", "carol")
    path = f"/2/users/{rig.bot_id}/followers?max_results=2"
    _, first, _ = await rig.call("GET", path, auth="app")
    assert (_names(first), first["meta"]["result_count"]) == (["carol", "bob"], 2)
    token = first["meta"]["next_token"]
    assert len(token) >= 16
    _, second, _ = await rig.call("GET", f"{path}&pagination_token={token}")
    assert (_names(second), "next_token" in second["meta"]) == (["alice"], False)
    assert "previous_token" in second["meta"]
    assert (await rig.call("GET", f"{path}&pagination_token=5"))[0] == 400
    assert (await rig.call("GET", f"/2/users/{rig.bot_id}/followers?max_results=1001"))[0] == 400


async def test_every_list_of_people(rig):
    world, bot, alice = rig.sim.world, rig.bot_id, rig.user("alice")
    await _follow(rig, "alice")
    for collection, body in (("following", "target_user_id"), ("muting", "target_user_id")):
        await rig.call("POST", f"/2/users/{bot}/{collection}", {body: alice})
    world.relate("block", world.users[bot], world.users[rig.user("bob")])
    for path, names in (
        (f"/2/users/{alice}/following", ["my_bot"]),
        (f"/2/users/{bot}/following", ["alice"]),
        (f"/2/users/{bot}/muting", ["alice"]),
        (f"/2/users/{bot}/blocking", ["bob"]),
        (f"/2/users/{rig.user('bob')}/followers", []),
    ):
        status, body, _ = await rig.call("GET", path)
        assert (status, _names(body)) == (200, names), path
    for collection in ("muting", "blocking"):
        assert (await rig.call("GET", f"/2/users/{alice}/{collection}"))[0] == 403, "one's own only"
    status, body, _ = await rig.call("GET", "/2/users/5/followers")
    assert (status, list(body)) == (200, ["errors"])


async def test_who_liked_and_reposted(rig):
    post = rig.sim.world.newest_post_by(rig.bot_id).id
    for name in ("alice", "bob"):
        await rig.control("POST", "like", {"from": name})
        await rig.control("POST", "repost", {"from": name})
    for path in (f"/2/tweets/{post}/liking_users", f"/2/tweets/{post}/retweeted_by"):
        _, body, _ = await rig.call("GET", path)
        assert _names(body) == ["bob", "alice"]
    assert "errors" in (await rig.call("GET", "/2/tweets/5/liking_users"))[1]
    assert "errors" in (await rig.call("GET", "/2/tweets/5/quote_tweets"))[1]


async def test_mentions_are_of_others_and_can_be_read_on_from_one(rig):
    made = []
    for number in range(7):
        _, post = await rig.control("POST", "mention", {"from": "alice", "text": f"@my_bot {number}"})
        made.append(post["post_id"])
    await rig.call("POST", "/2/tweets", {"text": "I am @my_bot"})
    path = f"/2/users/{rig.bot_id}/mentions"
    _, body, _ = await rig.call("GET", f"{path}?since_id={made[4]}&expansions=author_id")
    assert [one["id"] for one in body["data"]] == [made[6], made[5]]
    assert body["includes"]["users"][0]["username"] == "alice"
    _, body, _ = await rig.call("GET", f"{path}?max_results=5")
    assert (len(body["data"]), body["meta"]["newest_id"]) == (5, made[6])
    _, body, _ = await rig.call("GET", f"{path}?max_results=5&pagination_token={body['meta']['next_token']}")
    assert [one["id"] for one in body["data"]] == [made[1], made[0]]


async def test_timelines_likes_and_quotes(rig):
    bot = rig.bot_id
    await rig.call("POST", f"/2/users/{bot}/following", {"target_user_id": rig.user("alice")})
    await rig.control("POST", "mention", {"from": "bob", "text": "not for home"})
    _, post = await rig.control("POST", "mention", {"from": "alice", "text": "for home"})
    _, quote = await rig.control("POST", "quote", {"from": "alice", "text": "a quote"})
    await rig.call("POST", f"/2/users/{bot}/likes", {"tweet_id": post["post_id"]})
    _, body, _ = await rig.call("GET", f"/2/users/{bot}/timelines/reverse_chronological")
    assert [one["id"] for one in body["data"]][:2] == [quote["post_id"], post["post_id"]]
    assert not any("not for home" in one["text"] for one in body["data"])
    _, body, _ = await rig.call("GET", f"/2/users/{bot}/liked_tweets")
    assert [one["id"] for one in body["data"]] == [post["post_id"]]
    _, body, _ = await rig.call("GET", f"/2/tweets/{quote['quoted']}/quote_tweets")
    assert [one["id"] for one in body["data"]] == [quote["post_id"]]


async def test_posts_read_and_delivered_count_as_usage(rig):
    await rig.subscribe_all()
    await rig.call("GET", f"/2/users/{rig.bot_id}/tweets")
    await rig.control("POST", "mention", {"from": "alice"})
    _, body, _ = await rig.call("GET", "/2/usage/tweets?days=1", auth="app")
    assert (body["data"]["project_usage"], body["data"]["project_cap"]) == ("2", "3000000")
    assert body["data"]["daily_project_usage"]["usage"] == [
        {"date": "2026-09-21T00:00:00.000Z", "usage": "2"}
    ]
    rig.clock.move(86_400)
    _, body, _ = await rig.call("GET", "/2/usage/tweets?usage.fields=daily_client_app_usage", auth="app")
    (app,) = body["data"]["daily_client_app_usage"]
    assert [day["usage"] for day in app["usage"]] == ["0"] * 5 + ["2", "0"]
    assert (await rig.call("GET", "/2/usage/tweets"))[0] == 403


WELCOME = "/1.1/direct_messages/welcome_messages"


async def _welcome(rig, text="hello", name="n"):
    body = {"welcome_message": {"name": name, "message_data": {"text": text}}}
    return await rig.call("POST", f"{WELCOME}/new.json", body)


async def test_welcome_messages(rig):
    _, made, _ = await _welcome(rig)
    one = made["welcome_message"]
    assert (one["message_data"]["text"], one["name"]) == ("hello", "n")
    await _welcome(rig, "second")
    _, body, _ = await rig.call("GET", f"{WELCOME}/list.json?count=1")
    assert [each["id"] for each in body["welcome_messages"]] == [one["id"]]
    _, body, _ = await rig.call("GET", f"{WELCOME}/list.json?cursor={body['next_cursor']}")
    assert body["welcome_messages"][0]["message_data"]["text"] == "second"
    changed = {"message_data": {"text": "changed"}}
    await rig.call("PUT", f"{WELCOME}/update.json?id={one['id']}", changed)
    _, body, _ = await rig.call("GET", f"{WELCOME}/show.json?id={one['id']}")
    assert body["welcome_message"]["message_data"]["text"] == "changed"
    assert (await rig.call("DELETE", f"{WELCOME}/destroy.json?id={one['id']}"))[0] == 204
    status, body, _ = await rig.call("GET", f"{WELCOME}/show.json?id={one['id']}")
    assert (status, body["errors"][0]["code"]) == (404, 34)


async def test_a_rule_makes_it_the_default_and_ends_with_it(rig):
    message = (await _welcome(rig))[1]["welcome_message"]["id"]
    rule = {"welcome_message_rule": {"welcome_message_id": message}}
    _, made, _ = await rig.call("POST", f"{WELCOME}/rules/new.json", rule)
    rule_id = made["welcome_message_rule"]["id"]
    assert (await rig.call("POST", f"{WELCOME}/rules/new.json", rule))[0] == 400, "there is one"
    _, body, _ = await rig.call("GET", f"{WELCOME}/rules/list.json")
    assert body["welcome_message_rules"] == [made["welcome_message_rule"]]
    assert (await rig.call("GET", f"{WELCOME}/rules/show.json?id={rule_id}"))[1] == made
    assert (await rig.call("DELETE", f"{WELCOME}/rules/destroy.json?id={rule_id}"))[0] == 204
    await rig.call("POST", f"{WELCOME}/rules/new.json", rule)
    await rig.call("DELETE", f"{WELCOME}/destroy.json?id={message}")
    assert (await rig.call("GET", f"{WELCOME}/rules/list.json"))[1] == {"welcome_message_rules": []}
    assert (await rig.call("POST", f"{WELCOME}/rules/new.json", rule))[0] == 404


@pytest.mark.parametrize("body", [{}, {"welcome_message": {}}, {"welcome_message": {"message_data": {}}}])
async def test_a_welcome_message_needs_a_text(rig, body):
    assert (await rig.call("POST", f"{WELCOME}/new.json", body))[0] == 400


async def test_welcome_messages_have_limits_and_an_owner(rig):
    assert (await _welcome(rig, "x" * 9991))[1]["errors"][0]["code"] == 354
    assert (await _welcome(rig, name="x" * 101))[0] == 400
    message = (await _welcome(rig))[1]["welcome_message"]["id"]
    key = rig.sim.tokens.issue_key(rig.user("alice"), "read-write-directmessages")
    keys = {"token": key.token, "token_secret": key.secret}
    assert (await rig.call("GET", f"{WELCOME}/show.json?id={message}", **keys))[0] == 404
    assert (await rig.call("GET", f"{WELCOME}/list.json?count=51"))[0] == 400
    rig.sim.rules.change({"rich_messages": False})
    status, body, _ = await rig.call("GET", f"{WELCOME}/list.json")
    assert (status, body["errors"][0]["code"]) == (403, 453)
