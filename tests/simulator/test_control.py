"""The control API: what people do, what can be seen, and who may ask."""

from __future__ import annotations

import asyncio

import pytest


async def _reply(rig, text: str, name: str = "alice"):
    path = f"/2/dm_conversations/with/{rig.user(name)}/messages"
    _, body, _ = await rig.call("POST", path, {"text": text})
    return body["data"]["dm_event_id"]


async def test_state_shows_everything_but_secrets(rig):
    await rig.subscribe("dm.received")
    async with rig.http.get(f"{rig.sim.url}/_sim/state") as answer:
        text, body = await answer.text(), await answer.json()
    assert body["bot"]["username"] == "my_bot"
    assert [user["username"] for user in body["users"]] == ["alice", "bob"]
    assert body["webhooks"][0]["url"] == rig.webhook.url
    assert body["subscriptions"]["activity"][0]["event_type"] == "dm.received"
    config = rig.sim.config
    for secret in (
        config.consumer_secret,
        config.access_token,
        config.access_token_secret,
        config.bearer_token,
    ):
        assert secret not in text
        assert secret not in repr(config)


async def test_people_are_made_on_the_fly(rig):
    status, body = await rig.control("POST", "dm", {"from": "@carol", "text": "hi"})
    assert (status, body["from"]) == (200, rig.user("carol"))
    status, body = await rig.control("POST", "dm", {"from": "not a name", "text": "hi"})
    assert (status, "username" in body["error"]) == (400, True)
    assert (await rig.control("POST", "dm", {"from": "12345", "text": "hi"}))[0] == 400


async def test_people_can_be_made_and_changed(rig):
    _, made = await rig.control("POST", "users", {"username": "dave", "name": "Dave"})
    _, changed = await rig.control("POST", "users", {"username": "Dave", "dms_open": False})
    assert (changed["id"], changed["name"], changed["dms_open"]) == (made["id"], "Dave", False)
    _, again = await rig.control("POST", "users", {"username": "dave", "name": "David", "protected": True})
    assert (again["name"], again["dms_open"], again["protected"]) == ("David", False, True)


@pytest.mark.parametrize(
    ("what", "body", "problem"),
    [
        ("dm", {"from": "alice"}, "a message needs text"),
        ("dm", {"text": "x"}, "from is missing"),
        ("dm", {"from": "alice", "text": 1}, "text is missing, or not a text"),
        ("dm", {"from": "alice", "to": "nobody", "text": "x"}, "there is no user nobody"),
        ("dm", {"from": "my_bot", "text": "x"}, "say with `to`"),
        ("read", {"from": "alice"}, "the account has not written"),
        ("unfollow", {"from": "alice"}, "this user does not follow"),
        ("like", {"from": "alice", "post_id": "1"}, "there is no such post"),
        ("revoke", {"user": "alice"}, "only a connected account"),
        ("profile", {"user": "nobody", "part": "bio"}, "there is no such user"),
        ("profile", {"part": "handle", "value": "alice"}, "this handle is taken"),
        ("raw", {}, "give the body"),
        ("users", {"username": "x" * 16}, "a username has 1 to 15"),
        ("users", {"username": "eve", "dms_open": "no"}, "dms_open is true or false"),
    ],
)
async def test_a_mistake_is_said(rig, what, body, problem):
    status, answer = await rig.control("POST", what, body)
    assert (status, answer["error"].startswith(problem)) == (400, True), answer


async def test_doing_it_twice_is_said(rig):
    for what in ("follow", "like", "repost"):
        assert (await rig.control("POST", what, {"from": "alice"}))[0] == 200
        assert (await rig.control("POST", what, {"from": "alice"}))[0] == 400


async def test_without_a_post_of_the_bot_there_is_nothing_to_like(rig):
    post = rig.sim.world.newest_post_by(rig.bot_id)
    await rig.call("DELETE", f"/2/tweets/{post.id}")
    status, body = await rig.control("POST", "like", {"from": "alice"})
    assert (status, body["error"]) == (400, "the account has no post yet")


async def test_a_closed_inbox_is_open_to_whom_the_bot_wrote_first(rig_with):
    rig = await rig_with()
    rig.sim.world.users[rig.bot_id].dms_open = False
    assert (await rig.control("POST", "dm", {"from": "alice", "text": "hi"}))[0] == 400
    await _reply(rig, "hello")
    assert (await rig.control("POST", "dm", {"from": "alice", "text": "hi"}))[0] == 200


async def test_the_conversation(rig):
    _, mine = await rig.control("POST", "dm", {"from": "alice", "text": "a < b"})
    reply = await _reply(rig, "yes")
    _, post = await rig.control("POST", "mention", {"from": "alice"})
    await rig.call("POST", "/2/tweets", {"text": "hi", "reply": {"in_reply_to_tweet_id": post["post_id"]}})
    await rig.call("POST", "/2/tweets", {"text": "about something else"})
    _, body = await rig.control("GET", "conversation?user=alice")
    assert [one["id"] for one in body["messages"]] == [mine["message_id"], reply]
    assert [one["text"] for one in body["messages"]] == ["a < b", "yes"]
    assert [one["text"] for one in body["posts"]] == ["@my_bot hello", "hi"]
    assert (await rig.control("GET", "conversation?user=nobody"))[0] == 404
    assert (await rig.control("GET", "conversation?user=my_bot"))[0] == 400


async def test_the_long_poll_returns_the_next_reply(rig):
    _, mine = await rig.control("POST", "dm", {"from": "alice", "text": "hi"})
    path = f"replies?user=alice&after={mine['message_id']}&timeout=30"
    waiting = asyncio.create_task(rig.control("GET", path))
    await _reply(rig, "for somebody else", "bob")
    first = await _reply(rig, "one")
    status, body = await waiting
    assert (status, body["message_id"], body["text"]) == (200, first, "one")
    await _reply(rig, "two")
    _, body = await rig.control("GET", f"replies?user=alice&after={first}&timeout=30")
    assert body["text"] == "two"


async def test_the_long_poll_ends_empty(rig):
    for path in ("replies?user=alice&timeout=0", "replies?user=somebody_new&timeout=0"):
        assert await rig.control("GET", path) == (204, None)
    assert (await rig.control("GET", "replies?user=alice&timeout=x"))[0] == 400
    assert (await rig.control("GET", "replies?user=alice&after=x"))[0] == 400
    assert (await rig.control("GET", "replies"))[0] == 400


async def test_many_can_wait_for_one_reply(rig):
    path = "replies?user=alice&after=0&timeout=30"
    waiting = [asyncio.create_task(rig.control("GET", path)) for _ in range(3)]
    await _reply(rig, "all of you")
    assert {body["text"] for _, body in await asyncio.gather(*waiting)} == {"all of you"}


async def test_the_log_is_bounded_and_tells_what_is_new(rig_with):
    rig = await rig_with(log_size=3)
    for number in range(5):
        await rig.call("GET", f"/2/users/{number}")
    _, body = await rig.control("GET", "log?after=0")
    assert [entry["path"] for entry in body["entries"]] == ["/2/users/2", "/2/users/3", "/2/users/4"]
    assert (await rig.control("GET", f"log?after={body['last']}"))[1]["entries"] == []
    await rig.call("POST", "/2/tweets", {"text": "hello"})
    _, body = await rig.control("GET", f"log?after={body['last']}")
    (entry,) = body["entries"]
    assert (entry["method"], entry["status"], entry["as"]) == ("POST", 201, "oauth1")
    assert entry["body"] == {"text": "hello"}
    assert "authorization" not in str(entry).lower()


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"host": "evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"content-type": "text/plain"},
    ],
)
async def test_other_sites_are_refused(rig, headers):
    url = f"{rig.sim.url}/_sim/dm"
    sent = {"content-type": "application/json", **headers}
    async with rig.http.post(url, data=b'{"from": "alice", "text": "x"}', headers=sent) as answer:
        assert answer.status == 403
    assert not rig.sim.world.messages


async def test_another_name_for_this_machine_reads_nothing(rig):
    for path in ("/", "/_sim/state", "/_sim/events", "/_sim/page.js"):
        async with rig.http.get(rig.sim.url + path, headers={"host": "rebound.example"}) as answer:
            assert answer.status == 403


async def test_the_page_itself_may(rig):
    headers = {"origin": rig.sim.url, "sec-fetch-site": "same-origin"}
    async with rig.http.post(
        f"{rig.sim.url}/_sim/dm", json={"from": "alice", "text": "x"}, headers=headers
    ) as answer:
        assert answer.status == 200


async def test_no_body_and_no_object(rig):
    for data in (b"[", b"[]", b""):
        headers = {"content-type": "application/json"}
        async with rig.http.post(f"{rig.sim.url}/_sim/like", data=data, headers=headers) as answer:
            assert answer.status == 400


async def test_off_loopback_there_is_no_control(rig_with):
    rig = await rig_with(host="0.0.0.0")
    for path in ("/", "/_sim/state"):
        async with rig.http.get(f"http://127.0.0.1:{rig.sim.port}{path}") as answer:
            assert answer.status == 404


async def test_control_can_be_switched_off(rig_with):
    rig = await rig_with(control=False)
    assert (await rig.call("GET", "/_sim/state"))[0] == 404
    assert (await rig.call("GET", "/2/users/me"))[0] == 200
