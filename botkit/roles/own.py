"""A bot at X without an account of its own in bot.yaml: those that signed in are enough."""

from __future__ import annotations

import dataclasses
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botkit.config import Config, MissingSecrets
from botkit.errors import BotkitError, ConfigError, UserError
from botkit.network.keys import KeyRing
from botkit.network.vault import Vault
from botkit.store import open_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from botkit.network.credentials import Credentials
    from botkit.network.vault import Account
    from botkit.store.contract import Store

__all__ = ["OWN", "Granted", "complete", "grants", "grants_in", "lacking", "listed_by_the_bot", "without_own"]

#: the keys of the bot's own account
OWN = frozenset({"x.access_token", "x.access_token_secret"})
#: their webhooks are managed with the own account's tokens, and with nothing else
_NEED_OWN = frozenset({"premium", "enterprise"})

#: the OAuth 2.0 scopes that one account granted; ``None``: it signs with OAuth 1.0a, or that is not known
Granted = frozenset[str] | None


def without_own(config: Config) -> Config | None:
    """The same, with the own account's tokens not missed; ``None`` when something else is missing."""
    others = [error for error in config.missing if error.path not in OWN]
    if others or config.x.delivery in _NEED_OWN:
        return None
    return dataclasses.replace(config, _missing=())


async def lacking(config: Config) -> tuple[ConfigError, ...]:
    """What the bot can't run without and has not, one error each.

    Accounts that signed in are enough, and so is the page /connect, where they can.
    """
    if not config.missing:
        return ()
    alone = without_own(config)
    if alone is None:
        return config.missing
    if config.serves_connect or await grants_in(config):
        return ()
    return tuple(_or_sign_in(error) for error in config.missing)


async def complete(config: Config) -> Config:
    """A configuration that can run: nothing is missing, or accounts have signed in, or can.

    :raises ConfigError: secrets are missing; all are named.
    """
    missing = await lacking(config)
    if missing:
        raise missing[0] if len(missing) == 1 else MissingSecrets(missing)
    return dataclasses.replace(config, _missing=())


def _or_sign_in(error: ConfigError) -> ConfigError:
    fix = f"{error.fix}; or let an account sign in: botkit connect"
    return ConfigError(error.problem, file=error.file, path=error.path, line=error.line, fix=fix)


# -- what accounts have granted ------------------------------------------------------------------------------


async def grants(credentials: Credentials, vault: Vault) -> tuple[Granted, ...]:
    """What every account has granted: the own one of bot.yaml, and those that signed in.

    :raises StoreError: the store can't be read.
    """
    own: tuple[Granted, ...] = (None,) if credentials.access_token or credentials.oauth2_token else ()
    ids = await vault.ids()
    try:
        return own + tuple(_granted(account) for account in await vault.all())
    except UserError:
        return own + (None,) * len(ids)  # they can't be decrypted, which is told where they are needed


def _granted(account: Account) -> Granted:
    if account.access_token or account.oauth2 is None or not account.oauth2.scopes:
        return None
    return frozenset(account.oauth2.scopes)


async def grants_in(config: Config) -> tuple[Granted, ...]:
    """What the accounts that signed in have granted, for a process beside the bot; empty: nobody has.

    The running bot is asked, or its store is looked into; one that can't be opened has none for us.
    """
    with suppress(BotkitError):
        listed = await listed_by_the_bot(config)
        if listed is not None:
            return tuple(map(_granted_as_listed, listed))
        store = await _opened(config)
        if store is not None:
            try:
                from botkit.network.credentials import Credentials  # noqa: PLC0415 - for this alone

                return await grants(Credentials(), Vault(store, KeyRing(config.folder, os.environ)))
            finally:
                await store.close()
    return ()


async def listed_by_the_bot(config: Config) -> Sequence[Mapping[str, Any]] | None:
    """The accounts as the running bot lists them; ``None`` when no bot runs.

    :raises UserError: it did not answer as it should.
    """
    from botkit.control.client import NotRunning, ask  # noqa: PLC0415 - most bots miss nothing
    from botkit.control.place import place_of  # noqa: PLC0415

    place = place_of(config.store_url)
    if place is None:
        return None
    try:
        listed: Sequence[Mapping[str, Any]] = await ask(place, "account.list", {})
    except NotRunning:
        return None
    return listed


def _granted_as_listed(account: Mapping[str, Any]) -> Granted:
    if "OAuth 1.0a" in account["kinds"] or not account["scopes"]:
        return None
    return frozenset(account["scopes"])


def _is_there(url: str) -> bool:
    scheme, _, name = url.partition(":///")
    return scheme != "sqlite" or Path(name).is_file()


async def _opened(config: Config) -> Store | None:
    """The store, where looking into it does not make it."""
    if not _is_there(config.store_url):
        return None
    if config.store_url.partition("://")[0] in {"sqlite", "postgresql", "postgres"}:
        store = open_store(config.store_url)
    else:
        from botkit.hooks.manager import load_plugins  # noqa: PLC0415 - a store of a plugin's is rare

        store = load_plugins(config).register_store(config.store_url) or open_store(config.store_url)
    await store.open()
    return store
