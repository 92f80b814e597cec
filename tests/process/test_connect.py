"""A whole bot in the simulator: an owner connects, the bot acts for the account, and lets it go when told."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import textwrap
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from botkit.network.keys import KeyRing
from botkit.network.vault import Account, Vault
from botkit.store import open_store
from tests.web.browser import Browser

from .conftest import BotProcess

PLUGIN = """
from botkit import on_direct_message, on_revoke

@on_direct_message
async def echo(event, bot):
    return f"echo {event.text}"

@on_revoke
async def gone(event, bot):
    bot.log.info("gone", user=event.user_id)
"""


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


@dataclass
class Whole:
    """A bot that runs in the simulator."""

    folder: Path
    url: str
    sim: str
    environ: dict[str, str]
    count: int = 0
    bots: list[BotProcess] = field(default_factory=list)
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self) -> BotProcess:
        process = await self._process("run", "bot.yaml")
        bot = BotProcess(process)
        self.bots.append(bot)
        bot.url = (await bot.line("started"))["url"]
        return bot

    async def cli(self, *arguments: str) -> tuple[int, str, str]:
        """Run a command of botkit's beside the bot."""
        process = await self._process(*arguments, stdout=asyncio.subprocess.PIPE)
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def _process(
        self, *arguments: str, stdout: int = asyncio.subprocess.DEVNULL
    ) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "botkit", *arguments),
            cwd=self.folder,
            env=self.environ,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
        )
        self.processes.append(process)
        return process

    async def control(self, name: str, **body: Any) -> Any:
        """Do something in the simulator."""
        async with ClientSession() as session, session.post(f"{self.sim}/_sim/{name}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def sign_in(self, user: str) -> None:
        """What an owner does in a browser: one click at the bot's, one at X."""
        async with Browser() as browser:
            page = await browser.get(f"{self.url}/connect")
            at_x = await browser.get((await browser.press(page)).location)
            chosen = next(each["id"] for each in (await self.state())["users"] if each["username"] == user)
            back = await browser.press(at_x, user=chosen, decision="allow")
            done = await browser.get(back.location)
            assert (done.status, f"@{user} is connected" in done.text) == (200, True), done.text

    async def write_to_alice(self, text: str) -> None:
        """Let X tell the bot that bob wrote to alice."""
        ids = {each["username"]: each["id"] for each in (await self.state())["users"]}
        self.count += 1
        event = {
            "type": "message_create",
            "id": str(10**18 + self.count),
            "created_timestamp": "1548711582440",
            "message_create": {
                "target": {"recipient_id": ids["alice"]},
                "sender_id": ids["bob"],
                "message_data": {"text": text},
            },
        }
        body = {"for_user_id": ids["alice"], "direct_message_events": [event], "users": {}}
        await self.control("raw", payload=body)

    async def get(self, path: str) -> Any:
        async with ClientSession() as session, session.get(f"{self.sim}{path}") as answer:
            return await answer.json()

    async def state(self) -> Any:
        return await self.get("/_sim/state")

    async def accounts(self) -> list[dict[str, Any]]:
        """What `botkit account list` says."""
        status, out, err = await self.cli("account", "list", "--json")
        assert status == 0, err
        listed: list[dict[str, Any]] = json.loads(out)
        return listed

    async def stored(self) -> Sequence[Account]:
        """What is in the store of a bot that was stopped."""
        store = open_store(f"sqlite:///{self.folder / 'botkit.db'}")
        await store.open()
        try:
            return await Vault(store, KeyRing(self.folder, {})).all()
        finally:
            await store.close()


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Whole]:
    port, sim_port = _free_ports(2)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "echo.py").write_text(textwrap.dedent(PLUGIN))
    (tmp_path / "bot.yaml").write_text(
        f"server: {{port: {port}}}\nsimulator: {{port: {sim_port}}}\nlog: {{level: debug}}\nplugins: [echo]\n"
    )
    environ = {name: value for name, value in os.environ.items() if name != "BOTKIT_KEY"}
    whole = Whole(tmp_path, f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sim_port}", environ)
    yield whole
    for process in whole.processes:
        if process.returncode is None:
            process.kill()
            await process.wait()
    for bot in whole.bots:
        await bot._reading


async def test_an_owner_connects_and_the_bot_answers_for_the_account(whole: Whole) -> None:
    bot = await whole.start()
    await whole.sign_in("alice")
    (account,) = await whole.accounts()
    assert (account["username"], account["kinds"], account["problem"]) == ("alice", ["OAuth 2.0"], "")
    assert "dm.write" in account["scopes"]
    await whole.write_to_alice("hello")
    await bot.line("action_settled", outcome="done")
    sent = [
        each
        for each in (await whole.get("/_sim/log"))["entries"]
        if each.get("body") == {"text": "echo hello"}
    ]
    assert [(each["as"], each["user_id"], each["status"]) for each in sent] == [
        ("oauth2", account["account_id"], 201)
    ]
    subscribed = (await whole.state())["subscriptions"]
    assert account["account_id"] in json.dumps(subscribed)


async def test_no_token_is_in_files_logs_ps_readiness_or_what_commands_print(whole: Whole) -> None:
    bot = await whole.start()
    await whole.sign_in("alice")
    async with ClientSession() as session, session.get(f"{whole.url}/readyz") as answer:
        seen = [await answer.text()]
    for form in ((), ("--json",)):
        _, *printed = await whole.cli("account", "list", *form)
        seen += printed
    about = [Path(f"/proc/{bot._process.pid}/{name}") for name in ("cmdline", "environ")]
    seen += [path.read_bytes().decode("utf-8", "replace") for path in about if path.exists()]
    files = b"".join(path.read_bytes() for path in whole.folder.glob("botkit.db*") if path.is_file())
    assert await bot.end() == 0
    files += b"".join(path.read_bytes() for path in whole.folder.glob("botkit.db*") if path.is_file())
    (account,) = await whole.stored()
    assert account.oauth2 is not None
    key = (whole.folder / "botkit.key").read_text().strip()
    assert oct((whole.folder / "botkit.key").stat().st_mode & 0o777) == "0o600"
    for secret in (account.oauth2.access_token, account.oauth2.refresh_token, key):
        assert len(secret) > 15
        assert secret.encode() not in files
        for text in (*seen, json.dumps(bot.lines)):
            assert secret not in text
    assert b"vault:" in files


@pytest.mark.parametrize("known", ["by event", "by 401"])
async def test_an_account_whose_access_ends_is_let_go_and_the_plugins_hear_of_it(
    whole: Whole, known: str
) -> None:
    bot = await whole.start()
    await whole.sign_in("alice")
    (account,) = await whole.accounts()
    if known == "by event":
        await whole.control("revoke", user="alice")
    else:
        await whole.write_to_alice("first")
        await bot.line("action_settled", outcome="done")
        await whole.control("expire", user="alice", refresh=True)
        await whole.write_to_alice("second")
    gone = await bot.line("gone")
    assert gone["user"] == account["account_id"]
    assert (await bot.line("account_stopped"))["account"] == account["account_id"]
    assert await whole.accounts() == []


async def test_an_account_is_removed_beside_the_running_bot(whole: Whole) -> None:
    await whole.start()
    await whole.sign_in("alice")
    status, out, err = await whole.cli("account", "remove", "alice", "--yes")
    assert (status, out, err) == (0, out, "")
    assert await whole.accounts() == []


async def test_the_key_is_replaced_beside_the_running_bot(whole: Whole) -> None:
    bot = await whole.start()
    await whole.sign_in("alice")
    before = (whole.folder / "botkit.key").read_text()
    status, _, err = await whole.cli("token", "rotate-key", "--drop-old")
    assert (status, err) == (0, "")
    after = (whole.folder / "botkit.key").read_text()
    assert after != before
    await whole.write_to_alice("hello")
    await bot.line("action_settled", outcome="done")
    assert await bot.end() == 0
    assert [account.username for account in await whole.stored()] == ["alice"]


async def test_the_apps_token_is_shown_only_when_asked_for(whole: Whole) -> None:
    await whole.start()
    status, out, err = await whole.cli("token", "app")
    assert (status, err, "and takes it" in out) == (0, "", True)
    _, token, _ = await whole.cli("token", "app", "--show")
    assert token.strip()
    assert token.strip() not in out
    assert token.strip() not in (await whole.cli("token", "app", "--json"))[1]
