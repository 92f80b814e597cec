"""What botkit promises to plugins: every hook, its arguments, and when it is called.

pluggy reads these declarations; the decorators, the checks at load, the table of handlers and the page
docs/plugins.md follow from them. A plugin's function takes the arguments that it needs, by name, and may
leave the others out.

Event hooks (``async def on_<event>(event, bot)``) have handlers: functions with filters, of which the first
that matches takes the event, once per plugin. ``event.by_us`` tells what the account did itself; where X
reports both directions (see `ECHOED`) a handler sees that only with ``own=True``.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

import pluggy

from botkit import events

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    import click
    from aiohttp.web import UrlDispatcher

    from botkit.bot import Bot
    from botkit.hooks.handler import Handler
    from botkit.hooks.setup import PluginSetup
    from botkit.store.contract import DeadLetter, Store

__all__ = [
    "ECHOED",
    "EVENT_OF_HOOK",
    "HOOK_OF_EVENT",
    "Alarm",
    "AlarmKind",
    "AppInfo",
    "all_specs",
    "hookimpl",
    "hookspec",
]

hookspec: Final = pluggy.HookspecMarker("botkit")
hookimpl: Final = pluggy.HookimplMarker("botkit")


@dataclass(frozen=True, slots=True, kw_only=True)
class AppInfo:
    """What a plugin is told about the bot that starts.

    :param network: ``simulator`` or ``x``.
    :param folder: where bot.yaml lies.
    :param webhook_url: where X, or the simulator, delivers events.
    :param account_ids: the accounts connected when the bot started, the own one of bot.yaml first where its
        token tells whose it is. Others may come at /connect later; those that go are told by `on_revoke`.
    """

    network: str
    folder: Path
    webhook_url: str = ""
    account_ids: tuple[str, ...] = ()


#: What can be wrong with a bot that runs; docs/lifecycle.md explains each.
AlarmKind = Literal[
    "silence",
    "no_challenge",
    "webhook",
    "subscriptions",
    "stream",
    "account",
    "backlog",
    "dead_letters",
    "budget",
    "budget_spent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Something that a person should look at, or that is over.

    :param on: true when it begins, false when it is over.
    :param reason: one line for people; it names the fix where there is one.
    :param at: when botkit saw it, aware UTC.
    :param account_id: the account that it is about; ``""`` when it concerns the whole bot.
    """

    kind: AlarmKind
    on: bool
    reason: str
    at: datetime
    account_id: str = ""


# -- direct messages -----------------------------------------------------------------------------------------


@hookspec
async def on_direct_message(event: events.DirectMessage, bot: Bot) -> str | None:
    """Someone sent the account a direct message.

    :param event: the message; ``event.sender`` is never the account itself.
    :param bot: acts as the account that received it; `bot.reply` answers in the same conversation.
    :returns: a text, which is the reply, or nothing.
    """


@hookspec
async def on_direct_message_sent(event: events.DirectMessageSent, bot: Bot) -> str | None:
    """The account sent a direct message; ``event.by_bot`` tells the bot's own from the owner's.

    :param event: the message; ``event.recipient`` got it.
    :param bot: acts as the account that sent it.
    """


@hookspec
async def on_direct_message_read(event: events.DirectMessageRead, bot: Bot) -> str | None:
    """Someone has read the conversation; with ``own=True`` also the account itself.

    :param event: who has read, and up to which message.
    :param bot: acts as the account that was read.
    """


@hookspec
async def on_typing(event: events.Typing, bot: Bot) -> str | None:
    """Someone is typing a direct message; with ``own=True`` also the account itself.

    :param event: who is typing to whom.
    :param bot: acts as the account that is written to.
    """


@hookspec
async def on_chat_message(event: events.ChatMessage, bot: Bot) -> str | None:
    """An encrypted message came, which botkit can't read; with ``own=True`` also one that the account sent.

    :param event: who sent it, in which conversation.
    :param bot: acts as the account that is in the conversation.
    """


# -- posts ---------------------------------------------------------------------------------------------------


@hookspec
async def on_post(event: events.Post, bot: Bot) -> str | None:
    """The account itself posted; ``event.by_bot`` tells the bot's own posts from the owner's.

    :param event: an original, a reply, a quote or a repost: the flags tell.
    :param bot: acts as the account that posted.
    """


@hookspec
async def on_reply(event: events.Reply, bot: Bot) -> str | None:
    """Someone replied to a post of the account.

    :param event: the reply.
    :param bot: acts as the account; `bot.reply` answers under the reply.
    """


@hookspec
async def on_mention(event: events.Mention, bot: Bot) -> str | None:
    """Someone wrote @account in a post.

    :param event: the post.
    :param bot: acts as the account that is mentioned; `bot.reply` answers under the post.
    """


@hookspec
async def on_repost(event: events.Repost, bot: Bot) -> str | None:
    """Someone reposted a post of the account.

    :param event: the repost; ``event.reposted_post_id`` is the account's post.
    :param bot: acts as the account.
    """


@hookspec
async def on_quote(event: events.Quote, bot: Bot) -> str | None:
    """Someone quoted a post of the account.

    :param event: the quoting post; ``event.quoted_post_id`` is the account's.
    :param bot: acts as the account.
    """


@hookspec
async def on_post_deleted(event: events.PostDeleted, bot: Bot) -> str | None:
    """The account deleted a post: stored copies must go within 24 hours (X's policy).

    :param event: which post.
    :param bot: acts as the account.
    """


@hookspec
async def on_like(event: events.Like, bot: Bot) -> str | None:
    """Someone liked a post of the account; with ``own=True`` also the account liked a post.

    :param event: who liked which post.
    :param bot: acts as the account.
    """


# -- people --------------------------------------------------------------------------------------------------


@hookspec
async def on_follow(event: events.Follow, bot: Bot) -> str | None:
    """Someone followed the account; with ``own=True`` also the account followed someone.

    :param event: ``event.source`` followed ``event.target``.
    :param bot: acts as the account.
    """


@hookspec
async def on_unfollow(event: events.Unfollow, bot: Bot) -> str | None:
    """Someone unfollowed the account; with ``own=True`` also the account unfollowed someone.

    :param event: ``event.source`` unfollowed ``event.target``.
    :param bot: acts as the account.
    """


@hookspec
async def on_block(event: events.Block, bot: Bot) -> str | None:
    """The account blocked someone.

    :param event: ``event.target`` is blocked.
    :param bot: acts as the account.
    """


@hookspec
async def on_unblock(event: events.Unblock, bot: Bot) -> str | None:
    """The account unblocked someone.

    :param event: ``event.target`` is no longer blocked.
    :param bot: acts as the account.
    """


@hookspec
async def on_mute(event: events.Mute, bot: Bot) -> str | None:
    """The account muted someone.

    :param event: ``event.target`` is muted.
    :param bot: acts as the account.
    """


@hookspec
async def on_unmute(event: events.Unmute, bot: Bot) -> str | None:
    """The account unmuted someone.

    :param event: ``event.target`` is no longer muted.
    :param bot: acts as the account.
    """


@hookspec
async def on_revoke(event: events.Revoked, bot: Bot) -> str | None:
    """An account withdrew the app's access: nothing can be done for it any more.

    :param event: whose access ended.
    :param bot: what it queues for this account will fail.
    """


@hookspec
async def on_profile_update(event: events.ProfileUpdated, bot: Bot) -> str | None:
    """A part of the account's profile changed.

    :param event: which part, before and after.
    :param bot: acts as the account.
    """


# -- live ----------------------------------------------------------------------------------------------------


@hookspec
async def on_space_start(event: events.SpaceStarted, bot: Bot) -> str | None:
    """The account opened a Space.

    :param event: which Space.
    :param bot: acts as the account.
    """


@hookspec
async def on_space_end(event: events.SpaceEnded, bot: Bot) -> str | None:
    """The account's Space ended.

    :param event: which Space.
    :param bot: acts as the account.
    """


@hookspec
async def on_broadcast_start(event: events.BroadcastStarted, bot: Bot) -> str | None:
    """The account went live.

    :param event: which broadcast.
    :param bot: acts as the account.
    """


@hookspec
async def on_broadcast_end(event: events.BroadcastEnded, bot: Bot) -> str | None:
    """The account's broadcast ended.

    :param event: which broadcast.
    :param bot: acts as the account.
    """


@hookspec
async def on_broadcast_chat(event: events.BroadcastChat, bot: Bot) -> str | None:
    """Someone wrote in the account's broadcast; with ``own=True`` also the account itself.

    :param event: what was written, in which broadcast.
    :param bot: acts as the account.
    """


# -- what concerns no account --------------------------------------------------------------------------------


@hookspec
async def on_news(event: events.NewsPublished, bot: Bot) -> str | None:
    """A news story appeared that matches a keyword subscription.

    :param event: the story and the keyword.
    :param bot: acts as the bot's own account.
    """


@hookspec
async def on_replay_finished(event: events.ReplayFinished, bot: Bot) -> str | None:
    """X has finished a replay job, completely or not.

    :param event: which job, and how it ended.
    :param bot: acts as the bot's own account.
    """


@hookspec
async def on_unknown(event: events.UnknownEvent, bot: Bot) -> str | None:
    """X sent something that botkit does not know yet.

    :param event: X's name for it, and the whole of it in ``event.raw``.
    :param bot: acts as the account that it came for.
    """


@hookspec
async def on_event(event: events.Event, bot: Bot) -> str | None:
    """Every event, whatever else handles it, also what the account did itself.

    :param event: any of the events; ``isinstance`` tells which.
    :param bot: acts as the account that it happened to.

    A plugin's ``on_event`` handlers are a place of their own: the first that matches runs beside the plugin's
    handler for the specific hook, after it.
    """


# -- around the handlers -------------------------------------------------------------------------------------


@hookspec(firstresult=True)
async def accept_event(event: events.Event) -> bool | None:
    """Decide whether an event is handled at all, before any handler.

    :param event: the event.
    :returns: ``False`` drops it for good, ``True`` lets it through, ``None`` leaves it to the next plugin.
        The first answer that is not ``None`` counts; without one the event is handled. Raising makes the
        event wait and be tried again.
    """


@hookspec
def around_handler(event: events.Event, handler: Handler) -> AbstractAsyncContextManager[None]:  # type: ignore[empty-body]  # a declaration
    """Wrap every run of every handler: ``@hookimpl`` above ``@asynccontextmanager``.

    :param event: the event that is handled.
    :param handler: the handler that runs inside.
    :returns: an async context manager. What the handler raises is raised at its ``yield`` and must leave
        it; the first plugin's is the outermost.
    """


@hookspec
async def on_error(event: events.Event, handler: Handler, error: BaseException) -> None:
    """A handler raised, or took longer than it may: what it wanted done is dropped, and it may be tried anew.

    :param event: the event that it handled.
    :param handler: the handler.
    :param error: what it raised.
    """


@hookspec
async def on_dead_letter(letter: DeadLetter) -> None:
    """A handler or an action spent its attempts: from here a person decides.

    :param letter: what failed, how often, and the last error.
    """


@hookspec
async def on_alarm(alarm: Alarm) -> None:
    """Something is wrong that no handler sees, such as an invalid webhook or a silence; or it is over.

    Told once when it begins and once when it ends, to each process that notices it.

    :param alarm: what it is, and one line about it.
    """


# -- from start to end ---------------------------------------------------------------------------------------


@hookspec
def setup(plugin: PluginSetup) -> None:
    """Called once when the plugin is loaded, with its settings: the place to add handlers made from them.

    :param plugin: its name and settings; ``plugin.add(…)`` adds a handler.
    """


@hookspec
def register_commands(cli: click.Group) -> None:
    """Add commands to ``botkit``.

    :param cli: the command line's group.
    """


@hookspec
def register_routes(router: UrlDispatcher) -> None:
    """Add routes to the web server that takes X's webhooks.

    :param router: aiohttp's router of the application.
    """


@hookspec(firstresult=True)
def register_store(url: str) -> Store | None:
    """Make the store for an address that botkit itself does not know.

    :param url: ``store:`` in bot.yaml.
    :returns: a store that is not open yet, or ``None`` for an address that is not this plugin's.
    """


@hookspec(firstresult=True)
def open_tunnel(port: int) -> AbstractAsyncContextManager[str] | None:
    """Make the local webhook reachable from outside.

    :param port: the local port.
    :returns: an async context manager that gives the public ``https://`` address and closes the tunnel at its
        end, or ``None``.
    """


@hookspec
async def on_startup(app: AppInfo) -> None:
    """The bot starts; no event is handled before all of these have returned. Raising stops the start.

    :param app: what runs.
    """


@hookspec
async def on_shutdown() -> None:
    """The bot stops; no event is handled any more. Called in the opposite order of ``on_startup``."""


_OTHER_HOOKS: Final = (
    accept_event,
    around_handler,
    on_error,
    on_dead_letter,
    on_alarm,
    setup,
    register_commands,
    register_routes,
    register_store,
    open_tunnel,
    on_startup,
    on_shutdown,
)

#: The class that each event hook gives, in the order of this page; ``on_event`` gives any.
EVENT_OF_HOOK: Final[Mapping[str, type[events.Event]]] = MappingProxyType(
    {
        "on_direct_message": events.DirectMessage,
        "on_direct_message_sent": events.DirectMessageSent,
        "on_direct_message_read": events.DirectMessageRead,
        "on_typing": events.Typing,
        "on_chat_message": events.ChatMessage,
        "on_post": events.Post,
        "on_reply": events.Reply,
        "on_mention": events.Mention,
        "on_repost": events.Repost,
        "on_quote": events.Quote,
        "on_post_deleted": events.PostDeleted,
        "on_like": events.Like,
        "on_follow": events.Follow,
        "on_unfollow": events.Unfollow,
        "on_block": events.Block,
        "on_unblock": events.Unblock,
        "on_mute": events.Mute,
        "on_unmute": events.Unmute,
        "on_revoke": events.Revoked,
        "on_profile_update": events.ProfileUpdated,
        "on_space_start": events.SpaceStarted,
        "on_space_end": events.SpaceEnded,
        "on_broadcast_start": events.BroadcastStarted,
        "on_broadcast_end": events.BroadcastEnded,
        "on_broadcast_chat": events.BroadcastChat,
        "on_news": events.NewsPublished,
        "on_replay_finished": events.ReplayFinished,
        "on_unknown": events.UnknownEvent,
        "on_event": events.Event,
    }
)

#: The hook of each event's class.
HOOK_OF_EVENT: Final[Mapping[type[events.Event], str]] = MappingProxyType(
    {kind: hook for hook, kind in EVENT_OF_HOOK.items() if kind is not events.Event}
)

#: Hooks about what others do, where X also reports what the account does: ``by_us`` only with ``own=True``.
ECHOED: Final = frozenset(
    {
        "on_follow",
        "on_unfollow",
        "on_like",
        "on_typing",
        "on_direct_message_read",
        "on_chat_message",
        "on_broadcast_chat",
    }
)


def all_specs() -> Mapping[str, Callable[..., Any]]:
    """Every hook's declaration by name: the event hooks first, then the others."""
    names = [*EVENT_OF_HOOK, *(spec.__name__ for spec in _OTHER_HOOKS)]
    return {name: globals()[name] for name in names}


def arguments_of(hook: str) -> tuple[str, ...]:
    """The names of the arguments that a hook gives."""
    return tuple(inspect.signature(all_specs()[hook]).parameters)
