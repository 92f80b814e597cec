"""Counts after a torture what the store holds, and says what is wrong with it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from botkit import actions
from botkit.state import State
from botkit.store import open_store
from botkit.store.contract import Store, StoredItem
from botkit.x import split

__all__ = ["ACCOUNT", "Sent", "tally"]

ACCOUNT = "14235326"

#: how many lookups are asked at once
_AT_ONCE = 200


@dataclass(slots=True)
class Sent:
    """An event.

    :param group: events of one group have no order among themselves; groups do.
    :param kind: the text: ``poison`` for what never succeeds, ``stubborn`` for what takes long to.
    """

    number: int
    group: int
    kind: str = "hello"
    acknowledged: bool = False

    @property
    def poison(self) -> bool:
        return self.kind == "poison"

    def body(self, user: str) -> str:
        """It as X delivers it."""
        event = {
            "type": "message_create",
            "id": str(self.number),
            "created_timestamp": "1548711582440",
            "message_create": {
                "target": {"recipient_id": ACCOUNT},
                "sender_id": user,
                "message_data": {"text": self.kind},
            },
        }
        return json.dumps({"for_user_id": ACCOUNT, "direct_message_events": [event], "users": {}})


async def tally(url: str, sent: Mapping[str, Sequence[Sent]]) -> list[str]:
    """Everything that is not as it must be, a line each.

    :param sent: by user, all of it acknowledged.
    """
    store = open_store(url)
    await store.open()
    try:
        found = [line for user, events in sent.items() for line in await _conversation(store, user, events)]
        return found + await _whole(store, sent)
    finally:
        await store.close()


def _event_id(number: int) -> str:
    (item,) = split(Sent(number, 0).body("1").encode())
    return item.id


async def _items(store: Store, ids: Sequence[str]) -> dict[str, StoredItem]:
    found: dict[str, StoredItem] = {}
    for start in range(0, len(ids), _AT_ONCE):
        for item in await asyncio.gather(*map(store.item, ids[start : start + _AT_ONCE])):
            if item is not None:
                found[item.item_id] = item
    return found


async def _conversation(store: Store, user: str, sent: Sequence[Sent]) -> list[str]:
    """Lost, doubled or misordered events of one conversation, and what they did."""
    ids = {event.number: _event_id(event.number) for event in sent}
    stored = await _items(store, list(ids.values()))
    if lost := [event.number for event in sent if ids[event.number] not in stored]:
        return [f"{user}: lost events {lost}"]
    seqs = {event.number: stored[ids[event.number]].seq for event in sent}
    events = sorted(sent, key=lambda event: seqs[event.number])
    found = _order(user, events, seqs)
    if left := await store.unfinished(f"{ACCOUNT}:{user}"):
        found.append(f"{user}: {len(left)} events are unfinished")
    last_seq = 0
    chains = {"chain": ("", 0), "beside": ("", 0)}
    wanted = [
        f"{ids[event.number]}/{plugin}:link/{number}"
        for event in events
        for plugin, number in (("chain", 0), ("chain", 1), ("beside", 0))
    ] + [f"{ids[event.number]}/chain:poison/0" for event in events]
    acted = await _items(store, wanted)
    for event in events:
        event_id, acted_at = ids[event.number], []
        for plugin, (before, count) in list(chains.items()):
            action = acted.get(f"{event_id}/{plugin}:link/0")
            handled = plugin == "beside" or not event.poison
            if handled != (action is not None):
                found.append(f"{user}: {plugin} of event {event.number}: {'no' if handled else 'an'} action")
            if action is None:
                continue
            acted_at.append(action.seq)
            number, nonce, chain = _text(action).split()
            expected = hashlib.sha256(f"{before} {number} {nonce}".encode()).hexdigest()[:16]
            if number != str(event.number) or chain != expected:
                found.append(f"{user}: {plugin}'s chain is broken at event {event.number}")
            chains[plugin] = (chain, count + 1)
        if acted_at and min(acted_at) <= last_seq:
            found.append(f"{user}: the actions of event {event.number} stand before earlier ones")
        last_seq = max([last_seq, *acted_at])
        if f"{event_id}/chain:poison/0" in acted:
            found.append(f"{user}: the poison of event {event.number} had effects")
        later = not event.poison and event.number % 5 == 0
        if later != (f"{event_id}/chain:link/1" in acted):
            found.append(
                f"{user}: delayed message of event {event.number}: {'lost' if later else 'invented'}"
            )
    for plugin, (chain, count) in chains.items():
        found += await _state(store, user, plugin, chain, count)
    return found


async def _state(store: Store, user: str, plugin: str, chain: str, count: int) -> list[str]:
    """Whether a plugin's state is what its last action says."""
    key = f"state:{plugin}:{ACCOUNT}:{user}"
    state = State((await store.state([key])).get(key))
    if (state.get("chain", ""), state.get("count", 0)) == (chain, count):
        return []
    return [
        (
            f"{user}: {plugin}'s state is not that of its last action: "
            f"{state.get('count', 0)} times instead of {count}"
        )
    ]


def _order(user: str, events: Sequence[Sent], seqs: Mapping[int, int]) -> list[str]:
    """Whether the lane holds these events and nothing else, in an order in which they were sent."""
    found: list[str] = []
    if sorted(seqs.values()) != list(range(1, len(events) + 1)):
        found.append(f"{user}: the lane holds something else beside its events")
    found += [
        f"{user}: event {later.number} stands before event {earlier.number}"
        for earlier, later in zip(events[1:], events, strict=False)
        if earlier.group < later.group
    ]
    return found


def _text(action: StoredItem) -> str:
    return str(getattr(actions.decode(action.payload).action, "text", ""))


async def _whole(store: Store, sent: Mapping[str, Sequence[Sent]]) -> list[str]:
    """What stands in the store beside that, and the dead letters."""
    found: list[str] = []
    events = [event for of_user in sent.values() for event in of_user]
    plain = [event for event in events if not event.poison]
    expected = len(plain) + len(events) + sum(event.number % 5 == 0 for event in plain)
    queued = sum(queue.items for queue in await store.stats() if queue.queue.startswith("out:"))
    if queued != expected:
        found.append(f"{queued} actions are queued instead of {expected}")
    letters = Counter((letter.item_id, letter.handler) for letter in await store.dead_letters(1_000_000))
    poisoned = Counter((_event_id(event.number), "chain:poison") for event in events if event.poison)
    if letters != poisoned:
        found.append(
            f"dead letters too many: {list((letters - poisoned).elements())}, "
            f"missing: {list((poisoned - letters).elements())}"
        )
    return found
