"""A chain of hashes in the state, and one message a link: what is lost, doubled or misordered breaks it.

Every run of a handler draws a number of its own, which goes into the state and into the message: they match
only when both were written by one and the same run, once.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets

from botkit import Bot, DirectMessage, on_direct_message, regex

#: failures are retried until they are none; only what is poisoned spends its attempts
_ALL = 100


async def _busy(event: DirectMessage) -> None:
    """Most handlers are quick; some wait for something."""
    if event.text == "stubborn":
        await asyncio.sleep(random.uniform(0.0, 0.1))
    elif random.random() < 0.3:
        await asyncio.sleep(random.uniform(0.0, 0.008))


def _link(event: DirectMessage, bot: Bot) -> str:
    nonce = secrets.token_hex(4)
    before = bot.state.get("chain", "")
    chain = hashlib.sha256(f"{before} {event.message_id} {nonce}".encode()).hexdigest()[:16]
    bot.state["chain"] = chain
    bot.state["count"] = bot.state.get("count", 0) + 1
    return f"{event.message_id} {nonce} {chain}"


@on_direct_message(regex("^poison"), attempts=2)
async def poison(event: DirectMessage, bot: Bot) -> None:
    await _busy(event)
    await bot.reply(_link(event, bot))
    raise RuntimeError("poisoned")


@on_direct_message(attempts=_ALL, timeout=0.3)
async def link(event: DirectMessage, bot: Bot) -> None:
    await _busy(event)
    if random.random() < 0.04:
        raise RuntimeError("before")
    await bot.reply(_link(event, bot))
    if int(event.message_id) % 5 == 0:
        await bot.reply(f"{event.message_id} later", after=random.uniform(0.0, 0.1))
    if random.random() < 0.005:
        await asyncio.Event().wait()  # hangs until its time is up
    if random.random() < 0.04:
        raise RuntimeError("after")
