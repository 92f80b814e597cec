"""What an error of PostgreSQL's means: try again, can't now, or refused.

The texts of errors name the values that they are about, and values are messages: only what speaks of the
server itself is passed on.
"""

from __future__ import annotations

import asyncpg

from botkit.errors import ConfigError, StoreError, StoreUnavailable

__all__ = ["CommitLost", "UnsafeServer", "lost_race", "reason", "translated", "unavailable", "unopened"]

#: classes of SQLSTATE that concern the server or the connection: connection exceptions, insufficient
#: resources, operator intervention (a shutdown, a cancelled statement), system errors, corrupted files
_UNAVAILABLE = frozenset({"08", "53", "57", "58", "XX"})

#: read-only (a standby), lock not available in time, idle in transaction for too long, wrong password,
#: no role, no database
_UNAVAILABLE_STATES = frozenset({"25006", "55P03", "25P03", "28P01", "28000", "3D000"})

#: serialization failure, deadlock, unique violation
_LOST_RACE = frozenset({"40001", "40P01", "23505"})


class UnsafeServer(Exception):
    """The server may lose what it has committed."""

    def __init__(self, problem: str, *, fix: str) -> None:
        super().__init__(problem)
        self.fix = fix


class CommitLost(Exception):
    """The connection broke during a commit; it may have happened or not.

    :param cause: what broke it.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__(reason(cause))


def _state(error: BaseException) -> str:
    return str(getattr(error, "sqlstate", None) or "")


def lost_race(error: BaseException) -> bool:
    """Whether another transaction was faster: rolled back, and worth another try at once."""
    return isinstance(error, asyncpg.PostgresError) and _state(error) in _LOST_RACE


def unavailable(error: BaseException) -> bool:
    """Whether an error concerns the server or the way to it, not what was asked."""
    if isinstance(error, asyncpg.PostgresError):
        state = _state(error)
        return state[:2] in _UNAVAILABLE or state in _UNAVAILABLE_STATES
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)  # a ValueError of asyncpg's: a value that it can't encode
    # An InternalClientError: the server has said on this connection that it ends, and not yet ended it.
    return isinstance(error, OSError | TimeoutError | CommitLost | UnsafeServer | asyncpg.InternalClientError)


def reason(error: BaseException) -> str:
    """Why the server can't be used, in a few words without values. Only for what is `unavailable`."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, asyncpg.InternalClientError):
        return "the connection is about to end"
    return str(error).partition("\n")[0].removesuffix(".")


def translated(error: Exception, place: str) -> Exception:
    """The error that a caller gets; an error that is not PostgreSQL's comes back as it is."""
    if isinstance(error, StoreError):
        return error
    if unavailable(error):
        return StoreUnavailable(f"PostgreSQL at {place} can't be used: {reason(error)}")
    if lost_race(error):
        return StoreUnavailable(f"PostgreSQL at {place}: others were faster, again and again")
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | UnicodeError):
        return StoreError(f"PostgreSQL refused the operation: {type(error).__name__}")
    return error


def unopened(error: Exception, place: str) -> Exception:
    """The error of a store that can't be opened."""
    if isinstance(error, UnsafeServer):
        return ConfigError(f"PostgreSQL at {place}: {error}", path="store", fix=error.fix)
    if unavailable(error):
        return ConfigError(
            f"can't open PostgreSQL at {place}: {reason(error)}",
            path="store",
            fix="check the address, the password, and that the server runs",
        )
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return ConfigError(
            f"can't make the tables in PostgreSQL at {place}: {reason(error)}",
            path="store",
            fix="let the user create in the database, or make the schema for it and name it with ?schema=",
        )
    if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError | ValueError):
        return ConfigError(
            f"can't open PostgreSQL at {place}: {type(error).__name__}",
            path="store",
            fix="check the address and its options",
        )
    return error
