"""What all tests share: the recorded bodies of X's, a real store, a logger that can be read."""

from __future__ import annotations

import asyncio
import io
import json
import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from botkit.log import make_logger
from botkit.store import open_store
from botkit.store.contract import Store
from botkit.testing import Clock
from tests.store.postgres_server import NoPostgres, PostgresServer


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torture")
    group.addoption("--torture-seconds", type=float, help="how long each driver is tortured")
    group.addoption("--torture-seed", type=int, help="repeat the schedule of an earlier torture")


PAYLOADS = Path(__file__).parent / "payloads"


class _Stream(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


class Log:
    """A logger whose lines can be read back, and waited for."""

    def __init__(self) -> None:
        self._stream = _Stream()
        self.logger: Any = make_logger(level="debug", format="json", stream=self._stream)

    @property
    def text(self) -> str:
        """Everything that was written."""
        return self._stream.getvalue()

    async def until(self, true: Callable[[], object]) -> None:
        """Return when something is so; asked again after every line that is written. 5 seconds at most."""
        async with asyncio.timeout(5):
            while not true():
                self._stream.written.clear()
                await self._stream.written.wait()

    async def until_line(self, event: str) -> None:
        """Return when a line of that event was written."""
        await self.until(lambda: self.lines(event))

    def lines(self, event: str = "") -> list[dict[str, Any]]:
        """The lines, decoded; only those of that event when one is named."""
        lines = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in lines if not event or line["event"] == event]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """A real SQLite store in a file of its own."""
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}", clock=clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A server of the session's own, also for what a foreign one can't be asked to do."""
    try:
        server = PostgresServer()
    except NoPostgres as error:
        pytest.skip(str(error))
    yield server
    server.close()


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> str:
    """A schema that is not there yet, on the server of ``BOTKIT_TEST_POSTGRES`` or on the session's own."""
    url = os.environ.get("BOTKIT_TEST_POSTGRES", "")
    if not url:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.url()
    return f"{url}{'&' if '?' in url else '?'}schema=botkit_test_{secrets.token_hex(6)}"
