"""The bot's end of the control socket."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from structlog.typing import FilteringBoundLogger

from botkit.control.place import bound
from botkit.errors import BotkitError
from botkit.version import __version__

__all__ = ["LONGEST_LINE", "Control", "Operation"]

#: bytes of a question or an answer
LONGEST_LINE = 64 * 1024 * 1024
#: how long whoever connects may take to ask, seconds
_ASKS_WITHIN_S = 10.0
#: how long an operation may go on when the bot stops, seconds
_FINISHES_WITHIN_S = 3.0


#: something that can be asked for by name: takes its arguments by name, returns plain data, ready for JSON;
#: a `BotkitError` is told to whoever asked, in one line
Operation = Callable[..., Awaitable[Any]]


class Control:
    """Answers operations on a Unix socket, each connection one, several beside each other.

    :param operations: by name. A name or argument that is not known is refused, never guessed.
    """

    def __init__(
        self, place: Path, operations: Mapping[str, Operation], *, log: FilteringBoundLogger
    ) -> None:
        self._place = place
        self._operations = operations
        self._log = log
        self._serving: set[asyncio.Task[None]] = set()

    async def run(self, ready: Callable[[], object] = lambda: None) -> None:
        """Answer until cancelled. Where there can be no socket, the log says so and the bot goes on.

        :param ready: called when it listens.
        """
        try:
            with bound(self._place) as listening:
                server = await asyncio.start_unix_server(self._serve, sock=listening, limit=LONGEST_LINE)
                try:
                    ready()
                    await asyncio.Event().wait()
                finally:
                    server.close()
                    await self._end()
        except OSError as error:
            self._log.warning(
                "no_control_socket",
                error=error.strerror or str(error),
                reason="botkit inbox can't ask this bot",
            )
            await asyncio.Event().wait()

    async def _end(self) -> None:
        """Let what is being answered finish, or leave it."""
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=_FINISHES_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        try:
            await _say(writer, {"botkit": __version__})
            async with asyncio.timeout(_ASKS_WITHIN_S):
                line = await reader.readline()
            if line:
                await _say(writer, await self._answer(line))
        except (OSError, ValueError, TimeoutError):
            pass  # whoever asked has gone, or never asked
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            asked = json.loads(line)
            name, arguments = asked["op"], asked["args"]
            operation = self._operations.get(name)
        except (ValueError, TypeError, KeyError):
            return {"error": "the question is not one that a botkit command asks"}
        if operation is None or not isinstance(arguments, dict):
            return {
                "error": f"the running bot, botkit {__version__}, can't do that; restart it after an upgrade"
            }
        self._log.info("operation", op=name)
        try:
            return {"result": await operation(**arguments)}
        except BotkitError as error:
            return {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - our bug is logged here, and must not end the bot
            # Where, and not what: a message of an exception can hold what people wrote.
            where = "".join(traceback.format_tb(error.__traceback__))
            self._log.error("operation_crashed", op=name, error=type(error).__name__, traceback=where)
            problem = f"{name} failed in the running bot: {type(error).__name__}"
            return {"error": f"{problem}; its log has the traceback"}


async def _say(writer: asyncio.StreamWriter, value: object) -> None:
    writer.write(json.dumps(value).encode() + b"\n")
    await writer.drain()
