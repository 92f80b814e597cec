"""Durations and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.config.units import format_duration, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        *[("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), ("250ms", 0.25), ("1h30m", 5400)],
        *[("1.5m", 90), ("0", 0), ("45", 45), (7, 7), (0.5, 0.5)],
    ],
)
def test_a_duration_is_read_as_seconds(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "s", "5 m", "-5s", "5x", "5M", "1h 30m", "٣s", "30s\n", -1, float("nan"), float("inf")]
)
def test_what_is_no_duration_is_refused(text: str | float) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@settings(deadline=None)
@given(st.integers(0, 10**9))
def test_a_formatted_duration_reads_back(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-6)


@settings(deadline=None)
@given(st.integers(0, 10**7))
def test_whole_seconds_read_back_exactly(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "1m30s"), (0.25, "250ms"), (86400, "1d"), (3600, "1h"), (1.5, "1.5s")],
)
def test_a_duration_is_written_as_people_would(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1MiB", 1048576),
        ("500 kB", 500000),
        ("2KiB", 2048),
        ("1GiB", 2**30),
        ("1.5KiB", 1536),
        (10, 10),
        ("10B", 10),
    ],
)
def test_a_size_is_read_as_bytes(text: str | float, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "1mib", "1 XB", "-1", -1, 0.5, "0.3B", float("inf")])
def test_what_is_no_size_is_refused(text: str | float) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)
