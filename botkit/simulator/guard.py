"""Keeps strangers and other sites away from the control API and the chat page.

They are for this machine only: the server must listen on a loopback host, the request must name one (so that
a foreign name that resolves to 127.0.0.1 gets nothing), and a browser's request must come from the page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from botkit.simulator.webhooks import is_loopback

if TYPE_CHECKING:
    from aiohttp import web

__all__ = ["refusal"]

_SAFE = frozenset({"GET", "HEAD"})


def refusal(request: web.Request) -> str:
    """Why a request for the control API is refused; empty when it is not."""
    named = urlsplit(f"//{request.host}")
    if not named.hostname or not is_loopback(named.hostname):
        return "the control API answers only to a loopback host name"
    if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"} and not _navigates(
        request
    ):
        return "requests from other sites are refused"
    origin = request.headers.get("origin")
    if origin is not None and origin != f"{request.scheme}://{request.host}":
        return "requests from other sites are refused"
    if request.method not in _SAFE and request.can_read_body and request.content_type != "application/json":
        # a form of another site can't send this type without asking first
        return "the body must be application/json"
    return ""


def _navigates(request: web.Request) -> bool:
    """A person followed a link to the page."""
    return request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"
