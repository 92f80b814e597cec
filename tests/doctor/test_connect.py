"""`botkit connect`: from nothing to an answered direct message, with one command and one click."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from botkit.cli.connecting import Connecting, Step, Wishes
from botkit.network.keys import KeyRing
from botkit.network.tunnel import Tunnels
from botkit.network.vault import Vault
from botkit.store import open_store
from tests.web.browser import Browser

from .conftest import PLUGIN, Place

SIMULATED = """
network: simulator
server: {{port: 0}}
simulator: {{port: 0}}
store: sqlite:///bot.db
x: {{delivery: {delivery}{more}}}
plugins: [hello]
"""
DELIVERIES = ["activity", "activity_stream", "account_activity", "premium", "enterprise"]


@dataclass
class Person:
    """Who sits at the terminal: reads what it says, and clicks."""

    steps: list[Step] = field(default_factory=list)
    said: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    pin: asyncio.Future[str] | None = None

    @property
    def names(self) -> list[str]:
        return [step.name for step in self.steps if step.ok]

    @property
    def failed(self) -> Step:
        (step,) = [step for step in self.steps if not step.ok]
        return step

    async def address(self) -> str:
        """The address in what was said next."""
        async with asyncio.timeout(20):
            said = await self.said.get()
        found = re.search(r"https?://\S+", said)
        assert found, said
        return found[0]

    async def ask_pin(self) -> str:
        assert self.pin is not None
        return await self.pin

    def at(self, file: Path, *, wishes: Wishes | None = None, tunnels: Tunnels | None = None) -> Connecting:
        wishes = wishes or Wishes(timeout_s=20.0)
        return Connecting(
            file, wishes, self.steps.append, self.said.put_nowait, self.ask_pin, tunnels=tunnels
        )


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with Browser() as browser:
        yield browser


@pytest.fixture
def person() -> Person:
    return Person()


@pytest.fixture
def simulated(tmp_path: Path) -> Callable[[str], Path]:
    """Writes the bot.yaml of a bot in the simulator, and its plugin."""

    def write(delivery: str = "activity", plugin: str = PLUGIN) -> Path:
        (tmp_path / "plugins").mkdir(exist_ok=True)
        (tmp_path / "plugins" / "hello.py").write_text(plugin)
        more = ", environment: dev" if delivery == "premium" else ""
        file = tmp_path / "bot.yaml"
        file.write_text(SIMULATED.format(delivery=delivery, more=more))
        return file

    return write


async def click(browser: Browser, page_url: str, *, decision: str = "allow") -> None:
    """Press the button of the bot's page, and that of the sign-in page behind it."""
    begun = await browser.press(await browser.get(page_url))
    decided = await browser.press(await browser.get(begun.location), decision=decision)
    await browser.get(decided.location)


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_one_command_and_one_click_lead_to_an_answered_message(
    delivery: str, simulated: Callable[..., Path], person: Person, browser: Browser
) -> None:
    file = simulated(delivery)
    connecting = asyncio.create_task(person.at(file).run())
    await click(browser, await person.address())
    assert await connecting, person.steps
    stream = ["stream"] if delivery == "activity_stream" else []
    steps = ["bot.yaml", "bot", "account", "webhook", "subscriptions", *stream, "direct message"]
    assert person.names == steps
    store = open_store(f"sqlite:///{file.parent / 'bot.db'}")
    await store.open()
    assert await Vault(store, KeyRing(file.parent, {})).ids() == []  # the simulator has gone with them
    await store.close()


async def test_nobody_signs_in(simulated: Callable[..., Path], person: Person) -> None:
    assert not await person.at(simulated(), wishes=Wishes(timeout_s=0.05)).run()
    assert person.failed.name == "account"
    assert "nobody signed in within 0.05 s" in person.failed.line
    assert person.failed.fix


async def test_a_bot_that_answers_nothing_is_told_so(
    simulated: Callable[..., Path], person: Person, browser: Browser
) -> None:
    silent = PLUGIN.replace('return "hello"', "return None")
    connecting = asyncio.create_task(person.at(simulated(plugin=silent), wishes=Wishes(timeout_s=1.5)).run())
    await click(browser, await person.address())
    assert not await connecting
    assert person.failed.name == "direct message"
    assert "does a plugin answer this text?" in person.failed.fix


async def test_without_a_plugin_for_messages_there_is_nothing_to_try(
    simulated: Callable[..., Path], person: Person
) -> None:
    follows = "from botkit import *\n@on_follow\nasync def hello(event, bot): pass\n"
    assert not await person.at(simulated(plugin=follows)).run()
    assert person.failed.name == "bot.yaml"


async def test_with_its_own_account_at_x_nobody_has_to_sign_in(place: Place, person: Person) -> None:
    place.write()
    connecting = asyncio.create_task(person.at(place.file).run())
    async with asyncio.timeout(20):
        assert "write a direct message to @my_bot" in await person.said.get()
    await place.control("dm", {"from": "alice", "text": "hello"})
    assert await connecting, person.steps
    assert person.names == [
        "bot.yaml",
        "app",
        "account",
        "bot",
        "webhook",
        "subscriptions",
        "direct message",
    ]
    assert [hook.url for hook in place.sim.webhooks.all()] == [f"{place.public_url}/webhook"]


async def test_an_account_signs_in_on_the_bots_page_at_x(
    place: Place, person: Person, browser: Browser
) -> None:
    place.values["more"] = 'connect: {enabled: true, allow: ["my_bot"]}'
    place.write()
    wishes = Wishes(timeout_s=20.0, sign_in=True)
    connecting = asyncio.create_task(person.at(place.file, wishes=wishes).run())
    page = await person.address()
    assert page == f"{place.public_url}/connect"
    await click(browser, page)
    async with asyncio.timeout(20):
        assert "write a direct message" in await person.said.get()
    await place.control("dm", {"from": "alice", "text": "hello"})
    assert await connecting, person.steps
    store = open_store(f"sqlite:///{place.folder / 'bot.db'}")
    await store.open()
    assert await Vault(store, KeyRing(place.folder, {})).ids() == [place.sim.config.bot_id]
    await store.close()


async def test_an_account_that_may_not_connect_is_named(
    place: Place, person: Person, browser: Browser
) -> None:
    place.values["more"] = 'connect: {enabled: true, allow: ["somebody_else"]}'
    place.write()
    wishes = Wishes(timeout_s=20.0, sign_in=True)
    connecting = asyncio.create_task(person.at(place.file, wishes=wishes).run())
    await click(browser, await person.address())
    assert not await connecting
    assert "@my_bot is not in connect.allow" in person.failed.line


async def test_a_pin_where_x_can_send_nobody_back(place: Place, person: Person, browser: Browser) -> None:
    for name in ("X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"):
        del place.environ[name]
    place.values["delivery"] = "activity_stream"
    place.write()
    person.pin = asyncio.get_running_loop().create_future()
    connecting = asyncio.create_task(person.at(place.file).run())
    page = await browser.get(await person.address())
    bob = place.sim.world.find("bob")
    assert bob is not None
    shown = await browser.press(page, user=bob.id, decision="allow")
    found = re.search(r"<code>(\d+)</code>", shown.text)
    assert found, shown.text
    person.pin.set_result(f" {found[1]} ")
    async with asyncio.timeout(20):
        assert "write a direct message" in await person.said.get()
    await place.control("dm", {"from": "alice", "to": "bob", "text": "hello"})
    assert await connecting, person.steps
    assert "@bob has signed in" in [step.line for step in person.steps]


async def test_a_wrong_pin_is_told(place: Place, person: Person) -> None:
    for name in ("X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"):
        del place.environ[name]
    place.values["delivery"] = "activity_stream"
    place.write()
    person.pin = asyncio.get_running_loop().create_future()
    person.pin.set_result("0000000")
    assert not await person.at(place.file).run()
    assert person.failed.name == "account"
    assert "does not take the PIN" in person.failed.line


async def test_each_step_that_fails_says_why(place: Place, person: Person) -> None:
    place.environ["X_CONSUMER_SECRET"] = "not-the-apps"
    place.write()
    assert not await person.at(place.file).run()
    assert person.failed.name == "app"
    assert "does not take x.consumer_key" in person.failed.line
    assert "developer portal" in person.failed.fix


async def test_a_webhook_that_is_in_the_way_is_named(place: Place, person: Person) -> None:
    await place.control("webhook", {"url": "https://other.example.com/webhook"})
    place.write()
    assert not await person.at(place.file).run()
    assert person.failed.name == "webhook"
    assert "https://other.example.com/webhook" in f"{person.failed.line} {person.failed.fix}"


async def test_a_missing_secret_ends_it_at_once(place: Place, person: Person) -> None:
    del place.environ["X_CONSUMER_KEY"]
    place.write()
    assert not await person.at(place.file).run()
    assert person.failed.name == "bot.yaml"
    assert "X_CONSUMER_KEY" in person.failed.line
