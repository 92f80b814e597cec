"""The tokens of connected accounts, encrypted in the store's state; and their refresh, done once for all.

One state an account, ``vault:<id>:account``: the id is legible there, everything else is sealed for this id
(see `botkit.network.keys`), so that a copy of the database is worth nothing without the key.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import Protocol

import msgspec

from botkit.errors import UserError
from botkit.network.keys import KeyRing, Keys, Unreadable

__all__ = ["Account", "Keeper", "OAuth2Tokens", "Vault", "refreshing"]

_PREFIX = "vault:"
_SUFFIX = ":account"
#: how long a process believes what it read; another may have refreshed or removed an account meanwhile
_BELIEVED_S = 5.0


class Keeper(Protocol):
    """What the vault asks of a store: `botkit.store.contract.Store`, or a part of it."""

    async def now(self) -> float:
        """Unix seconds, the same for all processes."""

    async def state(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Values by key."""

    async def states(self, prefix: str) -> dict[str, bytes]:
        """Values by the beginning of their keys."""

    async def keep(self, state: Mapping[str, bytes | None]) -> None:
        """Write values, all or none."""

    async def hold(self, name: str, holder: str, ttl_s: float) -> bool:
        """Take a named lease."""

    async def let_go(self, name: str, holder: str) -> None:
        """End it."""


@dataclass(frozen=True, slots=True)
class OAuth2Tokens:
    """An account's OAuth 2.0 tokens.

    :param refresh_token: ``""`` when ``offline.access`` was not granted.
    :param expires_at: until when the access token is good, Unix seconds.
    :param scopes: what was granted.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: float = 0.0
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A connected account and its tokens, of one kind or both.

    :param access_token: of OAuth 1.0a, with its secret; ``""`` when it did not sign in so.
    :param connected_at: when it signed in last, Unix seconds.
    :param problem: why its owner has to sign in again; ``""`` when all is well.
    """

    id: str
    username: str = ""
    access_token: str = field(default="", repr=False)
    access_token_secret: str = field(default="", repr=False)
    oauth2: OAuth2Tokens | None = None
    connected_at: float = 0.0
    problem: str = ""

    def __post_init__(self) -> None:
        if not (self.id.isascii() and self.id.isdigit()):
            raise ValueError("an account's id is digits")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Which kinds of tokens there are, for people."""
        return (
            *(("OAuth 1.0a",) if self.access_token else ()),
            *(("OAuth 2.0",) if self.oauth2 is not None else ()),
        )


class Vault:
    """The accounts, as all processes of a bot see them.

    :param monotonic: what `get` measures with how old a reading is.
    """

    def __init__(self, keeper: Keeper, ring: KeyRing, *, monotonic: Callable[[], float] = monotonic) -> None:
        self._keeper = keeper
        self._ring = ring
        self._monotonic = monotonic
        self._read: dict[str, tuple[float, Account | None]] = {}

    async def get(self, account_id: str) -> Account | None:
        """One account, as it was a few seconds ago at most; ``None`` when it is not connected.

        :raises UserError: it can't be decrypted: the key is another one.
        """
        found = self._read.get(account_id)
        if found is not None and self._monotonic() - found[0] < _BELIEVED_S:
            return found[1]
        return await self.get_now(account_id)

    async def get_now(self, account_id: str) -> Account | None:
        """One account as it is.

        :raises UserError: it can't be decrypted.
        """
        key = _key(account_id)
        sealed = (await self._keeper.state([key])).get(key)
        account = None if sealed is None else self._opened(account_id, sealed)
        self._read[account_id] = (self._monotonic(), account)
        return account

    async def all(self) -> list[Account]:
        """Every account, by id.

        :raises UserError: one can't be decrypted.
        """
        stored = await self._keeper.states(_PREFIX)
        accounts = [
            self._opened(key.removeprefix(_PREFIX).removesuffix(_SUFFIX), sealed)
            for key, sealed in stored.items()
            if key.endswith(_SUFFIX)
        ]
        return sorted(accounts, key=lambda account: int(account.id))

    async def ids(self) -> list[str]:
        """The ids of all accounts; no key is needed."""
        stored = await self._keeper.states(_PREFIX)
        found = [key.removeprefix(_PREFIX).removesuffix(_SUFFIX) for key in stored if key.endswith(_SUFFIX)]
        return sorted(found, key=int)

    async def put(self, account: Account) -> None:
        """Store an account; when this returns it is on disk."""
        sealed = self._ring.keys().seal(_key(account.id), _encode(account))
        await self._keeper.keep({_key(account.id): sealed})
        self._read[account.id] = (self._monotonic(), account)

    async def remove(self, account_id: str) -> bool:
        """Delete an account's tokens. False: it was not there."""
        key = _key(account_id)
        there = bool(await self._keeper.state([key]))
        if there:
            await self._keeper.keep({key: None})
        self._read[account_id] = (self._monotonic(), None)
        return there

    async def seal_anew(self, holder: str) -> int:
        """Encrypt everything with the newest key and return how many accounts that were.

        No refresh changes an account meanwhile: see `refreshing`.

        :raises UserError: one can't be decrypted, or is being refreshed for long.
        """
        self._ring.keys(anew=True)
        ids = await self.ids()
        for account_id in ids:
            name = refreshing(account_id)
            if not await self._keeper.hold(name, holder, 30.0):
                raise UserError(f"account {account_id} is being refreshed; run this again in a minute")
            try:
                account = await self.get_now(account_id)
                if account is not None:
                    await self.put(account)
            finally:
                await self._keeper.let_go(name, holder)
        return len(ids)

    def _opened(self, account_id: str, sealed: bytes) -> Account:
        try:
            value = self._open(self._ring.keys(create=False), account_id, sealed)
        except Unreadable:
            try:
                # another process may have put a new key first
                value = self._open(self._ring.keys(anew=True, create=False), account_id, sealed)
            except Unreadable:
                raise UserError(
                    f"the tokens of account {account_id} can't be decrypted: put the key back that they were "
                    f"encrypted with, or run botkit account remove {account_id} and let it sign in again"
                ) from None
        return _decode(value)

    @staticmethod
    def _open(keys: Keys, account_id: str, sealed: bytes) -> bytes:
        return keys.open(_key(account_id), sealed)


def refreshing(account_id: str) -> str:
    """The name of the lease under which an account's tokens are changed."""
    return f"refresh:{account_id}"


def _key(account_id: str) -> str:
    return f"{_PREFIX}{account_id}{_SUFFIX}"


def _encode(account: Account) -> bytes:
    return msgspec.msgpack.encode(dataclasses.asdict(account))


def _decode(value: bytes) -> Account:
    return msgspec.msgpack.decode(value, type=Account)
