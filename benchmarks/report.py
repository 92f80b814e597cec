"""What was measured: one row a case, a table for people and JSON for programs."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Row", "machine", "median", "spread", "table", "write_json"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case.

    :param value: the median of the rounds, in ``unit``.
    :param ratio: the median of its ratios to ``baseline``, each of the same round.
    :param detail: further numbers by name.
    """

    subject: str
    case: str
    value: float
    unit: str
    ratio: float | None = None
    baseline: str = ""
    detail: dict[str, float] = field(default_factory=dict)


def median(values: Sequence[float]) -> float:
    """The median."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> float:
    """How far the rounds lie apart: the largest through the smallest."""
    return max(values) / min(values) if values and min(values) > 0 else float("nan")


def machine() -> dict[str, Any]:
    """What it was measured on."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else (0.0, 0.0, 0.0)
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "load_before": round(load[0], 2),
    }


def table(rows: Sequence[Row]) -> str:
    """All rows, one line each, under each other."""
    head = ("", "case", "median", "ratio", "to", "more")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    shown: list[str] = []
    subject = ""
    for number, line in enumerate(lines):
        first = line[0] if line[0] != subject else ""
        if number and first and len(shown) > 1:
            shown.append("")
        subject = line[0] or subject
        cells = [
            first.ljust(widths[0]),
            line[1].ljust(widths[1]),
            line[2].rjust(widths[2]),
            line[3].rjust(widths[3]),
            line[4].ljust(widths[4]),
            line[5],
        ]
        shown.append("  ".join(cells).rstrip())
    return "\n".join(shown)


def _cells(row: Row) -> tuple[str, str, str, str, str, str]:
    more = ", ".join(f"{name} {_number(value)}" for name, value in row.detail.items())
    ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
    return row.subject, row.case, f"{_number(row.value)} {row.unit}", ratio, row.baseline, more


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def write_json(path: Path, rows: Sequence[Row], about: dict[str, Any]) -> None:
    """Write everything to a file."""
    content = {"machine": about, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, indent=2) + "\n")
