"""`botkit webhook`, `subscription`, `replay`: beside a bot and without one, for people and programs."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from botkit.simulator import Simulator, SimulatorConfig
from botkit.x.signature import answer_crc

Cli = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def sim(log: Any) -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorConfig(), log=log.logger) as simulator:
        yield simulator


@pytest.fixture
async def url(sim: Simulator) -> AsyncIterator[str]:
    """A webhook's address that answers challenges, as a running bot does."""

    async def hook(request: web.Request) -> web.Response:
        body = answer_crc([sim.config.consumer_secret], request.rel_url.raw_query_string)
        return web.Response(body=body, content_type="application/json")

    app = web.Application()
    app.router.add_get("/webhook", hook)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.fixture
def cli(tmp_path: Path, sim: Simulator, url: str) -> Cli:
    """Runs a command as a user does, in a process of its own."""
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "one.py").write_text(
        "from botkit import on_follow\n\n@on_follow\nasync def seen(event): ...\n"
    )
    keys = sim.config
    config = {
        "network": "x",
        "server": {"public_url": url},
        "x": {
            "api_url": sim.url,
            "consumer_key": keys.consumer_key,
            "consumer_secret": keys.consumer_secret,
            "access_token": keys.access_token,
            "access_token_secret": keys.access_token_secret,
        },
        "plugins": ["one"],
    }

    async def run(*arguments: str, delivery: str = "activity", **x: str) -> tuple[int, str, str]:
        text = json.dumps({**config, "x": {**config["x"], "delivery": delivery, **x}})  # type: ignore[dict-item]
        (tmp_path / "bot.yaml").write_text(text)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "botkit", *arguments),
            cwd=tmp_path,
            env={"PATH": "/usr/bin", "PYTHONPATH": str(Path(__file__).parents[2])},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(30):
            out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    return run


@pytest.mark.parametrize(
    ("delivery", "x"),
    [("activity", {}), ("account_activity", {}), ("premium", {"environment": "dev"}), ("enterprise", {})],
)
async def test_webhooks_from_the_first_to_the_last(
    cli: Cli, url: str, delivery: str, x: dict[str, str]
) -> None:
    status, out, err = await cli("webhook", "list", delivery=delivery, **x)
    assert (status, err) == (0, "")
    assert "no webhook is registered" in out
    status, out, err = await cli("webhook", "add", "--json", delivery=delivery, **x)
    assert (status, err) == (0, "")
    made = json.loads(out)
    assert (made["url"], made["valid"], made["ours"]) == (f"{url}/webhook", True, True)
    status, out, err = await cli("webhook", "check", delivery=delivery, **x)
    assert (status, err) == (0, "")
    assert out == f"webhook {made['id']} ({url}/webhook) is valid\n"
    status, out, err = await cli("webhook", "remove", made["id"], delivery=delivery, **x)
    assert (status, err) == (0, "")
    status, out, _ = await cli("webhook", "list", "--json", delivery=delivery, **x)
    assert json.loads(out) == []


async def test_a_full_quota_leads_to_the_list(cli: Cli, url: str) -> None:
    await cli("webhook", "add")
    status, out, err = await cli("webhook", "add", f"{url}/other")
    assert (status, out) == (2, "")
    assert err.startswith(f"botkit: error: X refused when asked to register {url}/other: ")
    assert err.endswith("; look at those that are there: botkit webhook list\n")
    status, _, err = await cli("webhook", "remove", "7")
    assert status == 2
    assert "no webhook 7 at X; there: " in err


async def test_subscriptions_are_made_listed_counted_and_ended(cli: Cli, sim: Simulator) -> None:
    status, out, err = await cli("subscription", "add")
    assert (status, out, err) == (0, "1 made, 0 moved, 0 removed\n", "")
    status, out, err = await cli("subscription", "add", "post.create", "--json")
    assert json.loads(out)["made"] == 1
    status, out, err = await cli("subscription", "list", "--json")
    found = {each["event_type"]: each for each in json.loads(out)}
    assert {kind: each["ours"] for kind, each in found.items()} == {
        "follow.follow": True,
        "post.create": False,
    }
    assert {each["user_id"] for each in found.values()} == {sim.config.bot_id}
    assert (await cli("subscription", "count"))[1] == "2\n"
    gone = found["post.create"]["id"]
    assert (await cli("subscription", "remove", gone))[1] == f"subscription {gone} has ended\n"
    assert (await cli("subscription", "count"))[1] == "1\n"


async def test_account_activity_counts_accounts(cli: Cli, sim: Simulator) -> None:
    assert (await cli("subscription", "add", delivery="account_activity"))[0] == 0
    status, out, _ = await cli("subscription", "list", "--json", delivery="account_activity")
    (only,) = json.loads(out)
    assert (only["event_type"], only["user_id"]) == ("everything", sim.config.bot_id)
    status, out, _ = await cli("subscription", "count", delivery="account_activity")
    assert out == "1 of 3\n"
    status, _, err = await cli("subscription", "add", "post.create", delivery="account_activity")
    assert status == 2
    assert "subscribes everything; leave the event type out" in err
    status, out, _ = await cli("subscription", "remove", sim.config.bot_id, delivery="account_activity")
    assert status == 0
    assert (await cli("subscription", "count", delivery="account_activity"))[1] == "0 of 3\n"


@pytest.mark.parametrize(
    ("arguments", "delivery", "line"),
    [
        (["replay"], "activity", "since when? name it, such as --from 2h"),
        (["replay", "--from", "5m"], "activity", "name the webhook; there: none"),
        (["replay", "--from", "1h", "--to", "2h"], "activity", "--from is not before --to"),
        (["replay", "--from", "1h"], "activity_stream", "a stream has no replay"),
        (["webhook", "list"], "activity_stream", "delivery: activity_stream has no webhook"),
        (
            ["webhook", "add", "bot.yaml"],
            "activity",
            "bot.yaml is no address that X could call, such as https:",
        ),
    ],
)
async def test_what_can_not_be_is_one_line(cli: Cli, arguments: list[str], delivery: str, line: str) -> None:
    status, out, err = await cli(*arguments, delivery=delivery)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert line in err or "can't be told" in err


async def test_a_simulator_inside_a_bot_needs_the_bot(cli: Cli, tmp_path: Path) -> None:
    await cli("version")
    text = json.loads((tmp_path / "bot.yaml").read_text())
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "bot.yaml").write_text(json.dumps({**text, "network": "simulator", "plugins": []}))
    status, _, err = await cli("webhook", "list", "--bot", "sim")
    assert status == 2
    assert "no bot runs; start it: botkit run" in err


async def test_check_tells_of_hooks_that_are_never_called(cli: Cli, tmp_path: Path) -> None:
    more = "from botkit import on_news\n\n@on_news\nasync def news(event): ...\n"
    with (tmp_path / "plugins" / "one.py").open("a") as file:
        file.write(more)
    status, out, _ = await cli("check")
    assert status == 0
    assert (
        "\nwarning: on_news is never called with delivery activity: news come by keyword; "
        "write them under x.keywords\n" in out
    )
    status, out, _ = await cli("check", "--json", delivery="premium", environment="dev")
    (warning,) = json.loads(out)["warnings"]
    assert "the Account Activity API does not have it" in warning
