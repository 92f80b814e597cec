"""What can be wrong on this machine: bot.yaml, secrets, plugins, the store."""

from __future__ import annotations

import secrets

from botkit.config import load_config
from botkit.doctor.patient import Patient
from botkit.doctor.result import Failed, Result, ok, warning
from botkit.errors import ConfigError, StoreError, StoreInUse, UserError
from botkit.hooks.manager import load_plugins
from botkit.network.keys import KeyRing
from botkit.roles.accounts import open_accounts
from botkit.roles.facing import outside
from botkit.roles.keeping import hooks_never_called
from botkit.roles.own import grants_in, without_own
from botkit.store import open_store

__all__ = ["config", "plugins", "secrets_there", "store"]

_PROBE = "doctor:probe"


async def config(patient: Patient) -> Result:
    """bot.yaml can be read."""
    try:
        patient.config = load_config(patient.file, environ=patient.environ, complete=False)
    except UserError as error:
        raise _failed(error, "mend bot.yaml") from error
    if patient.config.x.delivery == "premium" and not patient.config.x.environment:
        raise Failed(
            "x.environment is missing, and premium needs the name of your environment",
            "add `environment: name` below x, as the developer portal shows it",
        )
    return ok(
        f"{patient.config.file}: network {patient.config.network}, delivery {patient.config.x.delivery}"
    )


async def secrets_there(patient: Patient) -> Result:
    """The secrets that X needs are given, and the key of stored tokens is private."""
    config = patient.config
    missing = [error for error in config.missing if error.path != "x.environment"]
    alone = without_own(config) if missing else None
    if missing and alone is None:
        first = missing[0]
        names = ", ".join(error.path for error in missing)
        fixes = "; ".join(dict.fromkeys(error.fix for error in missing))
        raise Failed(f"{names}: {first.problem}", fixes)
    try:
        KeyRing(config.folder, patient.environ, now=patient.settings.now).check()
    except UserError as error:
        raise _failed(error, "make the key private, or set BOTKIT_KEY") from error
    patient.x = outside(config)
    if alone is not None and await grants_in(config):
        return ok("all that X needs are set; accounts that signed in act for the bot")
    if alone is not None:
        names = " and ".join(error.path for error in missing)
        fixes = "; ".join(dict.fromkeys(error.fix for error in missing))
        return warning(f"{names}: {missing[0].problem}", f"{fixes}; or let accounts sign in: botkit connect")
    return ok("the simulator needs none" if config.network == "simulator" else "all that X needs are set")


async def plugins(patient: Patient) -> Result:
    """The plugins can be loaded, and what they wait for can come."""
    try:
        patient.hooks = load_plugins(patient.config, log=patient.log)
    except UserError as error:
        raise _failed(error, "mend the plugin, or take it out of bot.yaml") from error
    never = hooks_never_called(patient.config, patient.hooks)
    if never:
        return warning("; ".join(map(str, never)), "or take these hooks out of the plugins")
    if not patient.hooks.handlers():
        return warning("no plugin handles anything", "name one under plugins: in bot.yaml")
    return ok(f"{len(patient.hooks.plugins)} loaded, {len(patient.hooks.handlers())} handlers")


async def store(patient: Patient) -> Result:
    """The store can be opened and written."""
    config, name = patient.config, patient.config.store_name
    try:
        opened = patient.hooks.register_store(config.store_url) or open_store(
            config.store_url, clock=patient.settings.now
        )
        await opened.open()
    except StoreInUse:
        return ok(f"{name} is held by the running bot")
    except (StoreError, UserError) as error:
        raise _unwritable(name, error) from error
    patient.stack.push_async_callback(opened.close)
    try:
        await opened.keep({_PROBE: secrets.token_bytes(8)})
        await opened.keep({_PROBE: None})
    except StoreError as error:
        raise _unwritable(name, error) from error
    patient.store = opened
    if patient.x is not None:
        patient.accounts = open_accounts(
            config,
            patient.facing.credentials,
            api_url=patient.facing.api_url,
            store=opened,
            transport=patient.listener,
            log=patient.log,
            now=patient.settings.now,
        ).accounts
    return ok(f"{name} can be written")


def _unwritable(name: str, error: Exception) -> Failed:
    problem = error.problem if isinstance(error, ConfigError) else str(error)
    fix = error.fix if isinstance(error, ConfigError) and error.fix else ""
    return Failed(
        f"the store {name} can't be written: {problem}",
        fix or "let this user write the file and its folder, or name another store in bot.yaml",
    )


def _failed(error: UserError, fix: str) -> Failed:
    """A line that says its fix itself says it; others get one."""
    if isinstance(error, ConfigError) and error.fix:
        return Failed(str(error).removesuffix(f"; {error.fix}"), error.fix)
    return Failed(str(error), fix)
