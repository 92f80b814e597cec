"""Signing in step by step against the simulator: by PIN and by callback, and what X's refusals mean."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from botkit.errors import UserError, XUnavailable
from botkit.network.credentials import Credentials, OAuth1
from botkit.network.flows import PIN, Flows, SignInRefused
from botkit.network.requests import Requests
from botkit.network.transport import AiohttpTransport
from botkit.simulator import Simulator, SimulatorConfig
from botkit.testing import Clock
from botkit.x.calls import users
from botkit.x.scopes import ALWAYS
from tests.web.browser import Browser, Page

CALLBACK = "http://127.0.0.1:1/connect/callback"


@dataclass
class Bench:
    """A simulator, its app's keys, and a browser."""

    sim: Simulator
    keys: Credentials
    requests: Requests
    browser: Browser
    clock: Clock

    def flows(self, **changed: str) -> Flows:
        return Flows(self.requests, replace(self.keys, **changed), now=self.clock)

    async def allow(self, url: str, *, user: str = "alice", decision: str = "allow") -> Page:
        """Open X's page and decide."""
        found = self.sim.world.find(user)
        assert found is not None
        return await self.browser.press(await self.browser.get(url), user=found.id, decision=decision)


@pytest.fixture
def config() -> SimulatorConfig:
    """The simulator's; a test names its own by parameter."""
    return SimulatorConfig()


@pytest.fixture
async def bench(config: SimulatorConfig, clock: Clock, log: Any) -> AsyncIterator[Bench]:
    sim, transport = Simulator(config, log=log.logger), AiohttpTransport()
    await sim.start()
    keys = Credentials(
        config.consumer_key,
        config.consumer_secret,
        client_id=config.client_id,
        client_secret=config.client_secret,
    )
    async with Browser() as browser:
        yield Bench(sim, keys, Requests(transport, sim.url), browser, clock)
    await transport.close()
    await sim.stop()


# -- OAuth 1.0a ----------------------------------------------------------------------------------------------


async def test_by_pin(bench: Bench) -> None:
    begun = await bench.flows().begin_oauth1()
    assert begun.redirect_uri == PIN
    page = await bench.allow(begun.url)
    (pin,) = re.findall(r"<code>(\d{7})</code>", page.text)
    account = await bench.flows().finish_oauth1(begun, token=begun.token, verifier=f" {pin} ")
    assert account.username == "alice"
    shown = OAuth1(
        bench.keys.consumer_key, bench.keys.consumer_secret, account.access_token, account.access_token_secret
    )
    assert (await bench.requests.do(users.me(), shown)).id == account.id
    with pytest.raises(SignInRefused, match="X does not take the PIN"):
        await bench.flows().finish_oauth1(begun, token=begun.token, verifier=pin)


async def test_a_wrong_pin_is_refused(bench: Bench) -> None:
    begun = await bench.flows().begin_oauth1()
    await bench.allow(begun.url)
    for wrong in ("0000000x", "", "  "):
        with pytest.raises(SignInRefused):
            await bench.flows().finish_oauth1(begun, token=begun.token, verifier=wrong)


async def test_by_callback(bench: Bench) -> None:
    begun = await bench.flows().begin_oauth1(CALLBACK)
    back = parse_qs(urlsplit((await bench.allow(begun.url)).location).query)
    (token,), (verifier,) = back["oauth_token"], back["oauth_verifier"]
    with pytest.raises(SignInRefused, match="another sign-in"):
        await bench.flows().finish_oauth1(begun, token=f"{token}x", verifier=verifier)
    account = await bench.flows().finish_oauth1(begun, token=token, verifier=verifier)
    assert account.kinds == ("OAuth 1.0a",)
    assert account.access_token.startswith(f"{account.id}-")


@pytest.mark.parametrize("config", [SimulatorConfig(callback_urls=("https://bot.example.com/other",))])
async def test_a_callback_that_is_not_registered_is_explained(bench: Bench) -> None:
    with pytest.raises(UserError, match=rf"X does not know the callback address {CALLBACK}; add exactly"):
        await bench.flows().begin_oauth1(CALLBACK)


async def test_wrong_consumer_keys_are_explained(bench: Bench) -> None:
    with pytest.raises(UserError, match=r"x\.consumer_key and x\.consumer_secret"):
        await bench.flows(consumer_secret="wrong").begin_oauth1()
    with pytest.raises(UserError, match=r"without x\.consumer_key"):
        await bench.flows(consumer_key="").begin_oauth1()


# -- OAuth 2.0 -----------------------------------------------------------------------------------------------


async def test_pkce_hides_the_verifier_until_the_exchange(bench: Bench) -> None:
    begun = bench.flows().begin_oauth2(CALLBACK, ALWAYS, state="s/ü")
    query = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    digest = hashlib.sha256(begun.secret.encode()).digest()
    assert query == {
        "response_type": "code",
        "client_id": bench.keys.client_id,
        "redirect_uri": CALLBACK,
        "scope": "tweet.read users.read offline.access",
        "state": "s/ü",
        "code_challenge": base64.urlsafe_b64encode(digest).decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    assert "%20" in begun.url
    assert begun.secret not in begun.url
    assert begun.secret not in repr(begun)
    assert bench.flows().begin_oauth2(CALLBACK, ALWAYS, state="s").secret != begun.secret


@pytest.mark.parametrize(
    "config", [SimulatorConfig(), SimulatorConfig(client_secret="")], ids=["confidential", "public"]
)
async def test_by_code(bench: Bench) -> None:
    begun = bench.flows().begin_oauth2(CALLBACK, ALWAYS, state="state")
    back = parse_qs(urlsplit((await bench.allow(begun.url)).location).query)
    assert back["state"] == ["state"]
    account = await bench.flows().finish_oauth2(begun, code=back["code"][0])
    assert account.username == "alice"
    assert account.oauth2 is not None
    assert set(account.oauth2.scopes) == set(ALWAYS)
    assert account.oauth2.expires_at == bench.clock.now + 7200
    assert account.oauth2.refresh_token
    with pytest.raises(SignInRefused, match="X does not take the code"):
        await bench.flows().finish_oauth2(begun, code=back["code"][0])


async def test_a_code_without_its_verifier_is_worth_nothing(bench: Bench) -> None:
    begun = bench.flows().begin_oauth2(CALLBACK, ALWAYS, state="state")
    other = bench.flows().begin_oauth2(CALLBACK, ALWAYS, state="state")
    back = parse_qs(urlsplit((await bench.allow(begun.url)).location).query)
    with pytest.raises(SignInRefused):
        await bench.flows().finish_oauth2(other, code=back["code"][0])
    with pytest.raises(SignInRefused, match="no code"):
        await bench.flows().finish_oauth2(begun, code="")


@pytest.mark.parametrize("changed", [{"client_secret": "wrong"}, {"client_secret": ""}])
async def test_a_wrong_client_is_explained(bench: Bench, changed: dict[str, str]) -> None:
    begun = bench.flows().begin_oauth2(CALLBACK, ALWAYS, state="state")
    back = parse_qs(urlsplit((await bench.allow(begun.url)).location).query)
    with pytest.raises(UserError, match=r"x\.client_id and x\.client_secret"):
        await bench.flows(**changed).finish_oauth2(begun, code=back["code"][0])
    with pytest.raises(UserError, match=r"without x\.client_id"):
        bench.flows(client_id="").begin_oauth2(CALLBACK, ALWAYS, state="state")


async def test_where_x_can_not_be_asked_nothing_is_refused(bench: Bench) -> None:
    begun = bench.flows().begin_oauth2(CALLBACK, ALWAYS, state="state")
    await bench.sim.stop()
    with pytest.raises(XUnavailable):
        await bench.flows().begin_oauth1()
    with pytest.raises(XUnavailable):
        await bench.flows().finish_oauth2(begun, code="code")


def test_at_x_itself_the_page_is_where_the_docs_put_it() -> None:
    keys = Credentials("key", "secret", client_id="client")
    flows = Flows(Requests(AiohttpTransport(), "https://api.x.com"), keys)
    begun = flows.begin_oauth2("https://bot.example.com/connect/callback", ALWAYS, state="s")
    assert begun.url.startswith("https://x.com/i/oauth2/authorize?response_type=code&client_id=client&")
