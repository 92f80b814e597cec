"""Actions as the outbox holds them."""

from __future__ import annotations

import msgspec

from botkit.actions.base import Action
from botkit.actions.messages import DeleteDirectMessage, MarkRead, SendDirectMessage, ShowTyping, StartGroup
from botkit.actions.people import Block, Follow, Mute, Unblock, Unfollow, Unmute
from botkit.actions.posts import CreatePost, DeletePost, HideReply, Like, Repost, Unlike, Unrepost

__all__ = ["Queued", "decode", "encode"]

_KINDS: dict[str, type[Action]] = {
    cls.kind: cls
    for cls in (
        SendDirectMessage,
        StartGroup,
        DeleteDirectMessage,
        ShowTyping,
        MarkRead,
        CreatePost,
        DeletePost,
        Like,
        Unlike,
        Repost,
        Unrepost,
        HideReply,
        Follow,
        Unfollow,
        Mute,
        Unmute,
        Block,
        Unblock,
    )
}


class Queued(msgspec.Struct, frozen=True):
    """An action as the outbox holds it: whose it is, and which handler asked for it.

    :param on_unknown: what becomes of it when nobody can know whether it was carried out: ``hold``,
        ``resend`` or ``drop``; empty leaves it to bot.yaml.
    """

    account_id: str
    handler: str
    action: Action
    on_unknown: str = ""


class _Stored(msgspec.Struct, omit_defaults=True):
    account: str
    handler: str
    kind: str
    args: msgspec.Raw
    on_unknown: str = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Stored)
_read_args = {kind: msgspec.json.Decoder(cls) for kind, cls in _KINDS.items()}


def encode(queued: Queued) -> bytes:
    """The stored form of an action."""
    action = queued.action
    args = msgspec.Raw(_encoder.encode(action))
    return _encoder.encode(_Stored(queued.account_id, queued.handler, action.kind, args, queued.on_unknown))


def decode(payload: bytes) -> Queued:
    """The action whose stored form this is.

    :raises msgspec.ValidationError: it was not written by `encode` of this or an older version.
    """
    stored = _decoder.decode(payload)
    read = _read_args.get(stored.kind)
    if read is None:
        raise msgspec.ValidationError(f"unknown action {stored.kind!r}")
    return Queued(stored.account, stored.handler, read.decode(stored.args), stored.on_unknown)
