"""The traps in posts: which kind of event each is, whole texts, both vocabularies."""

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
