"""Plain turns are settled by one call of a function of the database: three round trips instead of five.

A turn is plain when it ends or marks the item in hand, keeps states, and puts items: most are. Everything
else, and every batch in which a turn may not own its lane, goes the long way of
`botkit.store.postgres.turns`, which tells the turns apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from botkit.store.contract import Again, Done, Settlement
from botkit.store.postgres.connections import Connection
from botkit.store.postgres.inbox import ItemRow

__all__ = ["PlainMove", "plain_move", "settle_plain"]

#: token, item, what becomes of the lane, progress
PlainMove = tuple[int, int, int, bytes]

#: what becomes of a lane: it goes on with the item, with the next one, or is given back
_MARKED, _KEPT, _FREED = 0, 1, 2

_SETTLE = """
SELECT settled, xid, ready, put FROM botkit_settle(
    $1::bigint, $2::text[], $3::bigint[], $4::bigint[], $5::int[], $6::bytea[],
    $7::text[], $8::bytea[], $9::text[], $10::text[], $11::text[], $12::bytea[]
)
"""


def plain_move(settlement: Settlement) -> PlainMove | None:
    """What a plain turn does with its lane; ``None``: the turn is not plain."""
    outcome, effects = settlement.outcome, settlement.effects
    if isinstance(outcome, Again) or effects.timers or effects.cancel_timers or effects.dead:
        return None
    if None in effects.state.values():
        return None
    claim = settlement.claim
    if isinstance(outcome, Done):
        return (claim.token, settlement.seq, _FREED if settlement.release else _KEPT, b"")
    return (claim.token, settlement.seq, _MARKED, outcome.progress)


async def settle_plain(
    connection: Connection,
    worker_id: int,
    moves: Mapping[str, PlainMove],
    state: Mapping[str, bytes | None],
    items: Sequence[ItemRow],
) -> tuple[str, set[str]] | None:
    """Write turns in a transaction; the transaction's id, and the queues whose lanes became ready.

    ``None``: not all of them own their lanes, and the transaction must be rolled back.

    :param moves: by lane.
    :param items: their ids differ.
    :raises asyncpg.NotNullViolationError: a lane of the items belongs to another queue.
    """
    tokens, seqs, kinds, progresses = zip(*moves.values(), strict=True)
    (found,) = await connection.fetch(
        _SETTLE,
        worker_id,
        list(moves),
        tokens,
        seqs,
        kinds,
        progresses,
        list(state),
        list(state.values()),
        [item[0] for item in items],
        [item[1] for item in items],
        [item[2] for item in items],
        [item[3] for item in items],
    )
    if not found["settled"]:
        return None
    ready: Collection[str] = found["ready"] or ()
    put = set(found["put"] or ())
    return found["xid"], {*ready, *(item[1] for item in items if item[2] in put)}
