"""Which event types to subscribe to for the events that hooks need, and with what."""

from __future__ import annotations

import inspect

from botkit import events
from botkit.x import Auth
from botkit.x.subscriptions import ACCOUNT_ACTIVITY_EVENTS, EVENT_TYPES, access_to, event_types_for


def test_every_event_a_plugin_can_get_is_listed() -> None:
    classes = {
        each
        for name, each in inspect.getmembers(events, inspect.isclass)
        if issubclass(each, events.Event) and not name.startswith("_")
    }
    assert set(EVENT_TYPES) == classes - {events.Event, events.PostEvent, events.UnknownEvent}
    assert set(EVENT_TYPES) >= ACCOUNT_ACTIVITY_EVENTS


def test_the_seventeen_types_that_equal_account_activity() -> None:
    assert len(event_types_for(ACCOUNT_ACTIVITY_EVENTS)) == 17


def test_types_come_once_and_in_a_fixed_order() -> None:
    wanted = [events.Reply, events.DirectMessage, events.Reply]
    assert event_types_for(wanted) == ("dm.received", "post.reply.create")
    assert event_types_for(reversed(wanted)) == event_types_for(wanted)


def test_a_base_class_stands_for_what_is_below_it() -> None:
    assert event_types_for([events.PostEvent]) == (
        "post.create",
        "post.mention.create",
        "post.reply.create",
        "post.quote.create",
        "post.repost.create",
    )
    assert event_types_for([]) == event_types_for([events.Event, events.UnknownEvent]) == ()


def test_who_may_subscribe() -> None:
    dm = access_to("dm.received")
    assert (dm.auth, dm.scopes, dm.private) == (
        (Auth.OAUTH2_USER, Auth.OAUTH1_USER, Auth.APP),
        ("dm.read",),
        True,
    )
    bio = access_to("profile.update.bio")
    assert (bio.auth[0], bio.scopes, bio.private) == (Auth.APP, ("tweet.read",), False)
    assert access_to("post.create").private is False
    assert access_to("post.mention.create").private is True
    assert access_to("broadcast.start").private is False
    assert access_to("broadcast.chat").scopes == ("broadcast.read",)
    assert access_to("like.create").scopes == ("like.read",)
    assert access_to("something.new").private is True
