"""The command's end of the control socket."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from botkit.control.place import find
from botkit.control.server import LONGEST_LINE
from botkit.errors import UserError

__all__ = ["NotRunning", "ask"]


class NotRunning(Exception):
    """Nobody listens there."""


async def ask(place: Path, op: str, arguments: dict[str, Any], *, greets_within_s: float = 10.0) -> Any:
    """Ask the bot whose socket is there for one operation, for as long as it takes.

    :param greets_within_s: a bot that takes longer to greet is stopped, or does not answer.
    :raises NotRunning: no bot listens.
    :raises UserError: the bot refuses, or does not answer; one line.
    """
    socket = find(place)
    if socket is None:
        raise NotRunning
    try:
        reader, writer = await asyncio.open_unix_connection(socket, limit=LONGEST_LINE)
    except PermissionError:
        raise UserError(
            f"{socket} is another user's; run the command as the user that runs the bot"
        ) from None
    except OSError:
        raise NotRunning from None
    try:
        async with asyncio.timeout(greets_within_s):
            await reader.readline()
        writer.write(json.dumps({"op": op, "args": arguments}).encode() + b"\n")
        await writer.drain()
        line = await reader.readline()
        answer = json.loads(line) if line else {"error": "the running bot ended before it answered"}
    except TimeoutError:
        raise UserError("the running bot does not answer; look at its log") from None
    except (OSError, ValueError):
        raise UserError("the running bot ended before it answered") from None
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    if "error" in answer:
        raise UserError(str(answer["error"]))
    return answer["result"]
