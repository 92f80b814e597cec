"""bot.yaml → a typed, frozen `Config`; every error is one line with the key's path, the line and the fix."""

from __future__ import annotations

from botkit.config.decode import decode
from botkit.config.dotenv import parse_dotenv
from botkit.config.kinds import Duration, Network, OneOrMore, Parsed, Range, Size, Text
from botkit.config.load import MissingSecrets, load_config, parse_config
from botkit.config.model import (
    BudgetConfig,
    Config,
    ConnectConfig,
    CrcTokenConfig,
    Delivery,
    EngineConfig,
    LogConfig,
    PluginEntry,
    RetryConfig,
    ServerConfig,
    SimulatorConfig,
    XConfig,
)
from botkit.config.schema import json_schema
from botkit.config.secret import Secret
from botkit.config.tree import Node, Source, read_tree
from botkit.config.units import format_duration, parse_duration

__all__ = [
    "BudgetConfig",
    "Config",
    "ConnectConfig",
    "CrcTokenConfig",
    "Delivery",
    "Duration",
    "EngineConfig",
    "LogConfig",
    "MissingSecrets",
    "Network",
    "Node",
    "OneOrMore",
    "Parsed",
    "PluginEntry",
    "Range",
    "RetryConfig",
    "Secret",
    "ServerConfig",
    "SimulatorConfig",
    "Size",
    "Source",
    "Text",
    "XConfig",
    "decode",
    "format_duration",
    "json_schema",
    "load_config",
    "parse_config",
    "parse_dotenv",
    "parse_duration",
    "read_tree",
]
