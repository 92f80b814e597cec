"""Lookups and relations, over the v2 calls."""

from __future__ import annotations

import pytest


async def test_lookups(rig):
    alice = {"id": rig.user("alice"), "username": "alice", "name": "Alice"}
    for path in (f"/2/users/{alice['id']}", "/2/users/by/username/Alice"):
        assert (await rig.call("GET", path, auth="app"))[1] == {"data": alice}
    _, body, _ = await rig.call("GET", "/2/users/by?usernames=alice,bob")
    assert [user["username"] for user in body["data"]] == ["alice", "bob"]
    status, body, _ = await rig.call("GET", f"/2/users?ids={alice['id']},5&user.fields=public_metrics")
    assert (status, body["errors"][0]["resource_id"]) == (200, "5")
    assert body["data"][0]["public_metrics"]["followers_count"] == 0


async def test_who_is_not_there(rig):
    for path in ("/2/users/5", "/2/users/by/username/nobody"):
        status, body, _ = await rig.call("GET", path)
        assert (status, list(body)) == (200, ["errors"])
        assert body["errors"][0]["resource_type"] == "user"


@pytest.mark.parametrize(
    "path",
    ["/2/users", "/2/users?ids=x", "/2/users/by?usernames=", "/2/users/by/username/far-too-long-a-name"],
)
async def test_what_is_no_lookup_is_400(rig, path):
    assert (await rig.call("GET", path))[0] == 400


@pytest.mark.parametrize(
    ("collection", "relation", "made", "ended"),
    [
        ("following", "follow", {"following": True, "pending_follow": False}, {"following": False}),
        ("muting", "mute", {"muting": True}, {"muting": False}),
        ("blocking", "block", {"blocking": True}, {"blocking": False}),
    ],
)
async def test_relations(rig, collection, relation, made, ended):
    path, alice = f"/2/users/{rig.bot_id}/{collection}", rig.user("alice")
    assert (await rig.call("POST", path, {"target_user_id": alice}))[1] == {"data": made}
    assert rig.sim.world.related(relation, rig.bot_id, alice)
    assert (await rig.call("DELETE", f"{path}/{alice}"))[1] == {"data": ended}
    assert not rig.sim.world.related(relation, rig.bot_id, alice)
    assert (await rig.call("POST", path, {"target_user_id": "5"}))[0] == 400
    assert (await rig.call("POST", path, {"user": alice}))[0] == 400


async def test_a_protected_account_has_to_agree(rig):
    await rig.control("POST", "users", {"username": "alice", "protected": True})
    path = f"/2/users/{rig.bot_id}/following"
    _, body, _ = await rig.call("POST", path, {"target_user_id": rig.user("alice")})
    assert body == {"data": {"following": False, "pending_follow": True}}
    assert not rig.sim.world.related("follow", rig.bot_id, rig.user("alice"))
