"""Cutting bodies: one event stays as it came, several become bodies of their own, nothing is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from botkit.errors import BadPayload
from botkit.events import (
    DirectMessage,
    DirectMessageRead,
    DirectMessageSent,
    Follow,
    ProfileUpdated,
    Typing,
    UnknownEvent,
)
from botkit.x import Item, parse, split

PAYLOADS = Path(__file__).parent.parent / "payloads"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def sample(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text("utf-8"))
    return loaded


def body_of(value: object) -> bytes:
    return json.dumps(value).encode()


def one(value: object, **options: Any) -> Item:
    (item,) = split(body_of(value), **options)
    return item


def message(message_id: Any, sender: Any = "2", recipient: Any = "1", **more: Any) -> dict[str, Any]:
    return {
        "type": "message_create",
        "id": message_id,
        "created_timestamp": "1518127183443",
        "message_create": {
            "sender_id": sender,
            "target": {"recipient_id": recipient},
            "message_data": {"text": f"text {message_id}"},
        },
        **more,
    }


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"for_user_id":"1"', "not JSON"),
        (b'{"a":1} x', "not JSON"),
        (b'{"a":NaN}', "not JSON"),
        (b"[]", "no object"),
        (b'[{"for_user_id":"1"}]', "no object"),
        (b'"text"', "no object"),
        (b"1", "no object"),
        (b"null", "no object"),
        (b'{"a":"\xff"}', "UTF-8"),
        ('{"a":1}'.encode("utf-16"), "UTF-8"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadPayload, match=reason):
        split(body)


def test_several_messages_become_bodies_with_one_each_and_only_their_people() -> None:
    users = {user_id: {"id": user_id, "screen_name": f"user{user_id}"} for user_id in ("1", "2", "3", "4")}
    body = {
        "for_user_id": "1",
        "direct_message_events": [message("10"), message("11", "3"), message("12", "1", "2")],
        "users": users,
        "apps": {"9": {"id": "9"}},
    }
    items = split(body_of(body))
    assert [item.id for item in items] == ["1:dm:10", "1:dm:11", "1:dm:12"]
    assert [item.conversation.key for item in items] == ["1:2", "1:3", "1:2"]
    first = json.loads(items[0].payload)
    assert first == {
        "for_user_id": "1",
        "users": {"1": users["1"], "2": users["2"]},
        "apps": body["apps"],
        "direct_message_events": [message("10")],
    }
    events = [parse(item, received_at=NOW) for item in items]
    assert [type(event) for event in events] == [DirectMessage, DirectMessage, DirectMessageSent]
    assert isinstance(events[1], DirectMessage)
    assert (events[1].sender.username, events[1].text) == ("user3", "text 11")


def test_a_cut_body_cut_again_is_itself_with_the_same_id() -> None:
    body = {"for_user_id": "1", "direct_message_events": [message("10"), message("11")]}
    for item in split(body_of(body)):
        (again,) = split(item.payload)
        assert again == item


def test_several_kinds_in_one_body_keep_their_envelope() -> None:
    body = {
        "for_user_id": "1",
        "user_has_blocked": True,
        "follow_events": sample("aaa/follow")["follow_events"],
        "direct_message_events": [message("10")],
        "some_new_events": [{"x": 1}],
        "user_event": {
            "revoke": {"date_time": "2018", "target": {"app_id": "5"}, "source": {"user_id": "1"}}
        },
    }
    items = split(body_of(body))
    assert [type(parse(item, received_at=NOW)).__name__ for item in items] == [
        "Follow",
        "DirectMessage",
        "UnknownEvent",
        "Revoked",
    ]
    for item in items:
        cut = json.loads(item.payload)
        assert cut["user_has_blocked"] is True
        assert len(cut) == 3


@pytest.mark.parametrize(
    "bad", [5, None, "text", [], {}, {"id": ["x"]}, {"id": {}}, {"type": "odd", "id": "13"}]
)
def test_a_bad_item_loses_none_of_its_neighbours(bad: object) -> None:
    body = {"for_user_id": "1", "direct_message_events": [message("10"), bad, message("12")]}
    items = split(body_of(body))
    events = [parse(item, received_at=NOW) for item in items]
    assert [type(event) for event in events] == [DirectMessage, UnknownEvent, DirectMessage]
    assert (items[0].id, items[2].id) == ("1:dm:10", "1:dm:12")
    assert len({item.id for item in items}) == 3


def test_empty_arrays_beside_an_event_are_no_events() -> None:
    item = one({"for_user_id": "1", "follow_events": [], "direct_message_events": [message("10")]})
    assert item.id == "1:dm:10"
    assert isinstance(parse(item, received_at=NOW), DirectMessage)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"for_user_id": "1"},
        {"for_user_id": "1", "direct_message_events": []},
        {"data": {}},
        {"data": []},
        {"data": "text"},
        {"data": {"event_type": 5}},
        {"hello": "world"},
        {"errors": [{"title": "operational-disconnect"}]},
    ],
)
def test_unknown_shapes_are_one_unknown_item(body: object) -> None:
    item = one(body)
    event = parse(item, received_at=NOW)
    assert isinstance(event, UnknownEvent)
    assert ":unknown:sha256-" in item.id
    assert event.raw == body


# -- the same thing, the same id --------------------------------------------------------------------------


def test_a_message_has_one_id_in_both_wire_formats() -> None:
    inner = {"direct_message_events": [message("10")]}
    old = one({"for_user_id": "1", **inner})
    new = one(
        {
            "data": {
                "event_type": "dm.received",
                "filter": {"user_id": "1"},
                "event_uuid": "7",
                "payload": inner,
            }
        }
    )
    assert (old.id, old.conversation) == (new.id, new.conversation)


def test_a_post_has_one_id_whatever_the_kind_and_the_format() -> None:
    old = one(
        {
            "for_user_id": "1",
            "tweet_create_events": [{"id": 1, "id_str": "50", "user": {"id": 2, "id_str": "2"}}],
        }
    )
    ids = {
        one(
            {
                "data": {
                    "event_type": kind,
                    "event_uuid": kind,
                    "filter": {"user_id": "1"},
                    "payload": {"id": "50", "author_id": "2"},
                }
            }
        ).id
        for kind in ("post.mention.create", "post.reply.create", "post.quote.create", "post.repost.create")
    }
    assert ids == {old.id}


def test_like_deletion_and_revocation_have_one_id_in_both_formats() -> None:
    like = sample("aaa/favorite")["favorite_events"][0]
    revoke = sample("aaa/user_event_revoke")
    pairs = [
        (
            {"for_user_id": "1", "favorite_events": [like]},
            {"event_type": "like.create", "filter": {"user_id": "1"}, "payload": {"id": like["id"]}},
        ),
        (
            {"for_user_id": "1", "tweet_delete_events": [{"status": {"id": "50", "user_id": "1"}}]},
            {
                "event_type": "post.delete",
                "filter": {"user_id": "1"},
                "payload": {"id": "50", "author_id": "1"},
            },
        ),
        (
            revoke,
            {
                "event_type": "oauth.revoke",
                "filter": {},
                "payload": {
                    "date_time": revoke["user_event"]["revoke"]["date_time"],
                    "user_id": "63046977",
                    "app_id": "13090192",
                },
            },
        ),
    ]
    for old, new in pairs:
        assert one(old).id == one({"data": {"event_uuid": "-3", **new}}).id


def test_typing_and_receipts_have_one_id_in_both_formats() -> None:
    for name, event_type, event in (
        ("aaa/direct_message_indicate_typing_real", "dm.indicate_typing", Typing),
        ("aaa/direct_message_mark_read_real", "dm.read", DirectMessageRead),
    ):
        old = sample(name)
        account = old.pop("for_user_id")
        new = one({"data": {"event_type": event_type, "filter": {"user_id": account}, "payload": old}})
        assert new.id == one({"for_user_id": account, **old}).id
        assert isinstance(parse(new, received_at=NOW), event)


def test_two_accounts_in_one_conversation_have_an_id_each() -> None:
    ids = {
        one({"for_user_id": account, "direct_message_events": [message("10")]}).id for account in ("1", "2")
    }
    assert ids == {"1:dm:10", "2:dm:10"}


def test_relations_without_ids_differ_by_time_alone() -> None:
    follow = sample("aaa/follow")
    later = json.loads(json.dumps(follow))
    later["follow_events"][0]["created_timestamp"] = "1586216143968"
    assert one(follow).id == one(follow).id != one(later).id


def test_a_digest_does_not_see_order_spacing_or_a_missing_uuid_elsewhere() -> None:
    def update(**envelope: Any) -> dict[str, Any]:
        return {"data": {"event_type": "profile.update.bio", "filter": {"user_id": "1"}, **envelope}}

    plain = one(update(payload={"before": "a", "after": "b"}))
    turned = (
        b'{"data": {"payload": { "after":"b",\n"before":"\\u0061"}, "filter": {"user_id":"1"}, "tag": "t",'
    )
    turned += b'"event_type":"profile.update.bio"}}'
    assert split(turned)[0].id == plain.id
    assert one(update(payload={"before": "a", "after": "c"})).id != plain.id
    assert one(update(payload={"before": "a", "after": "b"}, event_uuid="5")).id == "1:profile.update.bio:5"


def test_one_story_under_two_keywords_is_two_events() -> None:
    ids = {
        one({"data": {"event_type": "news.new", "filter": {"keyword": word}, "payload": {"id": "5"}}}).id
        for word in ("cats", "chats de gouttière")
    }
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("message_id", "key"),
    [
        (10, "10"),
        ("10", "10"),
        (None, "sha256-"),
        ("", "sha256-"),
        ("x" * 257, "sha256-"),
        (10**4000, "sha256-"),
        (-1, "sha256-"),
        (1.5, "sha256-"),
        (True, "sha256-"),
        ("a b", "sha256-"),
        ("a:b", "sha256-"),
        ("a\nb", "sha256-"),
    ],
)
def test_odd_ids_make_safe_keys(message_id: object, key: str) -> None:
    item = one({"for_user_id": "1", "direct_message_events": [message("$")]})
    body = body_of({"for_user_id": "1", "direct_message_events": [message("$")]})
    (item,) = split(body.replace(b'"id": "$"', b'"id": ' + json.dumps(message_id).encode()))
    assert item.id.startswith(f"1:dm:{key}")
    assert len(item.id) < 300
    assert item.conversation.key == "1:2"


def test_an_account_that_is_no_id_is_none() -> None:
    accounts: list[object] = ["1:2", "x" * 300, None, {}, []]
    for account in accounts:
        item = one({"for_user_id": account, "direct_message_events": [message("10")]})
        assert item.conversation.account_id in {"", "1"}


# -- bodies that name no account ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own_ids", "account", "other"),
    [((), "1", "2"), (("1",), "1", "2"), (("2",), "2", "1"), (("1", "2"), "1", "2"), (("7",), "1", "2")],
)
def test_own_ids_decide_whose_message_it_is(own_ids: tuple[str, ...], account: str, other: str) -> None:
    item = one({"direct_message_events": [message("10")]}, own_ids=frozenset(own_ids))
    assert (item.conversation.account_id, item.conversation.other_id) == (account, other)
    event = parse(item, received_at=NOW)
    assert event.by_us is (account == "2")


def test_own_ids_decide_whose_post_it_is() -> None:
    tweet = sample("aaa/tweet_create_mention")["tweet_create_events"]
    item = one({"tweet_create_events": tweet}, own_ids=frozenset({"602907365"}))
    assert item.conversation.key == "602907365:14235326"
    assert one({"tweet_create_events": tweet}).conversation.account_id == ""


# -- XAA ---------------------------------------------------------------------------------------------------


def test_data_may_be_an_array() -> None:
    follow, bio = sample("xaa/follow_follow")["data"], sample("xaa/profile_update_bio")["data"]
    item = one({"data": [follow]})
    assert item.id == one({"data": follow}).id
    items = split(body_of({"data": [follow, 5, bio]}))
    assert [type(parse(item, received_at=NOW)) for item in items] == [Follow, UnknownEvent, ProfileUpdated]
    assert json.loads(items[2].payload) == {"data": [bio]}


def test_one_envelope_may_hold_several_messages() -> None:
    data = sample("xaa/dm_received")["data"]
    users = data["payload"]["users"]
    account, other = "1111111111111111111", "2222222222222222222"
    data["payload"]["direct_message_events"] = [
        message("10", other, account),
        {"type": "participants_join", "id": "11"},
        message("12", "3", account),
    ]
    items = split(body_of({"data": data}))
    assert [item.id for item in items] == [f"{account}:dm:{key}" for key in ("10", "11", "12")]
    events = [parse(item, received_at=NOW) for item in items]
    assert [type(event) for event in events] == [DirectMessage, UnknownEvent, DirectMessage]
    first = json.loads(items[0].payload)["data"]
    assert first["payload"]["users"] == users
    assert {key: value for key, value in first.items() if key != "payload"} == {
        key: value for key, value in data.items() if key != "payload"
    }
    assert "users" in json.loads(items[2].payload)["data"]["payload"]
    assert isinstance(events[0], DirectMessage)
    assert events[0].sender.username == "OtherUser"


@pytest.mark.parametrize(
    "odd", [{"filter": 5}, {"filter": []}, {"event_uuid": {}}, {"tag": [1]}, {"includes": 5}]
)
def test_odd_members_of_an_envelope_lose_none_of_its_messages(odd: dict[str, Any]) -> None:
    data = sample("xaa/dm_received")["data"] | odd
    data["payload"]["direct_message_events"] = [message("10"), message("11")]
    items = split(body_of({"data": data}))
    assert [item.id.partition(":")[2] for item in items] == ["dm:10", "dm:11"]
    assert all(isinstance(parse(item, received_at=NOW), DirectMessage) for item in items)


@pytest.mark.parametrize("wrap", ["account activity", "activity"])
def test_many_messages_in_one_body_cost_what_they_weigh(wrap: str) -> None:
    """Each copy holds two users, not the whole map, and no envelope is read once per message."""
    users = {str(number): {"id": str(number), "name": "n" * 50} for number in range(1_000)}
    inner = {"direct_message_events": [message(str(number)) for number in range(1_000)], "users": users}
    body = {"for_user_id": "1", **inner}
    if wrap == "activity":
        body = {"data": {"event_type": "dm.received", "filter": {"user_id": "1"}, "payload": inner}}
    items = split(body_of(body))
    assert len({item.id for item in items}) == 1_000
    assert max(len(item.payload) for item in items) < 700


def test_a_type_with_two_names_is_one() -> None:
    ids = {
        one({"data": {"event_type": name, "event_uuid": "5", "filter": {"user_id": "1"}, "payload": {}}}).id
        for name in ("chat.conversation.join", "chat.conversation_join")
    }
    assert ids == {"1:chat.conversation.join:5"}


def test_without_a_filter_the_type_tells_the_account() -> None:
    inner = {"direct_message_events": [message("10")]}
    assert one({"data": {"event_type": "dm.received", "payload": inner}}).conversation.key == "1:2"
    assert one({"data": {"event_type": "dm.sent", "payload": inner}}).conversation.key == "2:1"
    own = {"event_type": "post.create", "payload": {"id": "5", "author_id": "1"}}
    assert one({"data": own}).conversation.key == "1:1"


def test_an_inbound_like_belongs_to_the_one_other_user_who_came_along() -> None:
    like = {
        "event_type": "like.create",
        "filter": {"user_id": "1", "direction": "inbound"},
        "payload": {"id": "ab", "liked_tweet_id": "5", "liked_tweet_author_id": "1"},
    }
    assert one({"data": like}).conversation.key == "1:"
    like["includes"] = {"users": [{"id": "1"}, {"data": {"id": "2"}}]}
    assert one({"data": like}).conversation.key == "1:2"


def test_a_like_without_a_direction_is_the_account_s_own_unless_its_post_was_liked() -> None:
    def conversation(author: str) -> str:
        payload = {"id": "ab", "liked_tweet_id": "5", "liked_tweet_author_id": author}
        return one(
            {"data": {"event_type": "like.create", "filter": {"user_id": "1"}, "payload": payload}}
        ).conversation.key

    assert conversation("3") == "1:3"
    assert conversation("1") == "1:"


# -- odd JSON ----------------------------------------------------------------------------------------------


def test_half_a_surrogate_pair_is_replaced_and_loses_no_message() -> None:
    text = rb'"\ud83d\ude00 \\ud83d \ud83d"'
    body = body_of({"for_user_id": "1", "direct_message_events": [message("10")]}).replace(b'"text 10"', text)
    event = parse(split(body)[0], received_at=NOW)
    assert isinstance(event, DirectMessage)
    assert event.text == "\U0001f600 \\ud83d \ufffd"


def test_a_number_beyond_any_double_loses_no_message() -> None:
    body = body_of({"for_user_id": "1", "direct_message_events": [message("10", odd=1)]})
    event = parse(split(body.replace(b'"odd": 1', b'"odd": 1e999'))[0], received_at=NOW)
    assert isinstance(event, DirectMessage)


def test_the_last_of_two_equal_keys_counts_for_both_readers() -> None:
    body = body_of({"for_user_id": "1", "direct_message_events": [message("10")]})
    doubled = b'{"for_user_id":"9",' + body[1:]
    item = split(doubled)[0]
    assert item.id == "1:dm:10"
    assert isinstance(parse(item, received_at=NOW), DirectMessage)
