"""Answers that say in one line of JSON why not."""

from __future__ import annotations

import msgspec
from aiohttp import web

__all__ = ["refused"]


def refused(status: int, reason: str, headers: dict[str, str] | None = None) -> web.Response:
    """An answer that says in one line of JSON why not."""
    return web.Response(
        status=status,
        body=msgspec.json.encode({"error": reason}),
        content_type="application/json",
        headers=headers,
    )
