"""The traps in direct messages: texts, attachments, options, times, and users who are missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit import events as e
from botkit.x import parse, split
from botkit.x.values import first_snowflake, snowflake_time

PAYLOADS = Path(__file__).parent.parent / "payloads"
NOW = datetime(2030, 1, 1, tzinfo=UTC)
A, B = "1111111111111111111", "2222222222222222222"
E = TypeVar("E", bound=e.Event)


def sample(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return loaded


def read(body: object, kind: type[E]) -> E:
    (item,) = split(json.dumps(body).encode())
    event = parse(item, received_at=NOW)
    assert type(event) is kind
    return event


def test_a_received_message() -> None:
    event = read(sample("aaa/direct_message_received_with_app"), e.DirectMessage)
    assert event.message_id == "954491830116155396"
    assert event.at == datetime(2018, 1, 19, 23, 12, 40, 557000, tzinfo=UTC)
    assert (event.sender.id, event.sender.username, event.sender.name) == (
        "3001969357",
        "furiouscamper",
        "Jordan Brinks",
    )
    assert (event.sender.location, event.sender.followers, event.sender.following, event.sender.posts) == (
        "Boulder, CO",
        22,
        45,
        494,
    )
    assert event.sender.created_at == datetime(2015, 1, 29, 18, 27, 49, 340000, tzinfo=UTC)
    assert event.recipient.username == "Harris_0ff"
    assert (event.text, event.app_id, event.quick_reply) == ("Hello World!", "13090192", None)


def test_an_xaa_message_is_the_same_kind_of_event() -> None:
    event = read(sample("xaa/dm_received"), e.DirectMessage)
    assert (event.text, event.sender.username, event.sender.followers) == ("hello!", "OtherUser", 97)
    assert event.sender.created_at == datetime(2026, 4, 20, 19, 55, 59, tzinfo=UTC)
    assert event.recipient.location == "San Francisco, CA"


def test_a_users_name_is_its_handle_or_id_where_x_sent_none() -> None:
    body = sample("aaa/direct_message_received")
    del body["users"]["707685546848550916"]["name"]
    assert read(body, e.DirectMessage).sender.name == "virginie_buchin"
    del body["users"]["707685546848550916"]
    user = read(body, e.DirectMessage).sender
    assert (user.id, user.username, user.name) == ("707685546848550916", "", "707685546848550916")


def test_a_text_is_unescaped_once() -> None:
    body = sample("aaa/direct_message_received")
    data = body["direct_message_events"][0]["message_create"]["message_data"]
    data["text"] = "&lt;b&gt; &amp;amp; &amp;lt; AT&amp;T &copy; &quot;"
    assert read(body, e.DirectMessage).text == "<b> &amp; &lt; AT&T &copy; &quot;"


def test_a_tapped_option() -> None:
    body = sample("aaa/direct_message_quick_reply_response")
    event = read(body, e.DirectMessage)
    assert (event.quick_reply, event.text) == ("location_list", "Pick area of interest from list")
    data = body["direct_message_events"][0]["message_create"]["message_data"]
    del data["quick_reply_response"]["metadata"]
    assert read(body, e.DirectMessage).quick_reply == ""
    del data["quick_reply_response"]
    assert read(body, e.DirectMessage).quick_reply is None


def test_a_shared_place() -> None:
    event = read(sample("aaa/direct_message_location_attachment"), e.DirectMessage)
    assert event.location == e.Location(latitude=32.717900045251, longitude=-97.32473787098)
    assert (event.text, event.links, event.quick_reply) == ("", (), None)


@pytest.mark.parametrize("coordinates", [None, [], [1], ["1", "2"], [1, 200], [1, 2, 3], [None, None]])
def test_an_impossible_place_is_none(coordinates: object) -> None:
    body = sample("aaa/direct_message_location_attachment")
    attachment = body["direct_message_events"][0]["message_create"]["message_data"]["attachment"]
    attachment["location"]["shared_coordinate"]["coordinates"]["coordinates"] = coordinates
    assert read(body, e.DirectMessage).location is None


def test_a_picture_in_a_message() -> None:
    event = read(sample("aaa/direct_message_media_minimal"), e.DirectMessage)
    assert event.media == (e.Media(url="https://image.foo.com/image.jpg"),)
    assert event.text == "Hello"


def test_the_link_x_adds_for_an_attachment_is_not_text() -> None:
    body = sample("aaa/direct_message_media_minimal")
    data = body["direct_message_events"][0]["message_create"]["message_data"]
    url = "https://t.co/abc"
    data["text"] = f"see https://t.co/own {url}"
    data["entities"] = {
        "urls": [{"url": "https://t.co/own", "expanded_url": "https://own.example"}, {"url": url}]
    }
    data["attachment"]["media"].update(url=url, type="animated_gif", id_str="9")
    event = read(body, e.DirectMessage)
    assert event.text == "see https://t.co/own"
    assert event.links == (e.Link(url="https://t.co/own", expanded_url="https://own.example"),)
    assert (event.media[0].kind, event.media[0].id) == ("gif", "9")


def test_a_sent_message_shows_the_options_it_offered() -> None:
    event = read(sample("aaa/direct_message_sent_quick_reply_options"), e.DirectMessageSent)
    assert [option.metadata for option in event.options] == [
        "speak_agent?_previous_intent=greetings",
        "train_is_running?_previous_intent=greetings",
    ]
    assert event.options[0].description == "description"
    assert event.by_bot is False
    bare = read(sample("aaa/direct_message_sent_quick_reply_options_no_desc"), e.DirectMessageSent)
    assert {option.description for option in bare.options} == {""}


def test_links_in_a_sent_message() -> None:
    event = read(sample("aaa/direct_message_sent_entities"), e.DirectMessageSent)
    assert event.links == (e.Link(url="https://t.co/N3w1YJ9hVr", expanded_url="http://www.oui.sncf"),)


def test_where_a_message_came_from() -> None:
    body = sample("aaa/direct_message_received")
    body["direct_message_events"][0]["initiated_via"] = {"tweet_id": "5", "welcome_message_id": "6"}
    event = read(body, e.DirectMessage)
    assert (event.from_post_id, event.from_welcome_message_id) == ("5", "6")


def test_a_message_without_a_time_has_the_one_in_its_id() -> None:
    body = sample("aaa/direct_message_received")
    del body["direct_message_events"][0]["created_timestamp"]
    at = read(body, e.DirectMessage).at
    assert abs((at - datetime(2019, 1, 28, 21, 39, 42, tzinfo=UTC)).total_seconds()) < 2


@pytest.mark.parametrize("found", ["", "abc", "12", "-5", "9" * 20, "٣" * 15])
def test_what_is_no_snowflake_tells_no_time(found: str) -> None:
    assert snowflake_time(found) is None


@given(st.integers(1_300_000_000, 3_000_000_000))
def test_no_id_of_a_time_is_smaller_than_its_first(at: int) -> None:
    first = first_snowflake(at)
    assert snowflake_time(str(first)) == datetime.fromtimestamp(at, UTC)
    before = snowflake_time(str(first - 1))
    assert before is not None
    assert before < datetime.fromtimestamp(at, UTC)


def test_typing_and_receipts_don_t_need_the_account_to_be_a_party() -> None:
    typing = read(sample("aaa/direct_message_indicate_typing"), e.Typing)
    assert (typing.sender.username, typing.recipient.id, typing.by_us) == ("bogusbogart", "3001969357", False)
    receipt = read(sample("aaa/direct_message_mark_read_real"), e.DirectMessageRead)
    assert receipt.last_read_message_id == "1090000991079071748"


def test_typing_without_account_activity_s_array_is_understood() -> None:
    payload = {"sender_id": B, "target": {"recipient_id": A}, "created_timestamp": "1518127183443"}
    body = {"data": {"event_type": "dm.indicate_typing", "filter": {"user_id": A}, "payload": payload}}
    assert read(body, e.Typing).sender.id == B
