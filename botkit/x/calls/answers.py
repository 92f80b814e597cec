"""Reading answers: what every call does with its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from botkit.errors import ActionRefused, OutcomeUnknown, XUnavailable
from botkit.x.failures import error_from
from botkit.x.values import decode_object, obj

if TYPE_CHECKING:
    from collections.abc import Callable

    from botkit.x.wire import Response

__all__ = ["flag", "is_success", "nothing", "object_in", "required", "success", "unreadable"]

T = TypeVar("T")


def is_success(response: Response) -> bool:
    """X did what it was asked."""
    return 200 <= response.status < 300


def success(response: Response) -> dict[str, Any]:
    """The answer's JSON object, empty when it has none.

    :raises XError: the answer is an error.
    """
    if not is_success(response):
        raise error_from(response, now=response.received_at)
    return decode_object(response.body)


def object_in(response: Response, key: str = "data") -> dict[str, Any]:
    """The object under ``key`` of a successful answer.

    :raises XError: an error, also one that comes with status 200 and without the object.
    """
    body = success(response)
    found = obj(body, key)
    if not found and "errors" in body:
        raise error_from(response, now=response.received_at)
    return found


def nothing(response: Response) -> None:
    """A successful answer that holds nothing of interest.

    :raises XError: the answer is an error.
    """
    success(response)


def flag(key: str, *, otherwise: bool) -> Callable[[Response], bool]:
    """Reads one boolean of ``data``; ``otherwise`` where a success does not say."""

    def read(response: Response) -> bool:
        found = object_in(response).get(key)
        return found if isinstance(found, bool) else otherwise

    return read


def unreadable(response: Response, *, wrote: bool) -> OutcomeUnknown | XUnavailable:
    """The error for a success without what it must hold: carried out, perhaps, or worth asking again."""
    said = f"X answered {response.status} without what was asked for"
    if wrote:
        return OutcomeUnknown(said, status=response.status)
    return XUnavailable(said, status=response.status)


def required(value: str, what: str) -> str:
    """``value``, which must be given.

    :raises ActionRefused: it is empty.
    """
    if not value:
        msg = f"{what} is missing"
        raise ActionRefused(msg)
    return value
