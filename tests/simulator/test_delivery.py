"""How events are delivered: retries, order, bounds, and every fault on the way to the bot."""

from __future__ import annotations

import json

from botkit.errors import BadSignature
from botkit.x.signature import check_signature


async def _dm(rig, text: str = "hello", name: str = "alice"):
    _, body = await rig.control("POST", "dm", {"from": name, "text": text})
    return body


def _texts(rig) -> list[str]:
    bodies = [json.loads(body) for body in rig.webhook.bodies]
    return [body["direct_message_events"][0]["message_create"]["message_data"]["text"] for body in bodies]


async def test_a_delivery_is_logged_with_its_latency_and_the_reply_s(rig):
    await rig.subscribe_all()
    await _dm(rig)
    await rig.webhook.until(1)
    await rig.sim.courier.idle()
    rig.clock.move(0.25)
    await rig.call("POST", f"/2/dm_conversations/with/{rig.user('alice')}/messages", {"text": "hi"})
    entry = next(one for one in await rig.log("delivery") if "hello" in one["raw"])
    assert (entry["state"], entry["status"], entry["delivered_at"]) == (
        "delivered",
        200,
        rig.clock.now - 0.25,
    )
    assert entry["reply_latency_s"] == 0.25
    assert len(entry["attempts"]) == 1
    assert json.loads(entry["raw"])["for_user_id"] == rig.bot_id


async def test_a_failure_is_tried_again_after_3_27_and_242_seconds_and_then_lost(rig):
    await rig.subscribe_all()
    rig.webhook.statuses = [500, 302, 404, 503]
    await _dm(rig)
    for count, pause in enumerate((3, 27, 242), 1):
        await rig.webhook.until(count)
        await rig.clock.sleeping_until(rig.clock.now + pause)
        assert len(rig.webhook.bodies) == count
        rig.clock.move(pause)
    await rig.sim.courier.idle()
    assert len(set(rig.webhook.bodies)) == 1
    assert len(rig.webhook.bodies) == 4
    (entry,) = await rig.log("delivery")
    assert entry["state"] == "lost: all attempts failed"
    assert [one["status"] for one in entry["attempts"]] == [500, 302, 404, 503]


async def test_a_retry_that_succeeds_ends_it(rig):
    await rig.subscribe_all()
    rig.webhook.statuses = [500]
    await _dm(rig)
    await rig.clock.sleeping_until(rig.clock.now + 3)
    rig.clock.move(3)
    await rig.sim.courier.idle()
    (entry,) = await rig.log("delivery")
    assert (entry["state"], len(entry["attempts"])) == ("delivered", 2)


async def test_nobody_there_is_a_failure_too(rig_with):
    rig = await rig_with(retry_delays_s=())
    await rig.subscribe_all()
    rig.sim.webhooks.all()[0].url = "http://127.0.0.1:1/hook"
    await _dm(rig)
    await rig.sim.courier.idle()
    (entry,) = await rig.log("delivery")
    assert (entry["state"], entry["status"]) == ("lost: all attempts failed", None)
    assert entry["attempts"][0]["failure"]


async def test_a_conversation_stays_in_order(rig):
    await rig.subscribe_all()
    for number in range(30):
        await _dm(rig, str(number))
    await rig.webhook.until(30)
    assert _texts(rig) == [str(number) for number in range(30)]


async def test_a_retry_does_not_hold_up_the_next(rig):
    await rig.subscribe_all()
    rig.webhook.statuses = [500]
    await _dm(rig, "first")
    await _dm(rig, "second")
    await rig.webhook.until(2)
    assert _texts(rig) == ["first", "second"]
    rig.clock.move(3)


async def test_what_is_too_much_is_lost_and_said_so(rig_with):
    rig = await rig_with(max_pending=1)
    await rig.subscribe_all()
    rig.webhook.statuses = [500]
    await _dm(rig, "first")
    await rig.clock.sleeping_until(rig.clock.now + 3)
    await _dm(rig, "second")
    states = [entry["state"] for entry in await rig.log("delivery")]
    assert "lost: too many deliveries are waiting" in states


async def test_stopping_gives_up_what_waits(rig):
    await rig.subscribe_all()
    rig.webhook.statuses = [500]
    await _dm(rig)
    await rig.clock.sleeping_until(rig.clock.now + 3)
    await rig.sim.stop()
    assert rig.sim.courier.pending == 0


async def test_duplicate(rig):
    await rig.subscribe_all()
    await rig.control("PUT", "faults", {"duplicate": 1})
    await _dm(rig, "twice")
    await _dm(rig, "once")
    await rig.webhook.until(3)
    assert sorted(_texts(rig)) == ["once", "twice", "twice"]
    rig.webhook.check()


async def test_reorder(rig):
    await rig.subscribe_all()
    await rig.control("PUT", "faults", {"reorder": 1})
    await _dm(rig, "first")
    await _dm(rig, "second")
    await rig.webhook.until(2)
    assert _texts(rig) == ["second", "first"]


async def test_reorder_waits_for_the_next_only_so_long(rig):
    await rig.subscribe_all()
    await rig.control("PUT", "faults", {"reorder": 1, "delay_s": 5})
    await _dm(rig, "alone")
    await rig.clock.sleeping_until(rig.clock.now + 5)
    assert rig.webhook.bodies == []
    rig.clock.move(5)
    await rig.webhook.until(1)


async def test_delay(rig):
    await rig.subscribe_all()
    await rig.control("PUT", "faults", {"delay": 1, "delay_s": 9})
    await _dm(rig, "late")
    await _dm(rig, "soon")
    await rig.webhook.until(1)
    assert _texts(rig) == ["soon"]
    await rig.clock.sleeping_until(rig.clock.now + 9)
    rig.clock.move(9)
    await rig.webhook.until(2)
    assert _texts(rig) == ["soon", "late"]


async def test_drop(rig):
    await rig.subscribe_all()
    await rig.control("PUT", "faults", {"drop": 1})
    await _dm(rig, "lost")
    await _dm(rig, "kept")
    await rig.webhook.until(1)
    await rig.sim.courier.idle()
    assert _texts(rig) == ["kept"]
    assert [entry["state"] for entry in await rig.log("delivery")] == ["dropped", "delivered"]


async def test_wrong_signature(rig):
    await rig.subscribe_all()
    await rig.control("PUT", "faults", {"wrong_signature": 1})
    await _dm(rig)
    await rig.webhook.until(1)
    try:
        check_signature([rig.webhook.secret], rig.webhook.bodies[0], rig.webhook.signatures[0])
    except BadSignature:
        return
    raise AssertionError("the signature was right")


async def test_any_body_can_be_signed_and_delivered(rig):
    assert (await rig.control("POST", "raw", {"payload": {}}))[0] == 400
    await rig.register()
    assert (await rig.control("POST", "raw", {"payload": {"for_user_id": "1", "ü": []}}))[0] == 200
    assert (await rig.control("POST", "raw", {"payload": "no json at all"}))[0] == 200
    await rig.sim.courier.idle()
    rig.webhook.check()
    assert sorted(rig.webhook.bodies) == [b"no json at all", '{"for_user_id":"1","ü":[]}'.encode()]
