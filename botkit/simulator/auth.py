"""Who asks: checks what an ``Authorization`` header claims, as X would.

Source: X docs, fundamentals/authentication (OAuth 1.0a signing; application-only; endpoint mapping).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, unquote

from botkit.errors import BadSignature
from botkit.simulator.problems import ApiError, unauthorized, unsupported_authentication, v1_error
from botkit.x.oauth import check_oauth1, parse_authorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from botkit.simulator.config import BotAccount, SimulatorConfig

__all__ = [
    "ANYONE",
    "APP",
    "OAUTH1",
    "OAUTH2",
    "USER",
    "Authenticator",
    "Caller",
    "Kind",
    "Signed",
    "form_pairs",
]

Kind = Literal["oauth1", "oauth2", "app"]

OAUTH1: frozenset[Kind] = frozenset({"oauth1"})
OAUTH2: frozenset[Kind] = frozenset({"oauth2"})
APP: frozenset[Kind] = frozenset({"app"})
USER: frozenset[Kind] = OAUTH1 | OAUTH2
ANYONE: frozenset[Kind] = USER | APP

_NAMES: dict[Kind, str] = {
    "oauth1": "OAuth 1.0a User Context",
    "oauth2": "OAuth 2.0 User Context",
    "app": "OAuth 2.0 Application-Only",
}

#: X wants the clock right "within minutes" and does not say how many
_CLOCK_TOLERANCE_S = 300
_NONCES = 100_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request is from; ``user_id`` is empty for the app itself."""

    kind: Kind
    user_id: str = ""
    permission: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """What an OAuth 1.0a signature covers besides the header.

    :param url: as the client called it, with scheme and host.
    :param form: the body's pairs, when it is form-encoded.
    """

    method: str
    url: str
    form: tuple[tuple[str, str], ...] = ()


class Authenticator:
    """Knows the app's keys and the connected accounts' tokens."""

    def __init__(self, config: SimulatorConfig, *, clock: Callable[[], float]) -> None:
        self._config, self._clock = config, clock
        self._tokens = {account.access_token: account for account in config.connected}
        self._bearers = {
            account.oauth2_token: account for account in config.connected if account.oauth2_token
        }
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def identify(self, header: str, request: Signed, *, accepted: frozenset[Kind], v1: bool) -> Caller:
        """The caller behind an ``Authorization`` header.

        :raises ApiError: 401 when it does not hold; 403 when it is of a kind that this call does not take.
        """
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() == "oauth":
            caller = self._oauth1(header.strip(), request, v1=v1)
        elif scheme.lower() == "bearer":
            caller = self._bearer(rest.strip(), v1=v1)
        elif v1:
            raise v1_error(401, 215, "Bad Authentication data.")
        else:
            raise unauthorized()
        if caller.kind not in accepted:
            if v1:
                raise v1_error(403, 220, "Your credentials do not allow access to this resource.")
            names = [name for kind, name in _NAMES.items() if kind in accepted]
            raise unsupported_authentication(_NAMES[caller.kind], names)
        return caller

    def app_token(self, header: str, form: dict[str, str]) -> dict[str, str]:
        """Answers ``POST /oauth2/token``.

        :raises ApiError: 403 with code 99 for a wrong key pair.
        """
        scheme, _, rest = header.partition(" ")
        try:
            key, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            key = secret = ""
        right = _same(unquote(key), self._config.consumer_key) and _same(
            unquote(secret), self._config.consumer_secret
        )
        if scheme.lower() != "basic" or not right or form.get("grant_type") != "client_credentials":
            raise v1_error(403, 99, "Unable to verify your credentials")
        return {"token_type": "bearer", "access_token": self._config.bearer_token}

    def revoke(self, user_id: str) -> None:
        """End all tokens of an account."""
        for tokens in (self._tokens, self._bearers):
            for token in [token for token, account in tokens.items() if account.id == user_id]:
                del tokens[token]

    # -- inside ------------------------------------------------------------------------------------------

    def _bearer(self, token: str, *, v1: bool) -> Caller:
        if _same(token, self._config.bearer_token):
            return Caller("app")
        account = self._bearers.get(token)
        if account is None:
            raise _expired(v1=v1)
        return Caller("oauth2", account.id, account.permission)

    def _oauth1(self, header: str, request: Signed, *, v1: bool) -> Caller:
        try:
            given = parse_authorization(header)
        except BadSignature:
            raise (v1_error(401, 215, "Bad Authentication data.") if v1 else unauthorized()) from None
        account = self._tokens.get(given.get("oauth_token", ""))
        if account is None or not _same(given["oauth_consumer_key"], self._config.consumer_key):
            raise _expired(v1=v1)
        self._check_time(given["oauth_timestamp"], v1=v1)
        if not self._is_right(header, request, account) or not self._is_new(given):
            raise v1_error(401, 32, "Could not authenticate you.") if v1 else unauthorized()
        return Caller("oauth1", account.id, account.permission)

    def _check_time(self, stamp: str, *, v1: bool) -> None:
        drift = abs(self._clock() - int(stamp)) if stamp.isdecimal() else float("inf")
        if drift > _CLOCK_TOLERANCE_S:
            raise v1_error(401, 135, "Timestamp out of bounds.") if v1 else unauthorized()

    def _is_right(self, header: str, request: Signed, account: BotAccount) -> bool:
        secrets = self._config.consumer_secret, account.access_token_secret
        try:
            check_oauth1(request.method, request.url, header, request.form, *secrets)
        except BadSignature:
            return False
        return True

    def _is_new(self, given: dict[str, str]) -> bool:
        key = f"{given['oauth_timestamp']} {given['oauth_nonce']} {given.get('oauth_token', '')}"
        if key in self._nonces:
            return False
        self._nonces[key] = None
        if len(self._nonces) > _NONCES:
            self._nonces.popitem(last=False)
        return True


def _expired(*, v1: bool) -> ApiError:
    return v1_error(401, 89, "Invalid or expired token.") if v1 else unauthorized()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def form_pairs(body: bytes) -> tuple[tuple[str, str], ...]:
    """The pairs of a form-encoded body, in order."""
    return tuple(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
