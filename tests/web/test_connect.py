"""/connect against the simulator: an owner signs in and is subscribed; whoever cheats gets nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from yarl import URL

from botkit.errors import UserError
from botkit.events import DirectMessage, Mention
from botkit.network.accounts import Accounts
from botkit.network.client import Client, Credentials
from botkit.network.flows import Flows, How
from botkit.network.keys import KeyRing
from botkit.network.requests import Requests
from botkit.network.transport import AiohttpTransport
from botkit.network.vault import Account, Vault
from botkit.simulator import Simulator, SimulatorConfig
from botkit.store.contract import Store
from botkit.testing import Clock
from botkit.web.connect import Connect, ConnectSettings
from botkit.web.health import Health
from botkit.web.server import WebServer, build
from botkit.x.calls import users
from botkit.x.scopes import scopes_for

from .browser import Browser, Page

SCOPES = scopes_for([DirectMessage, Mention])


@dataclass
class Place:
    """A simulator, a bot's web server with its page, and a browser."""

    sim: Simulator
    accounts: Accounts
    client: Client
    browser: Browser
    url: str
    log: Any
    clock: Clock
    how: How
    stack: AsyncExitStack
    subscribed: list[str] = field(default_factory=list)
    fails: list[Exception] = field(default_factory=list)

    def user(self, name: str = "alice") -> str:
        """A simulated user's id."""
        found = self.sim.world.find(name)
        assert found is not None
        return found.id

    async def to_x(self, browser: Browser | None = None) -> Page:
        """Open the page and press its button: what X shows then."""
        browser = browser or self.browser
        page = await browser.get(f"{self.url}/connect")
        assert page.status == 200
        begun = await browser.press(page)
        assert begun.status == 303, begun.text
        assert begun.location.startswith(self.sim.url)
        return await browser.get(begun.location)

    async def back_from_x(
        self, browser: Browser | None = None, *, user: str = "alice", decision: str = "allow"
    ) -> str:
        """Sign in at X: the address that X sends the browser back to."""
        browser = browser or self.browser
        decided = await browser.press(await self.to_x(browser), user=self.user(user), decision=decision)
        assert decided.location.startswith(f"{self.url}/connect/callback?")
        return decided.location

    async def other_browser(self) -> Browser:
        return await self.stack.enter_async_context(Browser())

    async def connected(self) -> list[str]:
        return await self.accounts.vault.ids()


@pytest.fixture(params=["oauth2", "oauth1"])
def how(request: pytest.FixtureRequest) -> How:
    how: How = request.param
    return how


@pytest.fixture
def allow() -> frozenset[str] | None:
    """Who may connect; a test names its own by parameter."""
    return None


@pytest.fixture
async def place(  # noqa: PLR0917 - fixtures are given by name
    store: Store, tmp_path: Path, clock: Clock, log: Any, how: How, allow: frozenset[str] | None
) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        sim = Simulator(SimulatorConfig(), log=log.logger)
        await sim.start()
        stack.push_async_callback(sim.stop)
        transport = AiohttpTransport()
        stack.push_async_callback(transport.close)
        keys = Credentials(
            sim.config.consumer_key,
            sim.config.consumer_secret,
            sim.config.access_token,
            sim.config.access_token_secret,
            client_id=sim.config.client_id,
            client_secret=sim.config.client_secret,
        )
        requests, ring = Requests(transport, sim.url), KeyRing(tmp_path, {}, now=clock)
        accounts = Accounts(store, Vault(store, ring), requests, keys, log=log.logger)
        servers: list[WebServer] = []
        settings = ConnectSettings(
            url=lambda: f"http://127.0.0.1:{servers[0].port}",
            how=how,
            scopes=SCOPES,
            allow=allow,
            targets=(sim.url,),
        )
        connect = Connect(Flows(requests, keys), accounts, ring, store, settings, log=log.logger, now=clock)
        app = build(health=Health(store), log=log.logger, register_routes=connect.add_routes)
        servers.append(WebServer(app, host="127.0.0.1", port=0, grace_s=1.0))
        servers[0].bind()
        await servers[0].open()
        stack.push_async_callback(servers[0].close)
        place = Place(
            sim,
            accounts,
            Client(transport, keys, api_url=sim.url, accounts=accounts),
            await stack.enter_async_context(Browser()),
            f"http://127.0.0.1:{servers[0].port}",
            log,
            clock,
            how,
            stack,
        )

        async def connected(account_id: str) -> None:
            if place.fails:
                raise place.fails.pop()
            place.subscribed.append(account_id)

        accounts.hooks.connected = connected
        yield place


# -- as it should go -----------------------------------------------------------------------------------------


async def test_an_owner_signs_in_and_the_bot_acts_for_the_account(place: Place) -> None:
    page = await place.browser.get(f"{place.url}/connect")
    for words in ("send and delete direct messages as you", "post, repost and delete posts as you"):
        assert words in page.text
    done = await place.browser.get(await place.back_from_x())
    assert (done.status, "@alice is connected" in done.text) == (200, True)
    alice = place.user()
    assert await place.connected() == [alice]
    assert place.subscribed == [alice]
    assert (await place.client.do(users.me(), alice)).username == "alice"
    account = await place.accounts.get(alice)
    assert account is not None
    if place.how == "oauth2":
        assert account.oauth2 is not None
        assert set(account.oauth2.scopes) == set(SCOPES)
        assert account.oauth2.refresh_token


async def test_several_accounts_one_after_the_other(place: Place) -> None:
    for name in ("alice", "bob"):
        browser = await place.other_browser()
        assert (await browser.get(await place.back_from_x(browser, user=name))).status == 200
    assert sorted(place.subscribed) == sorted([place.user("alice"), place.user("bob")])
    for name in ("alice", "bob"):
        assert (await place.client.do(users.me(), place.user(name))).username == name


async def test_who_says_no_is_not_connected(place: Place) -> None:
    page = await place.browser.get(await place.back_from_x(decision="deny"))
    assert (page.status, "You said no" in page.text) == (403, True)
    assert await place.connected() == []


async def test_an_account_that_could_not_be_subscribed_is_connected_and_told(place: Place) -> None:
    place.fails.append(UserError("X takes no further subscription, says secret-reason"))
    page = await place.browser.get(await place.back_from_x())
    assert (page.status, "Almost done" in page.text) == (200, True)
    assert "secret-reason" not in page.text
    assert place.log.lines("account_not_subscribed")[0]["error"].endswith("secret-reason")
    assert await place.connected() == [place.user()]


@pytest.mark.parametrize("allow", [frozenset({"bob"})])
async def test_an_account_that_is_not_allowed_is_turned_away_and_its_tokens_are_ended(place: Place) -> None:
    page = await place.browser.get(await place.back_from_x())
    assert (page.status, "@alice is not among the accounts" in page.text) == (403, True)
    assert await place.connected() == []
    (line,) = place.log.lines("sign_in_not_allowed")
    assert (line["username"], line["not_ended"]) == ("alice", [])
    assert (await place.browser.get(await place.back_from_x(user="bob"))).status == 200
    assert await place.connected() == [place.user("bob")]


def test_accounts_are_allowed_by_handle_or_id() -> None:
    settings = ConnectSettings(url=str, how="oauth1", scopes=(), allow=frozenset({"bob", "7"}), targets=())
    assert [settings.may(_account(*who)) for who in (("1", "Bob"), ("7", "ada"), ("8", "ada"))] == [
        True,
        True,
        False,
    ]


# -- who cheats ----------------------------------------------------------------------------------------------


async def test_a_forged_state_is_refused(place: Place) -> None:
    back = await place.back_from_x()
    name = "state" if place.how == "oauth2" else "oauth_token"
    (genuine,) = parse_qs(urlsplit(back).query)[name]
    for forged in ("", "forged", genuine[:-5] + "AAAAA", genuine + "x"):
        page = await place.browser.get(_with(back, **{name: forged}))
        assert (page.status, "does not belong" in page.text) == (400, True)
    assert await place.connected() == []
    assert (await place.browser.get(back)).status == 200, "the genuine one is not used up by forgeries"


async def test_the_state_of_another_sign_in_is_refused(place: Place) -> None:
    attacker = await place.other_browser()
    theirs = await place.back_from_x(attacker, user="bob")
    mine = await place.back_from_x()
    name = "state" if place.how == "oauth2" else "oauth_token"
    (their_state,) = parse_qs(urlsplit(theirs).query)[name]
    assert (await place.browser.get(_with(mine, **{name: their_state}))).status == 400
    assert await place.connected() == []


async def test_a_replayed_callback_is_refused(place: Place) -> None:
    back = await place.back_from_x()
    await place.to_x(other := await place.other_browser())
    cookies = {cookie.key: cookie.value for cookie in place.browser.session.cookie_jar}
    assert (await place.browser.get(back)).status == 200
    again = await place.browser.get(back)
    assert again.status == 400
    # also by someone who kept the cookie, which the browser was told to forget
    other.session.cookie_jar.clear()
    other.session.cookie_jar.update_cookies(cookies, URL(place.url))
    kept = await other.get(back)
    assert (kept.status, "was completed or ended already" in kept.text) == (400, True)
    assert place.subscribed == [place.user()]


async def test_a_callback_sent_to_somebody_else_is_refused(place: Place) -> None:
    theirs = await place.back_from_x(await place.other_browser(), user="bob")
    page = await place.browser.get(theirs)
    assert (page.status, "did not begin in this browser" in page.text) == (400, True)
    # not even to someone who has begun a sign-in of their own
    await place.to_x()
    assert (await place.browser.get(theirs)).status == 400
    assert await place.connected() == []


async def test_the_sign_in_of_one_browser_is_worth_nothing_in_another(place: Place) -> None:
    theirs = await place.back_from_x(attacker := await place.other_browser(), user="bob")
    kept = {cookie.key: cookie.value for cookie in attacker.session.cookie_jar}
    await place.browser.get(f"{place.url}/connect")
    planted = {"botkit_sign_in": kept["botkit_sign_in"]}
    place.browser.session.cookie_jar.update_cookies(planted, URL(place.url))
    page = await place.browser.get(theirs)
    assert (page.status, "did not begin in this browser" in page.text) == (400, True)
    assert await place.connected() == []


async def test_somebody_elses_verifier_is_refused(place: Place) -> None:
    theirs = await place.back_from_x(await place.other_browser(), user="bob")
    mine = await place.back_from_x()
    name = "code" if place.how == "oauth2" else "oauth_verifier"
    (their_verifier,) = parse_qs(urlsplit(theirs).query)[name]
    page = await place.browser.get(_with(mine, **{name: their_verifier}))
    assert (page.status, "X does not accept what came back" in page.text) == (400, True)
    assert await place.connected() == []


@pytest.mark.parametrize("name", ["state", "oauth_token", "code", "oauth_verifier"])
async def test_a_parameter_that_comes_twice_counts_as_missing(place: Place, name: str) -> None:
    back = await place.back_from_x()
    if name not in parse_qs(urlsplit(back).query):
        return
    assert (await place.browser.get(f"{back}&{name}=other")).status == 400
    assert await place.connected() == []


async def test_a_sign_in_that_took_longer_than_ten_minutes_is_refused(place: Place) -> None:
    back = await place.back_from_x()
    place.clock.now += 601
    page = await place.browser.get(back)
    assert (page.status, "ten minutes" in page.text) == (400, True)
    assert await place.connected() == []


async def test_coming_back_without_having_left_is_refused(place: Place) -> None:
    for query in ("", "?code=x&state=y", "?oauth_token=x&oauth_verifier=y", "?denied=x", "?error=x"):
        assert (await place.browser.get(f"{place.url}/connect/callback{query}")).status == 400


async def test_the_button_works_from_the_bots_own_page_only(place: Place) -> None:
    page = await place.browser.get(f"{place.url}/connect")
    fields = page.fields
    stranger = await place.other_browser()
    await stranger.get(f"{place.url}/connect")
    refused = [
        await place.browser.post(page.action, {}),
        await place.browser.post(page.action, {"form_key": "forged"}),
        await place.browser.post(page.action, fields, origin="https://evil.example"),
        await place.browser.post(page.action, fields, **{"sec-fetch-site": "cross-site"}),
        await stranger.post(page.action, fields),
    ]
    assert [each.status for each in refused] == [400] * 5
    assert all("own page, or the page stood open" in each.text for each in refused)
    place.clock.now += 3601
    assert (await place.browser.press(page)).status == 400


async def test_nobody_is_sent_anywhere_but_to_x(place: Place) -> None:
    evil = "https://evil.example/"
    query = urlencode(
        dict.fromkeys(("next", "return_to", "redirect", "redirect_uri", "url", "callback"), evil)
    )
    page = await place.browser.get(f"{place.url}/connect?{query}", host="evil.example")
    assert page.status == 200
    assert "evil" not in page.text
    fields = {**page.fields, **dict(parse_qsl(query))}
    begun = await place.browser.post(
        f"{place.url}/connect?{query}", fields, **{"host": "evil.example", "x-forwarded-host": "evil.example"}
    )
    assert begun.location.startswith(f"{place.sim.url}/")
    assert "evil" not in begun.location
    decided = await place.browser.press(
        await place.browser.get(begun.location), user=place.user(), decision="allow"
    )
    assert decided.location.startswith(f"{place.url}/connect/callback?")
    done = await place.browser.get(f"{decided.location}&{query}")
    assert done.status == 200
    assert "evil" not in done.text
    assert "location" not in done.headers


async def test_what_comes_from_outside_is_never_markup(place: Place) -> None:
    page = await place.browser.get(f"{place.url}/connect/callback?error=<script>alert(1)</script>&state=<b>")
    assert "<script" not in page.text
    assert "<b>" not in page.text


# -- what protects it ----------------------------------------------------------------------------------------


async def test_pages_run_no_script_are_framed_by_nobody_and_kept_nowhere(place: Place) -> None:
    for page in (
        await place.browser.get(f"{place.url}/connect"),
        await place.browser.get(f"{place.url}/connect/callback"),
    ):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["referrer-policy"] == "no-referrer"
        assert page.headers["cache-control"] == "no-store"
        assert "<script" not in page.text
    forms = re.search(
        r"form-action ([^;]+)",
        (await place.browser.get(f"{place.url}/connect")).headers["content-security-policy"],
    )
    assert forms is not None
    assert forms[1] == f"'self' {place.sim.url}"


async def test_cookies_are_for_the_server_alone_and_say_nothing(place: Place) -> None:
    page = await place.browser.get(f"{place.url}/connect")
    begun = await place.browser.press(page)
    for answer in (page, begun):
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
    kept = begun.headers["set-cookie"]
    query = parse_qs(urlsplit(begun.location).query)
    for secret in query.get("state") or query["oauth_token"]:
        assert secret not in kept


async def test_over_https_cookies_are_this_hosts_alone(
    store: Store, tmp_path: Path, log: Any, aiohttp_client: Any
) -> None:
    keys = Credentials("key", "secret", client_id="client")
    requests, ring = Requests(AiohttpTransport(), "https://api.x.com"), KeyRing(tmp_path, {})
    settings = ConnectSettings(
        url=lambda: "https://bot.example.com", how="oauth2", scopes=SCOPES, allow=None, targets=()
    )
    accounts = Accounts(store, Vault(store, ring), requests, keys, log=log.logger)
    page = Connect(Flows(requests, keys), accounts, ring, store, settings, log=log.logger)
    client = await aiohttp_client(
        build(health=Health(store), log=log.logger, register_routes=page.add_routes)
    )
    answer = await client.get("/connect", headers={"host": "evil.example"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-botkit_browser=")
    assert "Secure" in cookie
    assert "Domain" not in cookie
    name, _, value = cookie.partition(";")[0].partition("=")
    (form_key,) = re.findall(r'name="form_key" value="([^"]+)"', await answer.text())
    begun = await client.post(
        "/connect",
        data={"form_key": form_key},
        headers={"cookie": f"{name}={value}", "origin": "https://bot.example.com"},
        allow_redirects=False,
    )
    assert begun.status == 303
    assert begun.headers["set-cookie"].startswith("__Host-botkit_sign_in=")
    query = parse_qs(urlsplit(begun.headers["location"]).query)
    assert query["redirect_uri"] == ["https://bot.example.com/connect/callback"]
    assert len(query["state"][0]) <= 500, "X takes no longer state"


async def test_localhost_is_sent_to_the_number_that_x_takes(place: Place) -> None:
    page = await place.browser.get(f"{place.url}/connect", host=f"localhost:{urlsplit(place.url).port}")
    assert (page.status, page.location) == (307, f"{place.url}/connect")


async def test_too_many_sign_ins_a_minute_are_turned_away(place: Place) -> None:
    page = await place.browser.get(f"{place.url}/connect")
    statuses = [(await place.browser.press(page)).status for _ in range(32)]
    assert statuses == [303] * 30 + [429] * 2
    place.clock.now += 61
    assert (await place.browser.press(page)).status == 303


async def test_no_token_or_code_is_in_the_log_or_on_a_page(place: Place) -> None:
    back = await place.back_from_x()
    done = await place.browser.get(back)
    ready = await place.browser.get(f"{place.url}/readyz")
    account = await place.accounts.get(place.user())
    assert account is not None
    secrets = [
        account.access_token,
        account.access_token_secret,
        *(value for _, value in parse_qsl(urlsplit(back).query)),
    ]
    if account.oauth2 is not None:
        secrets += [account.oauth2.access_token, account.oauth2.refresh_token]
    for secret in filter(None, secrets):
        assert secret not in place.log.text
        assert secret not in done.text
        assert secret not in ready.text


async def test_a_key_that_others_can_read_is_no_page(place: Place, tmp_path: Path) -> None:
    await place.browser.get(f"{place.url}/connect")
    (tmp_path / "botkit.key").chmod(0o644)
    fresh = KeyRing(tmp_path, {})
    with pytest.raises(UserError, match="chmod 600"):
        fresh.check()


def _with(url: str, **changed: str) -> str:
    """An address with other values in its query."""
    split = urlsplit(url)
    return split._replace(query=urlencode({**dict(parse_qsl(split.query)), **changed})).geturl()


def _account(account_id: str, username: str) -> Account:
    return Account(id=account_id, username=username)
