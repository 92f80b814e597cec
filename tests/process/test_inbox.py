"""inbox and forget beside a running bot: the command asks the bot, which holds the store."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import ACCOUNT, KEYS, ApiStub, BotProcess, Start, dm

ALICE = "707685546848550916"
BOB = "55"
SECRET = "secretword"

ECHO = """
@on_direct_message
async def echo(event, bot):
    bot.state["said"] = event.text
    await bot.reply(f"later {event.text}", after=hours(5))
    return f"you said {event.text}"
"""
SHAKY = """
from pathlib import Path

@on_direct_message
async def shaky(event, bot):
    if Path("broken").exists():
        raise ValueError(event.text)
    return f"mended {event.text}"
"""

Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def botkit(tmp_path: Path) -> Command:
    """Runs a botkit command in the bot's folder: its exit status, and what it wrote."""

    async def run(*arguments: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "botkit",
            *arguments,
            cwd=tmp_path,
            env={**os.environ, **KEYS},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    return run


async def ask(botkit: Command, *arguments: str) -> Any:
    """What a command that must succeed answers, decoded."""
    status, out, err = await botkit(*arguments, "--json")
    assert (status, err) == (0, "")
    return json.loads(out)


def traces(folder: Path, word: str) -> set[str]:
    """The names of the database's files in which a word stands."""
    files = [file for file in folder.glob("botkit.db*") if file.is_file()]
    assert {file.suffix for file in files} >= {".db", ".db-wal", ".db-shm"}
    return {file.name for file in files if word.encode() in file.read_bytes()}


async def _done(botkit: Command, bot: BotProcess) -> None:
    """Return when nothing waits in the running bot."""
    async with asyncio.timeout(20):
        while True:
            status = await ask(botkit, "inbox")
            if not status["events"]["waiting"] + status["actions"]["waiting"]:
                return


async def test_forget_leaves_no_byte_of_a_persons_texts_while_the_bot_runs(
    start: Start, api: ApiStub, botkit: Command, tmp_path: Path
) -> None:
    bot = await start({"echo": ECHO})
    for number in range(5):
        assert await bot.post(dm(f"{SECRET} {number}", message_id=10 + number)) == 200
        assert await bot.post(dm(f"other {number}", message_id=20 + number, sender=BOB)) == 200
    await api.until(10)
    await _done(botkit, bot)
    assert traces(tmp_path, SECRET)
    answer = await ask(botkit, "forget", ALICE)
    assert (answer["events"], answer["actions"], answer["timers"]) == (5, 5, 5)
    assert answer["states"] == [f"state:echo:{ACCOUNT}:{ALICE}"]
    assert traces(tmp_path, SECRET) == set()
    assert traces(tmp_path, ALICE) == set()
    assert traces(tmp_path, "other 4")
    assert await bot.post(dm("again", message_id=30)) == 200
    await api.until(11)
    assert api.texts[-1] == "you said again"
    assert await bot.end() == 0
    assert SECRET.encode() not in (tmp_path / "botkit.db").read_bytes()
    assert not [line for line in bot.lines if SECRET in json.dumps(line)]


async def test_forget_takes_what_waits_to_be_sent_and_a_request_under_way_writes_nothing_back(
    start: Start, api: ApiStub, botkit: Command, tmp_path: Path
) -> None:
    bot = await start({"echo": ECHO})
    api.open.clear()
    for number in range(3):
        assert await bot.post(dm(f"{SECRET} {number}", message_id=10 + number)) == 200
    await api.until(1)
    async with asyncio.timeout(20):
        while (await ask(botkit, "inbox"))["events"]["waiting"]:
            pass
    answer = await ask(botkit, "forget", ALICE)
    assert (answer["events"], answer["actions"]) == (3, 3)
    api.open.set()
    await bot.line("action_fenced")
    assert traces(tmp_path, SECRET) == set()
    assert await bot.post(dm("again", message_id=30)) == 200
    await api.until(2)
    assert len(api.texts) == 2


async def test_a_dead_letter_is_seen_and_retried_beside_the_bot(
    start: Start, api: ApiStub, botkit: Command, tmp_path: Path
) -> None:
    (tmp_path / "broken").touch()
    bot = await start({"echo": ECHO, "shaky": SHAKY}, extra="")
    await bot.post(dm("hello", message_id=1))
    await bot.line("handler_failed", outcome="dead_letter")
    async with asyncio.timeout(20):
        while not (listed := await ask(botkit, "inbox", "dead", "list", "--plugin", "shaky"))["letters"]:
            pass
    (letter,) = listed["letters"]
    assert (letter["item_id"], letter["handler"]) == (f"{ACCOUNT}:dm:1", "shaky:shaky")
    status, out, _ = await botkit("inbox", "replay", "--dry-run", letter["item_id"])
    assert status == 1
    assert "shaky:shaky fails: ValueError: <text>" in out
    assert "you said hello" in out
    (tmp_path / "broken").unlink()
    await api.until(1)
    await ask(botkit, "inbox", "dead", "retry", letter["item_id"])
    await api.until(2)
    assert api.texts == ["you said hello", "mended hello"]
    assert (await ask(botkit, "inbox"))["dead_letters"] == 0
    assert await bot.end() == 0


async def test_a_dry_run_in_the_running_bot_sends_nothing(
    start: Start, api: ApiStub, botkit: Command
) -> None:
    bot = await start({"echo": ECHO})
    await bot.post(dm("hello", message_id=1))
    await api.until(1)
    (rehearsed,) = (await ask(botkit, "inbox", "replay", "--dry-run", f"{ACCOUNT}:dm:1"))["rehearsed"]
    assert [action["text"] for action in rehearsed["actions"]] == ["you said hello", "later hello"]
    await ask(botkit, "inbox", "replay", f"{ACCOUNT}:dm:1")
    await api.until(2)
    assert await bot.end() == 0
    assert api.texts == ["you said hello"] * 2


async def test_after_a_kill_the_command_opens_the_store_itself(
    start: Start, api: ApiStub, botkit: Command, tmp_path: Path
) -> None:
    bot = await start({"echo": ECHO})
    await bot.post(dm("hello", message_id=1))
    await api.until(1)
    assert (tmp_path / "botkit.db.sock").is_socket()
    await bot.kill()
    assert len((await ask(botkit, "inbox", "show", ALICE))["items"]) == 2
    bot = await start()
    assert len((await ask(botkit, "inbox", "show", ALICE))["items"]) == 2
    assert await bot.end() == 0
    assert not (tmp_path / "botkit.db.sock").exists()


async def _at_a_terminal(folder: Path, answer: str, *arguments: str) -> int:
    """Run a command at a terminal, answer its question, and return its exit status."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "botkit",
        *arguments,
        cwd=folder,
        env={**os.environ, **KEYS},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    os.write(ours, answer.encode())
    async with asyncio.timeout(30):
        status = await process.wait()
    os.close(ours)
    return status


async def test_at_a_terminal_forget_asks(start: Start, api: ApiStub, botkit: Command, tmp_path: Path) -> None:
    bot = await start({"echo": ECHO})
    await bot.post(dm("hello", message_id=1))
    await api.until(1)
    assert await _at_a_terminal(tmp_path, "n\n", "forget", ALICE) == 130
    assert (await ask(botkit, "inbox", "show", ALICE))["items"]
    assert await _at_a_terminal(tmp_path, "y\n", "forget", ALICE) == 0
    assert (await ask(botkit, "inbox", "show", ALICE))["items"] == []
    await bot.post(dm("again", message_id=2))
    await api.until(2)
    assert await _at_a_terminal(tmp_path, "", "forget", ALICE, "--yes") == 0
    assert (await ask(botkit, "inbox", "show", ALICE))["items"] == []


async def test_a_bot_with_a_long_path_is_found(start: Start, botkit: Command, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30)
    folder.mkdir()
    bot = await start({"echo": ECHO}, extra=f"store: sqlite:///{folder}/botkit.db\n")
    assert (folder / "botkit.db.sock").is_file()
    assert (await ask(botkit, "inbox"))["dead_letters"] == 0
    assert await bot.end() == 0
    assert not (folder / "botkit.db.sock").exists()
