"""A bot that is split over processes: each does its part, stops when told, and nothing is lost."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from botkit.x.signature import sign

from .conftest import KEYS, ApiStub, BotProcess, dm

ECHO = """
    @on_direct_message
    async def echo(event, bot):
        return f"echo {event.text}"
"""
HELD = """
    import asyncio, pathlib
    @on_direct_message
    async def held(event, bot):
        bot.log.info("handling")
        while (pathlib.Path(__file__).parent / "hold").exists():
            await asyncio.sleep(0.02)
        return f"echo {event.text}"
"""


class Fleet:
    """A bot whose processes run beside each other in one folder."""

    def __init__(self, folder: Path, api: ApiStub) -> None:
        self.folder = folder
        self.api = api
        self.processes: list[BotProcess] = []

    @property
    def hold(self) -> Path:
        """While it exists, the handlers of ``HELD`` don't end."""
        return self.folder / "plugins" / "hold"

    def write(self, plugin: str, *, store: str, server: str = "port: 0", engine: str = "") -> None:
        """Write bot.yaml and its plugin."""
        (self.folder / "plugins").mkdir(exist_ok=True)
        source = "from botkit import *\n" + textwrap.dedent(plugin)
        (self.folder / "plugins" / "own.py").write_text(source)
        more = f", {engine}" if engine else ""
        (self.folder / "bot.yaml").write_text(
            f"network: x\nstore: {store}\nserver: {{{server}}}\nx:\n  api_url: {self.api.url}\n"
            "  consumer_key: ${X_CONSUMER_KEY}\n  consumer_secret: ${X_CONSUMER_SECRET}\n"
            "  access_token: ${X_ACCESS_TOKEN}\n  access_token_secret: ${X_ACCESS_TOKEN_SECRET}\n"
            f"engine: {{retry: {{first: 10ms, max: 50ms}}{more}}}\nplugins: [own]\n"
        )

    async def start(
        self, *arguments: str, ready: bool = True, health: bool = False, largest_file: int = 0
    ) -> BotProcess:
        """Start a process, and wait until it does its work.

        :param health: set the variable that gives it a port for its health.
        :param largest_file: bytes that the process may write into one file.
        """
        limit = ["prlimit", f"--fsize={largest_file}", "--"] if largest_file else []
        process = await asyncio.create_subprocess_exec(
            *limit,
            sys.executable,
            "-m",
            "botkit",
            "run",
            *arguments,
            cwd=self.folder,
            env={**os.environ, **KEYS, **({"HEALTH_PORT": "0"} if health else {})},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        bot = BotProcess(process)
        self.processes.append(bot)
        if ready:
            bot.url = (await bot.line("ready"))["url"]
        return bot

    async def asked(self, count: int, *, within_s: float = 20.0) -> None:
        """Return when X was asked that many things, whatever they were."""
        async with asyncio.timeout(within_s), self.api._came:
            await self.api._came.wait_for(lambda: len(self.api.requests) >= count)

    async def role(self, *roles: str, health: bool = False) -> BotProcess:
        """Start a process with these roles."""
        return await self.start(*(part for role in roles for part in ("--role", role)), health=health)


@pytest.fixture
async def fleet(tmp_path: Path, api: ApiStub) -> AsyncIterator[Fleet]:
    fleet = Fleet(tmp_path, api)
    yield fleet
    api.open.set()
    for bot in fleet.processes:
        if bot._process.returncode is None:
            await bot.kill()
        await bot._reading


async def get(url: str) -> tuple[int, Any]:
    """Status and JSON of an answer."""
    async with ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.json()


async def _until_closed(host: str, port: int) -> None:
    """Return when nobody takes connections there any more."""
    async with asyncio.timeout(20):
        with pytest.raises(ConnectionError):
            await _connect_on_and_on(host, port)


async def _connect_on_and_on(host: str, port: int) -> None:
    while True:
        _, writer = await asyncio.open_connection(host, port)
        writer.close()


async def _until_gone(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    descriptor = os.pidfd_open(pid) if _lives(pid) else None
    if descriptor is None:
        return
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(descriptor, gone.set)
    async with asyncio.timeout(20):
        await gone.wait()
    asyncio.get_running_loop().remove_reader(descriptor)
    os.close(descriptor)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# -- one process ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--role", "worker"), ("--processes", "2")], ids=" ".join)
async def test_a_second_process_on_sqlite_is_refused_in_one_line(
    fleet: Fleet, arguments: tuple[str, str]
) -> None:
    fleet.write(ECHO, store="sqlite:///botkit.db")
    bot = await fleet.start(*arguments, ready=False)
    assert await bot.exited() == 2
    (line,) = bot.lines
    assert line["plain"].startswith(f"botkit: error: {' '.join(arguments)} splits the bot over processes, ")
    assert "store: postgresql://" in line["plain"]
    assert not (fleet.folder / "botkit.db").exists()


async def test_all_roles_by_name_are_the_whole_bot(fleet: Fleet, api: ApiStub) -> None:
    fleet.write(ECHO, store="sqlite:///botkit.db")
    bot = await fleet.role("sender", "receiver", "worker")
    assert await bot.post(dm("hello", message_id=1)) == 200
    await api.until(1)
    assert await bot.end() == 0
    assert api.texts == ["echo hello"]
    assert not any("process" in line for line in bot.lines)


async def test_a_full_backlog_is_answered_503_and_opens_by_itself(fleet: Fleet, api: ApiStub) -> None:
    fleet.write(HELD, store="sqlite:///botkit.db", engine="max_backlog: 3")
    fleet.hold.touch()
    bot = await fleet.start()
    for number in range(1, 5):
        assert await bot.post(dm(str(number), message_id=number, sender=str(number))) == 200
    await bot.line("backlog_full", waiting=4, limit=3)
    assert await bot.post(dm("5", message_id=5, sender="5")) == 503
    status, answer = await get(f"{bot.url}/readyz")
    assert (status, answer["problems"]) == (
        503,
        {"backlog": "4 events wait, more than engine.max_backlog (3)"},
    )
    fleet.hold.unlink()
    await bot.line("backlog_open")
    assert await bot.post(dm("5", message_id=5, sender="5")) == 200
    assert (await get(f"{bot.url}/readyz"))[0] == 200
    await api.until(5)
    assert await bot.end() == 0
    assert sorted(api.texts) == [f"echo {number}" for number in range(1, 6)]


@pytest.mark.skipif(sys.platform != "linux", reason="needs the limits of another process")
async def test_a_full_disk_is_answered_503_and_needs_no_restart(fleet: Fleet, api: ApiStub) -> None:
    """The disk is full for the process: no file of its grows beyond what it has now."""
    import resource  # noqa: PLC0415 - not on every system

    fleet.write(ECHO, store="sqlite:///botkit.db")
    bot = await fleet.start()
    pid = bot._process.pid
    assert await bot.post(dm("first", message_id=1)) == 200
    await api.until(1)
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in fleet.folder.glob("botkit.db*"))
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))
    refused = 0
    for number in range(2, 200):
        refused = number
        if await bot.post(dm("x" * 9000, message_id=number, sender=str(number))) != 200:
            break
    assert await bot.post(dm("x" * 9000, message_id=refused, sender=str(refused))) == 503
    await bot.line("store_unavailable")
    assert (await get(f"{bot.url}/readyz"))[0] == 503
    assert (await get(f"{bot.url}/healthz"))[0] == 200
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    assert await bot.post(dm("x" * 9000, message_id=refused, sender=str(refused))) == 200
    await api.until(refused)
    assert (await get(f"{bot.url}/readyz"))[0] == 200
    assert await bot.end() == 0
    assert len(api.texts) == refused


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="needs prlimit")
async def test_a_disk_that_is_full_at_the_start_is_told_in_one_line(fleet: Fleet) -> None:
    fleet.write(ECHO, store="sqlite:///botkit.db")
    bot = await fleet.start()
    assert await bot.end() == 0
    bot = await fleet.start(ready=False, largest_file=1)
    assert await bot.exited() == 2
    (told,) = [line["plain"] for line in bot.lines if "plain" in line]
    assert told.startswith("botkit: error: ")


async def test_sigterm_while_x_is_asked_for_the_webhook_ends_the_start(fleet: Fleet, api: ApiStub) -> None:
    fleet.write(ECHO, store="sqlite:///botkit.db", server="port: 0, public_url: 'https://bot.example.com'")
    api.open.clear()
    bot = await fleet.start(ready=False)
    await fleet.asked(1)
    assert await bot.end() == 0
    assert not any(line["event"] == "ready" for line in bot.lines)


async def test_a_request_that_was_begun_before_sigterm_is_answered(fleet: Fleet, api: ApiStub) -> None:
    fleet.write(ECHO, store="sqlite:///botkit.db")
    bot = await fleet.start()
    host, _, port = bot.url.removeprefix("http://").partition(":")
    body = dm("late", message_id=1)
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /webhook HTTP/1.1\r\nhost: bot\r\ncontent-type: application/json\r\n"
        f"x-twitter-webhooks-signature: {sign(KEYS['X_CONSUMER_SECRET'], body)}\r\n"
        f"content-length: {len(body)}\r\nexpect: 100-continue\r\n\r\n".encode()
    )
    assert b"100 Continue" in await reader.readuntil(b"\r\n\r\n")  # the request is being handled
    ending = asyncio.create_task(bot.end())
    await bot.line("stopping")
    await _until_closed(host, int(port))
    writer.write(body)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    assert await ending == 0
    await fleet.start()
    await api.until(1)
    assert api.texts == ["echo late"]


async def test_whatever_hangs_it_is_gone_within_the_grace_period(fleet: Fleet, api: ApiStub) -> None:
    fleet.write(HELD, store="sqlite:///botkit.db", engine="grace: 1s")
    api.open.clear()
    bot = await fleet.start()
    assert await bot.post(dm("on its way", message_id=1, sender="11")) == 200
    await fleet.asked(1)
    fleet.hold.touch()
    before = len(bot.lines)
    assert await bot.post(dm("in hand", message_id=2, sender="22")) == 200
    await bot.line("handling", after=before)
    began = asyncio.get_running_loop().time()
    assert await bot.end() == 0
    assert 0.5 <= asyncio.get_running_loop().time() - began < 1.0 + 4.0  # and to close everything, here
    fleet.hold.unlink()
    api.open.set()
    await fleet.start()
    await fleet.asked(3)
    assert sorted(api.texts) == ["echo in hand", "echo on its way"]


async def test_a_second_signal_ends_it_even_while_a_handler_blocks_it(fleet: Fleet) -> None:
    blocking = """
        import time
        @on_direct_message
        async def blocking(event, bot):
            bot.log.info("handling")
            while True:
                time.sleep(0.01)
    """
    fleet.write(blocking, store="sqlite:///botkit.db")
    bot = await fleet.start()
    posting = asyncio.create_task(bot.post(dm("hello", message_id=1)))
    await bot.line("handling")
    bot._process.send_signal(signal.SIGINT)
    # Both may be pending when Python looks: whichever it hears second is the one that ends it.
    assert await bot.end() in {128 + signal.SIGTERM, 128 + signal.SIGINT}
    await asyncio.gather(posting, return_exceptions=True)  # answered, or cut off with the process


# -- roles on one database -----------------------------------------------------------------------------------


async def test_each_role_does_its_part(fleet: Fleet, api: ApiStub, postgres_url: str) -> None:
    fleet.write(ECHO, store=postgres_url, server='port: 0, health_port: "${HEALTH_PORT}"')
    receiver = await fleet.role("receiver", health=True)
    worker = await fleet.role("worker", health=True)
    sender = await fleet.role("sender")
    assert sender.url == ""
    assert await receiver.post(dm("hello", message_id=1)) == 200
    await api.until(1)
    assert api.texts == ["echo hello"]
    for bot in (receiver, worker):
        assert (await get(f"{bot.url}/readyz")) == (200, {"status": "ready"})
    async with ClientSession() as session, session.post(f"{worker.url}/webhook") as answer:
        assert answer.status == 404
    for bot, name in ((receiver, "receiver"), (worker, "worker"), (sender, "sender")):
        assert await bot.end() == 0
        assert {line.get("process") for line in bot.lines} == {name}
        assert not any(line["event"] in {"worker_failed", "turn_fenced"} for line in bot.lines)


async def test_many_processes_answer_everyone_once_and_in_order(
    fleet: Fleet, api: ApiStub, postgres_url: str
) -> None:
    fleet.write(ECHO, store=postgres_url)
    receivers = await asyncio.gather(fleet.role("receiver"), fleet.role("receiver"))
    others = await asyncio.gather(fleet.role("worker"), fleet.role("worker"), fleet.role("sender"))
    people = [str(5000 + number) for number in range(6)]
    for turn in range(5):
        posts = [
            receivers[(turn + place) % 2].post(
                dm(f"{who}/{turn}", message_id=100 * turn + place + 1, sender=who)
            )
            for place, who in enumerate(people)
        ]
        assert set(await asyncio.gather(*posts)) == {200}
    await api.until(30)
    for bot in (*receivers, *others):
        assert await bot.end() == 0
    for who in people:
        assert [text for text in api.texts if text.startswith(f"echo {who}/")] == [
            f"echo {who}/{turn}" for turn in range(5)
        ]


async def test_sigterm_lets_a_worker_finish_its_turn(fleet: Fleet, api: ApiStub, postgres_url: str) -> None:
    fleet.write(HELD, store=postgres_url)
    fleet.hold.touch()
    receiver = await fleet.role("receiver")
    worker = await fleet.role("worker")
    assert await receiver.post(dm("hello", message_id=1)) == 200
    await worker.line("handling")
    ending = asyncio.create_task(worker.end())
    await worker.line("stopping")
    fleet.hold.unlink()
    assert await ending == 0
    await fleet.role("sender")  # no worker runs any more: the reply was committed
    await api.until(1)
    assert api.texts == ["echo hello"]


async def test_a_turn_that_is_longer_than_the_grace_is_left_to_the_next_worker(
    fleet: Fleet, api: ApiStub, postgres_url: str
) -> None:
    fleet.write(HELD, store=postgres_url, engine="grace: 400ms")
    fleet.hold.touch()
    receiver = await fleet.role("receiver")
    worker = await fleet.role("worker")
    assert await receiver.post(dm("hello", message_id=1)) == 200
    await worker.line("handling")
    assert await worker.end() == 0
    await worker.line("turns_left_unfinished")
    fleet.hold.unlink()
    await fleet.role("worker", "sender")
    await api.until(1)
    assert api.texts == ["echo hello"]


async def test_sigterm_lets_a_sender_hear_x_out(fleet: Fleet, api: ApiStub, postgres_url: str) -> None:
    fleet.write(ECHO, store=postgres_url)
    api.open.clear()
    rest = await fleet.role("receiver", "worker")
    sender = await fleet.role("sender")
    assert await rest.post(dm("hello", message_id=1)) == 200
    await api.until(1)
    ending = asyncio.create_task(sender.end())
    await sender.line("stopping")
    api.open.set()
    assert await ending == 0
    assert await rest.post(dm("next", message_id=2)) == 200
    await fleet.role("sender")
    await api.until(2)
    assert api.texts == ["echo hello", "echo next"]


async def test_a_second_sigterm_ends_roles_at_once_and_loses_nothing(
    fleet: Fleet, api: ApiStub, postgres_url: str
) -> None:
    """What they held is free when their leases run out, as after kill -9."""
    fleet.write(HELD, store=postgres_url)
    api.open.clear()
    receiver = await fleet.role("receiver")
    worker = await fleet.role("worker")
    sender = await fleet.role("sender")
    assert await receiver.post(dm("on its way", message_id=1, sender="11")) == 200
    await fleet.asked(1)
    fleet.hold.touch()
    before = len(worker.lines)
    assert await receiver.post(dm("in hand", message_id=2, sender="22")) == 200
    await worker.line("handling", after=before)
    for bot in (worker, sender):
        bot._process.send_signal(signal.SIGTERM)
        await bot.line("stopping")
        assert await bot.end() == 128 + signal.SIGTERM
    fleet.hold.unlink()
    api.open.set()
    await fleet.role("worker", "sender")
    await fleet.asked(3, within_s=60)
    assert sorted(api.texts) == ["echo in hand", "echo on its way"]
    # Nobody knows whether X took the first: it is looked up before anything else is done with it.
    assert ("GET", "/2/dm_conversations/with/11/dm_events") in [request[:2] for request in api.requests]


# -- receivers on one port -----------------------------------------------------------------------------------


async def _pids(bot: BotProcess, count: int) -> dict[int, int]:
    """The latest process of each child, by number, when that many were started."""
    async with asyncio.timeout(20), bot._written:
        await bot._written.wait_for(lambda: len(_ups(bot)) >= count)
    return {line["number"]: line["pid"] for line in _ups(bot)}


def _ups(bot: BotProcess) -> list[dict[str, Any]]:
    return [line for line in bot.lines if line["event"] == "receiver_up"]


async def test_receivers_share_a_port_and_one_that_dies_is_started_again(
    fleet: Fleet, api: ApiStub, postgres_url: str
) -> None:
    fleet.write(ECHO, store=postgres_url, server="port: 0, health_port: 0")
    bot = await fleet.start("--processes", "2", "-v")
    first = await _pids(bot, 2)
    assert set(first) == {1, 2}
    count = 0
    heard: set[str] = set()
    while heard != {"receiver-1", "receiver-2"}:
        count += 1
        assert await bot.post(dm(str(count), message_id=count)) == 200
        request = await _request(bot, count)
        heard.add(request["process"])
        assert count < 200
    await api.until(count)

    health = (await bot.line("started", process="main"))["health"]
    assert (await get(f"{health}/readyz"))[0] == 200
    os.kill(first[1], signal.SIGKILL)
    await bot.line("receiver_ended", number=1, status=-signal.SIGKILL)
    status, answer = await get(f"{health}/readyz")
    assert (status, answer["problems"]) == (503, {"receiver-1": "ended with status -9"})
    second = await _pids(bot, 3)
    assert (await get(f"{health}/readyz"))[0] == 200
    assert second[1] != first[1]
    assert second[2] == first[2]
    assert await bot.post(dm(str(count + 1), message_id=count + 1)) == 200
    await api.until(count + 1)
    assert api.texts == [f"echo {number}" for number in range(1, count + 2)]

    assert await bot.end() == 0
    assert not any(_lives(pid) for pid in second.values())
    assert {line.get("process") for line in bot.lines} == {"main", "receiver-1", "receiver-2"}


async def _request(bot: BotProcess, number: int) -> dict[str, Any]:
    def requests() -> list[dict[str, Any]]:
        return [line for line in bot.lines if line["event"] == "request"]

    async with asyncio.timeout(20), bot._written:
        await bot._written.wait_for(lambda: len(requests()) >= number)
    return requests()[number - 1]


async def test_receivers_end_with_the_process_that_started_them(fleet: Fleet, postgres_url: str) -> None:
    fleet.write(ECHO, store=postgres_url)
    bot = await fleet.start("--processes", "2", "--role", "receiver")
    pids = await _pids(bot, 2)
    await bot.kill()  # comes back when nobody has the log open any more
    stopped = [line["process"] for line in bot.lines if line["event"] == "stopping"]
    assert sorted(stopped) == ["receiver-1", "receiver-2"]
    for pid in pids.values():
        await _until_gone(pid)


async def test_a_second_sigterm_ends_the_receivers_too(fleet: Fleet, postgres_url: str) -> None:
    fleet.write(HELD, store=postgres_url)
    fleet.hold.touch()
    bot = await fleet.start("--processes", "2")
    pids = await _pids(bot, 2)
    assert await bot.post(dm("hello", message_id=1)) == 200
    await bot.line("handling")
    bot._process.send_signal(signal.SIGTERM)
    await bot.line("stopping", process="main")
    assert await bot.end() == 128 + signal.SIGTERM
    for pid in pids.values():
        await _until_gone(pid)


async def test_ctrl_c_stops_the_receivers_gracefully(fleet: Fleet, postgres_url: str) -> None:
    """The terminal interrupts every process of the foreground; two interrupts would be too many."""
    fleet.write(ECHO, store=postgres_url)
    bot = await fleet.start("--processes", "2")
    os.killpg(bot._process.pid, signal.SIGINT)
    assert await bot.exited() == 0
    stopped = [line["process"] for line in bot.lines if line["event"] == "stopping"]
    assert sorted(stopped) == ["main", "receiver-1", "receiver-2"]
    assert not any(line["event"] in {"stopped_at_once", "receiver_killed"} for line in bot.lines)


async def test_a_port_that_is_taken_is_told_once(fleet: Fleet, postgres_url: str) -> None:
    fleet.write(ECHO, store=postgres_url)
    first = await fleet.role("receiver")
    port = first.url.rpartition(":")[2]
    fleet.write(ECHO, store=postgres_url, server=f"port: {port}")
    bot = await fleet.start("--processes", "2", ready=False)
    assert await bot.exited() == 2
    told = [line["plain"] for line in bot.lines if "plain" in line]
    why = os.strerror(errno.EADDRINUSE)
    fix = "choose another server.port in bot.yaml"
    assert told == [f"botkit: error: can't listen on 127.0.0.1:{port}: {why}; {fix}"]
