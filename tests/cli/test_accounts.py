"""account and token: listed without a secret, removed, and sealed anew, beside no bot."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from botkit.cli import main
from botkit.network.keys import KeyRing, new_key
from botkit.network.vault import Account, OAuth2Tokens, Vault
from botkit.store import open_store

ADA = Account(
    id="42",
    username="Ada",
    oauth2=OAuth2Tokens("Xaccess", "Xrefresh", 1.0, ("dm.read",)),
    connected_at=1_767_614_400.0,
)
BOB = Account(
    id="7", username="bob", access_token="7-Xtoken", access_token_secret="Xsecret", problem="its token ended"
)


class Shell:
    """Runs command lines in a bot's folder, whose store has two accounts."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        with contextlib.chdir(self.folder):
            status = main(arguments)
        out, err = self._capsys.readouterr()
        for secret in ("Xaccess", "Xrefresh", "Xtoken", "Xsecret"):
            assert secret not in out + err
        return status, out, err

    def accounts(self, **environ: str) -> list[Account]:
        """What a bot would find in the store."""
        return asyncio.run(self._accounts(environ))

    async def _accounts(self, environ: dict[str, str]) -> list[Account]:
        store = open_store(f"sqlite:///{self.folder / 'botkit.db'}")
        await store.open()
        try:
            return await Vault(store, KeyRing(self.folder, environ)).all()
        finally:
            await store.close()

    def put(self, *accounts: Account, **environ: str) -> None:
        """Connect accounts."""
        asyncio.run(self._put(accounts, environ))

    async def _put(self, accounts: tuple[Account, ...], environ: dict[str, str]) -> None:
        store = open_store(f"sqlite:///{self.folder / 'botkit.db'}")
        await store.open()
        for account in accounts:
            await Vault(store, KeyRing(self.folder, environ)).put(account)
        await store.close()


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    (tmp_path / "bot.yaml").write_text("network: simulator\n")
    yield Shell(tmp_path, capsys)
    assert not list(tmp_path.glob(".botkit.key*")), "nothing of a key is left lying about"


def test_without_an_account_there_is_nothing_to_list_and_nothing_is_made(shell: Shell) -> None:
    status, out, _ = shell("account", "list")
    assert (status, "no account is connected" in out) == (0, True)
    assert json.loads(shell("account", "list", "--json")[1]) == []
    assert [path.name for path in shell.folder.iterdir()] == ["bot.yaml"]
    status, _, err = shell("account", "remove", "42")
    assert (status, err) == (2, "botkit: error: no account is connected yet\n")


def test_accounts_are_listed(shell: Shell) -> None:
    shell.put(ADA, BOB)
    _, out, _ = shell("account", "list")
    rows = [line.split() for line in out.splitlines()]
    assert rows[1][:4] == ["7", "@bob", "OAuth", "1.0a"]
    assert out.splitlines()[1].endswith("has to sign in again: its token ended")
    assert rows[2] == ["42", "@Ada", "OAuth", "2.0", "2026-01-05", "12:00:00", "connected"]
    listed: list[dict[str, Any]] = json.loads(shell("account", "list", "--json")[1])
    assert listed[1] == {
        "account_id": "42",
        "username": "Ada",
        "kinds": ["OAuth 2.0"],
        "scopes": ["dm.read"],
        "connected_at": "2026-01-05T12:00:00+00:00",
        "problem": "",
    }


@pytest.mark.parametrize("name", ["42", "ada", "@Ada"])
def test_an_account_is_removed_by_id_or_handle(shell: Shell, name: str) -> None:
    shell.put(ADA, BOB)
    assert shell("account", "remove", name) == (0, "account 42 is removed\n", "")
    assert shell.accounts() == [BOB]
    status, _, err = shell("account", "remove", name)
    assert (status, "is not connected; botkit account list tells who is" in err) == (2, True)


def test_the_key_is_replaced_and_old_ones_are_forgotten_when_told(shell: Shell) -> None:
    shell.put(ADA, BOB)
    (old,) = (shell.folder / "botkit.key").read_text().split()
    status, out, _ = shell("token", "rotate-key")
    assert (status, out.splitlines()[0]) == (0, "2 accounts' tokens are encrypted with the new key")
    new, kept = (shell.folder / "botkit.key").read_text().split()
    assert kept == old
    assert shell.accounts(BOTKIT_KEY=new) == [BOB, ADA], "the old key is needed for nothing"
    answer = json.loads(shell("token", "rotate-key", "--drop-old", "--json")[1])
    assert answer == {"accounts": 2, "old_keys": 0}
    (newest,) = (shell.folder / "botkit.key").read_text().split()
    assert newest not in {old, new}
    assert shell.accounts() == [BOB, ADA]


def test_a_key_of_the_environment_is_replaced_there(shell: Shell, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = new_key(), new_key()
    (shell.folder / ".env").write_text(f"BOTKIT_KEY={old}\n")
    shell.put(ADA)
    status, _, err = shell("token", "rotate-key")
    assert (status, "write a new one before the old one there" in err) == (2, True)
    (shell.folder / ".env").write_text(f"BOTKIT_KEY={new},{old}\n")
    assert shell("token", "rotate-key")[0] == 0
    assert shell.accounts(BOTKIT_KEY=new) == [ADA]
    assert not (shell.folder / "botkit.key").exists()
    with contextlib.chdir(shell.folder):
        assert main(["token", "rotate-key", "--generate"]) == 0
    assert len(capsys.readouterr().out.strip()) == 44


def test_the_apps_token_needs_key_and_secret(shell: Shell) -> None:
    (shell.folder / "bot.yaml").write_text("network: x\n")
    status, _, err = shell("token", "app")
    assert (status, "x.consumer_key" in err) == (2, True)
