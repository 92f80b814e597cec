"""X's error answers, member for member as recorded.

Source: X docs, fundamentals/response-codes-and-errors; the recorded error bodies; X spec, ``Problem``.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ApiError",
    "duplicate_subscription",
    "forbidden",
    "invalid",
    "missing_scopes",
    "named_failure",
    "not_found",
    "not_in_package",
    "oauth2_error",
    "resource_missing",
    "unauthorized",
    "unsupported_authentication",
    "v1_error",
]

_TYPES = "https://api.x.com/2/problems"


class ApiError(Exception):
    """Ends a request with X's error body.

    :param headers: further headers of the answer.
    """

    def __init__(self, status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers or {}


def v1_error(status: int, code: int, message: str) -> ApiError:
    """The v1.1 shape: a code and a message."""
    return ApiError(status, {"errors": [{"code": code, "message": message}]})


def unauthorized() -> ApiError:
    """401 of v2: it does not say what was wrong."""
    return _problem(401, "Unauthorized", "Unauthorized")


def forbidden(detail: str, *, tail: str = "", **more: str) -> ApiError:
    """403; ``tail`` is the end of the problem's type, ``about:blank`` without one."""
    return _problem(403, "Forbidden", detail, tail=tail, **more)


def unsupported_authentication(used: str, accepted: list[str]) -> ApiError:
    """403 for a credential of the wrong kind."""
    detail = (
        f"Authenticating with {used} is forbidden for this endpoint. "
        f"Supported authentication types are [{', '.join(accepted)}]."
    )
    return _problem(403, "Unsupported Authentication", detail, tail="unsupported-authentication")


def missing_scopes(names: list[str]) -> ApiError:
    """403 for an OAuth 2.0 token that lacks scopes; X names them, or says only Forbidden."""
    return _problem(403, "Forbidden", f"Forbidden: the token lacks the scopes [{', '.join(names)}].")


def not_in_package() -> ApiError:
    """403: the app's package does not have this call or option."""
    detail = "This feature is not available in your package."
    return forbidden(detail, tail="client-forbidden", reason="client-not-enrolled")


def oauth2_error(status: int, error: str, description: str) -> ApiError:
    """The shape of the OAuth 2.0 calls."""
    return ApiError(status, {"error": error, "error_description": description})


def not_found(*, v1: bool) -> ApiError:
    """404 for an address that X does not have."""
    if v1:
        return v1_error(404, 34, "Sorry, that page does not exist.")
    return _problem(404, "Not Found", "Not Found")


def invalid(*messages: str) -> ApiError:
    """400: the request's parameters are not as X's schema wants them."""
    return ApiError(
        400,
        {
            "errors": [{"parameters": {}, "message": message} for message in messages],
            "title": "Invalid Request",
            "detail": "One or more parameters to your request was invalid.",
            "type": f"{_TYPES}/invalid-request",
        },
    )


def named_failure(name: str, text: str = "") -> ApiError:
    """400 of webhooks and Account Activity: the failure's name stands before a colon."""
    return invalid(f"{name}: {text}")


def duplicate_subscription() -> ApiError:
    """400 for an activity subscription that exists."""
    return named_failure(
        "DuplicateSubscriptionFailed", "Duplicate subscription: the same event and filter exist"
    )


def resource_missing(kind: str, parameter: str, value: str) -> dict[str, Any]:
    """One entry of ``errors`` in a 200: a thing that was asked for and is not there."""
    return {
        "value": value,
        "detail": f"Could not find {kind} with {parameter}: [{value}].",
        "title": "Not Found Error",
        "resource_type": kind,
        "parameter": parameter,
        "resource_id": value,
        "type": f"{_TYPES}/resource-not-found",
    }


def _problem(status: int, title: str, detail: str, *, tail: str = "", **more: str) -> ApiError:
    kind = f"{_TYPES}/{tail}" if tail else "about:blank"
    return ApiError(status, {"title": title, "detail": detail, "type": kind, "status": status, **more})
