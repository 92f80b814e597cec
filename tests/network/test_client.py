"""The client shows X the right credential, signs what X checks, and asks for the app's token once."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from botkit.errors import BadSignature, Forbidden, Unauthorized
from botkit.network.client import Client, Credentials
from botkit.testing import Clock, FakeTransport
from botkit.x.calls import activity, dm, tokens, users, webhooks
from botkit.x.calls.answers import nothing
from botkit.x.oauth import check_oauth1
from botkit.x.wire import Auth, Call, Request, Response

KEYS = Credentials(
    consumer_key="key",
    consumer_secret="consumer secret&",
    access_token="42-token",
    access_token_secret="token+secret",
)
ME = {"data": {"id": "42", "username": "bot", "name": "Bot"}}


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport(Clock())


def client(transport: FakeTransport, credentials: Credentials = KEYS) -> Client:
    return Client(transport, credentials, api_url="https://api.x.com/")


def call(*auth: Auth, request: Request | None = None) -> Call[None]:
    return Call("test.call", request or Request("GET", "/2/test"), auth, "test", nothing)


def sent(transport: FakeTransport) -> str:
    """The credential of the last request."""
    return transport.requests[-1].headers["authorization"]


# -- OAuth 1.0a ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "form"),
    [
        (Request("GET", "/2/users/me"), ()),
        (Request("GET", "/2/x", (("q", "a b&c=d/ü+~"), ("empty", ""), ("q", "2"))), ()),
        (Request.with_json("POST", "/2/dm", {"text": "a=b&c"}), ()),
        (
            Request.with_form("POST", "/1.1/x.json", (("status", "a b&=ü+"), ("b", "~"))),
            (("status", "a b&=ü+"), ("b", "~")),
        ),
        (Request("DELETE", "/2/x/a%2Fb"), ()),
    ],
    ids=["bare", "query", "json", "form", "escaped path"],
)
async def test_the_signature_is_the_one_that_x_expects(transport, request_, form):
    await client(transport).send(call(Auth.OAUTH1_USER, request=request_))
    request = transport.requests[0]
    secrets = KEYS.consumer_secret, KEYS.access_token_secret
    found = check_oauth1(request.method, request.url, sent(transport), form, *secrets)
    assert (found["oauth_consumer_key"], found["oauth_token"]) == ("key", "42-token")
    with pytest.raises(BadSignature):
        check_oauth1("PUT", request.url, sent(transport), form, *secrets)


async def test_every_request_has_a_nonce_of_its_own(transport):
    bot = client(transport)
    for _ in range(3):
        await bot.send(call(Auth.OAUTH1_USER))
    assert len({request.headers["authorization"] for request in transport.requests}) == 3


# -- which credential ----------------------------------------------------------------------------------------

EVERYTHING = Credentials("key", "secret", "42-token", "token-secret", "user-token", "app-token")


@pytest.mark.parametrize(
    ("auth", "shown"),
    [
        ((Auth.OAUTH1_USER, Auth.OAUTH2_USER), "OAuth "),
        ((Auth.OAUTH2_USER, Auth.OAUTH1_USER), "Bearer user-token"),
        ((Auth.APP, Auth.OAUTH1_USER), "Bearer app-token"),
        ((Auth.APP_BASIC,), "Basic " + base64.b64encode(b"key:secret").decode()),
    ],
)
async def test_the_first_that_the_call_accepts(transport, auth, shown):
    await client(transport, EVERYTHING).send(call(*auth))
    assert sent(transport).startswith(shown)


async def test_what_is_not_configured_is_passed_over(transport):
    await client(transport).send(call(Auth.OAUTH2_USER, Auth.OAUTH1_USER))
    assert sent(transport).startswith("OAuth ")
    await client(transport, Credentials(bearer_token="app-token")).send(call(Auth.OAUTH1_USER, Auth.APP))
    assert sent(transport) == "Bearer app-token"


@pytest.mark.parametrize(
    ("credentials", "auth", "wanted"),
    [
        (
            Credentials(),
            (Auth.OAUTH1_USER, Auth.APP),
            (
                "an account's OAuth 1.0a tokens or the app's bearer token; "
                "set x.consumer_key and x.consumer_secret"
            ),
        ),
        (
            Credentials(bearer_token="b"),
            (Auth.OAUTH2_USER,),
            "an account's OAuth 2.0 token; let the account sign in at /connect",
        ),
        (
            Credentials(access_token="42-token"),
            (Auth.OAUTH1_USER,),
            "an account's OAuth 1.0a tokens; set x.consumer_key and x.consumer_secret",
        ),
        (
            Credentials("key", "secret"),
            (Auth.OAUTH1_USER,),
            (
                "an account's OAuth 1.0a tokens; set x.access_token and x.access_token_secret, "
                "or let the account sign in at /connect"
            ),
        ),
        (
            Credentials(bearer_token="b"),
            (Auth.APP_BASIC,),
            "the app's consumer key and secret; set x.consumer_key and x.consumer_secret",
        ),
        (
            Credentials("key", "secret"),
            (Auth.CLIENT_BASIC,),
            (
                "the OAuth 2.0 client id and secret; "
                "set x.client_id, and x.client_secret of a confidential client"
            ),
        ),
    ],
)
async def test_without_any_the_message_says_what_is_wanted_and_how_to_get_it(
    transport, credentials, auth, wanted
):
    with pytest.raises(Unauthorized) as caught:
        await client(transport, credentials).send(call(*auth))
    assert str(caught.value) == f"test.call needs {wanted}"
    assert transport.requests == []


async def test_each_real_call_shows_what_it_needs(transport):
    transport.answer("POST", "/oauth2/token", {"token_type": "bearer", "access_token": "AAA%2F"})
    bot = client(transport)
    for real, shown in (
        (users.me(), "OAuth "),
        (dm.send("1", "hello"), "OAuth "),
        (webhooks.list_webhooks(), "Bearer AAA%2F"),
        (activity.list_subscriptions(), "Bearer AAA%2F"),
        (activity.create_subscription("dm.received", user_id="42"), "OAuth "),
        (activity.create_subscription("post.create", user_id="42"), "Bearer AAA%2F"),
    ):
        await bot.send(real, "42")
        assert sent(transport).startswith(shown), real.name


# -- the app's token -----------------------------------------------------------------------------------------


async def test_the_keys_are_encoded_before_they_are_joined(transport):
    await client(transport, Credentials("k:e y", "s/ü")).send(tokens.app_token())
    assert sent(transport) == "Basic " + base64.b64encode(b"k%3Ae%20y:s%2F%C3%BC").decode()
    assert transport.requests[0].body == b"grant_type=client_credentials"


class Gate(FakeTransport):
    """Holds the answer for the app's token back until it is opened."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.asked, self.open = asyncio.Event(), asyncio.Event()
        self.status = 200

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        await super().send(method, url, headers, body)
        if not url.endswith("/oauth2/token"):
            return Response(200, {}, b"{}")
        self.asked.set()
        await self.open.wait()
        if self.status != 200:
            return Response(self.status, {}, b'{"errors":[{"code":99,"message":"Unable to verify"}]}')
        return Response(200, {}, json.dumps({"token_type": "bearer", "access_token": "AAA"}).encode())


async def test_calls_at_the_same_time_ask_for_it_once():
    gate = Gate()
    bot = client(gate)
    waiting = [asyncio.create_task(bot.send(call(Auth.APP))) for _ in range(5)]
    await gate.asked.wait()
    gate.open.set()
    await asyncio.gather(*waiting)
    await bot.send(call(Auth.APP))
    asked = [request for request in gate.requests if request.url.endswith("/oauth2/token")]
    assert len(asked) == 1
    assert len(gate.requests) == 7
    assert {request.headers["authorization"] for request in gate.requests[1:]} == {"Bearer AAA"}


async def test_refused_it_is_asked_for_again_by_the_next_call():
    gate = Gate()
    gate.open.set()
    gate.status = 403
    bot = client(gate)
    with pytest.raises(Forbidden, match="Unable to verify"):
        await bot.send(call(Auth.APP))
    gate.status = 200
    await bot.send(call(Auth.APP))
    assert gate.requests[-1].headers["authorization"] == "Bearer AAA"


# -- the rest ------------------------------------------------------------------------------------------------


async def test_an_answer_is_read_and_an_error_is_typed(transport):
    transport.answer("GET", "/2/users/me", ME)
    assert (await client(transport).do(users.me())).username == "bot"
    transport.answer("GET", "/2/users/me", {"title": "Forbidden", "detail": "no", "status": 403}, status=403)
    with pytest.raises(Forbidden, match="no"):
        await client(transport).do(users.me())


async def test_the_address_and_the_headers(transport):
    await client(transport).send(dm.send("1", "hello"))
    (request,) = transport.requests
    assert request.url == "https://api.x.com/2/dm_conversations/with/1/messages"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("botkit/")
    await client(transport).send(users.me())
    assert "content-type" not in transport.requests[-1].headers


def test_no_secret_is_shown():
    shown = repr(EVERYTHING)
    for secret in ("secret", "token-secret", "42-token", "user-token", "app-token"):
        assert secret not in shown.replace("Credentials(consumer_key='key'", "")


@pytest.mark.parametrize(
    ("token", "account"), [("42-abc", "42"), ("abc-42", ""), ("42", ""), ("", ""), ("-x", "")]
)
def test_the_account_is_the_tokens_prefix(token, account):
    assert Credentials(access_token=token).account_id == account
