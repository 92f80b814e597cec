"""Likes, relations, live events and the rest; and what botkit does not know."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from botkit import events as e
from botkit.x import parse, split

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


def test_a_like_received_and_a_like_given() -> None:
    received = read(sample("aaa/favorite"), e.Like)
    assert (received.user.username, received.post_author.username) == ("TanuLearns", "bagou")
    assert (received.post_id, received.post_text) == ("1124287614780047362", "Hello @Delphes99 alors ?")
    given = read(sample("xaa/like_create"), e.Like)
    assert (given.user.id, given.post_author.username, given.by_us) == (A, "PublicUser", True)
    assert given.at == datetime(2026, 7, 24, 21, 12, 45, 236000, tzinfo=UTC)
    assert given.post_text


@pytest.mark.parametrize(
    ("filter_", "author", "users", "liker", "by_us"),
    [
        ({"direction": "inbound"}, A, [], "", False),
        ({"direction": "inbound"}, A, [{"id": A}, {"id": "5", "username": "five"}], "5", False),
        ({"direction": "inbound"}, A, [{"id": "5"}, {"id": "6"}], "", False),
        ({}, A, [], "", False),
        ({}, "5", [], A, True),
        ({"direction": "outbound"}, A, [], A, True),
    ],
)
def test_who_liked(filter_: dict[str, str], author: str, users: list[Any], liker: str, by_us: bool) -> None:
    body = {
        "data": {
            "event_type": "like.create",
            "filter": {"user_id": A, **filter_},
            "payload": {"id": "ab", "liked_tweet_id": "5", "tweet_author_id": author},
            "includes": {"users": users},
        }
    }
    event = read(body, e.Like)
    assert (event.user.id, event.by_us) == (liker, by_us)


def test_follows_in_both_formats() -> None:
    old = read(sample("aaa/follow"), e.Follow)
    assert (old.source.username, old.target.followers) == ("test_twit_42", 12)
    assert old.source.url
    new = read(sample("xaa/follow_follow"), e.Follow)
    assert (new.source.username, new.target.name, new.at) == ("ExampleUser", "AnotherUser", NOW)
    body = sample("aaa/follow")
    body["for_user_id"] = body["follow_events"][0]["target"]["id"]
    assert read(body, e.Follow).by_us is False


@pytest.mark.parametrize(
    ("key", "kind"),
    [("unfollow_events", e.Unfollow), ("unblock_events", e.Unblock), ("unmute_events", e.Unmute)],
)
def test_the_arrays_that_only_the_documents_know(key: str, kind: type[e.Event]) -> None:
    found = sample("aaa/follow")["follow_events"][0]
    del found["type"]
    read({"for_user_id": "1245855954975051776", key: [found]}, kind)


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("mute.mute", e.Mute),
        ("mute.unmute", e.Unmute),
        ("block.block", e.Block),
        ("block.unblock", e.Unblock),
    ],
)
def test_mutes_and_blocks_are_read_like_follows(event_type: str, kind: type[e.Event]) -> None:
    payload = {"source": {"data": {"id": A}}, "target": {"id": B}}
    event = read(
        {"data": {"event_type": event_type, "event_uuid": "4", "filter": {"user_id": A}, "payload": payload}},
        kind,
    )
    assert event.by_us


def test_a_deleted_post() -> None:
    old = read(sample("aaa/tweet_delete"), e.PostDeleted)
    assert (old.post_id, old.author.id) == ("1045405559317569537", "930524282358325248")
    new = read(sample("xaa/post_delete"), e.PostDeleted)
    assert (new.author.username, new.at) == ("ExampleUser", NOW)


def test_a_changed_profile_keeps_its_words() -> None:
    event = read(sample("xaa/profile_update_bio_no_uuid"), e.ProfileUpdated)
    assert (event.part, event.before, event.after) == ("bio", "Mars & Cars", "Mars, Cars & AI")


def test_live_events() -> None:
    start = read(sample("xaa/broadcast_start"), e.BroadcastStarted)
    assert (start.title, start.user.username) == ("Example broadcast", "example_broadcaster")
    assert start.at == datetime(2024, 7, 3, 9, 46, 43, 500000, tzinfo=UTC)
    assert read(sample("xaa/spaces_start"), e.SpaceStarted).user.username == "ExampleUser"
    chat = read(sample("xaa/broadcast_chat"), e.BroadcastChat)
    assert (chat.text, chat.sender.username, chat.broadcast_id) == ("test", "ExampleUser", "1mGPaZaAdNqJN")


def test_news_chat_replay_and_revocation() -> None:
    news = read(sample("xaa/news_new"), e.NewsPublished)
    assert (news.keyword, news.title, len(news.post_ids)) == (
        "OpenAI",
        "ChatGPT Adds Custom Virtual Pets for Sharing",
        3,
    )
    chat = read(sample("xaa/chat_sent"), e.ChatMessage)
    assert (chat.conversation_id, chat.by_us) == (f"{B}:{A}", True)
    replay = read(sample("aaa/replay_job_status_incomplete"), e.ReplayFinished)
    assert (replay.complete, replay.job_id) == (False, "1093226942650736640")
    revoked = read(sample("xaa/oauth_revoke"), e.Revoked)
    assert (revoked.user_id, revoked.app_id) == (A, "29820954")


# -- what botkit does not know -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"for_user_id": "1", "list_events": [{"type": "added"}]}, "list_events.added"),
        ({"for_user_id": "1", "list_events": [{}]}, "list_events"),
        ({"for_user_id": "1", "follow_events": [{"type": "befriend"}]}, "follow_events.befriend"),
        (
            {"for_user_id": "1", "direct_message_events": [{"type": "message_create"}]},
            "direct_message_events",
        ),
        ({"user_event": {"renamed": {}}}, "user_event"),
        ({"data": {"event_type": "chat.conversation_join", "payload": {}}}, "chat.conversation.join"),
        ({"data": {"event_type": "chat.update.group_name", "payload": 5}}, "chat.update.group_name"),
        ({"data": {"event_type": "dm.received", "payload": {}}}, "dm.received"),
        ({"data": {"event_type": "post.create", "payload": {}}}, "post.create"),
        ({"data": {"event_type": "follow.follow"}}, "follow.follow"),
        ({"data": {"id": "5"}, "matching_rules": [{"id": "6"}]}, "stream.post"),
        ({"x": 1}, "unknown"),
    ],
)
def test_the_unknown_is_kept_whole_under_x_s_name(body: dict[str, Any], kind: str) -> None:
    event = read(body, e.UnknownEvent)
    assert (event.kind, event.raw, event.at) == (kind, body, NOW)


def test_no_text_is_in_the_repr_of_an_event() -> None:
    for name in ("aaa/direct_message_received_with_app", "xaa/dm_received", "aaa/tweet_create_mention"):
        (item,) = split((PAYLOADS / f"{name}.json").read_bytes())
        shown = repr(parse(item, received_at=NOW))
        assert "Hello" not in shown
        assert "hello" not in shown
