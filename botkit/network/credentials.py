"""What is shown to X: the keys of an app and its own account, and how each kind of credential is written.

Source: X docs, fundamentals/authentication.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import ClassVar, Protocol
from urllib.parse import quote

import msgspec
from authlib.oauth1.rfc5849.client_auth import ClientAuth

from botkit.network.signing import Signer
from botkit.x.wire import Auth, Request

__all__ = ["Basic", "Bearer", "Credentials", "Nobody", "OAuth1", "Shown", "app_basic", "client_basic"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one app and its own account can show to X; empty texts are what it does not have.

    ``oauth2_token`` is an OAuth 2.0 user token, ``bearer_token`` the app's own. Without a bearer token one is
    asked for with the consumer key and secret when a call needs it. ``client_secret`` is empty for a public
    client.
    """

    consumer_key: str = ""
    consumer_secret: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    access_token_secret: str = field(default="", repr=False)
    oauth2_token: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)

    @property
    def account_id(self) -> str:
        """The id of the account that the access token belongs to, as far as it tells.

        Its prefix before ``-`` in every token X shows; not promised. Source: X docs, oauth-1-0a.
        """
        prefix, dash, _ = self.access_token.partition("-")
        return prefix if dash and prefix.isdigit() else ""

    @property
    def public_client_id(self) -> str:
        """The client id that a public client names in requests; a confidential one proves itself instead."""
        return "" if self.client_secret else self.client_id


class Shown(Protocol):
    """A credential as it goes with one request."""

    @property
    def kind(self) -> Auth:
        """Which kind it is."""

    def header(self, request: Request, url: str, headers: dict[str, str]) -> str:
        """The value of ``Authorization``; ``""`` where none is sent.

        :param url: as called, with its query.
        :param headers: the others.
        """


@dataclass(frozen=True, slots=True)
class OAuth1:
    """A signature: as an account, as the app alone (no token), or with a request token.

    :param callback: where X sends the account's owner back to; only for asking for a request token.
    :param verifier: what X sent back, or showed as a PIN; only for the exchange.
    """

    consumer_key: str
    consumer_secret: str = field(repr=False)
    token: str = field(default="", repr=False)
    token_secret: str = field(default="", repr=False)
    callback: str = ""
    verifier: str = field(default="", repr=False)
    _signer: Signer | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def kind(self) -> Auth:
        """As an account, or only as the app."""
        return Auth.OAUTH1_CONSUMER if self.verifier or not self.token else Auth.OAUTH1_USER

    def header(self, request: Request, url: str, headers: dict[str, str]) -> str:
        """Sign the method, the address, the query and the parts of a form."""
        prepared = self._signer or self._prepared()
        if prepared is not None:
            return prepared.authorization(request.method, url, request.form)
        signer = ClientAuth(
            self.consumer_key,
            client_secret=self.consumer_secret,
            token=self.token or None,
            token_secret=self.token_secret or None,
            redirect_uri=self.callback or None,
            verifier=self.verifier or None,
        )
        body = (request.body or b"").decode("utf-8") if request.form else ""
        _, signed, _ = signer.prepare(request.method, url, dict(headers), body)
        return str(signed["Authorization"])

    def _prepared(self) -> Signer | None:
        """What signs as an account; ``None``: this is a step of signing one in."""
        if not self.token or self.callback or self.verifier:
            return None
        signer = Signer(self.consumer_key, self.consumer_secret, self.token, self.token_secret)
        object.__setattr__(self, "_signer", signer)
        return signer


class Bearer(msgspec.Struct, frozen=True):
    """A token that is enough by itself: an account's (OAuth 2.0) or the app's."""

    token: str
    kind: Auth = Auth.OAUTH2_USER

    def __repr__(self) -> str:
        return f"Bearer(kind={self.kind!r})"

    def header(self, request: Request, url: str, headers: dict[str, str]) -> str:
        """The token, literally."""
        return f"Bearer {self.token}"


@dataclass(frozen=True, slots=True)
class Basic:
    """A key and its secret, each percent-encoded, as HTTP Basic."""

    key: str
    secret: str = field(repr=False)
    kind: Auth = Auth.APP_BASIC

    def header(self, request: Request, url: str, headers: dict[str, str]) -> str:
        """Both in base64."""
        pair = f"{quote(self.key, safe='')}:{quote(self.secret, safe='')}"
        return f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"


@dataclass(frozen=True, slots=True)
class Nobody:
    """Nothing beside what the request itself holds."""

    kind: ClassVar[Auth] = Auth.NONE

    def header(self, request: Request, url: str, headers: dict[str, str]) -> str:
        """Nothing."""
        return ""


def app_basic(credentials: Credentials) -> Basic:
    """The app's consumer key and secret."""
    return Basic(credentials.consumer_key, credentials.consumer_secret)


def client_basic(credentials: Credentials) -> Basic | Nobody:
    """The OAuth 2.0 client: a confidential one proves itself, a public one is named in the request."""
    if not credentials.client_secret:
        return Nobody()
    return Basic(credentials.client_id, credentials.client_secret, Auth.CLIENT_BASIC)
