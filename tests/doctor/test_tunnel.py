"""A bot behind a tunnel: opened by a plugin, cloudflared or ngrok; its webhook comes and goes with it."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from botkit.cli.connecting import Wishes
from botkit.config import load_config
from botkit.errors import UserError
from botkit.hooks.manager import load_plugins
from botkit.network.tunnel import Tunnels, open_tunnel
from botkit.roles.tunnelled import in_thread, tunnelled

from .conftest import Place
from .test_connect import Person

#: the port of the tunnel is the bot's own: nothing of the network is needed
TUNNEL = """
from contextlib import asynccontextmanager
from botkit import hookimpl

@hookimpl
@asynccontextmanager
async def open_tunnel(port):
    yield f"http://127.0.0.1:{port}/"
"""
CLOUDFLARED = """#!{python}
import os, sys, time
with open({record!r}, "w") as record:
    record.write(" ".join(sys.argv[1:]))
with open({record!r} + ".pid", "w") as record:
    record.write(str(os.getpid()))
sys.stderr.write("INF Requesting new quick Tunnel on trycloudflare.com...\\n")
sys.stderr.write("INF see https://api.trycloudflare.com/tunnel\\n")
{then}
"""
STAYS = """sys.stderr.write("INF |  https://some-four-word-name.trycloudflare.com  |\\n")
sys.stderr.flush()
for line in iter(sys.stdin.readline, ""):
    pass
import signal
signal.pause()
"""

#: as much of pyngrok's as is used without it
CONF = SimpleNamespace(PyngrokConfig=SimpleNamespace)


def runs(_config: Any) -> Any:
    """A program that does not end."""
    return SimpleNamespace(proc=SimpleNamespace(poll=lambda: None))


async def known(_host: str) -> bool:
    return True


def nothing(**more: Any) -> Tunnels:
    """A machine that has none of the ways."""
    ways: dict[str, Any] = {"cloudflared": lambda: None, "ngrok": lambda: None, "is_known": known}
    return Tunnels(**{**ways, **more})


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record"


def cloudflared(record: Path, then: str) -> str:
    """A program that writes what cloudflared writes."""
    program = record.with_name("cloudflared")
    program.write_text(CLOUDFLARED.format(python=sys.executable, record=str(record), then=then))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return str(program)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_cloudflared_gives_the_address_and_ends_with_us(record: Path, log: Any) -> None:
    program = cloudflared(record, STAYS)
    tunnels = nothing(cloudflared=lambda: program)
    async with open_tunnel(8080, offered=None, log=log.logger, tunnels=tunnels) as url:
        assert url == "https://some-four-word-name.trycloudflare.com"
        assert record.read_text() == "tunnel --no-autoupdate --url http://127.0.0.1:8080"
        pid = int(record.with_name("record.pid").read_text())
        assert is_running(pid)
    assert not is_running(pid)


async def test_cloudflared_that_ends_says_what_it_said(record: Path, log: Any) -> None:
    program = cloudflared(record, 'sys.stderr.write("ERR failed to request quick Tunnel\\n"); sys.exit(1)')
    with pytest.raises(UserError, match=r"ended with status 1.*failed to request quick Tunnel"):
        async with open_tunnel(1, offered=None, log=log.logger, tunnels=nothing(cloudflared=lambda: program)):
            pass


async def test_cloudflared_without_an_address_is_given_up(record: Path, log: Any) -> None:
    program = cloudflared(record, "import signal; signal.pause()")
    tunnels = nothing(cloudflared=lambda: program, start_s=0.3)
    with pytest.raises(UserError, match=r"no address within 0\.3 s"):
        async with open_tunnel(1, offered=None, log=log.logger, tunnels=tunnels):
            pass


async def test_a_tunnel_that_breaks_is_told(record: Path, log: Any) -> None:
    program = cloudflared(record, STAYS)
    tunnels = nothing(cloudflared=lambda: program)
    async with open_tunnel(1, offered=None, log=log.logger, tunnels=tunnels):
        os.kill(int(record.with_name("record.pid").read_text()), signal.SIGKILL)
        await log.until_line("tunnel_ended")


async def test_cloudflared_on_the_path_is_found_and_comes_before_ngrok(record: Path) -> None:
    program = Path(cloudflared(record, STAYS))
    script = """
import asyncio
from botkit.log import make_logger
from botkit.network.tunnel import Tunnels, open_tunnel

async def known(_):
    return True

async def main():
    async with open_tunnel(8080, offered=None, log=make_logger(), tunnels=Tunnels(is_known=known)) as url:
        print(url)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script),
        env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert out.decode().split() == ["https://some-four-word-name.trycloudflare.com"], err.decode()
    assert not is_running(int(record.with_name("record.pid").read_text()))


async def test_ngrok_is_opened_and_closed(log: Any) -> None:
    called: list[tuple[Any, ...]] = []

    def connect(*arguments: Any, pyngrok_config: Any) -> Any:
        called.append(("connect", *arguments))
        return SimpleNamespace(public_url="https://abc.ngrok.example")

    ngrok = SimpleNamespace(
        conf=CONF,
        connect=connect,
        get_ngrok_process=runs,
        disconnect=lambda url, _: called.append(("disconnect", url)),
        kill=lambda _: called.append(("kill",)),
    )
    tunnels = nothing(ngrok=lambda: ngrok)
    async with open_tunnel(8080, offered=None, log=log.logger, tunnels=tunnels) as url:
        assert url == "https://abc.ngrok.example"
    assert called == [("connect", "8080", "http"), ("disconnect", "https://abc.ngrok.example"), ("kill",)]


async def test_an_ngrok_that_breaks_is_told(log: Any) -> None:
    statuses = iter([None, None, 3, 3])
    ngrok = SimpleNamespace(
        conf=CONF,
        connect=lambda *_, **__: SimpleNamespace(public_url="https://abc.ngrok.example"),
        get_ngrok_process=lambda _: SimpleNamespace(proc=SimpleNamespace(poll=lambda: next(statuses))),
        disconnect=lambda *_: None,
        kill=lambda _: None,
    )
    tunnels = nothing(ngrok=lambda: ngrok, sleep=lambda _: asyncio.sleep(0))
    async with open_tunnel(1, offered=None, log=log.logger, tunnels=tunnels):
        await log.until_line("tunnel_ended")


async def test_ngrok_without_a_token_names_the_fix(log: Any) -> None:
    def connect(*_arguments: Any, pyngrok_config: Any) -> Any:
        raise RuntimeError("authentication failed")

    ngrok = SimpleNamespace(conf=CONF, connect=connect, kill=lambda _: None)
    with pytest.raises(UserError, match="authentication failed; see that NGROK_AUTHTOKEN is set"):
        async with open_tunnel(1, offered=None, log=log.logger, tunnels=nothing(ngrok=lambda: ngrok)):
            pass


async def test_without_any_way_all_are_named(log: Any) -> None:
    with pytest.raises(UserError, match=r"cloudflared.*botkit\[tunnel\].*open_tunnel"):
        async with open_tunnel(1, offered=None, log=log.logger, tunnels=nothing()):
            pass


async def test_a_plugin_wins_and_its_address_is_looked_at(record: Path, log: Any) -> None:
    @asynccontextmanager
    async def offered(url: str) -> AsyncIterator[str]:
        yield url

    program = cloudflared(record, STAYS)
    tunnels = nothing(cloudflared=lambda: program)
    async with open_tunnel(
        1, offered=offered("https://mine.example"), log=log.logger, tunnels=tunnels
    ) as url:
        assert url == "https://mine.example"
    assert not record.exists()
    with pytest.raises(UserError, match="gave no address"):
        async with open_tunnel(1, offered=offered("mine"), log=log.logger, tunnels=tunnels):
            pass


async def test_a_new_name_is_waited_for(log: Any) -> None:
    looked: list[str] = []
    waited: list[float] = []

    async def is_known(host: str) -> bool:
        looked.append(host)
        return len(looked) > 2

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0)

    ngrok = SimpleNamespace(
        conf=CONF,
        connect=lambda *_, **__: SimpleNamespace(public_url="https://new.example"),
        get_ngrok_process=runs,
        disconnect=lambda *_: None,
        kill=lambda _: None,
    )
    tunnels = nothing(ngrok=lambda: ngrok, is_known=is_known, sleep=sleep)
    async with open_tunnel(1, offered=None, log=log.logger, tunnels=tunnels):
        assert looked == ["new.example"] * 3
        assert waited.count(1.0) == 2


async def test_connect_through_a_tunnel_removes_its_webhook_at_the_end(place: Place, person: Person) -> None:
    plugin = place.folder / "plugins" / "hello.py"
    plugin.write_text(plugin.read_text() + TUNNEL)
    place.values |= {"port": 0, "public_url": ""}
    place.write()
    text = place.file.read_text().replace(', public_url: ""', "")
    place.file.write_text(text)
    wishes = Wishes(timeout_s=20.0, tunnel=True)
    connecting = asyncio.create_task(person.at(place.file, wishes=wishes, tunnels=nothing()).run())
    async with asyncio.timeout(20):
        assert "write a direct message" in await person.said.get()
    (hook,) = place.sim.webhooks.all()
    assert hook.valid
    await place.control("dm", {"from": "alice", "text": "hello"})
    assert await connecting, person.steps
    assert "tunnel" in person.names
    assert place.sim.webhooks.all() == []


@pytest.fixture
def person() -> Person:
    return Person()


async def test_the_address_must_be_one_that_x_takes(place: Place, log: Any) -> None:
    plugin = place.folder / "plugins" / "hello.py"
    plugin.write_text(plugin.read_text() + TUNNEL)
    place.values |= {"api_url": "https://api.x.com", "public_url": "https://bot.example.com"}
    place.write()
    config = load_config(place.file, environ={})
    with pytest.raises(UserError, match="X can't use the tunnel's address"):
        async with tunnelled(config, load_plugins(config), log=log.logger, tunnels=nothing()):
            pass


async def test_a_stream_needs_none(place: Place, log: Any) -> None:
    place.values["delivery"] = "activity_stream"
    place.write()
    config = load_config(place.file, environ={})
    with pytest.raises(UserError, match="needs no public address"):
        async with tunnelled(config, load_plugins(config), log=log.logger, tunnels=nothing()):
            pass


def test_a_context_is_held_open_in_a_thread() -> None:
    happened: list[str] = []

    @asynccontextmanager
    async def context() -> AsyncIterator[int]:
        task = asyncio.current_task()
        happened.append("entered")
        yield 7
        assert asyncio.current_task() is task
        happened.append("left")

    with in_thread(context) as value:
        assert value == 7
        assert happened == ["entered"]
    assert happened == ["entered", "left"]


def test_cloudflared_runs_in_a_thread_of_its_own(record: Path, log: Any) -> None:
    program = cloudflared(record, STAYS)
    tunnels = nothing(cloudflared=lambda: program)
    with in_thread(lambda: open_tunnel(8080, offered=None, log=log.logger, tunnels=tunnels)) as url:
        assert url == "https://some-four-word-name.trycloudflare.com"
        pid = int(record.with_name("record.pid").read_text())
    assert not is_running(pid)


def test_what_is_interrupted_while_it_opens_is_given_up() -> None:
    @asynccontextmanager
    async def context() -> AsyncIterator[int]:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        await asyncio.Event().wait()
        yield 0

    with pytest.raises(KeyboardInterrupt), in_thread(context):
        pass


def test_what_can_not_be_entered_is_raised() -> None:
    @asynccontextmanager
    async def context() -> AsyncIterator[int]:
        raise UserError("no way")
        yield 0  # never: makes it a generator

    with pytest.raises(UserError, match="no way"), in_thread(context):
        pass
