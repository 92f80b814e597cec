"""Signing in with OAuth 2.0 and PKCE, tokens that end, and the app's own."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.simulator.signing_in import allow, callback_of, deny, open_page, submit

CALLBACK = "http://127.0.0.1:9/back"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SCOPE = "tweet.read tweet.write users.read dm.read offline.access"


def _page(rig, path="/i/oauth2/authorize", **changes):
    asked = {
        "response_type": "code",
        "client_id": rig.sim.config.client_id,
        "redirect_uri": CALLBACK,
        "scope": SCOPE,
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        **changes,
    }
    return f"{rig.sim.url}{path}?{urlencode(asked)}"


async def _post(rig, path, form, *, client=None):
    config = rig.sim.config
    pair = ":".join(client if client is not None else (config.client_id, config.client_secret))
    headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"} if pair else {}
    async with rig.http.post(f"{rig.sim.url}{path}", data=form, headers=headers) as answer:
        return answer.status, await answer.json()


async def _exchange(rig, code, **changes):
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        **changes,
    }
    return await _post(rig, "/2/oauth2/token", form)


async def _signed_in(rig, name="alice", **changes):
    back = callback_of(await allow(rig.http, _page(rig, **changes), as_user=rig.user(name)))
    status, body = await _exchange(rig, back["code"])
    assert status == 200, body
    return body


async def _me(rig, token):
    return (await rig.call("GET", "/2/users/me", auth="app", bearer=token))[:2]


async def _refresh(rig, token):
    return await _post(rig, "/2/oauth2/token", {"grant_type": "refresh_token", "refresh_token": token})


@pytest.mark.parametrize("path", ["/i/oauth2/authorize", "/2/oauth2/authorize"])
async def test_a_user_signs_in(rig, path):
    page = await open_page(rig.http, _page(rig, path))
    assert len(page.form.abilities) == len(SCOPE.split())
    assert any("(dm.read)" in line for line in page.form.abilities)
    back = callback_of(await submit(rig.http, page, "allow", rig.user("alice")))
    assert back["state"] == "s"
    _, body = await _exchange(rig, back["code"])
    assert (body["token_type"], body["expires_in"]) == ("bearer", 7200)
    assert set(body["scope"].split()) == set(SCOPE.split())
    status, me = await _me(rig, body["access_token"])
    assert (status, me["data"]["username"]) == (200, "alice")


async def test_a_refusal_is_access_denied_with_the_state(rig):
    assert callback_of(await deny(rig.http, _page(rig))) == {"error": "access_denied", "state": "s"}


async def test_a_code_works_once_and_for_30_seconds(rig):
    codes = [callback_of(await allow(rig.http, _page(rig)))["code"] for _ in range(2)]
    assert (await _exchange(rig, codes[0]))[0] == 200
    status, body = await _exchange(rig, codes[0])
    assert (status, body["error"]) == (400, "invalid_request")
    rig.clock.move(30)
    assert (await _exchange(rig, codes[1]))[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": CHALLENGE},
        {"code_verifier": ""},
        {"redirect_uri": f"{CALLBACK}/"},
        {"grant_type": "password"},
        {"code": "none"},
    ],
)
async def test_a_code_without_its_verifier_and_address_is_refused(rig, changes):
    code = callback_of(await allow(rig.http, _page(rig)))["code"]
    assert (await _exchange(rig, **{"code": code, **changes}))[0] == 400


async def test_a_plain_challenge_is_taken(rig):
    url = _page(rig, code_challenge=VERIFIER, code_challenge_method="plain")
    assert (await _exchange(rig, callback_of(await allow(rig.http, url))["code"]))[0] == 200


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("client_id", "other", "client_id"),
        ("redirect_uri", "javascript:alert(1)", "redirect_uri"),
        ("redirect_uri", "http://evil.example/x", "redirect_uri"),
        ("response_type", "token", "response_type"),
        ("scope", "", "scope is missing"),
        ("scope", "tweet.read follow.read", "follow.read"),
        ("state", "s" * 501, "500"),
        ("code_challenge", "", "code_challenge"),
        ("code_challenge", "short", "code_challenge"),
        ("code_challenge_method", "S512", "code_challenge_method"),
    ],
)
async def test_a_wrong_request_is_told_to_the_user_and_sends_nobody_anywhere(rig, name, value, reason):
    page = await open_page(rig.http, _page(rig, **{name: value}))
    assert (page.status, page.location) == (400, "")
    assert reason in page.text
    right = await open_page(rig.http, _page(rig))
    changed = right.text.replace(
        f'name="{name}" value="{right.form.fields[name]}"', f'name="{name}" value="{value}"'
    )
    right.text = changed
    assert (await submit(rig.http, right, "allow", "")).status in {400, 403}


async def test_a_form_for_fewer_scopes_does_not_allow_more(rig):
    page = await open_page(rig.http, _page(rig, scope="tweet.read users.read"))
    page.text = page.text.replace('value="tweet.read users.read"', f'value="{SCOPE}"')
    assert (await submit(rig.http, page, "allow", "")).status == 403


async def test_registered_callbacks_match_exactly(rig_with):
    rig = await rig_with(callback_urls=("https://bot.example/back",))
    assert (await open_page(rig.http, _page(rig))).status == 400
    assert (await open_page(rig.http, _page(rig, redirect_uri="https://bot.example/back"))).status == 200


async def test_a_confidential_client_must_show_its_secret(rig):
    code = callback_of(await allow(rig.http, _page(rig)))["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
        "client_id": rig.sim.config.client_id,
    }
    for client in ((), (rig.sim.config.client_id, "wrong")):
        status, body = await _post(rig, "/2/oauth2/token", form, client=client)
        assert (status, body["error"]) == (401, "unauthorized_client")
    assert (await _post(rig, "/2/oauth2/token", form))[0] == 200, "the code was not used up"


async def test_a_public_client_names_itself(rig_with):
    rig = await rig_with(client_secret="")
    code = callback_of(await allow(rig.http, _page(rig)))["code"]
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    assert (await _post(rig, "/2/oauth2/token", form, client=()))[0] == 400
    named = {**form, "client_id": rig.sim.config.client_id}
    assert (await _post(rig, "/2/oauth2/token", named, client=()))[0] == 200


async def test_a_refresh_token_rotates_and_the_old_one_is_dead_at_once(rig):
    first = await _signed_in(rig)
    status, second = await _refresh(rig, first["refresh_token"])
    assert (status, second["refresh_token"] != first["refresh_token"]) == (200, True)
    status, body = await _refresh(rig, first["refresh_token"])
    assert (status, body) == (
        400,
        {"error": "invalid_request", "error_description": "Value passed for the token was invalid."},
    )
    assert (await _refresh(rig, second["refresh_token"]))[0] == 200


async def test_without_offline_access_there_is_no_refresh_token(rig):
    assert "refresh_token" not in await _signed_in(rig, scope="tweet.read users.read")


async def test_an_access_token_lives_two_hours(rig):
    first = await _signed_in(rig)
    rig.clock.move(7199)
    assert (await _me(rig, first["access_token"]))[0] == 200
    rig.clock.move(1)
    assert (await _me(rig, first["access_token"]))[0] == 401
    _, second = await _refresh(rig, first["refresh_token"])
    assert (await _me(rig, second["access_token"]))[0] == 200


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_revoking_a_token_ends_what_belongs_to_it(rig, which):
    first = await _signed_in(rig)
    assert (await _post(rig, "/2/oauth2/revoke", {"token": first[which]}))[0] == 200
    assert (await _me(rig, first["access_token"]))[0] == 401
    assert (await _refresh(rig, first["refresh_token"]))[0] == 400
    assert (await _post(rig, "/2/oauth2/revoke", {"token": first[which]}))[0] == 200
    assert (await _post(rig, "/2/oauth2/revoke", {}))[0] == 400


async def test_a_missing_scope_is_403_and_named(rig):
    token = (await _signed_in(rig, scope="tweet.read users.read"))["access_token"]
    for method, path, body, scope in (
        ("POST", "/2/tweets", {"text": "x"}, "tweet.write"),
        ("GET", "/2/dm_events", None, "dm.read"),
        ("POST", f"/2/dm_conversations/with/{rig.user('bob')}/messages", {"text": "x"}, "dm.write"),
        ("POST", f"/2/users/{rig.user('alice')}/following", {"target_user_id": "1"}, "follows.write"),
    ):
        status, answer, _ = await rig.call(method, path, body, auth="app", bearer=token)
        assert (status, scope in answer["detail"]) == (403, True), path


async def test_a_private_subscription_needs_its_scope(rig):
    await rig.register()
    token = (await _signed_in(rig, scope="tweet.read users.read"))["access_token"]
    for event_type, wanted in (("dm.received", 403), ("like.create", 403), ("post.mention.create", 200)):
        body = {"event_type": event_type, "filter": {"user_id": rig.user("alice")}}
        status, _, _ = await rig.call("POST", "/2/activity/subscriptions", body, auth="app", bearer=token)
        assert status == wanted, event_type


async def test_a_token_by_client_credentials_is_taken_nowhere(rig):
    _, body = await _post(rig, "/2/oauth2/token", {"grant_type": "client_credentials"})
    status, answer, _ = await rig.call("GET", "/2/webhooks", auth="app", bearer=body["access_token"])
    assert (status, answer["title"]) == (403, "Unsupported Authentication")
    path = "/1.1/account_activity/webhooks.json"
    assert (await rig.call("GET", path, auth="app", bearer=body["access_token"]))[0] == 403


async def test_the_app_s_token_is_the_same_until_it_is_invalidated(rig):
    config = rig.sim.config
    keys = (config.consumer_key, config.consumer_secret)
    form = {"grant_type": "client_credentials"}
    tokens = [(await _post(rig, "/oauth2/token", form, client=keys))[1]["access_token"] for _ in range(2)]
    assert tokens[0] == tokens[1] == config.bearer_token
    path = f"/oauth2/invalidate_token?access_token={tokens[0]}"
    assert (await rig.call("POST", path))[1] == {"access_token": tokens[0]}
    assert (await rig.call("GET", "/2/webhooks", auth="app"))[0] == 401
    status, body, _ = await rig.call("GET", "/1.1/account_activity/webhooks.json", auth="app")
    assert (status, body["errors"][0]["code"]) == (401, 89)
    _, body = await _post(rig, "/oauth2/token", form, client=keys)
    assert (await rig.call("GET", "/2/webhooks", auth="app", bearer=body["access_token"]))[0] == 200
    again = f"/oauth2/invalidate_token?access_token={body['access_token']}"
    assert (await _post(rig, again, {}, client=keys))[0] == 200
    assert (await rig.call("POST", again))[0] == 401


async def test_who_signs_in_becomes_a_connected_account_and_can_withdraw(rig):
    await rig.register()
    token = (await _signed_in(rig))["access_token"]
    body = {
        "event_type": "post.create",
        "filter": {"user_id": rig.user("alice")},
        "webhook_id": rig.sim.webhooks.all()[0].id,
    }
    assert (await rig.call("POST", "/2/activity/subscriptions", body, auth="app", bearer=token))[0] == 200
    _, state = await rig.control("GET", "state")
    assert [one["username"] for one in state["accounts"]] == ["alice"]
    assert "alice" in [one["username"] for one in state["users"]], "she is a person still"
    assert (await rig.control("POST", "revoke", {"user": "alice"}))[0] == 200
    (event,) = await rig.webhook.until(1)
    assert (event["data"]["event_type"], event["data"]["payload"]["user_id"]) == (
        "oauth.revoke",
        rig.user("alice"),
    )
    assert (await _me(rig, token))[0] == 401
    assert rig.sim.subscriptions.activity == {}


async def test_when_the_answer_to_a_refresh_is_lost_the_old_token_is_dead_all_the_same(rig):
    first = await _signed_in(rig)
    rig.sim.faults.change({"lost_answer": 1, "path": "/2/oauth2/token"})
    with pytest.raises(aiohttp.ClientError):
        await _refresh(rig, first["refresh_token"])
    assert (await _refresh(rig, first["refresh_token"]))[0] == 400
    assert (await _me(rig, first["access_token"]))[0] == 200
