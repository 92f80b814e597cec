"""The accounts that the bot acts for: connected, refreshed once for all processes, stopped at the end."""

from __future__ import annotations

import asyncio
import dataclasses
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from time import time

from structlog.typing import FilteringBoundLogger

from botkit.errors import (
    BotkitError,
    InvalidRequest,
    OutcomeUnknown,
    StoreError,
    Unauthorized,
    UserError,
    XError,
    XUnavailable,
)
from botkit.network.credentials import Bearer, Credentials, OAuth1, Shown, app_basic, client_basic
from botkit.network.requests import Requests
from botkit.network.vault import Account, Keeper, OAuth2Tokens, Vault, refreshing
from botkit.x.calls import sign_in, tokens, users
from botkit.x.wire import Response

__all__ = ["Accounts", "Hooks", "NotConnected"]

#: an access token that ends within that many seconds is refreshed before it is used
_SOON_S = 60.0
#: above the longest that two tries of a refresh take
_LEASE_S = 120.0
#: how long to wait for another process's refresh
_WAITS_S = 30.0
_LOOKS_EVERY_S = 0.1
#: how far X's clock and ours may be apart before a refused signature is the clock's fault
_SKEW_S = 120.0
#: a 401 is looked into once a minute
_DOUBT_EVERY_S = 60.0


class NotConnected(Exception):
    """The bot has no tokens of that account."""


@dataclass(slots=True)
class Hooks:
    """What happens beside the tokens when accounts come and go; each is awaited.

    :ivar signed_in: an account signed in and its tokens are stored: what waits for it may go on.
    :ivar connected: after that: make its subscriptions.
    :ivar revoked: its access has ended without an event of X's, and its tokens are deleted: tell the plugins.
    """

    signed_in: Callable[[str], None] | None = None
    connected: Callable[[str], Awaitable[None]] | None = None
    revoked: Callable[[str], Awaitable[None]] | None = None


class Accounts:
    """Accounts with their tokens.

    :param credentials: the app's, and the own account's from bot.yaml.
    :param holder: names this process in leases.
    :param now: Unix seconds.
    :param sleep: waits that many seconds.
    """

    def __init__(
        self,
        keeper: Keeper,
        vault: Vault,
        requests: Requests,
        credentials: Credentials,
        *,
        log: FilteringBoundLogger,
        holder: str = "",
        now: Callable[[], float] = time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.vault = vault
        self.hooks = Hooks()
        self._keeper = keeper
        self._requests = requests
        self._credentials = credentials
        self._log = log
        self._holder = holder or secrets.token_hex(8)
        self._now = now
        self._sleep = sleep
        self._locks: dict[str, asyncio.Lock] = {}
        self._refreshing: dict[tuple[str, str], asyncio.Task[OAuth2Tokens]] = {}
        self._unsaved: dict[str, Account] = {}
        self._doubted_at: dict[str, float] = {}
        self._signs: dict[str, OAuth1] = {}

    # -- coming ------------------------------------------------------------------------------------------

    async def get(self, account_id: str) -> Account | None:
        """One account; ``None`` when the bot has no tokens of it.

        :raises UserError: its tokens can't be decrypted.
        """
        return await self.vault.get(account_id)

    async def connected(self, account: Account) -> Account:
        """Take an account in that has just signed in, then have it subscribed.

        Tokens of the other kind that it had before stay.

        :raises UserError: it was stored, and could not be subscribed: one line says why.
        """
        before = await self.vault.get_now(account.id)
        if before is not None:
            if not account.access_token:
                account = dataclasses.replace(
                    account,
                    access_token=before.access_token,
                    access_token_secret=before.access_token_secret,
                )
            account = dataclasses.replace(account, oauth2=account.oauth2 or before.oauth2)
        account = dataclasses.replace(account, connected_at=self._now(), problem="")
        await self.vault.put(account)
        self._log.info(
            "account_connected", account=account.id, username=account.username, kinds=account.kinds
        )
        if self.hooks.signed_in is not None:
            self.hooks.signed_in(account.id)
        if self.hooks.connected is not None:
            await self.hooks.connected(account.id)
        return account

    async def signed_in_at(self, account_id: str) -> float:
        """When an account signed in last, Unix seconds, read anew: its new tokens are used from here on.

        :returns: 0.0 when it is not connected, or can't be decrypted.
        :raises StoreError: it can't be read.
        """
        try:
            account = await self.vault.get_now(account_id)
        except UserError:
            return 0.0
        return account.connected_at if account is not None else 0.0

    # -- refreshing --------------------------------------------------------------------------------------

    async def fresh(self, account: Account) -> OAuth2Tokens:
        """The account's OAuth 2.0 tokens, refreshed when they are about to end.

        :raises Unauthorized: its owner must sign in again.
        :raises XUnavailable: they could not be refreshed now.
        """
        have = account.oauth2
        if have is None:
            raise Unauthorized(f"account {account.id} did not sign in with OAuth 2.0")
        if account.problem:
            raise Unauthorized(f"account {account.id} has to sign in again: {account.problem}")
        if have.refresh_token and have.expires_at - self._now() < _SOON_S:
            return await self.refreshed(account.id, have.access_token)
        return have

    async def refreshed(self, account_id: str, used: str) -> OAuth2Tokens:
        """Tokens newer than ``used``; of all tasks in all processes that ask, one refreshes.

        A refresh uses the refresh token up, so the new pair is on disk before anybody uses it.

        :param used: the access token that is no good any more.
        :raises Unauthorized: its owner must sign in again; that is noted.
        :raises XUnavailable: not now; nothing has changed.
        """
        key = (account_id, used)
        task = self._refreshing.get(key)
        if task is None:
            task = asyncio.create_task(self._refresh_once(account_id, used), name="botkit-refresh")
            self._refreshing[key] = task
            task.add_done_callback(lambda done: self._ended(key, done))
        # Whoever asked may be cancelled (a handler's time is up): the new pair must not be lost with it.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Let refreshes under way finish."""
        await asyncio.gather(*self._refreshing.values(), return_exceptions=True)

    def _ended(self, key: tuple[str, str], task: asyncio.Task[OAuth2Tokens]) -> None:
        self._refreshing.pop(key, None)
        if not task.cancelled():
            task.exception()  # told to who asked, if anybody still waits

    async def _refresh_once(self, account_id: str, used: str) -> OAuth2Tokens:
        try:
            async with self._locks.setdefault(account_id, asyncio.Lock()):
                return await self._under_lease(account_id, used)
        except StoreError as error:
            raise XUnavailable(
                f"the tokens of account {account_id} can't be refreshed now: {error}"
            ) from error

    async def _under_lease(self, account_id: str, used: str) -> OAuth2Tokens:
        await self._save(account_id)
        name, waited_s = refreshing(account_id), 0.0
        while True:
            have = await self._newer(account_id, used)
            if have is not None:
                return have
            if await self._keeper.hold(name, self._holder, _LEASE_S):
                break
            if waited_s >= _WAITS_S:
                raise XUnavailable(f"account {account_id} is being refreshed by another process")
            await self._sleep(_LOOKS_EVERY_S)
            waited_s += _LOOKS_EVERY_S
        try:
            # somebody may have refreshed between our look and our lease
            have = await self._newer(account_id, used)
            return have if have is not None else await self._refresh(account_id, used)
        finally:
            with suppress(BotkitError):  # it ends by itself
                await self._keeper.let_go(name, self._holder)

    async def _newer(self, account_id: str, used: str) -> OAuth2Tokens | None:
        account = await self.vault.get_now(account_id)
        if account is None or account.oauth2 is None:
            raise Unauthorized(f"account {account_id} is not connected any more")
        if account.oauth2.access_token != used:
            return account.oauth2
        if not account.oauth2.refresh_token:
            raise Unauthorized(f"account {account_id} has to sign in again: {_why(account)}")
        return None

    async def _refresh(self, account_id: str, used: str) -> OAuth2Tokens:
        account = await self.vault.get_now(account_id)
        if account is None or account.oauth2 is None:
            raise Unauthorized(f"account {account_id} is not connected any more")
        old = account.oauth2
        try:
            got = await self._exchange(old.refresh_token)
        except InvalidRequest as error:
            # The pair may have been refreshed by a process whose lease ran out while it was stopped.
            newer = await self._newer(account_id, used)
            if newer is not None:
                return newer
            await self._needs_sign_in(account, f"X takes its refresh token no more ({error})")
            raise Unauthorized(
                f"account {account_id} has to sign in again: its refresh token is dead"
            ) from error
        refreshed = OAuth2Tokens(
            got.access_token,
            got.refresh_token or old.refresh_token,
            self._now() + got.expires_in_s,
            got.scopes or old.scopes,
        )
        self._unsaved[account_id] = dataclasses.replace(account, oauth2=refreshed, problem="")
        await self._save(account_id)
        self._log.info("account_refreshed", account=account_id)
        return refreshed

    async def _exchange(self, refresh_token: str) -> tokens.UserToken:
        call = tokens.refresh_token(refresh_token, client_id=self._credentials.public_client_id)
        shown = client_basic(self._credentials)
        try:
            return await self._requests.do(call, shown)
        except (XUnavailable, OutcomeUnknown):
            # X may have used the token up without telling us its successor; it is worth one more try.
            try:
                return await self._requests.do(call, shown)
            except OutcomeUnknown as error:
                raise XUnavailable(f"the account's tokens can't be refreshed now: {error}") from error

    async def _save(self, account_id: str) -> None:
        """Write a pair that X gave and the store could not take then: it is the only one that is good."""
        account = self._unsaved.get(account_id)
        if account is None:
            return
        try:
            await self.vault.put(account)
        except BotkitError as error:
            raise XUnavailable(f"the tokens of account {account_id} can't be stored now: {error}") from error
        del self._unsaved[account_id]

    async def _needs_sign_in(self, account: Account, problem: str) -> None:
        """Keep the account, and let go of what is dead."""
        dead = None if account.oauth2 is None else dataclasses.replace(account.oauth2, refresh_token="")
        await self.vault.put(dataclasses.replace(account, oauth2=dead, problem=problem))
        self._log.error(
            "account_needs_sign_in", account=account.id, username=account.username, reason=problem
        )

    # -- going -------------------------------------------------------------------------------------------

    async def doubt(self, account: Account, shown: Shown, refusal: Response) -> bool:
        """Look into a 401 that a refresh did not mend, and stop the account when its access has ended.

        A wrong clock or a wrong consumer secret gives 401 too, for every account: tokens are deleted only
        when the app itself is believed and the account alone is not.

        :returns: whether it was stopped.
        """
        now = self._now()
        if now - self._doubted_at.get(account.id, float("-inf")) < _DOUBT_EVERY_S:
            return False
        self._doubted_at[account.id] = now
        if isinstance(shown, OAuth1):
            skew_s = _skew(refusal, now)
            if skew_s is None or abs(skew_s) > _SKEW_S:
                self._log.error("clock_wrong", account=account.id, seconds=skew_s and round(skew_s))
                return False
        try:
            if self._credentials.consumer_key:
                await self._requests.do(tokens.app_token(), app_basic(self._credentials))
        except XError as error:
            self._log.error("app_refused", account=account.id, error=str(error))
            return False
        try:
            await self._requests.do(users.me(), shown)
        except Unauthorized:
            return await self.revoked(account.id, reason="X refuses its tokens")
        except XError as error:
            self._log.warning("account_doubted", account=account.id, error=str(error))
        return False

    async def revoked(self, account_id: str, *, reason: str) -> bool:
        """The account's access has ended: delete its tokens and tell the plugins.

        :returns: False when it was not connected.
        """
        if not await self._forget(account_id, reason):
            return False
        if self.hooks.revoked is not None:
            await self.hooks.revoked(account_id)
        return True

    async def withdrawn(self, account_id: str, at: datetime) -> bool:
        """X's event says that the account's access has ended: delete its tokens. Plugins hear it from the
        event.

        :param at: since when; an event of before the account signed in (again) changes nothing.
        :returns: False when it was not connected, or has signed in since.
        """
        try:
            account = await self.vault.get_now(account_id)
        except UserError:
            account = None  # it can't be decrypted any more, and need not be
        if account is not None and account.connected_at - at.timestamp() > _SKEW_S:
            return False
        return await self._forget(account_id, "its owner withdrew the access")

    async def _forget(self, account_id: str, reason: str) -> bool:
        self._unsaved.pop(account_id, None)
        self._signs.pop(account_id, None)
        there = await self.vault.remove(account_id)
        if there:
            self._log.warning("account_stopped", account=account_id, reason=reason)
        return there

    async def remove(self, account_id: str) -> list[str]:
        """End an account's tokens at X and delete them here; its subscriptions are the lifecycle's to end.

        :returns: what could not be ended at X, one line each; here everything is deleted in any case.
        :raises NotConnected: there is no such account.
        """
        try:
            account = await self.vault.get_now(account_id)
        except UserError:  # another key: they can't be ended at X, only here
            await self.vault.remove(account_id)
            return ["its tokens could not be decrypted; take the app's access back at X"]
        if account is None:
            raise NotConnected(account_id)
        left = await self.end(account)
        await self._forget(account_id, "removed")
        return left

    async def end(self, account: Account) -> list[str]:
        """End tokens at X; what could not be, one line each."""
        have, left = self._credentials, []
        if account.oauth2 is not None:
            for token in filter(None, (account.oauth2.refresh_token, account.oauth2.access_token)):
                call = tokens.revoke_token(token, client_id=have.public_client_id)
                try:
                    await self._requests.do(call, client_basic(have))
                except XError as error:
                    left.append(f"OAuth 2.0: {error}")
                    break
        if account.access_token:
            try:
                await self._requests.do(sign_in.invalidate_token(), self.oauth1(account))
            except XError as error:
                left.append(f"OAuth 1.0a: {error}")
        return left

    # -- showing -----------------------------------------------------------------------------------------

    def oauth1(self, account: Account) -> OAuth1:
        """What signs as that account; the same one, with what it prepared, while its tokens are the same."""
        signs = self._signs.get(account.id)
        token, secret = account.access_token, account.access_token_secret
        if signs is None or signs.token != token or signs.token_secret != secret:
            have = self._credentials
            signs = OAuth1(have.consumer_key, have.consumer_secret, token, secret)
            self._signs[account.id] = signs
        return signs

    async def bearer(self, account: Account) -> Bearer:
        """The account's OAuth 2.0 token, good for now; see `fresh`."""
        return Bearer((await self.fresh(account)).access_token)


def _why(account: Account) -> str:
    return account.problem or "its token ended, and offline.access was not granted"


def _skew(response: Response, now: float) -> float | None:
    """How far ahead our clock is of X's; ``None`` where X did not say."""
    try:
        return now - parsedate_to_datetime(response.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return None
