"""The manual's page on the simulator names every fault and request, and its examples work."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

from botkit.simulator.control import Control
from botkit.simulator.faults import Faults

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "simulator.md").read_text(encoding="utf-8")
ADDRESS = "http://127.0.0.1:8081"


def test_every_fault_is_described() -> None:
    names = {field.name for field in dataclasses.fields(Faults)} - {"delay_s", "reset_s", "path"}
    table = PAGE.partition("## Faults")[2].partition("`path` limits")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == names
    for name in ("delay_s", "reset_s", "path"):
        assert f"`{name}`" in PAGE


def test_every_request_is_listed(rig) -> None:
    rows = "\n".join(re.findall(r"^\| `(?:GET|POST|PUT).*", PAGE, re.MULTILINE))
    for route in Control(rig.sim._parts).routes():
        name = route.path.removeprefix("/_sim/")
        row = next(
            (row for row in rows.splitlines() if re.search(rf"`[^`]*\b{name}`", row.split("|")[1])), ""
        )
        assert route.method in row, route


async def test_the_examples_work_as_written(rig) -> None:
    commands = re.findall(r"^curl -s (.*?[^\\])$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(commands) >= 6
    for command in commands:
        method = re.search(r"-X (\w+)", command)
        body = re.search(r"-d '(.*)'", command)
        (url,) = re.findall(rf"{ADDRESS}/_sim/([^'\s]+)", command)
        if url.startswith("replies"):
            continue  # there is no bot that would answer
        assert not body or "content-type: application/json" in command
        status, answer = await rig.control(
            method[1] if method else "POST" if body else "GET", url, json.loads(body[1]) if body else None
        )
        assert status == 200, answer
