"""No byte of what is forgotten is left in the files, while others read and write."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from botkit.errors import StoreUnavailable
from botkit.store.contract import DeadLetter, Done, Effects, NewItem, NewTimer, Settlement
from botkit.store.sqlite import SqliteStore
from botkit.testing import Clock

SECRET = b"the-secret-of-"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "botkit.db"


@pytest.fixture
async def store(path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path, clock=clock)
    await store.open()
    # Some builds of SQLite wipe what they delete by themselves; most don't, and none is relied on.
    await store._write(lambda ledger: ledger.connection.execute("PRAGMA secure_delete = OFF").fetchall())
    yield store
    await store.close()


def traces(path: Path, of: bytes) -> dict[str, int]:
    """How often the bytes stand in each of the database's files, those where they don't left out."""
    files = sorted(path.parent.glob(f"{path.name}*"))
    assert {file.name for file in files} >= {path.name, f"{path.name}-wal", f"{path.name}-shm"}
    counts = {file.name: file.read_bytes().count(of) for file in files}
    return {name: count for name, count in counts.items() if count}


async def _live(store: SqliteStore, users: int, turns: int) -> None:
    """Users write, states grow and shrink, so that pages are filled, split and freed."""
    worker = await store.register("w", 1000)
    rng = random.Random(5)
    for turn in range(turns):
        for user in range(users):
            secret = SECRET + b"%d;" % user
            await store.put([NewItem("in", f"9:{user}", f"{user}-{turn}", secret * rng.randint(1, 60))])
        claims = await store.claim(worker, "in", users, 10)

        async def settle(claim: object, turn: int) -> None:
            assert hasattr(claim, "lane")
            user = claim.lane.partition(":")[2]
            secret = SECRET + f"{user};".encode()
            out = NewItem("out:dm", f"out:dm:{user}", f"{user}-{turn}/a", secret * rng.randint(1, 9))
            later = NewItem("out:dm", f"out:dm:{user}", f"{user}-{turn}/t", secret * rng.randint(1, 9))
            effects = Effects(
                state={f"state:{name}:9:{user}": secret * rng.randint(1, 90) for name in ("p", "q")},
                items=[out],
                timers=[NewTimer(f"{user}-{turn % 3}", 1e12, later)],
                dead=[DeadLetter(f"{user}-{turn}", "p:h", 1, secret.decode())] if turn % 4 == 0 else [],
            )
            settlement = Settlement(claim, claim.items[0].seq, Done(), effects)  # type: ignore[arg-type]
            assert await store.settle(worker, settlement)

        await asyncio.gather(*(settle(claim, turn) for claim in claims))


async def test_nothing_of_a_forgotten_user_is_left_and_everything_of_the_others_is(
    store: SqliteStore, path: Path
) -> None:
    await _live(store, users=12, turns=25)
    mine, other = SECRET + b"3;", SECRET + b"4;"
    assert traces(path, mine)
    kept = await store.state(["state:p:9:4", "state:q:9:4"])
    forgotten = await store.forget(":3")
    assert dict(forgotten.items) == {"in": 25, "out:dm": 25}
    assert (forgotten.dead, forgotten.timers, len(forgotten.state)) == (7, 3, 2)
    assert traces(path, mine) == {}
    assert traces(path, b"9:3") == {}
    assert traces(path, other)[path.name] > 100
    assert await store.state(["state:p:9:4", "state:q:9:4"]) == kept
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_it_is_gone_while_others_go_on_reading_and_writing(store: SqliteStore, path: Path) -> None:
    await _live(store, users=6, turns=10)
    stop = asyncio.Event()
    put = 0

    async def write() -> None:
        nonlocal put
        while not stop.is_set():
            await store.put([NewItem("in", "9:100", f"more-{put}", b"x" * 500)])
            put += 1

    async def read() -> None:
        while not stop.is_set():
            await store.stats()
            await store.state(["state:p:9:1"])

    tasks = [asyncio.create_task(work()) for work in (write, read, read)]
    try:
        for user in range(3):
            await store.forget(f":{user}")
            assert traces(path, SECRET + b"%d;" % user) == {}
    finally:
        stop.set()
        await asyncio.gather(*tasks)
    assert put > 3
    assert len(await store.unfinished("9:100", limit=10**6)) == put


async def test_what_is_being_written_for_the_user_meanwhile_goes_too(store: SqliteStore, path: Path) -> None:
    puts = [store.put([NewItem("in", "9:3", str(number), SECRET)]) for number in range(50)]
    *_, forgotten = await asyncio.gather(*puts, store.forget(":3"))
    left = len(await store.unfinished("9:3"))
    assert sum(forgotten.items.values()) + left == 50
    await store.forget(":3")
    assert traces(path, SECRET) == {}


async def test_a_reader_that_never_ends_is_said_and_forgetting_can_be_asked_again(
    store: SqliteStore, path: Path
) -> None:
    await _live(store, users=3, turns=2)
    store._open().files.writer._checkpoints._connection.execute("PRAGMA busy_timeout = 10")
    reading = sqlite3.connect(path)
    cursor = reading.execute("SELECT * FROM item")
    cursor.fetchone()
    with pytest.raises(StoreUnavailable, match="traces may be left"):
        await store.forget(":1")
    assert await store.unfinished("9:1") == []
    cursor.close()
    reading.close()
    await store.forget(":1")
    assert traces(path, SECRET + b"1;") == {}
    assert await store.put([NewItem("in", "9:2", "after", b"")]) == 1
