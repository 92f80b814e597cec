"""Which scopes a bot needs follows from what its plugins hear of; a withdrawn access has an item like X's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from botkit.events import (
    BroadcastChat,
    ChatMessage,
    DirectMessage,
    DirectMessageRead,
    Event,
    Follow,
    Like,
    Mention,
    Mute,
    Post,
    Revoked,
)
from botkit.x import parse
from botkit.x.revocation import revocation
from botkit.x.scopes import ALWAYS, MEANINGS, in_words, scopes_for


@pytest.mark.parametrize(
    ("events", "more"),
    [
        ([], set()),
        ([Event], set()),
        ([Revoked], set()),
        ([DirectMessage], {"dm.read", "dm.write"}),
        ([ChatMessage], {"dm.read", "dm.write"}),
        ([DirectMessageRead], {"dm.read"}),
        ([Mention], {"tweet.write"}),
        ([Post], set()),
        ([Like, Mute], {"like.read", "mute.read"}),
        ([Follow], set()),
        ([BroadcastChat], {"broadcast.read"}),
    ],
)
def test_hearing_and_answering_need_their_scopes(events: list[type[Event]], more: set[str]) -> None:
    assert set(scopes_for(events)) == {*ALWAYS, *more}


def test_what_plugins_need_besides_is_added_once_and_in_order() -> None:
    scopes = scopes_for([DirectMessage], extra=("like.write", "dm.read"))
    assert scopes == ("tweet.read", "users.read", "dm.read", "dm.write", "like.write", "offline.access")
    assert list(scopes) == [scope for scope in MEANINGS if scope in scopes]


def test_account_activity_wants_scopes_of_its_own() -> None:
    assert set(scopes_for([Follow], account_activity_delivers=True)) >= {"dm.read", "dm.write"}


def test_scopes_are_shown_in_words() -> None:
    assert in_words(["dm.read", "new.scope"]) == ["read your direct messages", "new.scope"]


def test_a_withdrawn_access_reads_like_x_had_reported_it() -> None:
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    item = revocation("42", app_id="7", at=at)
    event = parse(item, received_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert isinstance(event, Revoked)
    assert (event.user_id, event.account_id, event.app_id, event.at) == ("42", "42", "7", at)
    assert revocation("42", app_id="7", at=at).id == item.id
