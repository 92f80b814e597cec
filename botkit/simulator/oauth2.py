"""Signing in with OAuth 2.0 (PKCE), and the app's own token.

Source: X docs, fundamentals/authentication/oauth-2-0: authorization-code, user-access-token,
application-only.
"""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import urlsplit

from botkit.simulator.auth import basic_pair
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import oauth2_error, v1_error
from botkit.simulator.scopes import SCOPES
from botkit.simulator.signin import (
    AuthorizationCode,
    Page,
    callback_problem,
    decision,
    message_page,
    redirect,
    with_query,
)
from botkit.simulator.tokens import Grant, same

__all__ = ["ENDPOINTS"]

#: how long a code is good for (Source: X docs, authorization-code)
_CODE_S = 30
_MAX_STATE = 500
#: RFC 7636: a challenge or verifier has 43 to 128 of these
_PKCE = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_ASKED = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)
_DEAD = "Value passed for the token was invalid."
_DEAD_CODE = "Value passed for the authorization code was invalid."


async def authorize(parts: Parts, call: Call) -> Answer:
    """``GET /i/oauth2/authorize`` (docs) and ``/2/oauth2/authorize`` (spec)."""
    asked = {name: call.query.get(name, "") for name in _ASKED}
    problem = _problem(parts, asked)
    if problem:
        # not sent back to the app: an address that was not checked is never followed
        return message_page(parts, "Something went wrong", problem, status=400)
    return Page(
        action=urlsplit(call.signed.url).path,
        subject=_subject(asked),
        abilities=[f"{SCOPES[scope]} ({scope})" for scope in asked["scope"].split()],
        hidden=asked,
        returns_to=asked["redirect_uri"],
        preset=parts.signins.signed_in(call),
    ).show(parts)


async def decide(parts: Parts, call: Call) -> Answer:
    """``POST`` of the page's form."""
    form = call.form()
    asked = {name: form.get(name, "") for name in _ASKED}
    problem = _problem(parts, asked)
    if problem:
        return message_page(parts, "Something went wrong", problem, status=400)
    made = decision(parts, call, _subject(asked))
    if made is None:
        return message_page(
            parts, "Not allowed", "This form is not from the page, or was sent before.", status=403
        )
    allowed, user = made
    state = {"state": asked["state"]} if asked["state"] else {}
    if not allowed:
        return redirect(with_query(asked["redirect_uri"], error="access_denied", **state))
    code = parts.tokens.make(256)
    parts.signins.codes[code] = AuthorizationCode(
        grant=Grant(user.id, frozenset(asked["scope"].split())),
        redirect_uri=asked["redirect_uri"],
        challenge=asked["code_challenge"],
        method=asked["code_challenge_method"] or "plain",
        expires_at=parts.clock() + _CODE_S,
    )
    return redirect(with_query(asked["redirect_uri"], **state, code=code), **parts.signins.remember(user.id))


def _subject(asked: dict[str, str]) -> str:
    return "\n".join(asked.values())


def _problem(parts: Parts, asked: dict[str, str]) -> str:
    """What is wrong with a request to sign in; empty when nothing is."""
    unknown = [scope for scope in asked["scope"].split() if scope not in SCOPES]
    refused = callback_problem(asked["redirect_uri"], parts.config)
    checks = (
        (not same(asked["client_id"], parts.config.client_id), "The client_id is not this app's."),
        (bool(refused), f"The redirect_uri is not allowed: {refused}."),
        (asked["response_type"] != "code", "The response_type must be code."),
        (not asked["scope"].strip(), "The scope is missing."),
        (bool(unknown), f"Unknown scopes: {', '.join(unknown)}."),
        (len(asked["state"]) > _MAX_STATE, f"The state has more than {_MAX_STATE} characters."),
        (not _PKCE.fullmatch(asked["code_challenge"]), "The code_challenge is missing, or none."),
        (
            asked["code_challenge_method"] not in {"S256", "plain", ""},
            "The code_challenge_method must be S256 or plain.",
        ),
    )
    return next((problem for wrong, problem in checks if wrong), "")


async def token(parts: Parts, call: Call) -> Answer:
    """``POST /2/oauth2/token``: a code or a refresh token for new tokens."""
    form = call.form()
    _check_client(parts, call, form)
    match form.get("grant_type"):
        case "authorization_code":
            grant = _exchanged(parts, form)
        case "refresh_token":
            grant = _refreshed(parts, form)
        case "client_credentials":
            # it is given, and then no call takes it (seen live); the app's token comes from /oauth2/token
            return Answer({"token_type": "bearer", "access_token": parts.tokens.issue_strange()})
        case _:
            raise oauth2_error(400, "unsupported_grant_type", "Value passed for the grant type was invalid.")
    return Answer(dict(parts.tokens.issue(grant)))


def _check_client(parts: Parts, call: Call, form: dict[str, str]) -> None:
    """Confidential clients show id and secret as Basic; public ones name their id."""
    secret = parts.config.client_secret
    if not secret:
        if not same(form.get("client_id", ""), parts.config.client_id):
            raise oauth2_error(400, "invalid_request", "Value passed for the client id was invalid.")
        return
    client_id, client_secret = basic_pair(call.authorization)
    if not client_id:
        raise oauth2_error(401, "unauthorized_client", "Missing valid authorization header")
    if not same(client_id, parts.config.client_id) or not same(client_secret, secret):
        raise oauth2_error(401, "unauthorized_client", "Value passed for the client was invalid.")


def _exchanged(parts: Parts, form: dict[str, str]) -> Grant:
    code = parts.signins.codes.pop(form.get("code", ""), None)
    if code is None or code.expires_at <= parts.clock():
        raise oauth2_error(400, "invalid_request", _DEAD_CODE)
    if form.get("redirect_uri") != code.redirect_uri:
        raise oauth2_error(400, "invalid_request", "Value passed for the redirect uri did not match the uri.")
    verifier = form.get("code_verifier", "")
    if code.method == "S256":
        digest = hashlib.sha256(verifier.encode()).digest()
        shown = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    else:
        shown = verifier
    if not _PKCE.fullmatch(verifier) or not same(shown, code.challenge):
        raise oauth2_error(400, "invalid_request", "Value passed for the code verifier did not match.")
    return code.grant


def _refreshed(parts: Parts, form: dict[str, str]) -> Grant:
    grant = parts.tokens.use_refresh(form.get("refresh_token", ""))
    if grant is None:
        raise oauth2_error(400, "invalid_request", _DEAD)
    return grant


async def revoke(parts: Parts, call: Call) -> Answer:
    """``POST /2/oauth2/revoke``: a token and all that belong to it; what is unknown is gone already."""
    form = call.form()
    _check_client(parts, call, form)
    if not form.get("token"):
        raise oauth2_error(400, "invalid_request", "Missing required parameter [token].")
    parts.tokens.end_grant_of(form["token"])
    return Answer({"revoked": True})


async def app_token(parts: Parts, call: Call) -> Answer:
    """``POST /oauth2/token``: the app's own token, the same until it is invalidated."""
    if not parts.auth.is_app(call.authorization) or call.form().get("grant_type") != "client_credentials":
        raise v1_error(403, 99, "Unable to verify your credentials")
    return Answer({"token_type": "bearer", "access_token": parts.tokens.bearer()})


async def invalidate_app_token(parts: Parts, call: Call) -> Answer:
    """``POST /oauth2/invalidate_token``: signed with the owner's tokens, or Basic as in older days."""
    if not parts.auth.is_app(call.authorization):
        caller = parts.auth.identify(call.authorization, call.signed, accepted=frozenset({"oauth1"}), v1=True)
        if caller.user_id != parts.config.bot_id:
            raise v1_error(403, 220, "Your credentials do not allow access to this resource.")
    given = call.query.get("access_token", "") or call.form().get("access_token", "")
    if not parts.tokens.is_bearer(given):
        raise v1_error(401, 89, "Invalid or expired token.")
    parts.tokens.end_bearer()
    return Answer({"access_token": given})


ENDPOINTS = [
    Endpoint(method=method, path=path, window="", accepts=frozenset(), act=act, secret=True)
    for method, path, act in (
        ("GET", "/i/oauth2/authorize", authorize),
        ("POST", "/i/oauth2/authorize", decide),
        ("GET", "/2/oauth2/authorize", authorize),
        ("POST", "/2/oauth2/authorize", decide),
        ("POST", "/2/oauth2/token", token),
        ("POST", "/2/oauth2/revoke", revoke),
        ("POST", "/oauth2/token", app_token),
        ("POST", "/oauth2/invalidate_token", invalidate_app_token),
    )
]
