"""Accounts in the store: sealed, read back, sealed anew; nothing of a token is legible in the files."""

from __future__ import annotations

from pathlib import Path

import pytest

from botkit.errors import UserError
from botkit.network.keys import KeyRing
from botkit.network.vault import Account, OAuth2Tokens, Vault
from botkit.store import open_store
from botkit.store.contract import Store
from botkit.testing import Clock

SECRETS = ("Xaccess-1", "Xsecret-1", "Xaccess-2", "Xrefresh-2")
ACCOUNT = Account(
    id="42",
    username="ada",
    access_token="42-Xaccess-1",
    access_token_secret="Xsecret-1",
    oauth2=OAuth2Tokens("Xaccess-2", "Xrefresh-2", 1_700_000_000.5, ("dm.read", "tweet.read")),
    connected_at=12.5,
)


@pytest.fixture
def vault(store: Store, tmp_path: Path) -> Vault:
    return Vault(store, KeyRing(tmp_path, {}))


async def test_an_account_comes_back_as_it_was(vault: Vault, store: Store, tmp_path: Path) -> None:
    assert await vault.get("42") is None
    await vault.put(ACCOUNT)
    assert await vault.get("42") == ACCOUNT
    other = Vault(store, KeyRing(tmp_path, {}))
    assert await other.get("42") == ACCOUNT
    assert await other.all() == [ACCOUNT]
    assert ACCOUNT.kinds == ("OAuth 1.0a", "OAuth 2.0")


async def test_accounts_are_listed_by_id(vault: Vault) -> None:
    for account_id in ("100", "9", "20"):
        await vault.put(Account(id=account_id))
    assert [account.id for account in await vault.all()] == ["9", "20", "100"]
    assert await vault.ids() == ["9", "20", "100"]


async def test_a_removed_account_is_gone(vault: Vault) -> None:
    await vault.put(ACCOUNT)
    assert await vault.remove("42")
    assert await vault.get("42") is None
    assert not await vault.remove("42")


async def test_forgetting_a_person_leaves_the_account_of_that_person_connected(
    vault: Vault, store: Store
) -> None:
    await vault.put(ACCOUNT)
    await store.forget(":42")
    assert await vault.get_now("42") == ACCOUNT


async def test_another_process_is_believed_after_a_few_seconds(store: Store, tmp_path: Path) -> None:
    ticks = Clock(0.0)
    ring = KeyRing(tmp_path, {})
    here, there = Vault(store, ring, monotonic=ticks), Vault(store, ring)
    assert await here.get("42") is None
    await there.put(ACCOUNT)
    assert await here.get("42") is None
    assert await here.get_now("42") == ACCOUNT
    await there.remove("42")
    assert await here.get("42") == ACCOUNT
    ticks.now += 5.0
    assert await here.get("42") is None


async def test_no_token_is_legible_in_the_database_or_in_a_repr(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "bot.db"
    store = open_store(f"sqlite:///{path}", clock=clock)
    await store.open()
    await Vault(store, KeyRing(tmp_path, {})).put(ACCOUNT)
    files = b"".join(each.read_bytes() for each in tmp_path.glob("bot.db*"))
    await store.close()
    files += b"".join(each.read_bytes() for each in tmp_path.glob("bot.db*"))
    assert b"vault:42:account" in files
    for secret in (*SECRETS, "dm.read"):
        assert secret.encode() not in files
        assert secret not in repr(ACCOUNT) or secret == "dm.read"


async def test_with_another_key_the_error_says_what_to_do(store: Store, tmp_path: Path) -> None:
    await Vault(store, KeyRing(tmp_path, {})).put(ACCOUNT)
    (tmp_path / "botkit.key").unlink()
    stranger = Vault(store, KeyRing(tmp_path, {}))
    with pytest.raises(UserError, match="put it back"):
        await stranger.get("42")
    KeyRing(tmp_path, {}).keys()
    with pytest.raises(UserError, match="account 42 can't be decrypted") as caught:
        await stranger.get("42")
    assert not any(secret in str(caught.value) for secret in SECRETS)
    assert await stranger.ids() == ["42"]


async def test_a_record_of_one_account_is_none_of_another(vault: Vault, store: Store) -> None:
    await vault.put(ACCOUNT)
    await store.keep({"vault:43:account": (await store.state(["vault:42:account"]))["vault:42:account"]})
    with pytest.raises(UserError, match="account 43 can't be decrypted"):
        await vault.get("43")


async def test_after_a_rotation_everything_is_under_the_new_key_alone(store: Store, tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, {})
    vault = Vault(store, ring)
    running = Vault(store, KeyRing(tmp_path, {}))
    await vault.put(ACCOUNT)
    await vault.put(Account(id="7", access_token="7-t"))
    assert await running.get_now("42") == ACCOUNT
    ring.add()
    assert await vault.seal_anew("me") == 2
    assert await running.get_now("42") == ACCOUNT, "a running process reads the key file again"
    ring.drop_old()
    fresh = Vault(store, KeyRing(tmp_path, {}))
    assert await fresh.get("42") == ACCOUNT
    assert (await fresh.all())[0].access_token == "7-t"


async def test_an_account_that_is_being_refreshed_is_not_sealed_anew(vault: Vault, store: Store) -> None:
    await vault.put(ACCOUNT)
    await store.hold("refresh:42", "somebody", 60.0)
    with pytest.raises(UserError, match="is being refreshed"):
        await vault.seal_anew("me")


@pytest.mark.parametrize("account_id", ["", "ada", "4:2", "4/2", "٤٢"])
def test_an_id_is_digits(account_id: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        Account(id=account_id)
