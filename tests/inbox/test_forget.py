"""Forgetting a person: nothing of theirs is left in the store's files, and nobody else loses anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from botkit.errors import UserError
from botkit.inbox.forgetting import forget
from botkit.inbox.people import user_id_of
from botkit.network.keys import KeyRing
from botkit.network.vault import Account, Vault, refreshing

from .conftest import ACCOUNT, ALICE, Bench, dm, run_all

BOB = "55"
SECRET = "secretword"

ECHO = """
    @on_direct_message
    async def echo(event, bot):
        bot.state.setdefault("said", [])
        bot.state["said"] = [*bot.state["said"], event.text]
        await bot.reply(f"later: {event.text}", after=minutes(5))
        await bot.send_dm(event.sender, f"you said: {event.text}")

    @on_mention
    async def answer(event, bot):
        return f"you wrote: {event.text}"
"""
FAILS = """
    @on_direct_message
    async def fails(event, bot):
        raise ValueError(event.text[:4] + event.text[4:])
"""


def traces(folder: Path, word: str) -> dict[str, int]:
    """In which of the store's files a word stands, and how often."""
    files = sorted(folder.glob("store.db*"))
    assert [file.name for file in files if not file.name.endswith(".lock")] == [
        "store.db",
        "store.db-shm",
        "store.db-wal",
    ]
    counts = {file.name: file.read_bytes().count(word.encode()) for file in files}
    return {name: count for name, count in counts.items() if count}


def post(text: str, author: str, *, post_id: str, **more: object) -> bytes:
    """A post as account activity delivers it."""
    tweet = {
        "id": int(post_id),
        "id_str": post_id,
        "text": text,
        "user": {"id": int(author), "id_str": author, "screen_name": f"user{author}", "name": "n"},
        "entities": {"user_mentions": [{"id_str": ACCOUNT, "id": int(ACCOUNT), "screen_name": "bot"}]},
        **more,
    }
    return json.dumps({"for_user_id": ACCOUNT, "tweet_create_events": [tweet]}).encode()


async def _live(bench: Bench) -> None:
    """Alice and Bob write, are answered, and fail; some of it is done, some waits."""
    bench.load(echo=ECHO, bad=FAILS)
    for number in range(3):
        await bench.put(
            dm(f"{SECRET} of alice {number}", message_id=f"1{number}"),
            dm(f"word of bob {number}", message_id=f"2{number}", sender=BOB),
        )
    await run_all(bench)
    await bench.put(dm(f"{SECRET} that waits", message_id="99"))


async def test_no_byte_of_the_texts_is_left_and_others_lose_nothing(bench: Bench) -> None:
    await _live(bench)
    assert traces(bench.folder, SECRET)
    before = await bench.store.state([f"state:echo:{ACCOUNT}:{BOB}", f"wrote:{ACCOUNT}:{BOB}"])
    answer = await forget(bench.store, user=ALICE)
    assert answer == {
        "user_id": ALICE,
        "events": 4,
        "actions": 3,
        "timers": 3,
        "dead_letters": 3,
        "states": [f"state:echo:{ACCOUNT}:{ALICE}"],
        "tokens": 0,
        "marks": 1,
        "own_events_left": 0,
    }
    assert traces(bench.folder, SECRET) == {}
    assert traces(bench.folder, ALICE) == {}
    assert await bench.store.state(list(before)) == before
    assert await bench.texts() == [f"you said: word of bob {number}" for number in range(3)]
    assert await bench.store.dead_count() == 3
    bench.clock.now += 301
    assert await bench.store.fire_timers() == 3
    assert traces(bench.folder, "word of bob")["store.db"] > 5


async def test_a_handler_that_runs_meanwhile_brings_nothing_back(bench: Bench) -> None:
    bench.load(ECHO)
    await bench.put(dm(SECRET))
    worker = await bench.store.register("w", 1000.0)
    (claim,) = await bench.store.claim(worker, "in", 1, 1)
    settlement = await bench.turns.run(claim, claim.items[0])
    await forget(bench.store, user=ALICE)
    assert not await bench.store.settle(worker, settlement)
    assert traces(bench.folder, SECRET) == {}
    assert await bench.texts() == []


async def test_the_accounts_own_posts_that_name_the_person_go_too_and_no_others(bench: Bench) -> None:
    bench.load(ECHO)
    await bench.put(
        post(f"@bot {SECRET}", ALICE, post_id="501"),
        post(f"@alice you wrote: {SECRET}", ACCOUNT, post_id="502", in_reply_to_user_id_str=ALICE),
        post("a post of the bot's", ACCOUNT, post_id="503"),
        post("@bot hello", BOB, post_id="504"),
    )
    await run_all(bench)
    answer = await forget(bench.store, user=ALICE)
    assert (answer["events"], answer["actions"], answer["own_events_left"]) == (2, 1, 0)
    assert traces(bench.folder, SECRET) == {}
    for post_id, kept in (("501", False), ("502", False), ("503", True), ("504", True)):
        assert (await bench.store.item(f"{ACCOUNT}:post:{post_id}") is not None) == kept


async def test_own_posts_that_wait_to_be_handled_stay_and_are_counted(bench: Bench) -> None:
    bench.load(ECHO)
    await bench.put(
        post("@bot hello", ALICE, post_id="501"),
        post("@alice hello", ACCOUNT, post_id="502", in_reply_to_user_id_str=ALICE),
    )
    answer = await forget(bench.store, user=ALICE)
    assert (answer["events"], answer["own_events_left"]) == (1, 1)
    assert await bench.store.item(f"{ACCOUNT}:post:502") is not None


async def test_the_tokens_of_a_connected_account_go_and_those_of_others_stay(bench: Bench) -> None:
    vault = Vault(bench.store, KeyRing(bench.folder, {}, now=bench.clock))
    for account_id in (ALICE, BOB):
        await vault.put(Account(id=account_id, access_token=f"{account_id}-token", access_token_secret="s"))
    assert (await forget(bench.store, user=ALICE))["tokens"] == 1
    assert traces(bench.folder, ALICE) == {}
    assert await vault.get_now(ALICE) is None
    assert await vault.ids() == [BOB]
    assert (await forget(bench.store, user=ALICE))["tokens"] == 0


async def test_tokens_that_are_being_refreshed_are_not_written_back(bench: Bench) -> None:
    await bench.put(dm(SECRET))
    await bench.store.hold(refreshing(ALICE), "another process", 30.0)
    with pytest.raises(UserError, match="being refreshed; run this again"):
        await forget(bench.store, user=ALICE)
    assert await bench.store.backlog() == 1
    await bench.store.let_go(refreshing(ALICE), "another process")
    await forget(bench.store, user=ALICE)
    assert await bench.store.hold(refreshing(ALICE), "another process", 30.0)


async def test_forgetting_who_is_not_there_deletes_nothing(bench: Bench) -> None:
    await _live(bench)
    answer = await forget(bench.store, user="5")
    assert not any(answer[key] for key in answer if key != "user_id")
    assert await bench.store.backlog("in") == 1


async def test_a_person_by_handle_in_any_case_with_or_without_the_sign(bench: Bench) -> None:
    await bench.put(dm())
    for name in ("alice", "@alice", "ALICE", "@Alice"):
        assert await user_id_of(bench.store, name) == ALICE
    assert await user_id_of(bench.store, "123") == "123"


async def test_a_handle_of_v2_of_a_mention_and_of_a_copy(bench: Bench) -> None:
    user = {"id": BOB, "username": "bob", "name": "Bob"}
    await bench.put(json.dumps({"for_user_id": ACCOUNT, "strange_events": [{"by": [user]}]}).encode())
    await bench.put(post("hi", ALICE, post_id="7", in_reply_to_screen_name="eve"))
    assert await user_id_of(bench.store, "bob") == BOB
    assert await user_id_of(bench.store, "@bot") == ACCOUNT
    with pytest.raises(UserError, match="no stored event tells who @eve is"):
        await user_id_of(bench.store, "eve")


async def test_a_handle_that_was_only_written_about_is_nobodys(bench: Bench) -> None:
    await bench.put(dm('say "mallory" and "screen_name"'))
    with pytest.raises(UserError, match="give the user's id instead"):
        await user_id_of(bench.store, "mallory")


@pytest.mark.parametrize("user", ["", "@", "a b", "a" * 16, "a%", "²"])
async def test_what_is_neither_an_id_nor_a_handle(bench: Bench, user: str) -> None:
    with pytest.raises(UserError, match="neither"):
        await forget(bench.store, user=user)
