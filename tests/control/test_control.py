"""The control socket: who may ask, what is answered, and where it is when the path is long."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from botkit.control import place
from botkit.control.client import NotRunning, ask
from botkit.control.server import Control, Operation
from botkit.errors import UserError

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="this system has no Unix sockets")


SECRET = "secretword"


async def _double(*, number: int) -> int:
    return 2 * number


async def _refuse() -> None:
    raise UserError("no; do this instead")


async def _crash() -> None:
    raise RuntimeError(SECRET)


OPERATIONS: dict[str, Operation] = {"double": _double, "refuse": _refuse, "crash": _crash}


@asynccontextmanager
async def running(
    at: Path, log: Any, operations: dict[str, Operation] = OPERATIONS
) -> AsyncIterator[asyncio.Task[None]]:
    """A bot that answers."""
    ready = asyncio.Event()
    task = asyncio.create_task(Control(at, operations, log=log.logger).run(ready.set))
    async with asyncio.timeout(5):
        await ready.wait()
    yield task
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def at(tmp_path: Path) -> Path:
    return tmp_path / "botkit.db.sock"


async def test_an_operation_is_done_and_answered(at: Path, log: Any) -> None:
    async with running(at, log):
        assert await ask(at, "double", {"number": 21}) == 42
        assert await asyncio.gather(*(ask(at, "double", {"number": n}) for n in range(20))) == [
            2 * n for n in range(20)
        ]
    assert [line["op"] for line in log.lines("operation")] == ["double"] * 21


async def test_what_the_bot_refuses_is_one_line(at: Path, log: Any) -> None:
    async with running(at, log):
        with pytest.raises(UserError, match=r"^no; do this instead$"):
            await ask(at, "refuse", {})
        with pytest.raises(UserError, match="can't do that; restart it after an upgrade"):
            await ask(at, "unknown", {})


async def test_our_bug_is_logged_in_the_bot_and_named_to_who_asked(at: Path, log: Any) -> None:
    async with running(at, log):
        with pytest.raises(UserError, match="RuntimeError; its log has the traceback") as caught:
            await ask(at, "crash", {})
        with pytest.raises(UserError, match="TypeError"):
            await ask(at, "double", {"wrong": 1})
        assert await ask(at, "double", {"number": 1}) == 2
    crashed = log.lines("operation_crashed")
    assert len(crashed) == 2
    assert "in _crash" in crashed[0]["traceback"]
    assert SECRET not in str(caught.value) + log.text


async def test_only_the_bots_own_user_can_open_it_and_it_goes_with_the_bot(at: Path, log: Any) -> None:
    async with running(at, log):
        mode = at.lstat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not at.exists()
    with pytest.raises(NotRunning):
        await ask(at, "double", {"number": 1})


async def test_a_socket_that_a_killed_bot_left_is_nobody_and_is_replaced(at: Path, log: Any) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(at))
    with pytest.raises(NotRunning):
        await ask(at, "double", {"number": 1})
    async with running(at, log):
        assert await ask(at, "double", {"number": 1}) == 2


async def test_a_path_that_is_too_long_is_answered_from_a_private_folder(tmp_path: Path, log: Any) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    at = folder / "botkit.db.sock"
    async with running(at, log):
        assert at.is_file()
        assert stat.S_IMODE(at.stat().st_mode) == 0o600
        actual = Path(at.read_text(encoding="utf-8").strip())
        assert stat.S_IMODE(actual.lstat().st_mode) == 0o600
        assert stat.S_IMODE(actual.parent.stat().st_mode) == 0o700
        assert await ask(at, "double", {"number": 4}) == 8
    assert not at.exists()
    assert not actual.parent.exists()


@pytest.mark.parametrize("content", ["", "/nowhere/at/all.sock\n", "relative.sock", "\0", "x" * 5000])
async def test_a_file_that_leads_nowhere_is_nobody(at: Path, content: str) -> None:
    at.write_text(content, encoding="utf-8")
    with pytest.raises(NotRunning):
        await ask(at, "double", {"number": 1})


async def test_where_no_socket_can_be_the_bot_says_so_and_goes_on(tmp_path: Path, log: Any) -> None:
    control = Control(tmp_path / "nowhere" / "botkit.db.sock", OPERATIONS, log=log.logger)
    task = asyncio.create_task(control.run())
    await log.until_line("no_control_socket")
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _raw(at: Path, *lines: bytes) -> list[Any]:
    reader, writer = await asyncio.open_unix_connection(at)
    for line in lines:
        writer.write(line)
    writer.write_eof()
    answered = await reader.read()
    writer.close()
    return [json.loads(line) for line in answered.splitlines()]


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"5\n",
        b"not json\n",
        b'{"op":"double"}\n',
        b'{"op":["a"],"args":{}}\n',
        b"\xff\n",
    ],
)
async def test_a_question_that_is_none_is_refused_and_the_next_is_answered(
    at: Path, log: Any, line: bytes
) -> None:
    async with running(at, log):
        greeting, answer = await _raw(at, line)
        assert set(greeting) == {"botkit"}
        assert set(answer) == {"error"}
        assert await ask(at, "double", {"number": 1}) == 2


async def test_arguments_that_are_no_object_are_refused(at: Path, log: Any) -> None:
    async with running(at, log):
        _, answer = await _raw(at, b'{"op":"double","args":[1]}\n')
        assert set(answer) == {"error"}


async def test_who_connects_and_says_nothing_is_in_nobodys_way(at: Path, log: Any) -> None:
    async with running(at, log):
        _, writer = await asyncio.open_unix_connection(at)
        assert await ask(at, "double", {"number": 1}) == 2
        writer.close()
        assert len(await _raw(at)) == 1


async def test_a_bot_that_ends_first_lets_the_answer_through(at: Path, log: Any) -> None:
    begun, go = asyncio.Event(), asyncio.Event()

    async def slow() -> str:
        begun.set()
        await go.wait()
        return "done"

    async with running(at, log, {"slow": slow}) as task:
        asking = asyncio.create_task(ask(at, "slow", {}))
        await begun.wait()
        task.cancel()
        go.set()
        assert await asking == "done"


async def test_a_bot_that_dies_says_nothing_and_that_is_said(at: Path) -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"{}\n")
        writer.close()

    async with await asyncio.start_unix_server(hang_up, at):
        with pytest.raises(UserError, match="ended before it answered"):
            await ask(at, "double", {"number": 1})


async def test_a_bot_that_is_stopped_does_not_answer_and_that_is_said(at: Path) -> None:
    with place.bound(at) as listening:
        listening.listen()
        with pytest.raises(UserError, match="does not answer; look at its log"):
            await ask(at, "double", {"number": 1}, greets_within_s=0.05)


async def test_a_big_answer_comes_whole(at: Path, log: Any) -> None:
    async def big() -> str:
        return "x" * 5_000_000

    async with running(at, log, {"big": big}):
        assert len(await ask(at, "big", {})) == 5_000_000


def test_the_place_is_beside_the_database(tmp_path: Path) -> None:
    assert place.place_of(f"sqlite:///{tmp_path}/bot.db") == tmp_path / "bot.db.sock"


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgresql://host/db", "x://y"]
)
def test_other_stores_have_none(url: str) -> None:
    assert place.place_of(url) is None
