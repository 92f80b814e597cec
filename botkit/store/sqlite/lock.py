"""An OS lock beside the database: it says who runs the store, and ends with the process that holds it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from botkit.errors import ConfigError, StoreInUse

if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        # Far behind the contents: Windows keeps others from reading the bytes that are locked.
        os.lseek(descriptor, 1024, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        # flock belongs to the open file, not to the process: a second store in this process is kept out too.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["FileLock"]


class FileLock:
    """Held from `take` until `drop`, or until the process ends in whatever way."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, database: Path) -> Self:
        """Take the lock of a database.

        :raises StoreInUse: someone else holds it.
        :raises ConfigError: the lock file can't be made.
        """
        place = database.with_name(f"{database.name}.lock")
        try:
            descriptor = os.open(place, os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise ConfigError(
                f"can't open {place}: {error.strerror or error}",
                path="store",
                fix="choose a file in a folder that exists and can be written",
            ) from None
        try:
            _lock(descriptor)
        except OSError:
            holder = os.pread(descriptor, 20, 0) if hasattr(os, "pread") else b""
            os.close(descriptor)
            raise StoreInUse(_in_use(database, holder)) from None
        # The file stays when the lock is dropped: removing it would let two processes lock two files.
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, str(os.getpid()).encode())
        return cls(descriptor)

    def drop(self) -> None:
        """Give the lock back; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _in_use(database: Path, holder: bytes) -> str:
    pid = holder.decode(errors="replace").strip()
    who = f"another process (pid {pid})" if pid.isdigit() else "another process"
    if pid == str(os.getpid()):
        who = "this process already"
    return (
        f"{database} is in use by {who}; a SQLite store serves one process: "
        "stop the other one, or use a postgresql:// store for several"
    )
