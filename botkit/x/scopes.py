"""OAuth 2.0 scopes: what a bot must be granted for what it hears and does, and what that means in words.

Scopes are fixed when an account's owner consents: a new one needs a new sign-in.

Source: X docs, authentication/oauth-2-0 (scopes); X's OpenAPI description, ``OAuth2UserToken``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from botkit.events import ChatMessage, DirectMessage, Event, Mention, Quote, Reply, Repost
from botkit.x.calls import account_activity, dm, posts
from botkit.x.subscriptions import access_to, event_types_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ALWAYS", "MEANINGS", "in_words", "scopes_for"]

#: every scope that X lists, and what it lets a bot do, as its owner would say it
MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "tweet.read": "read posts, yours and those that you can see",
        "tweet.write": "post, repost and delete posts as you",
        "tweet.moderate.write": "hide replies to your posts",
        "users.read": "see your profile and those that you can see",
        "users.email": "see your e-mail address",
        "dm.read": "read your direct messages",
        "dm.write": "send and delete direct messages as you",
        "like.read": "see what you like, and who likes your posts",
        "like.write": "like posts as you",
        "follows.read": "see whom you follow and who follows you",
        "follows.write": "follow and unfollow as you",
        "mute.read": "see whom you mute",
        "mute.write": "mute and unmute as you",
        "block.read": "see whom you block",
        "block.write": "block and unblock as you",
        "list.read": "see your lists, also private ones",
        "list.write": "make and change your lists",
        "bookmark.read": "see your bookmarks",
        "bookmark.write": "add and remove bookmarks",
        "space.read": "see Spaces",
        "media.write": "upload pictures and videos as you",
        "broadcast.read": "see your live broadcasts and their chat",
        "broadcast.write": "run live broadcasts and write in their chat as you",
        "timeline.read": "read your custom timelines",
        "offline.access": "stay signed in until you take the access back",
    }
)

#: what every bot needs: to know whose account it is, and to stay signed in
ALWAYS = ("tweet.read", "users.read", "offline.access")


def scopes_for(
    events: Iterable[type[Event]], *, account_activity_delivers: bool = False, extra: Iterable[str] = ()
) -> tuple[str, ...]:
    """The scopes for hearing of these events and answering them, in the order of `MEANINGS`.

    Who hears of messages answers with messages, and who hears of mentions, replies and quotes with posts;
    whatever else a bot does is not visible in its hooks, and belongs into ``extra``.

    :param account_activity_delivers: events come by the Account Activity API, whose one subscription wants
        scopes of its own.
    """
    wanted = {*ALWAYS, *extra}
    events = tuple(event for event in events if event is not Event)
    for event_type in event_types_for(events):
        wanted.update(access_to(event_type).scopes)
    if _is_any(events, DirectMessage, ChatMessage):
        wanted.update(dm.send("0", "text").scopes)
    if _is_any(events, Mention, Reply, Quote, Repost):
        wanted.update(posts.create_post("text").scopes)
    if account_activity_delivers:
        wanted.update(account_activity.subscribe("0").scopes)
    known = [scope for scope in MEANINGS if scope in wanted]
    return (*known, *sorted(wanted.difference(known)))


def _is_any(wanted: tuple[type[Event], ...], *answered: type[Event]) -> bool:
    return any(issubclass(event, wanted) for event in answered)


def in_words(scopes: Iterable[str]) -> list[str]:
    """What an account's owner allows with these scopes; a scope that is not known stands for itself."""
    return [MEANINGS.get(scope, scope) for scope in scopes]
