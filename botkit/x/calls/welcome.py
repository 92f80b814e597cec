"""Welcome messages, v1.1: what people see when they open a conversation with the account.

Self-serve apps are answered 403 with code 453; enterprise and legacy access may still work.

Source: X's v1.1 direct message reference (2018 to 2021), welcome messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botkit.errors import ActionRefused
from botkit.x.calls.answers import nothing, object_in, required, success, unreadable
from botkit.x.calls.dm_v11 import Button, message_data
from botkit.x.text import unescape
from botkit.x.values import Json, ident, obj, objects, text
from botkit.x.wire import Auth, Call, Request, Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botkit.events import QuickReplyOption

__all__ = [
    "WelcomeMessage",
    "WelcomePage",
    "WelcomeRule",
    "create_rule",
    "create_welcome_message",
    "delete_rule",
    "delete_welcome_message",
    "rules",
    "welcome_messages",
]

MAX_TEXT, MAX_NAME, _PAGE = 9_990, 100, 50
_USER = (Auth.OAUTH1_USER,)
_PATH = "/1.1/direct_messages/welcome_messages"


@dataclass(frozen=True, slots=True)
class WelcomeMessage:
    """A welcome message. People see it by a rule, or by a link that names it."""

    id: str
    name: str = ""
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class WelcomePage:
    """Welcome messages, and the cursor of the next page (``""``: no more)."""

    messages: tuple[WelcomeMessage, ...]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class WelcomeRule:
    """Makes a welcome message the one that everybody sees."""

    id: str
    welcome_message_id: str


def create_welcome_message(
    text: str,
    *,
    name: str = "",
    options: Sequence[QuickReplyOption] = (),
    buttons: Sequence[Button] = (),
    media_id: str = "",
) -> Call[WelcomeMessage]:
    """Make a welcome message; nobody sees it before there is a rule for it.

    :raises ActionRefused: what X's documented limits don't allow.
    """
    if len(text) > MAX_TEXT:
        msg = f"a welcome message takes {MAX_TEXT} characters, this one has {len(text)}"
        raise ActionRefused(msg)
    if len(name) > MAX_NAME:
        msg = f"a welcome message's name has at most {MAX_NAME} characters"
        raise ActionRefused(msg)
    made: dict[str, Any] = {
        "message_data": message_data(text, options=options, buttons=buttons, media_id=media_id)
    }
    if name:
        made["name"] = name
    request = Request.with_json("POST", f"{_PATH}/new.json", {"welcome_message": made})
    return Call("welcome.create", request, _USER, "welcome_write", _made)


def welcome_messages(*, cursor: str = "") -> Call[WelcomePage]:
    """The account's welcome messages, up to 50."""
    return Call("welcome.list", _list(_PATH, cursor), _USER, "welcome_list", _page, safe=True)


def delete_welcome_message(welcome_id: str) -> Call[None]:
    """Delete a welcome message."""
    request = _one("DELETE", f"{_PATH}/destroy.json", required(welcome_id, "the welcome message"))
    return Call("welcome.delete", request, _USER, "welcome_write", nothing, safe=True)


def create_rule(welcome_id: str) -> Call[WelcomeRule]:
    """Make a welcome message the account's default. There is one rule at most: delete the old one first."""
    body = {"welcome_message_rule": {"welcome_message_id": required(welcome_id, "the welcome message")}}
    request = Request.with_json("POST", f"{_PATH}/rules/new.json", body)
    return Call("welcome.create_rule", request, _USER, "welcome_write", _rule)


def rules(*, cursor: str = "") -> Call[tuple[WelcomeRule, ...]]:
    """The account's rules."""
    request = _list(f"{_PATH}/rules", cursor)
    return Call("welcome.rules", request, _USER, "welcome_list", _rules, safe=True)


def delete_rule(rule_id: str) -> Call[None]:
    """Delete a rule; its message stays."""
    request = _one("DELETE", f"{_PATH}/rules/destroy.json", required(rule_id, "the rule"))
    return Call("welcome.delete_rule", request, _USER, "welcome_write", nothing, safe=True)


def _one(method: str, path: str, found: str) -> Request:
    return Request(method, path, (("id", found),))


def _list(path: str, cursor: str) -> Request:
    query = (("count", str(_PAGE)), *((("cursor", cursor),) if cursor else ()))
    return Request("GET", f"{path}/list.json", query)


def _read(found: Json) -> WelcomeMessage:
    written = text(obj(found, "message_data"), "text")
    return WelcomeMessage(ident(found, "id"), text(found, "name"), unescape(written))


def _made(response: Response) -> WelcomeMessage:
    made = _read(object_in(response, "welcome_message"))
    if not made.id:
        raise unreadable(response, wrote=True)
    return made


def _page(response: Response) -> WelcomePage:
    body = success(response)
    cursor = text(body, "next_cursor")
    return WelcomePage(tuple(map(_read, objects(body, "welcome_messages"))), "" if cursor == "0" else cursor)


def _read_rule(found: Json) -> WelcomeRule:
    return WelcomeRule(ident(found, "id"), ident(found, "welcome_message_id"))


def _rule(response: Response) -> WelcomeRule:
    made = _read_rule(object_in(response, "welcome_message_rule"))
    if not made.id:
        raise unreadable(response, wrote=True)
    return made


def _rules(response: Response) -> tuple[WelcomeRule, ...]:
    return tuple(map(_read_rule, objects(success(response), "welcome_message_rules")))
