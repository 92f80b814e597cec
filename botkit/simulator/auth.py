"""Who asks: checks what an ``Authorization`` header claims, as X would.

Source: X docs, fundamentals/authentication (OAuth 1.0a signing; application-only; endpoint mapping).
"""

from __future__ import annotations

import base64
import binascii
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from urllib.parse import parse_qsl, unquote

from botkit.errors import BadSignature
from botkit.simulator.problems import ApiError, unauthorized, unsupported_authentication, v1_error
from botkit.simulator.tokens import same
from botkit.x.oauth import check_oauth1, parse_authorization

if TYPE_CHECKING:
    from collections.abc import Callable

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.tokens import Tokens

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
    "basic_pair",
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
_COULD_NOT = "Could not authenticate you."
_NOT_ALLOWED = (403, 220, "Your credentials do not allow access to this resource.")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request is from; ``user_id`` is empty for the app itself.

    :param permission: of an OAuth 1.0a token.
    :param scopes: of an OAuth 2.0 token.
    """

    kind: Kind
    user_id: str = ""
    permission: str = ""
    scopes: frozenset[str] = frozenset()


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
    """Knows whose key or token a header shows.

    :param clock: X's own, in Unix seconds.
    """

    def __init__(self, config: SimulatorConfig, tokens: Tokens, *, clock: Callable[[], float]) -> None:
        self._config, self._tokens, self._clock = config, tokens, clock
        self._nonces: OrderedDict[str, None] = OrderedDict()

    def identify(
        self,
        header: str,
        request: Signed,
        *,
        accepted: frozenset[Kind],
        v1: bool,
        wrong_kind: tuple[int, int, str] | None = None,
    ) -> Caller:
        """The caller behind an ``Authorization`` header.

        :param wrong_kind: status, code and message of v1.1 for a credential of another kind.
        :raises ApiError: 401 when it does not hold; 403 when it is of a kind that this call does not take.
        """
        scheme, _, rest = header.strip().partition(" ")
        if scheme.lower() == "oauth":
            caller = self._oauth1(header.strip(), request, v1=v1)
        elif scheme.lower() == "bearer":
            caller = self._bearer(rest.strip(), accepted, v1=v1)
        elif v1:
            raise v1_error(401, 215, "Bad Authentication data.")
        else:
            raise unauthorized()
        if caller.kind not in accepted:
            if v1:
                raise v1_error(*(wrong_kind or _NOT_ALLOWED))
            raise unsupported_authentication(_NAMES[caller.kind], _named(accepted))
        return caller

    def signed(self, header: str, request: Signed, token: str, secret: str) -> dict[str, str]:
        """The parameters of a sign-in call's signature, made with the app's keys and a request token, if any.

        :raises ApiError: 401 in the shape of v1.1.
        """
        try:
            given = parse_authorization(header)
        except BadSignature:
            raise v1_error(401, 215, "Bad Authentication data.") from None
        right = same(given["oauth_consumer_key"], self._config.consumer_key)
        if not right or given.get("oauth_token", "") != token:
            raise v1_error(401, 32, _COULD_NOT)
        self._check_time(given["oauth_timestamp"], v1=True)
        if not self._is_right(header, request, secret) or not self._is_new(given):
            raise v1_error(401, 32, _COULD_NOT)
        return given

    def is_app(self, header: str) -> bool:
        """Whether a Basic header shows the app's consumer key and secret."""
        key, secret = basic_pair(header)
        return same(unquote(key), self._config.consumer_key) and same(
            unquote(secret), self._config.consumer_secret
        )

    # -- inside ------------------------------------------------------------------------------------------

    def _bearer(self, token: str, accepted: frozenset[Kind], *, v1: bool) -> Caller:
        if self._tokens.is_bearer(token):
            return Caller("app")
        if self._tokens.is_strange(token):
            if v1:
                raise v1_error(*_NOT_ALLOWED)
            raise unsupported_authentication("OAuth 2.0 Client Credentials", _named(accepted))
        grant = self._tokens.access(token)
        if grant is None:
            raise _expired(v1=v1)
        return Caller("oauth2", grant.user_id, scopes=grant.scopes)

    def _oauth1(self, header: str, request: Signed, *, v1: bool) -> Caller:
        try:
            given = parse_authorization(header)
        except BadSignature:
            raise (v1_error(401, 215, "Bad Authentication data.") if v1 else unauthorized()) from None
        key = self._tokens.key(given.get("oauth_token", ""))
        if key is None or not same(given["oauth_consumer_key"], self._config.consumer_key):
            raise _expired(v1=v1)
        self._check_time(given["oauth_timestamp"], v1=v1)
        if not self._is_right(header, request, key.secret) or not self._is_new(given):
            raise v1_error(401, 32, _COULD_NOT) if v1 else unauthorized()
        return Caller("oauth1", key.user_id, key.permission)

    def _check_time(self, stamp: str, *, v1: bool) -> None:
        drift = abs(self._clock() - int(stamp)) if stamp.isdecimal() else float("inf")
        if drift > _CLOCK_TOLERANCE_S:
            raise v1_error(401, 135, "Timestamp out of bounds.") if v1 else unauthorized()

    def _is_right(self, header: str, request: Signed, secret: str) -> bool:
        try:
            check_oauth1(
                request.method, request.url, header, request.form, self._config.consumer_secret, secret
            )
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


def _named(accepted: frozenset[Kind]) -> list[str]:
    return [name for kind, name in _NAMES.items() if kind in accepted]


def basic_pair(header: str) -> tuple[str, str]:
    """User and password of a Basic header; empty texts when it is none."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def _expired(*, v1: bool) -> ApiError:
    return v1_error(401, 89, "Invalid or expired token.") if v1 else unauthorized()


def form_pairs(body: bytes) -> tuple[tuple[str, str], ...]:
    """The pairs of a form-encoded body, in order."""
    return tuple(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
