"""The prices are those of X's documents, and every recorded event finds its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from botkit.x.prices import DOLLAR, EVENT_PRICES, WRITE_PRICES, EventKind, event_kind
from botkit.x.subscriptions import EVENT_TYPES
from botkit.x.text import has_url

PAYLOADS = Path(__file__).parents[1] / "payloads"

#: the price list as X's pricing page has it since 2026-04-20, US dollars
WRITES = {
    "post": "0.015",
    "post_with_url": "0.200",
    "summoned_reply": "0.010",
    "dm": "0.015",
    "user_interaction": "0.015",
    "delete": "0.010",
    "content_manage": "0.005",
    "media_metadata": "0.005",
}
#: the same of events; what begins so, longest first
EVENTS = {
    "post.delete": "0",
    "post.": "0.005",
    "follow.": "0.010",
    "mute.": "0.001",
    "block.": "0.001",
    "dm.received": "0.010",
    "dm.": "0",
    "chat.received": "0.010",
    "chat.sent": "0",
    "profile.update.": "0.005",
    "spaces.": "0.005",
    "news.new": "0.005",
}
#: event types that the price list does not name
UNLISTED = {"like.create", "broadcast.start", "broadcast.end", "broadcast.chat"}


def micros(dollars: str) -> int:
    whole, _, rest = dollars.partition(".")
    return int(whole) * DOLLAR + int(rest.ljust(6, "0") or 0)


def test_writes_cost_what_the_document_says() -> None:
    assert dict(WRITE_PRICES) == {name: micros(price) for name, price in WRITES.items()}


@pytest.mark.parametrize("event_type", sorted({name for names in EVENT_TYPES.values() for name in names}))
def test_every_event_type_costs_what_the_document_says_or_has_no_price(event_type: str) -> None:
    listed = next((price for prefix, price in EVENTS.items() if event_type.startswith(prefix)), None)
    assert (listed is None) == (event_type in UNLISTED)
    assert EVENT_PRICES.get(event_type) == (None if listed is None else micros(listed))


def test_no_price_is_of_an_event_type_that_nobody_knows() -> None:
    known = {name for names in EVENT_TYPES.values() for name in names}
    assert set(EVENT_PRICES) - known == {"chat.conversation.join"}


@pytest.mark.parametrize("path", sorted((PAYLOADS / "xaa").glob("*.json")), ids=lambda path: path.stem)
def test_every_recorded_activity_finds_its_price(path: Path) -> None:
    body = path.read_bytes()
    event_type = json.loads(body)["data"]["event_type"]
    assert event_kind(body) == EventKind(event_type, EVENT_PRICES.get(event_type))


@pytest.mark.parametrize("path", sorted((PAYLOADS / "aaa").glob("*.json")), ids=lambda path: path.stem)
def test_account_activity_has_no_known_price(path: Path) -> None:
    kind = event_kind(path.read_bytes())
    assert kind.price is None
    assert kind.name in json.loads(path.read_bytes()) or kind.name == "unknown"


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"data": [{"event_type": "dm.received"}]}', "dm.received"),
        (b'{"data": [7, {"event_type": "dm.received"}]}', "dm.received"),
        (b'{"data": [{"event_type": "chat.conversation_join"}]}', "chat.conversation.join"),
        (b'{"data": {"id": "1"}, "matching_rules": []}', "stream.post"),
        (b'{"data": {"event_type": 7}}', "unknown"),
        (b'{"data": []}', "unknown"),
        (b'{"follow_events": [], "block_events": [{}]}', "block_events"),
        (b"{}", "unknown"),
        (b"[]", "unknown"),
        (b"\xff", "unknown"),
        (b"[" * 100_000, "unknown"),
    ],
)
def test_odd_bodies_have_a_kind_too(body: bytes, name: str) -> None:
    assert event_kind(body).name == name


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("see https://example.com/a", True),
        ("see example.com.", True),
        ("hello", False),
        ("me@example.com", False),
        ("v1.2 is out", False),
    ],
)
def test_a_url_is_seen_with_and_without_scheme(text: str, there: bool) -> None:
    assert has_url(text) is there
