"""Any JSON object is split and parsed, and nothing in it makes either raise."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.errors import BadPayload
from botkit.x import Conversation, Item, parse, split

if TYPE_CHECKING:
    from botkit.events import Event

PAYLOADS = Path(__file__).parent.parent / "payloads"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
SAMPLES: list[Any] = [
    json.loads(path.read_text("utf-8"))
    for kind in ("aaa", "xaa", "stream")
    for path in sorted((PAYLOADS / kind).iterdir())
    if path.stat().st_size < 8_000
]

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
keys = st.sampled_from(
    [
        "for_user_id",
        "direct_message_events",
        "direct_message_mark_read_events",
        "tweet_create_events",
        "follow_events",
        "favorite_events",
        "user_event",
        "replay_job_status",
        "data",
        "users",
        "matching_rules",
        "new_events",
    ]
)


def walk(body: bytes) -> list[Event]:
    found = []
    for item in split(body, own_ids=frozenset({"1"})):
        assert len(item.id) < 1_000
        assert Conversation.from_key(item.conversation.key) == item.conversation
        event = parse(item, received_at=NOW)
        assert event.id == item.id
        assert event.at.tzinfo is not None
        repr(event)
        found.append(event)
    assert found
    return found


@given(st.dictionaries(keys | st.text(), values, max_size=4))
def test_any_object(body: dict[str, Any]) -> None:
    walk(json.dumps(body).encode())


@given(st.binary())
def test_any_bytes(body: bytes) -> None:
    try:
        split(body)
    except BadPayload:
        return


@given(st.binary())
def test_any_stored_bytes_are_parsed(body: bytes) -> None:
    assert parse(Item("x", Conversation("1", "2"), body), received_at=NOW).id == "x"


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


@settings(max_examples=300)
@given(st.data())
def test_a_sample_with_anything_in_any_place(data: st.DataObject) -> None:
    """Every member of every sample may be something else, or gone."""
    body = copy.deepcopy(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(body)[1:] or [()]))
        if not path:
            break
        holder = body
        for key in path[:-1]:
            holder = holder[key]
        if data.draw(st.booleans()):
            del holder[path[-1]]
        else:
            holder[path[-1]] = data.draw(values)
    walk(json.dumps(body).encode())


@given(st.lists(st.sampled_from(SAMPLES), min_size=2, max_size=4))
def test_mixed_samples_lose_nothing(bodies: list[Any]) -> None:
    """Several envelopes of XAA in one body are as many events."""
    envelopes = [body["data"] for body in bodies if "data" in body and "matching_rules" not in body]
    if envelopes:
        assert len(walk(json.dumps({"data": envelopes}).encode())) == len(envelopes)
