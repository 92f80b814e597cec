"""The activity stream and the list of connections. Source: X spec; X docs, fundamentals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import APP
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import forbidden, invalid, not_in_package
from botkit.simulator.schemas import UUIDS
from botkit.simulator.streams import ENDPOINT_NAME
from botkit.x.values import from_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

__all__ = ["ENDPOINTS"]

_MAX_BACKFILL = 5
_STATUSES = ("active", "inactive", "all")
#: the streams that X's description names; none of them is simulated, so they have no connections
_NAMES = frozenset(
    {
        *(
            "filtered_stream",
            "sample_stream",
            "sample10_stream",
            "firehose_stream",
            "tweets_compliance_stream",
        ),
        *("users_compliance_stream", "tweet_label_stream", "likes_firehose_stream", "likes_sample10_stream"),
        *("likes_compliance_stream", *(f"firehose_stream_lang_{lang}" for lang in ("en", "ja", "ko", "pt"))),
        ENDPOINT_NAME,
    }
)


async def stream(parts: Parts, call: Call) -> Answer:
    """``GET /2/activity/stream``."""
    if not parts.rules.activity_api_allowed:
        raise not_in_package()
    minutes = call.number("backfill_minutes", 0, _MAX_BACKFILL, 0)
    start, end = _time(call, "start_time"), _time(call, "end_time")
    if minutes and not parts.rules.backfill_allowed:
        # "not authorized" on self-serve (seen live)
        raise forbidden("You are not authorized to use backfill_minutes.", tail="client-forbidden")
    parts.streams.check_room()
    now = parts.clock()
    beginnings = [at for at in (start, now - 60 * minutes if minutes else None) if at is not None]
    missed = parts.streams.since(min(beginnings), end or now + 1) if beginnings else []

    async def serve(request: web.Request, headers: Mapping[str, str]) -> web.StreamResponse:
        return await parts.streams.serve(request, headers, missed)

    return Answer(stream=serve)


def _time(call: Call, name: str) -> float | None:
    written = call.query.get(name, "")
    at = from_text(written)
    if written and at is None:
        raise invalid(f"The `{name}` query parameter value [{written}] is not a time")
    return at.timestamp() if at else None


async def connections(parts: Parts, call: Call) -> Answer:
    """``GET /2/connections``."""
    status = call.query.get("status", "active")
    if status not in _STATUSES:
        raise invalid(f"The `status` query parameter value [{status}] is not one of [{', '.join(_STATUSES)}]")
    size, wanted = call.number("max_results", 1, 100, 10), set(call.listed("connection.fields"))
    named = call.listed("endpoints")
    skip = call.number("pagination_token", 0, 10**9, 0)
    found = [one.public() for one in parts.streams.connections(status) if not named or ENDPOINT_NAME in named]
    page = found[skip : skip + size]
    meta: dict[str, Any] = {"result_count": len(page)}
    if len(found) > skip + size:
        meta["next_token"] = str(skip + size)
    data = [{name: one[name] for name in one if not wanted or name in {*wanted, "id"}} for one in page]
    return Answer({"data": data, "meta": meta})


async def kill_some(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/connections``: those with these uuids."""
    return _killed(parts, call.body["uuids"])


async def kill_all(parts: Parts, _call: Call) -> Answer:
    """``DELETE /2/connections/all``."""
    return _killed(parts, [one.id for one in parts.streams.connections("active")])


async def kill_of(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/connections/:endpoint_id``."""
    name = call.path["endpoint_id"]
    if name not in _NAMES:
        raise invalid(f"The `endpoint_id` path parameter value [{name}] is not valid")
    mine = parts.streams.connections("active") if name == ENDPOINT_NAME else []
    return _killed(parts, [one.id for one in mine])


def _killed(parts: Parts, ids: list[str]) -> Answer:
    there = {one.id for one in parts.streams.connections("active")}
    results: list[dict[str, Any]] = [
        {"uuid": one, "success": True}
        if one in there
        else {"uuid": one, "success": False, "error_message": "no active connection has this uuid"}
        for one in ids
    ]
    parts.streams.end("disconnect", ids=ids)
    done = sum(1 for one in results if one["success"])
    return Answer({"data": {"successful_kills": done, "failed_kills": len(ids) - done, "results": results}})


ENDPOINTS = [
    Endpoint(method="GET", path="/2/activity/stream", window="activity.stream", accepts=APP, act=stream),
    Endpoint(method="GET", path="/2/connections", window="connection.list", accepts=APP, act=connections),
    Endpoint(
        method="DELETE",
        path="/2/connections",
        window="connection.kill",
        accepts=APP,
        schema=UUIDS,
        act=kill_some,
    ),
    Endpoint(method="DELETE", path="/2/connections/all", window="connection.kill", accepts=APP, act=kill_all),
    Endpoint(
        method="DELETE",
        path="/2/connections/{endpoint_id}",
        window="connection.kill",
        accepts=APP,
        act=kill_of,
    ),
]
