"""What the checks look at, and what earlier ones have learnt for later ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from structlog.typing import FilteringBoundLogger

from botkit.config import Config
from botkit.hooks.manager import Hooks
from botkit.network.accounts import Accounts
from botkit.network.client import Client
from botkit.network.credentials import OAuth1
from botkit.network.lifecycle import Product, product_of
from botkit.network.requests import Requests
from botkit.network.transport import Incoming, Transport
from botkit.roles.facing import Facing
from botkit.roles.listening import url_of
from botkit.store.contract import Store
from botkit.x.calls.webhooks import Webhook
from botkit.x.limits import HeaderLimit, from_headers
from botkit.x.wire import Response

__all__ = ["Listener", "Patient", "Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How the doctor works.

    :param now: Unix seconds.
    :param challenge_s: how long the answer to a challenge may take. Enterprise gives 3 seconds, v2 gives 10:
        3 is right for both (Source: X docs, webhooks/introduction; enterprise account activity).
    :param connect_s: how long anything else at the public address may take.
    """

    now: Callable[[], float] = time.time
    challenge_s: float = 3.0
    connect_s: float = 10.0


class Listener:
    """A transport that remembers what X's answers say of its limits.

    :ivar limits: the newest numbers by what was asked.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.limits: dict[str, HeaderLimit] = {}

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Send it, and look at the answer's headers."""
        answer = await self._transport.send(method, url, headers, body)
        for limit in from_headers(answer.headers, now=answer.received_at):
            day = "" if limit.per == "call" else f" (24 hours of the {limit.per})"
            self.limits[f"{method} {urlsplit(url).path}{day}"] = limit
        return answer

    def stream(
        self, method: str, url: str, headers: dict[str, str], *, silence_s: float
    ) -> AbstractAsyncContextManager[Incoming]:
        """Nothing is listened to here."""
        return self._transport.stream(method, url, headers, silence_s=silence_s)

    async def close(self) -> None:
        """Whoever made the transport closes it."""


@dataclass(slots=True)
class Patient:
    """A bot under examination. What a check needs is there when the checks that it needs have passed.

    :ivar stack: closes what was opened.
    :ivar store: open; ``None`` while the running bot holds it, or after it could not be opened.
    :ivar answer: what X said when it was asked without a credential.
    :ivar webhook: ours, as X lists it.
    :ivar account_ids: the accounts that X knows us by, the bot's own first.
    """

    file: Path
    environ: Mapping[str, str]
    settings: Settings
    stack: AsyncExitStack
    listener: Listener
    log: FilteringBoundLogger
    config: Config = field(default_factory=Config)
    hooks: Hooks = field(default_factory=Hooks)
    x: Facing | None = None
    store: Store | None = None
    accounts: Accounts | None = None
    answer: Response | None = None
    webhook: Webhook | None = None
    account_ids: list[str] = field(default_factory=list)

    @property
    def facing(self) -> Facing:
        """X as the bot meets it."""
        if self.x is None:
            raise RuntimeError("the check of the secrets comes first")
        return self.x

    @property
    def requests(self) -> Requests:
        """How X is asked with one credential."""
        return Requests(self.listener, self.facing.api_url)

    @property
    def client(self) -> Client:
        """Asks with whatever credential fits."""
        return Client(
            self.listener,
            self.facing.credentials,
            api_url=self.facing.api_url,
            accounts=self.accounts,
            now=self.settings.now,
        )

    @property
    def own(self) -> OAuth1:
        """What signs as the bot's own account."""
        have = self.facing.credentials
        return OAuth1(have.consumer_key, have.consumer_secret, have.access_token, have.access_token_secret)

    @property
    def product(self) -> Product:
        """How events come."""
        return product_of(self.config.x.delivery, self.config.x.environment or "")

    @property
    def webhook_url(self) -> str:
        """Where X is told to deliver; ``""`` when bot.yaml does not say."""
        server = self.config.server
        if server.webhook_url is None and self.config.network == "simulator":
            return url_of(server.host, server.port) + server.path
        return server.webhook_url or ""
