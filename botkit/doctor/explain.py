"""Why X refuses, and what to do about it, for the refusals that more than one check may meet."""

from __future__ import annotations

from datetime import UTC, datetime

from botkit.doctor.result import Failed
from botkit.errors import CreditsDepleted, RateLimited, XError, XUnavailable

__all__ = ["explained"]

#: not in the app's package (Source: X docs, response-codes-and-errors; v1.1 error codes)
_NOT_IN_PACKAGE = frozenset({200, 453})


def explained(error: XError, what: str) -> Failed:
    """One line about an error of X's.

    :param what: what X was asked, to stand behind "when asked".
    """
    if isinstance(error, CreditsDepleted):
        return Failed(
            f"X wants money when asked {what}: {error}", "buy credits for the app in the developer portal"
        )
    if isinstance(error, RateLimited):
        at = datetime.fromtimestamp(error.reset_at, UTC)
        return Failed(f"X's limit is used up when asked {what}", f"try again after {at:%H:%M} UTC")
    if not error.status:
        return Failed(
            f"X could not be asked {what}: {error}", "see that this machine reaches x.api_url, then try again"
        )
    if isinstance(error, XUnavailable):
        return Failed(f"X is in trouble when asked {what}: {error}", "try again later")
    if error.kind == "client-forbidden" or not _NOT_IN_PACKAGE.isdisjoint(error.codes):
        return Failed(
            f"the app's package does not allow to ask X {what}: {error}",
            "enrol the app in a package that has it, in the developer portal, or change x.delivery",
        )
    return Failed(
        f"X refused when asked {what}: {error}", "compare the app's settings in the developer portal"
    )
