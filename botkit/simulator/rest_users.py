"""People: lookups, following, muting, blocking, v2. Source: X docs, users; X spec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botkit.simulator.auth import ANYONE, USER
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import invalid, not_in_package
from botkit.simulator.schemas import TARGET_USER
from botkit.simulator.scopes import scopes
from botkit.simulator.shown import found_many, found_one, shown_user

if TYPE_CHECKING:
    from botkit.simulator.things import User

__all__ = ["ENDPOINTS"]

_USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")


async def me(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/me``."""
    return Answer({"data": shown_user(parts.me(call), call)})


async def read(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/:id``."""
    user = parts.world.users.get(call.path["user_id"])
    item = shown_user(user, call) if user else None
    return Answer(found_one("user", "id", call.path["user_id"], item))


async def read_many(parts: Parts, call: Call) -> Answer:
    """``GET /2/users?ids=``."""
    ids = call.listed("ids")
    if not 1 <= len(ids) <= 100 or not all(one.isdecimal() and len(one) <= 19 for one in ids):
        raise invalid("The `ids` query parameter must hold 1 to 100 ids")
    users = {one: parts.world.users.get(one) for one in ids}
    items = {one: shown_user(user, call) if user else None for one, user in users.items()}
    return Answer(found_many("user", "ids", items))


async def by_name(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/by/username/:username``."""
    name = call.path["username"]
    if not _USERNAME.fullmatch(name):
        raise invalid(f"The `username` path parameter value [{name}] does not match ^[A-Za-z0-9_]{{1,15}}$")
    user = parts.world.named(name)
    return Answer(found_one("user", "username", name, shown_user(user, call) if user else None))


async def by_names(parts: Parts, call: Call) -> Answer:
    """``GET /2/users/by?usernames=``."""
    names = call.listed("usernames")
    if not 1 <= len(names) <= 100 or not all(_USERNAME.fullmatch(name) for name in names):
        raise invalid("The `usernames` query parameter must hold 1 to 100 usernames")
    users = {name: parts.world.named(name) for name in names}
    items = {name: shown_user(user, call) if user else None for name, user in users.items()}
    return Answer(found_many("user", "usernames", items))


async def follow(parts: Parts, call: Call) -> Answer:
    """``POST /2/users/:id/following``; a protected account has to agree first."""
    account = parts.me(call)
    if not parts.rules.engagement_allowed:
        raise not_in_package()
    target = _target(parts, account, call.body["target_user_id"])
    if target.protected:
        return Answer({"data": {"following": False, "pending_follow": True}})
    parts.world.relate("follow", account, target)
    return Answer({"data": {"following": True, "pending_follow": False}})


async def unfollow(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/users/:id/following/:target``."""
    account = parts.me(call)
    parts.world.relate("unfollow", account, _target(parts, account, call.path["target_id"]))
    return Answer({"data": {"following": False}})


async def mute(parts: Parts, call: Call) -> Answer:
    """``POST /2/users/:id/muting``."""
    account = parts.me(call)
    parts.world.relate("mute", account, _target(parts, account, call.body["target_user_id"]))
    return Answer({"data": {"muting": True}})


async def unmute(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/users/:id/muting/:target``."""
    account = parts.me(call)
    parts.world.relate("unmute", account, _target(parts, account, call.path["target_id"]))
    return Answer({"data": {"muting": False}})


async def block(parts: Parts, call: Call) -> Answer:
    """``POST /2/users/:id/blocking`` (enterprise)."""
    account = parts.me(call)
    parts.world.relate("block", account, _target(parts, account, call.body["target_user_id"]))
    return Answer({"data": {"blocking": True}})


async def unblock(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/users/:id/blocking/:target`` (enterprise)."""
    account = parts.me(call)
    parts.world.relate("unblock", account, _target(parts, account, call.path["target_id"]))
    return Answer({"data": {"blocking": False}})


def _target(parts: Parts, account: User, user_id: str) -> User:
    target = parts.world.users.get(user_id)
    if target is None or target.id == account.id:
        raise invalid(f"The user [{user_id}] does not exist, or is the account itself")
    return target


_ID = "{id:[0-9]{1,19}}"

ENDPOINTS = [
    Endpoint(method="GET", path="/2/users/me", window="user.me", accepts=USER, act=me),
    Endpoint(method="GET", path="/2/users/by", window="user.by_names", accepts=ANYONE, act=by_names),
    Endpoint(
        method="GET",
        path="/2/users/by/username/{username}",
        window="user.by_name",
        accepts=ANYONE,
        act=by_name,
    ),
    Endpoint(
        method="GET", path="/2/users/{user_id:[0-9]{1,19}}", window="user.read", accepts=ANYONE, act=read
    ),
    Endpoint(method="GET", path="/2/users", window="user.read_many", accepts=ANYONE, act=read_many),
    *(
        Endpoint(
            method="POST",
            path=f"/2/users/{_ID}/{collection}",
            window=window,
            accepts=USER,
            needs="write",
            scopes=scopes(scope),
            schema=TARGET_USER,
            act=act,
        )
        for collection, window, scope, act in (
            ("following", "follow", "follows.write", follow),
            ("muting", "mute", "mute.write", mute),
            ("blocking", "block", "block.write", block),
        )
    ),
    *(
        Endpoint(
            method="DELETE",
            path=f"/2/users/{_ID}/{collection}/{{target_id:[0-9]{{1,19}}}}",
            window=window,
            accepts=USER,
            needs="write",
            scopes=scopes(scope),
            act=act,
        )
        for collection, window, scope, act in (
            ("following", "unfollow", "follows.write", unfollow),
            ("muting", "unmute", "mute.write", unmute),
            ("blocking", "unblock", "block.write", unblock),
        )
    ),
]
