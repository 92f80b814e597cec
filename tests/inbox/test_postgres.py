"""The inbox on PostgreSQL: the same operations, and commands that use the database beside the bot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from botkit.cli import main
from botkit.inbox import again, dead, looking
from botkit.inbox.forgetting import forget
from botkit.store import open_store
from botkit.store.contract import NewItem, Store
from botkit.testing import Clock
from botkit.x import split
from tests.store.postgres_stores import clocked

from .conftest import ACCOUNT, ALICE, Bench, dm, run_all

DM = f"{ACCOUNT}:dm:1"
ANSWERS = """
    @on_direct_message
    async def answer(event, bot):
        bot.state["said"] = event.text
        return f"you said {event.text}"
"""
FAILS = """
    @on_direct_message
    async def fails(event, bot):
        raise ValueError
"""


@pytest.fixture
async def store(postgres_url: str, clock: Clock) -> AsyncIterator[Store]:
    store = clocked(postgres_url, clock)
    await store.open()
    yield store
    await store.close()


async def test_letters_are_retried_by_their_handler_and_events_rehearsed_and_replayed(bench: Bench) -> None:
    bench.load(good=ANSWERS, bad=FAILS)
    await bench.put(dm())
    await run_all(bench)
    (rehearsed,) = (
        await again.rehearse(
            bench.store,
            event_ids=[DM],
            hooks=bench.hooks,
            caller=None,
            handler_timeout_s=5.0,
            log=bench.log.logger,
            now=bench.clock,
        )
    )["rehearsed"]
    assert [action["text"] for action in rehearsed["actions"]] == ["you said hello"]
    bench.load(good=ANSWERS, bad=FAILS.replace("raise ValueError", 'return "mended"'))
    assert (await dead.retry(bench.store, plugin="bad"))["left"] == []
    await run_all(bench)
    assert await bench.texts() == ["mended", "you said hello"]
    await again.replay(bench.store, event_ids=[DM])
    await run_all(bench)
    assert await bench.texts() == ["mended", "mended", "you said hello", "you said hello"]


async def test_a_person_is_shown_and_forgotten(bench: Bench) -> None:
    bench.load(good=ANSWERS, bad=FAILS)
    await bench.put(dm("secretword"), dm(message_id="2", sender="55"))
    await run_all(bench)
    shown = await looking.conversation(bench.store, user=ALICE)
    assert [item["what"] for item in shown["items"]].count("event") == 1
    answer = await forget(bench.store, user=ALICE)
    assert (answer["events"], answer["actions"], answer["dead_letters"], len(answer["states"])) == (
        1,
        1,
        1,
        1,
    )
    assert await bench.store.search("secretword") == []
    assert (await looking.conversation(bench.store, user=ALICE))["items"] == []
    assert len((await looking.conversation(bench.store, user="55"))["items"]) == 2


async def test_commands_open_the_database_while_a_bot_has_it_open(
    tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bot.yaml").write_text(f"store: {json.dumps(postgres_url)}\n")

    async def ask(*arguments: str) -> Any:
        assert await asyncio.to_thread(main, [*arguments, "--bot", str(tmp_path), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    bots = open_store(postgres_url)
    await bots.open()
    try:
        items = [NewItem("in", item.conversation.key, item.id, item.payload) for item in split(dm())]
        await bots.put(items)
        assert (await ask("inbox"))["events"]["waiting"] == 1
        assert [each["item_id"] for each in (await ask("inbox", "show", "@alice"))["items"]] == [DM]
        assert (await ask("forget", ALICE))["events"] == 1
        assert await bots.backlog() == 0
    finally:
        await bots.close()


def test_the_folder_of_a_bot_holds_no_socket_for_postgresql(tmp_path: Path, postgres_url: str) -> None:
    (tmp_path / "bot.yaml").write_text(f"store: {json.dumps(postgres_url)}\n")
    assert main(["inbox", "--bot", str(tmp_path)]) == 0
    assert main(["forget", "5", "--bot", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["bot.yaml"]
