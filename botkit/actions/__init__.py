"""Actions: what a bot does to X, as stored facts that the sender carries out later.

A handler queues them through `botkit.bot.Bot`; they are written with the turn and leave when X's limits
allow. An action knows the call that carries it out, whom it is about (the unit of order in the outbox), and
whether it matters enough to become a dead letter when X refuses it.
"""

from __future__ import annotations

from botkit.actions.base import Action
from botkit.actions.messages import DeleteDirectMessage, MarkRead, SendDirectMessage, ShowTyping, StartGroup
from botkit.actions.people import Block, Follow, Mute, Unblock, Unfollow, Unmute
from botkit.actions.posts import CreatePost, DeletePost, HideReply, Like, Repost, Unlike, Unrepost
from botkit.actions.stored import Queued, decode, encode

__all__ = [
    "Action",
    "Block",
    "CreatePost",
    "DeleteDirectMessage",
    "DeletePost",
    "Follow",
    "HideReply",
    "Like",
    "MarkRead",
    "Mute",
    "Queued",
    "Repost",
    "SendDirectMessage",
    "ShowTyping",
    "StartGroup",
    "Unblock",
    "Unfollow",
    "Unlike",
    "Unmute",
    "Unrepost",
    "decode",
    "encode",
]
