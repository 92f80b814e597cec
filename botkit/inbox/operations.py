"""The operations by name: what a control socket offers, and what a command does on a store of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from structlog.typing import FilteringBoundLogger

from botkit.api import Caller
from botkit.config import EngineConfig
from botkit.control.server import Operation
from botkit.hooks.manager import Hooks
from botkit.inbox import again, dead, forgetting, looking, outbox, retention, usage
from botkit.store.contract import Store

__all__ = ["operations"]


def operations(
    store: Store,
    *,
    hooks: Callable[[], Hooks],
    caller: Caller | None,
    engine: EngineConfig,
    log: FilteringBoundLogger,
    now: Callable[[], float] = time.time,
) -> Mapping[str, Operation]:
    """Everything that can be asked about an inbox. All arguments go by name; all answers are plain data.

    :param hooks: the bot's plugins, asked for only when handlers are to run.
    :param caller: how a rehearsal may look things up at X; ``None`` where no bot runs.
    """

    async def rehearse(*, event_ids: list[str]) -> dict[str, Any]:
        return await again.rehearse(
            store,
            event_ids=event_ids,
            hooks=hooks(),
            caller=caller,
            handler_timeout_s=engine.handler_timeout,
            log=log,
            now=now,
        )

    return {
        "inbox.status": partial(looking.status, store),
        "inbox.conversation": partial(looking.conversation, store),
        "inbox.dead.list": partial(dead.listed, store),
        "inbox.dead.show": partial(dead.show, store),
        "inbox.dead.retry": partial(dead.retry, store),
        "inbox.dead.drop": partial(dead.drop, store),
        "inbox.replay": partial(again.replay, store),
        "inbox.rehearse": rehearse,
        "inbox.prune": partial(retention.prune, store, keep_s=engine.retention),
        "outbox.list": partial(outbox.listed, store),
        "outbox.pause": partial(outbox.pause, store),
        "outbox.resume": partial(outbox.resume, store),
        "outbox.cancel": partial(outbox.cancel, store),
        "usage": partial(usage.used, store),
        "forget": partial(forgetting.forget, store),
    }
