"""The traps in X's events: texts, times, directions, kinds, users, and what is missing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from botkit import events as e
from botkit.x import parse, split
from botkit.x.values import snowflake_time

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


# -- direct messages ---------------------------------------------------------------------------------------


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


def test_typing_and_receipts_don_t_need_the_account_to_be_a_party() -> None:
    typing = read(sample("aaa/direct_message_indicate_typing"), e.Typing)
    assert (typing.sender.username, typing.recipient.id, typing.by_us) == ("bogusbogart", "3001969357", False)
    receipt = read(sample("aaa/direct_message_mark_read_real"), e.DirectMessageRead)
    assert receipt.last_read_message_id == "1090000991079071748"


def test_typing_without_account_activity_s_array_is_understood() -> None:
    payload = {"sender_id": B, "target": {"recipient_id": A}, "created_timestamp": "1518127183443"}
    body = {"data": {"event_type": "dm.indicate_typing", "filter": {"user_id": A}, "payload": payload}}
    assert read(body, e.Typing).sender.id == B


# -- posts -------------------------------------------------------------------------------------------------


def tweet(**members: Any) -> dict[str, Any]:
    user = {"id": 2, "id_str": "2", "screen_name": "two", "name": "Two"}
    return {
        "for_user_id": "1",
        "tweet_create_events": [{"id_str": "50", "text": "t", "user": user, **members}],
    }


MENTION = {"entities": {"user_mentions": [{"id": 1, "id_str": "1", "screen_name": "one"}]}}
REPLY_TO_US = {"in_reply_to_status_id_str": "40", "in_reply_to_user_id_str": "1"}
REPLY_TO_OTHER = {"in_reply_to_status_id_str": "40", "in_reply_to_user_id_str": "3"}
QUOTE_OF_US = {
    "is_quote_status": True,
    "quoted_status_id_str": "41",
    "quoted_status": {"id_str": "41", "user": {"id_str": "1"}},
}
QUOTE_OF_OTHER = {
    "is_quote_status": True,
    "quoted_status_id_str": "42",
    "quoted_status": {"id_str": "42", "user": {"id_str": "3"}},
}
REPOST_OF_US = {"retweeted_status": {"id_str": "43", "text": "o", "user": {"id_str": "1"}}}
BY_US = {"user": {"id_str": "1"}}


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({**BY_US}, e.Post),
        ({**BY_US, **REPLY_TO_US, **QUOTE_OF_US, **MENTION}, e.Post),
        ({**BY_US, **REPOST_OF_US}, e.Post),
        ({**REPOST_OF_US, **QUOTE_OF_US, **MENTION}, e.Repost),
        ({**QUOTE_OF_US, **REPLY_TO_US, **MENTION}, e.Quote),
        ({**REPLY_TO_US, **QUOTE_OF_OTHER, **MENTION}, e.Reply),
        ({**REPLY_TO_OTHER, **MENTION}, e.Mention),
        ({**MENTION, **QUOTE_OF_OTHER}, e.Mention),
        ({"in_reply_to_user_id_str": "1", **MENTION}, e.Mention),
        ({**QUOTE_OF_OTHER}, e.Quote),
        ({"is_quote_status": True}, e.Quote),
        ({**REPLY_TO_OTHER}, e.Reply),
        ({**REPLY_TO_OTHER, **QUOTE_OF_OTHER}, e.Quote),
        ({}, e.UnknownEvent),
        ({"truncated": True, "extended_tweet": {"full_text": "long", **MENTION}}, e.Mention),
    ],
)
def test_the_first_test_that_holds_names_the_kind(members: dict[str, Any], kind: type[e.Event]) -> None:
    read(tweet(**members), kind)


def test_what_else_is_true_stays_in_the_flags() -> None:
    post = read(tweet(**BY_US, **REPLY_TO_OTHER, **QUOTE_OF_OTHER), e.Post)
    assert (post.is_reply, post.is_quote, post.is_repost, post.by_us) == (True, True, False, True)
    assert (post.in_reply_to_post_id, post.in_reply_to_user_id, post.quoted_post_id) == ("40", "3", "42")


def test_a_repost_says_what_the_original_says_and_mentions_nobody_by_itself() -> None:
    body = sample("aaa/tweet_create_retweet_of_user")
    original = body["tweet_create_events"][0]["retweeted_status"]
    event = read(body, e.Repost)
    assert not event.text.startswith("RT @")
    assert event.reposted_post_id == original["id_str"]
    assert original["user"]["id_str"] not in {user.id for user in event.mentions}
    assert read(sample("aaa/tweet_create_retweet_of_quote"), e.Repost).is_quote is False


def test_the_whole_text_and_its_entities_come_from_extended_tweet() -> None:
    event = read(sample("aaa/tweet_create_extended"), e.Post)
    assert event.text.endswith("speaking. ^KM")
    assert [user.username for user in event.mentions][-1] == "Jorge_Distress"
    assert event.hashtags == ("chatbots",)
    assert [link.url for link in event.links] == ["https://t.co/OFZGGFniXV"]
    long = read(sample("aaa/tweet_create_longform_v2"), e.Post)
    assert long.text.endswith("Antikythera...")
    assert [user.id for user in long.mentions] == ["1661523610111193088", "1582853809"]


def test_a_quote_of_a_cut_off_post() -> None:
    body = sample("aaa/tweet_create_quote_extended")
    event = read(body, e.Quote)
    assert event.quoted_post_id == body["tweet_create_events"][0]["quoted_status"]["id_str"]
    assert event.text.startswith("Thanks @loon_burger!")


def test_ids_are_never_the_rounded_numbers() -> None:
    event = read(sample("aaa/tweet_create_mention"), e.Mention)
    assert event.post_id == "1124287614780047362"
    assert event.at == datetime(2019, 5, 3, 12, 20, 30, 274000, tzinfo=UTC)


def test_pictures_of_a_post() -> None:
    event = read(sample("aaa/tweet_create_mention_media"), e.Mention)
    assert [(medium.id, medium.kind, medium.url) for medium in event.media] == [
        ("931906912299421696", "photo", "https://pbs.twimg.com/media/DO7MZjdWkAA52p3.jpg")
    ]
    assert event.author.name == "Григорий Лещенко"


@pytest.mark.parametrize(
    ("envelope", "blocked"),
    [
        ({}, None),
        ({"user_has_blocked": False}, False),
        ({"user_has_blocked": "false"}, False),
        ({"user_has_blocked": "true"}, True),
        ({"is_blocked_by": True}, True),
        ({"user_has_blocked": None}, None),
    ],
)
def test_whether_the_author_is_blocked(envelope: dict[str, Any], blocked: bool | None) -> None:
    assert read({**tweet(**MENTION), **envelope}, e.Mention).author_blocked is blocked


def test_a_time_in_v1_1_s_words() -> None:
    at = read(tweet(**BY_US, created_at="Sat Nov 28 05:30:03 +0000 2020"), e.Post).at
    assert at == datetime(2020, 11, 28, 5, 30, 3, tzinfo=UTC)
    assert read(tweet(**BY_US, created_at="Sat Xyz 28 05:30:03 +0000 2020"), e.Post).at == NOW


def activity(kind: str, *, includes: object = None, **payload: Any) -> dict[str, Any]:
    post = {"id": "50", "author_id": B, "text": "t", **payload}
    return {
        "data": {
            "event_type": kind,
            "event_uuid": "-1",
            "filter": {"user_id": A},
            "payload": post,
            "includes": includes if includes is not None else {},
        }
    }


XAA_MENTION = {"entities": {"mentions": [{"id": A, "username": "ExampleUser", "start": 0, "end": 5}]}}
XAA_REPLY = {"in_reply_to_tweet_id": "40", "in_reply_to_user_id": A}
XAA_QUOTE = {"referenced_tweets": [{"type": "quoted", "id": "41"}]}
OURS, THEIRS = ({"tweets": [{"id": "41", "author_id": author}]} for author in (A, "3"))
ADDRESS = {
    "entities": {
        **XAA_MENTION["entities"],
        "urls": [{"url": "https://t.co/x", "expanded_url": "https://twitter.com/exampleuser/status/41"}],
    }
}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (activity("post.mention.create", **XAA_MENTION), e.Mention),
        (activity("post.mention.create", **XAA_MENTION, **XAA_REPLY), e.Reply),
        (activity("post.mention.create", in_reply_to_user_id=A), e.Mention),
        (activity("post.mention.create", in_reply_to_tweet_id="40", in_reply_to_user_id="3"), e.Mention),
        (activity("post.mention.create", **XAA_MENTION, **XAA_QUOTE), e.Mention),
        (activity("post.mention.create", **XAA_QUOTE, includes=OURS), e.Quote),
        (activity("post.mention.create", **XAA_QUOTE, includes=THEIRS), e.Mention),
        (activity("post.mention.create", **XAA_QUOTE, **ADDRESS), e.Quote),
        (activity("post.reply.create", **XAA_QUOTE, **XAA_REPLY, includes=OURS), e.Quote),
        (activity("post.reply.create", **XAA_REPLY), e.Reply),
        (activity("post.quote.create", **XAA_QUOTE), e.Quote),
        (activity("post.repost.create"), e.Repost),
        (activity("post.mention.create", author_id=A), e.Post),
        (activity("post.create", author_id=None), e.Post),
    ],
)
def test_a_more_specific_kind_wins_where_the_content_shows_it(body: object, kind: type[e.Event]) -> None:
    read(body, kind)


def test_an_author_known_by_id_alone() -> None:
    event = read(sample("xaa/post_reply_create"), e.Reply)
    assert (event.author.id, event.author.username, event.author.name) == (B, "", B)
    assert (event.in_reply_to_post_id, event.conversation_id) == (
        "2080761390344937796",
        "2080761390344937796",
    )
    known = read(sample("xaa/post_mention_create"), e.Mention)
    assert (known.author.username, known.mentions[0].id, known.lang) == ("OtherUser", A, "und")


def test_both_vocabularies_of_references_are_read() -> None:
    new = {
        "referenced_posts": [{"type": "quoted", "id": "41"}, {"type": "replied_to", "id": "42"}],
        "in_reply_to_post_id": "42",
    }
    event = read(activity("post.quote.create", **new), e.Quote)
    assert (event.quoted_post_id, event.in_reply_to_post_id) == ("41", "42")
    assert read(sample("xaa/post_quote_create"), e.Quote).quoted_post_id == "2080761390344937796"
    repost = read(sample("xaa/post_repost_create"), e.Repost)
    assert (repost.reposted_post_id, repost.mentions) == ("2080761390344937796", ())


def test_a_long_post_a_nested_post_and_attached_media() -> None:
    note = {"text": "all of it &amp; more", "entities": {"hashtags": [{"tag": "long"}]}}
    includes = {
        "media": [{"media_key": "3_1", "type": "photo", "url": "https://p.example", "alt_text": "a cat"}]
    }
    body = activity(
        "post.mention.create",
        includes=includes,
        note_tweet=note,
        attachments={"media_keys": ["3_1", "7_2", 5]},
    )
    event = read(body, e.Mention)
    assert (event.text, event.hashtags) == ("all of it & more", ("long",))
    assert event.media == (
        e.Media(id="3_1", kind="photo", url="https://p.example", alt_text="a cat"),
        e.Media(id="7_2", kind="unknown"),
    )
    body["data"]["payload"] = {"post": body["data"]["payload"]}
    assert read(body, e.Mention).text == event.text


# -- likes, relations and the rest -------------------------------------------------------------------------


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
