"""People: look them up, follow, mute and block. Source: X docs, users and X's OpenAPI description.

Following needs enterprise access since 2026-04-20; so does blocking, which X's OpenAPI description leaves
out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botkit.errors import ActionRefused
from botkit.x.calls.answers import flag, object_in, required, success, unreadable
from botkit.x.parse.users import user_from
from botkit.x.values import obj, objects, text
from botkit.x.wire import Auth, Call, Request, Response, segment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from botkit.events import User

__all__ = [
    "Followed",
    "UserPage",
    "block",
    "follow",
    "followers",
    "following",
    "me",
    "mute",
    "unblock",
    "unfollow",
    "unmute",
    "user",
    "user_by_name",
    "users",
    "users_by_name",
]

_USER = (Auth.OAUTH1_USER, Auth.OAUTH2_USER)
_ANY = (*_USER, Auth.APP)
_READ = ("tweet.read", "users.read")
_FIELDS = (
    "user.fields",
    "id,username,name,protected,verified,description,location,url,profile_image_url,public_metrics,created_at",
)
_NAME = re.compile(r"[A-Za-z0-9_]{1,15}")


@dataclass(frozen=True, slots=True)
class Followed:
    """``pending``: the other's account is protected and has not agreed yet."""

    following: bool
    pending: bool = False


@dataclass(frozen=True, slots=True)
class UserPage:
    """Users, and the token of the next page (``""``: no more)."""

    users: tuple[User, ...]
    next_token: str = ""


def me() -> Call[User]:
    """The account whose token is used."""
    return Call("user.me", _get("/2/users/me"), _USER, "users_me", _one, scopes=_READ, safe=True)


def user(user_id: str) -> Call[User]:
    """Who has this id."""
    path = f"/2/users/{segment(user_id)}"
    return Call("user.get", _get(path), _ANY, "user_lookup", _one, scopes=_READ, safe=True)


def user_by_name(username: str) -> Call[User]:
    """Who has this handle (with or without @).

    :raises ActionRefused: no handle that X gives.
    """
    path = f"/2/users/by/username/{segment(_handle(username))}"
    return Call("user.by_name", _get(path), _ANY, "user_lookup_name", _one, scopes=_READ, safe=True)


def users(user_ids: Sequence[str]) -> Call[tuple[User, ...]]:
    """Up to 100 users by id; those that don't exist are missing in the answer.

    :raises ActionRefused: none, or more than 100.
    """
    request = _get("/2/users", ("ids", _joined(user_ids)))
    return Call("user.many", request, _ANY, "users_lookup", _many, scopes=_READ, safe=True)


def users_by_name(usernames: Sequence[str]) -> Call[tuple[User, ...]]:
    """Up to 100 users by handle; those that don't exist are missing in the answer.

    :raises ActionRefused: none, more than 100, or something that is no handle.
    """
    request = _get("/2/users/by", ("usernames", _joined([_handle(each) for each in usernames])))
    return Call("user.many_by_name", request, _ANY, "users_lookup_names", _many, scopes=_READ, safe=True)


def followers(user_id: str, *, max_results: int = 1_000, page: str = "") -> Call[UserPage]:
    """Who follows someone, up to 1,000 at once, the newest first."""
    request = _listing(f"/2/users/{segment(user_id)}/followers", max_results, page)
    return Call(
        "user.followers", request, _ANY, "followers", _page, scopes=("follows.read", *_READ), safe=True
    )


def following(user_id: str, *, max_results: int = 1_000, page: str = "") -> Call[UserPage]:
    """Whom someone follows, up to 1,000 at once."""
    request = _listing(f"/2/users/{segment(user_id)}/following", max_results, page)
    return Call(
        "user.following", request, _ANY, "following", _page, scopes=("follows.read", *_READ), safe=True
    )


def _listing(path: str, max_results: int, page: str) -> Request:
    token = (("pagination_token", page),) if page else ()
    return _get(path, ("max_results", str(min(1_000, max(1, max_results)))), *token)


def _page(response: Response) -> UserPage:
    return UserPage(_many(response), text(obj(success(response), "meta"), "next_token"))


def _get(path: str, *query: tuple[str, str]) -> Request:
    return Request("GET", path, (*query, _FIELDS))


def _handle(username: str) -> str:
    handle = username.removeprefix("@")
    if _NAME.fullmatch(handle) is None:
        raise ActionRefused("a handle has 1 to 15 letters, digits and underscores")
    return handle


def _joined(parts: Sequence[str]) -> str:
    if not 1 <= len(parts) <= 100:
        msg = f"X looks up 1 to 100 users at once, not {len(parts)}"
        raise ActionRefused(msg)
    return ",".join(parts)


def _one(response: Response) -> User:
    found = user_from(object_in(response))
    if not found.id:
        raise unreadable(response, wrote=False)
    return found


def _many(response: Response) -> tuple[User, ...]:
    return tuple(found for each in objects(success(response), "data") if (found := user_from(each)).id)


def _target(account_id: str, verb: str, target_id: str) -> Request:
    return Request.with_json(
        "POST", f"/2/users/{segment(account_id)}/{verb}", {"target_user_id": required(target_id, "the user")}
    )


def _undo(account_id: str, verb: str, target_id: str) -> Request:
    return Request("DELETE", f"/2/users/{segment(account_id)}/{verb}/{segment(target_id)}")


def _followed(response: Response) -> Followed:
    data = object_in(response)
    pending = data.get("pending_follow") is True
    following = data.get("following")
    return Followed(following if isinstance(following, bool) else not pending, pending)


def follow(account_id: str, target_id: str) -> Call[Followed]:
    """Follow someone as the account whose token is used."""
    return Call(
        "user.follow",
        _target(account_id, "following", target_id),
        _USER,
        "follow",
        _followed,
        scopes=("follows.write", *_READ),
        safe=True,
    )


def unfollow(account_id: str, target_id: str) -> Call[bool]:
    """Follow someone no longer. Returns whether the account follows still."""
    return Call(
        "user.unfollow",
        _undo(account_id, "following", target_id),
        _USER,
        "unfollow",
        flag("following", otherwise=False),
        scopes=("follows.write", *_READ),
        safe=True,
    )


def mute(account_id: str, target_id: str) -> Call[bool]:
    """Mute someone. Returns whether they are muted now."""
    return Call(
        "user.mute",
        _target(account_id, "muting", target_id),
        _USER,
        "mute",
        flag("muting", otherwise=True),
        scopes=("mute.write", *_READ),
        safe=True,
    )


def unmute(account_id: str, target_id: str) -> Call[bool]:
    """Mute someone no longer. Returns whether they are muted still."""
    return Call(
        "user.unmute",
        _undo(account_id, "muting", target_id),
        _USER,
        "unmute",
        flag("muting", otherwise=False),
        scopes=("mute.write", *_READ),
        safe=True,
    )


def block(account_id: str, target_id: str) -> Call[bool]:
    """Block someone (enterprise only). Returns whether they are blocked now."""
    return Call(
        "user.block",
        _target(account_id, "blocking", target_id),
        _USER,
        "block",
        flag("blocking", otherwise=True),
        scopes=("block.write", *_READ),
        safe=True,
    )


def unblock(account_id: str, target_id: str) -> Call[bool]:
    """Block someone no longer (enterprise only). Returns whether they are blocked still."""
    return Call(
        "user.unblock",
        _undo(account_id, "blocking", target_id),
        _USER,
        "unblock",
        flag("blocking", otherwise=False),
        scopes=("block.write", *_READ),
        safe=True,
    )
