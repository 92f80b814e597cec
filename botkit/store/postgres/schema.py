"""The tables, and how a store of an older version becomes one of this version."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from botkit.errors import ConfigError
from botkit.store.postgres.address import Address
from botkit.store.postgres.connections import Connection

__all__ = ["MIGRATIONS", "migrate"]

# A lane is idle (ready_at NULL), ready or waiting (owner NULL, ready_at set), or owned. An acknowledgement
# moves `done`; items are never updated. `tail` is the last seq handed out, so done+1 … tail are unfinished,
# except for those that were cancelled while the item before them was in hand: cut_from … cut_to.
#
# Tokens of a lane begin with the time in microseconds: a lane that was forgotten and made anew never repeats
# those of before, whose workers may still live.
#
# Names sort by their bytes (COLLATE "C"): rows are locked in that order, and prefixes are ranges of an index.
# botkit_now() is the one clock of the store: Unix seconds by the database's clock, inlined by the planner.
_VERSION_1 = """
CREATE FUNCTION botkit_now() RETURNS double precision LANGUAGE sql VOLATILE PARALLEL SAFE
    AS $$ SELECT extract(epoch FROM clock_timestamp())::double precision $$;

CREATE TABLE lane (
    lane text COLLATE "C" PRIMARY KEY,
    queue text COLLATE "C" NOT NULL,
    tail bigint NOT NULL,
    done bigint NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 0,
    progress bytea NOT NULL DEFAULT '',
    ready_at double precision,
    owner bigint,
    token bigint NOT NULL DEFAULT extract(epoch FROM clock_timestamp()) * 1000000,
    cut_from bigint NOT NULL DEFAULT 0,
    cut_to bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX lane_ready ON lane (queue, ready_at) WHERE owner IS NULL AND ready_at IS NOT NULL;
CREATE INDEX lane_owned ON lane (owner) WHERE owner IS NOT NULL;

CREATE TABLE item (
    lane text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    received_at double precision NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (lane, seq)
);
CREATE UNIQUE INDEX item_id ON item (item_id);

CREATE TABLE state (key text COLLATE "C" PRIMARY KEY, data bytea NOT NULL)
    WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

CREATE TABLE timer (
    timer_id text COLLATE "C" PRIMARY KEY,
    due_at double precision NOT NULL,
    lane text COLLATE "C" NOT NULL,
    queue text COLLATE "C" NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    payload bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX timer_due ON timer (due_at);

CREATE TABLE dead (
    row bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    item_id text COLLATE "C" NOT NULL,
    handler text COLLATE "C" NOT NULL,
    attempts integer NOT NULL,
    error text NOT NULL,
    lane text NOT NULL,
    queue text NOT NULL,
    at double precision NOT NULL,
    UNIQUE (item_id, handler)
);
CREATE INDEX dead_at ON dead (at, row);

CREATE TABLE backlog (queue text COLLATE "C" NOT NULL, items bigint NOT NULL)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

CREATE TABLE rate_window (
    name text COLLATE "C" PRIMARY KEY,
    max_requests bigint NOT NULL,
    used bigint NOT NULL,
    reset_at double precision NOT NULL,
    frozen_until double precision NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE worker (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    ttl double precision NOT NULL,
    alive_until double precision NOT NULL
) WITH (fillfactor = 50);
"""

# Named leases: refreshing a token, reading a stream.
_VERSION_2 = """
CREATE TABLE hold (
    name text COLLATE "C" PRIMARY KEY, holder text NOT NULL, until double precision NOT NULL
) WITH (fillfactor = 50);
"""

#: the n-th entry takes a store from version n to n+1; entries are never changed once released
MIGRATIONS: tuple[str, ...] = (_VERSION_1, _VERSION_2)

#: ``botk``: the first half of the advisory lock under which tables are made
_LOCK = 0x626F746B

_VERSION_TABLE = """
CREATE TABLE botkit_store (
    id integer PRIMARY KEY CHECK (id = 1), version integer NOT NULL, checks bigint NOT NULL DEFAULT 0
);
INSERT INTO botkit_store (id, version) VALUES (1, 0);
"""


async def migrate(connection: Connection, address: Address, migrations: Sequence[str] = MIGRATIONS) -> None:
    """Make the tables, or bring them to this version, in one transaction; processes that start together wait.

    :raises ConfigError: the tables are not ours, or were made by a newer botkit.
    """
    async with connection.transaction():
        where = address.schema or address.search_path
        await connection.execute("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, where)
        if address.schema and not await connection.fetchval(
            "SELECT 1 FROM pg_namespace WHERE nspname = $1", address.schema
        ):
            await connection.execute(f"CREATE SCHEMA {address.search_path}")
        if await connection.fetchval("SELECT current_schema()") is None:
            raise ConfigError(
                f"no schema of the search path {where} exists in PostgreSQL at {address.place}",
                path="store",
                fix="create one, or name one with ?schema= to have it created",
            )
        version = await _version(connection)
        newest = len(migrations)
        if version is not None and version > newest:
            raise ConfigError(
                f"the store in PostgreSQL at {address.place} was written by a newer botkit "
                f"(store version {version}, this one knows {newest})",
                path="store",
                fix="upgrade botkit",
            )
        try:
            if version is None:
                await connection.execute(_VERSION_TABLE)
            for script in migrations[version or 0 :]:
                await connection.execute(script)
        except (asyncpg.DuplicateTableError, asyncpg.DuplicateFunctionError, asyncpg.DuplicateObjectError):
            raise ConfigError(
                f"the schema {where} in PostgreSQL at {address.place} holds tables that are not botkit's",
                path="store",
                fix="name another schema with ?schema=",
            ) from None
        if version != newest:
            await connection.execute("UPDATE botkit_store SET version = $1", newest)


async def _version(connection: Connection) -> int | None:
    if await connection.fetchval("SELECT to_regclass('botkit_store')") is None:
        return None
    version: int | None = await connection.fetchval("SELECT version FROM botkit_store")
    return version
