"""The client: picks a credential, shows it, and reads the answer of a call of `botkit.x.calls`.

Every call names the kinds of credential that X takes for it, the best first; a test holds them to X's OpenAPI
description and the older documents. What the account, or the app, has of these kinds is tried in that order:

- an OAuth 2.0 token is passed over when it lacks one of the call's scopes;
- a kind that X does not take for the call after all (403 ``unsupported-authentication``) is followed by the
  next one. For activity subscriptions X's documents contradict each other, so any refusal is;
- 401 with an OAuth 2.0 token: refreshed once, and tried once more.

What X refuses has not been done, so nothing happens twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import time
from typing import TypeVar

import msgspec
from structlog.typing import FilteringBoundLogger

from botkit.errors import Forbidden, StoreError, Unauthorized, UserError, XError, XUnavailable
from botkit.network.accounts import Accounts
from botkit.network.credentials import Bearer, Credentials, OAuth1, Shown, app_basic, client_basic
from botkit.network.requests import Requests
from botkit.network.transport import Transport
from botkit.network.vault import Account
from botkit.x.calls import tokens
from botkit.x.failures import error_from
from botkit.x.wire import Auth, Call, Response

__all__ = ["Client", "Credentials"]

T = TypeVar("T")

#: the call about which X's documents contradict each other. Source: X docs, activity/introduction
_DISPUTED = frozenset({"activity.create"})

_WORDS = {
    Auth.OAUTH1_USER: "an account's OAuth 1.0a tokens",
    Auth.OAUTH1_CONSUMER: "the app's consumer key and secret",
    Auth.OAUTH2_USER: "an account's OAuth 2.0 token",
    Auth.APP: "the app's bearer token",
    Auth.APP_BASIC: "the app's consumer key and secret",
    Auth.CLIENT_BASIC: "the OAuth 2.0 client id and secret",
    Auth.NONE: "nothing",
}


class _Actor(msgspec.Struct):
    """Who acts in a call, and with what.

    :ivar account: what the vault has of the account; ``None`` when that is nothing.
    :ivar own: whether the tokens of bot.yaml are the account's.
    :ivar lacks: why a kind was passed over.
    """

    account_id: str
    account: Account | None
    own: bool
    lacks: list[str] = []


class Client:
    """Carries calls out over a transport.

    :param credentials: the app's keys, and the tokens of its own account.
    :param api_url: X's address.
    :param accounts: the connected accounts; without them there is only the app's own.
    :param log: told which kind worked where several were tried.
    :param now: Unix seconds.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        *,
        api_url: str,
        accounts: Accounts | None = None,
        log: FilteringBoundLogger | None = None,
        now: Callable[[], float] = time,
    ) -> None:
        self._requests = Requests(transport, api_url)
        self._credentials = credentials
        self._own_id = credentials.account_id
        self._accounts = accounts
        self._log = log
        self._now = now
        # One for all requests: what it prepares for signing is prepared once.
        self._own = OAuth1(
            credentials.consumer_key,
            credentials.consumer_secret,
            credentials.access_token,
            credentials.access_token_secret,
        )
        self._signs_own = bool(credentials.consumer_key and credentials.access_token)
        self._bearer = credentials.bearer_token
        self._bearer_lock = asyncio.Lock()
        self._worked: dict[tuple[str, tuple[Auth, ...], str], Auth] = {}

    async def do(self, call: Call[T], account_id: str = "") -> T:
        """Send the call as that account and read its answer.

        :param account_id: ``""`` is the app's own account.
        :raises XError: what X answered, or that it did not.
        """
        return call.read(await self.send(call, account_id))

    async def send(self, call: Call[T], account_id: str = "") -> Response:
        """Send the call and return X's answer as it came.

        :raises Unauthorized: no credential that the call accepts is there; the message says which are missing
            and how to get one.
        :raises Forbidden: the account is not connected, or not any more.
        :raises XUnavailable, OutcomeUnknown: there was no answer.
        """
        kinds = self._kinds(call, account_id)
        answered: Response | None = None
        if self._signs_own and self._is_own(account_id) and kinds and kinds[0] is _OAUTH1_USER:
            # What nearly every call is sent with: nothing is to be looked up for it, unless X refuses.
            answered = await self._requests.send(call, self._own)
            if not _try_another(call, answered):
                return answered
        actor = await self._actor(call, account_id)
        refused: list[tuple[Shown, Response]] = []
        for kind in kinds:
            shown = await self._shown(kind, call, actor)
            if shown is None:
                continue
            if answered is not None:
                # The kind that came first, and is first here.
                response, answered = answered, None
            else:
                response = await self._requests.send(call, shown)
            if response.status == 401:
                shown, response = await self._once_more(call, actor, shown, response)
            if not _try_another(call, response):
                self._tell_worked(call, actor, shown, refused)
                return response
            refused.append((shown, response))
        if not refused:
            raise Unauthorized(self._missing(call, actor))
        await self._look_into(actor, refused)
        return refused[-1][1]

    # -- who acts ----------------------------------------------------------------------------------------

    def _is_own(self, account_id: str) -> bool:
        """Whether the tokens of bot.yaml are that account's, as far as that is told without looking it up."""
        return not account_id or account_id == self._own_id

    async def _actor(self, call: Call[T], account_id: str) -> _Actor:
        own_id = self._own_id
        account_id = account_id or own_id
        account: Account | None = None
        if self._accounts is not None and account_id and _by_user(call):
            try:
                account = await self._accounts.get(account_id)
            except UserError as error:
                raise Unauthorized(str(error)) from error
            except StoreError as error:
                if account_id != own_id:
                    raise XUnavailable(f"the tokens of account {account_id} can't be read now") from error
        # A token does not always tell whose it is; then it is that of any account that nothing else is of.
        own = account_id == own_id or (not own_id and account is None)
        if not own and account is None and _USERS.issuperset(call.auth):
            raise Forbidden(
                f"account {account_id} is not connected, or not any more: its owner can sign in at /connect",
                kind="account-not-connected",
            )
        return _Actor(account_id, account, own)

    # -- with what ---------------------------------------------------------------------------------------

    def _kinds(self, call: Call[T], account_id: str) -> tuple[Auth, ...]:
        """The kinds that the call accepts, in the order to try them."""
        kinds = call.auth
        if not self._worked:  # X has never taken a second kind: the rule
            return kinds
        worked = self._worked.get((call.name, kinds, account_id or self._own_id))
        if worked is None:
            return kinds
        return (worked, *(kind for kind in kinds if kind is not worked))

    async def _shown(self, kind: Auth, call: Call[T], actor: _Actor) -> Shown | None:
        have = self._credentials
        match kind:
            case Auth.OAUTH1_USER if have.consumer_key:
                return self._oauth1(actor)
            case Auth.OAUTH2_USER:
                return await self._oauth2(call, actor)
            case Auth.APP if self._bearer or have.consumer_key:
                return Bearer(await self._app_token(), Auth.APP)
            case Auth.APP_BASIC if have.consumer_key:
                return app_basic(have)
            case Auth.CLIENT_BASIC | Auth.NONE if have.client_id:
                return client_basic(have)
            case _:
                return None

    def _oauth1(self, actor: _Actor) -> OAuth1 | None:
        if actor.own and self._own.token:
            return self._own
        if self._accounts is not None and actor.account is not None and actor.account.access_token:
            return self._accounts.oauth1(actor.account)
        return None

    async def _oauth2(self, call: Call[T], actor: _Actor) -> Bearer | None:
        account = actor.account
        if self._accounts is None or account is None or account.oauth2 is None:
            return (
                Bearer(self._credentials.oauth2_token)
                if actor.own and self._credentials.oauth2_token
                else None
            )
        granted = account.oauth2.scopes
        if granted and (lacking := [scope for scope in call.scopes if scope not in granted]):
            actor.lacks.append(f"its OAuth 2.0 token lacks {' and '.join(lacking)}")
            return None
        try:
            return await self._accounts.bearer(account)
        except Unauthorized as error:
            actor.lacks.append(str(error))
            return None

    async def _app_token(self) -> str:
        """The app-only bearer token; asked for once. X gives the same one again until it is invalidated."""
        async with self._bearer_lock:
            if not self._bearer:
                self._bearer = await self._requests.do(tokens.app_token(), app_basic(self._credentials))
            return self._bearer

    # -- refusals ----------------------------------------------------------------------------------------

    async def _once_more(
        self, call: Call[T], actor: _Actor, shown: Shown, response: Response
    ) -> tuple[Shown, Response]:
        """After 401: with a new token, where there is one to be had."""
        if not isinstance(shown, Bearer):
            return shown, response
        anew: Bearer | None = None
        if shown.kind is Auth.APP:
            if self._bearer == shown.token and not self._credentials.bearer_token:
                self._bearer = ""
            anew = Bearer(await self._app_token(), Auth.APP)
        elif self._accounts is not None and actor.account is not None and actor.account.oauth2 is not None:
            try:
                anew = Bearer((await self._accounts.refreshed(actor.account_id, shown.token)).access_token)
            except Unauthorized as error:
                actor.lacks.append(str(error))
        if anew is None or anew.token == shown.token:
            return shown, response
        return anew, await self._requests.send(call, anew)

    async def _look_into(self, actor: _Actor, refused: list[tuple[Shown, Response]]) -> None:
        """An account that X refuses in every way may have ended the bot's access."""
        account = actor.account
        if self._accounts is None or account is None:
            return
        mine = [(shown, response) for shown, response in refused if shown.kind in _USERS]
        if not mine or any(response.status != 401 for _, response in mine):
            return
        shown, response = mine[-1]
        ended = account.oauth2 is not None and account.oauth2.expires_at <= self._now()
        if isinstance(shown, Bearer) and ended:
            return  # its time was over: that is no sign of anything
        if await self._accounts.doubt(account, shown, response):
            raise Forbidden(
                f"account {account.id} has ended the bot's access; its owner can sign in again at /connect",
                status=401,
                kind="account-not-connected",
            )

    def _tell_worked(
        self, call: Call[T], actor: _Actor, shown: Shown, refused: list[tuple[Shown, Response]]
    ) -> None:
        if not refused:
            return
        self._worked[call.name, call.auth, actor.account_id] = shown.kind
        if self._log is not None:
            self._log.info(
                "credential_worked",
                call=call.name,
                account=actor.account_id,
                worked=shown.kind.value,
                refused=[each.kind.value for each, _ in refused],
            )

    def _missing(self, call: Call[T], actor: _Actor) -> str:
        """What the call needs, what is there of it, and how to get the rest."""
        wanted = " or ".join(dict.fromkeys(_WORDS[kind] for kind in call.auth))
        reasons = "".join(f"; {reason}" for reason in actor.lacks)
        return f"{call.name} needs {wanted}{reasons}; {self._remedy(call, actor)}"

    def _remedy(self, call: Call[T], actor: _Actor) -> str:
        kinds, have = set(call.auth), self._credentials
        if not have.consumer_key and kinds != {Auth.OAUTH2_USER} and kinds.isdisjoint(_CLIENT):
            return "set x.consumer_key and x.consumer_secret"
        if not kinds.isdisjoint(_CLIENT):
            return "set x.client_id, and x.client_secret of a confidential client"
        who = f"account {actor.account_id}" if actor.account_id else "the account"
        again = " again" if actor.account is not None else ""
        sign_in = f"let {who} sign in{again} at /connect"
        if actor.own and Auth.OAUTH1_USER in kinds:
            return f"set x.access_token and x.access_token_secret, or {sign_in}"
        return sign_in


_OAUTH1_USER, _OAUTH2_USER = Auth.OAUTH1_USER, Auth.OAUTH2_USER
_USERS = frozenset({Auth.OAUTH1_USER, Auth.OAUTH2_USER})
_CLIENT = frozenset({Auth.CLIENT_BASIC, Auth.NONE})


def _by_user(call: Call[T]) -> bool:
    """Whether the call can be an account's, and not only the app's."""
    return _OAUTH1_USER in call.auth or _OAUTH2_USER in call.auth


def _try_another(call: Call[T], response: Response) -> bool:
    """Whether another kind of credential may be taken where this one was refused."""
    if response.status == 401:
        return True
    if response.status != 403:
        return False
    if call.name in _DISPUTED:
        return True
    error: XError = error_from(response, now=response.received_at)
    return error.kind == "unsupported-authentication"
