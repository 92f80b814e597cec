"""What bot.yaml may say: every key with its type, default and meaning.

These classes are the schema: the decoder, its errors and the JSON Schema come from them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeVar

from botkit.config.decode import decode
from botkit.config.kinds import Duration, Network, OneOrMore, Range, Size, Text
from botkit.config.secret import Secret
from botkit.config.tree import Node, Scalar, Source, Table
from botkit.errors import ConfigError
from botkit.x.scopes import MEANINGS

__all__ = [
    "AlarmConfig",
    "BudgetConfig",
    "Config",
    "ConnectConfig",
    "CrcTokenConfig",
    "Delivery",
    "EngineConfig",
    "LogConfig",
    "LoopGuardConfig",
    "PluginEntry",
    "RetryConfig",
    "ServerConfig",
    "SimulatorConfig",
    "XConfig",
]

T = TypeVar("T")

Delivery = Literal["activity", "activity_stream", "account_activity", "premium", "enterprise"]
_Port = Annotated[int, Range(0, 65535)]
_Key = Annotated[Secret, Text(r"\S*", "a secret without spaces or line breaks")]
_Url = Annotated[str, Text(r"https?://[^\s/?#@]+(/[^\s?#]*)?", "a URL such as https://bot.example.com")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """The web server that X calls.

    :param host: the address to listen on.
    :param port: the port to listen on; 0 takes a free one.
    :param path: the path of the webhook.
    :param public_url: the address at which X reaches this server, without the webhook's path. X takes only
        https without a port (Source: X docs, webhooks/introduction); with `network: x` anything else is
        refused, unless x.api_url is on this machine.
    :param max_body: the longest request body that is read; what is longer is refused.
    :param trusted_proxies: addresses and networks of your own reverse proxies; X-Forwarded-* headers are
        believed from them only.
    :param access_log: write one log line for each request.
    :param health_port: where a process without the receiver role answers /healthz and /readyz; without it it
        listens nowhere.
    """

    unset_is_absent: ClassVar[bool] = True

    host: Annotated[str, Text(r"[^\s/]+", "a host name or address")] = "127.0.0.1"
    port: _Port = 8080
    path: Annotated[str, Text(r"/[A-Za-z0-9._~%/-]*", "a path that starts with /")] = "/webhook"
    public_url: _Url | None = None
    max_body: Annotated[Size, Range(1024, 1024**3)] = 1024**2
    trusted_proxies: tuple[Network, ...] = ()
    access_log: bool = True
    health_port: _Port | None = None

    @property
    def webhook_url(self) -> str | None:
        """The address that X is told to call; ``None`` without ``public_url``."""
        return None if self.public_url is None else self.public_url.rstrip("/") + self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorConfig:
    """The stand-in for X that runs with `network: simulator`.

    :param host: the address to listen on.
    :param port: the port of its chat page and API; 0 takes a free one.
    :param username: the bot's handle there, without @.
    :param name: the bot's display name there.
    :param limits: relaxed has X's rate-limit windows with 100 times the requests; x has X's own numbers.
    """

    host: Annotated[str, Text(r"[^\s/]+", "a host name or address")] = "127.0.0.1"
    port: _Port = 8081
    username: Annotated[str, Text(r"[A-Za-z0-9_]{1,15}", "a handle: 1 to 15 letters, digits or _")] = "bot"
    name: Annotated[str, Text(r"[^\n]{1,50}", "a name of 1 to 50 characters")] = "Bot"
    limits: Literal["relaxed", "x"] = "relaxed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CrcTokenConfig:
    """The challenges of X's that are answered: a token outside these lengths is refused, never signed.

    X documents neither the alphabet nor the length of ``crc_token``; live ones have 48 characters.

    :param min_length: the fewest characters.
    :param max_length: the most characters.
    """

    min_length: Annotated[int, Range(1, 1024)] = 16
    max_length: Annotated[int, Range(1, 1024)] = 128

    def __post_init__(self) -> None:
        if self.min_length > self.max_length:
            message = "min_length is greater than max_length"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class XConfig:
    """X itself: the product that delivers, and the app's keys. `network: simulator` needs none of it.

    :param delivery: how events come: the X Activity API by webhook (activity) or stream (activity_stream),
        the Account Activity API v2 (account_activity), or its v1.1 for premium and enterprise.
    :param environment: the environment's name, for premium only.
    :param manage: keep webhook and subscriptions at X as this bot needs them, at the start and on a timer.
    :param check_every: how often they are looked at.
    :param fill_gaps: after a time in which nothing could come, ask X for what was missed.
    :param package: self-serve is everybody who signs up: what X refuses these (follow, like, quote, replies
        to whom did not summon the bot) is refused before it is asked. `network: simulator` does not mind.
    :param long_posts: the accounts may post up to 25,000 characters (X's premium accounts).
    :param keywords: the news that on_news is about, each a keyword; X gives them to enterprise and partner
        apps only (Source: X docs, activity/introduction).
    :param consumer_key: the app's API key.
    :param consumer_secret: the app's API key secret; a list while it is rotated: the first signs, all verify.
    :param access_token: the access token of the bot's own account.
    :param access_token_secret: its secret.
    :param bearer_token: the app's bearer token; asked of X with the API key when it is not given.
    :param client_id: the OAuth 2.0 client id, for other accounts than the bot's own.
    :param client_secret: the OAuth 2.0 client secret.
    :param api_url: where X's API is; another address for tests.
    :param crc_token: the challenges that are answered.
    """

    unset_is_absent: ClassVar[bool] = True

    delivery: Delivery = "activity"
    environment: Annotated[str, Text(r"[A-Za-z0-9_-]+", "a name of letters, digits, - or _")] | None = None
    manage: bool = True
    check_every: Annotated[Duration, Range(10, 86400)] = 900.0
    fill_gaps: bool = True
    package: Literal["self-serve", "enterprise"] = "self-serve"
    long_posts: bool = False
    keywords: tuple[Annotated[str, Text(r"[^\n]{1,150}", "a keyword of 1 to 150 characters")], ...] = ()
    consumer_key: _Key | None = None
    consumer_secret: Annotated[tuple[_Key, ...], OneOrMore()] = ()
    access_token: _Key | None = None
    access_token_secret: _Key | None = None
    bearer_token: _Key | None = None
    client_id: str | None = None
    client_secret: _Key | None = None
    api_url: _Url = "https://api.x.com"
    crc_token: CrcTokenConfig = field(default_factory=CrcTokenConfig)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectConfig:
    """The page /connect, where the owners of other accounts let the bot act for theirs.

    :param enabled: serve the page; without it it is served in the simulator, and not at X.
    :param allow: the accounts that may connect, by handle or id; `"*"` is any. With `network: x` only those
        that are named may; in the simulator any may when none is.
    :param sign_in: how owners sign in: oauth1, oauth2, or auto: oauth2 where x.client_id is set, except for
        premium and enterprise, which need oauth1.
    :param scopes: further OAuth 2.0 scopes that the plugins need, such as like.write; what their hooks need
        is asked for by itself.
    """

    unset_is_absent: ClassVar[bool] = True

    enabled: bool | None = None
    allow: tuple[Annotated[str, Text(r"\*|@?[A-Za-z0-9_]{1,20}", "a handle, an id, or *")], ...] = ()
    sign_in: Literal["auto", "oauth1", "oauth2"] = "auto"
    scopes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        unknown = [scope for scope in self.scopes if scope not in MEANINGS]
        if unknown:
            message = f"{unknown[0]} is no scope of X's; there are {', '.join(MEANINGS)}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryConfig:
    """How long a failed handler or action waits for its next attempt.

    :param first: the wait before the second attempt.
    :param factor: how much longer each further wait is.
    :param max: the longest wait.
    """

    first: Annotated[Duration, Range(0.001, 86400)] = 1.0
    factor: Annotated[float, Range(1, 100)] = 2.0
    max: Annotated[Duration, Range(0.001, 7 * 86400)] = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """How events are handled.

    :param workers: how many conversations are handled beside each other.
    :param attempts: how often a failing handler is tried before it becomes a dead letter.
    :param send_attempts: how often an action is tried that X can't take now (an outage, a lost connection).
    :param on_unknown: what becomes of a message when a crash or a time-out leaves it open whether X took it,
        and X can't tell: hold keeps a dead letter for a person, resend may send it twice, drop gives it up.
    :param look_after: how long X is given to show what it took, before it is asked and what it does not show
        is sent again; a message that X shows later than that would be sent twice.
    :param handler_timeout: how long one handler may take for one event.
    :param grace: how long what is in hand may take to finish at shutdown.
    :param max_backlog: above that many waiting events X is asked to deliver again later (503), until less
        than nine tenths of it wait; 0 is no limit.
    :param retention: how long events and actions are kept that are done; 5 days at least, because X delivers
        an event again for that long (Source: X docs, account-activity/replay).
    :param retry: the waits between attempts.
    """

    workers: Annotated[int, Range(1, 10000)] = 128
    attempts: Annotated[int, Range(1, 1000)] = 5
    send_attempts: Annotated[int, Range(1, 1000)] = 20
    on_unknown: Literal["hold", "resend", "drop"] = "hold"
    look_after: Annotated[Duration, Range(0.01, 3600)] = 3.0
    handler_timeout: Annotated[Duration, Range(0.001, 86400)] = 30.0
    grace: Annotated[Duration, Range(0, 86400)] = 20.0
    max_backlog: Annotated[int, Range(0, None)] = 1_000_000
    retention: Duration = 7 * 86400.0
    retry: RetryConfig = field(default_factory=RetryConfig)

    def __post_init__(self) -> None:
        if self.retention < 5 * 86400.0:
            message = (
                "retention is less than 5d, and X delivers an event again for up to 5 days: "
                "what is no longer known would be handled twice"
            )
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """What is logged, on standard error.

    :param level: the least important level that is written.
    :param format: console for people, json for machines (one object a line); auto is console on a terminal.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetConfig:
    """What the bot may spend at X, where calls cost money.

    :param per_day: US dollars a day; nothing written is no limit.
    """

    unset_is_absent: ClassVar[bool] = True

    per_day: Annotated[float, Range(0, None)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmConfig:
    """What is unusual enough to be told: in the log, and to the hook on_alarm.

    :param silence: how long no event may come: auto is twice the longest silence of the last seven days, off
        is for ever.
    :param dead_letters: so many new dead letters within an hour are too many; 0 is never.
    """

    silence: Literal["auto", "off"] | Annotated[Duration, Range(60, 30 * 86400)] = "auto"
    dead_letters: Annotated[int, Range(0, None)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopGuardConfig:
    """Where two bots that answer each other by default (handlers with fallback=True) come to an end.

    :param replies: how many quick messages of a conversation are answered by default; what comes more slowly
        is always answered. 0 is no guard.
    :param within: in which time.
    :param quick: a message is quick that comes within that time after a default reply.
    """

    replies: Annotated[int, Range(0, 1000)] = 20
    within: Annotated[Duration, Range(1, 30 * 86400)] = 3600.0
    quick: Annotated[Duration, Range(0, 86400)] = 10.0


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """One entry of ``plugins:``: a name, and settings that are decoded when the plugin's own type is known.

    :param name: the file beside bot.yaml, module path or entry point.
    :param settings: what stands behind the name, undecoded; ``None`` when nothing does.
    :param path: the entry's place, such as ``plugins[1]``.
    :param file: bot.yaml, as messages name it.
    """

    name: str
    settings: Node | None = field(default=None, repr=False, compare=False)
    line: int = 0
    path: str = ""
    file: str = ""

    @classmethod
    def from_node(cls, node: Node, path: str) -> PluginEntry:
        """Read one entry of ``plugins:``: ``name``, or ``name: settings``."""
        file = node.source.file
        if isinstance(node, Scalar) and not node.is_null and (name := node.resolve(path).strip()):
            return cls(name, None, node.line, path, file)
        if isinstance(node, Table) and len(node.entries) == 1:
            ((name, settings),) = node.entries.items()
            empty = isinstance(settings, Scalar) and settings.is_null
            return cls(name, None if empty else settings, node.line, path, file)
        if isinstance(node, Table) and node.entries:
            fix = "begin each plugin with `- `, and indent its settings deeper than its name"
            raise node.error("one entry names more than one plugin", path=path, fix=fix)
        raise node.error(
            "expected a plugin's name", path=path, fix="write `- name`, or `- name: {setting: value}`"
        )

    def decode(self, kind: type[T]) -> T:
        """Return the settings as a ``kind``, a dataclass; without settings, one with its defaults.

        :raises ConfigError: unknown, missing or wrong settings, with key path, line and fix.
        :raises PluginError: ``kind`` uses a type that bot.yaml can't express.
        """
        source = Source(self.file)
        node = self.settings or Table(source=source, line=self.line, entries={}, lines={})
        return decode(node, kind, self.path)

    def error(self, problem: str, *, fix: str = "") -> ConfigError:
        """A `ConfigError` about this entry, ready to be raised."""
        return ConfigError(problem, file=self.file, path=self.path, line=self.line, fix=fix)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A bot, as bot.yaml describes it.

    :param network: simulator is X on this machine and needs no key; x is X itself.
    :param server: the web server that X calls.
    :param simulator: the stand-in for X.
    :param x: X's product and the app's keys.
    :param connect: the page where the owners of other accounts sign in.
    :param store: where events are kept: sqlite:///name.db beside bot.yaml, sqlite:////absolute/path.db, or
        postgresql://user:password@host/database.
    :param engine: how events are handled.
    :param log: what is logged.
    :param budget: what the bot may spend.
    :param alarm: what a person should be told of.
    :param loop_guard: when default replies to what may be another bot are held back.
    :param plugins: the plugins in the order in which they see events: a name, or one `name: settings` pair.
    """

    network: Literal["simulator", "x"] = "simulator"
    server: ServerConfig = field(default_factory=ServerConfig)
    simulator: SimulatorConfig = field(default_factory=SimulatorConfig)
    x: XConfig = field(default_factory=XConfig)
    connect: ConnectConfig = field(default_factory=ConnectConfig)
    store: Annotated[str, Text(r"[a-z][a-z0-9+]*://\S*", "an address such as sqlite:///botkit.db")] = field(
        default="sqlite:///botkit.db", repr=False
    )
    engine: EngineConfig = field(default_factory=EngineConfig)
    log: LogConfig = field(default_factory=LogConfig)
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    alarm: AlarmConfig = field(default_factory=AlarmConfig)
    loop_guard: LoopGuardConfig = field(default_factory=LoopGuardConfig)
    plugins: tuple[PluginEntry, ...] = ()
    #: bot.yaml itself; what it names is relative to its folder
    _file: Path = field(default=Path("bot.yaml"), compare=False)
    #: one error for each secret that ``network: x`` needs and that is not there
    _missing: tuple[ConfigError, ...] = field(default=(), repr=False, compare=False)

    @property
    def file(self) -> Path:
        """bot.yaml's own path, as it was given."""
        return self._file

    @property
    def folder(self) -> Path:
        """The folder of bot.yaml: plugins are searched, and relative paths begin, there."""
        return self._file.parent

    @property
    def missing(self) -> tuple[ConfigError, ...]:
        """What ``network: x`` needs and bot.yaml and the environment don't give, one error each."""
        return self._missing

    @property
    def serves_connect(self) -> bool:
        """The page /connect is served."""
        wanted = self.connect.enabled
        return self.network == "simulator" if wanted is None else wanted

    @property
    def store_url(self) -> str:
        """``store`` with a relative SQLite file made absolute from bot.yaml's folder. May hold a password."""
        prefix = "sqlite:///"
        name = self.store.removeprefix(prefix)
        if not self.store.startswith(prefix) or not name or name.startswith(("/", ":memory:")):
            return self.store
        return f"{prefix}{(self.folder / name).absolute()}"

    @property
    def store_name(self) -> str:
        """``store`` for people: without a password."""
        scheme, _, rest = self.store.partition("://")
        login, at, place = rest.rpartition("@")
        user, colon, _ = login.partition(":")
        return f"{scheme}://{user}{':…' if colon else ''}{at}{place.partition('?')[0]}"
