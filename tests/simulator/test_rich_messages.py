"""Direct messages over the v1.1 calls: options, buttons, typing, read receipts."""

from __future__ import annotations

import pytest

_NEW = "/1.1/direct_messages/events/new.json"


def _event(rig, **data):
    target = {"recipient_id": rig.user("alice")}
    return {"event": {"type": "message_create", "message_create": {"target": target, "message_data": data}}}


async def test_options_and_buttons(rig, sample):
    options = [{"label": "Yes", "description": "do it", "metadata": "y"}]
    options += [{"label": "No", "description": "don't", "metadata": "n"}]
    ctas = [{"type": "web_url", "label": "More", "url": "https://example.com/more"}]
    body = _event(rig, text="Sure?", quick_reply={"type": "options", "options": options}, ctas=ctas)
    status, answer, headers = await rig.call("POST", _NEW, body)
    assert (status, headers["x-access-level"]) == (200, "read-write-directmessages")
    known = sample("aaa/direct_message_sent_quick_reply_options")["direct_message_events"][0]
    assert answer["event"].keys() == known.keys()
    assert answer["event"]["message_create"].keys() == known["message_create"].keys()
    data = answer["event"]["message_create"]["message_data"]
    assert data["quick_reply"] == {"type": "options", "options": options}
    buttons = sample("aaa/direct_message_sent_ctas")["direct_message_events"][0]["message_create"]
    assert data["ctas"][0].keys() == buttons["message_data"]["ctas"][0].keys()


async def test_a_tap_on_an_option(rig):
    await rig.subscribe_all()
    options = [{"label": "Yes", "metadata": "y"}, {"label": "No", "metadata": "n"}]
    await rig.call("POST", _NEW, _event(rig, text="?", quick_reply={"type": "options", "options": options}))
    status, sent = await rig.control("POST", "dm", {"from": "alice", "quick_reply": "n"})
    assert (status, sent["text"]) == (200, "No")
    bodies = await rig.webhook.until(2)
    data = bodies[-1]["direct_message_events"][0]["message_create"]["message_data"]
    assert data["quick_reply_response"] == {"type": "options", "metadata": "n"}
    assert (await rig.control("POST", "dm", {"from": "alice", "quick_reply": "maybe"}))[0] == 400


_LONG = [{"label": "x"}] * 21


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"text": ""},
        {"text": "?", "quick_reply": {"type": "options", "options": []}},
        {"text": "?", "quick_reply": {"type": "options", "options": _LONG}},
        {"text": "?", "quick_reply": {"type": "options", "options": [{"label": "x" * 37}]}},
        {"text": "?", "quick_reply": {"type": "options", "options": [{"label": "see http://x.y"}]}},
        {"text": "?", "quick_reply": {"options": [{"label": "a", "description": "d"}, {"label": "b"}]}},
        {"text": "?", "quick_reply": {"options": [{"label": "a", "metadata": "m" * 1001}]}},
        {"text": "?", "ctas": [{"type": "web_url", "label": "a", "url": "https://x.y"}] * 4},
        {"text": "?", "ctas": [{"type": "phone", "label": "a", "url": "https://x.y"}]},
        {"text": "?", "attachment": {"type": "media"}},
    ],
)
async def test_what_breaks_a_limit_is_refused(rig, data):
    status, body, _ = await rig.call("POST", _NEW, _event(rig, **data))
    assert (status, list(body)) == (400, ["errors"])


async def test_a_text_that_is_too_long_has_its_code(rig):
    status, body, _ = await rig.call("POST", _NEW, _event(rig, text="x" * 10_001))
    assert (status, body["errors"][0]["code"]) == (403, 354)


async def test_media_needs_no_text(rig_with):
    rig = await rig_with(check_media=False)
    media = {"type": "media", "media": {"id": "77"}}
    status, body, _ = await rig.call("POST", _NEW, _event(rig, text="", attachment=media))
    assert status == 200
    data = body["event"]["message_create"]["message_data"]
    assert data["attachment"]["media"]["id_str"] == "77"
    assert data["text"] == data["attachment"]["media"]["url"]


async def test_closed_messages_have_their_code(rig):
    await rig.control("POST", "users", {"username": "alice", "dms_open": False})
    status, body, _ = await rig.call("POST", _NEW, _event(rig, text="hello"))
    assert (status, body["errors"][0]["code"]) == (403, 349)


async def test_typing_and_read(rig):
    _, got = await rig.control("POST", "dm", {"from": "alice", "text": "hello"})
    alice = rig.user("alice")
    with rig.sim.feed.listen() as told:
        status, _, _ = await rig.call(
            "POST", "/1.1/direct_messages/indicate_typing.json", form={"recipient_id": alice}
        )
        assert status == 204
        kind, data = await told.get()
        assert (kind, data["to"]) == ("typing", alice)
        form = {"recipient_id": alice, "last_read_event_id": got["message_id"]}
        status, _, _ = await rig.call("POST", "/1.1/direct_messages/mark_read.json", form=form)
        assert status == 204
    wrong = {"recipient_id": alice, "last_read_event_id": "5"}
    assert (await rig.call("POST", "/1.1/direct_messages/mark_read.json", form=wrong))[0] == 400
    assert (await rig.call("POST", "/1.1/direct_messages/indicate_typing.json", form={}))[0] == 400


async def test_a_package_without_them_is_403_with_code_453(rig_with):
    rig = await rig_with(rich_messages=False)
    status, body, _ = await rig.call("POST", _NEW, _event(rig, text="hello"))
    assert (status, body["errors"][0]["code"]) == (403, 453)
