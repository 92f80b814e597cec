"""Servers that die and connections that break: what was answered is there, the rest may be asked again."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from botkit.errors import StoreUnavailable
from botkit.store.contract import Claim, Done, Effects, Settlement
from botkit.store.postgres import PostgresStore
from botkit.store.postgres.turns import Turns

from .conftest import event
from .postgres_server import NoPostgres, PostgresServer
from .postgres_stores import BreakingStore, Cutter, outside

LONG_S = 60.0


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server that a test may kill."""
    try:
        server = PostgresServer()
    except NoPostgres as error:
        pytest.skip(str(error))
    yield server
    server.close()


@pytest.fixture
async def breaking(postgres_url: str) -> AsyncIterator[BreakingStore]:
    """An open store whose connections break when they are told to."""
    store = BreakingStore(postgres_url)
    await store.open()
    yield store
    await store.close()


async def _until_taken(store: PostgresStore, name: str) -> None:
    """Put one item as X does: again and again until it is taken."""
    async with asyncio.timeout(20):
        while True:
            try:
                await store.put([event(f"lane-{name}", name)])
            except StoreUnavailable:
                await asyncio.sleep(0.01)  # what X does between two deliveries, much shortened
            else:
                return


async def test_a_server_that_is_killed_keeps_what_was_acknowledged_and_the_store_recovers(
    server: PostgresServer,
) -> None:
    store = PostgresStore(server.url())
    await store.open()
    worker = await store.register("w", LONG_S)
    acked: list[str] = []
    begun = asyncio.Event()

    async def receive(number: int) -> None:
        for count in range(10_000):
            name = f"{number}-{count}"
            try:
                await store.put([event(f"lane-{name}", name)])
            except StoreUnavailable as error:
                assert "PostgreSQL at " in str(error)  # noqa: PT017 - a hundred of them, at any moment
                return
            acked.append(name)
            if len(acked) > 300:
                begun.set()

    receiving = asyncio.gather(*(receive(number) for number in range(32)))
    await begun.wait()
    await asyncio.to_thread(server.stop, "immediate")
    await receiving
    with pytest.raises(StoreUnavailable):
        await store.check()
    waiting = asyncio.create_task(store.wait("nothing", 0.3))
    await waiting  # raises nothing
    await asyncio.to_thread(server.start)
    await asyncio.gather(*(_until_taken(store, f"after-{number}") for number in range(8)))
    await store.check()
    missing = [name for name in acked if await store.item(name) is None]
    assert missing == []
    assert await store.beat(worker)
    assert len(await store.claim(worker, "in", 10_000, 1)) == await store.backlog()
    await store.close()


async def test_waiters_hear_of_other_processes_again_after_the_server_came_back(
    server: PostgresServer,
) -> None:
    waiter, other = PostgresStore(server.url()), PostgresStore(server.url())
    await waiter.open()
    await other.open()
    waiting = asyncio.create_task(waiter.wait("in", LONG_S))
    await waiter.queues("")
    await asyncio.to_thread(server.stop, "immediate")
    await asyncio.to_thread(server.start)
    await _until_taken(other, "1")
    await asyncio.wait_for(waiting, 10)
    await waiter.close()
    await other.close()


async def test_a_store_closes_while_the_server_is_gone(server: PostgresServer) -> None:
    store = PostgresStore(server.url())
    await store.open()
    await store.register("w", LONG_S)
    await asyncio.to_thread(server.stop, "immediate")
    await asyncio.wait_for(store.close(), 15)


async def test_a_server_that_comes_back_without_fsync_is_not_written_to(server: PostgresServer) -> None:
    store = PostgresStore(server.url())
    await store.open()
    await asyncio.to_thread(server.stop)
    server.settings["fsync"] = "off"
    await asyncio.to_thread(server.start)
    reasons: set[str] = set()
    async with asyncio.timeout(10):
        while not any("fsync is off" in reason for reason in reasons):
            # The first one may only notice that the connection is gone.
            with pytest.raises(StoreUnavailable) as caught:
                await store.put([event("a", "1")])
            reasons.add(str(caught.value))
    await store.close()


async def test_a_session_that_the_server_ends_costs_one_call(server: PostgresServer) -> None:
    store = PostgresStore(server.url())
    await store.open()
    await store.put([event("a", "1")])
    async with outside(server.url()) as other:
        await other.connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'botkit'"
        )
    await _until_taken(store, "2")
    assert await store.backlog() == 2
    await store.close()


# -- commits of unknown outcome --------------------------------------------------------------------------


async def _claimed(store: PostgresStore, *names: str) -> tuple[int, Claim]:
    worker = await store.register("w", LONG_S)
    await store.put([event("a", name) for name in names])
    (claim,) = await store.claim(worker, "in", 1, 10)
    return worker, claim


@pytest.mark.parametrize("release", [True, False])
async def test_a_turn_whose_commit_was_lost_is_found_out_when_it_is_settled_again(
    breaking: BreakingStore, release: bool
) -> None:
    worker, claim = await _claimed(breaking, "1", "2")
    turn = Settlement(claim, 1, Done(), Effects(items=[event("o", "action", queue="out")]), release=release)
    breaking.breaking.lose_after = 1
    with pytest.raises(StoreUnavailable, match="lost during the commit"):
        await breaking.settle(worker, turn)
    assert await breaking.settle(worker, turn)
    assert [item.item_id for item in await breaking.unfinished("o")] == ["action"]
    assert [item.item_id for item in await breaking.unfinished("a")] == ["2"]
    if not release:
        assert await breaking.settle(worker, Settlement(claim, 2, Done()))


async def test_a_turn_whose_commit_s_answer_never_came_is_found_out_when_it_is_settled_again(
    postgres_server: PostgresServer,
) -> None:
    """The same with a real connection, cut between the server's commit and its answer."""
    with tempfile.TemporaryDirectory() as folder:  # short: the path of a socket may have about 100 characters
        cutter = Cutter(Path(folder), postgres_server.data.parent)
        await cutter.open()
        schema = f"botkit_test_{secrets.token_hex(6)}"
        store = PostgresStore(f"postgresql://botkit@/postgres?host={folder}&schema={schema}")
        await store.open()
        worker, claim = await _claimed(store, "1", "2")
        turn = Settlement(claim, 1, Done(), Effects(items=[event("o", "action", queue="out")]))
        cutter.cut_commit = True
        with pytest.raises(StoreUnavailable, match="connection"):
            await store.settle(worker, turn)
        assert [item.item_id for item in await store.unfinished("a")] == ["2"]  # it was committed
        assert await store.settle(worker, turn)
        assert [item.item_id for item in await store.unfinished("o")] == ["action"]
        await store.close()
        await cutter.close()


async def test_an_outage_is_told_by_errors_alone(
    server: PostgresServer, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody reads a traceback of the driver's to learn that the server is gone."""
    store = PostgresStore(server.url())
    await store.open()
    await store.put([event("a", "1")])
    await asyncio.to_thread(server.stop, "immediate")
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="PostgreSQL at ") as caught:
            await asyncio.gather(store.put([event("a", "2")]), store.backlog(), store.state(["k"]))
        assert "cannot call" not in str(caught.value)
    await asyncio.to_thread(server.start)
    await _until_taken(store, "3")
    await store.close()
    assert caplog.messages == []
    assert capsys.readouterr().err == ""


async def test_a_turn_that_was_not_committed_is_committed_when_it_is_settled_again(
    breaking: BreakingStore,
) -> None:
    worker, claim = await _claimed(breaking, "1")
    turn = Settlement(claim, 1, Done(), Effects(state={"k": b"v"}))
    breaking.breaking.lose_before = 1
    with pytest.raises(StoreUnavailable, match="lost before the commit"):
        await breaking.settle(worker, turn)
    assert await breaking.state(["k"]) == {}
    assert [item.item_id for item in await breaking.unfinished("a")] == ["1"]
    assert await breaking.settle(worker, turn)
    assert await breaking.state(["k"]) == {"k": b"v"}


async def test_lanes_of_a_claim_that_nobody_heard_of_are_free_for_the_next_claim(
    breaking: BreakingStore,
) -> None:
    worker, kept = await _claimed(breaking, "1")
    await breaking.put([event("b", "2")])
    breaking.breaking.lose_after = 1
    with pytest.raises(StoreUnavailable):
        await breaking.claim(worker, "in", 10, 10)
    claims = await breaking.claim(worker, "in", 10, 10)
    assert [claim.lane for claim in claims] == ["b"]  # and "a" is still in hand
    assert await breaking.settle(worker, Settlement(kept, 1, Done()))
    assert await breaking.settle(worker, Settlement(claims[0], 1, Done()))


async def test_a_lane_whose_release_was_lost_is_not_lost(breaking: BreakingStore) -> None:
    worker, claim = await _claimed(breaking, "1")
    connections = breaking.breaking
    released = connections.lose_after = 1
    with pytest.raises(StoreUnavailable):
        await breaking.release(worker, [claim])
    assert released
    assert [claim.lane for claim in await breaking.claim(worker, "in", 10, 10)] == ["a"]


async def test_a_put_that_nobody_heard_of_is_known_when_it_is_put_again(breaking: BreakingStore) -> None:
    breaking.breaking.lose_after = 1
    with pytest.raises(StoreUnavailable):
        await breaking.put([event("a", "1")])
    assert await breaking.put([event("a", "1"), event("a", "2")]) == 1
    assert [item.seq for item in await breaking.unfinished("a")] == [1, 2]


# -- negative controls -----------------------------------------------------------------------------------


class _Unfenced(Turns):
    fenced = False


class _UnfencedStore(PostgresStore):
    _turns_type = _Unfenced


class _TwoTransactions(BreakingStore):
    """What a store must not do: acknowledge, be killed, and have the effects still to write."""

    async def settle(self, worker_id: int, settlement: Settlement) -> bool:
        self.breaking.lose_before = 0
        await super().settle(worker_id, Settlement(settlement.claim, settlement.seq, settlement.outcome))
        raise StoreUnavailable("killed in between")


async def test_without_the_fence_a_late_settlement_is_written(postgres_url: str) -> None:
    """The negative control of the fence: what it keeps out gets in without it."""
    for store_type, written in ((PostgresStore, False), (_UnfencedStore, True)):
        store = store_type(f"{postgres_url}_{written}")
        await store.open()
        worker, claim = await _claimed(store, "1")
        await store.unregister(worker)
        settled = await store.settle(worker, Settlement(claim, 1, Done(), Effects(state={"k": b"late"})))
        assert (settled, await store.state(["k"]) != {}) == (written, written)
        await store.close()


async def _half_done(store: BreakingStore, lose_before: int) -> bool:
    worker, claim = await _claimed(store, "1")
    store.breaking.lose_before = lose_before
    turn = Settlement(claim, 1, Done(), Effects(items=[event("o", "action", queue="out")]))
    with pytest.raises(StoreUnavailable):
        await store.settle(worker, turn)
    acknowledged = await store.unfinished("a") == []
    return acknowledged != (await store.item("action") is not None)


async def test_a_broken_commit_leaves_nothing_half_done(breaking: BreakingStore) -> None:
    assert not await _half_done(breaking, 1)


async def test_two_transactions_leave_a_turn_half_done(postgres_url: str) -> None:
    """The negative control of the test above: what it looks for happens with two transactions."""
    store = _TwoTransactions(postgres_url)
    await store.open()
    assert await _half_done(store, 1)
    await store.close()


# -- what is forgotten -----------------------------------------------------------------------------------


async def test_no_byte_of_what_is_forgotten_is_left_in_the_tables(server: PostgresServer) -> None:
    store = PostgresStore(server.url())
    await store.open()
    secret = b"a-secret-that-is-to-be-forgotten"
    worker = await store.register("w", LONG_S)
    # Pages are filled from behind: what stays lies behind what is forgotten, and is not moved over it.
    await store.put([event("9:8", "0", payload=b"kept-by-the-store")])
    await store.put([event("9:7", "1", payload=secret)])
    for claim in await store.claim(worker, "in", 10, 1):
        if claim.lane == "9:7":
            effects = Effects(state={"state:p:9:7": secret * 300})  # long enough to be stored out of line
            await store.settle(worker, Settlement(claim, 1, Done(), effects))
    assert await _holds(server, secret)
    await store.forget(":7")
    assert not await _holds(server, secret)
    assert await _holds(server, b"kept-by-the-store")
    await store.close()


class _Impatient(PostgresStore):
    _patience_s = 0.1


async def test_what_an_old_snapshot_still_sees_is_not_called_forgotten(server: PostgresServer) -> None:
    store = _Impatient(server.url())
    await store.open()
    await store.put([event("9:7", "1")])
    async with outside(server.url()) as other:
        begun = other.connection.transaction(isolation="repeatable_read")
        await begun.start()
        await other.connection.fetchval("SELECT count(*) FROM pg_class")
        with pytest.raises(StoreUnavailable, match="still sees it"):
            await store.forget(":7")
        assert await store.item("1") is None
        await begun.rollback()
    await store.forget(":7")
    await store.close()


async def _holds(server: PostgresServer, text: bytes) -> bool:
    """Whether the text stands in any file of the tables."""
    async with outside(server.url()) as other:
        await other.connection.execute("CHECKPOINT")

    def look() -> bool:
        tables: list[Path] = list((server.data / "base").rglob("*"))
        return any(text in path.read_bytes() for path in tables if path.is_file())

    return await asyncio.to_thread(look)
