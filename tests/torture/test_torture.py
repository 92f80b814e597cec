"""Nothing lost, nothing doubled, in order, right state: whatever happens to processes and to the database."""

from __future__ import annotations

import dataclasses
import os
import secrets
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..store.postgres_server import PostgresServer  # noqa: TID252 - tests are not installed
from .harness import Engine, Plan, Zygote, torture

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="processes are watched by Linux's pidfd"),
]

#: seeds after which a broken store must have been found out
_MOST_SEEDS = 8

#: for each broken store, see `flavours`, what brings it to light
HOW_FOUND: dict[str, dict[str, Any]] = {
    "unfenced": {
        "ways": ("pause",),
        "stubborn": 0.1,
        "conversations": 24,
        "pace_s": 0.1,
        "lease_s": 0.25,
        "seconds": 0.8,
    },
    "effects_first": {"ways": ("kill",), "seconds": 0.5},
    "ack_first": {"ways": ("kill",), "seconds": 0.5},
    "early_ack": {"ways": ("kill",), "seconds": 0.6, "conversations": 24, "pace_s": 0.01},
}


def _plan(request: pytest.FixtureRequest, folder: Path, *, seed: int, seconds: float) -> Plan:
    if request.param == "sqlite":
        return Plan(url=f"sqlite:///{folder / f'{seed}.db'}", seed=seed, seconds=seconds)
    server: PostgresServer = request.getfixturevalue("postgres")

    def crash(kill: bool) -> None:
        if kill:
            lines = (server.data / "postmaster.pid").read_text().splitlines()
            os.kill(int(lines[0]), signal.SIGKILL)
        else:
            server.stop("immediate")

    def start() -> None:
        """A killed server leaves processes behind that hold its memory until they notice."""
        for tries_left in reversed(range(50)):
            try:
                server.start()
            except RuntimeError:
                if not tries_left:
                    raise
                time.sleep(0.1)
            else:
                return

    return Plan(
        url=server.url(schema=f"torture_{secrets.token_hex(6)}"),
        seed=seed,
        seconds=seconds,
        processes=2,
        engine=Engine(crash, start),
    )


#: of those, what the default run has time for: what stands around a store breaks both drivers alike
_ALWAYS = {"sqlite": ("unfenced", "effects_first", "early_ack"), "postgres": ("unfenced",)}

Make = Callable[..., Plan]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test on both drivers, with -m torture."""
    if "make_plan" not in metafunc.fixturenames:
        return
    drivers = ["sqlite", "postgres"]
    if "flavour" not in metafunc.fixturenames:
        metafunc.parametrize("make_plan", drivers, indirect=True)
        return
    every = metafunc.config.option.markexpr == "torture"
    pairs = [
        (driver, flavour)
        for driver in drivers
        for flavour in HOW_FOUND
        if every or flavour in _ALWAYS[driver]
    ]
    metafunc.parametrize(("make_plan", "flavour"), pairs, indirect=["make_plan"])


@pytest.fixture
def make_plan(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Makes plans for one driver, each on a store of its own."""

    def make(**values: Any) -> Plan:
        plan = _plan(request, tmp_path, seed=values["seed"], seconds=values["seconds"])
        return dataclasses.replace(plan, **values)

    return make


async def test_nothing_is_lost_doubled_or_misordered(
    make_plan: Make, zygote: Zygote, tmp_path: Path, seed: int, seconds: float
) -> None:
    report = await torture(make_plan(seed=seed, seconds=seconds), tmp_path, zygote)
    print(report)  # noqa: T201 - the seed, for whoever repeats it
    assert not report.violations, str(report)
    assert report.counts["kills"] > 0
    assert report.counts["events"] > 20 * seconds


async def test_a_broken_store_is_found_out(
    flavour: str, make_plan: Make, zygote: Zygote, tmp_path: Path, seed: int
) -> None:
    """The negative controls: what the test above looks for is found when it is there."""
    for number in range(seed, seed + _MOST_SEEDS):
        plan = make_plan(seed=number, flavour=flavour, engine=None, **HOW_FOUND[flavour])
        report = await torture(plan, tmp_path, zygote)
        print(flavour, report)  # noqa: T201 - what gave it away
        if report.violations:
            return
    pytest.fail(f"a store with {flavour} passed {_MOST_SEEDS} seeds from {seed}")
