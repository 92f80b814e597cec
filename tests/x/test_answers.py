"""How the answers of each call are read: recorded ones, every shape that X's documents show, and odd ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from botkit import errors
from botkit.x import Response
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

REST = Path(__file__).parent.parent / "payloads" / "rest"
FROM, TO = datetime(2026, 1, 2, 3, 4, tzinfo=UTC), datetime(2026, 1, 2, 5, 4, tzinfo=UTC)


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


def test_the_app_s_token() -> None:
    read = tokens.app_token().read
    assert read(answer(200, {"token_type": "bearer", "access_token": "AAAA%2F"})) == "AAAA%2F"
    with pytest.raises(errors.XUnavailable):
        read(answer(200, {"token_type": "mac", "access_token": "AAAA"}))
    with pytest.raises(errors.Forbidden):
        read(answer(403, {"errors": [{"code": 99, "message": "Unable to verify your credentials"}]}))


def test_the_answer_to_a_rich_message_names_its_conversation() -> None:
    event = {"id": "5", "message_create": {"sender_id": "20", "target": {"recipient_id": "3"}}}
    read = dm_v11.send_rich("3", "x").read
    assert read(answer(200, {"event": event})) == dm.SentMessage("3-20", "5")
    assert read(answer(200, {"event": {"id": "5"}})) == dm.SentMessage("", "5")
    dm_v11.typing("2").read(answer(204))
    with pytest.raises(errors.Forbidden):
        dm_v11.typing("2").read(answer(403))


def test_user_tokens() -> None:
    body = {
        "token_type": "bearer",
        "expires_in": 7200,
        "access_token": "access",
        "scope": "dm.read tweet.read",
        "refresh_token": "refresh",
    }
    for call in (tokens.exchange_code("c", "https://a.example", "v"), tokens.refresh_token("old")):
        found = call.read(answer(200, body))
        assert found == tokens.UserToken("access", "refresh", 7_200.0, ("dm.read", "tweet.read"))
        assert "access" not in repr(found)
        assert "refresh" not in repr(found).replace("refresh_token", "")
        with pytest.raises(errors.InvalidRequest, match=r"Value passed for the token was invalid\."):
            call.read(
                answer(
                    400,
                    {
                        "error": "invalid_request",
                        "error_description": "Value passed for the token was invalid.",
                    },
                )
            )
        with pytest.raises(errors.OutcomeUnknown):
            call.read(answer(200, {}))
    tokens.revoke_token("t").read(answer(200))
