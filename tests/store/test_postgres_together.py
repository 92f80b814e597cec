"""Several processes on one PostgreSQL store: nothing is stored twice, claimed twice, or out of order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from botkit.errors import StoreError
from botkit.store.contract import Again, Claim, Done, Effects, NewTimer, Settlement
from botkit.store.postgres import PostgresStore
from botkit.store.postgres.connections import Connections
from botkit.store.postgres.waiting import Looks

from .conftest import event
from .postgres_stores import outside

Open = Callable[[], Awaitable[PostgresStore]]

LONG_S = 60.0


@pytest.fixture
async def another(postgres_url: str) -> AsyncIterator[Open]:
    """Opens stores on the same tables, each with connections of its own, as another process has."""
    stores: list[PostgresStore] = []

    async def open_one() -> PostgresStore:
        store = PostgresStore(postgres_url)
        await store.open()
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        await store.close()


async def _claims(store: PostgresStore, worker: int, *, lanes: int = 100, queue: str = "in") -> list[Claim]:
    return await store.claim(worker, queue, lanes, 100)


async def test_processes_that_begin_together_make_the_tables_once(another: Open) -> None:
    stores = await asyncio.gather(*(another() for _ in range(4)))
    assert await stores[0].put([event("a", "1")]) == 1
    assert [item.item_id for item in await stores[3].unfinished("a")] == ["1"]


async def test_overlapping_puts_of_two_processes_store_each_item_once_and_without_gaps(another: Open) -> None:
    """Redeliveries that meet: the same ids through both, in batches that overlap and in other orders."""
    first, second = await another(), await another()
    items = [event(f"lane-{number % 5}", str(number)) for number in range(400)]
    rng = random.Random(3)

    async def receive(store: PostgresStore) -> int:
        calls = [items[start : start + 8] for start in range(0, len(items), 4)]
        rng.shuffle(calls)
        return sum(await asyncio.gather(*(store.put(call) for call in calls)))

    counts = await asyncio.gather(receive(first), receive(second))
    assert sum(counts) == len(items)
    assert await first.backlog() == len(items)
    for lane in range(5):
        found = await second.unfinished(f"lane-{lane}", limit=1000)
        assert [item.seq for item in found] == list(range(1, len(items) // 5 + 1))


async def test_ids_that_meet_in_different_lanes_end_in_one_of_them(another: Open) -> None:
    first, second = await another(), await another()
    names = [str(number) for number in range(100)]

    async def receive(store: PostgresStore, lane: str, order: list[str]) -> int:
        return sum(await asyncio.gather(*(store.put([event(lane, name)]) for name in order)))

    counts = await asyncio.gather(receive(first, "a", names), receive(second, "b", names[::-1]))
    assert sum(counts) == 100
    left = [item.item_id for lane in "ab" for item in await first.unfinished(lane, limit=200)]
    assert sorted(left) == sorted(names)


async def test_claims_of_two_processes_at_once_share_no_lane(another: Open) -> None:
    first, second = await another(), await another()
    await first.put([event(f"lane-{number}", str(number)) for number in range(200)])
    workers = [await store.register("w", LONG_S) for store in (first, second)]
    got: list[Claim] = []
    while True:
        claims = await asyncio.gather(
            *(
                _claims(store, worker, lanes=7)
                for store, worker in zip((first, second), workers, strict=True)
                for _ in range(3)
            )
        )
        if not any(claims):
            break
        got += [claim for some in claims for claim in some]
    assert sorted(claim.lane for claim in got) == sorted(f"lane-{number}" for number in range(200))


async def test_a_put_that_waits_for_another_transaction_comes_after_it(
    another: Open, postgres_url: str
) -> None:
    """Commit order is the lane's order: whoever was late is not handled before, and never falls behind."""
    store = await another()
    worker = await store.register("w", LONG_S)
    await store.put([event("a", "1")])
    async with outside(postgres_url) as other:
        begun = other.connection.transaction()
        await begun.start()
        await other.connection.execute("UPDATE lane SET tail = tail + 1 WHERE lane = 'a'")
        await other.connection.execute("INSERT INTO item VALUES ('a', 2, '2', botkit_now(), '')")
        late = asyncio.create_task(store.put([event("a", "3")]))
        await other.until_blocked()
        assert not late.done()
        assert await _claims(store, worker) == []  # passed over, not waited for
        await begun.commit()
        assert await late == 1
    (claim,) = await _claims(store, worker)
    assert [(item.seq, item.item_id) for item in claim.items] == [(1, "1"), (2, "2"), (3, "3")]


async def test_a_put_that_meets_its_own_id_in_a_transaction_is_dropped_when_that_commits(
    another: Open, postgres_url: str
) -> None:
    store = await another()
    await store.put([event("a", "1")])
    async with outside(postgres_url) as other:
        begun = other.connection.transaction()
        await begun.start()
        await other.connection.execute("UPDATE lane SET tail = tail + 1 WHERE lane = 'a'")
        await other.connection.execute("INSERT INTO item VALUES ('a', 2, '2', botkit_now(), '')")
        late = asyncio.create_task(store.put([event("a", "2"), event("a", "3")]))
        await other.until_blocked()
        await begun.commit()
        assert await late == 1
    assert [(item.seq, item.item_id) for item in await store.unfinished("a")] == [
        (1, "1"),
        (2, "2"),
        (3, "3"),
    ]


async def test_a_claim_sees_the_item_that_was_put_while_it_waited_for_its_snapshot(
    another: Open, postgres_url: str
) -> None:
    """A claim that began before the put committed may own the lane: its items must be looked for again."""
    store = await another()
    worker = await store.register("w", LONG_S)
    await store.put([event("a", "1")])
    (claim,) = await _claims(store, worker)
    await store.settle(worker, Settlement(claim, 1, Again(0.0)))
    async with outside(postgres_url) as other:
        begun = other.connection.transaction()
        await begun.start()
        # The claim has its snapshot when it waits for the worker's row.
        await other.connection.execute("SELECT FROM worker FOR UPDATE")
        late = asyncio.create_task(_claims(store, worker))
        await other.until_blocked()
        async with outside(postgres_url) as third, third.connection.transaction():
            # Item 1 is done and item 2 has come: to the claim's snapshot, item 2 does not exist.
            await third.connection.execute("UPDATE lane SET done = 1, tail = 2 WHERE lane = 'a'")
            await third.connection.execute("INSERT INTO item VALUES ('a', 2, '2', botkit_now(), '')")
        await begun.commit()
        (claim,) = await late
    assert [(item.seq, item.item_id) for item in claim.items] == [(2, "2")]


async def test_a_worker_that_is_reaped_while_it_claims_keeps_nothing(
    another: Open, postgres_url: str
) -> None:
    first, second = await another(), await another()
    worker = await first.register("w", LONG_S)
    await first.put([event("a", "1")])
    async with outside(postgres_url) as other:
        begun = other.connection.transaction()
        await begun.start()
        await other.connection.execute("DELETE FROM worker")
        late = asyncio.create_task(_claims(first, worker))
        await other.until_blocked()
        await begun.commit()
        assert await late == []
    assert not await first.beat(worker)
    survivor = await second.register("w", LONG_S)
    assert [claim.lane for claim in await _claims(second, survivor)] == ["a"]


async def test_reaping_frees_what_was_claimed_just_before_the_worker_s_row_went(
    another: Open, postgres_url: str
) -> None:
    """The claim commits between the two statements of the reaper: its lanes are freed all the same."""
    store = await another()
    worker = await store.register("w", LONG_S)
    await store.put([event("a", "1")])
    async with outside(postgres_url) as other:
        begun = other.connection.transaction()
        await begun.start()
        # A claim that has not committed yet, as the store's own statement makes it.
        await other.connection.execute("SELECT FROM worker WHERE id = $1 FOR KEY SHARE", worker)
        await other.connection.execute("UPDATE lane SET owner = $1, token = token + 1", worker)
        ending = asyncio.create_task(store.unregister(worker))
        await other.until_blocked()
        await begun.commit()
        await ending
    fresh = await store.register("w", LONG_S)
    assert [claim.lane for claim in await _claims(store, fresh)] == ["a"]


async def test_a_window_is_shared_to_the_last_request(another: Open) -> None:
    stores = await asyncio.gather(*(another() for _ in range(3)))
    granted = await asyncio.gather(
        *(store.take("dm", want, limit=500, period_s=LONG_S) for store in stores for want in (1, 7, 20) * 20)
    )
    assert sum(granted) == 500
    assert await stores[0].take("dm", 1, limit=500, period_s=LONG_S) == 0


async def test_timers_are_fired_once_and_shared_between_processes(another: Open, postgres_url: str) -> None:
    first, second = await another(), await another()
    worker = await first.register("w", LONG_S)
    await first.put([event("turn", "turn")])
    (claim,) = await _claims(first, worker)
    timers = [NewTimer(f"t{number}", 1.0, event(f"later-{number}", f"x{number}")) for number in range(100)]
    await first.settle(worker, Settlement(claim, 1, Done(), Effects(timers=timers)))
    async with outside(postgres_url) as other:
        begun = other.connection.transaction()
        await begun.start()
        await other.connection.execute("SELECT FROM timer ORDER BY due_at, timer_id LIMIT 40 FOR UPDATE")
        assert await first.fire_timers() == 60  # what another process is firing is passed over
        await begun.rollback()
    fired = await asyncio.gather(*(store.fire_timers(limit=9) for store in (first, second) for _ in range(4)))
    assert sum(fired) == 40
    assert await first.backlog() == 100


async def test_turns_that_touch_each_other_s_lanes_do_not_stop_each_other(another: Open) -> None:
    """Two processes settle lanes and queue items for the lanes that the other one settles."""
    stores = await asyncio.gather(another(), another())
    workers = [await store.register("w", LONG_S) for store in stores]
    lanes = [f"lane-{number}" for number in range(20)]
    await stores[0].put([event(lane, f"{lane}/0") for lane in lanes])

    async def work(store: PostgresStore, worker: int, name: str) -> None:
        turn = settled = 0
        while settled < 100:
            turn += 1
            claims = await store.claim(worker, "in", 10, 1)
            if not claims:  # the other has all of them in hand
                await store.wait("in", 1.0)
            outcomes = await asyncio.gather(
                *(
                    store.settle(
                        worker,
                        Settlement(
                            claim,
                            claim.items[0].seq,
                            Done(),
                            Effects(
                                state={"shared": claim.lane.encode(), claim.lane: None},
                                items=[
                                    event(lanes[-1 - lanes.index(claim.lane)], f"{name}/{turn}/{claim.lane}")
                                ],
                            ),
                        ),
                    )
                    for claim in claims
                )
            )
            assert all(outcomes)
            settled += len(outcomes)

    async with asyncio.timeout(30):
        await asyncio.gather(
            *(work(store, worker, str(worker)) for store, worker in zip(stores, workers, strict=True))
        )
    # Each turn finishes one item and queues one; and none is in a lane that nobody would find.
    left = await stores[0].claim(workers[0], "in", 100, 100)
    assert sum(len(claim.items) for claim in left) == len(lanes)


class _OnlyTold(PostgresStore):
    """Looks only when it is told to."""

    _looks = Looks(LONG_S, LONG_S, LONG_S)


async def test_a_put_of_another_process_ends_the_wait(another: Open, postgres_url: str) -> None:
    other = await another()
    waiter = _OnlyTold(postgres_url)
    await waiter.open()
    await asyncio.wait_for(waiter._open().waiting.listening.wait(), 5)
    for number in range(3):
        waiting = asyncio.create_task(waiter.wait(f"in:{number}", LONG_S))
        await waiter.queues("")
        await other.put([event(f"a{number}", str(number), queue=f"in:{number}")])
        await asyncio.wait_for(waiting, 5)
    await waiter.close()


async def test_a_put_that_nobody_tells_of_is_found_by_looking(another: Open, postgres_url: str) -> None:
    """A process died between its commit and its notification."""
    store = await another()
    await store.put([event("a", "1")])
    worker = await store.register("w", LONG_S)
    (claim,) = await _claims(store, worker)
    await store.settle(worker, Settlement(claim, 1, Done()))
    waiting = asyncio.create_task(store.wait("in", LONG_S))
    await store.queues("")
    async with outside(postgres_url) as other, other.connection.transaction():
        await other.connection.execute("UPDATE lane SET tail = 2, ready_at = botkit_now()")
        await other.connection.execute("INSERT INTO item VALUES ('a', 2, '2', botkit_now(), '')")
    await asyncio.wait_for(waiting, 10)


async def test_a_delay_set_by_this_process_ends_its_wait_when_it_is_due(another: Open) -> None:
    store = await another()
    worker = await store.register("w", LONG_S)
    await store.put([event("a", "1")])
    (claim,) = await _claims(store, worker)
    waiting = asyncio.create_task(store.wait("in", LONG_S))
    await store.queues("")
    await store.settle(worker, Settlement(claim, 1, Again(0.05)))
    await asyncio.wait_for(waiting, 5)
    assert await _claims(store, worker)


class _Counting(Connections):
    """Counts how often a connection is used."""

    uses = 0

    async def _lent(self, connection: object) -> None:
        self.uses += 1


class _CountingStore(_OnlyTold):
    _connections_type = _Counting


async def test_a_wake_up_for_nothing_makes_it_look_once_more_and_sleep(postgres_url: str) -> None:
    store = _CountingStore(postgres_url)
    await store.open()
    worker = await store.register("w", LONG_S)
    await store.put([event("a", "1")])
    (claim,) = await _claims(store, worker)
    waiting = asyncio.create_task(store.wait("in", LONG_S))
    await store.queues("")
    connections = store._open().connections
    assert isinstance(connections, _Counting)
    before = connections.uses
    await store.settle(worker, Settlement(claim, 1, Again(LONG_S)))
    for _ in range(50):
        await store.state(["nothing"])
    used = connections.uses - before - 50
    assert used <= 5  # the turn, two looks at most, and a notification or two
    waiting.cancel()
    await store.close()


async def test_what_was_cancelled_behind_a_worker_s_back_never_takes_the_place_of_what_came_after(
    another: Open,
) -> None:
    store = await another()
    worker = await store.register("w", LONG_S)
    await store.put([event("a", name) for name in "123"])
    (claim,) = await _claims(store, worker)
    assert await store.discard("in") == 2
    await store.put([event("a", "4")])
    assert await store.backlog() == 2
    assert [item.item_id for item in await store.unfinished("a")] == ["1", "4"]
    assert await store.discard("in") == 1
    await store.put([event("a", "5")])
    assert await store.settle(worker, Settlement(claim, 1, Done(), release=False))
    assert not await store.settle(worker, Settlement(claim, 2, Done(), Effects(state={"k": b"late"})))
    (claim,) = await _claims(store, worker)
    assert [item.item_id for item in claim.items] == ["5"]
    assert await store.state(["k"]) == {}
    assert await store.settle(worker, Settlement(claim, claim.items[0].seq, Done()))
    assert await store.backlog() == 0
    assert await store.prune(await store.now() + 1) == 5


async def test_a_lane_goes_past_items_that_someone_deleted_by_hand(another: Open, postgres_url: str) -> None:
    store = await another()
    worker = await store.register("w", LONG_S)
    await store.put([event("a", name) for name in "12345"])
    await store.put([event("b", "6")])
    async with outside(postgres_url) as other:
        await other.connection.execute("DELETE FROM item WHERE item_id IN ('1', '3', '6')")
    assert await _claims(store, worker) == []
    taken: list[list[str]] = []
    while claims := await _claims(store, worker):
        for claim in claims:
            taken.append([item.item_id for item in claim.items])
            for item in claim.items:
                release = item is claim.items[-1]
                assert await store.settle(worker, Settlement(claim, item.seq, Done(), release=release))
    assert taken == [["2"]]
    assert [[item.item_id for item in claim.items] for claim in await _claims(store, worker)] == [["4", "5"]]


async def test_a_long_queue_is_counted_by_few_rows(another: Open, postgres_url: str) -> None:
    store = await another()
    for start in range(0, 1200, 4):
        await asyncio.gather(
            *(store.put([event("a", f"{start + n}/{m}") for m in range(2)]) for n in range(4))
        )
    await store._open().backlog.fold()
    async with outside(postgres_url) as other:
        assert await other.connection.fetchval("SELECT count(*) FROM backlog") == 1
    assert await store.backlog("in") == 2400


async def test_an_id_that_postgresql_can_not_keep_is_refused_alone_and_never_shown(another: Open) -> None:
    store = await another()
    outcomes = await asyncio.gather(
        store.put([event("a", "1")]),
        store.put([event("a", "nul\0", payload=b"secret")]),
        store.put([event("a", "2")]),
        return_exceptions=True,
    )
    assert outcomes[0] == outcomes[2] == 1
    assert isinstance(outcomes[1], StoreError)
    assert str(outcomes[1]) == "PostgreSQL refused the operation: CharacterNotInRepertoireError"
    assert outcomes[1].__cause__ is None
    assert outcomes[1].__suppress_context__ or outcomes[1].__context__ is None
