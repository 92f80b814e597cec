"""``botkit simulator``: X on this machine, without a bot."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from botkit.errors import UserError
from botkit.log import make_logger
from botkit.simulator import Simulator, SimulatorConfig

if TYPE_CHECKING:
    from botkit.log import Logger
    from botkit.simulator.config import LimitScale

__all__ = ["command"]


@click.command("simulator")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8081, show_default=True, help="0: any free one."
)
@click.option(
    "--limits",
    type=click.Choice(["relaxed", "x"]),
    default="relaxed",
    show_default=True,
    help="Rate limits: x has X's own numbers, relaxed 100 times as many requests.",
)
@click.option(
    "--environment",
    "environments",
    metavar="NAME",
    multiple=True,
    default=("dev",),
    show_default=True,
    help="A premium environment that it has; may be given several times.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log at level debug.")
def command(host: str, port: int, limits: LimitScale, environments: tuple[str, ...], verbose: bool) -> None:
    """Run the simulator alone, until Ctrl-C: X's API, webhooks and a chat page on this machine.

    `botkit run` starts one by itself with `network: simulator`. This one stays up while bots come and go: a
    bot reaches it with `network: x`, `api_url:` set to its address, and the keys that are printed here.
    """
    log = make_logger(level="debug" if verbose else "info")
    with asyncio.Runner() as runner:
        config = SimulatorConfig(host=host, port=port, limits=limits, environments=environments)
        runner.run(_serve(config, log))


async def _serve(config: SimulatorConfig, log: Logger) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    simulator = Simulator(config, log=log)
    try:
        await simulator.start()
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"can't listen on {config.host}:{config.port}: {reason}; choose another --port"
        ) from None
    try:
        click.echo(f"# the simulator's chat page and API: {simulator.url}")
        for name, value in _keys(config).items():
            click.echo(f"{name}={value}")
        await stop.wait()
    finally:
        await simulator.stop()


def _keys(config: SimulatorConfig) -> dict[str, str]:
    """The simulator's own keys, fixed and no secret, as lines for a ``.env`` file."""
    return {
        "X_CONSUMER_KEY": config.consumer_key,
        "X_CONSUMER_SECRET": config.consumer_secret,
        "X_ACCESS_TOKEN": config.bot.access_token,
        "X_ACCESS_TOKEN_SECRET": config.bot.access_token_secret,
        "X_CLIENT_ID": config.client_id,
        "X_CLIENT_SECRET": config.client_secret,
    }
