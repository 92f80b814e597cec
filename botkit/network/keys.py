"""The key that stored tokens are encrypted with: from ``BOTKIT_KEY``, or a file that only its owner can read.

There may be several: the first one encrypts, all of them decrypt. So a key is replaced without a moment in
which something can't be read.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import time

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from botkit.config import parse_dotenv
from botkit.errors import BotkitError, UserError

__all__ = ["FILE", "VARIABLE", "KeyRing", "Keys", "Unreadable", "new_key"]

#: the variable that holds the keys, the newest first, separated by commas
VARIABLE = "BOTKIT_KEY"
#: the file beside bot.yaml, one key a line, the newest first
FILE = "botkit.key"


class Unreadable(BotkitError):
    """Something was not sealed with any of the keys, or not for this purpose, or too long ago."""


def new_key() -> str:
    """A fresh key."""
    return Fernet.generate_key().decode("ascii")


class Keys:
    """Seals and opens.

    :param keys: the newest first.
    :param now: Unix seconds.
    :raises ValueError: one of them is no key; its value is not in the message.
    """

    def __init__(self, keys: Sequence[str], *, now: Callable[[], float] = time) -> None:
        self.count = len(keys)
        #: tells the newest key from others, and nothing of it
        self.fingerprint = hashlib.sha256(b"botkit key " + keys[0].encode()).hexdigest()[:16]
        self._now = now
        self._fernet = MultiFernet([_fernet(key) for key in keys])

    def seal(self, purpose: str, value: bytes) -> bytes:
        """Encrypt and authenticate; what is sealed for one purpose can't be passed off as another."""
        return self._fernet.encrypt_at_time(_bound(purpose) + value, int(self._now()))

    def open(self, purpose: str, sealed: bytes, *, ttl_s: int | None = None) -> bytes:
        """The value.

        :param ttl_s: how old it may be.
        :raises Unreadable: it can't be opened so.
        """
        try:
            if ttl_s is None:
                value = self._fernet.decrypt(sealed)
            else:
                value = self._fernet.decrypt_at_time(sealed, ttl_s, int(self._now()))
        except (InvalidToken, TypeError):
            raise Unreadable("it was not sealed with this key, or too long ago") from None
        if not value.startswith(_bound(purpose)):
            raise Unreadable("it was sealed for something else")
        return value[len(_bound(purpose)) :]


class KeyRing:
    """Where the keys are; reads them when they are first needed, and makes a file when there is none.

    :param folder: bot.yaml's.
    :param environ: the environment; ``.env`` beside bot.yaml stands behind it.
    :param now: Unix seconds.
    """

    def __init__(self, folder: Path, environ: Mapping[str, str], *, now: Callable[[], float] = time) -> None:
        self.file = folder / FILE
        self._environ = environ
        self._dotenv = folder / ".env"
        self._now = now
        self._keys: Keys | None = None

    def keys(self, *, anew: bool = False, create: bool = True) -> Keys:
        """The keys.

        :param anew: read them again: another process may have put a new one first.
        :param create: make the file when there are none at all.
        :raises UserError: others can read the file, what is there is no key, or there is none.
        """
        if self._keys is None or anew:
            self._keys = self._made(self._texts(create=create))
        return self._keys

    def check(self) -> None:
        """Complain at once about keys that could not be used later; where there are none yet, all is well.

        :raises UserError: see `keys`.
        """
        if self.in_environment or self.file.exists():
            self.keys(anew=True, create=False)

    @property
    def in_environment(self) -> bool:
        """The keys come from the environment, not from the file."""
        return bool(self._from_environment())

    def add(self) -> Keys:
        """Put a new key before those in the file.

        :raises UserError: the keys come from the environment, where only its owner can put a new one.
        """
        if self.in_environment:
            raise UserError(
                f"the key comes from {VARIABLE}: write a new one before the old one there, as NEW,OLD, "
                "and run botkit token rotate-key again; --generate prints a new one"
            )
        self._write([new_key(), *self._texts(create=True)])
        return self.keys(anew=True)

    def drop_old(self) -> Keys:
        """Leave only the newest key in the file.

        :raises UserError: the keys come from the environment.
        """
        if self.in_environment:
            raise UserError(f"the keys come from {VARIABLE}: take the old ones out there")
        self._write(self._texts(create=True)[:1])
        return self.keys(anew=True)

    # -- where they are ----------------------------------------------------------------------------------

    def _made(self, texts: Sequence[str]) -> Keys:
        place = VARIABLE if self.in_environment else str(self.file)
        try:
            return Keys(texts, now=self._now)
        except ValueError:
            raise UserError(
                f"{place} holds something that is no key; a key is 44 characters, made by "
                "botkit token rotate-key --generate"
            ) from None

    def _texts(self, *, create: bool) -> list[str]:
        if found := self._from_environment():
            return found
        try:
            return self._read()
        except FileNotFoundError:
            if not create:
                raise UserError(
                    f"{self.file} is gone, and what it encrypted can't be read without it; "
                    f"put it back, or set {VARIABLE}"
                ) from None
        self._create()
        return self._read()

    def _from_environment(self) -> list[str]:
        text = self._environ.get(VARIABLE, "")
        if not text and self._dotenv.is_file():
            values = parse_dotenv(self._dotenv.read_text(encoding="utf-8-sig"), file=str(self._dotenv))
            text = values.get(VARIABLE, "")
        return [key for key in re.split(r"[\s,]+", text) if key]

    def _read(self) -> list[str]:
        try:
            descriptor = os.open(self.file, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        except FileNotFoundError:
            raise
        except OSError as error:
            raise UserError(f"{self.file} can't be read: {error.strerror}") from None
        with os.fdopen(descriptor, encoding="ascii", errors="replace") as file:
            _check_private(self.file, os.fstat(descriptor))
            keys = file.read().split()
        if not keys:
            raise UserError(f"{self.file} is empty; put its key back, or delete it and sign in again")
        return keys

    def _create(self) -> None:
        """Make the file with a first key; of several processes that do so at once, one's is kept."""
        fresh = self._beside([new_key()])
        try:
            os.link(fresh, self.file)
        except FileExistsError:
            pass
        except OSError as error:
            raise UserError(f"{self.file} can't be written: {error.strerror}") from None
        finally:
            fresh.unlink()

    def _write(self, keys: Sequence[str]) -> None:
        self._beside(keys).replace(self.file)

    def _beside(self, keys: Sequence[str]) -> Path:
        path = self.file.with_name(f".{FILE}.{os.getpid()}.{os.urandom(4).hex()}")
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.writelines(f"{key}\n" for key in keys)
                file.flush()
                os.fsync(descriptor)
        except OSError as error:
            raise UserError(
                f"{self.file} can't be written ({error.strerror}); set {VARIABLE} instead"
            ) from None
        return path


def _check_private(path: Path, found: os.stat_result) -> None:
    if os.name != "posix":
        return  # Windows has no such mode; the folder's access list decides there
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{path} can be read by others; run: chmod 600 {path}")
    if found.st_uid not in {os.geteuid(), 0}:
        raise UserError(f"{path} belongs to another user; make it yours, or set {VARIABLE} instead")


def _fernet(key: str) -> Fernet:
    try:
        return Fernet(key)
    except ValueError:
        raise ValueError("not a key") from None


def _bound(purpose: str) -> bytes:
    return purpose.encode() + b"\0"
