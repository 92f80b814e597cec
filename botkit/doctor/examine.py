"""The checks in the order in which they can fail, and the one loop that runs them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from botkit.doctor import address, here, keys, there
from botkit.doctor.patient import Listener, Patient, Settings
from botkit.doctor.result import Failed, Result, Status
from botkit.errors import BotkitError
from botkit.network.transport import AiohttpTransport, Transport

__all__ = ["CHECKS", "Check", "examine"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong.

    :param run: looks; raises `Failed`, or any error of botkit's tree, which is told as it is.
    :param needs: the names of the checks without which it can't look; it is "not checked" when one failed.
    """

    name: str
    run: Callable[[Patient], Awaitable[Result]]
    needs: tuple[str, ...] = ()


CHECKS: Sequence[Check] = (
    Check("config", here.config),
    Check("secrets", here.secrets_there, ("config",)),
    Check("plugins", here.plugins, ("config",)),
    Check("store", here.store, ("config", "plugins")),
    Check("X", keys.reach, ("secrets",)),
    Check("clock", keys.clock, ("X",)),
    Check("app token", keys.app_token, ("clock",)),
    Check("account", keys.account, ("app token", "plugins")),
    Check("permissions", keys.permission, ("account",)),
    Check("accounts", keys.accounts, ("app token", "store", "plugins")),
    Check("public URL", address.public_url, ("config",)),
    Check("reachable", address.reachable, ("public URL", "secrets")),
    Check("challenge", address.challenge, ("reachable",)),
    Check("webhook", there.webhook, ("app token", "public URL")),
    Check("subscriptions", there.subscriptions, ("webhook", "account", "plugins")),
    Check("limits", there.limits, ("X",)),
)


async def examine(
    file: Path,
    *,
    log: FilteringBoundLogger,
    environ: Mapping[str, str] | None = None,
    settings: Settings | None = None,
    transport: Transport | None = None,
    checks: Sequence[Check] = CHECKS,
) -> AsyncIterator[Result]:
    """Look at a bot; gives each result as soon as it is known.

    Nothing is changed at X. While no bot runs, its address is answered for as long as this takes. The store
    is opened, and made when there is none.

    :param file: bot.yaml, or its folder.
    :param environ: the process's environment, unless given.
    :param transport: how X is asked.
    """
    async with AsyncExitStack() as stack:
        if transport is None:
            transport = AiohttpTransport()
            stack.push_async_callback(transport.close)
        patient = Patient(
            file,
            os.environ if environ is None else environ,
            settings or Settings(),
            stack,
            Listener(transport),
            log,
        )
        out: dict[str, str] = {}
        for check in checks:
            result = replace(await _run(check, patient, out), name=check.name)
            if result.status in {Status.FAILED, Status.NOT_CHECKED}:
                out[check.name] = result.text
            yield result


async def _run(check: Check, patient: Patient, out: Mapping[str, str]) -> Result:
    missing = [name for name in check.needs if name in out]
    if missing:
        return Result(Status.NOT_CHECKED, f"needs {' and '.join(missing)}")
    try:
        return await check.run(patient)
    except Failed as failed:
        return Result(Status.FAILED, failed.line, failed.fix)
    except BotkitError as error:
        return Result(Status.FAILED, str(error), "see docs/doctor.md")
