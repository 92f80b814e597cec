"""What the bot shows to X and verifies X with; and the simulator, which stands in for X in this process."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from structlog.typing import FilteringBoundLogger

from botkit.config import Config, Secret
from botkit.network.client import Credentials
from botkit.roles.listening import listening, url_of
from botkit.simulator.config import SimulatorConfig
from botkit.simulator.server import Simulator

__all__ = ["Facing", "face_x", "outside"]


@dataclass(frozen=True, slots=True)
class Facing:
    """X, as this bot meets it.

    :param secrets: what X signs with: any of them is believed.
    :param account_id: the bot's own account.
    :param chat_page: where the simulator is; ``""`` when X is X.
    """

    credentials: Credentials = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    api_url: str
    account_id: str
    chat_page: str = ""


async def face_x(config: Config, stack: AsyncExitStack, *, log: FilteringBoundLogger) -> Facing:
    """X with the keys of bot.yaml, or a simulator that runs until ``stack`` closes.

    :raises UserError: the simulator's port is taken.
    """
    if config.network == "x":
        return _configured(config)
    wanted = config.simulator
    simulator = Simulator(
        SimulatorConfig(
            host=wanted.host,
            port=wanted.port,
            bot_username=wanted.username,
            bot_name=wanted.name,
            limits=wanted.limits,
            environments=(config.x.environment or "dev",),
        ),
        log=log.bind(part="simulator"),
    )
    with listening("simulator.port", wanted.host, wanted.port):
        await simulator.start()
    stack.push_async_callback(simulator.stop)
    return _with_keys(simulator.config, simulator.url)


def outside(config: Config) -> Facing:
    """X, as a process beside the bot meets it: with bot.yaml's keys, or the simulator inside the bot."""
    if config.network == "x":
        return _configured(config)
    wanted = config.simulator
    keys = SimulatorConfig(bot_username=wanted.username, bot_name=wanted.name)
    return _with_keys(keys, url_of(wanted.host, wanted.port))


def _configured(config: Config) -> Facing:
    def text(secret: object) -> str:
        return secret.reveal() if isinstance(secret, Secret) else ""

    x = config.x
    secrets = tuple(secret.reveal() for secret in x.consumer_secret)
    credentials = Credentials(
        consumer_key=text(x.consumer_key),
        consumer_secret=secrets[0] if secrets else "",
        access_token=text(x.access_token),
        access_token_secret=text(x.access_token_secret),
        bearer_token=text(x.bearer_token),
        client_id=x.client_id or "",
        client_secret=text(x.client_secret),
    )
    return Facing(credentials, secrets, x.api_url, credentials.account_id)


def _with_keys(keys: SimulatorConfig, url: str) -> Facing:
    """The keys of the simulator's app: the one thing that the bot is told of it besides its address."""
    credentials = Credentials(
        consumer_key=keys.consumer_key,
        consumer_secret=keys.consumer_secret,
        access_token=keys.access_token,
        access_token_secret=keys.access_token_secret,
        client_id=keys.client_id,
        client_secret=keys.client_secret,
    )
    return Facing(credentials, (keys.consumer_secret,), url, keys.bot_id, url)
