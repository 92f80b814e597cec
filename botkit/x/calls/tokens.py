"""The app's own bearer token. Source: X docs, authentication/oauth-2-0/application-only."""

from __future__ import annotations

from botkit.x.calls.answers import success, unreadable
from botkit.x.values import text
from botkit.x.wire import Auth, Call, Request, Response

__all__ = ["app_token"]


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
