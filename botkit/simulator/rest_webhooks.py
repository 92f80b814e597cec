"""Webhooks and their replay, v2. Source: X docs, webhooks/quickstart; X spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botkit.simulator.auth import APP, OAUTH1
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import named_failure, not_in_package
from botkit.simulator.replay import ReplayRefused, minute
from botkit.simulator.schemas import REPLAY, WEBHOOK
from botkit.simulator.webhooks import V2, Webhook, WebhookRefused
from botkit.simulator.wire_v2 import iso

if TYPE_CHECKING:
    from botkit.simulator.problems import ApiError

__all__ = ["ENDPOINTS", "hook_of"]

#: how far back v2 replays (Source: X docs, account-activity/quickstart)
_REACH_S = 24 * 3600.0


def hook_of(parts: Parts, webhook_id: str) -> Webhook:
    """A webhook of v2.

    :raises ApiError: 400, WebhookIdInvalid.
    """
    try:
        return parts.webhooks.get(webhook_id)
    except WebhookRefused as refused:
        raise _failure(refused) from None


def _failure(refused: WebhookRefused) -> ApiError:
    return named_failure(refused.name, refused.reason)


async def create(parts: Parts, call: Call) -> Answer:
    """``POST /2/webhooks``: answers after the challenge was passed."""
    try:
        return Answer({"data": (await parts.webhooks.register(call.body["url"])).public()})
    except WebhookRefused as refused:
        raise _failure(refused) from None


async def list_all(parts: Parts, _call: Call) -> Answer:
    """``GET /2/webhooks``."""
    hooks = [hook.public() for hook in parts.webhooks.all(V2)]
    return Answer({"data": hooks, "meta": {"result_count": len(hooks)}})


async def validate(parts: Parts, call: Call) -> Answer:
    """``PUT /2/webhooks/:webhook_id``: the challenge, by hand."""
    try:
        return Answer({"data": {"valid": (await parts.webhooks.validate(call.path["webhook_id"])).valid}})
    except WebhookRefused as refused:
        raise _failure(refused) from None


async def delete(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/webhooks/:webhook_id``; its subscriptions are gone too."""
    hook = hook_of(parts, call.path["webhook_id"])
    parts.subscriptions.drop_webhook(parts.webhooks.delete(hook.id).id)
    return Answer({"data": {"deleted": True}})


async def replay(parts: Parts, call: Call) -> Answer:
    """``POST /2/webhooks/replay``: what was delivered or attempted, again; both bounds are part of it."""
    if not parts.rules.replay_allowed:
        raise not_in_package()
    hook = hook_of(parts, call.body["webhook_id"])
    start, end = minute(call.body["from_date"]), minute(call.body["to_date"])
    if start is None or end is None:
        raise named_failure("QueryParamInvalid", "from_date and to_date are times as yyyymmddhhmm")
    try:
        job = await parts.replays.begin(hook, start, end, reach_s=_REACH_S, inclusive=True)
    except ReplayRefused as refused:
        names = {
            "busy": "ReplayConflictError",
            "crc": "CrcValidationFailed",
            "invalid": "CrcValidationFailed",
        }
        raise named_failure(names.get(refused.cause, "QueryParamInvalid"), refused.reason) from None
    return Answer({"data": {"job_id": job.id, "created_at": iso(job.created_at)}})


_ONE = "/2/webhooks/{webhook_id:[0-9]{1,19}}"

# the docs say app-only for all, the spec also takes OAuth 1.0a for what changes something
ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/2/webhooks",
        window="webhook.create",
        accepts=APP | OAUTH1,
        schema={**WEBHOOK, "open": True},
        act=create,
    ),
    Endpoint(method="GET", path="/2/webhooks", window="webhook.list", accepts=APP, act=list_all),
    Endpoint(
        method="POST",
        path="/2/webhooks/replay",
        window="webhook.replay",
        accepts=APP,
        schema=REPLAY,
        act=replay,
    ),
    Endpoint(method="PUT", path=_ONE, window="webhook.validate", accepts=APP | OAUTH1, act=validate),
    Endpoint(method="DELETE", path=_ONE, window="webhook.delete", accepts=APP | OAUTH1, act=delete),
]
