"""Items and settlements as the statements take them: built on the loop, so that the thread only runs SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from botkit.store.contract import Again, Done, NewItem, Settlement

__all__ = ["ItemRow", "TimerRow", "Turn", "distinct", "item_row"]

#: lane, queue, item id, payload
ItemRow = tuple[str, str, str, bytes]

#: timer id, due at, and the item's row
TimerRow = tuple[str, float, str, str, str, bytes]


def distinct(rows: Iterable[ItemRow]) -> list[ItemRow]:
    """The first row of each item id, in order."""
    first: dict[str, ItemRow] = {}
    for row in rows:
        first.setdefault(row[2], row)
    return list(first.values())


def item_row(item: NewItem) -> ItemRow:
    """An item as the statements take it."""
    return (item.lane, item.queue, item.item_id, item.payload)


class Turn(msgspec.Struct, frozen=True):
    """A settlement."""

    queue: str
    done: bool
    #: lane, worker, token, seq, cursor, attempts kept, attempts added, progress, freed, delay
    lane: tuple[str, int, int, int, int, int, int, bytes, int, float]
    state: Mapping[str, bytes | None]
    items: Sequence[ItemRow]
    #: by timer id; ``None`` cancels
    timers: Mapping[str, TimerRow | None]
    #: item id, handler, attempts, error, lane, queue, at (0: now)
    dead: Sequence[tuple[str, str, int, str, str, str, float]]

    @classmethod
    def of(cls, worker_id: int, settlement: Settlement) -> Turn:
        """The rows of a settlement."""
        claim, seq, outcome, effects = (
            settlement.claim,
            settlement.seq,
            settlement.outcome,
            settlement.effects,
        )
        match outcome:
            case Done():
                tail = (seq, 0, 0, b"", int(settlement.release), 0.0)
            case Again():
                tail = (seq - 1, 1, int(outcome.counts), outcome.progress, 1, float(outcome.delay_s))
            case _:
                tail = (seq - 1, 1, 0, outcome.progress, 0, 0.0)
        timers: dict[str, TimerRow | None] = {}
        if effects.cancel_timers:
            timers.update(dict.fromkeys(effects.cancel_timers))
        for timer in effects.timers:
            timers[timer.timer_id] = (timer.timer_id, timer.due_at, *item_row(timer.item))
        return cls(
            claim.queue,
            isinstance(outcome, Done),
            (claim.lane, worker_id, claim.token, seq, *tail),
            effects.state,
            [item_row(item) for item in effects.items],
            timers,
            [
                (
                    letter.item_id,
                    letter.handler,
                    letter.attempts,
                    letter.error,
                    letter.lane or claim.lane,
                    letter.queue or claim.queue,
                    letter.at,
                )
                for letter in effects.dead
            ],
        )
