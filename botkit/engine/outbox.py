"""Where an action waits: its queue, its lane, and the marks by which its echo is known.

A queue holds the actions of one account that share one of X's rate-limit windows and one priority, so that a
closed window stops nothing else, and answers leave before broadcasts. A lane holds those that are about one
user or post: they leave in order.
"""

from __future__ import annotations

import enum
import hashlib
from dataclasses import dataclass

from msgspec.structs import replace

from botkit import actions
from botkit.actions import Action, Queued
from botkit.engine.marks import Sending
from botkit.events import DirectMessageSent, Event, Post
from botkit.store.contract import NewItem
from botkit.x.values import FIRST_SNOWFLAKE, first_snowflake

__all__ = [
    "OUTBOX",
    "OutQueue",
    "Priority",
    "broadcast_name",
    "counts_in",
    "echo_keys",
    "in_words",
    "no_rich_key",
    "old_marks",
    "outbox_item",
    "paused_key",
    "sending_key",
    "sent_key",
]

#: what the names of all outbox queues start with
OUTBOX = "out:"

#: X's window of messages with options and buttons, and that in whose queues they stand: with all other
#: messages to the same person, so that they leave in order
_RICH, _LINE = "dm_send_v11", "dm_send"


class Priority(enum.IntEnum):
    """Who leaves first while a window has room."""

    ANSWER = 0  #: to someone who waits for it
    NOTICE = 1  #: to someone who does not expect it now
    BROADCAST = 2  #: the same to many; leaves a part of every window to the others


@dataclass(frozen=True, slots=True, order=True)
class OutQueue:
    """One account's actions that share a window of X's and a priority.

    :param broadcast: which broadcast, so that each can be paused and cancelled by itself.
    """

    priority: Priority
    window: str
    account_id: str
    broadcast: str = ""

    @property
    def name(self) -> str:
        """Its name in the store."""
        name = f"{OUTBOX}{self.window}:{self.account_id}:{int(self.priority)}"
        return f"{name}:{self.broadcast}" if self.broadcast else name

    @property
    def window_key(self) -> tuple[str, str]:
        """Which window of X's it counts in, whatever its priority: the window, and whose."""
        return self.window, self.account_id

    @classmethod
    def from_name(cls, name: str) -> OutQueue:
        """The queue with that name.

        :raises ValueError: it is not the name of an outbox queue.
        """
        window, account_id, priority, *broadcast = name.removeprefix(OUTBOX).split(":")
        return cls(Priority(int(priority)), window, account_id, broadcast[0] if broadcast else "")


def outbox_item(
    queued: Queued,
    item_id: str,
    *,
    window: str = "",
    priority: Priority = Priority.ANSWER,
    broadcast: str = "",
) -> NewItem:
    """The item that carries an action. The same id is stored once: running a turn again doubles nothing.

    :param window: that of the action's call, where somebody has made that already.
    """
    window = window or queued.action.call(queued.account_id).window
    if window == _RICH:
        window = _LINE
    name = OutQueue(priority, window, queued.account_id, broadcast).name
    return NewItem(name, f"{name}:{queued.action.target}", item_id, actions.encode(queued))


def counts_in(queue: OutQueue, queued: Queued, progress: bytes) -> OutQueue:
    """The queue with the window that X counts the action in, which stands in ``queue``.

    :param progress: what is remembered of it, see `botkit.engine.marks`.
    """
    action = queued.action
    if not isinstance(action, actions.SendDirectMessage) or not action.is_rich:
        return queue
    window = _LINE if Sending.decode(progress).plain else _RICH
    if window == queue.window:
        return queue
    return OutQueue(queue.priority, window, queue.account_id, queue.broadcast)


def in_words(queued: Queued) -> Queued:
    """The same, with options and buttons as lines of the text."""
    action = queued.action
    return replace(queued, action=action.plain()) if isinstance(action, actions.SendDirectMessage) else queued


def broadcast_name(run: str, number: int) -> str:
    """A short name for a broadcast, the same whenever the run that made it is run again."""
    return hashlib.blake2s(f"{run}/{number}".encode(), digest_size=4).hexdigest()


def paused_key(queue: OutQueue) -> str:
    """The mark that nothing of the queue is to leave until somebody says so."""
    return f"paused:{queue.name}"


def no_rich_key(account_id: str) -> str:
    """The mark that X does not let the account send options and buttons; its value is when it said so."""
    return f"no-rich:{account_id}"


def sending_key(account_id: str, action: Action) -> str | None:
    """The mark that an action is on its way, from before the request until X's answer is recorded."""
    match action:
        case actions.SendDirectMessage():
            return f"sending:{account_id}:dm:{action.target}"
        case actions.CreatePost():
            return f"sending:{account_id}:post"
        case actions.StartGroup():
            return f"sending:{account_id}:group"
        case _:
            return None


def sent_key(account_id: str, object_id: str) -> str:
    """The mark that this bot made the message or post with that id.

    The id comes first, and as long as X's are: they grow with time, and so the marks sort by age.
    """
    return f"sent:{object_id:0>19}:{account_id}"


def old_marks(before: float) -> tuple[str, str]:
    """The range of `sent_key` of what X made before a time, Unix seconds, as far as ids tell when."""
    return f"sent:{FIRST_SNOWFLAKE:0>19}", f"sent:{first_snowflake(before):0>19}"


def echo_keys(event: Event) -> tuple[str, ...]:
    """The marks, one of which stands when the bot itself made what the event reports.

    Both are read at once: recording X's answer swaps one for the other in one transaction.
    """
    match event:
        case DirectMessageSent():
            return (
                f"sending:{event.account_id}:dm:{event.recipient.id}",
                sent_key(event.account_id, event.message_id),
            )
        case Post():
            return (f"sending:{event.account_id}:post", sent_key(event.account_id, event.post_id))
        case _:
            return ()
