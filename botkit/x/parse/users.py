"""X's four spellings of a user → `User`: v1.1 in posts, v1.1 in follows, the map beside messages, and v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from botkit.events import User
from botkit.x.values import Json, first_text, from_ms, from_text, id_of, ident, integer, text, unwrap, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Users", "mentioned", "user_from"]


class _Profile(msgspec.Struct):
    """A user's members in every spelling. Counts and times come as numbers or as text, anything as null."""

    id_str: str | int | None = None
    id: str | int | None = None
    username: str | None = None
    screen_name: str | None = None
    name: str | None = None
    protected: bool | None = None
    verified: bool | None = None
    description: str | None = None
    location: str | None = None
    url: str | None = None
    profile_image_url_https: str | None = None
    profile_image_url: str | None = None
    followers_count: int | str | None = None
    friends_count: int | str | None = None
    statuses_count: int | str | None = None
    public_metrics: dict[str, Any] | None = None
    created_at: str | None = None
    created_timestamp: int | str | None = None


def _profile(value: Json) -> _Profile:
    try:
        return msgspec.convert(value, _Profile)
    except msgspec.ValidationError:
        # What has another type than it should is passed over; the rest still tells.
        return msgspec.convert({name: value[name] for name in value if _fits(name, value[name])}, _Profile)


def _fits(name: str, member: object) -> bool:
    try:
        msgspec.convert({name: member}, _Profile)
    except msgspec.ValidationError:
        return False
    return True


def user_from(found: object, *, user_id: str = "") -> User:
    """The user in an object, also wrapped in ``{"data": …}``; just ``user_id`` where it is no user."""
    profile = _profile(unwrap(found))
    user_id = id_of(profile.id_str) or id_of(profile.id) or user_id
    username = profile.username or profile.screen_name or ""
    metrics = profile.public_metrics
    return User(
        id=user_id,
        username=username,
        name=profile.name or username or user_id,
        protected=profile.protected is True,
        verified=profile.verified is True,
        description=profile.description or "",
        location=profile.location or "",
        url=profile.url or "",
        image_url=profile.profile_image_url_https or profile.profile_image_url or "",
        followers=_count(profile.followers_count, metrics, "followers_count"),
        following=_count(profile.friends_count, metrics, "following_count"),
        posts=_count(profile.statuses_count, metrics, "tweet_count", "post_count"),
        created_at=from_text(profile.created_at or "") or from_ms(whole(profile.created_timestamp)),
    )


def _count(found: int | str | None, metrics: Json | None, *metric_keys: str) -> int | None:
    count = whole(found)
    return integer(metrics, *metric_keys) if count is None and metrics else count


def mentioned(found: Json) -> User:
    """A user as the mentions of a text name one."""
    user_id = ident(found, "id_str", "id")
    username = first_text(found, "username", "screen_name")
    return User(id=user_id, username=username, name=text(found, "name") or username or user_id)


class Users:
    """The users that come beside an event: a map by id (messages), or ``includes.users`` (XAA)."""

    def __init__(self, found: object) -> None:
        if isinstance(found, list):
            self._by_id: Mapping[str, Any] = {
                ident(unwrap(each), "id_str", "id"): each for each in found if isinstance(each, dict)
            }
        else:
            self._by_id = found if isinstance(found, dict) else {}

    def __getitem__(self, user_id: str) -> User:
        """Who has this id: all that came of them, or just the id."""
        user = user_from(self._by_id.get(user_id), user_id=user_id)
        # What stands under an id is about that id, whatever id it carries itself.
        return user if user.id == user_id else User(id=user_id, name=user_id)
