"""Bots whose bot.yaml has no tokens: accounts that signed in are enough, and none is no lasting alarm."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from botkit.actions import Queued, SendDirectMessage
from botkit.engine.outbox import outbox_item
from botkit.network.keys import KeyRing
from botkit.network.vault import Account, OAuth2Tokens, Vault
from botkit.simulator import Simulator
from botkit.store import open_store
from botkit.store.contract import NewItem
from tests.web.browser import Browser

from .conftest import Place

#: long enough for a look on the timer
LOOK = 1000.0
PAGE = "connect: {enabled: true, allow: ['*']}"
INFO = """
from botkit import hookimpl

@hookimpl
async def on_startup(app):
    (HERE / "accounts").write_text(" ".join(app.account_ids))
"""


def without_own(text: str) -> str:
    return re.sub(r",\s*access_token: '[^']*', access_token_secret: '[^']*'", "", text)


async def put(place: Place, *accounts: Account, items: tuple[NewItem, ...] = ()) -> None:
    """Connect accounts while no bot runs, and let things wait for it."""
    store = open_store(f"sqlite:///{place.folder / 'bot.db'}", clock=place.time)
    await store.open()
    try:
        for account in accounts:
            await Vault(store, KeyRing(place.folder, {})).put(account)
        await store.put(items)
    finally:
        await store.close()


def bots_own(sim: Simulator) -> Account:
    """The bot's own account, as one that has signed in."""
    keys = sim.config
    token, secret = keys.access_token, keys.access_token_secret
    return Account(id=keys.bot_id, username="my_bot", access_token=token, access_token_secret=secret)


def granting(place: Place, name: str, *scopes: str) -> Account:
    """An account that granted these scopes."""
    user = place.sim.world.find(name)
    assert user is not None
    tokens = OAuth2Tokens(f"token-of-{name}", expires_at=4e9, scopes=scopes)
    return Account(id=user.id, username=name, oauth2=tokens)


async def sign_in(place: Place, name: str) -> None:
    """What an owner does in a browser: one click at the bot's, one at X."""
    user = place.sim.world.find(name)
    assert user is not None
    async with Browser() as browser:
        page = await browser.get(f"http://127.0.0.1:{place.port}/connect")
        at_x = await browser.get((await browser.press(page)).location)
        back = await browser.press(at_x, user=user.id, decision="allow")
        done = await browser.get(back.location)
    assert (done.status, f"@{name} is connected" in done.text) == (200, True), done.text


def plugin(place: Place, more: str) -> Path:
    path = place.folder / "plugins" / "noting.py"
    path.write_text(path.read_text() + more)
    return path


@pytest.mark.parametrize("delivery", ["activity", "account_activity"])
async def test_accounts_that_signed_in_are_enough_and_no_alarm(place: Place, delivery: str) -> None:
    await put(place, bots_own(place.sim))
    async with place.bot(without_own(place.config(delivery))):
        place.says("alice", "hello")
        await place.until(lambda: place.answers == ["echo hello"])
        await place.time.passes(LOOK)
    assert place.alarms == []
    assert place.log.lines("no_account") == []
    assert place.log.lines("not_connected") == []


async def test_a_bot_without_any_account_is_told_where_to_sign_in_and_has_no_alarm(place: Place) -> None:
    async with place.bot(without_own(place.config("activity", PAGE))):
        await place.time.passes(LOOK)
        (line,) = place.log.lines("no_account")
        assert line["level"] == "warning"
        assert line["fix"] == f"sign one in at http://127.0.0.1:{place.port}/connect"
        assert len(place.sim.webhooks.all()) == 1
        await sign_in(place, "bob")
        bob = place.sim.world.find("bob")
        assert bob is not None
        (made,) = place.sim.subscriptions.activity.values()
        assert made.filter["user_id"] == bob.id
        await place.time.passes(LOOK)
    assert len(place.log.lines("no_account")) == 1
    assert place.alarms == []
    assert place.log.lines("not_connected") == []


async def test_without_the_page_the_command_is_named(place: Place) -> None:
    async with place.bot(without_own(place.config("activity", x="manage: false,"))):
        pass
    (line,) = place.log.lines("no_account")
    assert line["fix"].startswith("sign one in: botkit connect")


async def test_a_dead_token_of_its_own_is_an_alarm_as_before(place: Place) -> None:
    await put(place, bots_own(place.sim))
    dead = re.sub(r"access_token: '[^']*'", "access_token: '42-dead'", place.config("activity"))
    async with place.bot(dead):
        await place.time.passes(LOOK)
    assert place.alarms == ["account on"]


@pytest.mark.parametrize("own", [True, False])
async def test_plugins_are_told_all_accounts_at_the_start(place: Place, own: bool) -> None:
    plugin(place, INFO)
    bob = granting(place, "bob", "dm.read")
    await put(place, bob, bots_own(place.sim))
    text = place.config("activity")
    async with place.bot(text if own else without_own(text)):
        pass
    told = (place.folder / "plugins" / "accounts").read_text().split()
    assert sorted(told) == sorted([place.sim.config.bot_id, bob.id])
    if own:
        assert told[0] == place.sim.config.bot_id


LIKES = "\nfrom botkit import on_like\n@on_like\nasync def liked(event): ...\n"


@pytest.mark.parametrize(
    ("granted", "told"),
    [
        ((("dm.read",), ("dm.read", "tweet.read")), "no account granted like.read; let one sign in again"),
        ((("dm.read",),), "the account did not grant like.read; let it sign in again at /connect"),
        ((("dm.read",), ("like.read", "dm.read")), ""),
        ((("dm.read",), None), ""),
        (((),), ""),
        ((), ""),
    ],
)
async def test_a_hook_whose_scope_nobody_granted_is_told_at_the_start(
    place: Place, granted: tuple[Any, ...], told: str
) -> None:
    plugin(place, LIKES)
    accounts = [
        bots_own(place.sim) if scopes is None else granting(place, name, *scopes)
        for name, scopes in zip(("alice", "bob"), granted, strict=False)
    ]
    await put(place, *accounts)
    async with place.bot(without_own(place.config("activity"))):
        pass
    reasons = {line["hook"]: line["reason"] for line in place.log.lines("hook_never_called")}
    assert set(reasons) == ({"on_like"} if told else set())
    assert reasons.get("on_like", "").startswith(told)


async def test_own_tokens_may_bring_everything(place: Place) -> None:
    """OAuth 1.0a has no scopes; what it may is not known before X is asked."""
    plugin(place, LIKES)
    await put(place, granting(place, "alice", "dm.read"))
    async with place.bot(place.config("activity")):
        pass
    assert place.log.lines("hook_never_called") == []


async def test_account_activity_brings_nothing_without_the_scopes_of_its_subscription(place: Place) -> None:
    await put(place, granting(place, "alice", "tweet.read", "users.read"))
    async with place.bot(without_own(place.config("account_activity"))):
        pass
    (line,) = place.log.lines("hook_never_called")
    assert (line["hook"], "did not grant dm.read" in line["reason"]) == ("on_direct_message", True)


async def test_what_waited_for_an_account_leaves_at_once_when_it_signs_in(place: Place) -> None:
    bob, alice = place.sim.world.find("bob"), place.sim.world.find("alice")
    assert bob is not None
    assert alice is not None
    ended = Account(id=bob.id, username="bob", oauth2=OAuth2Tokens("ended", expires_at=1.0))
    message = Queued(bob.id, "noting:note", SendDirectMessage(to=alice.id, text="waited"))
    await put(place, ended, items=(outbox_item(message, "waiting"),))

    def sent() -> list[str]:
        return [each.text for each in place.sim.world.messages.values() if each.sender_id == bob.id]

    async with place.bot(without_own(place.config("activity", PAGE))):
        await place.until(lambda: place.log.lines("sending_paused"))
        began = place.time.now
        assert sent() == []
        await sign_in(place, "bob")
        await place.until(lambda: sent() == ["waited"])
        assert place.time.now == began
