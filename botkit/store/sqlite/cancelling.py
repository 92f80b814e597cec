"""Taking out of a queue what nobody shall handle any more, inside a transaction of the writer's."""

from __future__ import annotations

from botkit.errors import StoreError
from botkit.store.contract import DeadLetter
from botkit.store.sqlite.ledger import Ledger
from botkit.store.sqlite.turns import ItemRow

__all__ = ["discard", "take_dead"]


def discard(ledger: Ledger, queue: str) -> int:
    """Cancel a queue: free lanes jump to their end, owned ones keep the item that is in hand.

    :returns: how many items and timers were cancelled.
    """
    execute = ledger.connection.execute
    # The index names what waits; a lane that is neither owned nor in it has nothing unfinished.
    (waiting,) = execute(
        "SELECT coalesce(sum(tail - done), 0) FROM lane INDEXED BY lane_ready "
        "WHERE queue = ? AND owner IS NULL AND ready_at IS NOT NULL",
        (queue,),
    ).fetchone()
    execute(
        "UPDATE lane SET done = tail, attempt = 0, progress = x'', ready_at = NULL WHERE lane IN ("
        "SELECT lane FROM lane INDEXED BY lane_ready "
        "WHERE queue = ? AND owner IS NULL AND ready_at IS NOT NULL)",
        (queue,),
    )
    owned = execute(
        "SELECT lane, done + 1, tail FROM lane INDEXED BY lane_owned "
        "WHERE owner IS NOT NULL AND queue = ? AND tail > done + 1",
        (queue,),
    ).fetchall()
    for lane, in_hand, tail in owned:
        execute("DELETE FROM item WHERE lane = ? AND seq > ?", (lane, in_hand))
        execute("UPDATE lane SET tail = ? WHERE lane = ?", (in_hand, lane))
        waiting += tail - in_hand
    ledger.backlog.add(queue, -waiting)
    timers = execute("DELETE FROM timer WHERE queue = ?", (queue,)).rowcount
    return int(waiting + timers)


def take_dead(ledger: Ledger, item_id: str, handler: str, put: ItemRow | None) -> DeadLetter | None:
    """Delete a dead letter and put an item in its place.

    :raises StoreError: the item can't be put.
    """
    execute = ledger.connection.execute
    row = execute(
        "SELECT item_id, handler, attempts, error, lane, queue, at FROM dead "
        "WHERE item_id = ? AND handler = ?",
        (item_id, handler),
    ).fetchone()
    if row is None:
        return None
    execute("DELETE FROM dead WHERE item_id = ? AND handler = ?", (item_id, handler))
    if put is not None and ledger.put([put]):
        raise StoreError(f"the item {put[2]} is known already")
    return DeadLetter(*row)
