"""A PostgreSQL to measure with: the one in BOTKIT_TEST_POSTGRES, or one started as the tests start theirs."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

__all__ = ["a_database"]


@contextmanager
def a_database(say: Callable[[str], None]) -> Iterator[str]:
    """The address of a database for one run; ``""`` when there is none."""
    if url := os.environ.get("BOTKIT_TEST_POSTGRES", ""):
        yield url
        return
    tests = _tests()
    if tests is None or importlib.util.find_spec("asyncpg") is None:
        say("PostgreSQL is left out: asyncpg, or the tests' server, is not there")
        yield ""
        return
    try:
        server = tests.PostgresServer()
    except tests.NoPostgres as error:
        say(f"PostgreSQL is left out: {error}")
        yield ""
        return
    try:
        yield server.url()
    finally:
        server.close()


def _tests() -> ModuleType | None:
    path = Path(__file__).parents[1] / "tests" / "store" / "postgres_server.py"
    if not path.exists():
        return None
    spec = importlib.util.spec_from_file_location("postgres_server", path)
    if spec is None or spec.loader is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
