"""Signing in with OAuth 1.0a: three legs, by callback or PIN.

Source: X docs, fundamentals/authentication/api-reference, oauth-1-0a/obtaining-user-access-tokens and
pin-based-oauth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from botkit.errors import BadSignature
from botkit.simulator.auth import OAUTH1
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import v1_error
from botkit.simulator.signin import (
    OUT_OF_BAND,
    Page,
    RequestToken,
    callback_problem,
    decision,
    message_page,
    redirect,
    with_query,
)
from botkit.simulator.tokens import same
from botkit.x.oauth import parse_authorization

if TYPE_CHECKING:
    from botkit.simulator.config import Permission

__all__ = ["ENDPOINTS"]

_ABILITIES: dict[Permission, tuple[str, ...]] = {
    "read": ("See posts, your profile and whom you follow.",),
    "read-write": (
        "See posts, your profile and whom you follow.",
        "Post, repost, like, follow, mute and block for you.",
    ),
    "read-write-directmessages": (
        "See posts, your profile and whom you follow.",
        "Post, repost, like, follow, mute and block for you.",
        "Send direct messages for you, and read, manage and delete your direct messages.",
    ),
}
_FORM = "application/x-www-form-urlencoded"


async def request_token(parts: Parts, call: Call) -> Answer:
    """``POST /oauth/request_token``, signed by the app alone."""
    given = parts.auth.signed(call.authorization, call.signed, "", "")
    callback = _parameter(call, given, "oauth_callback")
    if callback != OUT_OF_BAND and (not callback or callback_problem(callback, parts.config)):
        raise v1_error(403, 415, "Callback URL not approved for this client application.")
    wanted = _parameter(call, given, "x_auth_access_type")
    permission: Permission = parts.rules.permission
    if wanted == "read" or (wanted == "write" and permission != "read"):
        permission = "read" if wanted == "read" else "read-write"
    made = RequestToken(parts.tokens.make(), parts.tokens.make(), callback, permission)
    parts.signins.requests[made.token] = made
    return _form(oauth_token=made.token, oauth_token_secret=made.secret, oauth_callback_confirmed="true")


async def authorize(parts: Parts, call: Call) -> Answer:
    """``GET /oauth/authorize``: asks every time."""
    return _ask(parts, call, "/oauth/authorize", preset=_preset(parts, call))


async def authenticate(parts: Parts, call: Call) -> Answer:
    """``GET /oauth/authenticate``: asks unless the signed-in user has allowed it before."""
    user_id = parts.signins.signed_in(call)
    pending = parts.signins.requests.get(call.query.get("oauth_token", ""))
    known = pending is not None and parts.tokens.allowed_before(user_id, pending.permission)
    if pending is not None and known and not pending.verifier and call.query.get("force_login") != "true":
        return _allowed(parts, pending, user_id)
    return _ask(parts, call, "/oauth/authenticate", preset=_preset(parts, call))


async def decide(parts: Parts, call: Call) -> Answer:
    """``POST`` of the page's form."""
    pending = parts.signins.requests.get(call.form().get("oauth_token", ""))
    if pending is None or pending.verifier:
        return _unknown(parts)
    made = decision(parts, call, pending.token)
    if made is None:
        return message_page(
            parts, "Not allowed", "This form is not from the page, or was sent before.", status=403
        )
    allowed, user = made
    if allowed:
        return _allowed(parts, pending, user.id)
    del parts.signins.requests[pending.token]
    if pending.callback == OUT_OF_BAND:
        return message_page(parts, "Cancelled", "The app has no access to your account.")
    return redirect(with_query(pending.callback, denied=pending.token))


async def access_token(parts: Parts, call: Call) -> Answer:
    """``POST /oauth/access_token``, signed with the request token: the user's pair."""
    try:
        token = parse_authorization(call.authorization).get("oauth_token", "")
    except BadSignature:
        raise v1_error(401, 215, "Bad Authentication data.") from None
    pending = parts.signins.requests.get(token)
    if pending is None:
        raise v1_error(401, 89, "Invalid or expired token.")
    given = parts.auth.signed(call.authorization, call.signed, pending.token, pending.secret)
    verifier = _parameter(call, given, "oauth_verifier")
    if not pending.verifier or not same(verifier, pending.verifier):
        raise v1_error(401, 32, "Could not authenticate you.")
    del parts.signins.requests[pending.token]
    key = parts.tokens.issue_key(pending.user_id, pending.permission)
    user = parts.world.users[pending.user_id]
    return _form(
        oauth_token=key.token,
        oauth_token_secret=key.secret,
        user_id=user.id,
        screen_name=user.username,
    )


async def invalidate(parts: Parts, call: Call) -> Answer:
    """``POST /1.1/oauth/invalidate_token.json``, signed with the tokens that it ends."""
    token = parse_authorization(call.authorization)["oauth_token"]
    parts.tokens.end_key(token)
    return Answer({"access_token": token})


def _preset(parts: Parts, call: Call) -> str:
    return call.query.get("screen_name", "") or parts.signins.signed_in(call)


def _ask(parts: Parts, call: Call, action: str, *, preset: str) -> Answer:
    pending = parts.signins.requests.get(call.query.get("oauth_token", ""))
    if pending is None or pending.verifier:
        return _unknown(parts)
    return Page(
        action=action,
        subject=pending.token,
        abilities=_ABILITIES[pending.permission],
        hidden={"oauth_token": pending.token},
        returns_to="" if pending.callback == OUT_OF_BAND else pending.callback,
        preset=preset,
    ).show(parts)


def _unknown(parts: Parts) -> Answer:
    text = "This sign-in is unknown, or over. Go back to the app and begin again."
    return message_page(parts, "There is no such request", text, status=400)


def _allowed(parts: Parts, pending: RequestToken, user_id: str) -> Answer:
    pending.user_id = user_id
    if pending.callback == OUT_OF_BAND:
        # about seven digits (Source: X docs, pin-based-oauth)
        pending.verifier = f"{parts.world.rng.randrange(10**7):07d}"
        return message_page(parts, "Your PIN", "Enter this PIN in the app to finish.", code=pending.verifier)
    pending.verifier = parts.tokens.make()
    to = with_query(pending.callback, oauth_token=pending.token, oauth_verifier=pending.verifier)
    return redirect(to, **parts.signins.remember(user_id))


def _parameter(call: Call, given: dict[str, str], name: str) -> str:
    """A parameter in the header, the query or the form: all of them are signed."""
    return given.get(name) or call.query.get(name, "") or dict(call.signed.form).get(name, "")


def _form(**values: str) -> Answer:
    return Answer(text=urlencode(values), content_type=_FORM)


ENDPOINTS = [
    Endpoint(
        method=method,
        path=path,
        window="",
        accepts=OAUTH1 if path.startswith("/1.1/") else frozenset(),
        act=act,
        secret=True,
    )
    for method, path, act in (
        ("POST", "/oauth/request_token", request_token),
        ("GET", "/oauth/authorize", authorize),
        ("GET", "/oauth/authenticate", authenticate),
        ("POST", "/oauth/authorize", decide),
        ("POST", "/oauth/authenticate", decide),
        ("POST", "/oauth/access_token", access_token),
        ("POST", "/1.1/oauth/invalidate_token.json", invalidate),
        ("POST", "/1.1/oauth/invalidate_token", invalidate),
    )
]
