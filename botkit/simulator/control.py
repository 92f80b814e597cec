"""The control API, ``/_sim/…``: what people on the simulated X do, and what can be seen of it.

For the command line, tests and the chat page. JSON in and out; a mistake is answered 400 or 404 with
``{"error": …}``.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from aiohttp import web

from botkit.simulator import views
from botkit.simulator.activity import Withdrawn
from botkit.simulator.asked import Missing, Refusal, body_of, flag, guarded, posted, text_of, whole
from botkit.simulator.control_app import AppControl
from botkit.simulator.delivery import encode
from botkit.simulator.things import NotAllowed, Post, User, conversation_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from botkit.simulator.endpoint import Parts

__all__ = ["Control"]

_MAX_WAIT_S = 300.0


class Control:
    """Answers ``/_sim/…``."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[web.RouteDef]:
        """All routes of the control API."""
        posts: dict[str, Callable[[dict[str, Any]], Any]] = {
            "users": self._users,
            "dm": self._dm,
            "mention": self._mention,
            "reply": self._reply,
            "quote": self._quote,
            "repost": self._repost,
            "like": self._like,
            "follow": self._follow,
            "unfollow": self._unfollow,
            "typing": self._typing,
            "read": self._read,
            "block": self._block,
            "unblock": self._unblock,
            "profile": self._profile,
            "revoke": self._revoke,
            "raw": self._raw,
        }
        return [
            *(web.post(f"/_sim/{name}", posted(act)) for name, act in posts.items()),
            *AppControl(self._parts).routes(),
            web.get("/_sim/state", guarded(self._state)),
            web.get("/_sim/faults", guarded(self._faults)),
            web.put("/_sim/faults", guarded(self._set_faults)),
            web.delete("/_sim/faults", guarded(self._clear_faults)),
            web.put("/_sim/limits", guarded(self._set_limits)),
            web.get("/_sim/conversation", guarded(self._conversation)),
            web.get("/_sim/log", guarded(self._log)),
            web.get("/_sim/replies", guarded(self._replies)),
        ]

    # -- what people do ----------------------------------------------------------------------------------

    def _users(self, body: dict[str, Any]) -> Any:
        world = self._parts.world
        user = world.add_user(
            text_of(body, "username"),
            text_of(body, "name", ""),
            dms_open=flag(body, "dms_open", default=True) if "dms_open" in body else None,
            protected=flag(body, "protected", default=False) if "protected" in body else None,
        )
        self._parts.feed.tell("user", views.user(user))
        return views.user(user)

    def _dm(self, body: dict[str, Any]) -> Any:
        sender = self._who(body)
        bot = self._other(body, sender)
        quick_reply = text_of(body, "quick_reply", "") if body.get("quick_reply") is not None else None
        text = text_of(body, "text", "")
        if not text and quick_reply is not None:
            text = self._label(bot, sender, quick_reply)
        media, picture = text_of(body, "media", ""), text_of(body, "picture", "")
        if not text and not media and not picture:
            raise Refusal("a message needs text, media, a picture or a quick_reply")
        extra = {"media_id": self._parts.world.ids.next(), "media_url": media} if media else {}
        if picture:
            extra = self._uploaded(picture, sender, bot)
        # an answer to a closed inbox is fine: the recipient wrote first
        wrote_first = self._parts.world.newest_from(bot.id, sender.id) is not None
        message = self._parts.world.send(
            sender, bot, text, quick_reply=quick_reply, allow_closed=wrote_first, **extra
        )
        if self._connected(sender):
            # the owner types by hand: for the other user it is a message of the account
            self._parts.inbox.note(message)
        return views.message(message)

    def _uploaded(self, picture: str, sender: User, bot: User) -> dict[str, str]:
        try:
            data = base64.b64decode(picture, validate=True)
            media = self._parts.media.whole("dm_image", data, [sender.id, bot.id])
        except (ValueError, NotAllowed) as error:
            raise Refusal(f"the picture can't be taken: {error}") from None
        return {"media_id": media.id, "media_url": self._parts.media.address(media.id)}

    def _label(self, bot: User, sender: User, metadata: str) -> str:
        offered = self._parts.world.newest_from(bot.id, sender.id)
        options = offered.options if offered else ()
        for option in options:
            if option.get("metadata", "") == metadata:
                return option["label"]
        raise Refusal(
            "the bot's last message offers no such option; give text too, or take one of its options"
        )

    def _mention(self, body: dict[str, Any]) -> Any:
        sender, text = self._who(body), text_of(body, "text", "hello")
        bot = self._other(body, sender)
        if bot not in self._parts.world.mentions(text):
            text = f"@{bot.username} {text}"
        return views.post(self._parts.world.publish_post(sender, text))

    def _reply(self, body: dict[str, Any]) -> Any:
        sender, post = self._who(body), self._post(body)
        text = text_of(body, "text", "nice one")
        return views.post(self._parts.world.publish_post(sender, text, in_reply_to_id=post.id))

    def _quote(self, body: dict[str, Any]) -> Any:
        sender, post = self._who(body), self._post(body)
        text = text_of(body, "text", "look at this")
        return views.post(self._parts.world.publish_post(sender, text, quoted_id=post.id))

    def _repost(self, body: dict[str, Any]) -> Any:
        made = self._parts.world.repost(self._who(body), self._post(body))
        if made is None:
            raise Refusal("this user has reposted it already")
        return views.post(made)

    def _like(self, body: dict[str, Any]) -> Any:
        post = self._post(body)
        if not self._parts.world.like(self._who(body), post):
            raise Refusal("this user has liked it already")
        return {"post_id": post.id}

    def _follow(self, body: dict[str, Any]) -> Any:
        return self._relate("follow", body, "this user follows the account already")

    def _unfollow(self, body: dict[str, Any]) -> Any:
        return self._relate("unfollow", body, "this user does not follow the account")

    def _block(self, body: dict[str, Any]) -> Any:
        return self._relate("block", body, "this user has blocked the account already")

    def _unblock(self, body: dict[str, Any]) -> Any:
        return self._relate("unblock", body, "this user has not blocked the account")

    def _relate(self, kind: Any, body: dict[str, Any], unchanged: str) -> Any:
        sender = self._who(body)
        target = self._other(body, sender)
        if not self._parts.world.relate(kind, sender, target):
            raise Refusal(unchanged)
        return {"source_id": sender.id, "target_id": target.id}

    def _typing(self, body: dict[str, Any]) -> Any:
        sender = self._who(body)
        self._parts.world.show_typing(sender, self._other(body, sender))
        return {"from": sender.id}

    def _read(self, body: dict[str, Any]) -> Any:
        sender = self._who(body)
        bot = self._other(body, sender)
        last = self._parts.world.newest_from(bot.id, sender.id)
        if last is None:
            raise Refusal("the account has not written to this user yet")
        self._parts.world.mark_read(sender, bot, last.id)
        return {"last_read_message_id": last.id}

    def _profile(self, body: dict[str, Any]) -> Any:
        """The account's own profile changes: ``{part, value, user?}``."""
        user = self._parts.world.find(text_of(body, "user", self._parts.config.bot.id))
        if user is None:
            raise Refusal("there is no such user")
        self._parts.world.change_profile(user, text_of(body, "part"), text_of(body, "value", ""))
        return views.user(user)

    def _revoke(self, body: dict[str, Any]) -> Any:
        """A connected account takes the app's access away: ``{user?}``."""
        user = self._parts.world.find(text_of(body, "user", self._parts.config.bot.id))
        if user is None or not self._connected(user):
            raise Refusal("only a connected account can do that")
        self._parts.publisher.publish(Withdrawn(user.id, self._parts.clock()))
        self._parts.tokens.revoke(user.id)
        return {"user_id": user.id}

    def _raw(self, body: dict[str, Any]) -> Any:
        """Sign and deliver any body: ``{payload}``; a text goes as it is, anything else as JSON."""
        if "payload" not in body:
            raise Refusal("give the body to deliver as payload")
        payload = body["payload"]
        data = payload.encode() if isinstance(payload, str) else encode(payload)
        hooks = self._parts.publisher.raw(data)
        if not hooks:
            raise Refusal("no webhook is registered; start the bot first")
        return {"webhooks": hooks}

    # -- what can be seen --------------------------------------------------------------------------------

    async def _state(self, _request: web.Request) -> Any:
        return views.state(self._parts)

    async def _faults(self, _request: web.Request) -> Any:
        return self._parts.faults.state()

    async def _set_faults(self, request: web.Request) -> Any:
        try:
            self._parts.faults.change(await body_of(request))
        except ValueError as problem:
            raise Refusal(str(problem)) from None
        self._parts.feed.tell("faults", self._parts.faults.state())
        return self._parts.faults.state()

    async def _clear_faults(self, _request: web.Request) -> Any:
        self._parts.faults.clear()
        self._parts.feed.tell("faults", self._parts.faults.state())
        return self._parts.faults.state()

    async def _set_limits(self, request: web.Request) -> Any:
        """``{enforced}``: apply X's limits or only count; all windows open anew."""
        limits = self._parts.limits
        limits.enforced = flag(await body_of(request), "enforced", default=limits.enforced)
        limits.forget()
        return {"enforced": limits.enforced}

    async def _conversation(self, request: web.Request) -> Any:
        user = self._named(request.query.get("user", ""))
        bot, world = self._parts.world.users[self._parts.config.bot_id], self._parts.world
        if user.id == bot.id:
            raise Refusal("the account has no conversation with itself")
        messages = world.conversation(conversation_id(user.id, bot.id))
        return {
            "user": views.user(user),
            "messages": [views.message(message) for message in messages],
            "posts": [views.post(post) for post in world.posts_between(user, bot)],
        }

    async def _log(self, request: web.Request) -> Any:
        after = whole(request, "after")
        return {"last": self._parts.feed.last, "entries": self._parts.feed.after(after)}

    async def _replies(self, request: web.Request) -> Any:
        """``?user=&after=&timeout=``: the account's next message to a user, as soon as it is there; else 204.

        A user who is not there yet is made: whoever waits for a first message knows their name.
        """
        user, bot = self._who({"from": request.query.get("user", "")}), self._parts.config.bot
        if user.id == bot.id:
            raise Refusal("the account does not write to itself")
        try:
            timeout_s = min(float(request.query.get("timeout", "10")), _MAX_WAIT_S)
        except ValueError:
            raise Refusal("timeout is a number of seconds") from None
        found = await self._parts.inbox.wait(
            conversation_id(user.id, bot.id),
            bot.id,
            user.id,
            after=str(whole(request, "after")),
            timeout_s=timeout_s,
        )
        return views.message(found) if found else None

    # -- who and what ------------------------------------------------------------------------------------

    def _who(self, body: dict[str, Any]) -> User:
        """The user in ``from``; made on the fly."""
        name = text_of(body, "from")
        known = self._parts.world.find(name)
        if known is not None:
            return known
        if name.isdecimal():
            raise Refusal(f"there is no user with the id {name}")
        made = self._parts.world.add_user(name)
        self._parts.feed.tell("user", views.user(made))
        return made

    def _other(self, body: dict[str, Any], sender: User) -> User:
        """The account it is done to: ``to``, or the bot."""
        name = text_of(body, "to", "")
        if not name and sender.id == self._parts.config.bot.id:
            raise Refusal("say with `to` whom the account itself writes to")
        other = self._parts.world.find(name or self._parts.config.bot.id)
        if other is None:
            raise Refusal(f"there is no user {name}")
        return other

    def _named(self, name: str) -> User:
        user = self._parts.world.find(name)
        if user is None:
            raise Missing(f"there is no user {name!r}; give ?user= a handle or an id")
        return user

    def _post(self, body: dict[str, Any]) -> Post:
        """The post in ``post_id``, or the account's newest."""
        post_id = text_of(body, "post_id", "")
        found = (
            self._parts.world.posts.get(post_id)
            if post_id
            else self._parts.world.newest_post_by(self._parts.config.bot.id)
        )
        if found is None:
            raise Refusal("there is no such post" if post_id else "the account has no post yet")
        return found

    def _connected(self, user: User) -> bool:
        return user.id in self._parts.tokens.connected()
