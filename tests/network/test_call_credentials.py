"""Every call names the kinds of credential, and the scopes, that X documents for it.

``spec_security.json`` has the ``security`` of each operation of X's OpenAPI description 2.167: ``kinds``, and
the ``scopes`` of an OAuth 2.0 user token. What is not in there stands in `OLDER`, with its source.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from botkit.simulator.scopes import SCOPES
from botkit.x import calls
from botkit.x.calls import activity
from botkit.x.scopes import ALWAYS, MEANINGS, scopes_for
from botkit.x.subscriptions import EVENT_TYPES
from botkit.x.wire import Auth, Call

SPEC: dict[str, dict[str, list[str]]] = json.loads(
    Path(__file__).with_name("spec_security.json").read_text(encoding="utf-8")
)

_OWN = frozenset({Auth.OAUTH1_USER})
_APP = frozenset({Auth.APP})
_USER = frozenset({Auth.OAUTH1_USER, Auth.OAUTH2_USER})

#: by the beginning of the request. Sources: X docs, authentication/api-reference and oauth-2-0; X's
#: enterprise page (removed 2026-05-04); the v1.1 direct message reference
OLDER: dict[str, frozenset[Auth]] = {
    "POST /oauth/request_token": frozenset({Auth.OAUTH1_CONSUMER}),
    "POST /oauth/access_token": frozenset({Auth.OAUTH1_CONSUMER}),
    "POST /1.1/oauth/invalidate_token.json": _OWN,
    "POST /oauth2/invalidate_token": _OWN,
    "POST /oauth2/token": frozenset({Auth.APP_BASIC}),
    "POST /2/oauth2/token": frozenset({Auth.CLIENT_BASIC}),
    "POST /2/oauth2/revoke": frozenset({Auth.CLIENT_BASIC}),
    "POST /1.1/direct_messages/": _OWN,
    "GET /1.1/direct_messages/": _OWN,
    "DELETE /1.1/direct_messages/": _OWN,
    "PUT /1.1/direct_messages/": _OWN,
    # webhooks by the app owner's tokens, lists by the app's
    "POST /1.1/account_activity/webhooks.json": _OWN,
    "PUT /1.1/account_activity/webhooks/1.json": _OWN,
    "DELETE /1.1/account_activity/webhooks/1.json": _OWN,
    "GET /1.1/account_activity/webhooks.json": _APP,
    "POST /1.1/account_activity/webhooks/1/subscriptions/all.json": _OWN,
    "GET /1.1/account_activity/webhooks/1/subscriptions/all.json": _OWN,
    "DELETE /1.1/account_activity/webhooks/1/subscriptions/1/all.json": _APP,
    "GET /1.1/account_activity/webhooks/1/subscriptions/all/list.json": _APP,
    "GET /1.1/account_activity/subscriptions/count.json": _APP,
    "POST /1.1/account_activity/replay/": _APP,
    # media in direct messages, at the address that X's event gives (older account activity page)
    "GET /picture.png": _OWN,
    # blocking: enterprise only, in the docs and their table of scopes, not in the description
    "POST /2/users/1/blocking": _USER,
    "DELETE /2/users/1/blocking/1": _USER,
}
OLDER_SCOPES = {"user.block": {"block.write", "tweet.read", "users.read"}}
OLDER_SCOPES["user.unblock"] = OLDER_SCOPES["user.block"]


def functions() -> Iterator[tuple[str, Callable[..., Call[Any]]]]:
    """Every function that makes a call, by name."""
    for found in pkgutil.iter_modules(calls.__path__):
        module = importlib.import_module(f"{calls.__name__}.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            made = str(inspect.signature(function).return_annotation)
            if (
                function.__module__ == module.__name__
                and made.startswith("Call[")
                and not name.startswith("_")
            ):
                yield f"{found.name}.{name}", function


#: what a parameter's type or name asks for
_SAMPLES: dict[str, Any] = {
    "text": "hello",
    "url": "https://bot.example.com/webhook",
    "address": "https://ton.twitter.com/picture.png",
    "event_type": "dm.received",
    "from_at": datetime(2026, 1, 1, tzinfo=UTC),
    "to_at": datetime(2026, 1, 1, 1, tzinfo=UTC),
    "participant_ids": ["1", "2"],
    "webhook_id": "1",
}


def sample(name: str, function: Callable[..., Call[Any]]) -> Call[Any]:
    """A call, made with something for each parameter that must be given, and what needs more than that."""
    given: dict[str, Any] = {}
    for key, parameter in inspect.signature(function).parameters.items():
        if parameter.default is inspect.Parameter.empty or key in {"text", "webhook_id"}:
            given[key] = _SAMPLES.get(key) or _of(str(parameter.annotation))
    if name == "activity.create_subscription":
        given["user_id"] = "1"
    return function(**given)


def _of(kind: str) -> Any:
    if kind.startswith(("Sequence[", "Collection[", "Iterable[")):
        return ["1"]
    return {"int": 1, "bool": True, "bytes": b"x"}.get(kind, "1")


CALLS = dict(functions())


def documented(call: Call[Any]) -> dict[str, list[str]] | None:
    """What X's description has for a request; of several paths the one with the fewest places."""
    asked = f"{call.request.method} {call.request.path}"
    found = [
        operation
        for operation in SPEC
        if re.fullmatch(re.sub(r"\\?\{[^}]+\\?\}", "[^/]+", operation.replace(".", r"\.")), asked)
    ]
    return SPEC[min(found, key=lambda operation: operation.count("{"))] if found else None


@pytest.mark.parametrize("name", sorted(CALLS))
def test_a_call_names_what_x_documents(name: str) -> None:
    call = sample(name, CALLS[name])
    spec = documented(call)
    if spec is None or call.request.path.startswith("/2/oauth2/"):
        asked = f"{call.request.method} {call.request.path}"
        older = [kinds for start, kinds in OLDER.items() if asked.startswith(start)]
        assert older, f"{asked} is in no table: add it with its source"
        assert set(call.auth) == max(older, key=len, default=set()), asked
        assert set(call.scopes) == OLDER_SCOPES.get(call.name, set())
        return
    assert {kind.value for kind in call.auth} == set(spec["kinds"])
    if Auth.OAUTH2_USER not in call.auth:
        assert call.scopes == ()
    elif call.name == "activity.create":
        assert spec["scopes"] == []  # they depend on the event, and stand in the text
    else:
        assert set(call.scopes) == set(spec["scopes"])


#: Source: X's OpenAPI description, ``CreateActivitySubscriptionRequest``; broadcast.read is in the docs alone
SCOPE_OF_EVENT = {
    "dm.": "dm.read",
    "chat.": "dm.read",
    "like.": "like.read",
    "mute.": "mute.read",
    "block.": "block.read",
    "broadcast.chat": "broadcast.read",
}


@pytest.mark.parametrize("event_type", sorted({kind for kinds in EVENT_TYPES.values() for kind in kinds}))
def test_a_subscription_takes_every_kind_and_the_scope_of_its_event(event_type: str) -> None:
    keyword = event_type.startswith("news.")
    call = activity.create_subscription(
        event_type, user_id="" if keyword else "1", keyword="x" if keyword else ""
    )
    assert {kind.value for kind in call.auth} == set(SPEC["POST /2/activity/subscriptions"]["kinds"])
    wanted = [scope for start, scope in SCOPE_OF_EVENT.items() if event_type.startswith(start)]
    assert call.scopes == tuple(wanted or ["tweet.read"])


def test_public_clients_show_nothing_and_name_themselves() -> None:
    for name in ("tokens.refresh_token", "tokens.revoke_token"):
        call = CALLS[name]("token", client_id="client")
        assert call.auth == (Auth.NONE,)
        assert ("client_id", "client") in call.request.form


def test_every_scope_that_is_ever_asked_for_is_one_of_xs() -> None:
    asked = {scope for name in CALLS for scope in sample(name, CALLS[name]).scopes}
    assert asked <= set(MEANINGS)
    assert {scope for operation in SPEC.values() for scope in operation["scopes"]} <= set(MEANINGS)
    assert set(ALWAYS) <= set(MEANINGS)
    assert set(scopes_for(EVENT_TYPES)) <= set(MEANINGS)
    assert set(MEANINGS) == set(SCOPES), "the simulator knows the same"
