"""Where events wait until they are handled: `contract.Store` is the promise, `open_store` makes one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from botkit.errors import ConfigError
from botkit.store.contract import Store

__all__ = ["open_store"]


def open_store(url: str, *, clock: Callable[[], float] = time.time) -> Store:
    """Make the store for an address; `Store.open` opens it.

    ``sqlite:///name.db`` is a file in the working directory, ``sqlite:////folder/name.db`` an absolute one.
    ``sqlite://`` and ``sqlite:///:memory:`` are a file of the store's own in a temporary folder, which is
    deleted when the store closes: the same code runs, and nothing is kept.

    ``postgresql://user:password@host:5432/database`` is a PostgreSQL database, for several processes; it
    needs the extra ``botkit[postgres]``. See `botkit.store.postgres.address.Address.parse` for its options.

    :param clock: Unix seconds; called from the store's threads too. PostgreSQL goes by the database's clock,
        whatever is said here: it is the same for all processes.
    :raises ConfigError: no store is known for the address.
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme in {"postgres", "postgresql"}:
        return _open_postgres(url)
    if not separator or scheme != "sqlite":
        known = f"{scheme}:// is no store that botkit knows" if separator else "it is not an address"
        raise ConfigError(
            known, path="store", fix="write sqlite:///botkit.db, or load the plugin that brings this store"
        )
    from botkit.store.sqlite import SqliteStore  # noqa: PLC0415 - another store needs no SQLite

    if rest in {"", "/", "/:memory:"}:
        return SqliteStore(None, clock=clock)
    if not rest.startswith("/"):
        raise ConfigError(
            "sqlite:// takes no host", path="store", fix=f"write sqlite:///{rest} with three slashes"
        )
    return SqliteStore(Path(rest[1:]), clock=clock)


def _open_postgres(url: str) -> Store:
    try:
        from botkit.store.postgres import PostgresStore  # noqa: PLC0415 - another store needs no asyncpg
    except ModuleNotFoundError as error:
        if error.name != "asyncpg":
            raise
        raise ConfigError(
            "a postgresql:// store needs botkit[postgres]",
            path="store",
            fix="pip install 'botkit[postgres]'",
        ) from None
    return PostgresStore(url)
