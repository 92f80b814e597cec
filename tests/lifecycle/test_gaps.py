"""Stop the bot for a while, let things happen, start it again: each is handled once, in all deliveries."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import DELIVERIES, Place

MINUTE, HOUR = 60.0, 3600.0


async def first_run(place: Place, text: str) -> None:
    """A bot that handles one message, and stops."""
    async with place.bot(text):
        if "activity_stream" in text:
            await place.until(lambda: place.sim.streams.connections("active"))
        place.says("alice", "one")
        await place.until(lambda: place.answers == ["echo one"])
    assert place.seen == ["one"]


@pytest.mark.parametrize("delivery", [each for each in DELIVERIES if each != "premium"])
async def test_what_happened_meanwhile_is_handled_once(place: Place, delivery: str) -> None:
    text = place.config(delivery)
    await first_run(place, text)
    await place.time.passes(20 * MINUTE)
    place.says("alice", "two")
    place.says("bob", "three")
    await place.time.passes(20 * MINUTE)
    async with place.bot(text):
        place.says("alice", "four")
        assert await place.time.until(lambda: len(place.answers) == 4, at_most_s=HOUR)
        if delivery != "activity_stream":
            assert await place.time.until(lambda: place.log.lines("gap_filled"), at_most_s=HOUR)
        await place.time.passes(5 * MINUTE)
    assert sorted(place.seen) == ["four", "one", "three", "two"]
    assert sorted(place.answers) == ["echo four", "echo one", "echo three", "echo two"]
    if delivery != "activity_stream":
        (found,) = place.log.lines("gap_found")
        assert 40 <= found["minutes"] <= 42
        assert place.log.lines("replay_asked")
        assert "keeping:gaps" not in await place.stored()


async def test_premium_has_what_x_repeats_and_says_once_that_it_has_no_replay(
    place_with: Callable[..., Any],
) -> None:
    place = await place_with()
    text = place.config("premium")
    await first_run(place, text)
    await place.time.passes(MINUTE)
    place.says("alice", "two")
    await place.time.passes(10.0)
    for _ in range(2):
        async with place.bot(text):
            await place.time.passes(5 * MINUTE)
            await place.until(lambda: len(place.answers) == 2)
    assert place.seen == ["one", "two"]
    (said,) = place.log.lines("no_replay")
    assert said["reason"] == "premium has no replay"
    assert not place.log.lines("gap_found")


async def test_a_long_gap_is_asked_for_in_windows_of_two_hours(place: Place) -> None:
    text = place.config("account_activity")
    await first_run(place, text)
    for number in range(5):
        await place.time.passes(HOUR)
        place.says("alice", f"hour {number}")
    async with place.bot(text):
        assert await place.time.until(lambda: place.log.lines("gap_filled"), at_most_s=HOUR)
        await place.until(lambda: len(place.answers) == 6)
    assert place.seen == ["one", *(f"hour {number}" for number in range(5))]
    parts = [line["part"] for line in place.log.lines("replay_done")]
    assert parts == ["1/3", "2/3", "3/3"]


async def test_what_is_older_than_x_keeps_is_said_to_be_lost(place: Place) -> None:
    text = place.config("activity")
    await first_run(place, text)
    place.says("alice", "long ago")
    await place.time.passes(26 * HOUR)
    place.says("alice", "today")
    async with place.bot(text):
        assert await place.time.until(lambda: place.log.lines("gap_filled"), at_most_s=HOUR)
        await place.until(lambda: len(place.answers) == 2)
    assert place.seen == ["one", "today"]
    (lost,) = place.log.lines("gap_too_old")
    assert lost["reason"] == "X keeps 24 hours"


async def test_a_stop_while_a_gap_waits_forgets_nothing(place: Place) -> None:
    """X replays nothing younger than ten minutes: the gap outlives the bot that found it."""
    text = place.config("activity")
    await first_run(place, text)
    await place.time.passes(20 * MINUTE)
    place.says("alice", "two")
    await place.time.passes(20 * MINUTE)
    async with place.bot(text):
        await place.time.passes(MINUTE)
    assert place.seen == ["one"]
    assert len((await place.stored())["keeping:gaps"]) == 1
    async with place.bot(text):
        assert await place.time.until(lambda: place.log.lines("gap_filled"), at_most_s=HOUR)
        await place.until(lambda: len(place.answers) == 2)
    assert place.seen == ["one", "two"]


async def test_a_package_without_replay_is_said_once(place_with: Callable[..., Any]) -> None:
    place = await place_with(replay_allowed=False)
    text = place.config("activity")
    await first_run(place, text)
    for _ in range(2):
        await place.time.passes(HOUR)
        async with place.bot(text):
            await place.time.passes(30 * MINUTE)
    (said,) = place.log.lines("no_replay")
    assert re.match(r"X gives this app no replay: ", said["reason"])
    assert len(place.log.lines("gap_found")) == 1
    assert "keeping:gaps" not in await place.stored()


async def test_nothing_is_asked_for_when_bot_yaml_says_so(place: Place) -> None:
    text = place.config("activity", x="fill_gaps: false,")
    await first_run(place, text)
    await place.time.passes(HOUR)
    async with place.bot(text):
        await place.time.passes(30 * MINUTE)
    assert not place.log.lines("gap_found")


async def test_a_stream_without_backfill_is_read_without_it_and_says_so_once(
    place_with: Callable[..., Any],
) -> None:
    """Live, backfill was refused to self-serve apps: with minutes, and here with a beginning too."""
    place = await place_with(backfill_allowed=False)
    text = place.config("activity_stream")
    await first_run(place, text)
    for _ in range(2):
        await place.time.passes(2 * MINUTE)
        async with place.bot(text):
            await place.until(lambda: place.sim.streams.connections("active"))
            place.says("alice", "again")
            await place.until(lambda: place.seen[-1:] == ["again"])
        place.folder.joinpath("plugins", "seen").unlink()
    (said,) = place.log.lines("no_backfill")
    assert said["reason"] == "X does not give this app any missed minutes of its stream"


async def test_events_that_were_turned_away_are_asked_for(place: Place) -> None:
    """While too many wait X is told 503; it repeats for a few minutes at most, and here not at all."""
    plugin = place.folder / "plugins" / "noting.py"
    plugin.write_text(
        plugin.read_text().replace(
            "async def note(event, bot):\n",
            "async def note(event, bot):\n"
            "    import asyncio\n"
            "    while (HERE / 'hold').exists():\n"
            "        await asyncio.sleep(0.01)\n",
        )
    )
    (place.folder / "plugins" / "hold").touch()
    async with place.bot(place.config("activity", more="engine: {max_backlog: 1, workers: 1}")):
        for name in ("alice", "bob", "alice"):
            place.says(name, f"{name} waits")
        await place.until(lambda: place.log.lines("backlog_full"))
        place.says("bob", "turned away")
        await place.until(lambda: any(line["status"] == 503 for line in statuses(place)))
        (place.folder / "plugins" / "hold").unlink()
        await place.until(lambda: place.log.lines("backlog_open"))
        assert await place.time.until(lambda: place.log.lines("gap_filled"), at_most_s=HOUR)
        await place.until(lambda: "echo turned away" in place.answers)
    assert sorted(place.seen) == ["alice waits", "alice waits", "bob waits", "turned away"]


def statuses(place: Place) -> list[Any]:
    """How the bot answered deliveries."""
    entries = [entry for entry in place.sim.feed.after(0) if entry["kind"] == "delivery"]
    return [attempt for entry in entries for attempt in entry["attempts"]]
