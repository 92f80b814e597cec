"""Full disks and processes that are killed: what was answered is there, what was not is not half there."""

from __future__ import annotations

import asyncio
import hashlib
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from botkit.errors import StoreUnavailable
from botkit.store.contract import Claim, Done, Effects, Settlement
from botkit.store.sqlite import SqliteStore
from botkit.testing import Clock

from .conftest import event


async def _fill_up(store: SqliteStore) -> list[str]:
    """Put until the disk is full; the ids that were stored."""
    stored: list[str] = []
    for number in range(10_000):
        try:
            await store.put([event("a", str(number), payload=b"x" * 3000)])
        except StoreUnavailable:
            return stored
        stored.append(str(number))
    raise AssertionError("the disk is never full")


async def _set_size(store: SqliteStore, pages: int) -> None:
    """Another size of the disk. It holds while the connection is open."""

    def resize(connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    await store._write(lambda ledger: resize(ledger.connection))


async def test_on_a_full_disk_a_put_is_refused_and_succeeds_when_there_is_room_again(
    tmp_path: Path, clock: Clock
) -> None:
    store = SqliteStore(tmp_path / "botkit.db", clock=clock, max_pages=60)
    await store.open()
    stored = await _fill_up(store)
    with pytest.raises(StoreUnavailable) as caught:
        await store.put([event("b", "refused", payload=b"x" * 3000)])
    assert str(caught.value) == "can't write to botkit.db: database or disk is full"
    assert await store.item("refused") is None
    assert [item.item_id for item in await store.unfinished("a", limit=1000)] == stored
    await _set_size(store, 10_000)
    assert await store.put([event("b", "refused", payload=b"x" * 3000)]) == 1
    await store.check()
    await store.close()


async def test_a_full_disk_refuses_everyone_of_the_batch_and_keeps_their_lanes(
    tmp_path: Path, clock: Clock
) -> None:
    store = SqliteStore(tmp_path / "botkit.db", clock=clock, max_pages=60)
    await store.open()
    worker = await store.register("w", 60)
    await store.put([event(f"lane-{number}", f"first-{number}") for number in range(8)])
    claims = await store.claim(worker, "in", 8, 1)
    await _fill_up(store)
    big = b"x" * 20_000

    def turn(claim: Claim) -> Settlement:
        return Settlement(claim, 1, Done(), Effects(state={claim.lane: big}))

    outcomes = await asyncio.gather(
        *(store.settle(worker, turn(claim)) for claim in claims),
        store.put([event("b", "refused", payload=big)]),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StoreUnavailable] * 9
    assert len({id(outcome) for outcome in outcomes}) == 9
    assert await store.state([claim.lane for claim in claims]) == {}
    assert len(await store.unfinished("lane-0")) == 1
    await _set_size(store, 10_000)
    assert all(await asyncio.gather(*(store.settle(worker, turn(claim)) for claim in claims)))
    await store.close()


async def test_a_store_closes_on_a_full_disk_and_opens_again(tmp_path: Path, clock: Clock) -> None:
    store = SqliteStore(tmp_path / "botkit.db", clock=clock, max_pages=60)
    await store.open()
    stored = await _fill_up(store)
    await store.close()
    again = SqliteStore(tmp_path / "botkit.db", clock=clock)
    await again.open()
    assert [item.item_id for item in await again.unfinished("a", limit=1000)] == stored
    await again.close()


CHAIN = """
import asyncio, hashlib, sys
from pathlib import Path
from botkit.store.contract import Done, Effects, NewItem, Settlement
from botkit.store.sqlite import SqliteStore

async def main(path, lanes):
    store = SqliteStore(Path(path))
    await store.open()
    # checkpoints all the time: a kill must hit them too
    store._open().files.writer._checkpoints._every = 200
    worker = await store.register("w", 60)

    async def receive(lane):
        number = 0
        while await store.item(f"{lane}/{number + 1}"):
            number += 1
        while True:
            number += 1
            item = f"{lane}/{number}"
            await store.put([NewItem("in", lane, item, item.encode())])
            print("put", item, flush=True)

    async def work():
        while True:
            claims = await store.claim(worker, "in", 4, 3)
            if not claims:
                await store.wait("in", 1.0)
            for claim in claims:
                for item in claim.items:
                    chain = (await store.state([claim.lane])).get(claim.lane, b"")
                    chain = hashlib.sha256(chain + item.payload).hexdigest().encode()
                    action = NewItem("out", f"out:{claim.lane}", f"{item.item_id}/0", chain)
                    last = item is claim.items[-1]
                    effects = Effects(state={claim.lane: chain}, items=[action])
                    assert await store.settle(worker, Settlement(claim, item.seq, Done(), effects, last))
                    print("done", item.item_id, flush=True)

    await asyncio.gather(*(receive(lane) for lane in lanes), *(work() for _ in range(4)))

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


def _run_and_kill(path: Path, lanes: list[str], seconds: float) -> list[tuple[str, str]]:
    """What a process said that it had stored and settled, before it was killed."""
    child = subprocess.Popen([sys.executable, "-c", CHAIN, path, *lanes], stdout=subprocess.PIPE, text=True)
    try:
        child.communicate(timeout=seconds)
        raise AssertionError("it ended by itself")
    except subprocess.TimeoutExpired:
        child.kill()
        said, _ = child.communicate()
    whole = said[: said.rfind("\n") + 1].splitlines()
    return [(verb, item) for verb, item in (line.split() for line in whole)]


async def _verify(path: Path, lanes: list[str], said: list[tuple[str, str]]) -> int:
    """Everything said is there; each lane's state is the chain over its first items; an action for each."""
    store = SqliteStore(path)
    await store.open()
    settled = 0
    try:
        promised = {item_id if verb == "put" else f"{item_id}/0" for verb, item_id in said}
        assert all(await asyncio.gather(*(store.item(item_id) for item_id in promised)))
        for lane in lanes:
            left = await store.unfinished(lane, 1_000_000)
            actions = await store.unfinished(f"out:{lane}", 1_000_000)
            settled += len(actions)
            assert [item.seq for item in actions] == list(range(1, len(actions) + 1))
            assert [item.seq for item in left] == list(range(len(actions) + 1, len(actions) + 1 + len(left)))
            chain = b""
            items = await asyncio.gather(
                *(store.item(action.item_id.removesuffix("/0")) for action in actions)
            )
            for action, item in zip(actions, items, strict=True):
                assert item is not None
                assert item.seq == action.seq
                chain = hashlib.sha256(chain + item.payload).hexdigest().encode()
                assert action.payload == chain
            assert (await store.state([lane])).get(lane, b"") == chain
    finally:
        await store.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return settled


async def test_a_process_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """A hash chain in the state shows every item that is lost, doubled or out of order."""
    path, lanes = tmp_path / "botkit.db", [f"lane-{number}" for number in range(6)]
    said: list[tuple[str, str]] = []
    settled = 0
    for _ in range(4):
        said += await asyncio.to_thread(_run_and_kill, path, lanes, random.uniform(0.6, 1.0))
        settled = await _verify(path, lanes, said)
    assert settled > 50
    assert len(said) > 100
