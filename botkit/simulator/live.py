"""What watchers see at once: Server-Sent Events, and the chat page with its two files."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from importlib import resources
from typing import TYPE_CHECKING, Any

from aiohttp import web

from botkit.simulator import views
from botkit.simulator.activity import (
    Activity,
    LikeMade,
    MessageSent,
    MessagesRead,
    PostCreated,
    PostRemoved,
    RelationChanged,
    TypingShown,
)
from botkit.simulator.guard import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from botkit.simulator.feed import Feed

__all__ = ["Live", "tell_activity"]

#: a comment this often keeps the connection open and finds watchers that are gone
_KEEP_ALIVE_S = 15.0

_FILES = {
    "/": ("page.html", "text/html"),
    "/_sim/page.css": ("page.css", "text/css"),
    "/_sim/page.js": ("page.js", "text/javascript"),
}
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Live:
    """Serves the page and its stream of events."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def routes(self) -> list[web.RouteDef]:
        """The page's files and the stream."""
        files = [web.get(path, self._file(name, kind)) for path, (name, kind) in _FILES.items()]
        return [*files, web.get("/_sim/events", self._events)]

    def _file(self, name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        text = resources.files("botkit.simulator").joinpath("page", name).read_text("utf-8")

        async def handle(request: web.Request) -> web.Response:
            reason = refusal(request)
            if reason:
                return web.Response(status=403, text=reason)
            return web.Response(text=text, content_type=kind, charset="utf-8", headers=_HEADERS)

        return handle

    async def _events(self, request: web.Request) -> web.StreamResponse:
        reason = refusal(request)
        if reason:
            return web.json_response({"error": reason}, status=403)
        response = web.StreamResponse(
            headers={
                "content-type": "text/event-stream",
                "cache-control": "no-store",
                "x-accel-buffering": "no",
            }
        )
        with self._feed.listen() as queue, suppress(ConnectionError):  # the page was closed
            await response.prepare(request)
            await response.write(_line("hello", {"last": self._feed.last}))
            while True:
                try:
                    told = await asyncio.wait_for(queue.get(), _KEEP_ALIVE_S)
                except TimeoutError:
                    await response.write(b": still here\n\n")
                    continue
                if told is None:
                    break
                await response.write(_line(*told))
        return response


def _line(kind: str, data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def tell_activity(feed: Feed, activity: Activity) -> None:
    """Tell the watchers what happened in the world."""
    match activity:
        case MessageSent(message):
            feed.tell("message", views.message(message))
        case TypingShown(sender, recipient, at):
            feed.tell("typing", {"from": sender, "to": recipient, "at": at})
        case MessagesRead(sender, recipient, last, at):
            feed.tell("read", {"from": sender, "to": recipient, "last_read_message_id": last, "at": at})
        case PostCreated(post):
            feed.tell("post", views.post(post))
        case PostRemoved(post):
            feed.tell("post_removed", {"post_id": post.id})
        case LikeMade(_, user_id, post):
            feed.tell("like", {"from": user_id, "post_id": post.id})
        case RelationChanged(kind, source, target):
            feed.tell("relation", {"kind": kind, "from": source, "to": target})
        case _:
            pass
