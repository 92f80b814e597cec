"""Webhooks and the app's own token. Source: X docs, webhooks/quickstart; authentication/application-only."""

from __future__ import annotations

from botkit.simulator.api import Answer, Call, Endpoint, Parts
from botkit.simulator.auth import APP, OAUTH1
from botkit.simulator.schemas import WEBHOOK

__all__ = ["ENDPOINTS"]


async def create(parts: Parts, call: Call) -> Answer:
    """``POST /2/webhooks``: answers after the challenge was passed."""
    return Answer({"data": (await parts.webhooks.register(call.body["url"])).public()})


async def list_all(parts: Parts, _call: Call) -> Answer:
    """``GET /2/webhooks``."""
    hooks = [hook.public() for hook in parts.webhooks.all()]
    return Answer({"data": hooks, "meta": {"result_count": len(hooks)}})


async def validate(parts: Parts, call: Call) -> Answer:
    """``PUT /2/webhooks/:webhook_id``: the challenge, by hand."""
    return Answer({"data": {"valid": (await parts.webhooks.validate(call.path["webhook_id"])).valid}})


async def delete(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/webhooks/:webhook_id``; its subscriptions are gone too."""
    parts.subscriptions.drop_webhook(parts.webhooks.delete(call.path["webhook_id"]).id)
    return Answer({"data": {"deleted": True}})


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
    Endpoint(method="PUT", path=_ONE, window="webhook.validate", accepts=APP | OAUTH1, act=validate),
    Endpoint(method="DELETE", path=_ONE, window="webhook.delete", accepts=APP | OAUTH1, act=delete),
]
