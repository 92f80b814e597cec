"""Everything that can go wrong, in one tree; each branch says who has to act.

BotkitError
├── UserError              the person who runs the bot: one line that says the fix, exit status 2
│   ├── ConfigError        bot.yaml: key path, line, fix
│   ├── PluginError        a plugin that can't be loaded as written: file, line, fix
│   └── StoreInUse         another process holds the store
├── Refused                a stranger's request: answered 4xx, nothing stored
│   ├── BadSignature       unsigned, or not signed with our consumer secret
│   ├── BadToken           a CRC token that must not be signed
│   └── BadPayload         signed, but not a JSON object that X would send
├── StoreError             the store
│   └── StoreUnavailable   can't take writes now (disk full, locked, gone): 503, try again
├── ActionRefused          a handler asked for something that X forbids or can't do; nothing was queued
└── XError                 X answered with an error, or did not answer
    ├── InvalidRequest     400, 404, 409 …: the request can't succeed as it is
    ├── Unauthorized       401: token, signature or clock
    ├── CreditsDepleted    402: the developer account's money is spent
    ├── Forbidden          403: X's rules or this app's permissions
    ├── RateLimited        429: wait until ``reset_at``
    ├── XUnavailable       5xx, or nothing was sent: safe to try again
    └── OutcomeUnknown     the request may have been carried out: look before trying again
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ActionRefused",
    "BadPayload",
    "BadSignature",
    "BadToken",
    "BotkitError",
    "ConfigError",
    "CreditsDepleted",
    "Forbidden",
    "InvalidRequest",
    "OutcomeUnknown",
    "PluginError",
    "RateLimited",
    "Refused",
    "StoreError",
    "StoreInUse",
    "StoreUnavailable",
    "Unauthorized",
    "UserError",
    "XError",
    "XUnavailable",
]


class BotkitError(Exception):
    """The root of the tree; never raised itself."""


class UserError(BotkitError):
    """Something the person who runs the bot can mend: shown as one line, never with a traceback."""


class ConfigError(UserError):
    """bot.yaml can't be used as written.

    :param path: the key's path, such as ``server.port`` or ``plugins[1].rules[0]``; empty for the whole file.
    :param line: the line in the file, from 1; ``None`` when the file itself is missing.
    :param fix: what to write instead, in a few words.
    """

    def __init__(
        self, problem: str, *, file: str = "", path: str = "", line: int | None = None, fix: str = ""
    ) -> None:
        where = ":".join(part for part in (file, str(line) if line is not None else "") if part)
        message = ": ".join(part for part in (where, path, problem) if part)
        super().__init__(f"{message}; {fix}" if fix else message)
        self.problem, self.file, self.path, self.line, self.fix = problem, file, path, line, fix


class PluginError(UserError):
    """A plugin can't be loaded as written. The message names the place and the fix."""


class StoreInUse(UserError):
    """Another process holds the store that this one was asked to open."""


class Refused(BotkitError):
    """A request from outside that is turned away; ``str()`` is the one-line reason the sender may see."""

    status = 400


class BadSignature(Refused):
    """The request is unsigned, or its signature was not made with our consumer secret over these bytes."""

    status = 401


class BadToken(Refused):
    """The CRC token does not have the shape of a token: signing it could forge an event."""


class BadPayload(Refused):
    """The body is not a JSON object as X sends them."""


class StoreError(BotkitError):
    """The store did something it promised not to, or could not do what it was asked."""


class StoreUnavailable(StoreError):
    """The store can't take writes now; what was asked did not happen and may be asked again."""


class ActionRefused(BotkitError):
    """botkit refuses an action before it costs anything: X would refuse it, or its rules forbid it."""


class XError(BotkitError):
    """X answered a request with an error.

    :param status: the HTTP status; 0 when there was no answer.
    :param kind: what X calls it: the tail of a problem's ``type``, a failure name such as
        ``WebhookLimitExceeded``, or ``""``.
    :param codes: v1.1 error codes, in X's order.
    """

    def __init__(self, message: str, *, status: int = 0, kind: str = "", codes: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.status, self.kind, self.codes = status, kind, tuple(codes)


class InvalidRequest(XError):
    """The request can't succeed as it is: wrong, too long, about something that is gone."""


class Unauthorized(XError):
    """X does not accept the credential: a wrong or expired token, a wrong signature, a wrong clock."""


class CreditsDepleted(XError):
    """The developer account has no credits left: X refuses every request until it is paid."""


class Forbidden(XError):
    """X understood and refuses: its rules, the app's permissions, or the other person's settings."""


class RateLimited(XError):
    """A limit of X's is used up.

    :param reset_at: when it opens again, Unix seconds.
    """

    def __init__(
        self, message: str, *, reset_at: float, status: int = 429, kind: str = "", codes: Sequence[int] = ()
    ) -> None:
        super().__init__(message, status=status, kind=kind, codes=codes)
        self.reset_at = reset_at


class XUnavailable(XError):
    """X could not do it now, and did not do it: try again with back-off."""


class OutcomeUnknown(XError):
    """The request left, and no answer came: X may or may not have carried it out."""
