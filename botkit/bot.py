"""What a handler holds: it acts as one account, for one event, and gathers what the handler wants done.

Nothing that is queued here leaves before the turn is committed, and nothing of it leaves when the handler
raises. The engine makes a new `Bot` for every run of a handler.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from botkit import actions
from botkit.actions import Action
from botkit.api import Api
from botkit.errors import ActionRefused
from botkit.events import DirectMessage, Event, PostEvent, QuickReplyOption, User
from botkit.media import Attachment, attach
from botkit.rules import Rules
from botkit.state import State
from botkit.x.calls.dm_v11 import Button
from botkit.x.calls.posts import NO_DETAILS, PostDetails
from botkit.x.text import DM_LIMIT, LONG_POST_LIMIT, POST_LIMIT, split_post

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

__all__ = ["Bot", "Gathered", "OnUnknown", "Wanted"]

#: what becomes of an action when nobody can know whether X took it; ``""`` leaves it to bot.yaml
OnUnknown = Literal["", "hold", "resend", "drop"]


@dataclass(slots=True)
class Wanted:
    """An action that a handler queued.

    :param due_at: it leaves not before that time, Unix seconds; ``None``: at once.
    :param answers: somebody waits for it; it leaves before what nobody waits for.
    :param broadcast: numbers the broadcasts of one run from 1; 0: it belongs to none.
    :param on_unknown: what becomes of it when nobody can know whether it was carried out.
    :param window: which of X's rate-limit windows it counts in, once it was checked.
    """

    action: Action
    due_at: float | None = None
    answers: bool = True
    broadcast: int = 0
    on_unknown: str = ""
    window: str = ""


@dataclass(slots=True)
class Gathered:
    """What one run of a handler wants done; written only if it succeeds."""

    wanted: list[Wanted] = field(default_factory=list)
    answered: bool = False
    broadcasts: int = 0


class Bot:
    """Acts as the account that an event happened to.

    :ivar event: the event in hand.
    :ivar account_id: the connected account.
    :ivar settings: this plugin's typed settings from bot.yaml, or what its ``setup`` made of them.
    :ivar state: this plugin's dictionary for this conversation; saved with the turn.
    :ivar api: X called now (see `botkit.api.Api`); everything else on a bot is queued.
    :ivar log: a logger that names the event and the handler. Don't log what people wrote.
    """

    def __init__(
        self,
        *,
        event: Event,
        account_id: str,
        settings: Any,
        state: State,
        api: Api,
        log: FilteringBoundLogger,
        gathered: Gathered,
        now: Callable[[], float],
        have_written: Callable[[Sequence[str]], Awaitable[frozenset[str]]],
        rules: Rules,
        typing: Callable[[str], AbstractAsyncContextManager[None]],
    ) -> None:
        self.event = event
        self.account_id = account_id
        self.settings = settings
        self.state = state
        self.api = api
        self.log = log
        self._gathered = gathered
        self._now = now
        self._have_written = have_written
        self._rules = rules
        self._typing = typing

    # -- answering ---------------------------------------------------------------------------------------

    async def reply(
        self,
        text: str = "",
        *,
        media: Attachment | Sequence[Attachment] = (),
        media_id: str = "",
        options: Sequence[str | QuickReplyOption] = (),
        buttons: Sequence[Button] = (),
        details: PostDetails = NO_DETAILS,
        after: float | None = None,
        at: datetime | None = None,
        on_unknown: OnUnknown = "",
    ) -> None:
        """Answer where the event happened: a direct message to its sender, or a reply to the post.

        :param media: what `media` made, to send along: one in a message, up to four pictures in a post.
        :param media_id: a picture or video that is uploaded already.
        :param options: quick replies to tap. Where X lets the account send none, they are lines of the text.
        :param buttons: up to three links below a direct message; likewise.
        :param details: what X is told of a post beside that, such as ``PostDetails(made_with_ai=True)``.
        :param after: wait that many seconds first; the wait survives restarts.
        :param at: send it at that time (aware) instead.
        :param on_unknown: what to do when a crash or time-out leaves it open whether X took the message, and
            X can't tell: ``resend`` (it may arrive twice), ``drop``, or ``hold`` it as a dead letter for a
            person.
        :raises ActionRefused: the event leaves nobody to answer, or X would refuse the text.
        """
        event, due_at = self.event, self._due(after, at)
        match event:
            case DirectMessage():
                if details != NO_DETAILS:
                    raise ActionRefused("details= go with posts, not with direct messages")
                action: Action = self._dm(
                    event.sender.id, text, media_id=media_id, media=media, options=options, buttons=buttons
                )
            case PostEvent() if not event.by_us:
                if options or buttons:
                    raise ActionRefused("quick replies and buttons go with direct messages, not with posts")
                self._rules.check_reply(event)
                self._rules.check_post(text, quote=False)
                action = actions.CreatePost(
                    text=self._text(text, media_id, media),
                    reply_to=event.post_id,
                    media_ids=(media_id,) if media_id else (),
                    media=_several(media),
                    to=event.author.id,
                    long=self._rules.long_posts,
                    details=details,
                )
            case _:
                raise ActionRefused(
                    f"a {type(event).__name__} can't be answered: "
                    "use bot.send_dm(user, text) or bot.post(text) instead"
                )
        self._queue(Wanted(action, due_at, on_unknown=on_unknown))
        self._gathered.answered = True

    async def send_dm(
        self,
        user: User | str | Sequence[User | str],
        text: str = "",
        *,
        media: Attachment | Sequence[Attachment] = (),
        media_id: str = "",
        options: Sequence[str | QuickReplyOption] = (),
        buttons: Sequence[Button] = (),
        unasked: bool = False,
        after: float | None = None,
        at: datetime | None = None,
        on_unknown: OnUnknown = "",
    ) -> None:
        """Send a direct message to a user, given as such or by id, or to many.

        A list of users makes a *broadcast*: it drains at the pace that X allows, leaves room for answers, and
        can be watched, paused, resumed and cancelled (``botkit outbox``).

        X's rules allow direct messages only to people who wrote first; so does botkit.

        :param unasked: send it although the user never wrote to the account: you have another consent.
        :param after, at, media, media_id, options, buttons, on_unknown: see `reply`. What goes to many
            must be a file: bytes would be stored once for each.
        :raises ActionRefused: a user never wrote, or X would refuse the text.
        """
        many = not isinstance(user, User | str)
        users = [user] if isinstance(user, User | str) else user
        ids = list(dict.fromkeys(map(_id_of, users)))
        asker = self.event.sender.id if isinstance(self.event, DirectMessage) else ""
        if not unasked:
            await self._check_asked([user_id for user_id in ids if user_id != asker])
        due_at = self._due(after, at)
        if many and any(each.data for each in _several(media)):
            raise ActionRefused("write what goes to many to a file, and give bot.media(path)")
        if many:
            self._gathered.broadcasts += 1
        for user_id in ids:
            self._queue(
                Wanted(
                    self._dm(user_id, text, media_id=media_id, media=media, options=options, buttons=buttons),
                    due_at,
                    answers=user_id == asker and not many,
                    broadcast=self._gathered.broadcasts if many else 0,
                    on_unknown=on_unknown,
                )
            )
        if asker in ids:
            self._gathered.answered = True

    async def send_group(
        self,
        conversation_id: str,
        text: str = "",
        *,
        media: Attachment | Sequence[Attachment] = (),
        media_id: str = "",
        after: float | None = None,
        at: datetime | None = None,
        on_unknown: OnUnknown = "",
    ) -> None:
        """Send a message into a group conversation that the account takes part in.

        :param after, at, media, media_id, on_unknown: see `reply`.
        :raises ActionRefused: X would refuse the message.
        """
        action = actions.SendDirectMessage(
            conversation_id=conversation_id,
            text=self._message(text, media_id, media),
            media_id=media_id,
            media=_only(media),
        )
        self._queue(Wanted(action, self._due(after, at), on_unknown=on_unknown))

    async def start_group(
        self,
        users: Sequence[User | str],
        text: str = "",
        *,
        media: Attachment | Sequence[Attachment] = (),
        media_id: str = "",
        unasked: bool = False,
        on_unknown: OnUnknown = "",
    ) -> None:
        """Open a group conversation with 2 to 49 others, and send its first message.

        :param unasked: although one of them never wrote to the account: you have another consent.
        :param media, media_id, on_unknown: see `reply`.
        :raises ActionRefused: a user never wrote, they are too few or many, or X would refuse the message.
        """
        ids = list(dict.fromkeys(map(_id_of, users)))
        asker = self.event.sender.id if isinstance(self.event, DirectMessage) else ""
        if not unasked:
            await self._check_asked([user_id for user_id in ids if user_id != asker])
        action = actions.StartGroup(
            user_ids=tuple(ids),
            text=self._message(text, media_id, media),
            media_id=media_id,
            media=_only(media),
        )
        self._queue(Wanted(action, answers=asker in ids, on_unknown=on_unknown))

    async def _check_asked(self, user_ids: Sequence[str]) -> None:
        written = await self._have_written(user_ids)
        unasked = [user_id for user_id in user_ids if user_id not in written]
        if unasked:
            who = f"user {unasked[0]}" if len(unasked) == 1 else f"{len(unasked)} of {len(user_ids)} users"
            raise ActionRefused(
                f"{who} never wrote to this account, and X allows no unasked direct messages; "
                "pass unasked=True if they agreed elsewhere"
            )

    # -- posts -------------------------------------------------------------------------------------------

    async def post(
        self,
        text: str = "",
        *,
        reply_to: str = "",
        quote: str = "",
        media: Attachment | Sequence[Attachment] = (),
        media_ids: Sequence[str] = (),
        details: PostDetails = NO_DETAILS,
        after: float | None = None,
        at: datetime | None = None,
        on_unknown: OnUnknown = "",
    ) -> None:
        """Publish a post; with ``reply_to`` or ``quote`` (a post's id) it answers or quotes that post.

        :param media: what `media` made: up to four pictures, one GIF or one video.
        :param details: a poll, who may reply, a community, and what else X is told of it.
        :param after, at, on_unknown: see `reply`.
        :raises ActionRefused: X would refuse the post.
        """
        self._rules.check_post(text, quote=bool(quote))
        if isinstance(self.event, PostEvent) and reply_to == self.event.post_id:
            self._rules.check_reply(self.event)
        action = actions.CreatePost(
            text=self._text(text, media_ids, media),
            reply_to=reply_to,
            quote=quote,
            media_ids=tuple(media_ids),
            media=_several(media),
            long=self._rules.long_posts,
            details=details,
        )
        self._queue(Wanted(action, self._due(after, at), answers=bool(reply_to), on_unknown=on_unknown))

    async def thread(
        self,
        text: str | Sequence[str],
        *,
        reply_to: PostEvent | str = "",
        numbered: bool = False,
        media: Attachment | Sequence[Attachment] = (),
        details: PostDetails = NO_DETAILS,
        after: float | None = None,
        at: datetime | None = None,
        on_unknown: OnUnknown = "",
    ) -> None:
        """Publish a thread: posts that each answer the one before.

        A text is split by X's own counting, at the ends of paragraphs, sentences or words; a list of texts is
        taken as it is, a post for each. Each part leaves when X has taken the one before, exactly once, also
        across a crash. When one becomes a dead letter the thread waits there, and goes on when that is
        retried.

        :param reply_to: the post, or its id, that the first part answers.
        :param numbered: ends each part with its number, such as `` (2/5)``.
        :param media: goes with the first part.
        :param details: go with each part; a poll, a card or an edit goes with no thread.
        :param after, at, on_unknown: see `reply`.
        :raises ActionRefused: there is nothing to post, or X would refuse a part.
        """
        if details.poll or details.card_uri or details.message_link or details.edit_of:
            raise ActionRefused("a poll, a card, a message link or an edit is a post by itself, not a thread")
        limit = LONG_POST_LIMIT if self._rules.long_posts else POST_LIMIT
        if isinstance(text, str):
            parts = split_post(self._text(text, "", media), limit, numbered=numbered)
        else:
            parts = [self._text(part) for part in text]
            if numbered and len(parts) > 1:
                parts = [f"{part} ({number}/{len(parts)})" for number, part in enumerate(parts, start=1)]
        if not parts:
            if not _several(media):
                raise ActionRefused("there is nothing to send: the thread has no parts")
            parts = [""]
        answered, event = (reply_to if isinstance(reply_to, PostEvent) else None), self.event
        if isinstance(event, PostEvent) and reply_to == event.post_id:
            answered = event
        if answered is not None:
            self._rules.check_reply(answered)
        for part in parts:
            self._rules.check_post(part, quote=False)
        first = actions.CreatePost(
            text=parts[0],
            reply_to=answered.post_id if answered is not None else str(reply_to),
            to=answered.author.id if answered is not None else "",
            media=_several(media),
            long=self._rules.long_posts,
            then=tuple(parts[1:]),
            details=details,
        )
        following = first
        while following.then:
            following = following.next_part(_ANY_POST)
            following.call(self.account_id)
        self._queue(Wanted(first, self._due(after, at), answers=bool(reply_to), on_unknown=on_unknown))
        if answered is not None and answered is event:
            self._gathered.answered = True

    def media(self, source: str | Path | bytes, *, alt_text: str = "") -> Attachment:
        """A picture, GIF or video to give to `reply`, `send_dm`, `post` and the like as ``media=``.

        It is uploaded just before the message leaves. A file is named, not copied: it must be there,
        unchanged, until then, wherever the sender runs. Bytes (up to 5 MB) are stored with the message.

        :param source: the file's path, or the bytes.
        :param alt_text: describes it to those who can't see it, in up to 1,000 characters.
        :raises ActionRefused: there is no such file, or X would not take it.
        """
        return attach(source, alt_text)

    async def delete_post(self, post_id: str) -> None:
        """Delete one of the account's own posts."""
        self._queue(Wanted(actions.DeletePost(post_id=post_id)))

    async def like(self, post: PostEvent | str | None = None) -> None:
        """Like a post: the event's own when none is given. (X: not on self-serve packages.)"""
        self._rules.check_engagement("like posts")
        self._queue(Wanted(actions.Like(post_id=self._post_id(post))))

    async def unlike(self, post: PostEvent | str | None = None) -> None:
        """Take a like back."""
        self._queue(Wanted(actions.Unlike(post_id=self._post_id(post))))

    async def repost(self, post: PostEvent | str | None = None) -> None:
        """Repost a post: the event's own when none is given."""
        self._queue(Wanted(actions.Repost(post_id=self._post_id(post))))

    async def unrepost(self, post: PostEvent | str | None = None) -> None:
        """Take a repost back."""
        self._queue(Wanted(actions.Unrepost(post_id=self._post_id(post))))

    async def hide_reply(self, post: PostEvent | str | None = None) -> None:
        """Hide a reply to one of the account's posts: the event's own when none is given."""
        self._queue(Wanted(actions.HideReply(post_id=self._post_id(post))))

    # -- people ------------------------------------------------------------------------------------------

    async def follow(self, user: User | str) -> None:
        """Follow a user. (X: not on self-serve packages.)"""
        self._rules.check_engagement("follow people")
        self._queue(Wanted(actions.Follow(user_id=_id_of(user))))

    async def unfollow(self, user: User | str) -> None:
        """Stop following a user."""
        self._queue(Wanted(actions.Unfollow(user_id=_id_of(user))))

    async def mute(self, user: User | str) -> None:
        """Mute a user."""
        self._queue(Wanted(actions.Mute(user_id=_id_of(user))))

    async def unmute(self, user: User | str) -> None:
        """Unmute a user."""
        self._queue(Wanted(actions.Unmute(user_id=_id_of(user))))

    async def block(self, user: User | str) -> None:
        """Block a user. (X: enterprise only.)"""
        self._rules.check_engagement("block people")
        self._queue(Wanted(actions.Block(user_id=_id_of(user))))

    async def unblock(self, user: User | str) -> None:
        """Unblock a user. (X: enterprise only.)"""
        self._rules.check_engagement("unblock people")
        self._queue(Wanted(actions.Unblock(user_id=_id_of(user))))

    # -- direct messages ---------------------------------------------------------------------------------

    async def delete_dm(self, message_id: str) -> None:
        """Delete one of the account's own messages from its view of the conversation."""
        self._queue(Wanted(actions.DeleteDirectMessage(message_id=message_id)))

    async def show_typing(self) -> None:
        """Show the event's sender that the account is typing (X's v1.1 API; dropped where it isn't there)."""
        self._queue(Wanted(actions.ShowTyping(to=self._sender().id)))

    def typing(self) -> AbstractAsyncContextManager[None]:
        """Show the event's sender that the account is typing, for as long as the block runs.

        ``async with bot.typing(): …``. Best effort: where X does not show it, nothing happens.

        :raises ActionRefused: the event has no sender.
        """
        return self._typing(self._sender().id)

    async def mark_read(self) -> None:
        """Tell the sender that the message was read (X's v1.1 API; dropped where it isn't there)."""
        if not isinstance(self.event, DirectMessage):
            raise ActionRefused("only a direct message can be marked as read")
        self._queue(
            Wanted(actions.MarkRead(sender_id=self.event.sender.id, message_id=self.event.message_id))
        )

    # -- inside ------------------------------------------------------------------------------------------

    def _queue(self, wanted: Wanted) -> None:
        # Raises what X would refuse, here where the author sees it.
        wanted.window = wanted.action.call(self.account_id).window
        self._gathered.wanted.append(wanted)

    def _dm(
        self,
        user_id: str,
        text: str,
        *,
        media_id: str,
        media: Attachment | Sequence[Attachment],
        options: Sequence[str | QuickReplyOption],
        buttons: Sequence[Button],
    ) -> actions.SendDirectMessage:
        offered = tuple(
            QuickReplyOption(label=option) if isinstance(option, str) else option for option in options
        )
        return actions.SendDirectMessage(
            to=user_id,
            text=self._message(text, media_id, media),
            media_id=media_id,
            options=offered,
            buttons=tuple(buttons),
            media=_only(media),
        )

    def _message(self, text: str, media_id: str, media: Attachment | Sequence[Attachment]) -> str:
        if len(self._text(text, media_id, media)) > DM_LIMIT:
            raise ActionRefused(f"a direct message holds {DM_LIMIT} characters, not {len(text)}")
        return text

    def _due(self, after: float | None, at: datetime | None) -> float | None:
        if after is not None and at is not None:
            raise ActionRefused("give after= or at=, not both")
        if after is not None:
            if after < 0:
                raise ActionRefused(f"after= is a number of seconds from now, not {after}")
            return self._now() + after
        if at is not None:
            if at.tzinfo is None:
                raise ActionRefused("at= must be an aware time: datetime(…, tzinfo=UTC)")
            return at.astimezone(UTC).timestamp()
        return None

    @staticmethod
    def _text(text: str, *media: object) -> str:
        if not isinstance(text, str):
            raise ActionRefused(f"a text is wanted, not {type(text).__name__}")
        if not text.strip() and not any(media):
            raise ActionRefused("there is nothing to send: the text is empty")
        return text

    def _sender(self) -> User:
        sender = getattr(self.event, "sender", None)
        if not isinstance(sender, User) or not sender.id:
            raise ActionRefused(f"a {type(self.event).__name__} names nobody to send this to")
        return sender

    def _post_id(self, post: PostEvent | str | None) -> str:
        if isinstance(post, str):
            return post
        event = post or self.event
        if isinstance(event, PostEvent):
            return event.post_id
        raise ActionRefused(f"a {type(event).__name__} is no post: name the post's id")


#: stands for the post that a part of a thread will answer, while the part is checked
_ANY_POST = "1"


def _several(media: Attachment | Sequence[Attachment]) -> tuple[Attachment, ...]:
    return (media,) if isinstance(media, Attachment) else tuple(media)


def _only(media: Attachment | Sequence[Attachment]) -> Attachment | None:
    several = _several(media)
    if len(several) > 1:
        raise ActionRefused(f"a direct message takes one picture or video, not {len(several)}")
    return several[0] if several else None


def _id_of(user: User | str) -> str:
    user_id = user.id if isinstance(user, User) else user
    if not user_id.isdigit():
        raise ActionRefused(
            f"{user_id!r} is no user id; look handles up with await bot.api.user_by_username({user_id!r})"
        )
    return user_id
