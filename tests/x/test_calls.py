"""What each call sends, whom it may be sent as, and how its answers are read."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit import errors
from botkit.errors import ActionRefused
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
from botkit.x.calls.posts import PostDetails
from botkit.x.limits import LIMITS
from botkit.x.wire import Request, segment

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
        posts.create_post("hi", reply_to="5", details=PostDetails(not_mentioned_ids=("7",))),
        "POST /2/tweets",
        {"text": "hi", "reply": {"in_reply_to_tweet_id": "5", "exclude_reply_user_ids": ["7"]}},
    ),
    (posts.create_post("hi", quote="5"), "POST /2/tweets", {"text": "hi", "quote_tweet_id": "5"}),
    (
        posts.create_post(media_ids=["1"], details=PostDetails(tagged_user_ids=("3",))),
        "POST /2/tweets",
        {"media": {"media_ids": ["1"], "tagged_user_ids": ["3"]}},
    ),
    (
        posts.create_post("q", details=PostDetails(poll=posts.Poll(("a", "b"), 3600))),
        "POST /2/tweets",
        {"text": "q", "poll": {"options": ["a", "b"], "duration_minutes": 60}},
    ),
    (
        posts.create_post(
            "x",
            details=PostDetails(
                who_may_reply="mentioned",
                community_id="1",
                share_with_followers=False,
                place_id="p",
                edit_of="6",
                made_with_ai=True,
                paid_partnership=True,
                subscribers_only=True,
                promoted_only=True,
                card_uri="card://1",
            ),
        ),
        "POST /2/tweets",
        {
            "text": "x",
            "geo": {"place_id": "p"},
            "edit_options": {"previous_post_id": "6"},
            "reply_settings": "mentionedUsers",
            "community_id": "1",
            "share_with_followers": False,
            "made_with_ai": True,
            "paid_partnership": True,
            "for_super_followers_only": True,
            "nullcast": True,
            "card_uri": "card://1",
        },
    ),
    (
        posts.create_post(
            "x", details=PostDetails(who_may_reply="following", message_link="https://x.com/m")
        ),
        "POST /2/tweets",
        {"text": "x", "reply_settings": "following", "direct_message_deep_link": "https://x.com/m"},
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
    token = tokens.app_token()
    assert (token.request.body, token.auth) == (b"grant_type=client_credentials", (Auth.APP_BASIC,))
    assert Request.with_form("POST", "/x", (("a b", "c&d+é"),)).body == b"a%20b=c%26d%2B%C3%A9"


def test_a_client_of_oauth_2_is_confidential_or_names_itself() -> None:
    confidential = tokens.exchange_code("c", "https://a.example/cb", "v")
    assert (confidential.auth, confidential.safe) == ((Auth.CLIENT_BASIC,), False)
    assert dict(confidential.request.form) == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": "https://a.example/cb",
        "code_verifier": "v",
    }
    public = tokens.refresh_token("old", client_id="id")
    assert public.auth == (Auth.NONE,)
    assert public.request.body == b"grant_type=refresh_token&refresh_token=old&client_id=id"
    assert "old" not in repr(public)
    revoke = tokens.revoke_token("t")
    assert (revoke.request.path, revoke.request.body, revoke.window) == (
        "/2/oauth2/revoke",
        b"token=t",
        "user_token",
    )


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
        (lambda: posts.create_post("x", details=PostDetails(tagged_user_ids=("1",))), "1 to 4 media"),
        (
            lambda: posts.create_post("x", media_ids=["1"], details=PostDetails(tagged_user_ids=("1",) * 11)),
            "10 users",
        ),
        (lambda: posts.create_post("x", details=PostDetails(poll=posts.Poll(("a",)))), "2 to 4"),
        (lambda: posts.create_post("x", details=PostDetails(poll=posts.Poll(("a", "x" * 26)))), "25"),
        (lambda: posts.create_post("x", details=PostDetails(poll=posts.Poll(("a", "b"), 240))), "5 minutes"),
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


def all_calls() -> list[Call[Any]]:
    reads: list[Call[Any]] = [
        dm.messages(),
        dm.message("5"),
        users.me(),
        users.users(["1"]),
        webhooks.list_webhooks(),
    ]
    others: list[Call[Any]] = [
        dm_v11.send_rich("2", "x"),
        dm_v11.typing("2"),
        dm_v11.mark_read("2", "5"),
        tokens.app_token(),
    ]
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


def test_a_picture_is_asked_for_where_its_event_says() -> None:
    request = dm.download("https://ton.twitter.com/1.1/a/b.jpg?x=1").request
    assert (request.origin, request.target) == ("https://ton.twitter.com", "/1.1/a/b.jpg?x=1")
    assert dm.download("http://127.0.0.1:8081/simulated/media/5").request.origin == "http://127.0.0.1:8081"


@pytest.mark.parametrize(
    "url",
    [
        "http://ton.twitter.com/a.jpg",
        "https://ton.twitter.com:8443/a.jpg",
        "https://ton.twitter.com.example/a.jpg",
        "https://evil-twitter.com/a.jpg",
        "https://ton.twitter.com@evil.example/a.jpg",
        "https://user@ton.twitter.com/a.jpg",
        "https://127.0.0.1/a.jpg",
        "file:///etc/passwd",
        "https://[::1/a",
        "https://ton.twitter.com:x/a",
        "",
    ],
)
def test_a_signature_is_shown_to_nobody_but_x(url: str) -> None:
    with pytest.raises(ActionRefused):
        dm.download(url)
