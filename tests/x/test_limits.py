"""Rate limits: the documented numbers and what headers say instead."""

from __future__ import annotations

import pytest

from botkit.x.limits import DAY_S, LIMITS, QUARTER_S, HeaderLimit, WindowLimit, from_headers

NOW = 1_000_000.0


def test_the_documented_windows_of_a_direct_message() -> None:
    assert LIMITS["dm_send"] == (
        WindowLimit(15, QUARTER_S),
        WindowLimit(1_440, DAY_S),
        WindowLimit(1_440, DAY_S, "app"),
    )
    assert LIMITS["post_create"] == (WindowLimit(100, QUARTER_S), WindowLimit(10_000, DAY_S, "app"))
    assert LIMITS["like"] == (WindowLimit(50, QUARTER_S), WindowLimit(1_000, DAY_S))


def test_all_three_kinds_of_header_are_read() -> None:
    headers = {
        "x-rate-limit-limit": "99",
        "x-rate-limit-remaining": "98",
        "x-rate-limit-reset": "1000600",
        "x-user-limit-24hour-limit": "1440",
        "x-user-limit-24hour-remaining": "0",
        "x-user-limit-24hour-reset": "1040000",
        "x-app-limit-24hour-limit": "1440",
        "x-app-limit-24hour-remaining": "7",
        "x-app-limit-24hour-reset": "1080000",
    }
    assert from_headers(headers, now=NOW) == [
        HeaderLimit("call", QUARTER_S, 99, 98, 1_000_600.0),
        HeaderLimit("user", DAY_S, 1_440, 0, 1_040_000.0),
        HeaderLimit("app", DAY_S, 1_440, 7, 1_080_000.0),
    ]


@pytest.mark.parametrize(
    ("limit", "remaining", "reset"),
    [
        ("15", "14", None),
        ("15", None, "1000600"),
        ("x", "14", "1000600"),
        ("15", "-1", "1000600"),
        ("15", "14", "999999"),
        ("15", "14", "1000000"),
        ("15", "inf", "1000600"),
        ("nan", "14", "1000600"),
    ],
)
def test_a_window_that_is_not_wholly_there_is_left_out(
    limit: str | None, remaining: str | None, reset: str | None
) -> None:
    given = {"limit": limit, "remaining": remaining, "reset": reset}
    headers = {f"x-rate-limit-{name}": value for name, value in given.items() if value is not None}
    assert from_headers(headers, now=NOW) == []


def test_a_reset_is_never_further_away_than_the_window_is_long() -> None:
    headers = {"x-rate-limit-limit": "1", "x-rate-limit-remaining": "0", "x-rate-limit-reset": "99999999999"}
    (found,) = from_headers(headers, now=NOW)
    assert found.reset_at == NOW + QUARTER_S
