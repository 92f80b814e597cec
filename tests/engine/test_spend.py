"""What X charges is counted, in every process and across restarts; a budget warns, stops and opens again."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import random
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from botkit import actions
from botkit.actions import Action, CreatePost, Queued, SendDirectMessage
from botkit.engine import spend as spending
from botkit.engine.carrier import Carrier, CarrierSettings
from botkit.engine.outbox import outbox_item
from botkit.engine.replay import Replay, wrap
from botkit.engine.sender import Sender
from botkit.engine.spend import Spend, Tally, counted, price_of, stopped
from botkit.engine.worker import Worker
from botkit.errors import OutcomeUnknown, StoreUnavailable, UserError
from botkit.inbox import outbox, usage
from botkit.media import Attachment
from botkit.store.contract import NewItem, Store
from botkit.testing import Clock
from botkit.x import split
from botkit.x.wire import Response

from .conftest import ACCOUNT, ALICE, Bench

XAA = Path(__file__).parents[1] / "payloads" / "xaa"
#: ten minutes before midnight UTC
LATE = datetime(2026, 3, 1, 23, 50, tzinfo=UTC).timestamp()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
DM = 15_000
DAY, NEXT_DAY = "2026-03-01", "2026-03-02"


def queued(action: Action | None = None, account: str = ACCOUNT) -> Queued:
    """An action as the outbox holds it; a direct message unless told otherwise."""
    return Queued(account, "p:h", action or SendDirectMessage(to=ALICE, text="hi"))


class Told:
    """Who is told how the budget stands; notes only what is new, as alarms do."""

    def __init__(self) -> None:
        self.now: dict[str, str] = {}
        self.kinds: list[str] = []

    async def __call__(self, kind: str, reason: str) -> None:
        if bool(reason) != bool(self.now.get(kind)):
            self.kinds.append(f"{'' if reason else 'no '}{kind}")
        self.now[kind] = reason


class Office:
    """Makes the counting parts of processes that share a store."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.told = Told()
        self._made = 0
        self.slept = asyncio.Event()
        self.wake = asyncio.Event()
        bench.clock.now = LATE

    async def _sleep(self, seconds: float) -> None:
        self.slept.set()
        await self.wake.wait()
        self.wake.clear()

    async def spend(
        self, budget: float | None = None, *, store: Store | None = None, **options: Any
    ) -> Spend:
        """Another process begins."""
        self._made += 1
        spend = Spend(
            store or self.bench.store,
            process=f"p{self._made}",
            log=self.bench.log.logger,
            now=self.bench.clock,
            budget=None if budget is None else round(budget * 1_000_000),
            tell=self.told,
            sleep=self._sleep,
            **options,
        )
        await spend.load()
        return spend

    async def sender(self, spend: Spend, *, store: Store | None = None) -> Sender:
        """A sender that counts."""
        bench = self.bench
        carrier = Carrier(
            store=bench.store,
            client=bench.client,
            settings=CarrierSettings(attempts=3),
            log=bench.log.logger,
            rng=random.Random(1),
        )
        return Sender(
            store=store or bench.store,
            lease=await bench.lease(),
            carrier=carrier,
            log=bench.log.logger,
            dead_letter=bench.hooks.dead_letter,
            spend=spend,
            grace_s=5.0,
        )

    async def queue(self, count: int, *, action: Action | None = None) -> None:
        """Actions about as many people."""
        for number in range(count):
            each = action or SendDirectMessage(to=str(1000 + number), text="hi")
            await self.bench.store.put([outbox_item(Queued(ACCOUNT, "p:h", each), f"a{number}")])

    async def until_settled(self, count: int) -> None:
        await self.bench.log.until(lambda: len(self.bench.log.lines("action_settled")) >= count)


@pytest.fixture
def office(bench: Bench) -> Office:
    return Office(bench)


class X:
    """Gives its answers one after the other, the last one again and again."""

    def __init__(self, bench: Bench, *answers: Response | Exception) -> None:
        self._clock = bench.clock
        self._answers = list(answers)
        self.asked = 0
        bench.use(self)

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return dataclasses.replace(answer, received_at=self._clock.now)

    async def close(self) -> None:
        """Nothing is open."""


def answer(status: int = 201, **members: object) -> Response:
    body = members or {"data": {"dm_conversation_id": "1-2", "dm_event_id": "77", "id": "77"}}
    return Response(status, {}, json.dumps(body).encode())


async def tallies(store: Store, day: str = DAY, account: str = ACCOUNT) -> dict[str, Tally]:
    accounts = (await counted(store, [day]))[day]
    return accounts[account].actions | accounts[account].events if account in accounts else {}


# -- prices --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "kind", "dollars"),
    [
        (SendDirectMessage(to="1", text="see https://example.com"), "dm.send", 0.015),
        (CreatePost(text="hello"), "post.create", 0.015),
        (CreatePost(text="see example.com"), "post.create:url", 0.20),
        (CreatePost(text="hello", reply_to="1", to="2"), "post.create:summoned", 0.010),
        (CreatePost(text="https://example.com", reply_to="1", to="2"), "post.create:url", 0.20),
        (CreatePost(text="and so on", reply_to="1"), "post.create", 0.015),
        (CreatePost(text="and so on", reply_to="1", to="2", part=2), "post.create", 0.015),
        (actions.StartGroup(user_ids=("1", "2"), text="hello"), "dm.start_group", 0.015),
        (actions.Like(post_id="1"), "post.like", 0.015),
        (actions.Repost(post_id="1"), "post.repost", 0.015),
        (actions.Follow(user_id="1"), "user.follow", 0.015),
        (actions.Mute(user_id="1"), "user.mute", 0.015),
        (actions.DeletePost(post_id="1"), "post.delete", 0.010),
        (actions.DeleteDirectMessage(message_id="1"), "dm.delete", 0.010),
        (actions.Unlike(post_id="1"), "post.unlike", 0.010),
        (actions.Unrepost(post_id="1"), "post.unrepost", 0.010),
        (actions.Unfollow(user_id="1"), "user.unfollow", 0.010),
        (actions.Unmute(user_id="1"), "user.unmute", 0.010),
        (actions.ShowTyping(to="1"), "dm.typing", None),
        (actions.Block(user_id="1"), "user.block", None),
        (actions.HideReply(post_id="1"), "post.hide", None),
    ],
)
def test_each_action_has_its_price_or_none(action: Action, kind: str, dollars: float | None) -> None:
    price = None if dollars is None else round(dollars * 1_000_000)
    assert price_of(action, summoned=True) == (kind, price)


def test_an_answer_that_need_not_be_summoned_is_counted_as_a_post() -> None:
    answered = CreatePost(text="hello", reply_to="1", to="2")
    assert price_of(answered, summoned=False) == ("post.create", 15_000)


# -- counting ------------------------------------------------------------------------------------------------


async def test_an_action_counts_when_x_took_it(bench: Bench, office: Office) -> None:
    X(bench, answer())
    spend = await office.spend()
    await office.queue(2)
    sender = await office.sender(spend)
    running = asyncio.create_task(sender.run())
    await office.until_settled(2)
    sender.stop()
    await running
    await spend.write()
    assert await tallies(bench.store) == {"dm.send": Tally(2, 2 * DM)}


async def test_what_x_refused_costs_nothing(bench: Bench, office: Office) -> None:
    X(bench, answer(403, title="Forbidden", detail="No.", type="about:blank"))
    spend = await office.spend(1.0)
    await office.queue(1)
    sender = await office.sender(spend)
    running = asyncio.create_task(sender.run())
    await office.until_settled(1)
    sender.stop()
    await running
    await spend.write()
    assert (spend.spent, await tallies(bench.store)) == (0, {})


async def test_an_answer_that_was_lost_counts_once_it_is_found(bench: Bench, office: Office) -> None:
    sent = {
        "id": "77",
        "event_type": "MessageCreate",
        "sender_id": ACCOUNT,
        "text": "hi",
        "created_at": bench.clock.at.isoformat(),
    }
    X(bench, OutcomeUnknown("time-out"), answer(200, data=[sent]))
    spend = await office.spend()
    await office.queue(1)
    sender = await office.sender(spend)
    running = asyncio.create_task(sender.run())
    await office.until_settled(1)
    assert spend.spent == 0
    bench.clock.now += 100
    sender.stop()
    await running
    sender = await office.sender(spend)
    running = asyncio.create_task(sender.run())
    await office.until_settled(2)
    sender.stop()
    await running
    assert spend.spent == DM


async def test_an_event_counts_once_however_often_it_comes_and_is_handled(
    bench: Bench, office: Office
) -> None:
    bench.load("""
        @on_direct_message
        async def see(event, bot):
            bot.log.info("seen", text_length=len(event.text))
    """)
    body = (XAA / "dm_received.json").read_bytes()
    (item,) = split(body)
    again = wrap(item.payload, Replay(item.id, bench.clock.now))
    for item_id, payload in (
        (item.id, item.payload),
        (item.id, item.payload),
        (f"replay:1:{item.id}", again),
    ):
        await bench.store.put([NewItem("in", item.conversation.key, item_id, payload)])
    spend = await office.spend()
    worker = Worker(
        store=bench.store,
        lease=await bench.lease(),
        turns=bench.turns,
        concurrency=1,
        grace_s=5.0,
        log=bench.log.logger,
        spend=spend,
    )
    running = asyncio.create_task(worker.run())
    await bench.log.until(lambda: len(bench.log.lines("seen")) == 2)
    worker.stop()
    await running
    await spend.write()
    account = item.conversation.account_id
    assert await tallies(bench.store, account=account) == {"dm.received": Tally(1, 10_000)}


async def test_what_has_no_price_is_counted_and_marked(bench: Bench, office: Office) -> None:
    spend = await office.spend(1.0)
    spend.acted(queued(actions.ShowTyping(to=ALICE)))
    spend.received(f"{ACCOUNT}:{ALICE}", b'{"follow_events": [{}]}')
    await spend.write()
    assert spend.spent == 0
    assert await tallies(bench.store) == {
        "dm.typing": Tally(1, 0, 1),
        "follow_events": Tally(1, 0, 1),
    }


async def test_alt_texts_are_charged_beside_what_they_go_with(bench: Bench, office: Office) -> None:
    spend = await office.spend(1.0)
    pictures = [
        Attachment(data=b"x", media_type="image/png", size=1, digest="d", alt_text=alt_text)
        for alt_text in ("a cat", "", "a dog")
    ]
    post = queued(CreatePost(text="look", media=tuple(pictures)))
    assert spend.reserve(post) == 25_000
    spend.acted(post)
    await spend.write()
    assert await tallies(bench.store) == {
        "post.create": Tally(1, 15_000),
        "media.alt_text": Tally(2, 10_000),
    }


async def test_two_processes_add_up_and_see_each_other(bench: Bench, office: Office) -> None:
    one, two = await office.spend(1.0), await office.spend(1.0)
    for _ in range(3):
        one.acted(queued())
    two.acted(queued())
    for spend in (one, two, one):
        await spend.write()
    assert (one.spent, two.spent) == (4 * DM, 4 * DM)
    assert await tallies(bench.store) == {"dm.send": Tally(4, 4 * DM)}


async def test_a_restart_goes_on_from_what_was_counted(bench: Bench, office: Office) -> None:
    spend = await office.spend(0.03)
    spend.acted(queued())
    spend.acted(queued())
    await spend.write()
    begun = await office.spend(0.03)
    assert (begun.spent, begun.is_open) == (2 * DM, False)


async def test_counts_are_written_at_stop(bench: Bench, office: Office) -> None:
    spend = await office.spend()
    running = asyncio.create_task(spend.run())
    await office.slept.wait()
    spend.acted(queued())
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert await tallies(bench.store) == {"dm.send": Tally(1, DM)}


async def test_counts_are_written_every_few_seconds(bench: Bench, office: Office) -> None:
    spend = await office.spend()
    running = asyncio.create_task(spend.run())
    await office.slept.wait()
    spend.acted(queued())
    office.slept.clear()
    office.wake.set()
    await office.slept.wait()
    assert await tallies(bench.store) == {"dm.send": Tally(1, DM)}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


class Failing:
    """A store that can't be written for a while."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.fails = False

    async def keep(self, state: Mapping[str, bytes | None]) -> None:
        if self.fails:
            raise StoreUnavailable("the disk is full")
        await self._store.keep(state)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_what_could_not_be_written_is_written_later(bench: Bench, office: Office) -> None:
    failing: Any = Failing(bench.store)
    spend = await office.spend(1.0, store=failing)
    failing.fails = True
    spend.acted(queued())
    await spend.write()
    assert bench.log.lines("spend_not_written")
    failing.fails = False
    spend.acted(queued())
    await spend.write()
    assert await tallies(bench.store) == {"dm.send": Tally(2, 2 * DM)}


async def test_days_are_counted_apart_and_old_ones_go(bench: Bench, office: Office) -> None:
    spend = await office.spend(1.0)
    spend.acted(queued())
    bench.clock.now += 1200
    spend.acted(queued())
    assert spend.spent == DM
    await spend.write()
    both = await counted(bench.store, [DAY, NEXT_DAY])
    assert [both[day][ACCOUNT].micros for day in (DAY, NEXT_DAY)] == [DM, DM]
    bench.clock.now += 61 * 86400
    await spend.write()
    both = await counted(bench.store, [DAY, NEXT_DAY])
    assert (both[DAY], list(both[NEXT_DAY])) == ({}, [ACCOUNT])


async def test_an_account_that_is_forgotten_is_not_left_in_the_counts(bench: Bench, office: Office) -> None:
    spend = await office.spend()
    spend.acted(queued(account="777"))
    spend.acted(queued())
    await spend.write()
    await bench.store.forget(":777")
    assert list((await counted(bench.store, [DAY]))[DAY]) == [ACCOUNT]


# -- the budget ----------------------------------------------------------------------------------------------


async def test_it_warns_at_four_fifths_and_again_when_it_is_spent(office: Office) -> None:
    spend = await office.spend(0.15)
    kinds: list[Sequence[str]] = []
    for _ in range(10):
        spend.acted(queued())
        await spend.write()
        kinds.append(tuple(office.told.kinds))
    assert kinds[6] == ()
    assert kinds[7] == kinds[8] == ("budget",)
    assert kinds[9] == ("budget", "budget_spent")
    assert "$0.15" in office.told.now["budget_spent"]


async def test_sending_stops_at_the_budget_and_goes_on_after_midnight(bench: Bench, office: Office) -> None:
    x = X(bench, answer())
    spend = await office.spend(0.10)
    await office.queue(10)
    sender = await office.sender(spend)
    running = asyncio.create_task(sender.run())
    await office.until_settled(7)
    await spend.write()
    # The seventh went past it, and no other, though sixteen may be under way at once.
    assert (x.asked, spend.spent) == (7, 7 * DM)
    assert office.told.kinds == ["budget", "budget_spent"]
    shown = await outbox.listed(bench.store)
    assert shown["budget"] == {"until": "2026-03-02T00:00:00Z", "spent": 0.105, "per_day": 0.1}
    assert sum(each["waiting"] for each in shown["queues"]) == 3
    assert {each["eta_s"] for each in shown["queues"]} == {600}
    await bench.store.check()
    assert x.asked == 7
    bench.clock.now += 601
    await spend.write()
    await office.until_settled(10)
    sender.stop()
    await running
    assert (x.asked, spend.spent) == (10, 3 * DM)
    assert office.told.kinds == ["budget", "budget_spent", "no budget", "no budget_spent"]
    assert (await outbox.listed(bench.store))["budget"] is None


async def test_what_waits_for_money_costs_no_processor_time(bench: Bench, office: Office) -> None:
    X(bench, answer())
    spend = await office.spend(0.01)
    await office.queue(2)
    waits = 0

    class Counting:
        """Counts how often the sender asks whether something waits: something always does."""

        async def wait(self, prefix: str, timeout_s: float, *, ignore: Collection[str] = frozenset()) -> None:
            nonlocal waits
            waits += 1
            await bench.store.wait(prefix, timeout_s, ignore=ignore)

        def __getattr__(self, name: str) -> Any:
            return getattr(bench.store, name)

    counting: Any = Counting()
    sender = await office.sender(spend, store=counting)
    running = asyncio.create_task(sender.run())
    await office.until_settled(1)
    before = waits
    for _ in range(20):
        await bench.store.check()
    assert waits == before
    sender.stop()
    await running


async def test_what_is_on_its_way_is_put_aside_and_given_back(office: Office) -> None:
    spend = await office.spend(0.02)
    first = spend.reserve(queued())
    second = spend.reserve(queued())
    assert (first, second) == (DM, DM)
    assert spend.reserve(queued()) is None
    waiting = asyncio.create_task(spend.opened())
    await asyncio.sleep(0)
    assert not waiting.done()
    spend.free(DM)  # X refused it: nothing was spent
    await asyncio.wait_for(waiting, 5)
    assert spend.reserve(queued()) == DM


async def test_a_higher_budget_opens_sending_at_the_next_start(bench: Bench, office: Office) -> None:
    spend = await office.spend(0.01)
    spend.acted(queued())
    await spend.write()
    assert await stopped(bench.store) is not None
    await office.spend(0.01, sends=False)
    assert await stopped(bench.store) is not None
    raised = await office.spend(1.0)
    assert raised.is_open
    assert await stopped(bench.store) is None


async def test_a_budget_that_is_taken_away_opens_sending(bench: Bench, office: Office) -> None:
    spend = await office.spend(0.01)
    spend.acted(queued())
    await spend.write()
    assert (await office.spend()).is_open
    assert await stopped(bench.store) is None


async def test_yesterdays_stop_holds_nothing_back(bench: Bench, office: Office) -> None:
    spend = await office.spend(0.01)
    spend.acted(queued())
    await spend.write()
    bench.clock.now += 601
    assert await stopped(bench.store) is None


async def test_without_a_budget_nothing_is_told_or_stopped(office: Office) -> None:
    spend = await office.spend()
    for _ in range(1000):
        spend.acted(queued(CreatePost(text="https://example.com")))
    await spend.write()
    assert (spend.is_open, office.told.kinds) == (True, [])


async def test_events_are_paid_from_the_budget_too(office: Office) -> None:
    spend = await office.spend(0.01)
    spend.received(f"{ACCOUNT}:{ALICE}", (XAA / "dm_received.json").read_bytes())
    assert not spend.is_open


async def test_a_budget_of_nothing_sends_nothing(office: Office) -> None:
    spend = await office.spend(0.0)
    assert spend.reserve(queued()) is None


# -- looking -------------------------------------------------------------------------------------------------


async def test_usage_adds_up_by_day_account_and_kind(bench: Bench, office: Office) -> None:
    one, two = await office.spend(), await office.spend()
    one.acted(queued())
    two.acted(queued())
    bench.clock.now += 1200
    one.received(f"{ACCOUNT}:{ALICE}", b'{"follow_events": [{}]}')
    for spend in (one, two):
        await spend.write()
    shown = await usage.used(bench.store, days=2)
    assert (shown["today"], shown["spent_today"], shown["stopped"]) == (NEXT_DAY, 0.0, None)
    assert [(day["day"], day["spent"]) for day in shown["days"]] == [(NEXT_DAY, 0.0), (DAY, 0.03)]
    assert shown["days"][1]["lines"] == [
        {
            "account_id": ACCOUNT,
            "what": "action",
            "kind": "dm.send",
            "count": 2,
            "spent": 0.03,
            "unpriced": 0,
        }
    ]
    assert shown["days"][0]["lines"][0]["unpriced"] == 1
    assert [day["day"] for day in (await usage.used(bench.store, days=1))["days"]] == [NEXT_DAY]


@pytest.mark.parametrize("days", [0, -1, spending.KEPT_DAYS + 1])
async def test_usage_of_days_that_are_not_kept_is_refused(bench: Bench, days: int) -> None:
    with pytest.raises(UserError, match="1 to 62"):
        await usage.used(bench.store, days=days)


def test_the_day_is_the_utc_day(clock: Clock) -> None:
    clock.now = NOON
    assert spending.day_of(clock.now) == DAY
    assert spending.day_of(NOON + 43_199) == DAY
    assert spending.day_of(NOON + 43_200) == NEXT_DAY
