"""How a call to the simulated X is answered: identify, check, count, carry out, record.

An `Endpoint` is a row of a table; the `rest_*` modules hold the rows. Everything that all calls share, in the
order X does it, is `Api.answer`.
"""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from botkit.simulator.auth import Caller, Signed, form_pairs
from botkit.simulator.endpoint import LEVELS, Answer, Call, Endpoint, Parts
from botkit.simulator.limits import too_many
from botkit.simulator.problems import ApiError, forbidden, invalid, missing_scopes, not_found, v1_error
from botkit.simulator.schema import violations

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["Api"]

#: X's own names: a request that names one was signed for it, over https, whatever brought it here
_HOSTS = frozenset({"api.x.com", "api.twitter.com", "x.com", "twitter.com"})
_NOBODY = Caller("app")


class Api:
    """Answers the calls of an application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self, endpoints: Iterable[Endpoint]) -> list[web.RouteDef]:
        """The endpoints as routes of aiohttp."""
        return [web.route(one.method, one.path, self._handler(one)) for one in endpoints]

    def _handler(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self.answer(endpoint, request)

        return handle

    async def unknown(self, request: web.Request) -> web.StreamResponse:
        """404, as X says it."""
        error = not_found(v1=request.path.startswith("/1.1/"))
        self._record(None, request, None, error.status, error.body)
        return _json(error.status, error.body, error.headers)

    async def answer(self, endpoint: Endpoint, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        faults, path = self._parts.faults, request.path
        if faults.take("outage", path):
            self._record(endpoint, request, None, 0, "closed without an answer (outage)")
            return _hang_up(request)
        caller: Caller | None = None
        body: dict[str, Any] = {}
        headers: dict[str, str] = {"date": self._date()}
        result = Answer()
        try:
            raw = await self._read(endpoint, request)
            caller = self._identify(endpoint, request, raw)
            self._injected(endpoint, path)
            headers |= self._parts.limits.take(endpoint.window, caller.user_id, v1=endpoint.v1)
            body = _decode(endpoint, request, raw)
            signed = _signed(request, raw)
            call = Call(
                caller,
                request.match_info,
                request.query,
                body,
                request.headers,
                raw,
                signed,
                request.remote or "",
            )
            self._parts.subscriptions.tidy()
            result = await endpoint.act(self._parts, call)
            status, content = result.status, result.body
            headers |= result.headers
        except ApiError as error:
            status, content = error.status, error.body
            headers |= error.headers
        except _Unavailable:
            self._record(endpoint, request, body, 503, "an HTML page (unavailable)", caller=caller)
            return web.Response(
                status=503, text="<html><body>Over capacity</body></html>", content_type="text/html"
            )
        if result.stream is not None:
            self._record(endpoint, request, body, 200, "a stream", caller=caller)
            return await result.stream(request, headers)
        if content is None and result.text is None and status == 200:
            status = 204
        if endpoint.v1 and caller and caller.permission:
            headers["x-access-level"] = caller.permission
        lost = faults.take("lost_answer", path)
        shown = f"{len(result.text)} of {result.content_type}" if result.text is not None else content
        self._record(endpoint, request, body, status, shown, caller=caller, lost=lost)
        if lost:
            return _hang_up(request)
        return _text(result, status, headers) if result.text is not None else _json(status, content, headers)

    def _date(self) -> str:
        return formatdate(self._parts.clock() + self._parts.rules.clock_skew_s, usegmt=True)

    async def _read(self, endpoint: Endpoint, request: web.Request) -> bytes:
        if (request.content_length or 0) > endpoint.max_body:
            raise _too_large()
        try:
            raw = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise _too_large() from None
        if len(raw) > endpoint.max_body:
            raise _too_large()
        return raw

    def _identify(self, endpoint: Endpoint, request: web.Request, raw: bytes) -> Caller:
        if not endpoint.accepts:
            return _NOBODY
        caller = self._parts.auth.identify(
            request.headers.get("authorization", ""),
            _signed(request, raw),
            accepted=endpoint.accepts,
            v1=endpoint.v1,
            wrong_kind=endpoint.wrong_kind,
        )
        if caller.kind == "oauth1" and caller.permission not in LEVELS[endpoint.needs]:
            if endpoint.v1:
                raise v1_error(403, 261, "Application cannot perform write actions.")
            raise forbidden(
                "Your client app is not configured with the appropriate oauth1 app permissions "
                "for this endpoint.",
                tail="oauth1-permissions",
            )
        lacking = endpoint.scopes - caller.scopes
        if caller.kind == "oauth2" and lacking:
            raise missing_scopes(sorted(lacking))
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
        endpoint: Endpoint | None,
        request: web.Request,
        body: dict[str, Any] | None,
        status: int,
        content: object,
        *,
        caller: Caller | None = None,
        lost: bool = False,
    ) -> None:
        if endpoint is not None and endpoint.secret:
            body = content = None
        known = caller if caller is not _NOBODY else None
        self._parts.feed.record(
            "request",
            {
                "method": request.method,
                "path": request.path,
                "query": {} if endpoint is not None and endpoint.secret else dict(request.query),
                "body": body,
                "status": status,
                "answer": content,
                "as": known.kind if known else None,
                "user_id": known.user_id if known else None,
                "lost": lost,
                "at": self._parts.clock(),
            },
        )


class _Unavailable(Exception):
    """The injected 503."""


def _address(request: web.Request) -> str:
    """The address that the client signed: scheme, host and path as it sent them."""
    scheme = "https" if request.host in _HOSTS else request.scheme
    return f"{scheme}://{request.host}{request.raw_path}"


def _signed(request: web.Request, raw: bytes) -> Signed:
    form = form_pairs(raw) if request.content_type == "application/x-www-form-urlencoded" else ()
    return Signed(request.method, _address(request), form)


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


def _too_large() -> ApiError:
    title = "Payload Too Large"
    return ApiError(413, {"title": title, "detail": title, "type": "about:blank", "status": 413})


def _json(status: int, content: object, headers: dict[str, str]) -> web.Response:
    if content is None:
        return web.Response(status=status, headers=headers)
    # v2 names its error bodies by their own type (Source: X spec, the default answer of every call)
    problem = isinstance(content, dict) and status >= 400 and "type" in content
    kind = "application/problem+json" if problem else "application/json"
    return web.json_response(content, status=status, headers=headers, content_type=kind)


def _text(answer: Answer, status: int, headers: dict[str, str]) -> web.Response:
    body = answer.text.encode() if isinstance(answer.text, str) else answer.text
    return web.Response(status=status, body=body, headers={"content-type": answer.content_type, **headers})


def _hang_up(request: web.Request) -> web.Response:
    """Close the connection; the response that is returned can't reach anybody."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
