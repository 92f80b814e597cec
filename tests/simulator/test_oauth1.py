"""Signing in with OAuth 1.0a: by callback, by PIN, and how it is refused."""

from __future__ import annotations

from urllib.parse import parse_qsl

import aiohttp
import pytest

from botkit.x.oauth import authorization
from tests.simulator.signing_in import allow, callback_of, deny, open_page, submit

CALLBACK = "http://127.0.0.1:9/back?x=1"


async def _signed(rig, path, token="", secret="", *, consumer_secret=None, **oauth):
    given = {
        "oauth_consumer_key": rig.sim.config.consumer_key,
        "oauth_nonce": rig.sim.tokens.make(),
        "oauth_signature_method": "HMAC-SHA1",
        "oauth_timestamp": str(int(rig.clock.now)),
        "oauth_version": "1.0",
        **({"oauth_token": token} if token else {}),
        **oauth,
    }
    url = f"{rig.sim.url}{path}"
    secrets = {"consumer_secret": consumer_secret or rig.sim.config.consumer_secret, "token_secret": secret}
    header = authorization("POST", url, given, **secrets)
    async with rig.http.post(url, headers={"authorization": header}) as answer:
        if answer.content_type == "application/json":
            return answer.status, await answer.json()
        return answer.status, dict(parse_qsl(await answer.text()))


async def _request_token(rig, callback=CALLBACK, **more):
    status, body = await _signed(rig, "/oauth/request_token", oauth_callback=callback, **more)
    assert (status, body["oauth_callback_confirmed"]) == (200, "true")
    return body


async def _access_token(rig, first, verifier):
    return await _signed(
        rig,
        "/oauth/access_token",
        first["oauth_token"],
        first["oauth_token_secret"],
        oauth_verifier=verifier,
    )


def _page(rig, first, path="/oauth/authorize", more=""):
    return f"{rig.sim.url}{path}?oauth_token={first['oauth_token']}{more}"


async def test_a_user_signs_in_by_callback(rig):
    first = await _request_token(rig)
    shown = await allow(rig.http, _page(rig, first), as_user=rig.user("alice"))
    assert shown.location.startswith(CALLBACK)
    back = callback_of(shown)
    assert (back["x"], back["oauth_token"]) == ("1", first["oauth_token"])
    status, body = await _access_token(rig, first, back["oauth_verifier"])
    assert (status, body["user_id"], body["screen_name"]) == (200, rig.user("alice"), "alice")
    keys = {"token": body["oauth_token"], "token_secret": body["oauth_token_secret"]}
    assert body["oauth_token"].startswith(f"{rig.user('alice')}-")
    _, me, _ = await rig.call("GET", "/2/users/me", **keys)
    assert me["data"]["username"] == "alice"


async def test_a_pin_has_seven_digits_and_works_once(rig):
    first = await _request_token(rig, "oob")
    page = await allow(rig.http, _page(rig, first), as_user=rig.user("bob"))
    assert (len(page.pin), page.pin.isdecimal()) == (7, True)
    wrong = "0000000" if page.pin != "0000000" else "1111111"
    assert (await _access_token(rig, first, wrong))[0] == 401
    assert (await _access_token(rig, first, page.pin))[1]["screen_name"] == "bob"
    assert (await _access_token(rig, first, page.pin))[0] == 401


async def test_a_refusal_returns_denied(rig):
    first = await _request_token(rig)
    back = callback_of(await deny(rig.http, _page(rig, first)))
    assert back == {"x": "1", "denied": first["oauth_token"]}
    assert (await _access_token(rig, first, "any"))[0] == 401


async def test_someone_else_s_verifier_is_refused(rig):
    mine, theirs = await _request_token(rig), await _request_token(rig)
    back = callback_of(await allow(rig.http, _page(rig, theirs), as_user=rig.user("bob")))
    await allow(rig.http, _page(rig, mine), as_user=rig.user("alice"))
    assert (await _access_token(rig, mine, back["oauth_verifier"]))[0] == 401


async def test_a_request_token_is_allowed_once(rig):
    first = await _request_token(rig)
    await allow(rig.http, _page(rig, first))
    assert (await open_page(rig.http, _page(rig, first))).status == 400
    assert (await open_page(rig.http, f"{rig.sim.url}/oauth/authorize?oauth_token=none")).status == 400


@pytest.mark.parametrize(
    "callback",
    ["javascript:alert(1)", "data:text/html,x", "http://localhost:8000/x", "http://example.com/x", "", "//x"],
)
async def test_a_callback_that_x_does_not_take_is_code_415(rig, callback):
    status, body = await _signed(rig, "/oauth/request_token", oauth_callback=callback)
    assert (status, body["errors"][0]["code"]) == (403, 415)
    assert body["errors"][0]["message"] == "Callback URL not approved for this client application."


async def test_registered_callbacks_match_exactly(rig_with):
    rig = await rig_with(callback_urls=("https://bot.example/back",))
    assert await _request_token(rig, "https://bot.example/back")
    for callback in ("https://bot.example/back/", "https://bot.example/back?x=1", CALLBACK):
        assert (await _signed(rig, "/oauth/request_token", oauth_callback=callback))[0] == 403


async def test_the_sign_in_calls_check_the_signature(rig):
    status, body = await _signed(rig, "/oauth/request_token", oauth_callback="oob", consumer_secret="other")
    assert (status, body["errors"][0]["code"]) == (401, 32)
    status, body = await _signed(rig, "/oauth/request_token", oauth_callback="oob", oauth_timestamp="1000")
    assert (status, body["errors"][0]["code"]) == (401, 135)
    first = await _request_token(rig, "oob")
    page = await allow(rig.http, _page(rig, first))
    status, _ = await _signed(
        rig, "/oauth/access_token", first["oauth_token"], "not the secret", oauth_verifier=page.pin
    )
    assert status == 401


async def test_authenticate_skips_asking_whoever_has_allowed_it_before(rig):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:
        first = await _request_token(rig)
        back = callback_of(await allow(browser, _page(rig, first), as_user=rig.user("alice")))
        await _access_token(rig, first, back["oauth_verifier"])
        again = await _request_token(rig)
        shown = await open_page(browser, _page(rig, again, "/oauth/authenticate"))
        status, body = await _access_token(rig, again, callback_of(shown)["oauth_verifier"])
        assert (status, body["screen_name"]) == (200, "alice")
        forced = await _request_token(rig)
        shown = await open_page(browser, _page(rig, forced, "/oauth/authenticate", "&force_login=true"))
        assert (shown.status, shown.form.chosen) == (200, rig.user("alice"))
        shown = await open_page(browser, _page(rig, forced))
        assert shown.status == 200


async def test_a_token_keeps_the_level_it_was_issued_with(rig):
    rig.sim.rules.change({"permission": "read"})
    first = await _request_token(rig, "oob")
    page = await open_page(rig.http, _page(rig, first))
    assert not any("direct messages" in line for line in page.form.abilities)
    pin = (await submit(rig.http, page, "allow", rig.user("alice"))).pin
    _, body = await _access_token(rig, first, pin)
    keys = {"token": body["oauth_token"], "token_secret": body["oauth_token_secret"]}
    rig.sim.rules.change({"permission": "read-write-directmessages"})
    status, refused, _ = await rig.call("POST", "/2/tweets", {"text": "x"}, **keys)
    assert (status, refused["type"].rpartition("/")[2]) == (403, "oauth1-permissions")
    again = await _request_token(rig, "oob")
    pin = (await allow(rig.http, _page(rig, again), as_user=rig.user("alice"))).pin
    _, body = await _access_token(rig, again, pin)
    keys = {"token": body["oauth_token"], "token_secret": body["oauth_token_secret"]}
    assert (await rig.call("POST", "/2/tweets", {"text": "x"}, **keys))[0] == 201


async def test_access_type_asks_for_less(rig):
    for wanted, level in (("read", "read"), ("write", "read-write")):
        first = await _request_token(rig, "oob", x_auth_access_type=wanted)
        pin = (await allow(rig.http, _page(rig, first), as_user=rig.user("bob"))).pin
        _, body = await _access_token(rig, first, pin)
        key = rig.sim.tokens.key(body["oauth_token"])
        assert key.permission == level


async def test_invalidating_ends_the_token_that_signs(rig, sample):
    path = "/1.1/oauth/invalidate_token.json"
    status, body, _ = await rig.call("POST", path)
    assert (status, body) == (200, {"access_token": rig.sim.config.access_token})
    status, body, _ = await rig.call("POST", path)
    assert (status, body) == (401, sample("rest/error_v11_89"))


async def test_a_form_of_another_site_is_refused(rig):
    first = await _request_token(rig)
    page = await open_page(rig.http, _page(rig, first))
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}):
        assert (await submit(rig.http, page, "allow", "", **headers)).status == 403
    forged = await open_page(rig.http, _page(rig, first))
    forged.text = forged.text.replace(forged.form.fields["form_key"], "0" * 40)
    assert (await submit(rig.http, forged, "allow", "")).status == 403
    assert (await submit(rig.http, page, "allow", "nobody")).status == 403
    assert (await submit(rig.http, page, "allow", "")).status == 403, "the key was used up"
    own = await open_page(rig.http, _page(rig, await _request_token(rig)))
    headers = {"origin": rig.sim.url, "sec_fetch_site": "same-origin"}
    assert (await submit(rig.http, own, "allow", "", **headers)).status == 302
    other = await _request_token(rig)
    stolen = await open_page(rig.http, _page(rig, other))
    stolen.text = stolen.text.replace(other["oauth_token"], first["oauth_token"])
    assert (await submit(rig.http, stolen, "allow", "")).status == 403


async def test_the_page_loads_nothing_and_goes_only_where_it_should(rig):
    shown = await open_page(rig.http, _page(rig, await _request_token(rig)))
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:9;" in policy
    assert "http" not in shown.text.replace("http-equiv", "")
    assert shown.form.users[0] == rig.bot_id
    assert shown.form.buttons == ["allow", "deny"]


async def test_the_log_shows_no_token(rig):
    first = await _request_token(rig)
    back = callback_of(await allow(rig.http, _page(rig, first)))
    _, body = await _access_token(rig, first, back["oauth_verifier"])
    async with rig.http.get(f"{rig.sim.url}/_sim/log?after=0") as answer:
        text = await answer.text()
    assert "/oauth/access_token" in text
    for secret in (*first.values(), back["oauth_verifier"], body["oauth_token"], body["oauth_token_secret"]):
        assert secret == "true" or secret not in text
