"""``bot.api``: X called now, inside a handler, with its answer in hand.

Unlike what a handler queues, a call repeats when the handler is tried again: use it to look things up, and
queue what changes something.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeVar

from botkit.errors import ActionRefused
from botkit.events import Media, QuickReplyOption, User
from botkit.media import Attachment, Uploaded, advance, attach
from botkit.x.calls import dm, posts, users, welcome
from botkit.x.calls.dm_v11 import Button
from botkit.x.calls.posts import ListedPost, PostPage
from botkit.x.calls.users import UserPage
from botkit.x.calls.welcome import WelcomeMessage, WelcomeRule
from botkit.x.wire import Call

__all__ = ["Api", "Caller"]

T = TypeVar("T")


class Caller(Protocol):
    """What can carry a call out: `botkit.network.client.Client`, or a fake in a test."""

    async def do(self, call: Call[T], account_id: str) -> T:
        """Send the call as that account and read its answer; raises an `XError`."""


async def _sleep(seconds: float) -> None:
    import asyncio  # noqa: PLC0415 - every command imports this module, and few of them need a loop

    await asyncio.sleep(seconds)


class Api:
    """X's REST API as one account.

    Lists are asked for page by page, as they are read: ``async for user in bot.api.followers(): …``.

    :param now: Unix seconds.
    :param sleep: waits so many seconds while X works on an upload.
    """

    def __init__(
        self,
        caller: Caller,
        account_id: str,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] | None = None,
    ) -> None:
        self._caller = caller
        self._account_id = account_id
        self._now = now
        self._sleep = sleep or _sleep

    async def call(self, call: Call[T]) -> T:
        """Carry out any call of `botkit.x.calls`."""
        return await self._caller.do(call, self._account_id)

    async def me(self) -> User:
        """The account itself."""
        return await self.call(users.me())

    async def user(self, user_id: str) -> User:
        """One user by id."""
        return await self.call(users.user(user_id))

    async def user_by_username(self, username: str) -> User:
        """One user by handle, with or without @."""
        return await self.call(users.user_by_name(username))

    async def send_dm(self, user_id: str, text: str) -> dm.SentMessage:
        """Send a direct message now and return its ids. It is sent again when the handler is tried again."""
        return await self.call(dm.send(user_id, text))

    async def upload(
        self,
        source: str | Path | bytes | Attachment,
        *,
        alt_text: str = "",
        to: Literal["post", "dm"] = "dm",
    ) -> str:
        """Upload a picture, GIF or video now and return its media id, for ``media_id=`` and ``media_ids=``.

        Waits until X is done with it, which takes a while for a video. ``bot.media`` is for what may wait
        until the message leaves.

        :param alt_text: describes it to those who can't see it.
        :param to: what it is for; X takes an upload for the one only.
        :raises ActionRefused: there is no such file, or X would not take it.
        """
        attachment = source if isinstance(source, Attachment) else attach(source, alt_text)
        step: Uploaded | None = None
        while step is None or not step.ready:
            if step is not None:
                await self._sleep(step.check_after_s)
            place: Literal["tweet", "dm"] = "tweet" if to == "post" else "dm"
            step = await advance(self.call, attachment, place, step, now=self._now())
        return step.media_id

    async def download(self, media: Media | str) -> bytes:
        """The bytes of a picture or video that came with a direct message, given as such or by its address.

        X opens them to the account alone: it needs the account's OAuth 1.0a tokens. Up to 64 MiB.

        :raises ActionRefused: it has no address, or none of X's.
        :raises XError: X does not give it.
        """
        url = media.url if isinstance(media, Media) else media
        if not url:
            raise ActionRefused("this picture has no address")
        return await self.call(dm.download(url))

    # -- people ------------------------------------------------------------------------------------------

    async def users(self, user_ids: Sequence[str]) -> tuple[User, ...]:
        """Up to 100 users by id; those that don't exist are missing."""
        return await self.call(users.users(user_ids))

    def followers(self, user_id: str = "") -> AsyncIterator[User]:
        """Who follows a user, or the account itself, the newest first."""
        return self._people(users.followers, user_id)

    def following(self, user_id: str = "") -> AsyncIterator[User]:
        """Whom a user, or the account itself, follows."""
        return self._people(users.following, user_id)

    async def _people(self, make: Callable[..., Call[UserPage]], user_id: str) -> AsyncIterator[User]:
        token = ""
        while True:
            page = await self.call(make(user_id or self._account_id, page=token))
            for each in page.users:
                yield each
            if page.next_token in {"", token}:
                return
            token = page.next_token

    # -- posts -------------------------------------------------------------------------------------------

    async def post(self, post_id: str) -> ListedPost:
        """One post by id."""
        return await self.call(posts.post(post_id))

    async def posts(self, post_ids: Sequence[str]) -> tuple[ListedPost, ...]:
        """Up to 100 posts by id; those that are gone, or can't be seen, are missing."""
        return await self.call(posts.posts(post_ids))

    def posts_of(self, user_id: str = "") -> AsyncIterator[ListedPost]:
        """The posts of a user, or of the account itself, newest first."""
        return self._posts(posts.posts_of, user_id)

    def mentions(self, user_id: str = "") -> AsyncIterator[ListedPost]:
        """The posts that mention a user, or the account itself, newest first."""
        return self._posts(posts.mentions, user_id)

    def timeline(self) -> AsyncIterator[ListedPost]:
        """The account's home timeline: its posts and those of whom it follows, newest first."""
        return self._posts(posts.home, "")

    async def _posts(self, make: Callable[..., Call[PostPage]], user_id: str) -> AsyncIterator[ListedPost]:
        token = ""
        while True:
            page = await self.call(make(user_id or self._account_id, page=token))
            for each in page.posts:
                yield each
            if page.next_token in {"", token}:
                return
            token = page.next_token

    # -- welcome messages (X's v1.1 API) -----------------------------------------------------------------

    async def welcome_messages(self) -> tuple[WelcomeMessage, ...]:
        """All of the account's welcome messages."""
        found: list[WelcomeMessage] = []
        cursor = ""
        while True:
            page = await self.call(welcome.welcome_messages(cursor=cursor))
            found += page.messages
            if page.next_cursor in {"", cursor}:
                return tuple(found)
            cursor = page.next_cursor

    async def create_welcome_message(
        self,
        text: str,
        *,
        name: str = "",
        options: Sequence[QuickReplyOption] = (),
        buttons: Sequence[Button] = (),
        media_id: str = "",
    ) -> WelcomeMessage:
        """Make a welcome message; people see it once there is a rule for it, or by a link that names it."""
        made = welcome.create_welcome_message(
            text, name=name, options=options, buttons=buttons, media_id=media_id
        )
        return await self.call(made)

    async def delete_welcome_message(self, welcome_message_id: str) -> None:
        """Delete a welcome message."""
        await self.call(welcome.delete_welcome_message(welcome_message_id))

    async def welcome_rules(self) -> tuple[WelcomeRule, ...]:
        """Which welcome message everybody sees: one rule, or none."""
        return await self.call(welcome.rules())

    async def create_welcome_rule(self, welcome_message_id: str) -> WelcomeRule:
        """Let everybody see a welcome message. X takes one rule: delete the one that is there first."""
        return await self.call(welcome.create_rule(welcome_message_id))

    async def delete_welcome_rule(self, rule_id: str) -> None:
        """Delete a rule; its message stays."""
        await self.call(welcome.delete_rule(rule_id))
