"""What is unusual: learnt or fixed silence, missing challenges, a filling inbox, dead letters; told once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from botkit.hooks.specs import Alarm
from botkit.keeping.alarms import Alarms
from botkit.keeping.heard import Contact, Heard, NotingStore, last_contact
from botkit.keeping.watch import Rhythm, Watch, WatchSettings
from botkit.store.contract import NewItem, Store
from botkit.testing import Clock

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


class Bench:
    """A watch on a real store."""

    def __init__(self, store: Store, clock: Clock, log: Any, **settings: Any) -> None:
        self.clock = clock
        self.told: list[Alarm] = []
        self.heard = Heard(store, log=log.logger, now=clock)
        self.alarms = Alarms(log=log.logger, now=clock, tell=self._tell)
        self.store = store
        self.settings = WatchSettings(**{"challenges": False, **settings})
        self.log = log
        self.watch = self.anew()

    def anew(self) -> Watch:
        """The watch of a bot that has just started."""
        return Watch(
            self.store,
            self.settings,
            heard=self.heard,
            alarms=self.alarms,
            log=self.log.logger,
            now=self.clock,
        )

    async def _tell(self, alarm: Alarm) -> None:
        self.told.append(alarm)

    async def passes(self, seconds: float, *, events_every_s: float = 0.0) -> None:
        """Time passes, looked at every minute."""
        end = self.clock.now + seconds
        last = self.clock.now
        while self.clock.now < end:
            self.clock.now += MINUTE
            if events_every_s and self.clock.now - last >= events_every_s:
                self.heard.event()
                last = self.clock.now
            await self.watch.look()

    @property
    def changes(self) -> list[tuple[str, bool]]:
        """The alarms told so far."""
        return [(alarm.kind, alarm.on) for alarm in self.told]


async def test_a_silence_is_unusual_when_it_is_twice_the_longest_of_the_week(
    store: Store, clock: Clock, log: Any
) -> None:
    bench = Bench(store, clock, log)
    await bench.passes(2 * DAY, events_every_s=HOUR)
    assert bench.changes == []
    await bench.passes(119 * MINUTE)
    assert bench.changes == []
    await bench.passes(10 * MINUTE)
    assert bench.changes == [("silence", True)]
    assert bench.told[0].reason.startswith("no event for 2h1m, and more than 2h is unusual for this bot")
    assert bench.told[0].at == datetime.fromtimestamp(clock.now - 8 * MINUTE, tz=bench.told[0].at.tzinfo)
    bench.heard.event()
    await bench.passes(MINUTE)
    assert bench.changes == [("silence", True), ("silence", False)]


async def test_nothing_is_unusual_on_the_first_day(store: Store, clock: Clock, log: Any) -> None:
    bench = Bench(store, clock, log)
    await bench.passes(HOUR, events_every_s=MINUTE)
    await bench.passes(20 * HOUR)
    assert bench.changes == []


async def test_what_was_learnt_outlives_the_bot_and_its_absence_is_no_silence(
    store: Store, clock: Clock, log: Any
) -> None:
    bench = Bench(store, clock, log)
    await bench.passes(2 * DAY, events_every_s=HOUR)
    await bench.heard.write()
    clock.now += DAY
    bench.watch = bench.anew()
    await bench.passes(110 * MINUTE)
    assert bench.changes == []
    await bench.passes(20 * MINUTE)
    assert bench.changes == [("silence", True)]


def test_days_are_forgotten_after_a_week() -> None:
    rhythm = Rhythm(first=1.0)
    assert rhythm.heard(9 * HOUR, at=10 * DAY)
    assert not rhythm.heard(8 * HOUR, at=10 * DAY)
    assert rhythm.unusual_s(11 * DAY) == 18 * HOUR
    rhythm.heard(60.0, at=18 * DAY)
    assert rhythm.unusual_s(18 * DAY) == 30 * MINUTE
    assert len(rhythm.longest) == 1


@pytest.mark.parametrize(("silence", "changes"), [(1800.0, [("silence", True)]), ("off", [])])
async def test_a_fixed_silence(
    store: Store, clock: Clock, log: Any, silence: Any, changes: list[tuple[str, bool]]
) -> None:
    bench = Bench(store, clock, log, silence=silence)
    await bench.passes(2 * HOUR)
    assert bench.changes == changes
    assert len(log.lines("alarm")) == len(changes)


async def test_a_day_without_a_challenge(store: Store, clock: Clock, log: Any) -> None:
    """X checks a webhook about once a day at the least."""
    bench = Bench(store, clock, log, challenges=True)
    bench.heard.challenge()
    await bench.passes(25 * HOUR)
    assert bench.changes == []
    await bench.passes(2 * HOUR)
    assert bench.changes == [("no_challenge", True)]
    bench.heard.challenge()
    await bench.passes(MINUTE)
    assert bench.changes[1:] == [("no_challenge", False)]


async def test_a_filling_inbox(store: Store, clock: Clock, log: Any) -> None:
    bench = Bench(store, clock, log, max_backlog=10)
    await store.put([NewItem("in", f"1:{n}", f"i{n}", b"{}") for n in range(5)])
    await bench.watch.look()
    assert bench.changes == []
    await store.put([NewItem("in", "1:6", "i6", b"{}")])
    await bench.watch.look()
    await bench.watch.look()
    assert bench.changes == [("backlog", True)]
    assert bench.told[0].reason == "6 events wait, and above 10 none is taken (engine.max_backlog)"
    await store.discard("in")
    await bench.watch.look()
    assert bench.changes[1:] == [("backlog", False)]


async def test_dead_letters_that_pile_up(clock: Clock, log: Any, store: Store) -> None:
    class Counting:
        dead = 100

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        async def dead_count(self) -> int:
            return self.dead

    counting = Counting()
    bench = Bench(counting, clock, log, dead_letters=10)  # type: ignore[arg-type]
    await bench.passes(HOUR)
    counting.dead += 9
    await bench.passes(MINUTE)
    assert bench.changes == []
    counting.dead += 1
    await bench.passes(MINUTE)
    assert bench.changes == [("dead_letters", True)]
    await bench.passes(2 * HOUR)
    assert bench.changes[1:] == [("dead_letters", False)]


# -- until when X was heard from -----------------------------------------------------------------------------


async def test_contacts_are_written_with_what_others_heard(store: Store, clock: Clock, log: Any) -> None:
    one, two = Heard(store, log=log.logger, now=clock), Heard(store, log=log.logger, now=clock)
    one.event()
    await one.write()
    clock.now += 10
    two.challenge()
    await two.write()
    await one.write()
    contact = await last_contact(store)
    assert contact == Contact(heard=clock.now, event=clock.now - 10, challenge=clock.now)
    assert await Heard(store, log=log.logger, now=clock).load() == contact


async def test_events_that_were_turned_away_are_remembered_until_they_are_asked_for(
    store: Store, clock: Clock, log: Any
) -> None:
    heard = Heard(store, log=log.logger, now=clock)
    noting = NotingStore(store, heard)
    assert await noting.put([NewItem("in", "1:2", "a", b"{}")]) == 1
    heard.refused()
    clock.now += 5
    heard.refused()
    await heard.write()
    contact = await last_contact(store)
    assert (contact.refused_from, contact.refused_to) == (clock.now - 5, clock.now)
    await heard.settle_refused()
    assert (await last_contact(store)).refused_to == 0.0
    assert heard.contact.event == clock.now - 5


async def test_alarms_of_a_kind_by_account(clock: Clock, log: Any) -> None:
    told: list[tuple[str, bool]] = []

    async def tell(alarm: Alarm) -> None:
        told.append((alarm.account_id, alarm.on))

    alarms = Alarms(log=log.logger, now=clock, tell=tell)
    await alarms.only("account", {"1": "dead", "2": "dead"})
    await alarms.only("account", {"2": "dead still"})
    assert told == [("1", True), ("2", True), ("1", False)]
    assert alarms.warnings == {"account:2": "dead still"}
