"""What names are made of: ids that are safe in a key, digests of content, and X's spellings of a user."""

from __future__ import annotations

import hashlib
import re

import msgspec
from msgspec import Raw, Struct

from botkit.x.item import Conversation
from botkit.x.values import canonical

__all__ = [
    "BROKEN",
    "Id",
    "Name",
    "Parts",
    "PlainUser",
    "WrappedUser",
    "digest",
    "id_in",
    "joined",
    "named",
    "of_unknown",
    "safe_id",
    "safe_kind",
    "time_key",
    "user_id",
]

Name = tuple[str, Conversation]
#: account, kind, key and the other one; an empty key means: name it by its content
Parts = tuple[str, str, str, str]

#: what can be wrong with bytes that msgspec is to decode
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_SAFE = re.compile(r"[A-Za-z0-9_.+-]{1,256}")

# X writes ids as text, and in some places as numbers. A list or an object in an id's place fails the whole
# item, which is then named by its content.
Id = str | int | float | bool | None


class PlainUser(Struct):
    """A user of v1.1, whose numeric id may be rounded."""

    id_str: Id = None
    id: Id = None

    @property
    def found(self) -> str:
        """The id, or ``""``."""
        return safe_id(self.id_str) or safe_id(self.id)


class WrappedUser(Struct):
    """A user as XAA sends it: sometimes in ``{"data": …}``."""

    data: PlainUser | None = None
    id: Id = None

    @property
    def found(self) -> str:
        """The id, or ``""``."""
        return (self.data.found if self.data else "") or safe_id(self.id)


def safe_id(found: Id) -> str:
    """An id as text, or ``""`` for what can't be one: it becomes part of a key in the store."""
    if isinstance(found, str):
        return (
            found
            if (len(found) < 20 and found.isascii() and found.isdecimal()) or _SAFE.fullmatch(found)
            else ""
        )
    if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 128:
        return str(found)
    return ""


def digest(part: bytes | Raw) -> str:
    """A name made of the content: the same for every order of members and every spacing."""
    try:
        content = canonical(msgspec.json.decode(part))
    except BROKEN:
        content = bytes(part)
    return "sha256-" + hashlib.sha256(content).hexdigest()[:32]


def named(parts: Parts, content: bytes | Raw) -> Name:
    """Id and conversation; the content names what has no key."""
    account, kind, key, other = parts
    return f"{account}:{kind}:{key or digest(content)}", Conversation(account, other)


def joined(*parts: str) -> str:
    """One key of several parts; none when one is missing."""
    return ":".join(parts) if all(parts) else ""


def id_in(raw: Raw | None) -> str:
    """The id that stands in these bytes, or ``""``."""
    try:
        return safe_id(_id_in.decode(raw)) if raw is not None else ""
    except BROKEN:
        return ""


def of_unknown(body: bytes, account: str) -> Name:
    """The name of a body without a known event."""
    return named((account, "unknown", "", ""), body)


def time_key(found: Id) -> str:
    """A written time as part of a key, without the signs that keys keep for themselves."""
    return safe_id(found.replace(":", "")) if isinstance(found, str) else ""


def user_id(user: PlainUser | WrappedUser | None) -> str:
    """The id of a user who may be missing, or ``""``."""
    return user.found if user else ""


def safe_kind(kind: str) -> str:
    """X's name of an event as part of an id."""
    return kind if _SAFE.fullmatch(kind) else "unknown"


_id_in: msgspec.json.Decoder[Id] = msgspec.json.Decoder(Id)
