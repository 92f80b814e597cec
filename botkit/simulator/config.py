"""What a simulator is told: its address, its keys, its accounts, and how strict it is.

Every value has a default, so that a bot can be tried without a key of X's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BotAccount", "Limit", "LimitScale", "Permission", "SeedUser", "SimulatorConfig"]

DEFAULT_BOT_ID = "1000000000000000001"

Permission = Literal["read", "read-write", "read-write-directmessages"]
LimitScale = Literal["relaxed", "x"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAccount:
    """A connected account: one that the app holds tokens for.

    An access token starts with the account's id and a dash, as all of X's samples do (Source: X docs,
    authentication/oauth-1-0a). ``oauth2_token`` is a bearer token that acts for this account.
    ``permission`` is the level that the OAuth 1.0a tokens were issued with.
    """

    id: str
    username: str
    name: str
    access_token: str = field(repr=False)
    access_token_secret: str = field(repr=False)
    oauth2_token: str = field(default="", repr=False)
    permission: Permission = "read-write-directmessages"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedUser:
    """A person who is on the simulated X from the start."""

    username: str
    name: str = ""
    id: str = ""
    dms_open: bool = True
    protected: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """``count`` requests in a fixed window of ``period_s`` seconds.

    ``per`` says whose: each ``user``'s, the ``app``'s own (with its app-only token), or of ``all`` users of
    the app together.
    """

    count: int
    period_s: int = 900
    per: Literal["user", "app", "all"] = "user"


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """The simulator's settings. Times in seconds.

    :param port: 0 takes any free port; `Simulator.port` tells which.
    :param consumer_secret: signs webhooks and CRC answers, and is half of every OAuth 1.0a key.
    :param accounts: further connected accounts beside the bot's.
    :param users: who else is there from the start.
    :param allow_http_webhooks: take plain http and a port in the URL of a webhook on this machine. X takes
        only https without a port (Source: X docs, webhooks/introduction).
    :param client_id: the app's OAuth 2.0 client; with ``client_secret`` it is a confidential one (web app or
        bot), without one a public one (Source: X docs, fundamentals/developer-apps).
    :param callback_urls: where a sign-in may return to, exactly; empty takes any https address, and http on
        this machine by its number (Source: X docs, authentication/oauth-1-0a).
    :param environments: the names of the premium environments; case counts.
    :param webhook_limit: pay-per-use has 1 (Source: X docs, account-activity/introduction).
    :param enterprise_webhook_limit: of the v1.1 enterprise API. A premium environment has one webhook.
    :param premium_limit: subscriptions of a premium environment: 15 in the sandbox.
    :param stream_limit: connections of the activity stream at a time (Source: X docs, rate-limits).
    :param stream_keep_alive_s: an empty line follows this much silence in a stream.
    :param subscription_life_s: subscriptions end by themselves at this age; ``None``: never.
    :param v1_allowed: v1.1 account activity is in the package; off: 403 with code 200.
    :param activity_api_allowed: the X Activity API is in the package; off: 403.
    :param replay_allowed: replay is in the package; off: 403.
    :param backfill_allowed: a stream may ask for what it missed; off: 403, as on self-serve.
    :param replay_ages_s: how long ago a replay must begin and end at least: 31 and 10 minutes at X. ``None``:
        these with ``limits`` x, and no wait with relaxed ones.
    :param check_media: a post or message takes only media that was uploaded, fits and is processed.
    :param media_processing_s: how long a video or GIF is processed after its upload.
    :param limits: ``x`` has X's documented rate limits, ``relaxed`` the same windows with 100 times the
        requests; the headers tell the numbers that apply.
    :param enforce_limits: apply the rate limits; the headers come in any case.
    :param limit_overrides: other limits for a named window, taken as they are; see
        `botkit.simulator.limits.LIMITS`.
    :param require_summons: a reply needs a mention or quote by the other author (self-serve, 2026-02-23).
    :param engagement_allowed: follow, like and quote work, as on enterprise; off: 403, as on self-serve
        since 2026-04-20 (Source: X docs, changelog).
    :param rich_messages: the v1.1 message calls work; off: 403 with code 453.
    :param retry_delays_s: pauses before each repeated delivery, counted from the failure. v1.1 enterprise
        documents 3, 27 and 242 seconds; v2 publishes none.
    :param delivery_timeout_s: how long a delivery or a CRC may take: 10 seconds on v2, 3 on v1.1.
    :param max_pending: deliveries under way or waiting for a retry; what comes beyond is lost, and logged so.
    :param crc_interval_s: time between two CRCs of each webhook.
    :param crc_grace_s: how long transient CRC failures are forgiven (28 hours on v2).
    :param log_size: how many requests and deliveries `/_sim/log` remembers.
    :param keep_messages: how many messages and posts stay in memory; the oldest go first.
    :param control: serve the control API and the chat page; only done on a loopback host.
    :param faults: faults that are on from the start, by name (`botkit.simulator.faults.Faults`).
    """

    host: str = "127.0.0.1"
    port: int = 0
    consumer_key: str = "simulator-consumer-key"
    consumer_secret: str = field(default="simulator-consumer-secret", repr=False)
    bearer_token: str = field(default="simulator-bearer-token", repr=False)
    app_id: str = "10000001"
    app_name: str = "botkit"
    bot_id: str = DEFAULT_BOT_ID
    bot_username: str = "my_bot"
    bot_name: str = "My Bot"
    access_token: str = field(default=f"{DEFAULT_BOT_ID}-simulator-access-token", repr=False)
    access_token_secret: str = field(default="simulator-access-token-secret", repr=False)
    oauth2_token: str = field(default="simulator-oauth2-token", repr=False)
    client_id: str = "simulator-client-id"
    client_secret: str = field(default="simulator-client-secret", repr=False)
    callback_urls: tuple[str, ...] = ()
    permission: Permission = "read-write-directmessages"
    accounts: tuple[BotAccount, ...] = ()
    users: tuple[SeedUser, ...] = (
        SeedUser(username="alice", name="Alice"),
        SeedUser(username="bob", name="Bob"),
    )
    allow_http_webhooks: bool = True
    environments: tuple[str, ...] = ("dev",)
    webhook_limit: int = 1
    enterprise_webhook_limit: int = 5
    account_activity_limit: int = 3
    premium_limit: int = 15
    activity_limit: int = 1500
    stream_limit: int = 2
    stream_keep_alive_s: float = 20.0
    subscription_life_s: float | None = None
    create_shape: Literal["array", "object", "nested"] = "nested"
    limits: LimitScale = "x"
    enforce_limits: bool = True
    limit_overrides: Mapping[str, tuple[Limit, ...]] = field(default_factory=lambda: MappingProxyType({}))
    require_summons: bool = True
    engagement_allowed: bool = True
    rich_messages: bool = True
    v1_allowed: bool = True
    activity_api_allowed: bool = True
    replay_allowed: bool = True
    backfill_allowed: bool = True
    replay_ages_s: tuple[float, float] | None = None
    check_media: bool = True
    media_processing_s: float = 2.0
    retry_delays_s: tuple[float, ...] = (3.0, 27.0, 242.0)
    delivery_timeout_s: float = 10.0
    delivery_concurrency: int = 64
    max_pending: int = 10_000
    crc_interval_s: float = 3600.0
    crc_grace_s: float = 28 * 3600.0
    log_size: int = 1000
    keep_messages: int = 100_000
    control: bool = True
    faults: Mapping[str, int | float | str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def replay_ages(self) -> tuple[float, float]:
        """How long ago a replay must begin and end at least, seconds (Source: X docs, account-activity)."""
        if self.replay_ages_s is not None:
            return self.replay_ages_s
        return (31 * 60.0, 10 * 60.0) if self.limits == "x" else (0.0, 0.0)

    @property
    def bot(self) -> BotAccount:
        """The bot's own account."""
        return BotAccount(
            id=self.bot_id,
            username=self.bot_username,
            name=self.bot_name,
            access_token=self.access_token,
            access_token_secret=self.access_token_secret,
            oauth2_token=self.oauth2_token,
            permission=self.permission,
        )

    @property
    def connected(self) -> tuple[BotAccount, ...]:
        """All connected accounts, the bot first."""
        return (self.bot, *self.accounts)
