"""Signing an account in: what the bot says to X, from the first request to the account's tokens.

Two ways: OAuth 1.0a in three legs (back by callback, or with a PIN), and OAuth 2.0 with PKCE. Each begins
with an address for the account's owner and something to remember (`Begun`), and ends with an `Account`. Who
remembers, and how it is known that the one who comes back is the one who left, is the caller's part: see
`botkit.web.connect`.

Source: X docs, authentication/oauth-1-0a and oauth-2-0/authorization-code.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from time import time
from typing import Literal

from authlib.oauth2.rfc7636 import create_s256_code_challenge

from botkit.errors import OutcomeUnknown, UserError, XError, XUnavailable
from botkit.network.credentials import Bearer, Credentials, OAuth1, client_basic
from botkit.network.requests import Requests
from botkit.network.vault import Account, OAuth2Tokens
from botkit.x.calls import sign_in, tokens, users
from botkit.x.calls.sign_in import PIN

__all__ = ["PIN", "Begun", "Flows", "How", "SignInRefused"]

How = Literal["oauth1", "oauth2"]


class SignInRefused(UserError):
    """A sign-in can't be completed: its owner said no, or what came back does not belong to it. One line."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way.

    :param url: where the account's owner says yes or no.
    :param redirect_uri: where X sends the owner back to; `PIN`: nowhere.
    :param token: the request token (OAuth 1.0a); X names it when it sends the owner back.
    :param secret: the request token's secret, or PKCE's verifier: without it nobody can complete this.
    """

    how: How
    url: str
    redirect_uri: str
    token: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


class Flows:
    """Begins and completes sign-ins.

    :param now: Unix seconds.
    """

    def __init__(
        self, requests: Requests, credentials: Credentials, *, now: Callable[[], float] = time
    ) -> None:
        self._requests = requests
        self._credentials = credentials
        self._now = now

    @property
    def has_oauth2(self) -> bool:
        """There is an OAuth 2.0 client."""
        return bool(self._credentials.client_id)

    # -- OAuth 1.0a --------------------------------------------------------------------------------------

    async def begin_oauth1(self, redirect_uri: str = PIN) -> Begun:
        """Ask X for a request token.

        :raises UserError: X refuses the app or the callback address; one line with the fix.
        :raises XError: X can't be asked now.
        """
        try:
            got = await self._requests.do(sign_in.request_token(), self._oauth1(callback=redirect_uri))
        except (OutcomeUnknown, XUnavailable):
            raise
        except XError as error:
            raise UserError(_explained(error, redirect_uri)) from error
        url = sign_in.authorize_url(self._requests.api_url, got.token)
        return Begun("oauth1", url, redirect_uri, got.token, got.secret)

    async def finish_oauth1(self, begun: Begun, *, token: str, verifier: str) -> Account:
        """Exchange what X sent back, or the PIN that it showed.

        :param token: the request token that came back; with a PIN, ``begun.token``.
        :raises SignInRefused: it is another sign-in's, or X does not take the verifier.
        :raises XError: X can't be asked now.
        """
        if not hmac.compare_digest(token.encode(), begun.token.encode()):
            raise SignInRefused("what came back belongs to another sign-in")
        if not verifier.strip():
            raise SignInRefused("no verifier came back")
        shown = self._oauth1(token=begun.token, token_secret=begun.secret, verifier=verifier.strip())
        try:
            got = await self._requests.do(sign_in.access_token(), shown)
        except (OutcomeUnknown, XUnavailable):
            raise
        except XError as error:
            what = "PIN" if begun.redirect_uri == PIN else "verifier"
            raise SignInRefused(f"X does not take the {what}; begin again") from error
        return Account(
            id=got.user_id, username=got.username, access_token=got.token, access_token_secret=got.secret
        )

    def _oauth1(
        self, *, token: str = "", token_secret: str = "", callback: str = "", verifier: str = ""
    ) -> OAuth1:
        have = self._credentials
        if not have.consumer_key:
            raise UserError("no account can sign in without x.consumer_key and x.consumer_secret")
        return OAuth1(have.consumer_key, have.consumer_secret, token, token_secret, callback, verifier)

    # -- OAuth 2.0 ---------------------------------------------------------------------------------------

    def begin_oauth2(self, redirect_uri: str, scopes: Collection[str], *, state: str) -> Begun:
        """Make PKCE's verifier and the address with its challenge; X is not asked yet.

        :param state: comes back with the owner.
        :raises UserError: there is no OAuth 2.0 client.
        """
        have = self._credentials
        if not have.client_id:
            raise UserError("no account can sign in with OAuth 2.0 without x.client_id")
        verifier = secrets.token_urlsafe(64)
        url = sign_in.oauth2_authorize_url(
            self._requests.api_url,
            client_id=have.client_id,
            redirect_uri=redirect_uri,
            scopes=scopes,
            state=state,
            challenge=create_s256_code_challenge(verifier),  # type: ignore[no-untyped-call] # not in its stubs
        )
        return Begun("oauth2", url, redirect_uri, secret=verifier)

    async def finish_oauth2(self, begun: Begun, *, code: str) -> Account:
        """Exchange the code, which X takes once and within 30 seconds, and ask whose account it is.

        :raises SignInRefused: X does not take the code, or does not take the verifier with it.
        :raises UserError: X does not take the client's id and secret.
        :raises XError: X can't be asked now.
        """
        have = self._credentials
        if not code:
            raise SignInRefused("no code came back")
        call = tokens.exchange_code(code, begun.redirect_uri, begun.secret, client_id=have.public_client_id)
        try:
            got = await self._requests.do(call, client_basic(have))
        except (OutcomeUnknown, XUnavailable):
            raise
        except XError as error:
            if error.status == 401 or error.kind in {"invalid_client", "unauthorized_client"}:
                raise UserError(
                    "X does not take x.client_id and x.client_secret; compare them with the developer portal "
                    "(a public client has no secret)"
                ) from error
            raise SignInRefused("X does not take the code; begin again") from error
        oauth2 = OAuth2Tokens(got.access_token, got.refresh_token, self._now() + got.expires_in_s, got.scopes)
        me = await self._requests.do(users.me(), Bearer(got.access_token))
        return Account(id=me.id, username=me.username, oauth2=oauth2)


def _explained(error: XError, redirect_uri: str) -> str:
    """Why X gives no request token, and what to do."""
    if 415 in error.codes:
        return (
            f"X does not know the callback address {redirect_uri}; "
            "add exactly this one to the app's callback URLs in the developer portal"
        )
    if 135 in error.codes:
        return "this machine's clock is wrong: X refuses the signature's time"
    if error.status == 401 or not {32, 89, 99, 215}.isdisjoint(error.codes):
        return "X does not take x.consumer_key and x.consumer_secret, or this machine's clock is wrong"
    return f"X does not let accounts sign in: {error}"
