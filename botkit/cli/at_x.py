"""Commands work on webhooks and subscriptions: through the running bot if there is one, else directly."""

from __future__ import annotations

import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botkit.cli.common import read_config
from botkit.cli.through_bot import through_bot
from botkit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botkit.config import Config
    from botkit.control.server import Operation

__all__ = ["ask_x"]


def ask_x(file: Path, op: str, **arguments: Any) -> Any:
    """Do an operation of `botkit.keeping.operations` and return its answer.

    :raises UserError: a secret is missing, X refuses, or it can't be done now; one line.
    """
    return through_bot(read_config(file, complete=True), op, arguments, alone=_alone)


async def _alone(config: Config, op: str, arguments: Mapping[str, Any]) -> Any:
    if config.network == "simulator":
        raise UserError("the simulator runs inside its bot, and no bot runs; start it: botkit run")
    async with AsyncExitStack() as stack:
        operations = await _operations(config, stack)
        return await operations[op](**arguments)


async def _operations(config: Config, stack: AsyncExitStack) -> Mapping[str, Operation]:
    from botkit.hooks.manager import load_plugins  # noqa: PLC0415 - much to import: not for --help
    from botkit.log import make_logger  # noqa: PLC0415
    from botkit.network.client import Client  # noqa: PLC0415
    from botkit.network.transport import AiohttpTransport  # noqa: PLC0415
    from botkit.roles.accounts import open_accounts  # noqa: PLC0415
    from botkit.roles.facing import outside  # noqa: PLC0415
    from botkit.roles.keeping import make_keeping  # noqa: PLC0415
    from botkit.store import open_store  # noqa: PLC0415

    log = make_logger(level="error", format=config.log.format, stream=sys.stderr)
    hooks = load_plugins(config, log=log)
    x, url = outside(config), _store_of(config)
    store = hooks.register_store(url) or open_store(url)
    await store.open()
    stack.push_async_callback(store.close)
    transport = AiohttpTransport()
    stack.push_async_callback(transport.close)
    sign_in = open_accounts(
        config, x.credentials, api_url=x.api_url, store=store, transport=transport, log=log, now=time.time
    )
    client = Client(transport, x.credentials, api_url=x.api_url, accounts=sign_in.accounts, log=log)
    _, operations = make_keeping(
        config,
        x,
        store=store,
        hooks=hooks,
        client=client,
        transport=transport,
        vault=sign_in.accounts.vault,
        webhook_url=lambda: config.server.webhook_url or "",
        log=log,
        now=time.time,
    )
    return operations


def _store_of(config: Config) -> str:
    """The bot's store; one in memory where no bot has run yet: looking makes none."""
    prefix = "sqlite:///"
    new = config.store_url.startswith(prefix) and not Path(config.store_url.removeprefix(prefix)).is_file()
    return f"{prefix}:memory:" if new else config.store_url
