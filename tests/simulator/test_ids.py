"""Ids: the same for the same handle in every run, and always new for what people write."""

from __future__ import annotations

import asyncio

import pytest

from botkit.simulator import SeedUser
from botkit.simulator.config import DEFAULT_BOT_ID
from botkit.simulator.ids import time_of, user_id_of


async def test_a_handle_has_the_same_id_after_a_restart(rig_with):
    before, after = await rig_with(), await rig_with(users=(SeedUser(username="carol"),))
    before.clock.move(86_400)
    await before.control("POST", "dm", {"from": "Dave", "text": "hello"})
    for name in ("Alice", "dave"):
        await after.control("POST", "dm", {"from": name, "text": "hello"})
        assert after.user(name) == before.user(name)
    assert len({after.user(name) for name in ("alice", "dave", "carol")} | {after.bot_id}) == 4


async def test_a_new_user_of_a_given_up_handle_is_somebody_else(rig):
    alice = rig.sim.world.users[rig.user("alice")]
    rig.sim.world.change_profile(alice, "handle", "alicia")
    await rig.control("POST", "users", {"username": "alice"})
    assert rig.user("alicia") == alice.id
    assert rig.user("alice") != alice.id


async def test_an_id_that_is_given_is_kept(rig_with):
    rig = await rig_with(users=(SeedUser(username="carol", id="42"),))
    assert rig.user("carol") == "42"


@pytest.mark.parametrize("name", ["alice", "bob", "a", "_______________", "my_bot"])
def test_ids_of_users_look_like_ids_and_are_not_the_bots(name):
    found = user_id_of(name)
    assert found == user_id_of(name.upper())
    assert len(found) == 19
    assert found != DEFAULT_BOT_ID
    assert 1_550_000_000 < time_of(found) < 1_735_000_000


def test_a_taken_id_gives_way_to_the_next():
    first = user_id_of("alice")
    second = user_id_of("alice", {first})
    assert second != first
    assert user_id_of("alice", {first, second}) not in {first, second}


def test_the_ids_stay_as_they_are_for_those_who_remember_them():
    assert user_id_of("alice") == "1177917989943086958"


async def test_messages_and_posts_have_ids_of_their_time(rig):
    await asyncio.gather(*(rig.control("POST", "dm", {"from": "alice", "text": str(n)}) for n in range(5)))
    messages = list(rig.sim.world.messages)
    assert messages == sorted(set(messages), key=int)
    assert len(messages) == 5
    post_id = rig.sim.world.newest_post_by(rig.bot_id).id
    for snowflake in (*messages, post_id):
        assert abs(time_of(snowflake) - rig.clock.now) < 0.01
