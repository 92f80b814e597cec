"""Where an action waits: its lane, its queue, and the marks by which its echo is known.

A queue holds the actions of one account that share one of X's rate-limit windows, so that a frozen window
stops its own queue and no other. A lane holds those that are about one user or post: they leave in order.
"""

from __future__ import annotations

from dataclasses import dataclass

from botkit import actions
from botkit.actions import Action, Queued
from botkit.events import DirectMessageSent, Event, Post
from botkit.store.contract import NewItem

__all__ = ["OUTBOX", "OutQueue", "echo_keys", "outbox_item", "sending_key", "sent_key"]

#: what the names of all outbox queues start with
OUTBOX = "out:"


@dataclass(frozen=True, slots=True)
class OutQueue:
    """The queue of one account's actions that share a window of X's."""

    window: str
    account_id: str

    @property
    def name(self) -> str:
        """Its name in the store."""
        return f"{OUTBOX}{self.window}:{self.account_id}"

    @classmethod
    def from_name(cls, name: str) -> OutQueue:
        """The queue with that name."""
        window, _, account_id = name.removeprefix(OUTBOX).partition(":")
        return cls(window, account_id)


def outbox_item(queued: Queued, item_id: str) -> NewItem:
    """The item that carries an action. The same id is stored once: running a turn again doubles nothing."""
    queue = OutQueue(queued.action.call(queued.account_id).window, queued.account_id)
    return NewItem(queue.name, f"{queue.name}:{queued.action.target}", item_id, actions.encode(queued))


def sending_key(account_id: str, action: Action) -> str | None:
    """The mark that an action is on its way, from before the request until X's answer is recorded."""
    match action:
        case actions.SendDirectMessage():
            return f"sending:{account_id}:dm:{action.target}"
        case actions.CreatePost():
            return f"sending:{account_id}:post"
        case _:
            return None


def sent_key(account_id: str, object_id: str) -> str:
    """The mark that this bot made the message or post with that id."""
    return f"sent:{account_id}:{object_id}"


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
