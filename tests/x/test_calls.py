"""What each call sends, whom it may be sent as, and how its answers are read."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit import errors
from botkit.events import QuickReplyOption
from botkit.x import Auth, Call, Response, calls
from botkit.x.calls import (
    account_activity,
    account_activity_v11,
    activity,
    dm,
    dm_v11,
    posts,
    tokens,
    users,
    webhooks,
)
from botkit.x.limits import LIMITS
from botkit.x.wire import Request, segment

REST = Path(__file__).parent.parent / "payloads" / "rest"
USER = (Auth.OAUTH1_USER, Auth.OAUTH2_USER)
FROM, TO = datetime(2026, 1, 2, 3, 4, tzinfo=UTC), datetime(2026, 1, 2, 5, 4, tzinfo=UTC)

#: every call: method, target, body, and what a plain success means
CALLS: list[tuple[Call[Any], str, Any]] = [
    (dm.send("2", "hi"), "POST /2/dm_conversations/with/2/messages", {"text": "hi"}),
    (
        dm.send("2", media_id="9"),
        "POST /2/dm_conversations/with/2/messages",
        {"attachments": [{"media_id": "9"}]},
    ),
    (
        dm.send_to_conversation("1-2", "hi", media_id="9"),
        "POST /2/dm_conversations/1-2/messages",
        {"text": "hi", "attachments": [{"media_id": "9"}]},
    ),
    (
        dm.start_group(["2", "3"], "hi"),
        "POST /2/dm_conversations",
        {"conversation_type": "Group", "participant_ids": ["2", "3"], "message": {"text": "hi"}},
    ),
    (dm.delete_message("5"), "DELETE /2/dm_events/5", None),
    (dm.block_messages("2"), "POST /2/users/2/dm/block", None),
    (dm.unblock_messages("2"), "POST /2/users/2/dm/unblock", None),
    (posts.create_post("hi"), "POST /2/tweets", {"text": "hi"}),
    (
        posts.create_post("hi", reply_to="5", exclude_reply_user_ids=["7"]),
        "POST /2/tweets",
        {"text": "hi", "reply": {"in_reply_to_tweet_id": "5", "exclude_reply_user_ids": ["7"]}},
    ),
    (posts.create_post("hi", quote="5"), "POST /2/tweets", {"text": "hi", "quote_tweet_id": "5"}),
    (
        posts.create_post(media_ids=["1"], tagged_user_ids=["3"]),
        "POST /2/tweets",
        {"media": {"media_ids": ["1"], "tagged_user_ids": ["3"]}},
    ),
    (
        posts.create_post("q", poll=posts.Poll(("a", "b"), 60)),
        "POST /2/tweets",
        {"text": "q", "poll": {"options": ["a", "b"], "duration_minutes": 60}},
    ),
    (
        posts.create_post(
            "x", reply_settings="following", community_id="1", place_id="p", edit_of="6", made_with_ai=True
        ),
        "POST /2/tweets",
        {
            "text": "x",
            "geo": {"place_id": "p"},
            "edit_options": {"previous_post_id": "6"},
            "reply_settings": "following",
            "community_id": "1",
            "made_with_ai": True,
        },
    ),
    (posts.delete_post("5"), "DELETE /2/tweets/5", None),
    (posts.hide_reply("5", hidden=False), "PUT /2/tweets/5/hidden", {"hidden": False}),
    (posts.like("1", "5"), "POST /2/users/1/likes", {"tweet_id": "5"}),
    (posts.unlike("1", "5"), "DELETE /2/users/1/likes/5", None),
    (posts.repost("1", "5"), "POST /2/users/1/retweets", {"tweet_id": "5"}),
    (posts.unrepost("1", "5"), "DELETE /2/users/1/retweets/5", None),
    (users.follow("1", "2"), "POST /2/users/1/following", {"target_user_id": "2"}),
    (users.unfollow("1", "2"), "DELETE /2/users/1/following/2", None),
    (users.mute("1", "2"), "POST /2/users/1/muting", {"target_user_id": "2"}),
    (users.unmute("1", "2"), "DELETE /2/users/1/muting/2", None),
    (users.block("1", "2"), "POST /2/users/1/blocking", {"target_user_id": "2"}),
    (users.unblock("1", "2"), "DELETE /2/users/1/blocking/2", None),
    (webhooks.create_webhook("https://a.example/x"), "POST /2/webhooks", {"url": "https://a.example/x"}),
    (webhooks.validate_webhook("5"), "PUT /2/webhooks/5", None),
    (webhooks.delete_webhook("5"), "DELETE /2/webhooks/5", None),
    (
        webhooks.replay("5", FROM, TO.astimezone(timezone(timedelta(hours=2)))),
        "POST /2/webhooks/replay",
        {"webhook_id": "5", "from_date": "202601020304", "to_date": "202601020504"},
    ),
    (
        activity.create_subscription("dm.received", user_id="1", tag="t", webhook_id="5"),
        "POST /2/activity/subscriptions",
        {"event_type": "dm.received", "filter": {"user_id": "1"}, "tag": "t", "webhook_id": "5"},
    ),
    (
        activity.create_subscription("like.create", user_id="1", direction="inbound"),
        "POST /2/activity/subscriptions",
        {"event_type": "like.create", "filter": {"user_id": "1", "direction": "inbound"}},
    ),
    (
        activity.create_subscription("news.new", keyword="cats"),
        "POST /2/activity/subscriptions",
        {"event_type": "news.new", "filter": {"keyword": "cats"}},
    ),
    (activity.list_subscriptions(), "GET /2/activity/subscriptions?max_results=1000", None),
    (
        activity.list_subscriptions(max_results=0, page="p"),
        "GET /2/activity/subscriptions?max_results=1&pagination_token=p",
        None,
    ),
    (activity.update_subscription("5", tag="t"), "PUT /2/activity/subscriptions/5", {"tag": "t"}),
    (activity.delete_subscription("5"), "DELETE /2/activity/subscriptions/5", None),
    (activity.delete_subscriptions(["5", "6"]), "DELETE /2/activity/subscriptions?ids=5%2C6", None),
    (account_activity.subscribe("5"), "POST /2/account_activity/webhooks/5/subscriptions/all", {}),
    (account_activity.check("5"), "GET /2/account_activity/webhooks/5/subscriptions/all", None),
    (
        account_activity.subscribed_users("5"),
        "GET /2/account_activity/webhooks/5/subscriptions/all/list",
        None,
    ),
    (account_activity.count(), "GET /2/account_activity/subscriptions/count", None),
    (
        account_activity.unsubscribe("5", "1"),
        "DELETE /2/account_activity/webhooks/5/subscriptions/1/all",
        None,
    ),
    (
        account_activity_v11.create_webhook("https://a.example/x?y=z"),
        "POST /1.1/account_activity/webhooks.json?url=https%3A%2F%2Fa.example%2Fx%3Fy%3Dz",
        None,
    ),
    (
        account_activity_v11.create_webhook("https://a.example/x", environment="Prod"),
        "POST /1.1/account_activity/all/Prod/webhooks.json?url=https%3A%2F%2Fa.example%2Fx",
        None,
    ),
    (account_activity_v11.list_webhooks(), "GET /1.1/account_activity/webhooks.json", None),
    (
        account_activity_v11.list_webhooks(environment="Prod"),
        "GET /1.1/account_activity/all/Prod/webhooks.json",
        None,
    ),
    (account_activity_v11.validate_webhook("5"), "PUT /1.1/account_activity/webhooks/5.json", None),
    (
        account_activity_v11.delete_webhook("5", environment="Prod"),
        "DELETE /1.1/account_activity/all/Prod/webhooks/5.json",
        None,
    ),
    (
        account_activity_v11.subscribe("5"),
        "POST /1.1/account_activity/webhooks/5/subscriptions/all.json",
        None,
    ),
    (
        account_activity_v11.subscribe(environment="Prod"),
        "POST /1.1/account_activity/all/Prod/subscriptions.json",
        None,
    ),
    (account_activity_v11.check("5"), "GET /1.1/account_activity/webhooks/5/subscriptions/all.json", None),
    (
        account_activity_v11.subscribed_users("5"),
        "GET /1.1/account_activity/webhooks/5/subscriptions/all/list.json",
        None,
    ),
    (
        account_activity_v11.subscribed_users(environment="Prod"),
        "GET /1.1/account_activity/all/Prod/subscriptions/list.json",
        None,
    ),
    (account_activity_v11.count(), "GET /1.1/account_activity/subscriptions/count.json", None),
    (
        account_activity_v11.count(environment="Prod"),
        "GET /1.1/account_activity/all/subscriptions/count.json",
        None,
    ),
    (
        account_activity_v11.unsubscribe("1", "5"),
        "DELETE /1.1/account_activity/webhooks/5/subscriptions/1/all.json",
        None,
    ),
    (
        account_activity_v11.unsubscribe("1", environment="Prod"),
        "DELETE /1.1/account_activity/all/Prod/subscriptions/1.json",
        None,
    ),
    (
        account_activity_v11.replay("5", FROM, TO),
        (
            "POST /1.1/account_activity/replay/webhooks/5/subscriptions/all.json"
            "?from_date=202601020304&to_date=202601020504"
        ),
        None,
    ),
]


@pytest.mark.parametrize(("call", "target", "body"), CALLS, ids=lambda value: getattr(value, "name", None))
def test_what_is_sent(call: Call[Any], target: str, body: Any) -> None:
    assert f"{call.request.method} {call.request.target}" == target
    if body is None:
        assert (call.request.body, call.request.content_type) == (None, None)
    else:
        assert json.loads(call.request.body or b"") == body
        assert call.request.content_type == "application/json"
    assert call.window in LIMITS
    assert call.auth
    assert bool(call.scopes) is (Auth.OAUTH2_USER in call.auth)
    assert call.safe or call.request.method == "POST"


def test_only_what_can_t_be_repeated_is_unsafe() -> None:
    assert {call.name for call, _, _ in CALLS if not call.safe} == {
        "dm.send",
        "dm.send_to_conversation",
        "dm.start_group",
        "post.create",
        "webhook.create",
        "webhook.replay",
    }


@pytest.mark.parametrize(
    ("call", "path", "fields"),
    [
        (dm.messages(), "/2/dm_events", "dm_event.fields"),
        (dm.messages_with("2", page="p"), "/2/dm_conversations/with/2/dm_events", "dm_event.fields"),
        (dm.messages_in("1-2"), "/2/dm_conversations/1-2/dm_events", "dm_event.fields"),
        (dm.message("5"), "/2/dm_events/5", "dm_event.fields"),
        (users.me(), "/2/users/me", "user.fields"),
        (users.user("5"), "/2/users/5", "user.fields"),
        (users.user_by_name("@name"), "/2/users/by/username/name", "user.fields"),
        (users.users(["1", "2"]), "/2/users", "user.fields"),
        (users.users_by_name(["a", "@b"]), "/2/users/by", "user.fields"),
        (webhooks.list_webhooks(), "/2/webhooks", "webhook_config.fields"),
    ],
)
def test_reads_ask_for_their_fields(call: Call[Any], path: str, fields: str) -> None:
    assert (call.request.method, call.request.path, call.request.body) == ("GET", path, None)
    assert "created_at" in dict(call.request.query)[fields]
    assert call.safe
    assert call.window in LIMITS


def test_what_lookups_name() -> None:
    assert dict(users.users(["1", "2"]).request.query)["ids"] == "1,2"
    assert dict(users.users_by_name(["a", "@b"]).request.query)["usernames"] == "a,b"
    query = dict(dm.messages_with("2", max_results=500, page="p").request.query)
    assert (query["max_results"], query["pagination_token"]) == ("100", "p")
    assert "sender_id" in query["dm_event.fields"]


# -- v1.1 direct messages and tokens -----------------------------------------------------------------------


def test_a_rich_message() -> None:
    call = dm_v11.send_rich(
        "2",
        "choose",
        options=[
            QuickReplyOption(label="Yes", description="I do", metadata="y"),
            QuickReplyOption(label="No", description="-"),
        ],
        buttons=[dm_v11.Button("Site", "https://a.example")],
        media_id="9",
    )
    assert call.request.target == "/1.1/direct_messages/events/new.json"
    assert json.loads(call.request.body or b"") == {
        "event": {
            "type": "message_create",
            "message_create": {
                "target": {"recipient_id": "2"},
                "message_data": {
                    "text": "choose",
                    "quick_reply": {
                        "type": "options",
                        "options": [
                            {"label": "Yes", "description": "I do", "metadata": "y"},
                            {"label": "No", "description": "-"},
                        ],
                    },
                    "ctas": [{"type": "web_url", "label": "Site", "url": "https://a.example"}],
                    "attachment": {"type": "media", "media": {"id": "9"}},
                },
            },
        }
    }
    assert call.auth == (Auth.OAUTH1_USER,)
    event = {"id": "5", "message_create": {"sender_id": "20", "target": {"recipient_id": "3"}}}
    assert call.read(answer(200, {"event": event})) == dm.SentMessage("3-20", "5")


def options(count: int = 1, **members: str) -> list[QuickReplyOption]:
    return [QuickReplyOption(**{"label": "a", **members}) for _ in range(count)]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"text": ""}, "needs a text"),
        ({"text": "x" * 10_001}, "10000 characters"),
        ({"options": options(21)}, "20 options"),
        ({"options": options(label="")}, "option 1"),
        ({"options": options(label="x" * 37)}, "36"),
        ({"options": options(label="see https://a.example")}, "URL"),
        ({"options": options(description="x" * 73)}, "description"),
        ({"options": options(metadata="x" * 1_001)}, "metadata"),
        ({"options": [*options(), *options(description="d")]}, "or none"),
        ({"buttons": [dm_v11.Button("a", "https://a.example")] * 4}, "3 buttons"),
        ({"buttons": [dm_v11.Button("", "https://a.example")]}, "label"),
        ({"buttons": [dm_v11.Button("a", "ftp://a.example")]}, "https://"),
    ],
)
def test_x_s_limits_on_rich_messages_are_kept_here(given: dict[str, Any], why: str) -> None:
    with pytest.raises(errors.ActionRefused, match=why):
        dm_v11.send_rich("2", **{"text": "t", **given})


def test_the_largest_rich_message_is_taken() -> None:
    dm_v11.send_rich(
        "2",
        "x" * 10_000,
        options=options(20, label="x" * 36, description="x" * 72, metadata="x" * 1_000),
        buttons=[dm_v11.Button("x" * 36, "https://a.example")] * 3,
    )


def test_forms_are_sent_encoded_and_kept_decoded_for_signing() -> None:
    read = dm_v11.mark_read("2", "5").request
    assert read.body == b"last_read_event_id=5&recipient_id=2"
    assert read.form == (("last_read_event_id", "5"), ("recipient_id", "2"))
    assert (read.content_type or "").startswith("application/x-www-form-urlencoded")
    assert dm_v11.typing("2").read(answer(204)) is None
    token = tokens.app_token()
    assert (token.request.body, token.auth) == (b"grant_type=client_credentials", (Auth.APP_BASIC,))
    assert Request.with_form("POST", "/x", (("a b", "c&d+é"),)).body == b"a%20b=c%26d%2B%C3%A9"


def test_the_app_s_token() -> None:
    read = tokens.app_token().read
    assert read(answer(200, {"token_type": "bearer", "access_token": "AAAA%2F"})) == "AAAA%2F"
    with pytest.raises(errors.XUnavailable):
        read(answer(200, {"token_type": "mac", "access_token": "AAAA"}))
    with pytest.raises(errors.Forbidden):
        read(answer(403, {"errors": [{"code": 99, "message": "Unable to verify your credentials"}]}))


# -- refused here ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda: dm.send("2"), "text or a medium"),
        (lambda: dm.send("", "hi"), "recipient"),
        (lambda: dm.send("2", "x" * 10_001), "10000"),
        (lambda: dm.start_group(["2"], "hi"), "2 to 49"),
        (lambda: dm.start_group(["2"] * 50, "hi"), "2 to 49"),
        (lambda: posts.create_post(""), "needs a text"),
        (lambda: posts.create_post("x" * 281), "at most 280"),
        (lambda: posts.create_post("日" * 141), "this one 282"),
        (lambda: posts.create_post("x", quote="5", media_ids=["1"]), "a quote and media"),
        (lambda: posts.create_post("x", media_ids=["1"] * 5), "1 to 4 media"),
        (lambda: posts.create_post("x", tagged_user_ids=["1"]), "1 to 4 media"),
        (lambda: posts.create_post("x", media_ids=["1"], tagged_user_ids=["1"] * 11), "10 users"),
        (lambda: posts.create_post("x", poll=posts.Poll(("a",), 60)), "2 to 4"),
        (lambda: posts.create_post("x", poll=posts.Poll(("a", "x" * 26), 60)), "25"),
        (lambda: posts.create_post("x", poll=posts.Poll(("a", "b"), 4)), "5 to 10080"),
        (lambda: posts.like("1", ""), "post is missing"),
        (lambda: users.follow("1", ""), "user is missing"),
        (lambda: users.user_by_name("not a handle"), "1 to 15"),
        (lambda: users.users([]), "1 to 100"),
        (lambda: users.users(["1"] * 101), "1 to 100"),
        (lambda: webhooks.check_url("http://a.example"), "https"),
        (lambda: webhooks.check_url("https://"), "host"),
        (lambda: webhooks.check_url("https://a.example:443/x"), "port"),
        (lambda: webhooks.check_url("https://a.example:x/"), "no URL"),
        (lambda: webhooks.check_url("https://a.example/" + "x" * 200), "200 characters"),
        (lambda: webhooks.replay("5", TO, FROM), "before it ends"),
        (lambda: activity.create_subscription("dm.received"), "user or for a keyword"),
        (lambda: activity.create_subscription("x", user_id="1", keyword="k"), "user or for a keyword"),
        (lambda: activity.create_subscription("x", keyword="k" * 151), "150"),
        (lambda: activity.create_subscription("x", user_id="1", tag="t" * 201), "200"),
        (lambda: activity.create_subscription("mute.mute", user_id="1", direction="inbound"), "no direction"),
        (lambda: activity.update_subscription("5"), "give one"),
        (lambda: activity.delete_subscriptions([]), "1 to 100"),
    ],
)
def test_what_x_would_refuse_is_refused_here(call: Any, why: str) -> None:
    with pytest.raises(errors.ActionRefused, match=why):
        call()


def test_an_address_that_x_takes() -> None:
    for url in ("https://a.example", "HTTPS://a.example/hook?x=y", "https://a.example/" + "x" * 182):
        assert webhooks.check_url(url) == url


def test_a_premium_account_may_post_more() -> None:
    assert posts.create_post("x" * 25_000, limit=25_000).name == "post.create"


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_path_can_t_be_left(value: str) -> None:
    with pytest.raises(ValueError, match="path"):
        segment(value)
    assert segment("../a?b#c") == "..%2Fa%3Fb%23c"


def test_a_time_without_a_zone_is_no_time() -> None:
    with pytest.raises(ValueError, match="zone"):
        webhooks.replay("5", FROM.replace(tzinfo=None), TO.replace(tzinfo=None))


# -- answers -----------------------------------------------------------------------------------------------


def answer(status: int, body: object = None, **headers: str) -> Response:
    return Response(status, headers, b"" if body is None else json.dumps(body).encode(), received_at=1_000.0)


def recorded(file: str, status: int = 200) -> Response:
    return Response(status, {}, (REST / f"{file}.json").read_bytes(), received_at=1_000.0)


def test_recorded_answers() -> None:
    sent = dm.SentMessage("1234567890-0987654321", "1122334455667788990")
    assert dm.send("2", "hi").read(recorded("dm_send_201", 201)) == sent
    created = posts.create_post("x").read(recorded("post_create_201", 201))
    assert created == posts.CreatedPost("1900000000000000002")
    hook = webhooks.Webhook(
        "1234567890",
        "https://yourdomain.com/webhooks/twitter",
        valid=True,
        created_at=datetime(2025, 1, 15, 12, tzinfo=UTC),
    )
    assert webhooks.create_webhook("https://a.example").read(recorded("webhooks_create_200")) == hook
    assert webhooks.list_webhooks().read(recorded("webhooks_list_200")) == (hook,)
    assert webhooks.list_webhooks().read(recorded("webhooks_list_empty_200")) == ()
    assert webhooks.list_webhooks().read(recorded("webhooks_list_empty_live_200")) == ()
    assert webhooks.validate_webhook("5").read(recorded("webhooks_put_200")) is True
    assert webhooks.delete_webhook("5").read(recorded("webhooks_delete_200")) is True
    assert activity.delete_subscription("5").read(recorded("activity_subscription_delete_200")) is True
    page = activity.list_subscriptions().read(recorded("activity_subscriptions_list_200"))
    assert (page.total, page.next_token, page.subscriptions[0].user_id) == (1, "", "123456789")
    assert account_activity.subscribe("5").read(recorded("aaa_subscription_200")) is True
    assert account_activity.check("5").read(recorded("aaa_subscription_200")) is True
    assert account_activity.subscribed_users("5").read(recorded("aaa_subscriptions_list_200")) == (
        "<user_id_1>",
        "<user_id_2>",
    )
    assert account_activity.count().read(recorded("aaa_subscriptions_count_200")).active is None


@pytest.mark.parametrize("body", [None, {}, {"data": {"attempted": True}}])
def test_a_validation_that_says_nothing(body: object) -> None:
    assert webhooks.validate_webhook("5").read(answer(204 if body is None else 200, body)) is None


@pytest.mark.parametrize(
    ("file", "subscription_id"),
    [
        ("activity_subscription_create_200_docs", "1976325569252868096"),
        ("activity_subscription_create_200_docs_b", "1976325569252868096"),
        ("activity_subscription_create_200_spec", "1146654567674912769"),
    ],
)
def test_every_shape_of_a_made_subscription(file: str, subscription_id: str) -> None:
    made = activity.create_subscription("profile.update.bio", user_id="1").read(recorded(file))
    assert made.subscription is not None
    assert (made.subscription.id, made.duplicate) == (subscription_id, False)
    assert activity.update_subscription("5", tag="t").read(recorded(file)) == made.subscription


def test_a_subscription_made_without_a_word_and_one_that_stood() -> None:
    read = activity.create_subscription("dm.received", user_id="1").read
    assert read(answer(204)) == activity.SubscriptionMade(None)
    for status in (400, 409):
        refusal = {"errors": [{"message": "Duplicate subscription"}], "title": "Conflict"}
        assert read(answer(status, refusal)) == activity.SubscriptionMade(None, duplicate=True)
    with pytest.raises(errors.InvalidRequest, match="filter"):
        read(answer(400, {"errors": [{"message": "$.filter: is missing but it is required"}]}))
    with pytest.raises(errors.Forbidden):
        read(answer(403, {"detail": "Duplicate"}))


def test_several_deletions_may_fail_alone() -> None:
    body = {
        "data": [{"subscription_id": "5", "deleted": True}],
        "errors": [{"subscription_id": "6", "reason": "not_found", "message": "no such subscription"}],
    }
    found = activity.delete_subscriptions(["5", "6"]).read(answer(200, body))
    assert found == activity.Deletion(("5",), {"6": "no such subscription"})


def test_account_activity_answers() -> None:
    duplicate = {"errors": [{"message": "DuplicateSubscriptionFailed: Subscription already exists"}]}
    assert account_activity.subscribe("5").read(answer(400, duplicate)) is True
    assert account_activity.check("5").read(answer(200, {"data": {"subscribed": False}})) is False
    assert account_activity.unsubscribe("5", "1").read(answer(200, {"data": {"subscribed": False}})) is False
    gone = {"errors": [{"message": "SubscriptionNotFound: "}]}
    assert account_activity.unsubscribe("5", "1").read(answer(400, gone)) is False
    counts = {"data": {"subscriptions_count_all": "2", "provisioned_count": "15"}}
    assert account_activity.count().read(answer(200, counts)) == account_activity.SubscriptionCount(2, 15)
    for call in (account_activity.subscribe("5"), account_activity.unsubscribe("5", "1")):
        with pytest.raises(errors.InvalidRequest) as raised:
            call.read(answer(400, {"errors": [{"message": "WebhookIdInvalid: no"}]}))
        assert raised.value.kind == "WebhookIdInvalid"


def test_v1_1_account_activity_answers() -> None:
    v11 = account_activity_v11
    assert (
        v11.create_webhook("https://a.example").read(recorded("premium_webhook_create_live_200")).created_at
    )
    (hook,) = v11.list_webhooks(environment="env_name").read(recorded("premium_webhooks_list_200"))
    assert (hook.id, hook.valid) == ("1234567890", True)
    assert v11.list_webhooks(environment="other").read(recorded("premium_webhooks_list_200")) == ()
    bare = [json.loads((REST / "premium_webhook_create_live_200.json").read_text("utf-8"))]
    assert [hook.id for hook in v11.list_webhooks().read(answer(200, bare))] == ["1172488791895838721"]
    assert v11.subscribe("5").read(answer(204)) is True
    assert v11.subscribe("5").read(recorded("error_v11_355_subscription", 403)) is True
    assert v11.check("5").read(answer(204)) is True
    assert v11.check("5").read(answer(404, {"errors": [{"code": 34, "message": "gone"}]})) is False
    with pytest.raises(errors.Unauthorized):
        v11.check("5").read(recorded("error_v11_32", 401))
    assert v11.unsubscribe("1", "5").read(answer(404)) is False
    assert v11.unsubscribe("1", "5").read(answer(204)) is False
    with pytest.raises(errors.XUnavailable):
        v11.list_webhooks().read(answer(200, None))


@pytest.mark.parametrize(
    "body",
    [
        {"data": {"job_id": "5", "created_at": "2026-01-01T00:00:00Z"}},
        {"for_user_id": "1", "replay_event": {"job_id": "5", "created_at": "2026-01-01T00:00:00Z"}},
        {"job_id": "5", "created_at": "2026-01-01T00:00:00Z"},
    ],
)
def test_every_shape_of_a_replay_job(body: object) -> None:
    job = webhooks.replay("5", FROM, TO).read(answer(202, body))
    assert job == webhooks.ReplayJob("5", datetime(2026, 1, 1, tzinfo=UTC))


def test_users_and_messages_are_read() -> None:
    found = {"id": "5", "username": "five", "name": "Five", "public_metrics": {"followers_count": 3}}
    user = users.me().read(answer(200, {"data": found}))
    assert (user.id, user.username, user.followers) == ("5", "five", 3)
    partial = {"data": [found], "errors": [{"title": "Not Found Error"}]}
    assert [each.id for each in users.users(["5", "6"]).read(answer(200, partial))] == ["5"]
    assert users.users(["6"]).read(answer(200, {"errors": []})) == ()
    missing = {
        "errors": [{"title": "Not Found Error", "type": "https://api.x.com/2/problems/resource-not-found"}]
    }
    with pytest.raises(errors.InvalidRequest) as raised:
        users.user("6").read(answer(200, missing))
    assert raised.value.kind == "resource-not-found"
    event = {
        "id": "7",
        "event_type": "MessageCreate",
        "sender_id": "5",
        "text": "a &amp; b",
        "dm_conversation_id": "1-5",
        "created_at": "2026-01-01T00:00:00.000Z",
        "attachments": {"media_keys": ["3_1"]},
    }
    page = dm.messages().read(answer(200, {"data": [event], "meta": {"next_token": "n"}}))
    (message,) = page.messages
    assert (message.text, message.media_keys, page.next_token) == ("a & b", ("3_1",), "n")
    assert dm.message("7").read(answer(200, {"data": event})) == message
    assert "a & b" not in repr(page)


def test_follows_may_be_pending() -> None:
    read = users.follow("1", "2").read
    assert read(answer(200, {"data": {"following": False, "pending_follow": True}})) == users.Followed(
        False, True
    )
    assert read(answer(200, {"data": {"following": True, "pending_follow": False}})) == users.Followed(True)
    assert read(answer(200, {})) == users.Followed(True)


def test_a_write_that_succeeds_without_its_id_is_an_unknown_outcome() -> None:
    for call in (dm.send("2", "x"), posts.create_post("x"), webhooks.create_webhook("https://a.example")):
        for body in (b"", b"<html>", b"{}", b'{"data":{}}'):
            with pytest.raises(errors.OutcomeUnknown):
                call.read(Response(200, {}, body))


def test_a_limit_without_a_reset_counts_from_when_the_answer_came() -> None:
    with pytest.raises(errors.RateLimited) as raised:
        dm.send("2", "x").read(answer(429))
    assert raised.value.reset_at == 1_900.0


def all_calls() -> list[Call[Any]]:
    reads = [dm.messages(), dm.message("5"), users.me(), users.users(["1"]), webhooks.list_webhooks()]
    others = [dm_v11.send_rich("2", "x"), dm_v11.typing("2"), dm_v11.mark_read("2", "5"), tokens.app_token()]
    return [*(call for call, _, _ in CALLS), *reads, *others]


@given(
    st.sampled_from(all_calls()),
    st.integers(200, 599),
    st.binary() | st.sampled_from([b"[]", b"{}", b"null"]),
)
def test_any_answer_is_read_or_an_x_error(call: Call[Any], status: int, body: bytes) -> None:
    try:
        call.read(Response(status, {}, body))
    except errors.XError:
        return
    assert status < 300 or call.name.startswith(("account_activity", "activity"))


def test_no_text_and_no_body_is_in_a_repr() -> None:
    call = dm.send("2", "a secret word")
    assert "secret" not in repr(call)
    assert "secret" not in repr(posts.create_post("a secret word"))
    assert "secret" not in repr(Response(200, {"set-cookie": "secret"}, b"secret"))


def test_every_function_of_every_module_is_documented() -> None:
    modules = (dm, dm_v11, posts, users, webhooks, activity, account_activity, account_activity_v11, tokens)
    for module in modules:
        for name in module.__all__:
            assert inspect.getdoc(getattr(module, name)), f"{module.__name__}.{name}"
    assert calls.__doc__
