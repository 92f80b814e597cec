"""Options of the torture: how long, and with which seed."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from ..store.postgres_server import NoPostgres, PostgresServer  # noqa: TID252 - tests are not installed
from .harness import Zygote


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    """A few in the default run, a minute with ``-m torture``, or what ``--torture-seconds`` says."""
    config = request.config
    chosen = config.getoption("--torture-seconds", None)
    if chosen is not None:
        return float(chosen)
    return 60.0 if config.option.markexpr == "torture" else 2.0


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Another one every time, unless ``--torture-seed`` names one."""
    chosen = request.config.getoption("--torture-seed", None)
    return secrets.randbelow(10**6) if chosen is None else int(chosen)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server that may be crashed."""
    try:
        server = PostgresServer()
    except NoPostgres as error:
        pytest.skip(str(error))
    yield server
    server.close()


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    zygote = Zygote()
    yield zygote
    zygote.close()
