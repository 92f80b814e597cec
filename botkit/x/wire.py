"""What goes to X and what comes back, as values: `Request`, `Response`, and `Call`, which knows both.

Nothing here sends. Whoever has a transport signs the request with one of the accepted credentials, sends it,
and hands the answer to ``call.read``.
"""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FORM", "JSON", "Auth", "Call", "Request", "Response", "segment"]

T = TypeVar("T")

JSON = "application/json"
FORM = "application/x-www-form-urlencoded;charset=UTF-8"


class Auth(enum.Enum):
    """A kind of credential. Source: X docs, fundamentals/authentication."""

    #: signed with the app's consumer key and a user's access token
    OAUTH1_USER = "oauth1_user"
    #: signed with the consumer key alone, or with a request token: only to sign an account in
    OAUTH1_CONSUMER = "oauth1_consumer"
    #: a user's bearer token, with scopes
    OAUTH2_USER = "oauth2_user"
    #: the app's own bearer token
    APP = "app"
    #: the consumer key and secret themselves, as HTTP Basic: only to fetch the app's bearer token
    APP_BASIC = "app_basic"
    #: the OAuth 2.0 client id and secret, as HTTP Basic: only for user tokens of a confidential client
    CLIENT_BASIC = "client_basic"
    #: no credential beside what the request holds: user tokens of a public client
    NONE = "none"


class Request(msgspec.Struct, frozen=True):
    """One request, still unsigned and without a host.

    :param query: decoded names and values, in the order to send.
    :param form: the decoded parts of a form body; OAuth 1.0a signs them, and ``body`` holds them encoded.
    :param origin: scheme and host, where it goes to another of X's hosts than the API's.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str | None = None
    form: tuple[tuple[str, str], ...] = ()
    origin: str = ""

    def __repr__(self) -> str:
        # The body may be what people wrote, or hold a token.
        return f"<Request {self.method} {self.path}>"

    @property
    def target(self) -> str:
        """Path and encoded query, as after the host in a URL (spaces as ``%20``)."""
        return f"{self.path}?{urlencode(self.query, quote_via=quote)}" if self.query else self.path

    @classmethod
    def with_json(
        cls, method: str, path: str, value: Mapping[str, Any], *, query: tuple[tuple[str, str], ...] = ()
    ) -> Request:
        """A request whose body is this JSON object."""
        return cls(method, path, query, msgspec.json.encode(value), JSON)

    @classmethod
    def with_form(cls, method: str, path: str, form: tuple[tuple[str, str], ...]) -> Request:
        """A request whose body is this form."""
        return cls(method, path, (), urlencode(form, quote_via=quote).encode("ascii"), FORM, form)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer.

    :param headers: asked by names in lower case, however X wrote them.
    :param received_at: when it came, Unix seconds: what X's waits count from. The moment of making, unless
        given.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    received_at: float = field(default_factory=time.time, compare=False)


class Call(msgspec.Struct, Generic[T], frozen=True):
    """A request and all that is known of it before it is sent.

    :param name: what it does, such as ``dm.send``.
    :param auth: the credential kinds that X accepts, the best first.
    :param scopes: what an OAuth 2.0 user token must have been granted.
    :param window: the name of the rate-limit window that it uses (see `botkit.x.limits`).
    :param safe: may be sent again without a second effect.
    :param read: the answer's meaning; raises the `XError` that an error answer stands for.
    """

    name: str
    request: Request
    auth: tuple[Auth, ...]
    window: str
    read: Callable[[Response], T]
    scopes: tuple[str, ...] = ()
    safe: bool = False


def segment(value: str) -> str:
    """``value`` as one part of a path: nothing in it can leave that part.

    :raises ValueError: it is empty or a dot segment, which would name another path.
    """
    if value.isascii() and value.isalnum():
        return value  # as X's ids are
    if value in {"", ".", ".."}:
        msg = f"{value!r} can't stand in a path"
        raise ValueError(msg)
    return quote(value, safe="")
