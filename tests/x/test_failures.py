"""Error answers of every shape become the right error, with X's own words in one line and the right wait."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit import errors
from botkit.x import Response
from botkit.x.failures import error_from, is_already_done, pauses_account

REST = Path(__file__).parent.parent / "payloads" / "rest"
NOW = 1_000_000.0


def error(status: int, body: object = b"", **headers: str) -> errors.XError:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return error_from(Response(status, {k.replace("_", "-"): v for k, v in headers.items()}, sent), now=NOW)


def coded(status: int, *codes: int, message: str = "words") -> errors.XError:
    return error(status, {"errors": [{"code": code, "message": message} for code in codes]})


@pytest.mark.parametrize(
    ("file", "status", "kind_of_error", "kind", "codes", "words"),
    [
        ("error_401", 401, errors.Unauthorized, "", (), "Unauthorized"),
        ("error_402_credits_v1", 402, errors.CreditsDepleted, "credits", (), "does not have any credits"),
        ("error_402_credits_v2", 402, errors.CreditsDepleted, "credits-depleted", (), "credits depleted"),
        ("error_403_app_only", 403, errors.Forbidden, "unsupported-authentication", (), "OAuth 1.0a User"),
        ("error_403_dm_not_permitted", 403, errors.Forbidden, "", (), "do not have permission to DM"),
        ("error_403_duplicate_content", 403, errors.Forbidden, "", (), "duplicate content"),
        ("error_403_oauth1_permissions", 403, errors.Forbidden, "oauth1-permissions", (), "oauth1 app"),
        ("error_403_reply_not_summoned", 403, errors.Forbidden, "", (), "Reply to this conversation"),
        ("error_429_docs", 429, errors.RateLimited, "", (88,), "Rate limit exceeded"),
        ("error_429_problem", 429, errors.RateLimited, "", (), "Too Many Requests"),
        ("error_v11_32", 401, errors.Unauthorized, "", (32,), "Could not authenticate you."),
        ("error_v11_89", 401, errors.Unauthorized, "", (89,), "Invalid or expired token."),
        ("error_v11_214", 403, errors.Forbidden, "", (214,), "Too many resources already created."),
        ("error_v11_355_subscription", 409, errors.InvalidRequest, "", (355,), "already exists"),
        ("webhooks_create_400_limit", 400, errors.InvalidRequest, "WebhookLimitExceeded", (), "WebhookLimit"),
        ("stream_disconnect", 503, errors.XUnavailable, "operational-disconnect", (), "disconnected"),
        ("stream_too_many_connections", 429, errors.RateLimited, "streaming-connection", (), "maximum"),
    ],
)
def test_recorded_answers(
    *,
    file: str,
    status: int,
    kind_of_error: type[errors.XError],
    kind: str,
    codes: tuple[int, ...],
    words: str,
) -> None:
    found = error(status, (REST / f"{file}.json").read_bytes())
    assert type(found) is kind_of_error
    assert (found.status, found.kind, found.codes) == (status, kind, codes)
    assert words in str(found)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.InvalidRequest),
        (401, errors.Unauthorized),
        (402, errors.CreditsDepleted),
        (403, errors.Forbidden),
        (404, errors.InvalidRequest),
        (409, errors.InvalidRequest),
        (413, errors.InvalidRequest),
        (429, errors.RateLimited),
        (500, errors.XUnavailable),
        (502, errors.XUnavailable),
        (503, errors.XUnavailable),
        (504, errors.XUnavailable),
        (599, errors.XUnavailable),
        (302, errors.InvalidRequest),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>Over capacity</html>", b"null", b"[]", b"{", b'{"errors":5}'])
def test_a_status_alone_decides_where_the_body_says_nothing(
    status: int, kind: type[errors.XError], body: bytes
) -> None:
    found = error(status, body)
    assert type(found) is kind
    assert str(found).startswith(f"X answered {status}")
    assert "html" not in str(found)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (coded(403, 88), errors.RateLimited),
        (coded(403, 89), errors.Unauthorized),
        (coded(400, 215), errors.Unauthorized),
        (coded(403, 135), errors.Unauthorized),
        (coded(200, 130), errors.XUnavailable),
        (coded(403, 131), errors.XUnavailable),
        (coded(403, 187), errors.Forbidden),
        (coded(403, 453), errors.Forbidden),
    ],
)
def test_a_code_says_more_than_the_status(found: errors.XError, kind: type[errors.XError]) -> None:
    assert type(found) is kind


@pytest.mark.parametrize(
    "body",
    [
        {
            "errors": [{"message": "CrcValidationFailed: Got 404"}],
            "type": "https://api.x.com/2/problems/invalid-request",
        },
        {"title": "CrcValidationFailed", "detail": "x"},
        {"title": "t", "detail": "CrcValidationFailed: x"},
    ],
)
def test_a_failure_name_is_found_wherever_x_puts_it(body: object) -> None:
    assert error(400, body).kind == "CrcValidationFailed"


@pytest.mark.parametrize("host", ["https://api.x.com", "https://api.twitter.com", "http://elsewhere"])
def test_only_the_tail_of_a_type_counts(host: str) -> None:
    assert error(404, {"type": f"{host}/2/problems/resource-not-found"}).kind == "resource-not-found"
    assert (
        error(404, {"errors": [{"type": f"{host}/2/problems/resource-not-found"}]}).kind
        == "resource-not-found"
    )


def test_oauth_errors_keep_their_name() -> None:
    found = error(
        400, {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}
    )
    assert (found.kind, str(found)) == ("invalid_request", "Value passed for the token was invalid.")


def test_a_message_is_one_short_line() -> None:
    found = error(400, {"detail": "two\nlines\x1b[31m and\ttabs  " + "x" * 1_000})
    assert str(found).startswith("two lines [31m and tabs x")
    assert len(str(found)) == 300


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, 900),
        ({"x_rate_limit_reset": str(NOW + 60)}, 900),
        ({"x_rate_limit_reset": str(int(NOW + 60))}, 60),
        ({"x_rate_limit_reset": "1"}, 5),
        ({"x_rate_limit_reset": str(int(NOW + 10**6))}, 900),
        ({"x_rate_limit_reset": "soon"}, 900),
        ({"retry_after": "30"}, 30),
        ({"retry_after": "99999999"}, 900),
    ],
)
def test_how_long_a_limit_waits(headers: dict[str, str], wait: float) -> None:
    found = error(429, **headers)
    assert isinstance(found, errors.RateLimited)
    assert found.reset_at == NOW + wait


def limit_headers(quarter: tuple[int, int], user: tuple[int, int] | None = None) -> dict[str, str]:
    headers = {
        "x_rate_limit_limit": "15",
        "x_rate_limit_remaining": str(quarter[0]),
        "x_rate_limit_reset": str(int(NOW) + quarter[1]),
    }
    if user:
        headers |= {
            "x_user_limit_24hour_limit": "1440",
            "x_user_limit_24hour_remaining": str(user[0]),
            "x_user_limit_24hour_reset": str(int(NOW) + user[1]),
        }
    return headers


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        (limit_headers((0, 60)), 60),
        (limit_headers((0, 60), (5, 40_000)), 60),
        (limit_headers((0, 60), (0, 40_000)), 40_000),
        (limit_headers((3, 60), (0, 40_000)), 40_000),
        (limit_headers((3, 60), (2, 40_000)), 40_000),
        (limit_headers((3, 60)), 900),
        (limit_headers((0, -60)), 900),
    ],
)
def test_the_window_that_is_used_up_is_the_one_to_wait_for(headers: dict[str, str], wait: float) -> None:
    found = error(429, **headers)
    assert isinstance(found, errors.RateLimited)
    assert found.reset_at == NOW + wait


def test_what_is_as_good_as_done() -> None:
    done = [
        coded(403, 139),
        coded(403, 327),
        coded(403, 355),
        error(400, {"errors": [{"message": "DuplicateSubscriptionFailed: Subscription already exists"}]}),
    ]
    assert all(map(is_already_done, done))
    not_done = [coded(409, 355), coded(403, 187), error(400, {"title": "DuplicateUrlFailed"}), error(429)]
    assert not any(map(is_already_done, not_done))


def test_what_stops_an_account() -> None:
    assert all(map(pauses_account, [coded(403, code) for code in (64, 185, 226, 326)]))
    assert pauses_account(error(401))
    assert not any(
        map(pauses_account, [coded(403, 187), coded(403, 349), error(402), error(429), error(503)])
    )


@given(st.integers(300, 599), st.binary(), st.dictionaries(st.text(), st.text()))
def test_any_answer_makes_an_error_of_one_line(status: int, body: bytes, headers: dict[str, str]) -> None:
    found = error_from(Response(status, headers, body), now=NOW)
    assert 0 < len(str(found)) <= 300
    assert "\n" not in str(found)
