"""The store in one SQLite file.

store.py         the contract, for one event loop
  batches.py     threads that work off everything that was asked since their last batch
    writer.py    one transaction a batch, over ledger.py, windows.py, turns.py and rows.py
                 backlog.py, cancelling.py, forgetting.py
    reader.py    queries
  waiting.py     who is woken by a commit
schema.py, lock.py, checkpoints.py   the file
"""

from botkit.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
