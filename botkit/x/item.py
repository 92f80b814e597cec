"""Items: bodies of X's that hold exactly one event, as the store keeps them.

`split` cuts a webhook body into items without looking further than it must; `parse` makes the typed event
when the item is claimed. A body that holds one event is its own item, byte for byte: nothing is encoded
again.
"""

from __future__ import annotations

import msgspec

__all__ = ["Conversation", "Item"]


class Conversation(msgspec.Struct, frozen=True):
    """Everything between one connected account and one other user: the unit of order and of state.

    ``account_id`` is ``""`` where X names no account, ``other_id`` is the account's own id for what concerns
    it alone, and ``""`` where X does not say who the other one is.
    """

    account_id: str
    other_id: str

    @property
    def key(self) -> str:
        """Its name in the store: ``account:other``."""
        return f"{self.account_id}:{self.other_id}"

    @classmethod
    def from_key(cls, key: str) -> Conversation:
        """The conversation whose `key` this is."""
        account_id, _, other_id = key.partition(":")
        return cls(account_id, other_id)


class Item(msgspec.Struct, frozen=True):
    """One event cut out of a body, not parsed yet.

    :param id: the dedup id: unique per subscribed account, the same when X delivers the event again.
    :param conversation: where it belongs.
    :param payload: a body that holds just this event; `botkit.x.parse.parse` reads it.
    """

    id: str
    conversation: Conversation
    payload: bytes
