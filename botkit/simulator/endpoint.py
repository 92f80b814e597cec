"""What a call to the simulated X is made of: the row of the table, the request, the answer, the parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from botkit.simulator.auth import Authenticator, Caller, Kind, Signed, form_pairs
from botkit.simulator.problems import forbidden, invalid
from botkit.simulator.scopes import BASIC

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from aiohttp import web
    from multidict import MultiMapping
    from structlog.typing import FilteringBoundLogger

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.delivery import Courier
    from botkit.simulator.faults import Faults
    from botkit.simulator.feed import Feed
    from botkit.simulator.inbox import Inbox
    from botkit.simulator.limits import Limits
    from botkit.simulator.media import Library
    from botkit.simulator.publish import Publisher
    from botkit.simulator.replay import Replays
    from botkit.simulator.rules import Rules
    from botkit.simulator.signin import SignIns
    from botkit.simulator.streams import Streams
    from botkit.simulator.subscriptions import Subscriptions
    from botkit.simulator.things import User
    from botkit.simulator.tokens import Tokens
    from botkit.simulator.usage import Usage
    from botkit.simulator.webhooks import Webhooks
    from botkit.simulator.welcome import Welcomes
    from botkit.simulator.world import World

__all__ = ["LEVELS", "Answer", "Call", "Endpoint", "Parts"]

Permission = Literal["read", "write", "messages"]

#: what each need is met by
LEVELS: dict[Permission, frozenset[str]] = {
    "read": frozenset({"read", "read-write", "read-write-directmessages"}),
    "write": frozenset({"read-write", "read-write-directmessages"}),
    "messages": frozenset({"read-write-directmessages"}),
}
_MAX_BODY = 1 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; without anything in it, it is 204.

    :param text: for what is no JSON, of ``content_type``.
    :param stream: takes the answer over, with the headers that belong to it.
    """

    body: Mapping[str, Any] | list[Any] | None = None
    status: int = 200
    text: str | bytes | None = None
    content_type: str = "text/plain"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: Callable[[web.Request, Mapping[str, str]], Awaitable[web.StreamResponse]] | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an endpoint, after everything about it was checked."""

    caller: Caller
    path: Mapping[str, str]
    query: MultiMapping[str]
    #: decoded JSON object, or the form
    body: dict[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    #: the body as it came
    raw: bytes = b""
    #: what a signature covers
    signed: Signed = field(default_factory=lambda: Signed("", ""))
    #: the address of whoever asks
    remote: str = ""

    def listed(self, name: str) -> list[str]:
        """A comma-separated query parameter."""
        return [part for part in self.query.get(name, "").split(",") if part]

    def number(self, name: str, low: int, high: int, default: int) -> int:
        """A whole number in the query.

        :raises ApiError: 400 when it is none, or out of bounds.
        """
        text = self.query.get(name, str(default))
        if not text.isdecimal() or not low <= int(text) <= high:
            raise invalid(f"The `{name}` query parameter value [{text}] is not between {low} and {high}")
        return int(text)

    def form(self) -> dict[str, str]:
        """The pairs of a form-encoded body; the last of a name counts."""
        return dict(form_pairs(self.raw))

    @property
    def authorization(self) -> str:
        """The ``Authorization`` header."""
        return self.headers.get("authorization", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One call of X's.

    :param window: the rate-limit window it counts in, see `botkit.simulator.limits.LIMITS`.
    :param accepts: credential kinds (Source: X spec, ``security`` of each operation); empty: the call
        identifies its caller itself, as those of signing in do.
    :param needs: the OAuth 1.0a permission.
    :param scopes: the OAuth 2.0 scopes (Source: the same).
    :param schema: of the JSON body; ``None``: no JSON body is read.
    :param wrong_kind: status, code and message of v1.1 for a credential of another kind.
    :param secret: bodies and answers hold tokens and stay out of the log.
    :param max_body: the longest body that is taken, in bytes.
    """

    method: str
    path: str
    window: str
    accepts: frozenset[Kind]
    act: Callable[[Parts, Call], Awaitable[Answer]]
    needs: Permission = "read"
    scopes: frozenset[str] = BASIC
    schema: dict[str, Any] | None = None
    wrong_kind: tuple[int, int, str] | None = None
    secret: bool = False
    max_body: int = _MAX_BODY

    @property
    def v1(self) -> bool:
        """Whether it speaks v1.1."""
        return self.path.startswith(("/1.1/", "/oauth/", "/oauth2/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the endpoints work with."""

    config: SimulatorConfig
    rules: Rules
    clock: Callable[[], float]
    log: FilteringBoundLogger
    world: World
    tokens: Tokens
    auth: Authenticator
    signins: SignIns
    limits: Limits
    faults: Faults
    feed: Feed
    webhooks: Webhooks
    subscriptions: Subscriptions
    courier: Courier
    publisher: Publisher
    streams: Streams
    replays: Replays
    media: Library
    welcomes: Welcomes
    usage: Usage
    inbox: Inbox

    def me(self, call: Call) -> User:
        """The account that the call acts for.

        :raises ApiError: 403 when the path names another user.
        """
        wanted = call.path.get("id", call.caller.user_id)
        if wanted != call.caller.user_id:
            raise forbidden("The `id` must be the authenticated user's.")
        return self.world.users[call.caller.user_id]
