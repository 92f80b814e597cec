"""Plugins written to a folder with a bot.yaml, and events to hand them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from botkit.config import load_config
from botkit.events import Block, DirectMessage, Follow, Mention, Revoked, User
from botkit.hooks.manager import Hooks, load_plugins

AT = datetime(2026, 8, 22, 12, 0, tzinfo=UTC)
SHOP = User(id="9", username="shop", name="The Shop")
BOB = User(id="42", username="Bob", name="Bob")


def write_plugins(folder: Path, plugins: dict[str, str], listed: str = "") -> Path:
    """Write plugins and the bot.yaml that lists them; return bot.yaml's path."""
    for name, source in plugins.items():
        path = folder / (name if name.endswith(".py") else f"plugins/{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source).lstrip("\n"), encoding="utf-8")
    listed = listed or "".join(f"  - {name}\n" for name in plugins)
    bot = folder / "bot.yaml"
    bot.write_text(f"network: simulator\nplugins:\n{textwrap.dedent(listed)}", encoding="utf-8")
    return bot


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Hooks]:
    """Load plugins from sources: ``load(faq="…")``; ``listed`` is the list in bot.yaml."""

    def load(listed: str = "", *, folder: Path | None = None, log: Any = None, **plugins: str) -> Hooks:
        bot = write_plugins(folder or tmp_path, plugins, listed)
        return load_plugins(load_config(bot, environ={}), log=log)

    return load


class Make:
    """Makes events about the account "shop" (9) and Bob (42)."""

    shop = SHOP
    bob = BOB

    def dm(self, text: str = "", *, sender: User = BOB, **more: Any) -> DirectMessage:
        """A direct message to the shop."""
        return DirectMessage(
            id="dm-1", account_id="9", at=AT, message_id="1", sender=sender, recipient=SHOP, text=text, **more
        )

    def mention(self, text: str = "", **more: Any) -> Mention:
        """A post of Bob's that mentions the shop."""
        return Mention(id="post-1", account_id="9", at=AT, post_id="1", author=BOB, text=text, **more)

    def follow(self, *, by_us: bool = False) -> Follow:
        """A follow, by Bob or by the shop."""
        source, target = (SHOP, BOB) if by_us else (BOB, SHOP)
        return Follow(id="follow-1", account_id="9", at=AT, source=source, target=target, by_us=by_us)

    def block(self) -> Block:
        """The shop blocks Bob."""
        return Block(id="block-1", account_id="9", at=AT, source=SHOP, target=BOB, by_us=True)

    def revoked(self) -> Revoked:
        """Bob withdraws his consent."""
        return Revoked(id="revoke-1", account_id="42", at=AT, user_id="42")


@pytest.fixture(scope="session")
def make() -> Make:
    """Make an event: ``make.dm("hello")``."""
    return Make()


@pytest.fixture
def bot() -> object:
    """Stands for a bot where nothing is done with it but handing it on."""
    return object()
