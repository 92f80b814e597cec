"""What X charges, as it was counted: `botkit usage`."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from botkit.engine.spend import KEPT_DAYS, Counted, Stopped, Tally, counted, day_of, stopped
from botkit.errors import UserError
from botkit.inbox.shown import moment
from botkit.store.contract import Store
from botkit.x.prices import DOLLAR

__all__ = ["shown_stop", "used"]


async def used(store: Store, *, days: int = 7) -> dict[str, Any]:
    """What was counted in the last UTC days, today first; days without anything are left out.

    :raises UserError: no such number of days is kept.
    """
    if not 1 <= days <= KEPT_DAYS:
        raise UserError(f"counts are kept for {KEPT_DAYS} days; ask for 1 to {KEPT_DAYS}")
    now = await store.now()
    today = date.fromisoformat(day_of(now))
    names = [(today - timedelta(days=back)).isoformat() for back in range(days)]
    found = await counted(store, names)
    return {
        "now": moment(now),
        "today": names[0],
        "spent_today": _dollars(_cost(found[names[0]])),
        "stopped": shown_stop(await stopped(store)),
        "days": [
            {
                "day": day,
                "spent": _dollars(_cost(found[day])),
                "lines": [
                    line for account_id in sorted(found[day]) for line in _lines(account_id, found[day])
                ],
            }
            for day in names
            if found[day]
        ],
    }


def shown_stop(why: Stopped | None) -> dict[str, Any] | None:
    """Why the budget lets nothing leave, as plain data."""
    if why is None:
        return None
    return {"until": moment(why.until), "spent": _dollars(why.spent), "per_day": _dollars(why.budget)}


def _lines(account_id: str, accounts: dict[str, Counted]) -> list[dict[str, Any]]:
    of = accounts[account_id]
    return [
        _line(account_id, what, kind, tallies[kind])
        for what, tallies in (("action", of.actions), ("event", of.events))
        for kind in sorted(tallies)
    ]


def _line(account_id: str, what: str, kind: str, tally: Tally) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "what": what,
        "kind": kind,
        "count": tally.count,
        "spent": _dollars(tally.micros),
        "unpriced": tally.unpriced,
    }


def _cost(accounts: dict[str, Counted]) -> int:
    return sum(of.micros for of in accounts.values())


def _dollars(micros: int) -> float:
    return micros / DOLLAR
