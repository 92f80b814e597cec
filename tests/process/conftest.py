"""Whole processes: `botkit run` as a user starts it, and a stub of X's API that it talks to."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import textwrap
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import ClientSession, web

from botkit.x.oauth import check_oauth1
from botkit.x.signature import sign

ACCOUNT = "14235326"
KEYS = {
    "X_CONSUMER_KEY": "consumer-key",
    "X_CONSUMER_SECRET": "consumer-secret",
    "X_ACCESS_TOKEN": f"{ACCOUNT}-access-token",
    "X_ACCESS_TOKEN_SECRET": "access-token-secret",
}
PAYLOADS = Path(__file__).parents[1] / "payloads"


class ApiStub:
    """The smallest API that takes what a bot sends: records it, and answers as X does.

    :ivar requests: method, path and body of each, in order.
    :ivar open: while it is not set, answers are held back.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []
        self.unsigned: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self._came = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *error: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            check_oauth1(
                request.method,
                str(request.url),
                request.headers.get("authorization", ""),
                (),
                consumer_secret=KEYS["X_CONSUMER_SECRET"],
                token_secret=KEYS["X_ACCESS_TOKEN_SECRET"],
            )
        except Exception as error:  # noqa: BLE001 - kept, and asserted on by the test
            self.unsigned.append(f"{request.method} {request.path}: {error}")
        body = await request.text()
        async with self._came:
            self.requests.append((request.method, request.path, json.loads(body) if body else None))
            self._came.notify_all()
        await self.open.wait()
        if request.method == "GET":
            return web.json_response({"data": self._listed(request.path), "meta": {}})
        answer = {"data": {"dm_conversation_id": "1-2", "dm_event_id": self._id(len(self.requests))}}
        return web.json_response(answer, status=201)

    def _listed(self, path: str) -> list[dict[str, str]]:
        """The messages of one conversation, newest first, as ``…/with/:id/dm_events`` lists them."""
        sent_to = path.replace("/dm_events", "/messages")
        return [
            {
                "id": self._id(number),
                "event_type": "MessageCreate",
                "sender_id": ACCOUNT,
                "text": body["text"],
            }
            for number, (method, to, body) in reversed(list(enumerate(self.requests, 1)))
            if method == "POST" and to == sent_to
        ]

    @staticmethod
    def _id(number: int) -> str:
        return str(10**18 + number)

    @property
    def texts(self) -> list[str]:
        """The texts of the messages that were sent."""
        return [body["text"] for method, path, body in self.requests if path.endswith("/messages")]

    async def until(self, count: int) -> None:
        """Return when that many messages came; 20 seconds at most."""
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: len(self.texts) >= count)


class BotProcess:
    """A running `botkit run`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[dict[str, Any]] = []
        self.url = ""
        self._written = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            try:
                decoded = json.loads(line)
            except ValueError:
                decoded = {"event": "", "plain": line.decode().rstrip()}
            async with self._written:
                self.lines.append(decoded)
                self._written.notify_all()
        async with self._written:
            self._written.notify_all()

    async def line(self, event: str, *, after: int = 0, **having: object) -> dict[str, Any]:
        """The first line of that event, with these values, when it is written; 20 seconds at most.

        :param after: how many lines from the start don't count.
        """
        wanted = {"event": event, **having}.items()

        def found() -> dict[str, Any] | None:
            return next((line for line in self.lines[after:] if wanted <= line.items()), None)

        async with asyncio.timeout(20), self._written:
            await self._written.wait_for(lambda: found() is not None or self._reading.done())
        line = found()
        assert line is not None, self.lines
        return line

    async def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        await self._process.wait()
        await self._reading

    async def end(self, signum: int = signal.SIGTERM) -> int:
        """Send a signal, wait, and return the exit status."""
        self._process.send_signal(signum)
        return await self.exited()

    async def exited(self) -> int:
        """Wait for it to end by itself, and return the exit status."""
        async with asyncio.timeout(20):
            status = await self._process.wait()
        await self._reading
        return status

    async def post(self, body: bytes) -> int:
        """Deliver a signed body as X does; the status of the answer."""
        headers = {
            "content-type": "application/json",
            "x-twitter-webhooks-signature": sign(KEYS["X_CONSUMER_SECRET"], body),
        }
        async with (
            ClientSession() as session,
            session.post(f"{self.url}/webhook", data=body, headers=headers) as answer,
        ):
            await answer.read()
            return answer.status


Start = Callable[..., Awaitable[BotProcess]]


def dm(text: str, *, message_id: int, sender: str = "707685546848550916") -> bytes:
    """A direct message to the bot as X sends it."""
    event = {
        "type": "message_create",
        "id": str(message_id),
        "created_timestamp": "1548711582440",
        "message_create": {
            "target": {"recipient_id": ACCOUNT},
            "sender_id": sender,
            "message_data": {"text": text},
        },
    }
    return json.dumps({"for_user_id": ACCOUNT, "direct_message_events": [event], "users": {}}).encode()


@pytest.fixture
async def api() -> AsyncIterator[ApiStub]:
    async with ApiStub() as stub:
        yield stub


@pytest.fixture
async def start(tmp_path: Path, api: ApiStub) -> AsyncIterator[Start]:
    """Starts `botkit run` on the code path of the real network, with plugins from source texts."""
    running: list[BotProcess] = []

    async def start(
        plugins: dict[str, str] | None = None, *, extra: str = "", ready: bool = True
    ) -> BotProcess:
        if plugins is not None:
            (tmp_path / "plugins").mkdir(exist_ok=True)
            for name, source in plugins.items():
                text = "from botkit import *\n" + textwrap.dedent(source)
                (tmp_path / "plugins" / f"{name}.py").write_text(text)
            names = "".join(f"  - {name}\n" for name in plugins)
            (tmp_path / "bot.yaml").write_text(
                f"network: x\nserver: {{port: 0}}\nx:\n  api_url: {api.url}\n"
                "  consumer_key: ${X_CONSUMER_KEY}\n  consumer_secret: ${X_CONSUMER_SECRET}\n"
                "  access_token: ${X_ACCESS_TOKEN}\n  access_token_secret: ${X_ACCESS_TOKEN_SECRET}\n"
                f"engine: {{retry: {{first: 10ms, max: 50ms}}}}\n{extra}plugins:\n{names}"
            )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "botkit",
            "run",
            "bot.yaml",
            cwd=tmp_path,
            env={**os.environ, **KEYS},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        bot = BotProcess(process)
        running.append(bot)
        if ready:
            bot.url = (await bot.line("started"))["url"]
        return bot

    yield start
    for bot in running:
        if bot._process.returncode is None:
            await bot.kill()
        await bot._reading
