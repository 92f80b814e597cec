"""Posts, likes, reposts, over the v2 calls."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest


async def _post(rig, **body):
    return await rig.call("POST", "/2/tweets", body)


async def test_a_post(rig, sample):
    status, body, _ = await _post(rig, text="hello & all")
    known = sample("rest/post_create_201")
    assert (status, body["data"].keys()) == (201, known["data"].keys())
    assert body["data"]["text"] == "hello &amp; all"
    assert body["data"]["edit_history_tweet_ids"] == [body["data"]["id"]]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"text": "x", "status": "y"}, "$.status: is not defined in the schema"),
        ({"text": 1}, "$.text: integer found, string expected"),
        ({"text": "x", "reply": {}}, "$.reply.in_reply_to_tweet_id: is missing but it is required"),
        ({"text": "x", "reply": {"in_reply_to_tweet_id": "1", "a": 1}}, "$.reply.a: is not defined"),
        ({"text": "x", "reply_settings": "nobody"}, "$.reply_settings: does not have a value in the enum"),
        ({"text": "x", "nullcast": "yes"}, "$.nullcast: string found, boolean expected"),
        ({"text": "x", "poll": {"options": ["a"], "duration_minutes": 5}}, "$.poll.options: there must be"),
        ({"text": "x", "poll": {"options": ["a", "b"], "duration_minutes": 4}}, "$.poll.duration_minutes"),
        ({"text": "x", "poll": {"options": ["a", "b"], "duration_minutes": True}}, "$.poll.duration_minutes"),
        ({"text": "x", "media": {"media_ids": []}}, "$.media.media_ids: there must be a minimum of 1"),
        ({}, "$.text: is required unless media is given"),
        ({"text": "x", "quote_tweet_id": "1", "media": {"media_ids": ["1"]}}, "$: only one of"),
        ({"text": "x" * 281}, "$.text: is longer than 280"),
    ],
)
async def test_what_the_schema_does_not_allow_is_400(rig, body, message):
    status, answer, _ = await _post(rig, **body)
    assert (status, answer["title"]) == (400, "Invalid Request")
    assert answer["errors"][0]["message"].startswith(message)


async def test_the_same_again_is_refused_for_a_day(rig, sample):
    assert (await _post(rig, text="hello"))[0] == 201
    status, body, _ = await _post(rig, text=" hello ")
    assert (status, body) == (403, sample("rest/error_403_duplicate_content"))
    rig.clock.move(86_401)
    assert (await _post(rig, text="hello"))[0] == 201


async def test_a_reply_needs_a_summons(rig, sample):
    quiet = rig.sim.world.publish_post(rig.sim.world.users[rig.user("alice")], "just talking")
    reply = {"in_reply_to_tweet_id": quiet.id}
    status, body, _ = await _post(rig, text="hi", reply=reply)
    assert (status, body) == (403, sample("rest/error_403_reply_not_summoned"))
    _, loud = await rig.control("POST", "mention", {"from": "alice", "text": "hey @my_bot"})
    status, body, _ = await _post(rig, text="hi", reply={"in_reply_to_tweet_id": loud["post_id"]})
    assert (status, body["data"]["text"]) == (201, "@alice hi")
    _, quote = await rig.control("POST", "quote", {"from": "alice"})
    assert (await _post(rig, text="hi", reply={"in_reply_to_tweet_id": quote["post_id"]}))[0] == 201
    _, plain = await rig.control("POST", "reply", {"from": "alice", "text": "oh"})
    assert (await _post(rig, text="hi", reply={"in_reply_to_tweet_id": plain["post_id"]}))[0] == 403


async def test_without_the_rule_any_post_can_be_answered(rig_with):
    rig = await rig_with(require_summons=False)
    quiet = rig.sim.world.publish_post(rig.sim.world.users[rig.user("alice")], "just talking")
    assert (await _post(rig, text="hi", reply={"in_reply_to_tweet_id": quiet.id}))[0] == 201
    assert (await _post(rig, text="hi", reply={"in_reply_to_tweet_id": "1"}))[0] == 403


async def test_own_posts_can_be_answered_and_quoted(rig):
    _, first, _ = await _post(rig, text="one")
    own = first["data"]["id"]
    assert (await _post(rig, text="two", reply={"in_reply_to_tweet_id": own}))[0] == 201
    assert (await _post(rig, text="three", quote_tweet_id=own))[0] == 201
    assert (await _post(rig, text="three", quote_tweet_id="1"))[0] == 403


async def test_one_cashtag_a_post(rig):
    assert (await _post(rig, text="buy $A"))[0] == 201
    assert (await _post(rig, text="buy $A and $B"))[0] == 403


async def test_reading_one_and_many(rig):
    _, made, _ = await _post(rig, text="hi @alice")
    one = made["data"]["id"]
    _, body, _ = await rig.call("GET", f"/2/tweets/{one}")
    assert sorted(body["data"]) == ["edit_history_tweet_ids", "id", "text"]
    query = "tweet.fields=author_id,entities,public_metrics&expansions=author_id"
    _, body, _ = await rig.call("GET", f"/2/tweets/{one}?{query}", auth="app")
    assert body["data"]["entities"]["mentions"][0]["start"] == 3
    assert "like_count_str" not in body["data"]["public_metrics"]
    assert body["includes"]["users"][0]["id"] == rig.bot_id
    status, body, _ = await rig.call("GET", f"/2/tweets?ids={one},7")
    assert (status, len(body["data"]), body["errors"][0]["value"]) == (200, 1, "7")
    status, body, _ = await rig.call("GET", "/2/tweets/7")
    assert (status, list(body)) == (200, ["errors"])
    assert body["errors"][0]["type"].endswith("/problems/resource-not-found")
    assert (await rig.call("GET", "/2/tweets"))[0] == 400
    assert (await rig.call("GET", "/2/tweets?ids=a"))[0] == 400


async def test_deleting(rig):
    _, made, _ = await _post(rig, text="hi")
    status, body, _ = await rig.call("DELETE", f"/2/tweets/{made['data']['id']}")
    assert (status, body) == (200, {"data": {"deleted": True}})
    assert (await rig.call("DELETE", f"/2/tweets/{made['data']['id']}"))[0] == 400
    _, theirs = await rig.control("POST", "mention", {"from": "alice"})
    assert (await rig.call("DELETE", f"/2/tweets/{theirs['post_id']}"))[0] == 403


async def test_likes(rig):
    _, post = await rig.control("POST", "mention", {"from": "alice"})
    path = f"/2/users/{rig.bot_id}/likes"
    for _ in range(2):
        status, body, _ = await rig.call("POST", path, {"tweet_id": post["post_id"]})
        assert (status, body) == (200, {"data": {"liked": True}})
    status, body, _ = await rig.call("DELETE", f"{path}/{post['post_id']}")
    assert (status, body) == (200, {"data": {"liked": False}})
    assert not rig.sim.world.likes
    assert (await rig.call("POST", path, {"tweet_id": "1"}))[0] == 400


async def test_reposts(rig):
    _, post = await rig.control("POST", "mention", {"from": "alice", "text": "yes"})
    path = f"/2/users/{rig.bot_id}/retweets"
    _, first, _ = await rig.call("POST", path, {"tweet_id": post["post_id"]})
    _, second, _ = await rig.call("POST", path, {"tweet_id": post["post_id"]})
    assert first == second
    assert rig.sim.world.posts[first["data"]["rest_id"]].text == "RT @alice: @my_bot yes"
    _, body, _ = await rig.call("DELETE", f"{path}/{post['post_id']}")
    assert body == {"data": {"retweeted": False}}
    assert first["data"]["rest_id"] not in rig.sim.world.posts


async def test_hiding_replies_in_own_conversations(rig):
    _, reply = await rig.control("POST", "reply", {"from": "alice"})
    path = f"/2/tweets/{reply['post_id']}/hidden"
    assert (await rig.call("PUT", path, {"hidden": True}))[1] == {"data": {"hidden": True}}
    assert (await rig.call("PUT", path, {}))[0] == 400
    _, other = await rig.control("POST", "mention", {"from": "alice"})
    assert (await rig.call("PUT", f"/2/tweets/{other['post_id']}/hidden", {"hidden": True}))[0] == 403


async def test_self_serve_can_t_like_follow_or_quote(rig_with):
    rig = await rig_with(engagement_allowed=False)
    _, post = await rig.control("POST", "mention", {"from": "alice"})
    for method, path, body in (
        ("POST", f"/2/users/{rig.bot_id}/likes", {"tweet_id": post["post_id"]}),
        ("POST", f"/2/users/{rig.bot_id}/following", {"target_user_id": rig.user("alice")}),
        ("POST", "/2/tweets", {"text": "look", "quote_tweet_id": post["post_id"]}),
    ):
        status, answer, _ = await rig.call(method, path, body)
        assert (status, answer["type"].rpartition("/")[2]) == (403, "client-forbidden")


async def _listed(rig, query: str = "", who: str = ""):
    status, body, _ = await rig.call("GET", f"/2/users/{who or rig.bot_id}/tweets?{query}")
    assert status == 200, body
    return [post["text"] for post in body.get("data", ())], body["meta"]


async def test_a_users_posts_newest_first_page_by_page(rig):
    for number in range(7):
        rig.clock.now += 1
        await rig.call("POST", "/2/tweets", {"text": f"post {number}"})
    first, meta = await _listed(rig, "max_results=5&tweet.fields=created_at,author_id")
    assert first == ["post 6", "post 5", "post 4", "post 3", "post 2"]
    assert meta["result_count"] == 5
    assert int(meta["newest_id"]) > int(meta["oldest_id"])
    second, meta = await _listed(rig, f"max_results=5&pagination_token={meta['next_token']}")
    assert second == ["post 1", "post 0", "Hello, I am a bot."]
    assert "next_token" not in meta
    assert await _listed(rig, who=rig.user("alice")) == ([], {"result_count": 0})


async def test_a_users_posts_between_bounds_and_without_some_kinds(rig):
    alice = rig.sim.world.users[rig.user("alice")]
    rig.clock.now += 60
    base = rig.sim.world.publish_post(alice, "first")
    rig.clock.now += 60
    rig.sim.world.publish_post(alice, "answer", in_reply_to_id=base.id)
    rig.sim.world.repost(alice, base)
    everything = ["RT @alice: first", "answer", "first"]
    assert (await _listed(rig, who=alice.id))[0] == everything
    assert (await _listed(rig, "exclude=replies", alice.id))[0] == ["RT @alice: first", "first"]
    assert (await _listed(rig, "exclude=retweets,replies", alice.id))[0] == ["first"]
    assert (await _listed(rig, f"since_id={base.id}", alice.id))[0] == everything[:2]
    assert (await _listed(rig, f"until_id={int(base.id) + 1}", alice.id))[0] == ["first"]
    later = datetime.fromtimestamp(rig.clock.now - 30, UTC).isoformat().replace("+00:00", "Z")
    assert (await _listed(rig, f"start_time={later}", alice.id))[0] == everything[:2]
    assert (await _listed(rig, f"end_time={later}", alice.id))[0] == ["first"]


@pytest.mark.parametrize(
    "query", ["max_results=4", "max_results=101", "since_id=x", "start_time=now", "exclude=likes"]
)
async def test_a_list_of_posts_that_can_not_be_is_400(rig, query):
    assert (await rig.call("GET", f"/2/users/{rig.bot_id}/tweets?{query}"))[0] == 400


async def test_posts_of_nobody(rig):
    status, body, _ = await rig.call("GET", "/2/users/5/tweets")
    assert (status, body["errors"][0]["resource_type"]) == (200, "user")
