"""Was it sent? After a crash or a time-out, looks for a message or post before it is sent again.

X takes no idempotency key, so this is the only way to know. First among the account's own events, which X
delivers back and the store keeps; then among what X itself lists.
"""

from __future__ import annotations

import enum
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

from botkit import actions
from botkit.actions import Queued
from botkit.engine.outbox import sent_key
from botkit.errors import InvalidRequest, XError
from botkit.events import DirectMessageSent, Post
from botkit.network.client import Client
from botkit.store.contract import Store
from botkit.x import Conversation, Item, parse
from botkit.x.calls import dm, posts

__all__ = ["Lookup", "Verdict"]

#: clocks differ: what was made up to so many seconds before our mark may be ours
_SLACK_S = 60.0
_URL = re.compile(r"https?://\S+")


class Verdict(enum.Enum):
    """What is known of an action whose outcome is not."""

    SENT = "sent"
    NOT_SENT = "not sent"
    #: neither our events nor X's lists can tell
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class _Seen:
    """Something that the account said."""

    object_id: str
    text: str
    at: datetime | None


class Lookup:
    """Looks for what an action would have made."""

    def __init__(self, store: Store, client: Client) -> None:
        self._store = store
        self._client = client

    async def find(self, queued: Queued, since: float) -> tuple[Verdict, str]:
        """Whether the action was carried out after ``since`` (Unix seconds), and the id of what it made.

        :raises XError: X could not be asked now (a limit, an outage): ask again later.
        """
        async for seen in self._own_events(queued, since):
            if await self._is_it(queued, seen, since):
                return Verdict.SENT, seen.object_id
        try:
            listed = await self._listed(queued)
        except InvalidRequest:
            return Verdict.UNKNOWN, ""
        except XError as error:
            if error.status in {401, 402, 403}:
                return Verdict.UNKNOWN, ""
            raise
        for seen in listed:
            if await self._is_it(queued, seen, since):
                return Verdict.SENT, seen.object_id
        return Verdict.NOT_SENT, ""

    async def _own_events(self, queued: Queued, since: float) -> AsyncIterator[_Seen]:
        action, account_id = queued.action, queued.account_id
        other = action.to if isinstance(action, actions.SendDirectMessage) else account_id
        lane = Conversation(account_id, other).key
        for stored in await self._store.history(lane, since=since - _SLACK_S, limit=1000):
            event = parse(
                Item(stored.item_id, Conversation(account_id, other), stored.payload),
                received_at=datetime.fromtimestamp(stored.received_at, UTC),
            )
            if isinstance(event, DirectMessageSent) and event.recipient.id == other:
                yield _Seen(event.message_id, event.text, event.at)
            elif isinstance(event, Post):
                yield _Seen(event.post_id, event.text, event.at)

    async def _listed(self, queued: Queued) -> list[_Seen]:
        account_id = queued.account_id
        match queued.action:
            case actions.SendDirectMessage() as action:
                call = dm.messages_with(action.to) if action.to else dm.messages_in(action.conversation_id)
                try:
                    page = await self._client.do(call, account_id)
                except InvalidRequest:
                    page = await self._client.do(dm.messages(), account_id)
                return [
                    _Seen(message.message_id, message.text, message.at)
                    for message in page.messages
                    if message.sender_id in {account_id, ""}
                ]
            case actions.StartGroup():
                page = await self._client.do(dm.messages(), account_id)
                return [
                    _Seen(message.message_id, message.text, message.at)
                    for message in page.messages
                    # the conversations of two have a dash in their ids
                    if message.sender_id in {account_id, ""} and "-" not in message.conversation_id
                ]
            case _:
                recent = await self._client.do(posts.recent_posts(account_id), account_id)
                return [_Seen(post.post_id, post.text, post.at) for post in recent]

    async def _is_it(self, queued: Queued, seen: _Seen, since: float) -> bool:
        """The same words, said after we began, and not by another action that is already accounted for."""
        text = getattr(queued.action, "text", "")
        # X appends a link to what has media.
        shown = (_bare(text), f"{_bare(text)} <url>".strip()) if _has_media(queued) else (_bare(text),)
        if _bare(seen.text) not in shown:
            return False
        if seen.at is not None and seen.at.timestamp() < since - _SLACK_S:
            return False
        key = sent_key(queued.account_id, seen.object_id)
        return not await self._store.state([key])


def _has_media(queued: Queued) -> bool:
    action = queued.action
    return bool(action.attachments or getattr(action, "media_id", "") or getattr(action, "media_ids", ()))


def _bare(text: str) -> str:
    """A text without what X changes on the way: white space, and links, which it shortens."""
    return " ".join(_URL.sub("<url>", text).split())
