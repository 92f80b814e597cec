"""The store in a PostgreSQL database, for several processes on several machines.

store.py           the contract
  batches.py       one statement or transaction for everything that was asked since the last one
    inbox.py       items: new ones, in the order of their lanes
    claims.py      lanes: owned, and given back
    turns.py       settlements: fenced, and all of their effects
  timers.py, workers.py, windows.py, reader.py   the other statements
  waiting.py       who is woken: by our own commits, by notifications, by looking
connections.py     sessions that sync at every commit; faults.py what their errors mean
address.py, schema.py   where it is, and its tables
"""

from botkit.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
