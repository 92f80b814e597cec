"""What can be measured, by name."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import engines, receive, replies, resting
from benchmarks.plan import Bench
from benchmarks.report import Row

__all__ = ["SUBJECTS"]

SUBJECTS: dict[str, Callable[[Bench], list[Row]]] = {
    "receive": receive.receive,
    "ack": receive.ack,
    "replies": replies.replies,
    "signing": replies.signing,
    "turns": engines.turns,
    "mix": engines.mix,
    "backlog": engines.backlog,
    "conversations": engines.conversations,
    "plugins": engines.plugins,
    "memory": resting.memory,
    "start": resting.start,
}
