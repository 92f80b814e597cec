"""An app as this process: its loop, its signals, and its parent if it has one."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from structlog.typing import FilteringBoundLogger

from botkit.app import App, Plan, Running
from botkit.collector import spare_the_collector
from botkit.config import Config
from botkit.errors import UserError
from botkit.roles.children import Parent

__all__ = ["run"]


def run(
    config: Config,
    *,
    log: FilteringBoundLogger,
    ready: Callable[[Running], None] | None = None,
    plan: Plan | None = None,
) -> None:
    """Run a bot until SIGINT or SIGTERM; a second one ends it at once.

    Either way nothing is lost: what was answered 200 is in the store, and what was not settled is done again
    at the next start.

    :raises UserError: it can't start, and the user can mend it.
    """
    with asyncio.Runner(loop_factory=_fastest_loop()) as runner:
        runner.run(_run(config, log, ready, plan))


async def _run(
    config: Config,
    log: FilteringBoundLogger,
    ready: Callable[[Running], None] | None,
    plan: Plan | None,
) -> None:
    parent = Parent(plan.child.descriptor) if plan is not None and plan.child is not None else None

    def told(running: Running) -> None:
        if parent is not None:
            parent.tell(url=running.url)
        elif ready is not None:
            ready(running)

    try:
        app = App.build(config, log=log, plan=plan)
        spare_the_collector()
        with _stopped_by_signals(app, log):
            if parent is not None:
                parent.when_gone(app.stop)
            await app.run(told)
    except UserError as error:
        if parent is None or not parent.tell(error=str(error)):
            raise
        raise SystemExit(2) from None  # said in one line by the parent


@contextmanager
def _stopped_by_signals(app: App, log: FilteringBoundLogger) -> Iterator[None]:
    """The first SIGINT or SIGTERM stops an app, the second ends the process.

    The system's handlers and not the loop's: a handler of a plugin that blocks the loop must not keep the
    second one out.
    """
    loop = asyncio.get_running_loop()
    stopping = False

    def stop(signum: int, _frame: object) -> None:
        nonlocal stopping
        if not stopping:
            stopping = True
            loop.call_soon_threadsafe(app.stop)
            return
        # In another thread: the code that is interrupted here may be writing to the log itself.
        name = signal.Signals(signum).name
        telling = threading.Thread(
            target=log.warning, args=("stopped_at_once",), kwargs={"signal": name}, daemon=True
        )
        telling.start()
        telling.join(0.5)
        app.abandon()
        os._exit(128 + signum)

    before = {signum: signal.signal(signum, stop) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _fastest_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's loop when it is installed, else asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - an optional extra
    except ImportError:
        return None
    return uvloop.new_event_loop
