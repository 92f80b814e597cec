"""Every sample body that X or its users published: which event, for whom, by whom, and under which id.

``samples.tsv`` is the table. ``other`` is ``-`` where the conversation is the account's own; ids stand there
without the account in front.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import pytest

from botkit import events
from botkit.x import parse, split

PAYLOADS = Path(__file__).parent.parent / "payloads"
TABLE = Path(__file__).with_name("samples.tsv").read_text("utf-8")
ROWS = list(csv.DictReader(TABLE.splitlines(), dialect="excel-tab"))
RECEIVED_AT = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_sample(row: dict[str, str]) -> None:
    body = (PAYLOADS / f"{row['file']}.json").read_bytes()
    account = row["account"].removeprefix("-")
    other = account if row["other"] == "-" else row["other"]
    (item,) = split(body)
    assert item.payload is body
    assert item.id == f"{account}:{row['id']}"
    assert (item.conversation.account_id, item.conversation.other_id) == (account, other)
    event = parse(item, received_at=RECEIVED_AT)
    assert type(event) is getattr(events, row["event"])
    assert (event.id, event.account_id, event.by_us) == (item.id, account, row["by_us"] == "us")
    assert event.at.utcoffset() is not None
    assert event.raw


def test_no_sample_is_left_out() -> None:
    kept = {
        f"{path.parent.name}/{path.stem}"
        for kind in ("aaa", "xaa", "stream")
        for path in (PAYLOADS / kind).iterdir()
    }
    assert kept == {row["file"] for row in ROWS}
