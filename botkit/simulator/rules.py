"""What the simulated X allows at the moment: from the configuration at first, changed while it runs.

A bot's set-up breaks when X's side of it changes: a package is cut, a permission taken, a clock wrong. These
are the switches for that, see `SimulatorConfig` for what each means.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, get_args

from botkit.simulator.config import Permission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botkit.simulator.config import SimulatorConfig

__all__ = ["Rules"]

_SWITCHES = (
    "require_summons",
    "engagement_allowed",
    "rich_messages",
    "allow_http_webhooks",
    "replay_allowed",
    "backfill_allowed",
    "v1_allowed",
    "activity_api_allowed",
    "check_media",
)
_COUNTS = (
    "webhook_limit",
    "enterprise_webhook_limit",
    "account_activity_limit",
    "premium_limit",
    "activity_limit",
    "stream_limit",
)


@dataclass(slots=True, kw_only=True)
class Rules:
    """The switches; `botkit.simulator.config.SimulatorConfig` describes them.

    :param permission: the app's own setting: the level that tokens get which are issued from now on. Those
        that exist keep theirs (Source: X docs, authentication/oauth-1-0a).
    :param clock_skew_s: how far X's clock is ahead of the simulator's, in seconds, for signatures and for the
        ``date`` of its answers.
    """

    permission: Permission
    require_summons: bool
    engagement_allowed: bool
    rich_messages: bool
    allow_http_webhooks: bool
    replay_allowed: bool
    backfill_allowed: bool
    v1_allowed: bool
    activity_api_allowed: bool
    check_media: bool
    webhook_limit: int
    enterprise_webhook_limit: int
    account_activity_limit: int
    premium_limit: int
    activity_limit: int
    stream_limit: int
    clock_skew_s: float = 0.0

    @classmethod
    def of(cls, config: SimulatorConfig) -> Rules:
        """The rules that a configuration begins with."""
        named = {name: getattr(config, name) for name in (*_SWITCHES, *_COUNTS)}
        return cls(permission=config.permission, **named)

    def change(self, wanted: Mapping[str, object]) -> None:
        """Change some rules and leave the others.

        :raises ValueError: an unknown name or a value of the wrong kind; nothing was changed.
        """
        for name, value in wanted.items():
            problem = _problem(name, value)
            if problem:
                raise ValueError(problem)
        for name, value in wanted.items():
            setattr(self, name, value)

    def state(self) -> dict[str, bool | int | float | str]:
        """All rules by name."""
        return asdict(self)


def _problem(name: str, value: object) -> str:
    """What is wrong with a new value; empty when nothing is."""
    if name in _SWITCHES:
        return "" if isinstance(value, bool) else f"{name} is true or false"
    number = not isinstance(value, bool)
    if name in _COUNTS:
        return "" if number and isinstance(value, int) and value >= 0 else f"{name} is a whole number from 0"
    if name == "clock_skew_s":
        right = number and isinstance(value, int | float) and abs(value) < 1e9
        return "" if right else f"{name} is a number of seconds"
    if name == "permission":
        levels = get_args(Permission)
        return "" if value in levels else f"permission is one of {', '.join(levels)}"
    known = ", ".join(("permission", *_SWITCHES, *_COUNTS, "clock_skew_s"))
    return f"there is no rule {name!r}; known are {known}"
