"""Persistent HTTP streams: XAA's, and the app's connections to look at and to close.

Source: X's OpenAPI description; X docs, fundamentals/handling-disconnections.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botkit.errors import ActionRefused
from botkit.x.calls.answers import nothing, success
from botkit.x.values import from_text, objects, text
from botkit.x.wire import Auth, Call, Request, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "KEEP_ALIVE_S",
    "MAX_BACKFILL_MINUTES",
    "Connection",
    "activity_stream",
    "close_connections",
    "list_connections",
]

_APP = (Auth.APP,)
#: a stream sends at least an empty line that often
KEEP_ALIVE_S = 20.0
MAX_BACKFILL_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Connection:
    """A connection of the app's to a stream; ``disconnected_at`` is ``None`` while it is open."""

    id: str
    endpoint: str = ""
    connected_at: datetime | None = None
    disconnected_at: datetime | None = None
    reason: str = ""


def activity_stream(*, backfill_minutes: int = 0, start_at: datetime | None = None) -> Call[None]:
    """The stream of everything the app has subscribed to, one JSON object a line, until one side ends it.

    Only the beginning of the answer is read by the call: what comes is lines, empty ones as keep-alive.

    :param backfill_minutes: so many minutes of what was missed are sent first: 0 to 5.
    :param start_at: what happened since then is sent first.
    :raises ActionRefused: more minutes than X gives.
    :raises ValueError: a time without a zone.
    """
    if not 0 <= backfill_minutes <= MAX_BACKFILL_MINUTES:
        msg = f"X sends 0 to {MAX_BACKFILL_MINUTES} minutes of what was missed, not {backfill_minutes}"
        raise ActionRefused(msg)
    query: list[tuple[str, str]] = []
    if backfill_minutes:
        query.append(("backfill_minutes", str(backfill_minutes)))
    if start_at is not None:
        if start_at.tzinfo is None:
            raise ValueError("the beginning of a stream needs a zone")
        query.append(("start_time", start_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
    request = Request("GET", "/2/activity/stream", tuple(query))
    return Call("activity.stream", request, _APP, "activity_stream", nothing, safe=True)


def list_connections() -> Call[tuple[Connection, ...]]:
    """The connections that are open, of whichever stream."""
    request = Request("GET", "/2/connections", (("status", "active"), ("max_results", "100")))
    return Call("connections.list", request, _APP, "connections", _listed, safe=True)


def _listed(response: Response) -> tuple[Connection, ...]:
    return tuple(
        Connection(
            id=found_id,
            endpoint=text(each, "endpoint_name"),
            connected_at=from_text(text(each, "connected_at")),
            disconnected_at=from_text(text(each, "disconnected_at")),
            reason=text(each, "disconnect_reason"),
        )
        for each in objects(success(response), "data")
        if (found_id := text(each, "id"))
    )


def close_connections(connection_ids: Sequence[str]) -> Call[None]:
    """Close 1 to 100 connections by their ids.

    :raises ActionRefused: none, or more than 100.
    """
    if not 1 <= len(connection_ids) <= 100:
        msg = f"X closes 1 to 100 connections at once, not {len(connection_ids)}"
        raise ActionRefused(msg)
    request = Request.with_json("DELETE", "/2/connections", {"uuids": list(connection_ids)})
    return Call("connections.close", request, _APP, "connections", nothing, safe=True)
