"""Signing an account in: OAuth 1.0a in three legs, the address for OAuth 2.0, and the ends of tokens.

The OAuth 2.0 exchanges themselves are in `botkit.x.calls.tokens`.

Source: X docs, authentication/api-reference, oauth-1-0a/obtaining-user-access-tokens and pin-based-oauth,
oauth-2-0/authorization-code.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode

from botkit.errors import XUnavailable
from botkit.x.calls.answers import is_success, nothing, required
from botkit.x.failures import error_from
from botkit.x.wire import Auth, Call, Request, Response

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "PIN",
    "AccessToken",
    "RequestToken",
    "access_token",
    "authorize_url",
    "invalidate_app_token",
    "invalidate_token",
    "oauth2_authorize_url",
    "request_token",
]

#: instead of a callback: X shows a PIN that a person copies
PIN = "oob"

_API = "https://api.x.com"
_CONSUMER = (Auth.OAUTH1_CONSUMER,)


@dataclass(frozen=True, slots=True)
class RequestToken:
    """The first leg's answer."""

    token: str = field(repr=False)
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AccessToken:
    """The third leg's answer: an account's tokens, which never expire by themselves."""

    token: str = field(repr=False)
    secret: str = field(repr=False)
    user_id: str
    username: str


def request_token() -> Call[RequestToken]:
    """Ask for a request token. The callback is one of the signature's parameters, see
    `botkit.network.credentials.OAuth1`.
    """
    request = Request("POST", "/oauth/request_token")
    return Call("sign_in.request_token", request, _CONSUMER, "sign_in", _requested, safe=True)


def _requested(response: Response) -> RequestToken:
    found = _form(response)
    if found.get("oauth_callback_confirmed") != "true":
        raise XUnavailable("X did not confirm the callback address", status=response.status)
    return RequestToken(found.get("oauth_token", ""), found.get("oauth_token_secret", ""))


def access_token() -> Call[AccessToken]:
    """Exchange a request token, which signs this with the verifier, for the account's own tokens."""
    request = Request("POST", "/oauth/access_token")
    return Call("sign_in.access_token", request, _CONSUMER, "sign_in", _accessed)


def _accessed(response: Response) -> AccessToken:
    found = _form(response)
    return AccessToken(
        found["oauth_token"],
        found.get("oauth_token_secret", ""),
        found.get("user_id") or found["oauth_token"].partition("-")[0],
        found.get("screen_name", ""),
    )


def _form(response: Response) -> dict[str, str]:
    if not is_success(response):
        raise error_from(response, now=response.received_at)
    found = dict(parse_qsl(response.body.decode("utf-8", "replace"), keep_blank_values=True))
    if not found.get("oauth_token") or not found.get("oauth_token_secret"):
        raise XUnavailable(f"X answered {response.status} without what was asked for", status=response.status)
    return found


def authorize_url(api_url: str, token: str, *, username: str = "") -> str:
    """Where the account's owner says yes or no to a request token; X asks every time.

    :param username: whose sign-in the page begins with.
    """
    query = [("oauth_token", required(token, "the request token"))]
    if username:
        query.append(("screen_name", username))
    return f"{api_url}/oauth/authorize?{urlencode(query, quote_via=quote)}"


def oauth2_authorize_url(
    api_url: str, *, client_id: str, redirect_uri: str, scopes: Iterable[str], state: str, challenge: str
) -> str:
    """Where the account's owner says yes or no to scopes. X's page is on x.com; elsewhere it is where X's
    OpenAPI description puts it.

    :param state: at most 500 characters.
    :param challenge: of PKCE, S256.
    """
    query = (
        ("response_type", "code"),
        ("client_id", required(client_id, "the client id")),
        ("redirect_uri", redirect_uri),
        ("scope", " ".join(scopes)),
        ("state", state),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
    )
    page = "https://x.com/i/oauth2/authorize" if api_url == _API else f"{api_url}/2/oauth2/authorize"
    return f"{page}?{urlencode(query, quote_via=quote)}"


def invalidate_token() -> Call[None]:
    """End the OAuth 1.0a tokens that sign this."""
    request = Request("POST", "/1.1/oauth/invalidate_token.json")
    return Call("sign_in.invalidate", request, (Auth.OAUTH1_USER,), "sign_in", nothing, safe=True)


def invalidate_app_token(token: str) -> Call[None]:
    """End the app's bearer token; signed with the app owner's own tokens."""
    query = (("access_token", required(token, "the token")),)
    request = Request("POST", "/oauth2/invalidate_token", query)
    return Call("sign_in.invalidate_app", request, (Auth.OAUTH1_USER,), "sign_in", nothing, safe=True)
