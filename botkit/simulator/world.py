"""The simulated X itself: who is there, what they wrote, and who follows whom. All of it in memory.

The world knows nothing of HTTP, tokens or webhooks. What changes is handed to ``publish`` as an `Activity`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

from botkit.simulator.activity import (
    Activity,
    LikeMade,
    MessageSent,
    MessagesRead,
    PostCreated,
    PostRemoved,
    ProfileChanged,
    Relation,
    RelationChanged,
    TypingShown,
)
from botkit.simulator.entities import mentioned
from botkit.simulator.ids import Snowflakes, user_id_of
from botkit.simulator.things import Content, Message, NotAllowed, Post, User, content_of, conversation_id

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["World"]

_USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")


class World:
    """Users, messages, posts, likes and relations.

    :param clock: Unix seconds.
    :param publish: is given every activity at the moment it happened.
    :param keep: how many messages, and how many posts, are kept.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        rng: random.Random,
        publish: Callable[[Activity], None],
        keep: int = 100_000,
    ) -> None:
        self.clock, self.rng, self._publish, self._keep = clock, rng, publish, keep
        self.ids = Snowflakes(clock)
        self.users: dict[str, User] = {}
        self._by_name: dict[str, str] = {}
        self.messages: OrderedDict[str, Message] = OrderedDict()
        self._conversations: dict[str, dict[str, None]] = {}
        self.groups: dict[str, tuple[str, ...]] = {}
        self.posts: OrderedDict[str, Post] = OrderedDict()
        self._said: OrderedDict[tuple[str, Content], float] = OrderedDict()
        self.likes: dict[tuple[str, str], str] = {}
        self.reposts: dict[tuple[str, str], str] = {}
        #: who follows, mutes and blocks whom, in the order it began
        self.relations: dict[str, dict[tuple[str, str], None]] = {"follow": {}, "mute": {}, "block": {}}
        #: media id → media key, for what was uploaded
        self.media_keys: dict[str, str] = {}
        self.dm_blocks: set[tuple[str, str]] = set()

    def media_key(self, media_id: str) -> str:
        """The media key of an upload; what was never uploaded counts as a picture."""
        return self.media_keys.get(media_id, f"3_{media_id}")

    # -- people ------------------------------------------------------------------------------------------

    def add_user(
        self,
        username: str,
        name: str = "",
        *,
        user_id: str = "",
        dms_open: bool | None = None,
        protected: bool | None = None,
    ) -> User:
        """A new user; the one who has the name already is returned, changed to what is given here.

        Without ``user_id`` the handle alone makes the id, so it is the same after a restart.

        :raises NotAllowed: the username is none (1 to 15 letters, digits and underscores).
        """
        username = username.removeprefix("@")
        if not _USERNAME.fullmatch(username):
            msg = "a username has 1 to 15 letters, digits and underscores"
            raise NotAllowed(msg)
        known = self.named(username)
        if known is not None:
            known.name = name or known.name
            known.dms_open = known.dms_open if dms_open is None else dms_open
            known.protected = known.protected if protected is None else protected
            return known
        user = User(
            id=user_id or user_id_of(username, self.users),
            username=username,
            name=name or username,
            created_at=self.clock(),
            dms_open=dms_open is not False,
            protected=bool(protected),
        )
        self.users[user.id] = user
        self._by_name[username.lower()] = user.id
        return user

    def named(self, username: str) -> User | None:
        """The user with this handle, in any case, with or without @."""
        return self.users.get(self._by_name.get(username.removeprefix("@").lower(), ""))

    def find(self, who: str) -> User | None:
        """A user by id or handle."""
        return self.users.get(who) or self.named(who)

    def mentions(self, text: str) -> list[User]:
        """The users whose handle is written in a text, each once."""
        found = {user.id: user for name in mentioned(text) if (user := self.named(name))}
        return list(found.values())

    def change_profile(self, user: User, part: str, after: str) -> None:
        """Change one part of a profile: ``screenname`` is the display name, ``handle`` the @name."""
        if part == "screenname":
            before, user.name = user.name, after
        elif part == "handle":
            if not _USERNAME.fullmatch(after) or self.named(after):
                msg = "this handle is taken, or none"
                raise NotAllowed(msg)
            before, user.username = user.username, after
            del self._by_name[before.lower()]
            self._by_name[after.lower()] = user.id
        else:
            before, user.profile[part] = user.profile.get(part, ""), after
        self._publish(ProfileChanged(user.id, part, before, after, self.clock()))

    # -- direct messages ---------------------------------------------------------------------------------

    def send(
        self, sender: User, recipient: User, text: str, *, allow_closed: bool = False, **more: Any
    ) -> Message:
        """Send a one-to-one message.

        :param allow_closed: the recipient's closed messages don't matter (an answer to their own message).
        :raises NotAllowed: the recipient takes no messages, or one has blocked the other.
        """
        if sender.id == recipient.id:
            msg = "nobody can write to themselves"
            raise NotAllowed(msg)
        pair, back = (recipient.id, sender.id), (sender.id, recipient.id)
        if any(one in pairs for one in (pair, back) for pairs in (self.relations["block"], self.dm_blocks)):
            msg = "one has blocked the other"
            raise NotAllowed(msg)
        if not recipient.dms_open and not allow_closed:
            msg = "the recipient takes no messages"
            raise NotAllowed(msg)
        return self._store(
            conversation_id(sender.id, recipient.id), sender, text, recipient_id=recipient.id, **more
        )

    def create_group(self, creator: User, members: Iterable[str]) -> str:
        """Begin a group conversation and return its id."""
        group = self.ids.next()
        self.groups[group] = (creator.id, *members)
        return group

    def send_to_group(self, sender: User, group: str, text: str, **more: Any) -> Message:
        """Write to a group. X reports group messages to nobody (Source: X docs, account-activity FAQ)."""
        return self._store(group, sender, text, recipient_id="", **more)

    def _store(
        self, conversation: str, sender: User, text: str, *, recipient_id: str, **more: Any
    ) -> Message:
        message = Message(
            id=self.ids.next(),
            conversation_id=conversation,
            sender_id=sender.id,
            recipient_id=recipient_id,
            text=text,
            at=self.clock(),
            **more,
        )
        self.messages[message.id] = message
        self._conversations.setdefault(conversation, {})[message.id] = None
        if len(self.messages) > self._keep:
            old_id, old = self.messages.popitem(last=False)
            self._conversations[old.conversation_id].pop(old_id, None)
        if recipient_id:
            self._publish(MessageSent(message))
        return message

    def conversation(self, key: str) -> list[Message]:
        """The messages of a conversation, oldest first."""
        return [self.messages[message_id] for message_id in self._conversations.get(key, ())]

    def knows_conversation(self, key: str) -> bool:
        """Whether anything was ever said there."""
        return key in self._conversations or key in self.groups

    def newest_from(self, sender_id: str, recipient_id: str) -> Message | None:
        """The last message that one wrote to the other."""
        for message_id in reversed(self._conversations.get(conversation_id(sender_id, recipient_id), {})):
            if self.messages[message_id].sender_id == sender_id:
                return self.messages[message_id]
        return None

    def visible_messages(self, user_id: str) -> Iterator[Message]:
        """All messages that a user sent, received or sees in a group, newest first."""
        for message in reversed(self.messages.values()):
            mine = user_id in {message.sender_id, message.recipient_id}
            grouped = user_id in self.groups.get(message.conversation_id, ())
            if (mine or grouped) and user_id not in message.hidden_for:
                yield message

    def show_typing(self, sender: User, recipient: User) -> None:
        """The sender is typing to the recipient."""
        self._publish(TypingShown(sender.id, recipient.id, self.clock()))

    def mark_read(self, reader: User, other: User, last_read_id: str) -> None:
        """The reader has read the other's messages up to this one."""
        self._publish(MessagesRead(reader.id, other.id, last_read_id, self.clock()))

    # -- posts -------------------------------------------------------------------------------------------

    def publish_post(self, author: User, text: str, *, quiet: bool = False, **more: Any) -> Post:
        """Make a post; what it answers or quotes comes as ids in ``more``.

        :param quiet: nobody is told (for what is there from the start).
        """
        parent = self.posts.get(more.get("in_reply_to_id", ""))
        prefix = ""
        if parent is not None and parent.author_id != author.id:
            other = self.users[parent.author_id]
            if other not in self.mentions(text):
                prefix = f"@{other.username} "
        post_id = self.ids.next()
        post = Post(
            id=post_id,
            author_id=author.id,
            text=text,
            at=self.clock(),
            conversation_id=parent.conversation_id if parent is not None else post_id,
            prefix=prefix,
            **more,
        )
        self.posts[post_id] = post
        author.posts += 1
        self._said[author.id, content_of(post)] = post.at
        if len(self._said) > self._keep:
            self._said.popitem(last=False)
        if len(self.posts) > self._keep:
            self.posts.popitem(last=False)
        if not quiet:
            self._publish(PostCreated(post))
        return post

    def repost(self, user: User, original: Post, *, app_id: str = "") -> Post | None:
        """Repost; ``None`` when the user had done so before."""
        if (user.id, original.id) in self.reposts:
            return None
        name = self.users[original.author_id].username
        made = self.publish_post(user, f"RT @{name}: {original.text}", reposted_id=original.id, app_id=app_id)
        self.reposts[user.id, original.id] = made.id
        return made

    def undo_repost(self, user: User, original_id: str) -> None:
        """Take a repost back."""
        made = self.reposts.pop((user.id, original_id), "")
        if made in self.posts:
            self.remove_post(self.posts[made])

    def remove_post(self, post: Post) -> None:
        """Delete a post."""
        del self.posts[post.id]
        self.users[post.author_id].posts -= 1
        self._publish(PostRemoved(post, self.clock()))

    def newest_post_by(self, author_id: str) -> Post | None:
        """The author's last post that is no repost."""
        for post in reversed(self.posts.values()):
            if post.author_id == author_id and not post.reposted_id:
                return post
        return None

    def said_at(self, author_id: str, content: Content) -> float:
        """When the author last posted exactly this; 0 when never."""
        return self._said.get((author_id, content), 0.0)

    def posts_by(self, author_id: str) -> Sequence[Post]:
        """All posts of an author, oldest first."""
        return [post for post in self.posts.values() if post.author_id == author_id]

    def posts_between(self, user: User, account: User) -> list[Post]:
        """What a user posted, and how an account answered, quoted or repeated it; oldest first."""
        mine = {post.id for post in self.posts_by(user.id)}
        return [
            post
            for post in self.posts.values()
            if post.id in mine
            or (
                post.author_id == account.id
                and not mine.isdisjoint((post.in_reply_to_id, post.quoted_id, post.reposted_id))
            )
        ]

    def like(self, user: User, post: Post) -> bool:
        """Like a post; false when the user had done so before."""
        if (user.id, post.id) in self.likes:
            return False
        like_id = f"{self.rng.getrandbits(128):032x}"
        self.likes[user.id, post.id] = like_id
        user.likes += 1
        self._publish(LikeMade(like_id, user.id, post, self.clock()))
        return True

    def unlike(self, user: User, post_id: str) -> None:
        """Take a like back; X tells nobody."""
        if self.likes.pop((user.id, post_id), None):
            user.likes -= 1

    # -- relations ---------------------------------------------------------------------------------------

    def relate(self, kind: Relation, source: User, target: User) -> bool:
        """Begin or end a follow, mute or block; false when nothing changed."""
        ends = kind.startswith("un")
        pairs, pair = self.relations[kind.removeprefix("un")], (source.id, target.id)
        if (pair in pairs) is not ends:
            return False
        if ends:
            del pairs[pair]
        else:
            pairs[pair] = None
        if kind in {"follow", "unfollow"}:
            source.following += -1 if ends else 1
            target.followers += -1 if ends else 1
        self._publish(RelationChanged(kind, source.id, target.id, self.clock()))
        return True

    def related(self, kind: str, source_id: str, target_id: str) -> bool:
        """Whether ``source`` follows, mutes or blocks ``target``."""
        return (source_id, target_id) in self.relations[kind]
