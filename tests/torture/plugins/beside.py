"""A second chain beside the first, that fails more often: each plugin's effects are its own."""

from __future__ import annotations

import hashlib
import random
import secrets

from botkit import Bot, DirectMessage, on_direct_message


@on_direct_message(attempts=1000)
async def link(event: DirectMessage, bot: Bot) -> None:
    nonce = secrets.token_hex(4)
    before = bot.state.get("chain", "")
    chain = hashlib.sha256(f"{before} {event.message_id} {nonce}".encode()).hexdigest()[:16]
    bot.state["chain"] = chain
    bot.state["count"] = bot.state.get("count", 0) + 1
    await bot.reply(f"{event.message_id} {nonce} {chain}")
    if random.random() < (0.8 if event.text == "stubborn" else 0.2):
        raise RuntimeError("no luck")
