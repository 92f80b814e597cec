"""Accounts: refreshed once, tried again after a lost answer, and stopped only when their access has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from botkit.errors import Forbidden, StoreUnavailable, Unauthorized, UserError, XUnavailable
from botkit.network.accounts import Accounts, NotConnected
from botkit.network.client import Client, Credentials
from botkit.network.keys import KeyRing
from botkit.network.requests import Requests
from botkit.network.transport import Transport
from botkit.network.vault import Account, OAuth2Tokens, Vault
from botkit.store.contract import Store
from botkit.testing import Clock
from botkit.x.calls import activity, dm, users, webhooks

from .stub_x import CLIENT, CONSUMER, StubX

KEYS = Credentials(*CONSUMER, "1000-own", "own-secret", client_id=CLIENT[0], client_secret=CLIENT[1])
GRANTED = ("tweet.read", "users.read", "dm.read", "dm.write", "offline.access")


class FlakyKeeper:
    """A store whose disk may be full, or that may be away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.full = self.away = False
        self.now, self.states = store.now, store.states
        self.hold, self.let_go = store.hold, store.let_go

    async def state(self, keys: Sequence[str]) -> dict[str, bytes]:
        if self.away:
            raise StoreUnavailable("the database is away")
        return await self._store.state(keys)

    async def keep(self, state: Mapping[str, bytes | None]) -> None:
        if self.full:
            raise StoreUnavailable("the disk is full")
        await self._store.keep(state)


@dataclass
class Bench:
    """A stub of X, accounts in a real store, and a client."""

    x: StubX
    accounts: Accounts
    client: Client
    store: Store
    keeper: FlakyKeeper
    clock: Clock
    log: Any
    again: Callable[..., Accounts]
    revoked: list[str]
    waited: list[float]

    async def connect(self, account_id: str = "42", *, left_s: float = 7200.0, **more: Any) -> Account:
        """An account with a pair that is good for so long."""
        access, refresh = self.x.grant(account_id)
        oauth2 = OAuth2Tokens(access, refresh, self.clock.now + left_s, more.pop("scopes", GRANTED))
        return await self.accounts.connected(
            Account(id=account_id, username=f"user{account_id}", oauth2=oauth2, **more)
        )


@pytest.fixture
def bench(store: Store, tmp_path: Path, clock: Clock, log: Any) -> Bench:
    x = StubX(clock)
    revoked: list[str] = []
    keeper = FlakyKeeper(store)

    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0)

    def make(keys: Credentials = KEYS, transport: Transport = x) -> Accounts:
        vault = Vault(keeper, KeyRing(tmp_path, {}), monotonic=lambda: clock.now)
        requests = Requests(transport, "https://api.x.com")
        accounts = Accounts(keeper, vault, requests, keys, log=log.logger, now=clock, sleep=sleep)

        async def heard(account_id: str) -> None:
            revoked.append(account_id)

        accounts.hooks.revoked = heard
        return accounts

    accounts = make()
    client = Client(x, KEYS, api_url="https://api.x.com", accounts=accounts, log=log.logger, now=clock)
    return Bench(x, accounts, client, store, keeper, clock, log, make, revoked, waited)


# -- refreshing ----------------------------------------------------------------------------------------------


async def test_a_token_that_is_about_to_end_is_refreshed_before_it_is_used(bench: Bench) -> None:
    await bench.connect(left_s=59.0)
    assert (await bench.client.do(users.me(), "42")).id == "42"
    assert bench.x.asked == ["POST /2/oauth2/token", "GET /2/users/me"]
    stored = await bench.again().get("42")
    assert stored is not None
    assert stored.oauth2 == OAuth2Tokens("42-access-2", "42-refresh-2", bench.clock.now + 7200, GRANTED)
    await bench.client.do(users.me(), "42")
    assert bench.x.refreshes == ["42-refresh-1"]


async def test_after_401_it_is_refreshed_once_and_tried_once_more(bench: Bench) -> None:
    await bench.connect()
    bench.x.alive.clear()
    assert (await bench.client.do(users.me(), "42")).id == "42"
    assert bench.x.asked == ["GET /2/users/me", "POST /2/oauth2/token", "GET /2/users/me"]


async def test_the_new_pair_is_on_disk_before_it_is_used(bench: Bench) -> None:
    await bench.connect(left_s=0.0)
    stored_at_use: list[str] = []

    async def watching(method: str, path: str, shown: str) -> None:
        if path == "/2/users/me":
            account = await bench.again().get("42")
            assert account is not None
            assert account.oauth2 is not None
            stored_at_use.append(account.oauth2.access_token)

    bench.x.looks = watching
    await bench.client.do(users.me(), "42")
    assert stored_at_use == ["42-access-2"]


async def test_of_tasks_and_processes_that_need_it_at_once_one_refreshes(bench: Bench) -> None:
    await bench.connect(left_s=0.0)
    processes = [bench.accounts, bench.again()]
    bench.x.gate.clear()
    tasks = [
        asyncio.create_task(process.refreshed("42", "42-access-1")) for process in processes for _ in range(4)
    ]
    await bench.x.waiting.wait()
    bench.x.gate.set()
    got = await asyncio.gather(*tasks)
    assert {each.access_token for each in got} == {"42-access-2"}
    assert bench.x.refreshes == ["42-refresh-1"]


async def test_a_caller_that_is_cancelled_does_not_lose_the_new_pair(bench: Bench) -> None:
    await bench.connect(left_s=0.0)
    bench.x.gate.clear()
    caller = asyncio.create_task(bench.client.do(users.me(), "42"))
    await bench.x.waiting.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    bench.x.gate.set()
    await bench.accounts.close()
    assert (await bench.client.do(users.me(), "42")).id == "42"
    assert bench.x.refreshes == ["42-refresh-1"]


async def test_whoever_waits_in_vain_for_another_process_says_so_and_nothing_changes(
    bench: Bench,
) -> None:
    await bench.connect(left_s=0.0)
    await bench.store.hold("refresh:42", "another", 3600.0)
    with pytest.raises(XUnavailable, match="by another process"):
        await bench.client.do(users.me(), "42")
    assert sum(bench.waited) == pytest.approx(30.0)
    assert bench.x.asked == []


async def test_the_lease_of_a_process_that_died_ends(bench: Bench) -> None:
    await bench.connect(left_s=0.0)
    await bench.store.hold("refresh:42", "dead", 120.0)
    bench.clock.now += 120.0
    assert (await bench.client.do(users.me(), "42")).id == "42"


@pytest.mark.parametrize("how", ["unsent", "lost"])
async def test_a_network_failure_keeps_the_old_pair_and_tries_once_more(bench: Bench, how: str) -> None:
    await bench.connect(left_s=0.0)
    bench.x.fails = [(how, "before")]
    assert (await bench.client.do(users.me(), "42")).id == "42"
    assert bench.x.refreshes == ["42-refresh-1", "42-refresh-1"]


async def test_a_network_that_stays_away_changes_nothing(bench: Bench) -> None:
    before = await bench.connect(left_s=0.0)
    bench.x.fails = [("lost", "before")] * 2
    with pytest.raises(XUnavailable):
        await bench.client.do(users.me(), "42")
    assert await bench.again().get("42") == before
    assert (await bench.client.do(users.me(), "42")).id == "42"


async def test_an_answer_that_was_lost_after_x_took_the_token_asks_for_a_new_sign_in(bench: Bench) -> None:
    await bench.connect(left_s=0.0)
    bench.x.fails = [("lost", "after")]
    with pytest.raises(Unauthorized, match=r"account 42 .* sign in again"):
        await bench.client.do(users.me(), "42")
    assert bench.x.refreshes == ["42-refresh-1", "42-refresh-1"]
    account = await bench.again().get("42")
    assert account is not None
    assert "refresh token" in account.problem
    assert bench.log.lines("account_needs_sign_in")
    assert bench.revoked == []


async def test_a_dead_refresh_token_is_asked_about_once(bench: Bench) -> None:
    await bench.connect(left_s=0.0)
    bench.x.refresh_tokens.clear()
    for _ in range(3):
        with pytest.raises(Unauthorized, match="sign in again"):
            await bench.client.do(dm.send("7", "hello"), "42")
    assert bench.x.refreshes == ["42-refresh-1"]
    await bench.connect()
    assert (await bench.client.do(users.me(), "42")).id == "42"
    account = await bench.accounts.get("42")
    assert account is not None
    assert account.problem == ""


async def test_a_process_that_came_too_late_takes_what_the_other_one_stored(bench: Bench) -> None:
    account = await bench.connect(left_s=0.0)
    assert account.oauth2 is not None
    bench.x.gate.clear()
    late = asyncio.create_task(bench.accounts.refreshed("42", "42-access-1"))
    await bench.x.waiting.wait()
    # meanwhile its lease ran out, another process refreshed, and X took the token
    bench.x.refresh_tokens.clear()
    newer = OAuth2Tokens("42-access-9", "42-refresh-9", bench.clock.now + 7200, GRANTED)
    await bench.again().vault.put(replace(account, oauth2=newer))
    bench.x.gate.set()
    assert await late == newer
    assert (await bench.again().get("42") or account).problem == ""


async def test_a_pair_that_could_not_be_stored_is_stored_the_next_time(bench: Bench) -> None:
    await bench.connect(left_s=0.0)
    bench.keeper.full = True
    with pytest.raises(XUnavailable, match="disk is full"):
        await bench.client.do(users.me(), "42")
    bench.keeper.full = False
    assert (await bench.client.do(users.me(), "42")).id == "42"
    assert bench.x.refreshes == ["42-refresh-1"]


async def test_a_store_that_is_away_stops_other_accounts_for_now_and_not_the_bots_own(bench: Bench) -> None:
    await bench.connect()
    bench.x.alive["1000-own"] = "1000"
    bench.clock.now += 10.0  # what was read is no longer believed
    bench.keeper.away = True
    with pytest.raises(XUnavailable, match="account 42 can't be read now"):
        await bench.client.do(users.me(), "42")
    with pytest.raises(XUnavailable, match="can't be refreshed now"):
        await bench.accounts.refreshed("42", "42-access-1")
    assert (await bench.client.do(users.me())).id == "1000"
    bench.keeper.away = False
    assert (await bench.client.do(users.me(), "42")).id == "42"


async def test_a_wrong_client_secret_is_not_the_accounts_fault(bench: Bench) -> None:
    before = await bench.connect(left_s=0.0)
    with pytest.raises(Unauthorized):
        await bench.again(replace(KEYS, client_secret="other")).refreshed("42", "42-access-1")
    assert await bench.again().get("42") == before


async def test_without_offline_access_it_has_to_sign_in_again(bench: Bench) -> None:
    access, _ = bench.x.grant("42")
    await bench.accounts.connected(Account(id="42", oauth2=OAuth2Tokens(access, "", bench.clock.now + 60.0)))
    assert (await bench.client.do(users.me(), "42")).id == "42"
    bench.x.alive.clear()
    bench.clock.now += 61.0
    with pytest.raises(Unauthorized):
        await bench.client.do(users.me(), "42")
    assert bench.revoked == []


# -- coming and going ----------------------------------------------------------------------------------------


async def test_signing_in_the_other_way_keeps_the_tokens_that_were_there(bench: Bench) -> None:
    await bench.connect()
    heard: list[str] = []

    async def connected(account_id: str) -> None:
        account = await bench.again().get(account_id)
        assert account is not None
        heard.append(account.access_token)

    bench.accounts.hooks.connected = connected
    both = await bench.accounts.connected(Account(id="42", access_token="42-t", access_token_secret="s"))
    assert both.kinds == ("OAuth 1.0a", "OAuth 2.0")
    assert both.connected_at == bench.clock.now
    assert heard == ["42-t"], "the hook finds the tokens stored"


async def test_a_401_that_stays_stops_the_account_deletes_its_tokens_and_tells_the_plugins(
    bench: Bench,
) -> None:
    await bench.connect()
    await bench.connect("43")
    del bench.x.alive["42-access-1"], bench.x.refresh_tokens["42-refresh-1"]
    with pytest.raises(Forbidden, match="has ended the bot's access"):
        await bench.client.do(users.me(), "42")
    assert bench.revoked == ["42"]
    assert await bench.again().get("42") is None
    asked = len(bench.x.asked)
    with pytest.raises(Forbidden, match=r"account 42 is not connected, or not any more"):
        await bench.client.do(dm.send("7", "hello"), "42")
    assert len(bench.x.asked) == asked, "nothing is asked for it any more"
    assert (await bench.client.do(users.me(), "43")).id == "43"
    assert bench.log.lines("account_stopped")[0]["account"] == "42"


async def test_the_same_with_oauth1(bench: Bench) -> None:
    await bench.accounts.connected(Account(id="42", access_token="42-t", access_token_secret="s"))
    with pytest.raises(Forbidden, match="has ended"):
        await bench.client.do(users.me(), "42")
    assert bench.revoked == ["42"]


@pytest.mark.parametrize("fault", ["clock", "no date", "consumer secret"])
async def test_a_401_that_is_the_apps_own_fault_deletes_nothing(bench: Bench, fault: str) -> None:
    await bench.accounts.connected(Account(id="42", access_token="42-t", access_token_secret="s"))
    client = bench.client
    match fault:
        case "clock":
            wrong = Clock(bench.clock.now + 600.0)
            bench.x.clock = wrong
        case "no date":
            bench.x.dates = False
        case _:
            keys = replace(KEYS, consumer_secret="wrong")
            client = Client(
                bench.x, keys, api_url="https://api.x.com", accounts=bench.again(keys), now=bench.clock
            )
    with pytest.raises(Unauthorized):
        await client.do(users.me(), "42")
    assert bench.revoked == []
    assert await bench.again().get("42") is not None
    assert bench.log.lines("app_refused" if fault == "consumer secret" else "clock_wrong")


async def test_a_401_of_one_call_only_deletes_nothing_and_is_looked_into_once_a_minute(bench: Bench) -> None:
    await bench.connect()
    bench.x.answers["POST /2/dm_conversations/with/7/messages"] = (401, {"title": "Unauthorized"})
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await bench.client.do(dm.send("7", "hello"), "42")
    assert bench.x.asked.count("GET /2/users/me") == 1
    assert await bench.again().get("42") is not None
    bench.clock.now += 61.0
    with pytest.raises(Unauthorized):
        await bench.client.do(dm.send("7", "hello"), "42")
    assert bench.x.asked.count("GET /2/users/me") == 2


async def test_an_event_of_x_deletes_the_tokens_and_leaves_the_telling_to_the_event(bench: Bench) -> None:
    await bench.connect()
    assert await bench.accounts.withdrawn("42", datetime.fromtimestamp(bench.clock.now, UTC))
    assert await bench.again().get("42") is None
    assert bench.revoked == []
    assert not await bench.accounts.withdrawn("42", datetime.fromtimestamp(bench.clock.now, UTC))


async def test_an_old_event_does_not_stop_an_account_that_signed_in_again(bench: Bench) -> None:
    before = datetime.fromtimestamp(bench.clock.now, UTC)
    bench.clock.now += 3600.0
    await bench.connect()
    assert not await bench.accounts.withdrawn("42", before)
    assert await bench.again().get("42") is not None


async def test_a_removed_accounts_tokens_are_ended_at_x(bench: Bench) -> None:
    await bench.connect(access_token="42-t", access_token_secret="s")
    assert await bench.accounts.remove("42") == []
    assert bench.x.revoked == ["42-refresh-1", "42-access-1"]
    assert bench.x.asked[-1] == "POST /1.1/oauth/invalidate_token.json"
    assert await bench.again().get("42") is None
    assert bench.revoked == []
    with pytest.raises(NotConnected):
        await bench.accounts.remove("42")


async def test_what_cannot_be_ended_at_x_is_told_and_deleted_here_all_the_same(bench: Bench) -> None:
    await bench.connect()
    (left,) = await bench.again(KEYS, _Away()).remove("42")
    assert left == "OAuth 2.0: can't connect"
    assert await bench.again().get("42") is None


async def test_an_account_that_cannot_be_decrypted_can_be_removed(bench: Bench, tmp_path: Path) -> None:
    await bench.connect()
    (tmp_path / "botkit.key").unlink()
    KeyRing(tmp_path, {}).keys()
    stranger = bench.again()
    with pytest.raises(UserError, match="can't be decrypted"):
        await stranger.get("42")
    (left,) = await stranger.remove("42")
    assert "could not be decrypted" in left
    assert await bench.again().get("42") is None


class _Away(StubX):
    async def send(self, *_: Any) -> Any:
        raise XUnavailable("can't connect")


# -- which account, which kind -------------------------------------------------------------------------------


async def test_each_account_acts_with_its_own_tokens(bench: Bench) -> None:
    await bench.connect("42")
    await bench.connect("43", access_token="43-t", access_token_secret="s")
    bench.x.alive |= {"1000-own": "1000", "43-t": "43"}
    for account_id, shown in (("", "1000-own"), ("1000", "1000-own"), ("42", "42-access-1"), ("43", "43-t")):
        await bench.client.do(users.me(), account_id)
        assert shown in bench.x.shown[-1]


async def test_an_account_is_signed_for_by_the_same_one_while_its_tokens_are_the_same(bench: Bench) -> None:
    account = Account(id="42", access_token="42-t", access_token_secret="s")
    signs = bench.accounts.oauth1(account)
    assert bench.accounts.oauth1(replace(account, username="other")) is signs
    assert (signs.consumer_key, signs.token, signs.token_secret) == (CONSUMER[0], "42-t", "s")
    other = bench.accounts.oauth1(replace(account, id="43", access_token="43-t"))
    assert other.token == "43-t"
    assert bench.accounts.oauth1(account) is signs
    for changed in (replace(account, access_token_secret="u"), replace(account, access_token="42-u")):
        anew = bench.accounts.oauth1(changed)
        assert (anew.token, anew.token_secret) == (changed.access_token, changed.access_token_secret)


async def test_nothing_signs_for_an_account_that_is_gone(bench: Bench) -> None:
    account = await bench.accounts.connected(Account(id="42", access_token="42-t", access_token_secret="s"))
    signs = bench.accounts.oauth1(account)
    await bench.accounts.revoked("42", reason="X refuses its tokens")
    assert bench.accounts.oauth1(account) is not signs


async def test_for_the_own_account_nothing_is_looked_up_unless_x_refuses(
    bench: Bench, tmp_path: Path
) -> None:
    """What stands in bot.yaml is enough, even where the stored accounts can't be decrypted."""
    await bench.accounts.connected(Account(id="1000", access_token="1000-t", access_token_secret="s"))
    tokens_of = bench.again()
    for key in tmp_path.glob("*"):
        key.unlink()
    KeyRing(tmp_path, {}).keys()
    client = Client(bench.x, KEYS, api_url="https://api.x.com", accounts=tokens_of, now=bench.clock)
    bench.x.alive["1000-own"] = "1000"
    asked = len(bench.x.asked)
    for account_id in ("", "1000"):
        assert (await client.do(users.me(), account_id)).id == "1000"
    assert len(bench.x.asked) == asked + 2
    del bench.x.alive["1000-own"]
    with pytest.raises(Unauthorized, match="can't be decrypted"):
        await client.do(users.me(), "1000")
    assert len(bench.x.asked) == asked + 3


async def test_the_own_account_goes_on_with_what_else_there_is_where_x_refuses(bench: Bench) -> None:
    """The refused request is not sent twice."""
    await bench.connect("1000")
    assert (await bench.client.do(users.me())).id == "1000"
    kinds = [shown.partition(" ")[0] for shown in bench.x.shown if shown]
    assert kinds == ["OAuth", "Bearer"]


async def test_an_account_that_is_not_connected_is_refused_before_x_is_asked(bench: Bench) -> None:
    with pytest.raises(Forbidden, match=r"account 44 is not connected.*/connect") as caught:
        await bench.client.do(dm.send("7", "hello"), "44")
    assert caught.value.kind == "account-not-connected"
    assert bench.x.asked == []
    await bench.client.send(webhooks.list_webhooks(), "44")
    assert bench.x.shown[-1] == "Bearer app-1", "what the app itself may do needs no account"


async def test_a_scope_that_was_not_granted_is_named(bench: Bench) -> None:
    await bench.connect(scopes=("tweet.read", "users.read"))
    with pytest.raises(Unauthorized) as caught:
        await bench.client.do(dm.send("7", "hello"), "42")
    assert str(caught.value) == (
        "dm.send needs an account's OAuth 1.0a tokens or an account's OAuth 2.0 token; "
        "its OAuth 2.0 token lacks dm.write; let account 42 sign in again at /connect"
    )
    assert bench.x.asked == []


async def test_a_kind_that_x_does_not_take_after_all_is_followed_by_the_next(bench: Bench) -> None:
    await bench.connect(access_token="42-t", access_token_secret="s")
    bench.x.alive["42-t"] = "42"
    refusal = {
        "title": "Unsupported Authentication",
        "type": "https://api.x.com/2/problems/unsupported-authentication",
    }
    path = "POST /2/dm_conversations/with/7/messages"
    bench.x.answers[path] = (403, refusal)
    with pytest.raises(Forbidden):
        await bench.client.do(dm.send("7", "hello"), "42")
    assert [shown.partition(" ")[0] for shown in bench.x.shown] == ["OAuth", "Bearer"]


async def test_any_other_403_is_the_answer(bench: Bench) -> None:
    await bench.connect(access_token="42-t", access_token_secret="s")
    bench.x.answers["POST /2/dm_conversations/with/7/messages"] = (
        403,
        {"title": "Forbidden", "detail": "no"},
    )
    with pytest.raises(Forbidden, match="no"):
        await bench.client.do(dm.send("7", "hello"), "42")
    assert len(bench.x.asked) == 1


async def test_for_subscriptions_every_kind_is_tried_and_the_one_that_worked_comes_first_then(
    bench: Bench,
) -> None:
    await bench.connect(access_token="42-t", access_token_secret="s")
    bench.x.alive["42-t"] = "42"

    async def picky(method: str, path: str, shown: str) -> None:
        bench.x.answers.pop("POST /2/activity/subscriptions", None)
        if shown.startswith("Bearer 42"):
            bench.x.answers[f"{method} {path}"] = (403, {"title": "Forbidden", "detail": "no such scope"})

    bench.x.looks = picky
    for kind in ("dm.received", "dm.sent"):
        await bench.client.send(activity.create_subscription(kind, user_id="42"), "42")
    assert [shown.partition(" ")[0] for shown in bench.x.shown] == ["Bearer", "OAuth", "OAuth"]
    (line,) = bench.log.lines("credential_worked")
    assert (line["worked"], line["refused"], line["account"]) == ("oauth1_user", ["oauth2_user"], "42")


async def test_a_dead_app_token_is_asked_for_anew_once(bench: Bench) -> None:
    await bench.client.send(webhooks.list_webhooks())
    bench.x.app_token = "app-2"
    assert (await bench.client.send(webhooks.list_webhooks())).status == 200
    assert bench.x.shown[-1] == "Bearer app-2"
    assert bench.x.asked.count("POST /oauth2/token") == 2


async def test_no_token_is_in_the_log_or_an_error(bench: Bench) -> None:
    await bench.connect(left_s=0.0)
    await bench.client.do(users.me(), "42")
    bench.x.alive.clear()
    bench.x.refresh_tokens.clear()
    with pytest.raises(Forbidden) as caught:
        await bench.client.do(users.me(), "42")
    for secret in ("-access-", "-refresh-", "secret"):
        assert secret not in bench.log.text
        assert secret not in str(caught.value)
        assert secret not in repr(bench.accounts.vault)


# -- a sign-in that others wait for --------------------------------------------------------------------------


async def test_a_sign_in_in_another_process_is_seen_at_once_by_who_asks_for_it(bench: Bench) -> None:
    """What was read some seconds ago is not believed then: the old tokens would be refused once more."""
    await bench.connect()
    elsewhere = bench.again()
    before = await elsewhere.get("42")
    bench.clock.now += 1
    told: list[str] = []
    bench.accounts.hooks.signed_in = told.append
    after = await bench.connect()
    assert told == ["42"]
    assert await elsewhere.get("42") == before
    assert await elsewhere.signed_in_at("42") == after.connected_at
    assert await elsewhere.get("42") == after


async def test_who_is_not_connected_or_can_not_be_decrypted_has_not_signed_in(
    bench: Bench, tmp_path: Path
) -> None:
    assert await bench.accounts.signed_in_at("42") == 0.0
    await bench.connect()
    (tmp_path / "botkit.key").unlink()
    assert await bench.again().signed_in_at("42") == 0.0


async def test_what_waits_goes_on_even_when_x_does_not_subscribe_the_account(bench: Bench) -> None:
    told: list[str] = []

    async def refuses(_: str) -> None:
        raise UserError("X refused")

    bench.accounts.hooks.signed_in, bench.accounts.hooks.connected = told.append, refuses
    with pytest.raises(UserError, match="X refused"):
        await bench.connect()
    assert told == ["42"]
