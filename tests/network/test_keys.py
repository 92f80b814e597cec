"""The key of stored tokens: private, made once, replaced while everything stays readable."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from botkit.errors import UserError
from botkit.network.keys import KeyRing, Keys, Unreadable, new_key
from botkit.testing import Clock


def ring(folder: Path, **environ: str) -> KeyRing:
    return KeyRing(folder, environ)


def test_the_file_is_made_on_first_use_for_its_owner_alone(tmp_path: Path) -> None:
    keys = ring(tmp_path)
    keys.check()
    assert list(tmp_path.iterdir()) == []
    sealed = keys.keys().seal("a", b"token")
    assert stat.S_IMODE((tmp_path / "botkit.key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["botkit.key"]
    assert ring(tmp_path).keys().open("a", sealed) == b"token"


def test_made_by_two_at_once_both_have_the_same(tmp_path: Path) -> None:
    one, other = ring(tmp_path), ring(tmp_path)
    one._create()
    other._create()
    assert one.keys().open("a", other.keys().seal("a", b"x")) == b"x"
    assert [path.name for path in tmp_path.iterdir()] == ["botkit.key"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such mode")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_refused_when_others_can_read_it(tmp_path: Path, mode: int) -> None:
    ring(tmp_path).keys()
    (tmp_path / "botkit.key").chmod(mode)
    for use in (ring(tmp_path).keys, ring(tmp_path).check):
        with pytest.raises(UserError, match=r"can be read by others; run: chmod 600"):
            use()


def test_the_environment_wins_over_the_file_and_dotenv(tmp_path: Path) -> None:
    key, other = new_key(), new_key()
    (tmp_path / ".env").write_text(f"BOTKIT_KEY={other}\n")
    sealed = Keys([key]).seal("a", b"x")
    assert ring(tmp_path, BOTKIT_KEY=key).keys().open("a", sealed) == b"x"
    with pytest.raises(Unreadable):
        ring(tmp_path).keys().open("a", sealed)
    assert ring(tmp_path).keys().open("a", Keys([other]).seal("a", b"x")) == b"x"
    assert not (tmp_path / "botkit.key").exists()


@pytest.mark.parametrize("text", ["hunter2-is-no-key", "x" * 44, new_key()[:-4]])
def test_what_is_no_key_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match="BOTKIT_KEY holds something that is no key") as caught:
        ring(tmp_path, BOTKIT_KEY=text).check()
    assert text not in str(caught.value)
    (tmp_path / "botkit.key").write_text(f"{text}\n")
    (tmp_path / "botkit.key").chmod(0o600)
    with pytest.raises(UserError, match=r"botkit\.key holds something that is no key") as caught:
        ring(tmp_path).keys()
    assert text not in str(caught.value)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "botkit.key").touch(mode=0o600)
    with pytest.raises(UserError, match="is empty"):
        ring(tmp_path).keys()


def test_a_missing_key_is_not_made_anew_for_what_an_old_one_encrypted(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is gone"):
        ring(tmp_path).keys(create=False)
    assert list(tmp_path.iterdir()) == []


def test_where_it_cannot_be_written_the_fix_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="set BOTKIT_KEY instead"):
        ring(tmp_path / "nowhere").keys()


def test_a_new_key_seals_and_old_ones_still_open(tmp_path: Path) -> None:
    keys = ring(tmp_path)
    before = keys.keys().seal("a", b"old")
    after = keys.add().seal("a", b"new")
    fresh = ring(tmp_path).keys()
    assert (fresh.open("a", before), fresh.open("a", after)) == (b"old", b"new")
    assert stat.S_IMODE((tmp_path / "botkit.key").stat().st_mode) == 0o600
    only = keys.drop_old()
    assert only.open("a", after) == b"new"
    with pytest.raises(Unreadable):
        only.open("a", before)


def test_keys_of_the_environment_are_replaced_there(tmp_path: Path) -> None:
    old, new = new_key(), new_key()
    sealed = Keys([old]).seal("a", b"x")
    both = ring(tmp_path, BOTKIT_KEY=f"{new}, {old}")
    assert both.keys().open("a", sealed) == b"x"
    assert Keys([new]).open("a", both.keys().seal("a", b"y")) == b"y"
    for change in (both.add, both.drop_old):
        with pytest.raises(UserError, match="BOTKIT_KEY"):
            change()


def test_what_is_sealed_for_one_purpose_opens_for_no_other() -> None:
    keys = Keys([new_key()])
    sealed = keys.seal("vault:1:account", b"x")
    for purpose in ("vault:2:account", "vault:1", "vault:1:account\0", ""):
        with pytest.raises(Unreadable):
            keys.open(purpose, sealed)


@pytest.mark.parametrize("sealed", [b"", b"nonsense", b"gAAAAA==", "é".encode()])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(Unreadable):
        Keys([new_key()]).open("a", sealed)


def test_a_change_of_one_byte_is_noticed() -> None:
    keys = Keys([new_key()])
    sealed = bytearray(keys.seal("a", b"x" * 40))
    sealed[40] ^= 1
    with pytest.raises(Unreadable):
        keys.open("a", bytes(sealed))


def test_it_opens_for_as_long_as_it_may(clock: Clock) -> None:
    keys = Keys([new_key()], now=clock)
    sealed = keys.seal("a", b"x")
    clock.now += 600
    assert keys.open("a", sealed, ttl_s=600) == b"x"
    clock.now += 1
    with pytest.raises(Unreadable):
        keys.open("a", sealed, ttl_s=600)
    assert keys.open("a", sealed) == b"x"
