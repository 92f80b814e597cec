"""Brings what an action attaches to X, just before the action leaves.

Every step is remembered with the action, so that neither a retry nor a restart brings the same bytes twice
while X still has them; and while X works on a video, nothing waits but a row in the store.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from msgspec.structs import replace
from structlog.typing import FilteringBoundLogger

from botkit.actions import Queued
from botkit.engine.marks import Sending
from botkit.media import advance
from botkit.network.client import Client
from botkit.x.wire import Call

__all__ = ["Brought", "bring"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Brought:
    """How far the attachments are.

    :param queued: the action with its uploads, ready to leave; ``None``: X is not done yet.
    :param wait_s: when to look again.
    """

    queued: Queued | None
    sending: Sending
    wait_s: float = 0.0


async def bring(
    queued: Queued,
    sending: Sending,
    *,
    client: Client,
    now: float,
    save: Callable[[Sending], Awaitable[bool]],
    log: FilteringBoundLogger,
) -> Brought | None:
    """Upload what the action attaches and is not at X yet.

    :param save: remembers a step; False: the lane is another's now.
    :returns: ``None`` when the lane was lost.
    :raises ActionRefused, XError: as `botkit.media.advance`; steps before are saved.
    """

    async def do(call: Call[T]) -> T:
        return await client.do(call, queued.account_id)

    uploads = list(sending.uploaded)
    for index, attachment in enumerate(queued.action.attachments):
        before = uploads[index] if index < len(uploads) else None
        step = await advance(
            do,
            attachment,
            queued.action.place,
            before,
            now=now,
            progress=lambda percent: log.debug("media_progress", percent=percent),
        )
        if step != before:
            uploads[index : index + 1] = [step]
            sending = replace(sending, uploaded=tuple(uploads))
            if not await save(sending):
                return None
        if not step.ready:
            return Brought(None, sending, step.check_after_s)
    ids = tuple(upload.media_id for upload in uploads)
    return Brought(replace(queued, action=queued.action.with_uploads(ids)), sending)
