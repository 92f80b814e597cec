"""Durations in words: ``after=minutes(5)``. Every duration in botkit is a number of seconds."""

from __future__ import annotations

__all__ = ["days", "hours", "minutes", "seconds"]


def seconds(count: float) -> float:
    """``count`` seconds, for symmetry."""
    return float(count)


def minutes(count: float) -> float:
    """``count`` minutes, in seconds."""
    return count * 60.0


def hours(count: float) -> float:
    """``count`` hours, in seconds."""
    return count * 3600.0


def days(count: float) -> float:
    """``count`` days of 24 hours, in seconds."""
    return count * 86400.0
