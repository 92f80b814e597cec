"""Addresses to listen on: what goes wrong in one line, and where others call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botkit.errors import UserError

__all__ = ["listening", "url_of"]


@contextmanager
def listening(key: str, host: str, port: int) -> Iterator[None]:
    """Say in one line that an address can't be listened on.

    :param key: what to change in bot.yaml.
    :raises UserError: in place of ``OSError``.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"can't listen on {host}:{port}: {reason}; choose another {key} in bot.yaml"
        ) from None


def url_of(host: str, port: int) -> str:
    """Where to call what listens there: ``0.0.0.0`` and ``::`` are only for listening."""
    if host in {"0.0.0.0", "::", ""}:  # noqa: S104 - read, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
