"""Direct messages, v2. Source: X docs, direct-messages; X spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botkit.simulator.auth import USER
from botkit.simulator.endpoint import Answer, Call, Endpoint, Parts
from botkit.simulator.problems import forbidden, invalid
from botkit.simulator.schemas import GROUP, MESSAGE
from botkit.simulator.scopes import scopes
from botkit.simulator.shown import found_one, messages_page, shown_message
from botkit.simulator.things import Message, NotAllowed, User, conversation_id
from botkit.x.text import DM_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["ENDPOINTS", "check_media", "deliver"]

_CANT_WRITE = "You do not have permission to DM one or more participants."
#: `/2/dm_events` reaches this far back
_REACH_S = 30 * 86_400


def deliver(parts: Parts, sender: User, recipient: User | None, text: str, **more: Any) -> Message:
    """Send a message of the bot's, and wake whoever waits for it.

    :raises ApiError: 403, the recipient can't be written to; 400, the text is too long.
    """
    if len(text) > DM_LIMIT:
        raise invalid(f"$.text: may only be {DM_LIMIT} characters long")
    if recipient is None:
        raise forbidden(_CANT_WRITE)
    try:
        message = parts.world.send(sender, recipient, text, app_id=parts.config.app_id, **more)
    except NotAllowed:
        raise forbidden(_CANT_WRITE) from None
    parts.inbox.note(message)
    parts.courier.answered(sender.id, recipient.id, message.at)
    return message


async def send_with(parts: Parts, call: Call) -> Answer:
    """``POST /2/dm_conversations/with/:participant_id/messages``."""
    recipient = parts.world.users.get(call.path["participant_id"])
    me = parts.me(call)
    return _sent(deliver(parts, me, recipient, **_content(parts, me, call.body)))


async def send_conversation(parts: Parts, call: Call) -> Answer:
    """``POST /2/dm_conversations/:dm_conversation_id/messages``."""
    me, key, world = parts.me(call), call.path["dm_conversation_id"], parts.world
    if key in world.groups:
        if me.id not in world.groups[key]:
            raise forbidden(_CANT_WRITE)
        return _sent(
            world.send_to_group(me, key, app_id=parts.config.app_id, **_content(parts, me, call.body)),
        )
    ids = key.split("-")
    if len(ids) != 2 or me.id not in ids:
        raise forbidden(_CANT_WRITE)
    other = ids[1] if ids[0] == me.id else ids[0]
    return _sent(deliver(parts, me, world.users.get(other), **_content(parts, me, call.body)))


async def send_group(parts: Parts, call: Call) -> Answer:
    """``POST /2/dm_conversations``: a new group."""
    me, world = parts.me(call), parts.world
    members: list[str] = call.body["participant_ids"]
    if me.id in members:
        raise invalid("$.participant_ids: must not contain the authenticated user")
    if any(member not in world.users or not world.users[member].dms_open for member in members):
        raise forbidden(_CANT_WRITE)
    group = world.create_group(me, members)
    content = _content(parts, me, call.body["message"])
    return _sent(world.send_to_group(me, group, app_id=parts.config.app_id, **content))


async def read_all(parts: Parts, call: Call) -> Answer:
    """``GET /2/dm_events``: the last 30 days."""
    since = parts.clock() - _REACH_S
    mine = parts.world.visible_messages(call.caller.user_id)
    return _page(parts, call, (message for message in mine if message.at >= since))


async def read_with(parts: Parts, call: Call) -> Answer:
    """``GET /2/dm_conversations/with/:participant_id/dm_events``."""
    me = call.caller.user_id
    return _page(parts, call, _of(parts, conversation_id(me, call.path["participant_id"]), me))


async def read_conversation(parts: Parts, call: Call) -> Answer:
    """``GET /2/dm_conversations/:dm_conversation_id/dm_events``."""
    me, key = call.caller.user_id, call.path["dm_conversation_id"]
    if me not in key.split("-") and me not in parts.world.groups.get(key, ()):
        raise forbidden("You are not a participant of this conversation.")
    return _page(parts, call, _of(parts, key, me))


async def read_one(parts: Parts, call: Call) -> Answer:
    """``GET /2/dm_events/:event_id``."""
    message = _mine(parts, call)
    event_id = call.path["event_id"]
    item = shown_message(message, parts.world, call) if message else None
    return Answer(found_one("dm_event", "event_id", event_id, item))


async def delete(parts: Parts, call: Call) -> Answer:
    """``DELETE /2/dm_events/:event_id``: own messages only, and for the caller only."""
    message = _mine(parts, call)
    if message is None or message.sender_id != call.caller.user_id:
        raise forbidden("You can only delete messages that you have sent.")
    message.hidden_for.add(call.caller.user_id)
    return Answer({"data": {"deleted": True}})


async def block(parts: Parts, call: Call) -> Answer:
    """``POST /2/users/:id/dm/block``; the id is the other user's."""
    parts.world.dm_blocks.add((call.caller.user_id, _other(parts, call)))
    return Answer({"data": {"blocked": True}})


async def unblock(parts: Parts, call: Call) -> Answer:
    """``POST /2/users/:id/dm/unblock``."""
    parts.world.dm_blocks.discard((call.caller.user_id, _other(parts, call)))
    return Answer({"data": {"blocked": False}})


def _other(parts: Parts, call: Call) -> str:
    other = call.path["other_id"]
    if other not in parts.world.users:
        raise invalid(f"The `id` path parameter value [{other}] is not a user")
    return other


def _content(parts: Parts, me: User, body: dict[str, Any]) -> dict[str, Any]:
    attachments = body.get("attachments") or [{"media_id": ""}]
    media_id: str = attachments[0]["media_id"]
    content = {"text": body.get("text", ""), "media_id": media_id}
    if media_id:
        check_media(parts, me, media_id)
        content["media_url"] = parts.media.address(media_id)
    return content


def check_media(parts: Parts, me: User, media_id: str) -> None:
    """See that a message may carry this.

    :raises ApiError: 400.
    """
    if not parts.rules.check_media:
        return
    try:
        parts.media.check([media_id], me.id, "dm")
    except NotAllowed as refused:
        raise invalid(str(refused)) from None


def _sent(message: Message) -> Answer:
    return Answer({"data": {"dm_conversation_id": message.conversation_id, "dm_event_id": message.id}}, 201)


def _mine(parts: Parts, call: Call) -> Message | None:
    message, me = parts.world.messages.get(call.path["event_id"]), call.caller.user_id
    if message is None or me in message.hidden_for:
        return None
    group = parts.world.groups.get(message.conversation_id, ())
    return message if me in {message.sender_id, message.recipient_id, *group} else None


def _of(parts: Parts, key: str, me: str) -> Iterable[Message]:
    return (message for message in reversed(parts.world.conversation(key)) if me not in message.hidden_for)


def _page(parts: Parts, call: Call, newest_first: Iterable[Message]) -> Answer:
    """One page; a token is the id below which the next page begins, padded to the length X asks for."""
    size = call.number("max_results", 1, 100, 100)
    token = call.query.get("pagination_token", "")
    if token and (len(token) < 16 or not token.isdecimal()):
        raise invalid(f"The `pagination_token` query parameter value [{token}] is not valid")
    kinds = call.listed("event_types")
    if kinds and "MessageCreate" not in kinds:
        newest_first = ()
    below = int(token) if token else None
    page: list[Message] = []
    more = False
    for message in newest_first:
        if below is not None and int(message.id) >= below:
            continue
        if len(page) == size:
            more = True
            break
        page.append(message)
    body = messages_page(page, parts, call)
    body["meta"] = {"result_count": len(page)}
    if more:
        body["meta"]["next_token"] = page[-1].id.zfill(16)
    return Answer(body)


_READ, _WRITE = scopes("dm.read"), scopes("dm.write")

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/2/dm_conversations/with/{participant_id:[0-9]{1,19}}/messages",
        window="dm.send_with",
        accepts=USER,
        needs="messages",
        scopes=_WRITE,
        schema=MESSAGE,
        act=send_with,
    ),
    Endpoint(
        method="POST",
        path="/2/dm_conversations/{dm_conversation_id:[0-9-]+}/messages",
        window="dm.send_conversation",
        accepts=USER,
        needs="messages",
        scopes=_WRITE,
        schema=MESSAGE,
        act=send_conversation,
    ),
    Endpoint(
        method="POST",
        path="/2/dm_conversations",
        window="dm.send_group",
        accepts=USER,
        needs="messages",
        scopes=_WRITE,
        schema=GROUP,
        act=send_group,
    ),
    *(
        Endpoint(
            method="GET", path=path, window=window, accepts=USER, needs="messages", scopes=_READ, act=act
        )
        for path, window, act in (
            ("/2/dm_events", "dm.read", read_all),
            ("/2/dm_conversations/with/{participant_id:[0-9]{1,19}}/dm_events", "dm.read_with", read_with),
            (
                "/2/dm_conversations/{dm_conversation_id:[0-9-]+}/dm_events",
                "dm.read_conversation",
                read_conversation,
            ),
            ("/2/dm_events/{event_id:[0-9]{1,19}}", "dm.read_one", read_one),
        )
    ),
    Endpoint(
        method="DELETE",
        path="/2/dm_events/{event_id:[0-9]{1,19}}",
        window="dm.delete",
        accepts=USER,
        needs="messages",
        scopes=frozenset({"dm.read", "dm.write"}),
        act=delete,
    ),
    *(
        Endpoint(
            method="POST",
            path=f"/2/users/{{other_id:[0-9]{{1,19}}}}/dm/{name}",
            window=f"dm.{name}",
            accepts=USER,
            needs="messages",
            scopes=_WRITE,
            act=act,
        )
        for name, act in (("block", block), ("unblock", unblock))
    ),
]
