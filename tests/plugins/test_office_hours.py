"""Office hours by the office's own clock: days, nights, weekends, timezones, the hours that clocks skip."""

from __future__ import annotations

from typing import Any

import pytest

CLOSED = "Back on {opens}."


@pytest.fixture
def office(responder, set_clock):
    """Makes an office, and what it answers at a time: ``None`` when it is open."""

    async def make(**office_hours: Any):
        hours = {"closed": CLOSED, **office_hours}
        bot = await responder(office_hours=hours, default="open")

        async def at(moment: str) -> str | None:
            set_clock(bot, moment)
            (answer,) = await bot.dm("hello?")
            return None if answer == "open" else answer

        return at

    return make


async def test_opens_and_closes_to_the_minute(office):
    at = await office(open="09:00", close="17:30")
    assert await at("2026-03-04T08:59:59+00:00") == "Back on Wed 09:00."
    assert await at("2026-03-04T09:00+00:00") is None
    assert await at("2026-03-04T17:29:59+00:00") is None
    assert await at("2026-03-04T17:30+00:00") == "Back on Thu 09:00."


async def test_a_weekend_is_closed_until_monday(office):
    at = await office(open="09:00", close="17:00")
    assert await at("2026-03-06T17:00+00:00") == "Back on Mon 09:00."
    assert await at("2026-03-07T12:00+00:00") == "Back on Mon 09:00."
    assert await at("2026-03-08T23:59+00:00") == "Back on Mon 09:00."
    assert await at("2026-03-09T09:00+00:00") is None


async def test_a_night_shift_belongs_to_the_day_on_which_it_begins(office):
    at = await office(open="22:00", close="06:00", days="fri")
    assert await at("2026-03-06T05:00+00:00") == "Back on Fri 22:00."
    assert await at("2026-03-06T21:59+00:00") == "Back on Fri 22:00."
    assert await at("2026-03-06T22:00+00:00") is None
    assert await at("2026-03-07T05:59+00:00") is None
    assert await at("2026-03-07T06:00+00:00") == "Back on Fri 22:00."
    assert await at("2026-03-07T23:00+00:00") == "Back on Fri 22:00."


async def test_midnight_ends_a_day(office):
    at = await office(open="18:00", close="00:00", days="mon")
    assert await at("2026-03-09T23:59+00:00") is None
    assert await at("2026-03-10T00:00+00:00") == "Back on Mon 18:00."


async def test_a_whole_day(office):
    at = await office(open="00:00", close="24:00", days="sat-sun")
    assert await at("2026-03-06T23:59+00:00") == "Back on Sat 00:00."
    assert await at("2026-03-07T00:00+00:00") is None
    assert await at("2026-03-08T23:59+00:00") is None
    assert await at("2026-03-09T00:00+00:00") == "Back on Sat 00:00."


@pytest.mark.parametrize(
    ("days", "opens"),
    [
        ("mon-fri", "01234"),
        ("fri-mon", "0456"),
        ("mon, wed", "02"),
        ("Monday - Tuesday,sun", "016"),
        (["mon", "thu-fri"], "034"),
        ("sat", "5"),
    ],
)
async def test_days(office, days, opens):
    at = await office(open="09:00", close="17:00", days=days)
    found = [str(day) for day in range(7) if await at(f"2026-03-{9 + day:02}T12:00+00:00") is None]
    assert "".join(found) == opens


async def test_the_clock_is_the_offices(office):
    at = await office(open="9:00", close="17:00", days="mon-fri", timezone="Asia/Tokyo")
    assert await at("2026-03-08T23:59+00:00") == "Back on Mon 09:00."
    assert await at("2026-03-09T00:00+00:00") is None
    assert await at("2026-03-09T08:00+00:00") == "Back on Tue 09:00."


async def test_summer_time_moves_the_opening_by_an_hour_of_the_suns(office):
    at = await office(open="09:00", close="17:00", days="mon-sun", timezone="Europe/Berlin")
    assert await at("2026-03-28T07:59+00:00") == "Back on Sat 09:00."
    assert await at("2026-03-28T08:00+00:00") is None
    assert await at("2026-03-29T06:59+00:00") == "Back on Sun 09:00."
    assert await at("2026-03-29T07:00+00:00") is None
    assert await at("2026-10-25T07:59+00:00") == "Back on Sun 09:00."
    assert await at("2026-10-25T08:00+00:00") is None


async def test_an_opening_in_the_hour_that_is_skipped_or_comes_twice(office):
    at = await office(open="02:30", close="04:00", days="mon-sun", timezone="Europe/Berlin")
    # the clock goes from 01:59 to 03:00
    assert await at("2026-03-29T00:59+00:00") == "Back on Sun 02:30."
    assert await at("2026-03-29T01:00+00:00") is None
    # 02:00 to 02:59 comes twice
    assert await at("2026-10-25T00:29+00:00") == "Back on Sun 02:30."
    assert await at("2026-10-25T00:30+00:00") is None
    assert await at("2026-10-25T01:29+00:00") == "Back on Sun 02:30."
    assert await at("2026-10-25T01:30+00:00") is None


async def test_rules_answer_at_any_hour_and_a_greeting_stands_alone(responder, set_clock):
    bot = await responder(
        greeting="Hello!",
        rules=[{"equals": "price", "reply": "5"}],
        office_hours={"open": "09:00", "close": "17:00", "closed": "Good night, {sender.name}."},
    )
    set_clock(bot, "2026-03-09T20:00+00:00")
    assert await bot.dm("hello") == ["Hello!"]
    assert await bot.dm("price") == ["5"]
    assert await bot.dm("hello") == ["Good night, alice."]
    set_clock(bot, "2026-03-10T12:00+00:00")
    assert await bot.dm("hello") == []
