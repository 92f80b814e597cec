"""Where a bot's control socket is."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["bound", "find", "place_of"]

#: the longest path that every Unix takes for a socket: macOS has room for 104 bytes with the last one zero
_LONGEST = 103

_PREFIX = "sqlite:///"


def place_of(store_url: str) -> Path | None:
    """Where a bot with that store has its socket, ``botkit.db.sock`` beside ``botkit.db``.

    ``None`` when there is none: the store is no SQLite file that could be found, or this system has no Unix
    sockets.
    """
    name = store_url.removeprefix(_PREFIX)
    if not store_url.startswith(_PREFIX) or name in {"", ":memory:", "/:memory:"}:
        return None
    if not hasattr(socket, "AF_UNIX"):
        return None
    database = Path(name).resolve()
    return database.with_name(f"{database.name}.sock")


def find(place: Path) -> Path | None:
    """The socket itself: the place, or what the file there names; ``None`` when there is neither."""
    if place.is_socket():
        return place
    with suppress(OSError, ValueError):
        named = Path(place.read_text(encoding="utf-8").strip())
        if named.is_absolute() and named.is_socket():
            return named
    return None


@contextmanager
def bound(place: Path) -> Iterator[socket.socket]:
    """A socket bound for this user alone, gone with the block; whoever calls this holds the store's lock.

    Where the path is too long for a socket, it is made in a private temporary folder, and a file at the place
    says where.

    :raises OSError: it can't be made there.
    """
    place.unlink(missing_ok=True)  # of a process that was killed
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    folder: tempfile.TemporaryDirectory[str] | None = None
    try:
        actual = place
        if len(os.fsencode(place)) > _LONGEST:
            folder = tempfile.TemporaryDirectory(prefix="botkit-")
            actual = Path(folder.name) / "control.sock"
        listening.bind(os.fspath(actual))
        # Nobody can connect before it listens, and from here on nobody else ever can.
        actual.chmod(0o600)
        if actual is not place:
            descriptor = os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(f"{actual}\n")
        yield listening
    finally:
        listening.close()
        with suppress(OSError):
            place.unlink(missing_ok=True)
        if folder is not None:
            folder.cleanup()
