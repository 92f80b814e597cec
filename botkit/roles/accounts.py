"""The connected accounts: their tokens, the page where they come, and what happens when they go."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from structlog.typing import FilteringBoundLogger

from botkit.config import Config
from botkit.control.server import Operation
from botkit.errors import UserError
from botkit.network.accounts import Accounts
from botkit.network.credentials import Credentials
from botkit.network.flows import Flows, How
from botkit.network.keys import VARIABLE, KeyRing
from botkit.network.requests import Requests
from botkit.network.transport import Transport
from botkit.network.vault import Account, Vault
from botkit.store.contract import NewItem, Store
from botkit.web.webhook import INBOX
from botkit.x.revocation import revocation
from botkit.x.scopes import scopes_for

if TYPE_CHECKING:
    from botkit.hooks.manager import Hooks
    from botkit.roles.facing import Facing
    from botkit.web.connect import Connect

__all__ = ["SignIn", "account_operations", "how_of", "make_connect", "open_accounts", "scopes_of"]


@dataclass(frozen=True, slots=True)
class SignIn:
    """What signing accounts in takes.

    :ivar accounts: takes them in, refreshes and stops them; ``hooks.connected`` makes their subscriptions.
    """

    accounts: Accounts
    flows: Flows
    ring: KeyRing


def open_accounts(
    config: Config,
    credentials: Credentials,
    *,
    api_url: str,
    store: Store,
    transport: Transport,
    log: FilteringBoundLogger,
    now: Callable[[], float],
) -> SignIn:
    """The accounts in a store.

    :raises UserError: the key that their tokens are encrypted with can be read by others, or is none.
    """
    ring = KeyRing(config.folder, os.environ, now=now)
    ring.check()
    requests = Requests(transport, api_url)
    accounts = Accounts(store, Vault(store, ring), requests, credentials, log=log, now=now)

    async def revoked(account_id: str) -> None:
        item = revocation(account_id, at=datetime.fromtimestamp(now(), UTC))
        await store.put([NewItem(INBOX, item.conversation.key, item.id, item.payload)])

    accounts.hooks.revoked = revoked
    return SignIn(accounts, Flows(requests, credentials, now=now), ring)


def make_connect(
    config: Config,
    x: Facing,
    sign_in: SignIn,
    *,
    store: Store,
    hooks: Hooks,
    url: Callable[[], str],
    log: FilteringBoundLogger,
    now: Callable[[], float],
) -> Connect | None:
    """The page where accounts sign in; ``None`` when it is not to be served.

    :param url: where the web server is on this machine; bot.yaml's public address wins.
    """
    if not config.serves_connect:
        return None
    from botkit.web.connect import Connect, ConnectSettings  # noqa: PLC0415 - most bots serve no such page

    public_url = config.server.public_url

    def base() -> str:
        return url() if public_url is None else public_url.rstrip("/")

    settings = ConnectSettings(
        url=base,
        how=how_of(config, has_oauth2=sign_in.flows.has_oauth2),
        scopes=scopes_of(config, hooks),
        allow=_allowed(config),
        targets=_targets(x.api_url),
    )
    return Connect(
        sign_in.flows, sign_in.accounts, sign_in.ring, store, settings, log=log.bind(part="connect"), now=now
    )


def scopes_of(config: Config, hooks: Hooks) -> tuple[str, ...]:
    """The OAuth 2.0 scopes that a bot needs of an account."""
    return scopes_for(
        hooks.needed_events(),
        account_activity_delivers=config.x.delivery == "account_activity",
        extra=config.connect.scopes,
    )


def how_of(config: Config, *, has_oauth2: bool) -> How:
    """How accounts sign in. v1.1 takes nothing but OAuth 1.0a."""
    wanted = config.connect.sign_in
    if wanted != "auto":
        return wanted
    return "oauth2" if has_oauth2 and config.x.delivery not in {"premium", "enterprise"} else "oauth1"


def account_operations(sign_in: SignIn, *, at_x: bool = True) -> Mapping[str, Operation]:
    """What a person can ask of the accounts, by name; all answers are plain data.

    :param at_x: X can be asked to end tokens.
    """

    async def listed() -> list[dict[str, Any]]:
        return [_shown(account) for account in await sign_in.accounts.vault.all()]

    async def remove(account: str) -> dict[str, Any]:
        accounts = sign_in.accounts
        account_id = await _find(accounts, account)
        left = await accounts.remove(account_id) if at_x else await _remove_here(accounts, account_id)
        return {"account_id": account_id, "left": left}

    async def seal_anew(newest: str) -> int:
        if sign_in.ring.keys(anew=True).fingerprint != newest:
            raise UserError(f"the running bot has another {VARIABLE}; start it again with the new one first")
        return await sign_in.accounts.vault.seal_anew(f"rotation-{secrets.token_hex(8)}")

    return {"account.list": listed, "account.remove": remove, "account.seal_anew": seal_anew}


async def _find(accounts: Accounts, account: str) -> str:
    """The id of an account that is named by id or handle.

    :raises UserError: it is not connected.
    """
    ids = await accounts.vault.ids()
    wanted = account.removeprefix("@")
    if wanted in ids:
        return wanted
    found = [each.id for each in await accounts.vault.all() if each.username.lower() == wanted.lower()]
    if not found:
        raise UserError(f"{account} is not connected; botkit account list tells who is")
    return found[0]


async def _remove_here(accounts: Accounts, account_id: str) -> list[str]:
    await accounts.vault.remove(account_id)
    return []


def _shown(account: Account) -> dict[str, Any]:
    oauth2 = account.oauth2
    return {
        "account_id": account.id,
        "username": account.username,
        "kinds": list(account.kinds),
        "scopes": list(oauth2.scopes) if oauth2 else [],
        "connected_at": datetime.fromtimestamp(account.connected_at, UTC).isoformat(timespec="seconds"),
        "problem": account.problem,
    }


def _allowed(config: Config) -> frozenset[str] | None:
    allow = frozenset(name.removeprefix("@").lower() for name in config.connect.allow)
    if "*" in allow or (config.network == "simulator" and not allow):
        return None
    return allow


def _targets(api_url: str) -> tuple[str, ...]:
    """The origins of X's sign-in pages."""
    split = urlsplit(api_url)
    origin = f"{split.scheme}://{split.netloc}"
    return (origin, "https://x.com") if split.hostname == "api.x.com" else (origin,)
