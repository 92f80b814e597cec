"""What all requests of the control API share: who may ask, how a mistake is told, how a body is read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from botkit.simulator.guard import refusal
from botkit.simulator.things import NotAllowed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Missing", "Refusal", "body_of", "flag", "guarded", "posted", "text_of", "whole"]


class Refusal(Exception):
    """What was asked can't be done; ``str()`` tells why and what to do."""


class Missing(Refusal):
    """Nobody of this name is there."""


def guarded(
    handler: Callable[[web.Request], Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Answers with JSON what a handler returns, to those who may ask."""

    async def handle(request: web.Request) -> web.Response:
        reason = refusal(request)
        if reason:
            return web.json_response({"error": reason}, status=403)
        try:
            answer = await handler(request)
            return web.Response(status=204) if answer is None else web.json_response(answer)
        except Missing as missing:
            return web.json_response({"error": str(missing)}, status=404)
        except (Refusal, NotAllowed) as refused:
            return web.json_response({"error": str(refused)}, status=400)

    return handle


def posted(act: Callable[[dict[str, Any]], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The same for what only needs the body."""

    async def handle(request: web.Request) -> Any:
        return act(await body_of(request))

    return guarded(handle)


async def body_of(request: web.Request) -> dict[str, Any]:
    """The body, a JSON object; an empty one when there is none."""
    try:
        body = json.loads(await request.read() or b"{}")
    except ValueError:
        raise Refusal("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal("the body is not a JSON object")
    return body


def text_of(body: dict[str, Any], name: str, default: str | None = None) -> str:
    """A text in a body; without a default it must be there."""
    value = body.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise Refusal(f"{name} is missing, or not a text")
    return value


def flag(body: dict[str, Any], name: str, *, default: bool) -> bool:
    """A yes or no in a body."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise Refusal(f"{name} is true or false")
    return value


def whole(request: web.Request, name: str) -> int:
    """A whole number in a query; 0 when it is not there."""
    written = request.query.get(name, "0") or "0"
    if not written.isdecimal():
        raise Refusal(f"{name} is a number")
    return int(written)
