"""What a bot does for whoever runs it: answers `botkit inbox` and its like, and deletes what is old."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from structlog.typing import FilteringBoundLogger

from botkit.api import Caller
from botkit.config import Config
from botkit.control.place import place_of
from botkit.control.server import Control, Operation
from botkit.hooks.manager import Hooks
from botkit.inbox.operations import operations
from botkit.inbox.retention import Retention
from botkit.roles.parts import Parts
from botkit.store.contract import Store

__all__ = ["begin_upkeep"]


def begin_upkeep(
    parts: Parts,
    config: Config,
    *,
    store: Store,
    hooks: Hooks,
    caller: Caller,
    log: FilteringBoundLogger,
    now: Callable[[], float],
    more: Mapping[str, Operation] | None = None,
) -> None:
    """Begin to prune, and to answer on the control socket where the store is a file that only we can open.

    :param more: what is answered there beside what is in the inbox.
    """
    parts.until_cancelled("retention", Retention(store, keep_s=config.engine.retention, log=log).run())
    place = place_of(config.store_url)
    if place is None:
        return
    answered = operations(
        store,
        hooks=lambda: hooks,
        caller=caller,
        engine=config.engine,
        log=log,
        now=now,
    )
    parts.until_cancelled("control", Control(place, {**answered, **(more or {})}, log=log).run())
