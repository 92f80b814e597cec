"""The benchmarks measure what they say: bodies that are taken, whole answers, rows that can be read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.bodies import ACCOUNT, SECRET, direct_message, request
from benchmarks.plan import Plan, bench
from benchmarks.receive import receive
from benchmarks.report import Row, machine, table, write_json
from benchmarks.subjects import SUBJECTS
from botkit.x import check_signature, split

ROOT = Path(__file__).parents[2]


def test_the_load_is_signed_and_every_message_is_one_event() -> None:
    seen = set()
    for number in range(50):
        head, _, body = request("x", number).partition(b"\r\n\r\n")
        signature = next(line for line in head.decode().split("\r\n") if line.startswith("x-twitter"))
        check_signature([SECRET], body, signature.partition(": ")[2])
        (item,) = split(body)
        assert item.conversation.account_id == ACCOUNT
        seen.add((item.id, item.conversation.key))
    assert len(seen) == 50


def test_messages_are_as_large_as_they_are_said_to_be() -> None:
    assert 1700 <= len(direct_message(1)) <= 2300
    assert 500 <= len(direct_message(1, size=700)) <= 900
    for flavour in ("slack", "telegram"):
        assert 1700 <= len(request(flavour, 1).partition(b"\r\n\r\n")[2]) <= 2400


def test_one_sender_is_one_conversation() -> None:
    keys = {split(direct_message(number, sender=number % 3))[0].conversation.key for number in range(30)}
    assert len(keys) == 3


ROWS = [
    Row(subject="receive", case="bare", value=20_000.0, unit="requests/s", ratio=1.0, baseline="bare"),
    Row(subject="receive", case="more", value=10_000.0, unit="requests/s", ratio=0.5, baseline="bare"),
    Row(subject="start", case="help", value=0.123, unit="s", detail={"p99 ms": 12.34}),
]


def test_the_table_has_a_line_a_case_under_its_subject() -> None:
    lines = table(ROWS).split("\n")
    assert [line.split()[0] for line in lines[1:] if line.strip()] == ["receive", "more", "start"]
    assert "10,000 requests/s" in lines[2]
    assert " 0.50 " in lines[2]
    assert "0.12 s" in lines[4]
    assert "p99 ms 12.3" in lines[4]


def test_the_results_can_be_read_by_programs(tmp_path: Path) -> None:
    write_json(tmp_path / "results.json", ROWS, machine())
    read: dict[str, Any] = json.loads((tmp_path / "results.json").read_text())
    assert [row["case"] for row in read["rows"]] == ["bare", "more", "help"]
    assert read["machine"]["cores"] >= 1


def test_an_unknown_subject_is_refused_with_those_there_are() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "benchmarks", "recieve"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "there is no subject recieve" in refused.stderr
    assert all(name in refused.stderr for name in SUBJECTS)


@pytest.mark.skipif(sys.platform == "win32", reason="processes are pinned and measured as on Linux")
def test_every_step_of_the_receive_path_is_measured() -> None:
    """Real processes, a few requests: what it says of time is nothing, that it ends is something."""
    with bench(Plan(rounds=1, requests=200, postgres=False)) as tools:
        rows = receive(tools)
    assert [row.case for row in rows] == [
        "bare aiohttp",
        "verify",
        "verify + cut",
        "botkit: verify + cut + commit",
        "botkit: all, with the reply",
    ]
    assert all(row.value > 0 and row.ratio for row in rows)
