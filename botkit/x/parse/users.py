"""X's four spellings of a user → `User`: v1.1 in posts, v1.1 in follows, the map beside messages, and v2."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.events import User
from botkit.x.values import Json, first_text, from_ms, from_text, ident, integer, obj, text, unwrap

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Users", "mentioned", "user_from"]


def user_from(found: object, *, user_id: str = "") -> User:
    """The user in an object, also wrapped in ``{"data": …}``; just ``user_id`` where it is no user."""
    value = unwrap(found)
    user_id = ident(value, "id_str", "id") or user_id
    username = first_text(value, "username", "screen_name")
    metrics = obj(value, "public_metrics")
    return User(
        id=user_id,
        username=username,
        name=text(value, "name") or username or user_id,
        protected=value.get("protected") is True,
        verified=value.get("verified") is True,
        description=text(value, "description"),
        location=text(value, "location"),
        url=text(value, "url"),
        image_url=first_text(value, "profile_image_url_https", "profile_image_url"),
        followers=_count(value, "followers_count", metrics, "followers_count"),
        following=_count(value, "friends_count", metrics, "following_count"),
        posts=_count(value, "statuses_count", metrics, "tweet_count", "post_count"),
        created_at=from_text(text(value, "created_at")) or from_ms(integer(value, "created_timestamp")),
    )


def _count(value: Json, key: str, metrics: Json, *metric_keys: str) -> int | None:
    found = integer(value, key)
    return found if found is not None else integer(metrics, *metric_keys)


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
