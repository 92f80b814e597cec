"""Each of many broken set-ups: the doctor names the cause and the fix in one line, and the status is 1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from botkit.cli import main
from botkit.doctor import CHECKS, Status, examine
from botkit.network.vault import Account, OAuth2Tokens

from .conftest import Place

Break = Callable[[Place], Awaitable[None]]
SCOPES = ("tweet.read", "users.read", "offline.access", "dm.read", "dm.write")
NAMES = [check.name for check in CHECKS]


async def wrong_secret(place: Place) -> None:
    place.environ["X_CONSUMER_SECRET"] = "not-the-apps"


async def wrong_clock(place: Place) -> None:
    await place.control("rules", {"clock_skew_s": 3600}, "PUT")


async def no_dm_permission(place: Place) -> None:
    await place.control("permission", {"level": "read-write"})


async def http_url(place: Place) -> None:
    place.values["public_url"] = "http://bot.example.com"


async def url_with_a_port(place: Place) -> None:
    place.values["public_url"] = "https://bot.example.com:8443"


async def at_x_http_url(place: Place) -> None:
    place.values |= {"public_url": "http://bot.example.com", "api_url": "https://api.x.com"}


async def unreachable_url(place: Place) -> None:
    place.values["public_url"] = "http://127.0.0.1:1"


async def no_dns(place: Place) -> None:
    place.values["public_url"] = "https://bot.invalid"


async def slow_challenge(place: Place) -> None:
    async def handle(request: web.Request) -> web.Response:
        if "crc_token" in request.query:
            await asyncio.Event().wait()
        return web.Response(status=400)

    place.settings["challenge_s"] = 0.2
    place.values["public_url"] = await place.serve(handle)


async def another_secret_answers(place: Place) -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.json_response({"response_token": "sha256=AAAA"})

    place.values["public_url"] = await place.serve(handle)


async def redirecting_url(place: Place) -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(status=301, headers={"location": "https://www.example.com"})

    place.values["public_url"] = await place.serve(handle)


async def proxy_without_a_bot(place: Place) -> None:
    async def handle(_request: web.Request) -> web.Response:
        return web.Response(status=502)

    place.values["public_url"] = await place.serve(handle)


async def invalid_webhook(place: Place) -> None:
    await place.control("invalidate", {})


async def second_webhook(place: Place) -> None:
    for hook in place.sim.webhooks.all():
        place.sim.webhooks.delete(hook.id)
    await place.control("webhook", {"url": "https://other.example.com/webhook"})


async def expired_token(place: Place) -> None:
    dead = OAuth2Tokens("no-token", "no-refresh-token", expires_at=1.0, scopes=SCOPES)
    await place.sign_in(Account(id="42", username="alice", oauth2=dead))


async def expired_for_good(place: Place) -> None:
    await place.sign_in(Account(id="42", username="alice", oauth2=OAuth2Tokens("no-token", expires_at=1.0)))


async def revoked_account(place: Place) -> None:
    await place.control("revoke", {})


async def revoked_other_account(place: Place) -> None:
    await place.sign_in(Account(id="42", username="alice", access_token="42-x", access_token_secret="y"))


async def other_account_without_permission(place: Place) -> None:
    bob = place.sim.world.find("bob")
    assert bob is not None
    key = place.sim.tokens.issue_key(bob.id, "read-write")
    await place.sign_in(
        Account(id=bob.id, username="bob", access_token=key.token, access_token_secret=key.secret)
    )


async def missing_scope(place: Place) -> None:
    some = OAuth2Tokens(
        "simulator-oauth2-token", expires_at=4e9, scopes=("tweet.read", "users.read", "dm.read")
    )
    await place.sign_in(Account(id="42", username="alice", oauth2=some))


async def wrong_environment(place: Place) -> None:
    place.values |= {"delivery": "premium", "more": "  environment: prod"}


async def read_only_store(place: Place) -> None:
    # no user may write there, root neither
    place.values["store"] = "sqlite:////proc/bot.db"


async def secret_not_set(place: Place) -> None:
    del place.environ["X_CONSUMER_SECRET"]


async def token_not_set(place: Place) -> None:
    del place.environ["X_ACCESS_TOKEN"]


async def premium_token_not_set(place: Place) -> None:
    place.values |= {"delivery": "premium", "more": "  environment: dev"}
    del place.environ["X_ACCESS_TOKEN"]


async def no_environment(place: Place) -> None:
    place.values["delivery"] = "premium"


async def no_url(place: Place) -> None:
    place.values["public_url"] = "${PUBLIC_URL}"


async def no_package(place: Place) -> None:
    place.values["delivery"] = "enterprise"
    await place.control("rules", {"v1_allowed": False}, "PUT")


async def no_credits(place: Place) -> None:
    await place.control("faults", {"no_credits": -1, "path": "/2/users/me"}, "PUT")


async def subscriptions_gone(place: Place) -> None:
    await place.control("drop", {})


async def used_up_limit(place: Place) -> None:
    await place.control("faults", {"rate_limited": 1, "path": "/2/activity"}, "PUT")


async def no_simulator(place: Place) -> None:
    place.values["api_url"] = "http://127.0.0.1:1"


async def other_key(place: Place) -> None:
    await place.sign_in(Account(id="42", username="alice", access_token="42-x", access_token_secret="y"))
    (place.folder / "botkit.key").unlink()


async def open_key(place: Place) -> None:
    await place.sign_in(Account(id="42", username="alice", access_token="42-x", access_token_secret="y"))
    (place.folder / "botkit.key").chmod(0o644)


async def misspelt_key(place: Place) -> None:
    place.values["more"] = "  manag: true"


async def broken_plugin(place: Place) -> None:
    (place.folder / "plugins" / "hello.py").write_text("import nowhere_at_all")


BROKEN: dict[str, tuple[Break, str, str, str]] = {
    "wrong secret": (
        wrong_secret,
        "app token",
        "does not take x.consumer_key and x.consumer_secret",
        "copy both",
    ),
    "wrong clock": (wrong_clock, "clock", " s behind X's", "NTP"),
    "app without DM permission": (
        no_dm_permission,
        "permissions",
        "do not allow direct messages",
        "Read, write and",
    ),
    "http URL": (http_url, "public URL", "must start with https://", "write the https address"),
    "http URL at X": (at_x_http_url, "config", "must start with https://", "write the https address"),
    "URL with a port": (url_with_a_port, "public URL", "must not name a port", "without a port"),
    "unreachable URL": (unreachable_url, "reachable", "can't be reached", "botkit run"),
    "URL without DNS": (no_dns, "reachable", "bot.invalid has no address", "DNS record"),
    "URL that redirects": (redirecting_url, "reachable", "redirects (301)", "mend the proxy"),
    "proxy without a bot": (proxy_without_a_bot, "reachable", "502", "botkit run"),
    "CRC over 3 s": (slow_challenge, "challenge", "not answered within", "slow proxy"),
    "CRC of another bot": (another_secret_answers, "challenge", "wrong token", "another x.consumer_secret"),
    "webhook invalid at X": (invalid_webhook, "webhook", "out of service", "botkit webhook check"),
    "second webhook over quota": (
        second_webhook,
        "webhook",
        "quota of 1 is taken by https://other",
        "webhook remove",
    ),
    "expired token": (expired_token, "accounts", "of @alice has expired", "sign in again"),
    "expired token, no refresh": (expired_for_good, "accounts", "of @alice has expired", "sign in again"),
    "revoked account": (revoked_account, "account", "the account revoked the access", "botkit connect"),
    "revoked other account": (
        revoked_other_account,
        "accounts",
        "@alice: the account revoked",
        "sign in again",
    ),
    "other account without DM permission": (
        other_account_without_permission,
        "accounts",
        "the tokens of @bob do not allow direct messages",
        "sign in again",
    ),
    "missing scope": (missing_scope, "accounts", "did not grant the scopes dm.write", "sign in again"),
    "environment name wrong": (wrong_environment, "webhook", "no environment prod", "x.environment"),
    "store read-only": (read_only_store, "store", "can't be written", "folder"),
    "secret not set": (secret_not_set, "secrets", "x.consumer_secret", "set X_CONSUMER_SECRET"),
    "no account": (token_not_set, "accounts", "no account has signed in", "botkit connect"),
    "token not set": (premium_token_not_set, "secrets", "x.access_token", "set X_ACCESS_TOKEN"),
    "environment not set": (no_environment, "config", "x.environment is missing", "add `environment: name`"),
    "public URL not set": (no_url, "public URL", "server.public_url is not set", "--tunnel"),
    "not in the package": (no_package, "webhook", "package does not allow", "x.delivery"),
    "no credits": (no_credits, "account", "wants money", "buy credits"),
    "subscriptions gone": (
        subscriptions_gone,
        "subscriptions",
        "lacks 1 of 1 subscriptions: dm.received",
        "botkit run",
    ),
    "limit used up": (used_up_limit, "subscriptions", "limit is used up", "try again after"),
    "X not reached": (no_simulator, "X", "can't be reached", "x.api_url"),
    "key lost": (other_key, "accounts", "can't be decrypted", "put back the key"),
    "key readable": (open_key, "secrets", "can be read by others", "chmod 600"),
    "misspelt key": (misspelt_key, "config", "x.manag: unknown key", "did you mean manage"),
    "broken plugin": (broken_plugin, "plugins", "nowhere_at_all", ""),
}


async def test_a_right_set_up_is_well(place: Place) -> None:
    await place.connected()
    found = await place.examine()
    assert list(found) == NAMES
    assert {name: result.text for name, result in found.items() if result.status is not Status.OK} == {}


@pytest.mark.parametrize("delivery", ["activity_stream", "account_activity", "premium", "enterprise"])
async def test_it_knows_every_delivery(place: Place, delivery: str) -> None:
    place.values |= {"delivery": delivery, "more": "  environment: dev" if delivery == "premium" else ""}
    await place.connected()
    found = await place.examine()
    assert {name: result.text for name, result in found.items() if result.status is not Status.OK} == {}


@pytest.mark.parametrize(("breaks", "check", "cause", "fix"), BROKEN.values(), ids=BROKEN)
async def test_it_names_cause_and_fix(place: Place, breaks: Break, check: str, cause: str, fix: str) -> None:
    await place.connected()
    await breaks(place)
    found = await place.examine()
    failed = {name: result for name, result in found.items() if result.status is Status.FAILED}
    first = next(iter(failed))
    assert first == check, {name: result.text for name, result in failed.items()}
    assert cause in failed[check].text
    assert fix in failed[check].text
    assert failed[check].fix
    assert "\n" not in failed[check].text
    assert list(found) == NAMES
    for secret in (place.sim.config.consumer_secret, place.sim.config.access_token_secret, "not-the-apps"):
        assert not any(secret in result.text for result in found.values())
        assert secret not in place.log.text


async def test_what_needs_something_that_failed_is_not_checked(place: Place) -> None:
    await wrong_secret(place)
    found = await place.examine()
    assert found["app token"].status is Status.FAILED
    for name in ("account", "webhook"):
        assert found[name].status is Status.NOT_CHECKED
        assert found[name].text == "needs app token"
    assert found["subscriptions"].text == "needs webhook and account"
    assert found["challenge"].status is Status.FAILED or found["challenge"].status is Status.OK


async def test_accounts_that_signed_in_are_enough(place: Place) -> None:
    await place.connected()
    keys = place.sim.config
    for name in ("X_ACCESS_TOKEN", "X_ACCESS_TOKEN_SECRET"):
        del place.environ[name]
    secret = keys.access_token_secret
    account = Account(
        id=keys.bot_id, username="bot", access_token=keys.access_token, access_token_secret=secret
    )
    await place.sign_in(account)
    found = await place.examine()
    assert not any(result.status is Status.FAILED for result in found.values()), found
    assert found["secrets"].status is Status.OK
    assert "accounts that signed in act for the bot" in found["secrets"].text
    assert found["accounts"].text == "1 signed in"
    assert found["subscriptions"].status is Status.OK


async def test_enterprise_has_room_for_another_webhook(place: Place) -> None:
    await place.control("webhook", {"url": "https://other.example.com/webhook"})
    place.values["more"] = "  package: enterprise"
    found = await place.examine()
    assert found["webhook"].status is Status.WARNING
    assert "no webhook at this address yet" in found["webhook"].text


SIMULATED = "network: simulator\nserver: {{port: {port}}}\nsimulator: {{port: {at}}}\nplugins: [hello]\n"


async def test_the_simulator_of_a_bot_that_runs_is_looked_at(place: Place) -> None:
    place.write()
    place.file.write_text(SIMULATED.format(port=place.values["port"], at=place.sim.port))
    found = {each.name: each async for each in examine(place.file, log=place.log.logger, environ={})}
    assert {name for name, result in found.items() if result.status is Status.FAILED} == set()
    assert found["account"].text.startswith("acts as @my_bot")
    assert found["challenge"].status is Status.OK


async def test_without_its_simulator_it_says_to_start_the_bot(place: Place) -> None:
    place.write()
    place.file.write_text(SIMULATED.format(port=place.values["port"], at=1))
    found = {each.name: each async for each in examine(place.file, log=place.log.logger, environ={})}
    assert found["X"].status is Status.FAILED
    assert found["X"].fix.endswith("botkit run")


async def test_before_the_first_run_the_rest_is_only_to_come(place: Place) -> None:
    found = await place.examine()
    assert {name for name, result in found.items() if result.status is Status.WARNING} == {
        "webhook",
        "subscriptions",
    }
    assert not any(result.status is Status.FAILED for result in found.values())
    assert "in the bot's place" in found["reachable"].text


async def test_nothing_is_changed_at_x(place: Place) -> None:
    await place.connected()
    before = place.sim.feed.last
    await place.examine()
    asked = [entry for entry in place.sim.feed.after(before) if entry["kind"] == "request"]
    changed = {(entry["method"], entry["path"]) for entry in asked if entry["method"] != "GET"}
    assert changed <= {("POST", "/oauth2/token")}


async def test_the_command_prints_one_line_each_and_ends_with_1(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    await place.connected()
    assert await asyncio.to_thread(main, ["doctor", str(place.file)]) == 0
    out = capsys.readouterr().out
    assert len(out.splitlines()) == len(CHECKS) + 2
    assert out.splitlines()[-1] == "all is well"
    await invalid_webhook(place)
    assert await asyncio.to_thread(main, ["doctor", str(place.file)]) == 1
    out = capsys.readouterr().out
    (line,) = [line for line in out.splitlines() if line.startswith("failed")]
    assert "out of service" in line
    assert "botkit webhook check" in line


async def test_json_is_for_programs(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    await secret_not_set(place)
    place.write()
    assert await asyncio.to_thread(main, ["doctor", str(place.file), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert [check["check"] for check in found["checks"]] == NAMES
    (failed,) = [check for check in found["checks"] if check["status"] == "failed"]
    assert failed["check"] == "secrets"
    assert "X_CONSUMER_SECRET" in failed["fix"]
