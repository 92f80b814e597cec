"""The simulator: X on your own machine, for a bot that talks to it over HTTP as it talks to X."""

from __future__ import annotations

from botkit.simulator.config import BotAccount, Limit, SeedUser, SimulatorConfig
from botkit.simulator.server import Simulator, serve

__all__ = ["BotAccount", "Limit", "SeedUser", "Simulator", "SimulatorConfig", "serve"]
