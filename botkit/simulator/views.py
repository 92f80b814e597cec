"""How the control API shows the simulated world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from botkit.simulator.endpoint import Parts
    from botkit.simulator.things import Message, Post, User

__all__ = ["message", "post", "state", "user"]


def user(one: User) -> dict[str, Any]:
    """A user."""
    return {
        "id": one.id,
        "username": one.username,
        "name": one.name,
        "dms_open": one.dms_open,
        "protected": one.protected,
    }


def message(one: Message) -> dict[str, Any]:
    """A message, with its text as it was written."""
    return {
        "id": one.id,
        "message_id": one.id,
        "from": one.sender_id,
        "to": one.recipient_id,
        "text": one.text,
        "at": one.at,
        "media": one.media_url,
        "options": [dict(option) for option in one.options],
        "ctas": [dict(cta) for cta in one.ctas],
        "quick_reply": one.quick_reply,
        "by_app": bool(one.app_id),
    }


def post(one: Post) -> dict[str, Any]:
    """A post, with its text as it was written."""
    return {
        "post_id": one.id,
        "from": one.author_id,
        "text": one.text,
        "at": one.at,
        "in_reply_to": one.in_reply_to_id,
        "quoted": one.quoted_id,
        "reposted": one.reposted_id,
    }


def state(parts: Parts) -> dict[str, Any]:
    """Everything at a glance: no secret is part of it."""
    world, config = parts.world, parts.config
    # people stay people, also those who signed in to the app
    connected = {account.id for account in config.connected}
    accounts = [one for one in parts.tokens.connected() if one != config.bot.id]
    return {
        "bot": user(world.users[config.bot.id]),
        "accounts": [user(world.users[one]) for one in accounts],
        "tokens": parts.tokens.state(),
        "users": [user(one) for one in world.users.values() if one.id not in connected],
        "followers": [source for source, target in world.relations["follow"] if target == config.bot.id],
        "posts": [post(one) for one in world.posts_by(config.bot.id)][-20:],
        "webhooks": [hook.public() for hook in parts.webhooks.all()],
        "subscriptions": {
            "account_activity": [
                {"webhook_id": webhook_id, "user_id": user_id}
                for webhook_id, users in parts.subscriptions.accounts.items()
                for user_id in users
            ],
            "activity": [one.public() for one in parts.subscriptions.activity.values()],
        },
        "streams": [one.public() for one in parts.streams.connections("active")],
        "rules": parts.rules.state(),
        "faults": parts.faults.state(),
        "limits": {
            "enforced": parts.limits.enforced,
            "scale": parts.limits.scale,
            "windows": parts.limits.state(),
        },
        "pending": parts.courier.pending,
        "last": parts.feed.last,
    }
