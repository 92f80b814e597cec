"""Registering webhooks, and the challenge that each must answer."""

from __future__ import annotations

import base64
import re
import uuid
from urllib.parse import parse_qs

import pytest
from aiohttp import web


def _name(body) -> str:
    return body["errors"][0]["message"].partition(":")[0]


async def test_registering_sends_a_signed_challenge_first(rig, sample):
    status, body, _ = await rig.call("POST", "/2/webhooks", {"url": rig.webhook.url}, auth="app")
    known = sample("rest/webhooks_create_200")
    assert (status, body["data"].keys()) == (200, known["data"].keys())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", body["data"]["created_at"])
    assert len(rig.webhook.crcs) == 1
    query = parse_qs(rig.webhook.crcs[0])
    token = query["crc_token"][0]
    assert re.fullmatch(r"[A-Za-z0-9]{48}", token)
    assert uuid.UUID(base64.b64decode(token).decode())
    nonce = query["nonce"][0]
    assert base64.b64decode(nonce + "=" * (-len(nonce) % 4)).decode() == str(int(rig.clock.now * 1000))


async def test_listing_and_deleting(rig, sample):
    _, body, _ = await rig.call("GET", "/2/webhooks", auth="app")
    assert body == sample("rest/webhooks_list_empty_200")
    webhook_id = await rig.register()
    _, body, _ = await rig.call("GET", "/2/webhooks", auth="app")
    known = sample("rest/webhooks_list_200")
    assert body["data"][0].keys() == known["data"][0].keys()
    assert body["meta"] == known["meta"]
    _, body, _ = await rig.call("DELETE", f"/2/webhooks/{webhook_id}", auth="app")
    assert body == sample("rest/webhooks_delete_200")
    status, body, _ = await rig.call("DELETE", f"/2/webhooks/{webhook_id}", auth="app")
    assert (status, _name(body)) == (400, "WebhookIdInvalid")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda _token: web.json_response({"response_token": "sha256=wrong"}), "Invalid response_token"),
        (lambda _token: web.json_response(["no object"]), "Invalid response_token"),
        (lambda _token: web.Response(text="not json"), "Invalid response_token"),
        (lambda _token: web.Response(status=404), "Non-200 response code"),
        (lambda _token: web.Response(status=302, headers={"location": "/hook"}), "redirects"),
    ],
)
async def test_a_wrong_answer_fails_the_registration(rig, answer, reason):
    rig.webhook.crc = answer
    status, body, _ = await rig.call("POST", "/2/webhooks", {"url": rig.webhook.url})
    assert (status, _name(body)) == (400, "CrcValidationFailed")
    assert reason in body["errors"][0]["message"]
    assert body["detail"] == "One or more parameters to your request was invalid."
    assert rig.sim.webhooks.all() == []


async def test_nobody_at_the_address_fails_the_registration(rig):
    status, body, _ = await rig.call("POST", "/2/webhooks", {"url": "http://127.0.0.1:1/hook"})
    assert (status, _name(body)) == (400, "CrcValidationFailed")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://example.com:8443/hook",
        "ftp://127.0.0.1/hook",
        "https:///hook",
        "http://[bad/hook",
        "hook",
    ],
)
async def test_an_address_that_x_would_not_take(rig, url):
    status, body, _ = await rig.call("POST", "/2/webhooks", {"url": url})
    assert (status, _name(body)) == (400, "UrlValidationFailed")


async def test_strictly_as_x_not_even_loopback_may_be_plain(rig_with):
    rig = await rig_with(allow_http_webhooks=False)
    status, body, _ = await rig.call("POST", "/2/webhooks", {"url": rig.webhook.url})
    assert (status, _name(body)) == (400, "UrlValidationFailed")


async def test_the_body_needs_a_url_of_up_to_200_characters(rig):
    for body in ({}, {"url": ""}, {"url": "https://example.com/" + "x" * 200}):
        assert (await rig.call("POST", "/2/webhooks", body))[0] == 400


async def test_the_limit_comes_before_the_duplicate(rig, rig_with, sample):
    await rig.register()
    status, body, _ = await rig.call("POST", "/2/webhooks", {"url": rig.webhook.url})
    known = sample("rest/webhooks_create_400_limit")
    assert (status, body["errors"][0]["message"]) == (400, known["errors"][0]["message"])
    assert body["detail"] == known["detail"]
    two = await rig_with(webhook_limit=2)
    await two.register()
    _, body, _ = await two.call("POST", "/2/webhooks", {"url": two.webhook.url})
    assert _name(body) == "DuplicateUrlFailed"


async def test_a_put_challenges_again_and_makes_valid(rig, sample):
    webhook_id = await rig.register()
    rig.webhook.crc = lambda _token: web.json_response({"response_token": "sha256=wrong"})
    status, body, _ = await rig.call("PUT", f"/2/webhooks/{webhook_id}", auth="app")
    assert (status, _name(body)) == (400, "CrcValidationFailed")
    _, body, _ = await rig.call("GET", "/2/webhooks", auth="app")
    assert body["data"][0]["valid"] is False
    rig.webhook.crc = None
    status, body, _ = await rig.call("PUT", f"/2/webhooks/{webhook_id}", auth="app")
    assert (status, body) == (200, sample("rest/webhooks_put_200"))
    _, body, _ = await rig.call("GET", "/2/webhooks", auth="app")
    assert body["data"][0]["valid"] is True
    status, body, _ = await rig.call("PUT", "/2/webhooks/5", auth="app")
    assert (status, _name(body)) == (400, "WebhookIdInvalid")


async def test_the_challenge_comes_every_hour(rig):
    await rig.register()
    for number in (1, 2):
        await rig.clock.sleeping_until(rig.clock.now + 3600)
        rig.clock.move(3600)
        await rig.clock.sleeping_until(rig.clock.now + 3600)
        assert len(rig.webhook.crcs) == 1 + number


async def test_a_wrong_answer_later_invalidates_at_once(rig):
    await rig.register()
    rig.webhook.crc = lambda _token: web.Response(status=302, headers={"location": "/"})
    await rig.sim.webhooks.check_all()
    assert not rig.sim.webhooks.all()[0].valid
    before = len(rig.webhook.crcs)
    await rig.sim.webhooks.check_all()
    assert len(rig.webhook.crcs) == before


async def test_an_outage_is_forgiven_for_28_hours(rig):
    await rig.register()
    rig.webhook.crc = lambda _token: web.Response(status=503)
    rig.clock.now += 28 * 3600
    await rig.sim.webhooks.check_all()
    assert rig.sim.webhooks.all()[0].valid
    rig.clock.now += 1
    await rig.sim.webhooks.check_all()
    assert not rig.sim.webhooks.all()[0].valid


async def test_nothing_is_sent_to_an_invalid_webhook_nor_kept_for_it(rig):
    await rig.subscribe_all()
    rig.sim.webhooks.all()[0].valid = False
    await rig.control("POST", "dm", {"from": "alice", "text": "lost"})
    await rig.sim.courier.idle()
    assert rig.webhook.bodies == []
    assert (await rig.log("delivery"))[0]["state"].startswith("not sent")
