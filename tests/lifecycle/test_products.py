"""All five deliveries are made so, kept so, and undone where they are ours."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from botkit.control.client import ask
from botkit.control.place import place_of
from botkit.errors import UserError

from .conftest import DELIVERIES, Place

MINUTE = 60.0
WITH_WEBHOOK = [each for each in DELIVERIES if each != "activity_stream"]


def hooks(place: Place) -> list[Any]:
    """The webhooks at X, of every product."""
    return list(place.sim.webhooks.all())


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_bot_receives_and_answers(place: Place, delivery: str) -> None:
    async with place.bot(place.config(delivery)):
        if delivery == "activity_stream":
            await place.until(lambda: place.sim.streams.connections("active"))
        place.says("alice", "hello")
        await place.until(lambda: place.answers == ["echo hello"])
    (line,) = place.log.lines("connected")
    assert line["subscriptions_made"] == 1


@pytest.mark.parametrize("delivery", WITH_WEBHOOK)
async def test_a_webhook_that_x_has_made_invalid_is_validated_by_the_timer(
    place: Place, delivery: str
) -> None:
    async with place.bot(place.config(delivery)):
        (hook,) = hooks(place)
        hook.valid = False
        place.says("alice", "lost")
        await place.time.passes(14 * MINUTE)
        assert not hook.valid
        assert await place.time.until(lambda: hook.valid, at_most_s=2 * MINUTE)
        place.says("alice", "hello")
        await place.until(lambda: "echo hello" in place.answers)
    assert place.alarms == ["webhook on", "webhook off"]
    (alarm,) = place.log.lines("alarm")
    assert alarm["reason"] == f"X had taken webhook {hook.id} out of service; it is valid again"
    if delivery != "premium":
        assert place.log.lines("gap_found")


async def test_a_webhook_that_stays_invalid_is_one_alarm(place: Place) -> None:
    """Told once however often it is looked at, on /readyz as a warning, and once when it is over."""
    async with place.bot(place.config("activity")), aiohttp.ClientSession() as session:
        (hook,) = hooks(place)
        hook.valid = False
        place.sim.faults.change({"crc_wrong": -1})
        await place.time.passes(50 * MINUTE)
        async with session.get(f"http://127.0.0.1:{place.port}/readyz") as answer:
            assert answer.status == 200
            warnings = (await answer.json())["warnings"]
        assert warnings["webhook"].startswith(f"X refused when asked to validate webhook {hook.id}: ")
        place.sim.faults.change({"crc_wrong": 0})
        assert await place.time.until(lambda: hook.valid, at_most_s=20 * MINUTE)
        await place.until(lambda: place.alarms == ["webhook on", "webhook off"])
        async with session.get(f"http://127.0.0.1:{place.port}/readyz") as answer:
            assert await answer.json() == {"status": "ready"}
    assert len(place.log.lines("alarm")) == 1


@pytest.mark.parametrize("delivery", ["activity", "activity_stream"])
async def test_stale_subscriptions_of_ours_are_removed_and_others_kept(place: Place, delivery: str) -> None:
    text = place.config(delivery)
    async with place.bot(text):
        await place.time.passes(MINUTE)
    me = {"user_id": place.sim.config.bot_id}
    mine = next(iter(place.sim.subscriptions.activity.values()))
    place.sim.subscriptions.add("like.create", me, tag="botkit", webhook_id=mine.webhook_id)
    foreign = place.sim.subscriptions.add("mute.mute", me, tag="theirs", webhook_id=mine.webhook_id)
    async with place.bot(text):
        await place.time.passes(MINUTE)
    assert set(place.sim.subscriptions.activity) == {mine.id, foreign.id}
    assert [line["event_type"] for line in place.log.lines("subscription_removed")] == ["like.create"]


@pytest.mark.parametrize("delivery", DELIVERIES)
async def test_a_subscription_that_x_has_lost_is_made_again_by_the_timer(place: Place, delivery: str) -> None:
    async with place.bot(place.config(delivery)):
        place.sim.subscriptions.drop_user(place.sim.config.bot_id)
        await place.time.passes(16 * MINUTE)
        place.says("alice", "hello")
        await place.until(lambda: place.answers == ["echo hello"])


async def test_managing_can_be_left_to_people(place: Place) -> None:
    async with place.bot(place.config("activity", x="manage: false,")):
        await place.time.passes(20 * MINUTE)
    assert hooks(place) == []
    (line,) = place.log.lines("webhook_not_managed")
    assert line["reason"] == "x.manage is false"


async def test_a_second_bot_of_the_same_app_leaves_the_firsts_webhook_alone(place: Place) -> None:
    async with place.bot(place.config("activity")):
        (hook,) = hooks(place)
        other = place.config("activity").replace(f":{place.port}", f":{place.port + 1}")
        other = other.replace(f"port: {place.port}", "port: 0").replace("bot.db", "other.db")
        async with place.bot(other):
            await place.time.passes(16 * MINUTE)
        assert [each.id for each in hooks(place)] == [hook.id]
    lines = {line["error"] for line in place.log.lines("not_connected")}
    assert len(lines) == 1
    assert f"botkit webhook remove {hook.id}" in lines.pop()


async def test_a_webhook_of_ours_at_an_address_that_nobody_answers_makes_room(place: Place) -> None:
    """The address has changed: the old webhook is known to be ours, and X itself finds nobody there."""
    async with place.bot(place.config("activity")):
        (old,) = hooks(place)
    moved = (
        place.config("activity")
        .replace("/server", "")
        .replace("access_log: false", "access_log: false, path: /new")
    )
    async with place.bot(moved):
        (new,) = hooks(place)
        place.says("alice", "hello")
        await place.until(lambda: place.answers == ["echo hello"])
    assert new.id != old.id
    assert new.url.endswith("/new")


async def test_hooks_whose_events_can_never_come_are_told_at_the_start(place: Place) -> None:
    plugin = place.folder / "plugins" / "noting.py"
    more = "\nfrom botkit import on_chat_message, on_news\n"
    more += "@on_chat_message\nasync def chat(event): ...\n@on_news\nasync def news(event): ...\n"
    plugin.write_text(plugin.read_text() + more)
    async with place.bot(place.config("account_activity")):
        pass
    told = {line["hook"]: line for line in place.log.lines("hook_never_called")}
    assert set(told) == {"on_chat_message", "on_news"}
    assert told["on_news"]["handlers"] == ["noting:news"]
    assert told["on_news"]["reason"] == ("the Account Activity API does not have it; delivery: activity has")


async def test_what_x_can_have_nothing_of_is_refused_by_hand(place: Place) -> None:
    """Asked over the control socket, as `botkit replay` does."""
    async with place.bot(place.config("activity")):
        where = place_of(f"sqlite:///{place.folder / 'bot.db'}")
        assert where is not None
        with pytest.raises(UserError, match="at least 10 minutes and at most 24 hours old"):
            await ask(where, "replay", {"start": place.time.now - 60, "end": place.time.now})
        with pytest.raises(UserError, match="--from is not before --to"):
            await ask(where, "replay", {"start": 2.0, "end": 1.0})


async def test_a_replay_by_hand_brings_what_there_was(place: Place) -> None:
    async with place.bot(place.config("activity")):
        place.says("alice", "hello")
        await place.until(lambda: place.answers == ["echo hello"])
        began = place.time.now
        await place.time.passes(60 * MINUTE)
        where = place_of(f"sqlite:///{place.folder / 'bot.db'}")
        assert where is not None
        asking = asyncio.create_task(ask(where, "replay", {"start": began - 60, "end": began + 60}))
        assert await place.time.until(asking.done, at_most_s=MINUTE)
        done = asking.result()
        await place.time.passes(MINUTE)
    assert (done["jobs"], done["incomplete"]) == (1, [])
    assert place.seen == ["hello"]
