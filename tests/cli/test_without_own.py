"""`botkit check` and `botkit run` agree on bots whose bot.yaml has no access tokens."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any

import pytest

from botkit.cli import main
from botkit.config import load_config
from botkit.control.place import place_of
from botkit.control.server import Control
from botkit.errors import ConfigError
from botkit.network.keys import KeyRing
from botkit.network.vault import Account, OAuth2Tokens, Vault
from botkit.roles.own import complete, grants_in, lacking
from botkit.store import open_store
from botkit.store.sqlite import SqliteStore

TEXT = "network: x\nx: {consumer_key: k, consumer_secret: s}\nplugins: [likes]\n"
LIKES = "from botkit import on_like\n\n@on_like\nasync def liked(event): ...\n"
PAGE = "server: {public_url: 'https://bot.example.com'}\nconnect: {enabled: true, allow: [ada]}\n"
OAUTH2 = Account(id="42", username="ada", oauth2=OAuth2Tokens("Xaccess", scopes=("dm.read",)))
OAUTH1 = Account(id="7", username="bob", access_token="7-x", access_token_secret="y")


class Shell:
    """A bot's folder."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        (folder / "plugins").mkdir()
        (folder / "plugins" / "likes.py").write_text(LIKES)
        self.write(TEXT)

    def write(self, text: str) -> None:
        (self.folder / "bot.yaml").write_text(text)

    def check(self, *more: str) -> tuple[int, str, str]:
        with contextlib.chdir(self.folder):
            status = main(["check", *more])
        out, err = self._capsys.readouterr()
        return status, out, err

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.check("--json")[1])
        return found

    def runs(self) -> str:
        """Why `botkit run` would not; ``""`` when it would."""
        config = load_config(self.folder / "bot.yaml", environ={}, complete=False)
        try:
            done = asyncio.run(complete(config))
        except ConfigError as error:
            return str(error)
        assert not done.missing
        return ""

    def put(self, *accounts: Account) -> None:
        asyncio.run(self._put(accounts))

    async def _put(self, accounts: tuple[Account, ...]) -> None:
        store = open_store(f"sqlite:///{self.folder / 'botkit.db'}")
        await store.open()
        for account in accounts:
            await Vault(store, KeyRing(self.folder, {})).put(account)
        await store.close()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def test_without_accounts_both_refuse_and_say_both_ways_out(shell: Shell) -> None:
    status, _, err = shell.check()
    assert status == 2
    assert [line.split(": ")[3] for line in err.splitlines()] == ["x.access_token", "x.access_token_secret"]
    assert all(line.endswith("; or let an account sign in: botkit connect") for line in err.splitlines())
    assert "or let an account sign in: botkit connect" in shell.runs()
    assert sorted(path.name for path in shell.folder.iterdir()) == ["bot.yaml", "plugins"]


def test_an_account_that_signed_in_is_enough_for_both(shell: Shell) -> None:
    shell.put(OAUTH1)
    status, out, err = shell.check()
    assert (status, err) == (0, "")
    assert out.splitlines()[-1] == "bot.yaml is fine"
    assert shell.runs() == ""


def test_a_page_where_accounts_sign_in_is_enough_for_both(shell: Shell) -> None:
    shell.write(PAGE + TEXT)
    assert shell.check()[0] == 0
    assert shell.runs() == ""


def test_premium_needs_its_own_account(shell: Shell) -> None:
    shell.put(OAUTH1)
    shell.write(PAGE + TEXT.replace("consumer_key: k", "consumer_key: k, delivery: enterprise"))
    _, _, err = shell.check()
    assert [line.split(": ")[3] for line in err.splitlines()] == ["x.access_token", "x.access_token_secret"]
    assert "botkit connect" not in err
    assert "x.access_token" in shell.runs()


def test_what_else_is_missing_is_told_alone(shell: Shell) -> None:
    shell.put(OAUTH1)
    shell.write(TEXT.replace("consumer_key: k, ", ""))
    assert [problem["path"] for problem in shell.said["problems"]] == [
        "x.consumer_key",
        "x.access_token",
        "x.access_token_secret",
    ]


@pytest.mark.parametrize(("accounts", "warned"), [((OAUTH2,), True), ((OAUTH2, OAUTH1), False), ((), False)])
def test_check_tells_hooks_whose_scopes_nobody_granted(
    shell: Shell, accounts: tuple[Account, ...], warned: bool
) -> None:
    shell.put(*accounts)
    shell.write(PAGE + TEXT)
    reason = "the account did not grant like.read; let it sign in again at /connect"
    wanted = [f"on_like is never called with delivery activity: {reason}"] if warned else []
    assert shell.said["warnings"] == wanted


def test_accounts_under_a_lost_key_count_and_say_nothing_of_scopes(shell: Shell) -> None:
    shell.put(OAUTH2)
    (shell.folder / "botkit.key").unlink()
    said = shell.said
    assert (said["ok"], said["warnings"]) == (True, [])


async def test_the_bot_that_runs_and_holds_the_store_is_asked(shell: Shell, log: Any) -> None:
    config = load_config(shell.folder / "bot.yaml", environ={}, complete=False)
    store = open_store(config.store_url)
    await store.open()
    assert isinstance(store, SqliteStore)
    place = place_of(config.store_url)
    assert place is not None
    listed: list[dict[str, Any]] = []

    async def accounts() -> list[dict[str, Any]]:
        return listed

    up = asyncio.Event()
    bot = asyncio.create_task(Control(place, {"account.list": accounts}, log=log.logger).run(up.set))
    try:
        async with asyncio.timeout(5):
            await up.wait()
            assert len(await lacking(config)) == 2
            listed.append({"kinds": ["OAuth 2.0"], "scopes": ["dm.read"]})
            listed.append({"kinds": ["OAuth 1.0a", "OAuth 2.0"], "scopes": ["dm.read"]})
            assert await lacking(config) == ()
            assert await grants_in(config) == (frozenset({"dm.read"}), None)
    finally:
        bot.cancel()
        await asyncio.gather(bot, return_exceptions=True)
        await store.close()
