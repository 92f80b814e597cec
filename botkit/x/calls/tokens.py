"""Tokens: the app's own bearer token, and OAuth 2.0 user tokens with PKCE.

A confidential client (web app, bot) authorises these calls with its client id and secret; a public one names
its ``client_id`` in the request instead.

Source: X docs, authentication/oauth-2-0: application-only, authorization-code, user-access-token.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from botkit.x.calls.answers import nothing, required, success, unreadable
from botkit.x.values import integer, text
from botkit.x.wire import Auth, Call, Request, Response

__all__ = ["UserToken", "app_token", "exchange_code", "refresh_token", "revoke_token"]

#: what X's documents give an access token, seconds
USER_TOKEN_LIFE_S = 7_200.0


@dataclass(frozen=True, slots=True)
class UserToken:
    """A user's tokens. A refresh token is used up by its refresh: store the new pair before using it.

    :param refresh_token: ``""`` unless ``offline.access`` was granted.
    :param expires_in_s: how long the access token is good for, counted from the answer.
    :param scopes: what was granted; compare with what is needed.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_s: float
    scopes: tuple[str, ...]


def app_token() -> Call[str]:
    """The bearer token of the app, with its consumer key and secret as HTTP Basic (each percent-encoded).

    X gives the same token again until it is invalidated; asking too often is 403 with code 99, as is a wrong
    pair. The token is used literally, ``%`` included.
    """
    request = Request.with_form("POST", "/oauth2/token", (("grant_type", "client_credentials"),))
    return Call("token.app", request, (Auth.APP_BASIC,), "app_token", _bearer, safe=True)


def _bearer(response: Response) -> str:
    body = success(response)
    token = text(body, "access_token")
    if text(body, "token_type").lower() != "bearer" or not token:
        raise unreadable(response, wrote=False)
    return token


def exchange_code(
    code: str, redirect_uri: str, code_verifier: str, *, client_id: str = ""
) -> Call[UserToken]:
    """The tokens for an authorisation code, which X takes once and within 30 seconds.

    :param redirect_uri: exactly as in the authorisation.
    :param client_id: a public client's; a confidential one has ``""``.
    """
    form = (
        ("grant_type", "authorization_code"),
        ("code", required(code, "the code")),
        ("redirect_uri", redirect_uri),
        ("code_verifier", code_verifier),
    )
    return Call("token.exchange", *_as_client("/2/oauth2/token", form, client_id), "user_token", _user_token)


def refresh_token(token: str, *, client_id: str = "") -> Call[UserToken]:
    """New tokens for a refresh token, which is dead afterwards: one process refreshes at a time.

    Refused with 400 the user must sign in again; without an answer the old token is worth one more try.
    """
    form = (("grant_type", "refresh_token"), ("refresh_token", required(token, "the refresh token")))
    return Call("token.refresh", *_as_client("/2/oauth2/token", form, client_id), "user_token", _user_token)


def revoke_token(token: str, *, client_id: str = "") -> Call[None]:
    """End a token."""
    form = (("token", required(token, "the token")),)
    request, auth = _as_client("/2/oauth2/revoke", form, client_id)
    return Call("token.revoke", request, auth, "user_token", nothing, safe=True)


def _as_client(
    path: str, form: tuple[tuple[str, str], ...], client_id: str
) -> tuple[Request, tuple[Auth, ...]]:
    if client_id:
        return Request.with_form("POST", path, (*form, ("client_id", client_id))), (Auth.NONE,)
    return Request.with_form("POST", path, form), (Auth.CLIENT_BASIC,)


def _user_token(response: Response) -> UserToken:
    body = success(response)
    access = text(body, "access_token")
    if not access:
        raise unreadable(response, wrote=True)
    return UserToken(
        access,
        text(body, "refresh_token"),
        expires_in_s=float(integer(body, "expires_in") or USER_TOKEN_LIFE_S),
        scopes=tuple(text(body, "scope").split()),
    )
