"""inbox and forget, on the store of a bot that does not run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from botkit.actions import Queued, SendDirectMessage
from botkit.cli import main, root
from botkit.engine.outbox import outbox_item
from botkit.store import open_store
from botkit.store.contract import DeadLetter, Done, Effects, NewItem, Settlement, Store
from botkit.x import split

ACCOUNT, ALICE = "14235326", "707685546848550916"
DM = f"{ACCOUNT}:dm:1"
ACTION = f"{DM}/shop:order/0"
SECRET = "secretword"

PLUGIN = """
    from botkit import *

    @on_direct_message(contains("secretword"))
    async def order(event, bot):
        await bot.send_dm(event.sender, "line one\\nline two", after=60)
        return "ordered"

    @on_direct_message(contains("bad"))
    async def bad(event, bot):
        raise ValueError
"""


def dm(text: str, message_id: str) -> list[NewItem]:
    """A stored direct message of Alice's."""
    event = {
        "type": "message_create",
        "id": message_id,
        "created_timestamp": "1548711582440",
        "message_create": {
            "target": {"recipient_id": ACCOUNT},
            "sender_id": ALICE,
            "message_data": {"text": text},
        },
    }
    users = {ALICE: {"id": ALICE, "name": "Alice", "screen_name": "alice"}}
    body = json.dumps({"for_user_id": ACCOUNT, "direct_message_events": [event], "users": users}).encode()
    return [NewItem("in", item.conversation.key, item.id, item.payload) for item in split(body)]


async def _fill(store: Store) -> None:
    """An event and an action that are dead letters, and an event that waits."""
    worker = await store.register("w", 1000.0)
    queued = Queued(ACCOUNT, "shop:order", SendDirectMessage(to=ALICE, text=f"about {SECRET}"))
    action = outbox_item(queued, ACTION)
    for items, letter in (
        (dm(SECRET, "1"), DeadLetter(DM, "shop:order", 5, "KeyError: 'price'")),
        ([action], DeadLetter(ACTION, "dm.send", 20, "Forbidden: no")),
    ):
        await store.put(items)
        (claim,) = await store.claim(worker, items[0].queue, 1, 1)
        state = {f"state:shop:{ACCOUNT}:{ALICE}": msgspec.msgpack.encode({"said": SECRET})}
        await store.settle(worker, Settlement(claim, 1, Done(), Effects(state=state, dead=[letter])))
    await store.put(dm("bad", "2"))


class Bot:
    """The folder of a bot that does not run, and its command line."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        (folder / "plugins").mkdir()
        (folder / "plugins" / "shop.py").write_text(textwrap.dedent(PLUGIN))
        (folder / "bot.yaml").write_text("plugins: [shop]\n")

    def store(self, work: Callable[[Store], Awaitable[Any]]) -> Any:
        """Do something with the store."""

        async def run() -> Any:
            store = open_store(f"sqlite:///{self.folder / 'botkit.db'}")
            await store.open()
            try:
                return await work(store)
            finally:
                await store.close()

        return asyncio.run(run())

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """The exit status, and what was written on standard output and error."""
        with contextlib.chdir(self.folder):
            status = main(arguments)
        out, err = self._capsys.readouterr()
        return status, out, err

    def ok(self, *arguments: str) -> str:
        """The output of a command that must succeed."""
        status, out, err = self(*arguments)
        assert (status, err) == (0, "")
        return out

    def json(self, *arguments: str) -> Any:
        """The same, decoded."""
        return json.loads(self.ok(*arguments, "--json"))

    def problem(self, *arguments: str) -> str:
        """What a command that must fail says, in one line."""
        status, out, err = self(*arguments)
        assert (status, out) == (2, "")
        assert err.startswith("botkit: error: ")
        assert err.count("\n") == 1
        return err.strip()


@pytest.fixture
def bot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Bot:
    return Bot(tmp_path, capsys)


@pytest.fixture
def filled(bot: Bot) -> Bot:
    bot.store(_fill)
    return bot


# -- looking -----------------------------------------------------------------------------------------


def test_what_waits_in_words_and_for_programs(filled: Bot) -> None:
    lines = filled.ok("inbox").splitlines()
    assert lines[0].startswith("events        1 waiting in 1 conversation, the oldest for ")
    assert lines[1] == "actions       0 waiting"
    assert lines[2] == "dead letters  2; see botkit inbox dead list"
    assert lines[4].split() == ["ACCOUNT", "WITH", "WHAT", "WAITING", "OLDEST", "FAILED", "NEXT"]
    row = lines[5].split()
    assert [*row[:4], *row[5:]] == [ACCOUNT, ALICE, "events", "1", "0", "now"]
    answer = filled.json("inbox")
    assert (answer["events"]["waiting"], answer["dead_letters"]) == (1, 2)
    assert answer["conversations"][0]["other_id"] == ALICE
    assert filled.json("inbox", "--limit", "0")["conversations"] == []


def test_one_person(filled: Bot) -> None:
    out = filled.ok("inbox", "show", "@alice")
    assert [line.split()[1] for line in out.splitlines()[1:]] == [f"{ACCOUNT}:dm:2", ACTION, DM]
    assert SECRET not in out
    assert len(filled.json("inbox", "show", ALICE, "--limit", "1")["items"]) == 1
    assert filled.ok("inbox", "show", "5") == "user 5: nothing is stored\n"


def test_dead_letters_listed_and_chosen(filled: Bot) -> None:
    lines = filled.ok("inbox", "dead", "list").splitlines()
    assert lines[0].split() == ["AGE", "ITEM", "HANDLER", "WITH", "TRIED", "ERROR"]
    assert lines[1].split()[1:] == [ACTION, "dm.send", ALICE, "20", "Forbidden:", "no"]
    assert lines[2].split()[1:] == [DM, "shop:order", ALICE, "5", "KeyError:", "'price'"]
    assert len(filled.json("inbox", "dead", "list", "--plugin", "shop")["letters"]) == 2
    assert filled.json("inbox", "dead", "list", "--plugin", "other")["letters"] == []
    assert filled.ok("inbox", "dead", "list", "--plugin", "other") == "none of 2 dead letters\n"
    assert len(filled.json("inbox", "dead", "list", "--since", "1h")["letters"]) == 2
    assert filled.json("inbox", "dead", "list", "--since", "2100-01-01")["letters"] == []
    assert filled.ok("inbox", "dead", "list", "--limit", "1").endswith(
        "and more: 2 in all; --limit shows them\n"
    )


def test_an_item_shown_with_what_it_holds(filled: Bot) -> None:
    out = filled.ok("inbox", "dead", "show", DM)
    assert "handler     shop:order" in out
    assert SECRET in out
    assert filled.json("inbox", "dead", "show", ACTION)["content"]["text"] == f"about {SECRET}"
    out = filled.ok("inbox", "dead", "show", ACTION)
    assert out.endswith(f"dm.send to {ALICE}\nabout {SECRET}\n")


def test_no_dead_letters(bot: Bot) -> None:
    bot.store(lambda store: store.stats())
    assert bot.ok("inbox", "dead", "list") == "no dead letters\n"
    assert bot.ok("inbox", "dead", "retry", "--all") == "no dead letters to retry\n"
    assert bot.ok("inbox", "dead", "drop", "--all") == "no dead letters to drop\n"


# -- deciding ----------------------------------------------------------------------------------------


def test_retry_puts_it_in_line_again(filled: Bot) -> None:
    out = filled.ok("inbox", "dead", "retry", DM)
    assert out.startswith(f"{DM} (shop:order) is in line again as retry:")
    assert filled.json("inbox")["events"]["waiting"] == 2
    (retried,) = filled.json("inbox", "dead", "retry", "--plugin", "shop")["retried"]
    assert retried["item_id"] == ACTION
    assert filled.json("inbox")["actions"]["waiting"] == 1


def test_what_can_not_be_retried_is_said_and_is_exit_status_1(bot: Bot) -> None:
    async def lose(store: Store) -> None:
        worker = await store.register("w", 1000.0)
        await store.put([NewItem("in", "a", "1", b"{}")])
        (claim,) = await store.claim(worker, "in", 1, 1)
        await store.settle(
            worker, Settlement(claim, 1, Done(), Effects(dead=[DeadLetter("gone", "timer", 1, "")]))
        )

    bot.store(lose)
    status, out, _ = bot("inbox", "dead", "retry", "--all")
    assert (status, out) == (1, "gone (timer) is left: what it is about is not kept\n")


def test_drop_gives_it_up(filled: Bot) -> None:
    assert filled.ok("inbox", "dead", "drop", DM) == f"{DM} (shop:order) is dropped\n"
    assert filled.json("inbox", "dead", "drop", "--handler", "dm.send", "--yes")["dropped"] == [
        {"item_id": ACTION, "handler": "dm.send"}
    ]
    assert filled.json("inbox")["dead_letters"] == 0


@pytest.mark.parametrize("word", ["retry", "drop"])
def test_which_ones_must_be_said(filled: Bot, word: str) -> None:
    assert "which ones?" in filled.problem("inbox", "dead", word)
    assert "--all is all of them" in filled.problem("inbox", "dead", word, "--all", DM)
    assert "has no such dead letter" in filled.problem("inbox", "dead", word, "5")
    assert filled.json("inbox")["dead_letters"] == 2


def test_a_replay_and_a_dry_run(filled: Bot) -> None:
    out = filled.ok("inbox", "replay", "--dry-run", DM)
    due, *_ = [line for line in out.splitlines() if " at 20" in line]
    assert out.replace(due, "DUE").splitlines() == [
        f"{DM} (DirectMessage)",
        "  shop:order runs",
        f"    dm.send to {ALICE}",
        "      ordered",
        "DUE",
        "      line one",
        "      line two",
    ]
    assert filled.json("inbox")["events"]["waiting"] == 1
    (rehearsed,) = filled.json("inbox", "replay", "--dry-run", DM)["rehearsed"]
    assert [action["text"] for action in rehearsed["actions"]] == ["ordered", "line one\nline two"]
    assert filled.ok("inbox", "replay", DM).startswith(f"{DM} is in line again as replay:")
    assert filled.json("inbox")["events"]["waiting"] == 2


def test_a_handler_that_fails_in_a_dry_run_is_exit_status_1(filled: Bot) -> None:
    status, out, err = filled("inbox", "replay", "--dry-run", f"{ACCOUNT}:dm:2")
    assert (status, err) == (1, "")
    assert "shop:bad fails: ValueError" in out


def test_an_event_that_is_not_kept(filled: Bot) -> None:
    assert "the event 5 is not kept" in filled.problem("inbox", "replay", "5")
    assert "the event 5 is not kept" in filled.problem("inbox", "replay", "--dry-run", "5")


def test_pruning(filled: Bot) -> None:
    assert filled.json("inbox", "prune")["pruned"] == 0
    assert filled.json("inbox", "prune", "--before", "6d")["pruned"] == 0
    assert filled.ok("inbox", "prune", "--before", "2020-01-01T12:00Z") == (
        "0 items from before 2020-01-01T12:00:00Z deleted\n"
    )
    assert "younger than 5 days" in filled.problem("inbox", "prune", "--before", "1d")
    assert "neither a length of time such as 2h nor a date" in filled.problem(
        "inbox", "prune", "--before", "x"
    )


# -- forgetting --------------------------------------------------------------------------------------


def test_forgetting_says_what_was_deleted_and_leaves_no_byte(filled: Bot) -> None:
    assert SECRET.encode() in b"".join(file.read_bytes() for file in filled.folder.glob("botkit.db*"))
    assert filled.ok("forget", "alice").splitlines() == [
        f"user {ALICE}: deleted 2 events, 1 action, 2 dead letters, 1 state",
        f"  state:shop:{ACCOUNT}:{ALICE}",
    ]
    for file in filled.folder.glob("botkit.db*"):
        assert SECRET.encode() not in file.read_bytes()
        assert ALICE.encode() not in file.read_bytes()
    assert filled.ok("forget", ALICE) == f"user {ALICE}: nothing: the store holds nothing of them\n"
    assert "give the user's id instead" in filled.problem("forget", "@alice")


def test_forgetting_for_programs(filled: Bot) -> None:
    answer = filled.json("forget", ALICE, "--yes")
    assert (answer["events"], answer["actions"], answer["states"]) == (
        2,
        1,
        [f"state:shop:{ACCOUNT}:{ALICE}"],
    )


# -- which store -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [("inbox",), ("inbox", "dead", "list"), ("forget", "5"), ("inbox", "prune")]
)
def test_without_a_store_nothing_is_made(bot: Bot, words: tuple[str, ...]) -> None:
    assert "there is no store at sqlite:///botkit.db yet" in bot.problem(*words)
    assert not list(bot.folder.glob("botkit.db*"))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_that_nobody_else_can_look_into(bot: Bot, url: str) -> None:
    (bot.folder / "bot.yaml").write_text(f"store: '{url}'\n")
    assert "is kept for as long as its bot runs" in bot.problem("inbox")


def test_another_bot_is_named(filled: Bot, tmp_path: Path) -> None:
    with contextlib.chdir("/"):
        assert main(["inbox", "--bot", str(tmp_path)]) == 0
        assert main(["inbox", "dead", "list", "--bot", str(tmp_path / "bot.yaml")]) == 0


def test_a_store_that_is_held_by_who_does_not_answer(filled: Bot) -> None:
    async def while_held(_store: Store) -> None:
        problem = await asyncio.to_thread(filled.problem, "inbox")
        assert "is in use by this process already" in problem
        assert "try again in a moment" in problem

    filled.store(while_held)


def test_a_store_that_a_plugin_brings(filled: Bot) -> None:
    (filled.folder / "bot.yaml").write_text("store: mine://here\nplugins: [mine]\n")
    (filled.folder / "plugins" / "mine.py").write_text(
        "from pathlib import Path\nfrom botkit import hookimpl\nfrom botkit.store.sqlite import SqliteStore\n"
        "@hookimpl\ndef register_store(url):\n    return SqliteStore(Path('botkit.db'))\n"
    )
    assert filled.json("inbox")["dead_letters"] == 2


def test_the_manual_names_every_command_below_inbox_and_its_options() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    described = page.partition("\n## inbox\n")[2].partition("\n## ")[0]
    group = root()
    found = group.get_command(click.Context(group), "inbox")
    assert isinstance(found, click.Group)
    waiting = [("botkit inbox", found)]
    named = 0
    while waiting:
        path, command = waiting.pop()
        named += 1
        if isinstance(command, click.Group):
            waiting += [(f"{path} {name}", each) for name, each in command.commands.items()]
            assert path == "botkit inbox dead" or f"`{path}" in described
        else:
            assert f"`{path}" in described
        options = [each for each in command.params if isinstance(each, click.Option)]
        assert [name for option in options for name in option.opts if f"`{name}`" not in described] == []
    assert named == 9
