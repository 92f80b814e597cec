"""Opening a PostgreSQL store: what is refused in one line, what is forced, how old tables become new ones."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from typing import ClassVar

import pytest

from botkit.errors import ConfigError, StoreError
from botkit.store import open_store
from botkit.store.postgres import PostgresStore
from botkit.store.postgres.address import Address
from botkit.store.postgres.schema import MIGRATIONS

from .conftest import event
from .postgres_server import NoPostgres, PostgresServer
from .postgres_stores import outside


async def _refused(url: str) -> str:
    store = open_store(url)
    with pytest.raises(ConfigError) as caught:
        await store.open()
    await store.close()
    message = str(caught.value)
    assert "\n" not in message
    return message


async def _ask(store: PostgresStore, question: str) -> str:
    async with store._open().connections.lend() as connection:
        return str(await connection.fetchval(question))


# -- addresses -------------------------------------------------------------------------------------------


def test_the_options_of_an_address_are_ours_or_asyncpg_s() -> None:
    address = Address.parse(
        "postgres://me:p%40ss@db:5433/bots?pool=20&schema=My%20Bot&allow_unsafe=true&sslmode=require"
    )
    assert address.dsn == "postgresql://me:p%40ss@db:5433/bots?sslmode=require"
    assert (address.pool, address.schema, address.search_path, address.allow_unsafe) == (
        20,
        "My Bot",
        '"My Bot"',
        True,
    )
    assert address.place == "db:5433/bots"
    assert "p%40ss" not in repr(address)


def test_an_address_without_options() -> None:
    address = Address.parse("postgresql://db/bots")
    assert (address.pool, address.schema, address.search_path, address.allow_unsafe) == (
        10,
        "botkit",
        '"botkit"',
        False,
    )


def test_a_search_path_is_passed_on_and_nothing_is_created() -> None:
    address = Address.parse("postgresql:///bots?host=/run/pg&search_path=one,two")
    assert (address.schema, address.search_path, address.place) == ("", "one,two", "/run/pg/bots")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:hush@host:port/db",
        "postgresql://me:hush/5@host/db",
        "postgresql://me:99/hush@host/db",
        "postgresql://me:hush#5@host/db",
        "postgresql://me:99#hush@host/db",
        "postgresql://me:hush@[host/db",
        "postgresql://me:hush@host/db?pool=3",
        "postgresql://me:hush@host/db?pool=hush",
        "postgresql://me:hush@host/db?allow_unsafe=hush",
        "postgresql://me:hush@host/db?schema=a&search_path=hush",
    ],
)
def test_an_address_that_can_not_be_read_is_one_line_without_a_piece_of_it(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_store(url)
    message = str(caught.value)
    assert message.startswith("store: ")
    assert "; " in message
    assert "\n" not in message
    assert "hush" not in message


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_without_asyncpg_the_extra_is_named(scheme: str) -> None:
    """In a process of its own, where nobody has imported the driver."""
    script = (
        "import sys; sys.modules['asyncpg'] = None\n"
        "from botkit.errors import ConfigError\n"
        "from botkit.store import open_store\n"
        "try:\n"
        f"    open_store('{scheme}://me:hush@host/db')\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "store: a postgresql:// store needs botkit[postgres]; pip install 'botkit[postgres]'"
    )


# -- servers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://me:hush@127.0.0.1:1/db", "can't open PostgreSQL at 127.0.0.1:1/db: "),
        ("postgresql://me:hush@/db?host=/nowhere", "can't open PostgreSQL at /nowhere/db: "),
    ],
)
async def test_a_server_that_is_not_there_is_named_with_the_reason(url: str, reason: str) -> None:
    message = await _refused(url)
    assert message.startswith(f"store: {reason}")
    assert "hush" not in message


async def test_a_database_that_is_not_there_is_named(postgres_server: PostgresServer) -> None:
    url = postgres_server.url().replace("/postgres?", "/nowhere?")
    assert 'database "nowhere" does not exist' in await _refused(url)


async def test_a_user_who_may_not_make_the_tables_is_told_what_to_do(postgres_server: PostgresServer) -> None:
    async with outside(postgres_server.url()) as other:
        await other.connection.execute("DROP ROLE IF EXISTS guest")
        await other.connection.execute("CREATE ROLE guest LOGIN")
    url = postgres_server.url(schema="guests").replace("botkit@", "guest@")
    message = await _refused(url)
    assert "permission denied" in message
    assert "?schema=" in message


async def test_a_search_path_of_schemas_that_do_not_exist_is_refused(postgres_server: PostgresServer) -> None:
    assert "no schema of the search path nowhere exists" in await _refused(
        postgres_server.url(search_path="nowhere")
    )


async def test_a_search_path_is_where_the_tables_are_made(postgres_server: PostgresServer) -> None:
    async with outside(postgres_server.url()) as other:
        await other.connection.execute("DROP SCHEMA IF EXISTS there CASCADE")
        await other.connection.execute("CREATE SCHEMA there")
        store = PostgresStore(postgres_server.url(search_path="there"))
        await store.open()
        await store.put([event("a", "1")])
        await store.close()
        assert await other.connection.fetchval("SELECT count(*) FROM there.item") == 1


@pytest.fixture(scope="module")
def unsafe_server() -> Iterator[PostgresServer]:
    """A server that loses what it has committed when it crashes."""
    try:
        server = PostgresServer(fsync="off")
    except NoPostgres as error:
        pytest.skip(str(error))
    yield server
    server.close()


async def test_a_server_without_fsync_is_refused(unsafe_server: PostgresServer) -> None:
    message = await _refused(unsafe_server.url())
    assert "fsync is off, so a crash can lose or corrupt what was committed; turn fsync on" in message


async def test_a_server_without_fsync_is_used_when_that_may_happen(unsafe_server: PostgresServer) -> None:
    store = open_store(unsafe_server.url(allow_unsafe="true"))
    await store.open()
    assert await store.put([event("a", "1")]) == 1
    await store.close()


async def test_a_server_that_may_tear_pages_is_refused(unsafe_server: PostgresServer) -> None:
    server = PostgresServer(full_page_writes="off")
    try:
        assert "full_page_writes is off" in await _refused(server.url())
    finally:
        server.close()


async def test_commits_are_synced_whatever_the_role_and_the_database_say(
    postgres_server: PostgresServer,
) -> None:
    async with outside(postgres_server.url()) as other:
        await other.connection.execute("DROP DATABASE IF EXISTS lazy")
        await other.connection.execute("DROP ROLE IF EXISTS lazy")
        await other.connection.execute("CREATE ROLE lazy LOGIN")
        await other.connection.execute("CREATE DATABASE lazy OWNER lazy")
        await other.connection.execute("ALTER ROLE lazy SET synchronous_commit = off")
        await other.connection.execute("ALTER DATABASE lazy SET synchronous_commit = off")
    url = postgres_server.url().replace("botkit@/postgres", "lazy@/lazy")
    async with outside(url) as other:
        assert await other.connection.fetchval("SHOW synchronous_commit") == "off"
    store = PostgresStore(url)
    await store.open()
    answers = await asyncio.gather(*(_ask(store, "SHOW synchronous_commit") for _ in range(10)))
    assert set(answers) == {"on"}
    await store.close()


async def test_what_is_put_is_on_disk_when_the_call_returns(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    for number in range(20):
        written = await _ask(store, "SELECT pg_current_wal_insert_lsn()::text")
        await store.put([event("a", str(number))])
        # Without the sync the log is written out a few times a second only.
        assert await _ask(store, f"SELECT pg_current_wal_flush_lsn() > '{written}'") == "True"
    await store.close()


async def test_the_clock_is_the_database_s(postgres_url: str) -> None:
    store = open_store(postgres_url, clock=lambda: 0.0)
    await store.open()
    before = await store.now()
    await store.put([event("a", "1")])
    item = await store.item("1")
    assert item is not None
    assert 1_700_000_000 < before <= item.received_at <= await store.now()
    await store.close()


# -- tables ----------------------------------------------------------------------------------------------


class _Newer(PostgresStore):
    _migrations: ClassVar = (*MIGRATIONS, "ALTER TABLE item ADD COLUMN colour text NOT NULL DEFAULT 'blue'")


async def test_tables_of_an_older_version_are_brought_to_this_one(postgres_url: str) -> None:
    older = PostgresStore(postgres_url)
    await older.open()
    await older.put([event("a", "1", payload=b"kept")])
    await older.close()
    newer = _Newer(postgres_url)
    await newer.open()
    item = await newer.item("1")
    assert item is not None
    assert item.payload == b"kept"
    assert await _ask(newer, "SELECT colour FROM item") == "blue"
    assert await newer.put([event("a", "2")]) == 1
    await newer.close()


async def test_tables_of_a_newer_version_are_refused_in_one_line(postgres_url: str) -> None:
    newer = _Newer(postgres_url)
    await newer.open()
    await newer.close()
    known = len(MIGRATIONS)
    message = await _refused(postgres_url)
    assert f"was written by a newer botkit (store version {known + 1}, this one knows {known})" in message
    assert message.endswith("; upgrade botkit")


async def test_a_migration_that_fails_leaves_the_tables_as_they_were(postgres_url: str) -> None:
    class Failing(PostgresStore):
        _migrations = (*MIGRATIONS, "ALTER TABLE item ADD COLUMN colour text; SELECT 1/0")

    failing = Failing(postgres_url)
    with pytest.raises(ConfigError):
        await failing.open()
    store = PostgresStore(postgres_url)
    await store.open()
    assert await store.put([event("a", "1")]) == 1
    await store.close()


async def test_tables_that_are_not_ours_are_left_alone(postgres_url: str) -> None:
    address = Address.parse(postgres_url)
    async with outside(postgres_url) as other:
        await other.connection.execute(f"CREATE SCHEMA {address.search_path}")
        await other.connection.execute("CREATE TABLE lane (of_a_motorway text)")
        assert "holds tables that are not botkit's" in await _refused(postgres_url)
        found = await other.connection.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
        )
    assert [record["tablename"] for record in found] == ["lane"]


async def test_two_schemas_are_two_stores(postgres_url: str) -> None:
    one, other = PostgresStore(postgres_url), PostgresStore(f"{postgres_url}_Other")
    await one.open()
    await other.open()
    await one.put([event("a", "1")])
    assert await other.put([event("a", "1")]) == 1
    await one.close()
    assert await other.backlog() == 1
    await other.close()


async def test_a_store_opens_once(postgres_url: str) -> None:
    store = PostgresStore(postgres_url)
    await store.open()
    with pytest.raises(StoreError, match="open already"):
        await store.open()
    await store.close()
    await store.close()


async def test_opening_that_is_cancelled_leaves_no_session_behind(postgres_url: str) -> None:
    sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'botkit'"
    store = PostgresStore(postgres_url)
    async with outside(postgres_url) as other, asyncio.timeout(10):
        before = {record["pid"] for record in await other.connection.fetch(sessions)}
        opening = asyncio.create_task(store.open())
        while {record["pid"] for record in await other.connection.fetch(sessions)} <= before:
            pass
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        while not {record["pid"] for record in await other.connection.fetch(sessions)} <= before:
            pass
    assert all(not task.get_name().startswith("botkit-store") for task in asyncio.all_tasks())
