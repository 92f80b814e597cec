"""A bot at X without an account of its own in bot.yaml: those that signed in are enough."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from botkit.config import Config, MissingSecrets
from botkit.errors import BotkitError
from botkit.network.keys import KeyRing
from botkit.network.vault import Vault
from botkit.store import open_store

__all__ = ["OWN", "complete", "without_own"]

#: the keys of the bot's own account
OWN = frozenset({"x.access_token", "x.access_token_secret"})
#: their webhooks are managed with the own account's tokens, and with nothing else
_NEED_OWN = frozenset({"premium", "enterprise"})


def without_own(config: Config) -> Config | None:
    """The same, with the own account's tokens not missed; ``None`` when something else is missing."""
    others = [error for error in config.missing if error.path not in OWN]
    if others or config.x.delivery in _NEED_OWN:
        return None
    return dataclasses.replace(config, _missing=())


async def complete(config: Config) -> Config:
    """A configuration that can run: nothing is missing, or accounts have signed in.

    :raises ConfigError: secrets are missing; all are named.
    """
    if not config.missing:
        return config
    alone = without_own(config)
    if alone is not None and await _has_accounts(config):
        return alone
    raise config.missing[0] if len(config.missing) == 1 else MissingSecrets(config.missing)


async def _has_accounts(config: Config) -> bool:
    """Whether the store has accounts; one that can't be opened has none for us."""
    if not _is_there(config.store_url):
        return False
    try:
        store = open_store(config.store_url)
        await store.open()
    except BotkitError:
        return False
    try:
        return bool(await Vault(store, KeyRing(config.folder, os.environ)).ids())
    except BotkitError:
        return False
    finally:
        await store.close()


def _is_there(url: str) -> bool:
    """A store that only has to be opened: looking into a file of SQLite's would make it."""
    scheme, _, name = url.partition(":///")
    return scheme != "sqlite" or Path(name).is_file()
