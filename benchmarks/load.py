"""The load: a process that posts signed events over kept-alive connections, and the API for the replies.

It obeys commands on standard input, one JSON object a line, answers each with one line, and ends with its
input. Both sides are bare protocols, so that the load costs much less than what it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from benchmarks.bodies import request
from benchmarks.children import loop_factory, pin

__all__: list[str] = []

_HEADER_END = b"\r\n\r\n"


def _length(head: bytes) -> int:
    """What a message's header says of its body's length; 0 when it says nothing."""
    at = head.lower().find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    end = head.find(b"\r\n", at + 2)
    return int(head[at + 17 : end if end >= 0 else None])


@dataclass
class _Run:
    """One run: what is sent, and what came of it."""

    requests: list[bytes]
    spacing_s: float = 0.0
    next: int = 0
    answered: int = 0
    failed: int = 0
    latencies: list[float] = field(default_factory=list)
    statuses: dict[str, int] = field(default_factory=dict)
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self) -> bytes | None:
        if self.next >= len(self.requests):
            return None
        self.next += 1
        return self.requests[self.next - 1]

    def ended(self, status: str, latency_s: float) -> None:
        self.answered += 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status != "200":
            self.failed += 1
        self.latencies.append(latency_s)
        if self.answered == len(self.requests):
            self.finished.set()


class _Poster(asyncio.Protocol):
    """One connection. In a closed loop the answer to one request sends the next."""

    def __init__(self, run: _Run, idle: asyncio.Queue[_Poster] | None) -> None:
        self._run = run
        self._idle = idle
        self._buffer = b""
        self._began = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one by behaviour alone

    def post(self, content: bytes, began: float | None = None) -> None:
        assert self.transport is not None
        self._began = began if began is not None else time.perf_counter()
        self.transport.write(content)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data if self._buffer else data
        end = buffer.find(_HEADER_END)
        if end < 0 or len(buffer) < end + 4 + _length(buffer[:end]):
            return
        self._buffer = b""
        self._run.ended(buffer[9:12].decode(), time.perf_counter() - self._began)
        if self._idle is not None:
            self._idle.put_nowait(self)
        elif (content := self._run.take()) is not None:
            self.post(content)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._run.finished.is_set():
            self._run.statuses["lost"] = self._run.statuses.get("lost", 0) + 1
            self._run.failed += 1
            self._run.finished.set()


_X_ANSWER = {"data": {"dm_conversation_id": "1-2", "dm_event_id": "1"}}


class _Api(asyncio.Protocol):
    """X's API (and Slack's, and Telegram's), as far as a bot that answers a message needs it."""

    def __init__(self, counter: _Counter) -> None:
        self._counter = counter
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(_HEADER_END)) >= 0:
            head = self._buffer[:end]
            size = end + 4 + _length(head)
            if len(self._buffer) < size:
                return
            self._buffer = self._buffer[size:]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        assert self._transport is not None
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/2/users/me"):
            answer: object = {"data": {"id": "14235326", "name": "Bot", "username": "bot"}}
        elif b"chat.postMessage" in path:
            answer = {"ok": True, "channel": "D1", "ts": "1.1", "message": {}}
        elif b"auth.test" in path:
            answer = {
                "ok": True,
                "team_id": "T1",
                "user_id": "UBOT",
                "bot_id": "B1",
                "url": "",
                "team": "",
                "user": "",
            }
        elif b"/sendMessage" in path:
            chat = {"id": 1, "type": "private"}
            answer = {"ok": True, "result": {"message_id": 1, "date": 1, "chat": chat, "text": "x"}}
        else:
            answer = _X_ANSWER
        body = json.dumps(answer).encode()
        status = b"201 Created" if answer is _X_ANSWER else b"200 OK"
        self._transport.write(
            b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )
        if head.startswith(b"POST") and b"auth.test" not in path:
            self._counter.count()


class _Counter:
    """Counts what reached the API."""

    def __init__(self) -> None:
        self._count = 0
        self._wanted = 0
        self._reached = asyncio.Event()

    def want(self, count: int) -> None:
        self._count, self._wanted = 0, count
        self._reached.clear()

    def count(self) -> None:
        self._count += 1
        if self._count == self._wanted:
            self._reached.set()

    async def reached(self) -> None:
        await self._reached.wait()

    @property
    def counted(self) -> int:
        return self._count


async def _post(command: dict[str, Any], counter: _Counter) -> dict[str, Any]:
    flavour, first, count = command["flavour"], command["first"], command["requests"]
    senders, text = command.get("senders"), command.get("text", "hello there")
    requests = [
        request(flavour, number, sender=number % senders if senders else None, text=text)
        for number in range(first, first + count)
    ]
    rate = command.get("rate", 0)
    run = _Run(requests)
    idle: asyncio.Queue[_Poster] | None = asyncio.Queue() if rate else None
    counter.want(count)
    loop = asyncio.get_running_loop()
    posters = [
        (await loop.create_connection(lambda: _Poster(run, idle), "127.0.0.1", command["port"]))[1]
        for _ in range(command["connections"])
    ]
    began = time.perf_counter()
    cut_short = False
    try:
        async with asyncio.timeout(command.get("timeout_s", 120.0)):
            if idle is None:
                for poster in posters:
                    if (content := run.take()) is not None:
                        poster.post(content)
            else:
                for poster in posters:
                    idle.put_nowait(poster)
                await _at_rate(run, idle, rate)
            await run.finished.wait()
            posted_s = time.perf_counter() - began
            if command.get("replies"):
                await counter.reached()
    except TimeoutError:
        cut_short = True
        posted_s = time.perf_counter() - began
    all_s = time.perf_counter() - began
    run.finished.set()
    for poster in posters:
        if poster.transport is not None:
            poster.transport.close()
    latencies = sorted(run.latencies) or [0.0]
    return {
        "requests": run.answered,
        "failed": run.failed,
        "statuses": run.statuses,
        "cut_short": cut_short,
        "posted_s": posted_s,
        "all_s": all_s,
        "replies": counter.counted,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "max_ms": latencies[-1] * 1000,
    }


async def _at_rate(run: _Run, idle: asyncio.Queue[_Poster], rate: float) -> None:
    """Post at a steady rate, whatever the answers take: a request waits from the moment it was due."""
    began = time.perf_counter()
    for number, content in _due(run):
        due = began + number / rate
        if (left_s := due - time.perf_counter()) > 0:
            await asyncio.sleep(left_s)
        (await idle.get()).post(content, due)


def _due(run: _Run) -> Iterator[tuple[int, bytes]]:
    number = 0
    while (content := run.take()) is not None:
        yield number, content
        number += 1


async def _main() -> None:
    loop = asyncio.get_running_loop()
    counter = _Counter()
    api = await loop.create_server(lambda: _Api(counter), "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"port": api.sockets[0].getsockname()[1]}), flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await _post(json.loads(line), counter)), flush=True)
    api.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--core", type=int, default=-1)
    pin(parser.parse_args().core)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_main())
    sys.stdout.flush()
    os._exit(0)  # a thread may still wait for a line of input
