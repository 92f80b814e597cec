"""`botkit run --tunnel`, and a bot at X whose accounts have signed in, as whole processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from botkit.cli import main
from botkit.doctor.result import Result, Status
from botkit.network.vault import Account, OAuth2Tokens
from tests.web.browser import Browser

from .conftest import Place
from .test_connect import click
from .test_tunnel import TUNNEL


async def run(place: Place, *options: str) -> asyncio.subprocess.Process:
    """Start `botkit run`."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "botkit",
        "run",
        str(place.file),
        *options,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if not name.startswith("X_")},
    )


async def ready(process: asyncio.subprocess.Process) -> None:
    """Return when it says that it runs."""
    assert process.stdout is not None
    async with asyncio.timeout(20):
        first = await process.stdout.readline()
    assert b"is running" in first


async def end(process: asyncio.subprocess.Process) -> tuple[int, str]:
    """Ctrl-C, and what it wrote."""
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


async def test_the_webhook_comes_and_goes_with_the_tunnel(place: Place) -> None:
    plugin = place.folder / "plugins" / "hello.py"
    plugin.write_text(plugin.read_text() + TUNNEL)
    place.write()
    place.file.write_text(place.file.read_text().replace(f', public_url: "{place.public_url}"', ""))
    process = await run(place, "--tunnel")
    await ready(process)
    (hook,) = place.sim.webhooks.all()
    assert hook.valid
    assert hook.url == f"{place.public_url}/webhook"
    await place.control("dm", {"from": "alice", "text": "hello"})
    async with asyncio.timeout(20):
        answer = await asyncio.to_thread(_reply, place.sim.url)
    assert answer["text"] == "hello"
    status, log = await end(process)
    assert status == 0, log
    assert place.sim.webhooks.all() == []
    assert '"tunnel_closed"' in log


def _reply(url: str) -> dict[str, str]:
    from botkit.cli.control import Simulator  # noqa: PLC0415 - a blocking client, for the thread

    found = Simulator(url).next_reply("alice", "", 15.0)
    assert found is not None
    return found


async def test_accounts_that_signed_in_are_enough(place: Place) -> None:
    for name in ("X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"):
        del place.environ[name]
    place.values["delivery"] = "account_activity"
    keys = place.sim.config
    await place.sign_in(
        Account(
            id=keys.bot_id,
            username="my_bot",
            access_token=keys.access_token,
            access_token_secret=keys.access_token_secret,
        )
    )
    place.write()
    process = await run(place)
    await ready(process)
    await place.control("dm", {"from": "alice", "text": "hello"})
    answer = await asyncio.to_thread(_reply, place.sim.url)
    assert answer["text"] == "hello"
    assert (await end(process))[0] == 0


async def test_beside_the_running_bot_the_bot_is_asked_for_its_accounts(place: Place) -> None:
    place.write()
    process = await run(place)
    await ready(process)
    assert (await place.examine())["accounts"] == Result(Status.OK, "none signed in", name="accounts")
    assert (await end(process))[0] == 0
    some = OAuth2Tokens("t", expires_at=4e9, scopes=("tweet.read", "users.read"))
    await place.sign_in(Account(id="42", username="alice", oauth2=some))
    await place.sign_in(Account(id="43", username="bob", oauth2=some, problem="X said no"))
    process = await run(place)
    await ready(process)
    found = (await place.examine())["accounts"]
    assert found.status is Status.FAILED
    assert "@alice did not grant the scopes dm.read dm.write" in found.line
    assert "@bob has to sign in again: X said no" in found.line
    assert (await end(process))[0] == 0


async def test_connect_is_one_command_and_one_click(place: Place) -> None:
    place.write()
    yaml = "network: simulator\nserver: {port: 0}\nsimulator: {port: 0}\nplugins: [hello]\n"
    place.file.write_text(yaml)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "botkit", "connect", str(place.file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        while not (line := (await process.stdout.readline()).decode().strip()).startswith("http"):
            assert line
        async with Browser() as browser:
            await click(browser, line)
        out, err = await process.communicate()
    assert process.returncode == 0, out
    assert err == b""
    assert "the bot answered a direct message" in out.decode()
    assert f"botkit run {place.file}" in out.decode()


async def test_without_any_account_what_is_missing_is_named(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"):
        del place.environ[name]
    place.write()
    assert await asyncio.to_thread(main, ["run", str(place.file)]) == 2
    err = capsys.readouterr().err
    assert "X_ACCESS_TOKEN" in err
    assert "X_ACCESS_TOKEN_SECRET" in err
    assert not (place.folder / "bot.db").exists()


@pytest.mark.parametrize("more", [["--role", "receiver"], ["--processes", "2"]])
async def test_a_tunnel_is_for_one_process(
    place: Place, more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place.write()
    assert await asyncio.to_thread(main, ["run", str(place.file), "--tunnel", *more]) == 2
    assert "--tunnel goes with one process" in capsys.readouterr().err
