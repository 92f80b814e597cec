"""Nothing lost, nothing doubled, in order, right state: whatever happens to processes and to the database."""

from __future__ import annotations

import dataclasses
import os
import secrets
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from ..store.postgres_server import PostgresServer
from .harness import Engine, Plan, Zygote, torture

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="processes are watched by Linux's pidfd"),
]

#: seeds after which a broken store must have been found out
_MOST_SEEDS = 8

#: for each broken store, see `flavours`, what brings it to light
HOW_FOUND: dict[str, dict[str, Any]] = {
    "unfenced": {"ways": ("pause",), "stubborn": 0.1, "conversations": 24, "pace_s": 0.1, "lease_s": 0.25},
    "effects_first": {"ways": ("kill",), "seconds": 0.5},
    "ack_first": {"ways": ("kill",), "seconds": 0.5},
    "early_ack": {"ways": ("kill",), "seconds": 0.5},
}


def _plan(driver: str, request: pytest.FixtureRequest, folder: Path, *, seed: int, seconds: float) -> Plan:
    if driver == "sqlite":
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
                return server.start()
            except RuntimeError:
                if not tries_left:
                    raise
                time.sleep(0.1)

    return Plan(
        url=server.url(schema=f"torture_{secrets.token_hex(6)}"),
        seed=seed,
        seconds=seconds,
        processes=2,
        engine=Engine(crash, start),
    )


@pytest.mark.parametrize("driver", ["sqlite", "postgres"])
async def test_nothing_is_lost_doubled_or_misordered(
    driver: str, request: pytest.FixtureRequest, zygote: Zygote, tmp_path: Path, seed: int, seconds: float
) -> None:
    report = await torture(_plan(driver, request, tmp_path, seed=seed, seconds=seconds), tmp_path, zygote)
    print(driver, report)
    assert not report.violations, str(report)
    assert report.counts["kills"] > 0
    assert report.counts["events"] > 20 * seconds


@pytest.mark.parametrize("driver", ["sqlite", "postgres"])
@pytest.mark.parametrize("flavour", HOW_FOUND)
async def test_a_broken_store_is_found_out(
    driver: str, flavour: str, request: pytest.FixtureRequest, zygote: Zygote, tmp_path: Path, seed: int
) -> None:
    """The negative controls: what the test above looks for is found when it is there."""
    for number in range(seed, seed + _MOST_SEEDS):
        plan = _plan(driver, request, tmp_path, seed=number, seconds=1.0)
        plan = dataclasses.replace(plan, flavour=flavour, engine=None, **HOW_FOUND[flavour])
        report = await torture(plan, tmp_path, zygote)
        print(driver, flavour, report)
        if report.violations:
            return
    pytest.fail(f"a {driver} store with {flavour} passed {_MOST_SEEDS} seeds from {seed}")
