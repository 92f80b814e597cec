"""Who is let in, and how X says no."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest


async def test_a_signature_made_by_authlib_is_accepted(rig):
    status, body, _ = await rig.call("GET", "/2/users/me")
    assert (status, body) == (200, {"data": {"id": rig.bot_id, "username": "my_bot", "name": "My Bot"}})


async def test_query_and_form_take_part_in_the_signature(rig):
    status, body, _ = await rig.call("GET", "/2/users/me?user.fields=created_at,protected&x=a%20b%2Bc")
    assert status == 200
    assert body["data"]["protected"] is False
    form = {"recipient_id": rig.user("alice"), "note": "a b+c&d=ü"}
    status, _, _ = await rig.call("POST", "/1.1/direct_messages/indicate_typing.json", form=form)
    assert status == 204


@pytest.mark.parametrize(
    "wrong",
    [
        {"consumer_secret": "other"},
        {"token_secret": "other"},
        {"consumer_key": "other"},
        {"token": "other"},
        {"timestamp": "1000"},
        {"timestamp": "soon"},
    ],
)
async def test_a_wrong_key_or_clock_is_x_s_401(rig, sample, wrong):
    status, body, _ = await rig.call("GET", "/2/users/me", **wrong)
    assert (status, body) == (401, sample("rest/error_401"))


async def test_v1_names_the_failure_by_code(rig, sample):
    path = "/1.1/direct_messages/indicate_typing.json"
    for wrong, code in (
        ({"consumer_secret": "other"}, 32),
        ({"token": "other"}, 89),
        ({"timestamp": "1000"}, 135),
    ):
        status, body, _ = await rig.call("POST", path, form={"recipient_id": "1"}, **wrong)
        assert (status, body["errors"][0]["code"]) == (401, code)
    assert sample("rest/error_v11_32")["errors"][0]["code"] == 32
    status, body, _ = await rig.call("POST", path, auth="none")
    assert (status, body["errors"][0]["code"]) == (401, 215)
    status, body, _ = await rig.call("POST", path, auth="app")
    assert (status, body["errors"][0]["code"]) == (403, 220)


async def test_a_signature_works_once(rig):
    once = {"nonce": "once", "timestamp": str(int(rig.clock.now))}
    assert (await rig.call("GET", "/2/users/me", **once))[0] == 200
    assert (await rig.call("GET", "/2/users/me", **once))[0] == 401


async def test_a_token_of_the_wrong_kind_is_403_and_names_the_right_ones(rig, sample):
    status, body, _ = await rig.call("GET", "/2/users/me", auth="app")
    known = sample("rest/error_403_app_only")
    assert status == 403
    assert body["detail"] == known["detail"]
    assert body.keys() == known.keys()
    assert body["type"].endswith("/problems/unsupported-authentication")
    status, body, _ = await rig.call("GET", "/2/webhooks", auth="oauth2")
    assert status == 403
    assert "[OAuth 2.0 Application-Only]" in body["detail"]


async def test_an_oauth2_user_token_acts_for_its_account(rig):
    status, body, _ = await rig.call("GET", "/2/users/me", auth="oauth2")
    assert (status, body["data"]["id"]) == (200, rig.bot_id)


async def test_an_unknown_bearer_is_401(rig):
    assert (await rig.call("GET", "/2/webhooks", auth="app", bearer="x"))[0] == 401
    assert (await rig.call("GET", "/2/webhooks", auth="none"))[0] == 401


async def test_tokens_with_too_little_permission_are_403(rig_with, sample):
    rig = await rig_with(permission="read")
    assert (await rig.call("GET", "/2/users/me"))[0] == 200
    status, body, _ = await rig.call("POST", "/2/tweets", {"text": "hello"})
    known = sample("rest/error_403_oauth1_permissions")
    assert (status, body["detail"]) == (403, known["detail"])
    assert body["type"].endswith("/problems/oauth1-permissions")


def _basic(key: str, secret: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{quote(key)}:{quote(secret)}".encode()).decode()}


async def test_the_app_s_own_token(rig):
    url, config = f"{rig.sim.url}/oauth2/token", rig.sim.config
    right = _basic(config.consumer_key, config.consumer_secret)
    async with rig.http.post(url, data={"grant_type": "client_credentials"}, headers=right) as answer:
        body = await answer.json()
        assert (answer.status, body["token_type"]) == (200, "bearer")
    assert (await rig.call("GET", "/2/webhooks", auth="app", bearer=body["access_token"]))[0] == 200
    for headers in (_basic(config.consumer_key, "no"), {"authorization": "Basic ???"}, {}):
        async with rig.http.post(url, data={"grant_type": "client_credentials"}, headers=headers) as answer:
            assert answer.status == 403
            assert (await answer.json())["errors"][0]["code"] == 99


async def test_the_path_s_user_must_be_the_token_s(rig):
    path = f"/2/users/{rig.user('alice')}/likes"
    assert (await rig.call("POST", path, {"tweet_id": "1"}))[0] == 403


async def test_what_x_does_not_have_is_404(rig):
    status, body, _ = await rig.call("GET", "/2/nothing")
    assert (status, body["title"]) == (404, "Not Found")
    status, body, _ = await rig.call("GET", "/1.1/nothing.json")
    assert (status, body["errors"][0]["code"]) == (404, 34)


async def test_after_the_account_took_access_away_its_tokens_are_dead(rig):
    assert (await rig.control("POST", "revoke", {}))[0] == 200
    assert (await rig.call("GET", "/2/users/me"))[0] == 401
    assert (await rig.call("GET", "/2/users/me", auth="oauth2"))[0] == 401
