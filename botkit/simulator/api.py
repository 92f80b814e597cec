"""How a call to the simulated X is answered: identify, check, count, carry out, record.

An `Endpoint` is a row of a table; the `rest_*` modules hold the rows. Everything that all calls share, in the
order X does it, is `Api.answer`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import web

from botkit.simulator.auth import Authenticator, Caller, Kind, Signed, form_pairs
from botkit.simulator.limits import too_many
from botkit.simulator.problems import ApiError, forbidden, invalid, not_found, v1_error
from botkit.simulator.schema import violations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from multidict import MultiMapping
    from structlog.typing import FilteringBoundLogger

    from botkit.simulator.config import SimulatorConfig
    from botkit.simulator.delivery import Courier
    from botkit.simulator.faults import Faults
    from botkit.simulator.feed import Feed
    from botkit.simulator.inbox import Inbox
    from botkit.simulator.limits import Limits
    from botkit.simulator.publish import Publisher
    from botkit.simulator.subscriptions import Subscriptions
    from botkit.simulator.things import User
    from botkit.simulator.webhooks import Webhooks
    from botkit.simulator.world import World

__all__ = ["Answer", "Api", "Call", "Endpoint", "Parts"]

Permission = Literal["read", "write", "messages"]

_LEVELS: dict[Permission, frozenset[str]] = {
    "read": frozenset({"read", "read-write", "read-write-directmessages"}),
    "write": frozenset({"read-write", "read-write-directmessages"}),
    "messages": frozenset({"read-write-directmessages"}),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; without a body it is 204."""

    body: Mapping[str, Any] | None = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an endpoint, after everything about it was checked."""

    caller: Caller
    path: Mapping[str, str]
    query: MultiMapping[str]
    #: decoded JSON object, or the form
    body: dict[str, Any] = field(default_factory=dict)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One call of X's.

    :param window: the rate-limit window it counts in, see `botkit.simulator.limits.LIMITS`.
    :param accepts: credential kinds (Source: X spec, ``security`` of each operation).
    :param needs: the OAuth 1.0a permission.
    :param schema: of the JSON body; ``None``: no JSON body is read.
    """

    method: str
    path: str
    window: str
    accepts: frozenset[Kind]
    act: Callable[[Parts, Call], Awaitable[Answer]]
    needs: Permission = "read"
    schema: dict[str, Any] | None = None

    @property
    def v1(self) -> bool:
        """Whether it speaks v1.1."""
        return self.path.startswith("/1.1/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything the endpoints work with."""

    config: SimulatorConfig
    clock: Callable[[], float]
    log: FilteringBoundLogger
    world: World
    auth: Authenticator
    limits: Limits
    faults: Faults
    feed: Feed
    webhooks: Webhooks
    subscriptions: Subscriptions
    courier: Courier
    publisher: Publisher
    inbox: Inbox

    def me(self, call: Call) -> User:
        """The account that the call acts for.

        :raises ApiError: 403 when the path names another user.
        """
        wanted = call.path.get("id", call.caller.user_id)
        if wanted != call.caller.user_id:
            raise forbidden("The `id` must be the authenticated user's.")
        return self.world.users[call.caller.user_id]


class Api:
    """Answers the calls of an application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self, endpoints: list[Endpoint]) -> list[web.RouteDef]:
        """The endpoints as routes of aiohttp."""
        return [web.route(one.method, one.path, self._handler(one)) for one in endpoints]

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self.answer(endpoint, request)

        return handle

    async def unknown(self, request: web.Request) -> web.StreamResponse:
        """404, as X says it."""
        error = not_found(v1=request.path.startswith("/1.1/"))
        self._record(request, None, error.status, error.body, None)
        return _json(error.status, error.body, error.headers)

    async def answer(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        faults, path = self._parts.faults, request.path
        if faults.take("outage", path):
            self._record(request, None, 0, "closed without an answer (outage)", None)
            return _hang_up(request)
        caller: Caller | None = None
        body: dict[str, Any] = {}
        headers: dict[str, str] = {}
        try:
            raw = await request.read()
            caller = self._identify(endpoint, request, raw)
            self._injected(endpoint, path)
            headers = self._parts.limits.take(endpoint.window, caller.user_id, v1=endpoint.v1)
            body = _decode(endpoint, request, raw)
            call = Call(caller, request.match_info, request.query, body)
            result = await endpoint.act(self._parts, call)
            status, content = result.status, result.body
        except ApiError as error:
            status, content = error.status, error.body
            headers = {**headers, **error.headers}
        except _Unavailable:
            self._record(request, body, 503, "an HTML page (unavailable)", caller)
            return web.Response(
                status=503, text="<html><body>Over capacity</body></html>", content_type="text/html"
            )
        if content is None:
            status = 204
        if endpoint.v1 and caller:
            headers["x-access-level"] = caller.permission
        lost = faults.take("lost_answer", path)
        self._record(request, body, status, content, caller, lost=lost)
        return _hang_up(request) if lost else _json(status, content, headers)

    def _identify(self, endpoint: Endpoint, request: web.Request, raw: bytes) -> Caller:
        form = form_pairs(raw) if request.content_type == "application/x-www-form-urlencoded" else ()
        signed = Signed(request.method, _address(request), form)
        caller = self._parts.auth.identify(
            request.headers.get("authorization", ""), signed, accepted=endpoint.accepts, v1=endpoint.v1
        )
        if caller.kind == "oauth1" and caller.permission not in _LEVELS[endpoint.needs]:
            if endpoint.v1:
                raise v1_error(403, 261, "Application cannot perform write actions.")
            raise forbidden(
                "Your client app is not configured with the appropriate oauth1 app permissions "
                "for this endpoint.",
                tail="oauth1-permissions",
            )
        return caller

    def _injected(self, endpoint: Endpoint, path: str) -> None:
        faults = self._parts.faults
        if faults.take("no_credits", path):
            kind = "https://api.x.com/2/problems/credits-depleted"
            detail = {"detail": "credits depleted", "status": 402, "title": "Payment Required", "type": kind}
            raise ApiError(402, detail)
        if faults.take("rate_limited", path):
            reset = {
                "x-rate-limit-limit": "1",
                "x-rate-limit-remaining": "0",
                "x-rate-limit-reset": str(int(self._parts.clock() + faults.reset_s)),
            }
            raise too_many(v1=endpoint.v1, headers=reset)
        if faults.take("unavailable", path):
            raise _Unavailable
        if faults.take("server_error", path):
            if endpoint.v1:
                raise v1_error(500, 131, "Internal error")
            title = "Internal Server Error"
            kind = "https://api.x.com/2/problems/internal-error"
            raise ApiError(500, {"title": title, "detail": title, "type": kind, "status": 500})

    def _record(
        self,
        request: web.Request,
        body: dict[str, Any] | None,
        status: int,
        content: object,
        caller: Caller | None,
        *,
        lost: bool = False,
    ) -> None:
        self._parts.feed.record(
            "request",
            {
                "method": request.method,
                "path": request.path,
                "query": dict(request.query),
                "body": body,
                "status": status,
                "answer": content,
                "as": caller.kind if caller else None,
                "user_id": caller.user_id if caller else None,
                "lost": lost,
                "at": self._parts.clock(),
            },
        )


class _Unavailable(Exception):
    """The injected 503."""


def _address(request: web.Request) -> str:
    """The address that the client signed: scheme, host and path as it sent them."""
    return f"{request.scheme}://{request.host}{request.raw_path}"


def _decode(endpoint: Endpoint, request: web.Request, raw: bytes) -> dict[str, Any]:
    if endpoint.schema is None:
        return dict(form_pairs(raw)) if request.content_type == "application/x-www-form-urlencoded" else {}
    try:
        body = json.loads(raw or b"{}")
    except ValueError:
        raise invalid("Request body is not valid JSON") from None
    problems = violations(body, endpoint.schema)
    if problems:
        if endpoint.v1:
            raise v1_error(400, 214, problems[0])
        raise invalid(*problems)
    decoded: dict[str, Any] = body
    return decoded


def _json(status: int, content: object, headers: dict[str, str]) -> web.Response:
    if content is None:
        return web.Response(status=status, headers=headers)
    return web.json_response(content, status=status, headers=headers)


def _hang_up(request: web.Request) -> web.Response:
    """Close the connection; the response that is returned can't reach anybody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
