"""Direct messages over the v2 calls."""

from __future__ import annotations

import pytest


async def _send(rig, name: str, text: str):
    return await rig.call("POST", f"/2/dm_conversations/with/{rig.user(name)}/messages", {"text": text})


async def test_a_message_to_a_person(rig, sample):
    status, body, _ = await _send(rig, "alice", "hello")
    known = sample("rest/dm_send_201")
    assert (status, body["data"].keys()) == (201, known["data"].keys())
    low, high = sorted((rig.bot_id, rig.user("alice")), key=int)
    assert body["data"]["dm_conversation_id"] == f"{low}-{high}"
    assert rig.sim.world.messages[body["data"]["dm_event_id"]].text == "hello"


async def test_a_message_into_a_conversation(rig):
    _, first, _ = await _send(rig, "alice", "hello")
    key = first["data"]["dm_conversation_id"]
    status, body, _ = await rig.call("POST", f"/2/dm_conversations/{key}/messages", {"text": "again"})
    assert (status, body["data"]["dm_conversation_id"]) == (201, key)
    other = f"{rig.user('alice')}-{rig.user('bob')}"
    assert (await rig.call("POST", f"/2/dm_conversations/{other}/messages", {"text": "no"}))[0] == 403


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "$: should be valid to any of the schemas text, attachments"),
        ({"text": ""}, "$.text: must be at least 1 characters long"),
        ({"text": "a", "quick_reply": {}}, "$.quick_reply: is not defined in the schema"),
        ({"text": 5}, "$.text: integer found, string expected"),
        ({"attachments": [{"media_id": "x"}]}, "$.attachments[0].media_id: does not match"),
        ({"attachments": [{"media_id": "1"}] * 2}, "$.attachments: there must be a maximum of 1"),
        ({"text": "x" * 10_001}, "$.text: may only be 10000"),
    ],
)
async def test_what_is_no_message_is_400(rig, body, message):
    path = f"/2/dm_conversations/with/{rig.user('alice')}/messages"
    status, answer, _ = await rig.call("POST", path, body)
    assert status == 400
    assert answer["type"].endswith("/problems/invalid-request")
    assert answer["errors"][0]["message"].startswith(message)


async def test_a_body_that_is_no_json_is_400(rig):
    url = f"{rig.sim.url}/2/tweets"
    headers = rig.signed("POST", url, {"Content-Type": "application/json"})
    async with rig.http.post(url, data=b"{", headers=headers) as answer:
        assert answer.status == 400


async def test_closed_messages_are_403(rig, sample):
    await rig.control("POST", "users", {"username": "alice", "dms_open": False})
    status, body, _ = await _send(rig, "alice", "hello")
    assert (status, body) == (403, sample("rest/error_403_dm_not_permitted"))
    status, _, _ = await rig.call("POST", "/2/dm_conversations/with/99/messages", {"text": "nobody"})
    assert status == 403


async def test_whoever_blocked_the_bot_can_t_be_written_to(rig):
    await rig.control("POST", "block", {"from": "alice"})
    assert (await _send(rig, "alice", "hello"))[0] == 403
    await rig.control("POST", "unblock", {"from": "alice"})
    assert (await _send(rig, "alice", "hello"))[0] == 201


async def test_a_group(rig):
    members = [rig.user("alice"), rig.user("bob")]
    wanted = {"conversation_type": "Group", "participant_ids": members, "message": {"text": "all of you"}}
    status, body, _ = await rig.call("POST", "/2/dm_conversations", wanted)
    group = body["data"]["dm_conversation_id"]
    assert (status, group.isdecimal()) == (201, True)
    status, _, _ = await rig.call("POST", f"/2/dm_conversations/{group}/messages", {"text": "more"})
    assert status == 201
    _, body, _ = await rig.call("GET", f"/2/dm_conversations/{group}/dm_events")
    assert [one["text"] for one in body["data"]] == ["more", "all of you"]
    for wrong in ({**wanted, "conversation_type": "group"}, {**wanted, "participant_ids": members[:1]}):
        assert (await rig.call("POST", "/2/dm_conversations", wrong))[0] == 400
    mine = {**wanted, "participant_ids": [*members, rig.bot_id]}
    assert (await rig.call("POST", "/2/dm_conversations", mine))[0] == 400


async def test_reading_gives_what_was_asked_for_newest_first(rig):
    await rig.control("POST", "dm", {"from": "alice", "text": "a < b & c"})
    rig.clock.move(1)
    await _send(rig, "alice", "see https://example.com/x")
    with_alice = f"/2/dm_conversations/with/{rig.user('alice')}/dm_events"
    _, body, _ = await rig.call("GET", with_alice)
    assert body["meta"] == {"result_count": 2}
    assert [sorted(one) for one in body["data"]] == [["event_type", "id", "text"]] * 2
    fields = "?dm_event.fields=sender_id,created_at,entities,dm_conversation_id&expansions=sender_id"
    _, body, _ = await rig.call("GET", with_alice + fields)
    newest, oldest = body["data"]
    assert oldest["text"] == "a &lt; b &amp; c"
    assert oldest["sender_id"] == rig.user("alice")
    assert newest["entities"]["urls"][0]["expanded_url"] == "https://example.com/x"
    assert newest["text"] == f"see {newest['entities']['urls'][0]['url']}"
    assert {user["username"] for user in body["includes"]["users"]} == {"alice", "my_bot"}
    for path in ("/2/dm_events", f"/2/dm_conversations/{newest['dm_conversation_id']}/dm_events"):
        _, same, _ = await rig.call("GET", path)
        assert [one["id"] for one in same["data"]] == [newest["id"], oldest["id"]]


async def test_pages(rig):
    for number in range(5):
        await rig.control("POST", "dm", {"from": "alice", "text": str(number)})
    seen, token = [], ""
    for _ in range(3):
        path = f"/2/dm_events?max_results=2{token}"
        _, body, _ = await rig.call("GET", path)
        seen += [one["text"] for one in body["data"]]
        token = f"&pagination_token={body['meta'].get('next_token')}"
    assert seen == ["4", "3", "2", "1", "0"]
    assert "next_token" not in body["meta"]
    assert (await rig.call("GET", "/2/dm_events?max_results=101"))[0] == 400
    assert (await rig.call("GET", "/2/dm_events?pagination_token=1"))[0] == 400
    _, body, _ = await rig.call("GET", "/2/dm_events?event_types=ParticipantsJoin")
    assert body["data"] == []


async def test_the_list_reaches_thirty_days_back(rig):
    await rig.control("POST", "dm", {"from": "alice", "text": "old"})
    rig.clock.move(31 * 86_400)
    _, body, _ = await rig.call("GET", "/2/dm_events")
    assert body["meta"]["result_count"] == 0


async def test_one_message_and_its_deletion(rig):
    _, sent, _ = await _send(rig, "alice", "mine")
    event_id = sent["data"]["dm_event_id"]
    _, body, _ = await rig.call("GET", f"/2/dm_events/{event_id}")
    assert body["data"]["text"] == "mine"
    status, body, _ = await rig.call("DELETE", f"/2/dm_events/{event_id}")
    assert (status, body) == (200, {"data": {"deleted": True}})
    status, body, _ = await rig.call("GET", f"/2/dm_events/{event_id}")
    assert (status, body["errors"][0]["resource_id"]) == (200, event_id)
    _, got = await rig.control("POST", "dm", {"from": "alice", "text": "hers"})
    assert (await rig.call("DELETE", f"/2/dm_events/{got['message_id']}"))[0] == 403


async def test_blocking_messages(rig):
    path = f"/2/users/{rig.user('alice')}/dm"
    assert (await rig.call("POST", f"{path}/block"))[1] == {"data": {"blocked": True}}
    status, body = await rig.control("POST", "dm", {"from": "alice", "text": "hello"})
    assert (status, "blocked" in body["error"]) == (400, True)
    assert (await rig.call("POST", f"{path}/unblock"))[1] == {"data": {"blocked": False}}
    assert (await rig.control("POST", "dm", {"from": "alice", "text": "hello"}))[0] == 200


async def test_media_comes_back_as_attachment(rig_with):
    rig = await rig_with(check_media=False)
    path = f"/2/dm_conversations/with/{rig.user('alice')}/messages"
    status, _, _ = await rig.call("POST", path, {"attachments": [{"media_id": "77"}]})
    assert status == 201
    _, body, _ = await rig.call("GET", "/2/dm_events?dm_event.fields=attachments")
    assert body["data"][0]["attachments"] == {"media_keys": ["3_77"]}
