"""Lanes against a model of a few lines: whatever is asked in whatever order, the store answers the same."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from botkit.store.contract import Again, Claim, Done, Effects, Mark, NewItem, Settlement
from botkit.store.sqlite import SqliteStore
from botkit.testing import Clock

T = TypeVar("T")

LANES = ("a", "b", "c")
lanes = st.sampled_from(LANES)
names = st.integers(0, 30).map(str)
delays = st.sampled_from([0.0, 1.0, 10.0])


@dataclass
class _Lane:
    """What the contract says of a lane."""

    items: list[str] = field(default_factory=list)
    done: int = 0
    attempt: int = 0
    progress: bytes = b""
    ready_at: float | None = None
    owner: int | None = None
    token: int = 0

    def free(self, ready_at: float) -> None:
        self.owner = None
        self.ready_at = ready_at if len(self.items) > self.done else None

    def ready(self, now: float) -> bool:
        return self.owner is None and self.ready_at is not None and self.ready_at <= now


class Lanes(RuleBasedStateMachine):
    """Two workers, three lanes, a clock; workers die, the process restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.path = Path(self.folder.name) / "botkit.db"
        self.store = SqliteStore(self.path, clock=self.clock)
        self.model = {lane: _Lane() for lane in LANES}
        self.known: set[str] = set()
        self.outbox: set[str] = set()
        self.state: dict[str, bytes] = {}
        self.workers: dict[int, int] = {}
        #: every claim that was ever made, with the worker and the number of its next item
        self.claims: list[tuple[Claim, int, int]] = []

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    @initialize()
    def begin(self) -> None:
        self.run(self.store.open())
        for number in (0, 1):
            self.workers[number] = self.run(self.store.register("w", 1e6))

    # -- what may happen ---------------------------------------------------------------------------------

    @rule(puts=st.lists(st.lists(st.tuples(lanes, names), min_size=1, max_size=6), min_size=1, max_size=4))
    def put(self, puts: list[list[tuple[str, str]]]) -> None:
        async def all_at_once() -> list[int]:
            return await asyncio.gather(
                *(
                    self.store.put([NewItem("in", lane, name, name.encode()) for lane, name in items])
                    for items in puts
                )
            )

        expected = []
        for items in puts:
            new = 0
            for lane, name in items:
                if name in self.known:
                    continue
                self.known.add(name)
                new += 1
                model = self.model[lane]
                model.items.append(name)
                if model.ready_at is None:
                    model.ready_at = self.clock.now
            expected.append(new)
        assert self.run(all_at_once()) == expected

    @rule(worker=st.integers(0, 1), limit=st.integers(1, 4), most=st.integers(1, 4))
    def claim(self, worker: int, limit: int, most: int) -> None:
        claims = self.run(self.store.claim(self.workers[worker], "in", limit, most))
        ready = sorted(
            (model.ready_at, lane) for lane, model in self.model.items() if model.ready(self.clock.now)
        )
        assert [(self.model[claim.lane].ready_at, claim.lane) for claim in claims] == ready[:limit]
        for claim in claims:
            model = self.model[claim.lane]
            model.owner, model.token = self.workers[worker], claim.token
            assert [item.item_id for item in claim.items] == model.items[model.done : model.done + most]
            assert claim.items[0].seq == model.done + 1
            assert (claim.attempt, claim.progress) == (model.attempt, model.progress)
            self.claims.append((claim, self.workers[worker], model.done + 1))

    @rule(
        data=st.data(),
        outcome=st.one_of(
            st.just(Done()),
            st.builds(Again, delays, st.binary(max_size=2), st.booleans()),
            st.builds(Mark, st.binary(max_size=2)),
        ),
        keep=st.booleans(),
    )
    def settle(self, data: st.DataObject, outcome: Done | Again | Mark, keep: bool) -> None:
        """Settle under any claim of any time: the latest ones count, the lost ones are fenced."""
        if not self.claims:
            return
        index = data.draw(st.integers(0, len(self.claims) - 1))
        claim, worker, seq = self.claims[index]
        model = self.model[claim.lane]
        mine = model.owner == worker and model.token == claim.token
        if mine and (seq != model.done + 1 or seq > claim.items[-1].seq):
            return  # out of order: our bug, tested elsewhere
        action = f"{claim.lane}/{seq}"
        effects = Effects(state={claim.lane: action.encode()}, items=[NewItem("out", "o", action, b"")])
        settled = self.run(
            self.store.settle(worker, Settlement(claim, seq, outcome, effects, release=not keep))
        )
        assert settled == mine
        if not mine:
            return
        self.state[claim.lane] = action.encode()
        self.outbox.add(action)
        match outcome:
            case Done():
                model.done, model.attempt, model.progress = seq, 0, b""
                self.claims[index] = (claim, worker, seq + 1)
                if not keep:
                    model.free(self.clock.now)
            case Again():
                model.attempt += outcome.counts
                model.progress = outcome.progress
                model.free(self.clock.now + outcome.delay_s)
            case Mark():
                model.progress = outcome.progress

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        if not self.claims:
            return
        claim, worker, _ = data.draw(st.sampled_from(self.claims))
        model = self.model[claim.lane]
        self.run(self.store.release(worker, [claim]))
        if model.owner == worker and model.token == claim.token:
            self._freed(model)

    @rule(worker=st.integers(0, 1))
    def worker_ends(self, worker: int) -> None:
        old = self.workers[worker]
        self.run(self.store.unregister(old))
        self._ended(old)
        self.workers[worker] = self.run(self.store.register("w", 1e6))
        assert self.workers[worker] > old

    @rule()
    def restart(self) -> None:
        self.run(self.store.close())
        self.store = SqliteStore(self.path, clock=self.clock)
        self.run(self.store.open())
        for worker in (0, 1):
            self._ended(self.workers[worker])
            self.workers[worker] = self.run(self.store.register("w", 1e6))

    @rule(seconds=st.sampled_from([0.5, 1.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds

    # -- what always holds -------------------------------------------------------------------------------

    @invariant()
    def everything_unfinished_is_there_in_order(self) -> None:
        if not self.workers:
            return
        for lane, model in self.model.items():
            left = self.run(self.store.unfinished(lane, 1000))
            assert [item.item_id for item in left] == model.items[model.done :]
        unfinished = sum(len(model.items) - model.done for model in self.model.values())
        assert self.run(self.store.backlog("in")) == unfinished

    @invariant()
    def a_queue_is_ready_when_a_lane_is(self) -> None:
        if not self.workers:
            return
        ready = any(model.ready(self.clock.now) for model in self.model.values())
        assert self.run(self.store.queues("in")) == (["in"] if ready else [])

    @invariant()
    def effects_are_those_of_settled_turns_once(self) -> None:
        if not self.workers:
            return
        actions = [item.item_id for item in self.run(self.store.unfinished("o", 1000))]
        assert sorted(actions) == sorted(self.outbox)
        assert self.run(self.store.state(LANES)) == self.state

    def _ended(self, worker: int) -> None:
        for model in self.model.values():
            if model.owner == worker:
                self._freed(model)

    def _freed(self, model: _Lane) -> None:
        """Given back unsettled: it keeps its place in the line."""
        waited = model.ready_at if model.ready_at is not None else self.clock.now
        model.free(min(waited, self.clock.now))


TestLanes = Lanes.TestCase
TestLanes.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
