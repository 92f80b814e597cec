"""Webhooks, v2: register, look, re-validate, delete, replay. Source: X docs, webhooks/quickstart.

X calls the address (CRC) before it answers a registration or a re-validation: the server must run already.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botkit.errors import ActionRefused
from botkit.x.calls.answers import flag, object_in, required, success, unreadable
from botkit.x.values import first_text, from_text, ident, obj, objects, text
from botkit.x.wire import Auth, Call, Request, Response, segment

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ReplayJob",
    "Webhook",
    "check_url",
    "create_webhook",
    "delete_webhook",
    "list_webhooks",
    "replay",
    "replay_job_from",
    "validate_webhook",
    "webhook_from",
]

# X's pages name the bearer for all; its OpenAPI description takes OAuth 1.0a too where something changes.
_APP = (Auth.APP,)
_APP_OR_USER = (Auth.APP, Auth.OAUTH1_USER)
_MAX_URL = 200


@dataclass(frozen=True, slots=True)
class Webhook:
    """A registered address; events come only while it is ``valid``."""

    id: str
    url: str
    valid: bool
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """A replay that X has begun; its end is posted to the webhook."""

    job_id: str
    created_at: datetime | None = None


def webhook_from(found: Mapping[str, Any]) -> Webhook:
    """A webhook as v2 and v1.1 write it (v1.1 calls the time ``created_timestamp``)."""
    return Webhook(
        id=ident(found, "id"),
        url=text(found, "url"),
        valid=found.get("valid") is True,
        created_at=from_text(first_text(found, "created_at", "created_timestamp")),
    )


def check_url(url: str) -> str:
    """``url``, when X would take it for a webhook: https, a host, no port, at most 200 characters.

    :raises ActionRefused: it would not; the message says why.
    """
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise ActionRefused("the webhook address is no URL") from None
    if split.scheme.lower() != "https" or not split.hostname:
        raise ActionRefused("the webhook address must start with https:// and name a host")
    if port is not None:
        raise ActionRefused("the webhook address must not name a port: X calls 443")
    if len(url) > _MAX_URL:
        msg = f"the webhook address has at most {_MAX_URL} characters, this one has {len(url)}"
        raise ActionRefused(msg)
    return url


def create_webhook(url: str) -> Call[Webhook]:
    """Register an address. List first: a registered address is refused, in more than one way.

    What X demands of the address is not checked here, because a simulator on this machine takes others; ask
    `check_url` before calling X.
    """
    request = Request.with_json("POST", "/2/webhooks", {"url": url})
    return Call("webhook.create", request, _APP_OR_USER, "webhook_create", _created)


def _created(response: Response) -> Webhook:
    webhook = webhook_from(object_in(response))
    if not webhook.id:
        raise unreadable(response, wrote=True)
    return webhook


def list_webhooks() -> Call[tuple[Webhook, ...]]:
    """All webhooks of the app."""
    query = (("webhook_config.fields", "created_at,id,url,valid"),)
    return Call(
        "webhook.list", Request("GET", "/2/webhooks", query), _APP, "webhook_list", _listed, safe=True
    )


def _listed(response: Response) -> tuple[Webhook, ...]:
    return tuple(webhook for each in objects(success(response), "data") if (webhook := webhook_from(each)).id)


def validate_webhook(webhook_id: str) -> Call[bool | None]:
    """Have X check the address again, now. Returns whether it is valid; ``None``: X does not say, list."""
    request = Request("PUT", f"/2/webhooks/{segment(webhook_id)}")
    return Call("webhook.validate", request, _APP_OR_USER, "webhook_validate", _validated, safe=True)


def _validated(response: Response) -> bool | None:
    valid = obj(success(response), "data").get("valid")
    return valid if isinstance(valid, bool) else None


def delete_webhook(webhook_id: str) -> Call[bool]:
    """Delete a webhook, with all its account activity subscriptions."""
    return Call(
        "webhook.delete",
        Request("DELETE", f"/2/webhooks/{segment(webhook_id)}"),
        _APP_OR_USER,
        "webhook_delete",
        flag("deleted", otherwise=True),
        safe=True,
    )


def replay(webhook_id: str, from_at: datetime, to_at: datetime) -> Call[ReplayJob]:
    """Have X deliver again what it delivered, or tried to, between two times (whole minutes count).

    Both within the last 24 hours, ``from_at`` at least 31 minutes ago, ``to_at`` at least 10; two hours a
    job are recommended, and one job a webhook is taken at a time.

    :raises ActionRefused: the times are in the wrong order.
    :raises ValueError: a time without a zone.
    """
    if from_at >= to_at:
        raise ActionRefused("a replay starts before it ends")
    body = {
        "webhook_id": required(webhook_id, "the webhook"),
        "from_date": minute(from_at),
        "to_date": minute(to_at),
    }
    request = Request.with_json("POST", "/2/webhooks/replay", body)
    return Call("webhook.replay", request, _APP, "webhook_replay", replay_job_from)


def minute(at: datetime) -> str:
    """``yyyymmddhhmm`` in UTC. :raises ValueError: a time without a zone."""
    if at.tzinfo is None:
        raise ValueError("a replay's times need a zone")
    return at.astimezone(UTC).strftime("%Y%m%d%H%M")


def replay_job_from(response: Response) -> ReplayJob:
    """The job, in each of the three shapes that X's documents show."""
    body = success(response)
    found = obj(body, "data") or obj(body, "replay_event") or body
    job_id = ident(found, "job_id")
    if not job_id:
        raise unreadable(response, wrote=True)
    return ReplayJob(job_id, from_text(text(found, "created_at")))
