"""X's protocol as pure functions and values: no I/O, no loop, no configuration, no clock of its own.

    body ── split ──▶ Item ── parse ──▶ event
    Call ── request ──▶ (a transport) ── Response ──▶ call.read

Nothing beside this package and the simulator knows X's wire names.
"""

from __future__ import annotations

from botkit.x.item import Conversation, Item
from botkit.x.parse import parse
from botkit.x.signature import answer_crc, check_signature, sign, token_pattern
from botkit.x.split import split
from botkit.x.wire import Auth, Call, Request, Response

__all__ = [
    "Auth",
    "Call",
    "Conversation",
    "Item",
    "Request",
    "Response",
    "answer_crc",
    "check_signature",
    "parse",
    "sign",
    "split",
    "token_pattern",
]
