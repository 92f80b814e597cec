"""One valid webhook at our address: found, validated again, or registered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from botkit.errors import XError
from botkit.network.client import Client
from botkit.network.lifecycle.asking import NotSo, asked, refused
from botkit.network.lifecycle.products import WebhookCalls
from botkit.x.calls.webhooks import Webhook

__all__ = ["Ensured", "ensure_webhook", "is_quota"]


@dataclass(frozen=True, slots=True)
class Ensured:
    """A webhook that is there and valid.

    :param alive: the ids of all webhooks that are there.
    :param registered: it was made now.
    :param revived: it was invalid before.
    :param deleted: ids of webhooks of our own that were in the way and led nowhere.
    """

    webhook_id: str
    alive: frozenset[str]
    registered: bool = False
    revived: bool = False
    deleted: frozenset[str] = frozenset()


async def ensure_webhook(
    client: Client,
    calls: WebhookCalls,
    url: str,
    *,
    own: frozenset[str],
    log: FilteringBoundLogger,
) -> Ensured:
    """See to a valid webhook for the URL. Looked for first: X answers a second one with its limit.

    :param own: ids of webhooks that this bot registered. One of them is deleted when it keeps ours out and
        X itself finds nobody at its address; any other is left, and named.
    :raises NotSo: X refuses.
    """
    there = await asked("for the list of webhooks", client.do(calls.list_all()))
    alive = frozenset(webhook.id for webhook in there)
    for webhook in there:
        if webhook.url == url:
            if not webhook.valid:
                await _validate(client, calls, webhook)
                log.info("webhook_validated", webhook=webhook.id)
            return Ensured(webhook.id, alive, revived=not webhook.valid)
    deleted: frozenset[str] = frozenset()
    try:
        made = await client.do(calls.create(url))
    except XError as error:
        if not is_quota(error) or not there:
            raise refused(f"to register {url}", error, "webhook") from error
        deleted = await _clear(client, calls, [webhook for webhook in there if webhook.id in own], log)
        if not deleted:
            raise _taken(url, there) from error
        made = await asked(f"to register {url}", client.do(calls.create(url)), "webhook")
    log.info("webhook_registered", webhook=made.id, url=url)
    return Ensured(made.id, (alive - deleted) | {made.id}, registered=True, deleted=deleted)


def is_quota(error: XError) -> bool:
    """X takes no further webhook. Source: X docs, webhooks/quickstart; code 214's texts in v1.1."""
    return error.kind == "WebhookLimitExceeded" or (214 in error.codes and "too many" in str(error).lower())


def _taken(url: str, there: Sequence[Webhook]) -> NotSo:
    taken = ", ".join(f"{webhook.url} (id {webhook.id})" for webhook in there)
    command = f"botkit webhook remove {there[0].id}"
    return NotSo(
        f"X takes no further webhook, so {url} can't be registered; "
        f"delete the one that is there at X ({command}), or use its address: {taken}",
        "webhook",
    )


async def _validate(client: Client, calls: WebhookCalls, webhook: Webhook) -> None:
    """Have X challenge the webhook again, and see that it is valid then: not every answer of X's says so."""
    what = f"to validate webhook {webhook.id}"
    valid = await asked(what, client.do(calls.validate(webhook.id)), "webhook")
    if not isinstance(valid, bool):
        listed = await asked("for the list of webhooks", client.do(calls.list_all()), "webhook")
        valid = any(each.valid for each in listed if each.id == webhook.id)
    if not valid:
        raise NotSo(
            f"X still holds webhook {webhook.id} for invalid; see that {webhook.url} reaches this bot",
            "webhook",
        )


async def _clear(
    client: Client, calls: WebhookCalls, ours: Sequence[Webhook], log: FilteringBoundLogger
) -> frozenset[str]:
    """Delete the webhooks at whose address X finds nobody: those of an earlier address of this bot.

    One that answers may be another running copy of the bot, and stays.
    """
    gone = set()
    for webhook in ours:
        try:
            await _validate(client, calls, webhook)
        except NotSo:
            await asked(f"to delete webhook {webhook.id}", client.do(calls.delete(webhook.id)), "webhook")
            log.info("webhook_removed", webhook=webhook.id, url=webhook.url, reason="nobody answers there")
            gone.add(webhook.id)
    return frozenset(gone)
