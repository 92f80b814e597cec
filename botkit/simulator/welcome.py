"""Welcome messages and their rules, v1.1: what a person sees who opens a conversation with the account.

Source: X's v1.1 direct message reference (2018-2021).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import OAUTH1
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import v1_error
from botkit.simulator.rest_v1 import check_package

if TYPE_CHECKING:
    from botkit.simulator.ids import Snowflakes

__all__ = ["ENDPOINTS", "Welcomes"]

_NAME = 100
_TEXT = 9990
_PAGE = 50
_OBJECT: dict[str, Any] = {"type": "object", "open": True}


@dataclass(slots=True)
class Welcomes:
    """Welcome messages and rules by id; each belongs to the account that made it."""

    ids: Snowflakes
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    rules: dict[str, dict[str, Any]] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)

    def mine(self, kept: dict[str, dict[str, Any]], call: Call) -> dict[str, dict[str, Any]]:
        """Those of the caller."""
        return {key: one for key, one in kept.items() if self.owners[key] == call.caller.user_id}


def _stamp(parts: Parts) -> str:
    return str(int(parts.clock() * 1000))


def _message(call: Call, *, name: bool) -> dict[str, Any]:
    """The message in a body; an update holds its data alone."""
    given = call.body.get("welcome_message") if name else call.body
    data = given.get("message_data") if isinstance(given, dict) else None
    text = data.get("text") if isinstance(data, dict) else None
    if not isinstance(given, dict) or not isinstance(data, dict) or not isinstance(text, str) or not text:
        raise v1_error(400, 214, "message_data.text: text is required")
    if len(text) > _TEXT:
        raise v1_error(400, 354, "The text of your direct message is over the max character limit.")
    made: dict[str, Any] = {"message_data": {"entities": _no_entities(), **data}}
    if name and given.get("name"):
        if not isinstance(given["name"], str) or len(given["name"]) > _NAME:
            raise v1_error(400, 214, f"name: takes up to {_NAME} characters")
        made["name"] = given["name"]
    return made


def _no_entities() -> dict[str, list[Any]]:
    return {"hashtags": [], "symbols": [], "user_mentions": [], "urls": []}


async def new_message(parts: Parts, call: Call) -> Answer:
    """``POST …/welcome_messages/new.json``."""
    check_package(parts)
    made = {"id": parts.welcomes.ids.next(), "created_timestamp": _stamp(parts), **_message(call, name=True)}
    made["source_app_id"] = parts.config.app_id
    parts.welcomes.messages[made["id"]] = made
    parts.welcomes.owners[made["id"]] = call.caller.user_id
    app = {"id": parts.config.app_id, "name": parts.config.app_name, "url": "https://example.com"}
    return Answer({"welcome_message": made, "name": made.get("name", ""), "apps": {parts.config.app_id: app}})


async def update_message(parts: Parts, call: Call) -> Answer:
    """``PUT …/welcome_messages/update.json?id=``."""
    check_package(parts)
    found = _found(parts, parts.welcomes.messages, call)
    found |= _message(call, name=False)
    return Answer({"welcome_message": found})


async def show_message(parts: Parts, call: Call) -> Answer:
    """``GET …/welcome_messages/show.json?id=``."""
    check_package(parts)
    return Answer({"welcome_message": _found(parts, parts.welcomes.messages, call)})


async def list_messages(parts: Parts, call: Call) -> Answer:
    """``GET …/welcome_messages/list.json``."""
    check_package(parts)
    return _page("welcome_messages", parts.welcomes.mine(parts.welcomes.messages, call), call)


async def destroy_message(parts: Parts, call: Call) -> Answer:
    """``DELETE …/welcome_messages/destroy.json?id=``; its rules end with it."""
    check_package(parts)
    gone = _found(parts, parts.welcomes.messages, call)["id"]
    del parts.welcomes.messages[gone]
    kept = parts.welcomes.rules
    for rule in [rule for rule in kept.values() if rule["welcome_message_id"] == gone]:
        del kept[rule["id"]]
    return Answer()


async def new_rule(parts: Parts, call: Call) -> Answer:
    """``POST …/welcome_messages/rules/new.json``: the message is the account's default now."""
    check_package(parts)
    given = call.body.get("welcome_message_rule")
    message_id = str(given.get("welcome_message_id", "")) if isinstance(given, dict) else ""
    if message_id not in parts.welcomes.mine(parts.welcomes.messages, call):
        raise v1_error(404, 34, "Sorry, that page does not exist.")
    if parts.welcomes.mine(parts.welcomes.rules, call):
        raise v1_error(400, 214, "A welcome message rule exists already.")
    made = {
        "id": parts.welcomes.ids.next(),
        "created_timestamp": _stamp(parts),
        "welcome_message_id": message_id,
    }
    parts.welcomes.rules[made["id"]] = made
    parts.welcomes.owners[made["id"]] = call.caller.user_id
    return Answer({"welcome_message_rule": made})


async def show_rule(parts: Parts, call: Call) -> Answer:
    """``GET …/welcome_messages/rules/show.json?id=``."""
    check_package(parts)
    return Answer({"welcome_message_rule": _found(parts, parts.welcomes.rules, call)})


async def list_rules(parts: Parts, call: Call) -> Answer:
    """``GET …/welcome_messages/rules/list.json``."""
    check_package(parts)
    return _page("welcome_message_rules", parts.welcomes.mine(parts.welcomes.rules, call), call)


async def destroy_rule(parts: Parts, call: Call) -> Answer:
    """``DELETE …/welcome_messages/rules/destroy.json?id=``."""
    check_package(parts)
    del parts.welcomes.rules[_found(parts, parts.welcomes.rules, call)["id"]]
    return Answer()


def _found(parts: Parts, kept: dict[str, dict[str, Any]], call: Call) -> dict[str, Any]:
    found = parts.welcomes.mine(kept, call).get(call.query.get("id", ""))
    if found is None:
        raise v1_error(404, 34, "Sorry, that page does not exist.")
    return found


def _page(name: str, kept: dict[str, dict[str, Any]], call: Call) -> Answer:
    """One page; a cursor is the id that the next page begins after."""
    count, cursor = call.query.get("count", "20"), call.query.get("cursor", "0")
    if not count.isdecimal() or not 1 <= int(count) <= _PAGE or not cursor.isdecimal():
        raise v1_error(400, 214, f"count is 1 to {_PAGE}, cursor one of next_cursor")
    rest = [one for one in kept.values() if int(one["id"]) > int(cursor)]
    page = rest[: int(count)]
    more = {"next_cursor": page[-1]["id"]} if len(rest) > len(page) else {}
    return Answer({name: page, **more})


_MESSAGES = "/1.1/direct_messages/welcome_messages"
_RULES = f"{_MESSAGES}/rules"

ENDPOINTS = [
    Endpoint(
        method=method,
        path=path,
        window="v1.welcome.list" if path.endswith("/list.json") else "",
        accepts=OAUTH1,
        needs="messages",
        schema=_OBJECT if method in {"POST", "PUT"} else None,
        act=act,
    )
    for method, path, act in (
        ("POST", f"{_MESSAGES}/new.json", new_message),
        ("PUT", f"{_MESSAGES}/update.json", update_message),
        ("GET", f"{_MESSAGES}/show.json", show_message),
        ("GET", f"{_MESSAGES}/list.json", list_messages),
        ("DELETE", f"{_MESSAGES}/destroy.json", destroy_message),
        ("POST", f"{_RULES}/new.json", new_rule),
        ("GET", f"{_RULES}/show.json", show_rule),
        ("GET", f"{_RULES}/list.json", list_rules),
        ("DELETE", f"{_RULES}/destroy.json", destroy_rule),
    )
]
