"""The roles of a process, and when they may be split over several."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from botkit.config import Config
from botkit.errors import UserError
from botkit.store.contract import Store

__all__ = ["ALL", "Role", "check_store", "name_of", "refuse"]


class Role(StrEnum):
    """What a process does: take events in, handle them, carry out what handlers want done."""

    RECEIVER = "receiver"
    WORKER = "worker"
    SENDER = "sender"


ALL = frozenset(Role)


def refuse(config: Config, roles: Collection[Role], processes: int) -> None:
    """Refuse what bot.yaml rules out, before anything is opened.

    :param processes: how many receivers are wanted beside each other.
    :raises UserError: SQLite and the simulator serve one process that has all roles.
    """
    asked = _asked(roles, processes)
    if not asked:
        return
    if processes > 1 and Role.RECEIVER not in roles:
        raise UserError(
            f"--processes {processes} starts receivers, and --role leaves them out; add --role receiver"
        )
    if config.store.startswith("sqlite:"):
        raise _one_process(asked, config.store_name)
    if config.network == "simulator":
        raise UserError(
            f"{asked} splits the bot over processes, and network: simulator keeps X inside one; run without "
            f"{asked}, or start `botkit simulator` and write network: x with its keys and x.api_url"
        )


def check_store(store: Store, config: Config, roles: Collection[Role], processes: int) -> None:
    """Refuse a plugin's store that serves one process; one for several has an attribute ``shared = True``.

    :raises UserError: more than one process is asked for.
    """
    asked = _asked(roles, processes)
    known = config.store.startswith(("postgres:", "postgresql:"))
    if asked and not getattr(store, "shared", known):
        raise _one_process(asked, config.store_name)


def name_of(roles: Collection[Role]) -> str:
    """The roles in one word, for the log."""
    return "+".join(role for role in Role if role in roles)


def _asked(roles: Collection[Role], processes: int) -> str:
    """How the user asked for more than one process; ``""`` when one process does everything."""
    if processes > 1:
        return f"--processes {processes}"
    if ALL - set(roles):
        return " ".join(f"--role {role}" for role in Role if role in roles)
    return ""


def _one_process(asked: str, store: str) -> UserError:
    return UserError(
        f"{asked} splits the bot over processes, and the store {store} serves one; "
        f"run without {asked}, or write store: postgresql://user:password@host/database"
    )
