"""For those who test plugins: the real engine around a plugin, without a network, with a clock of your own.

Installed as a pytest plugin with botkit; a test asks for the fixture `bot_tester`:

    async def test_hello(bot_tester):
        bot = await bot_tester("support", shop="Ada's")   # plugins/support.py beside the test, with settings
        assert await bot.dm("hello", sender="alice") == ["Hello alice, this is Ada's."]
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import random
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from botkit.actions import Action
    from botkit.events import Event, User
    from botkit.hooks.manager import Hooks
    from botkit.network.transport import Incoming
    from botkit.store.contract import Store
    from botkit.x.wire import Response

__all__ = ["ACCOUNT_ID", "BotTester", "Clock", "FakeTransport", "Maker", "Request", "bot_tester", "user"]

#: the account that the tested bot acts as
ACCOUNT_ID = "1000"
_BEGINNING = datetime(2026, 1, 5, 12, 0, tzinfo=UTC).timestamp()


def user(name: str) -> User:
    """The user with that handle; the same handle always has the same id."""
    from botkit.events import User  # noqa: PLC0415 - every pytest run loads this file: keep it light

    return User(id=str(10_000 + int.from_bytes(name.encode()) % 10**12), username=name, name=name)


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """A request that a bot made."""

    method: str
    url: str
    headers: dict[str, str] = dataclasses.field(repr=False)
    body: bytes | None = dataclasses.field(default=None, repr=False)

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body or b"null")


class Clock:
    """A clock that stands still until it is told otherwise.

    :ivar now: Unix seconds.
    """

    def __init__(self, now: float = _BEGINNING) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    @property
    def at(self) -> datetime:
        """The same as an aware time."""
        return datetime.fromtimestamp(self.now, UTC)


class FakeTransport:
    """The smallest `botkit.network.transport.Transport`: records requests and gives prepared answers.

    :ivar requests: what was asked, in order.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.requests: list[Request] = []
        self._answers: list[tuple[str, str, Response]] = []

    def answer(self, method: str, path: str, value: object, *, status: int = 200) -> None:
        """Answer the next requests of that method whose URL ends with ``path`` with this JSON."""
        from botkit.x.wire import Response  # noqa: PLC0415

        self._answers.insert(0, (method, path, Response(status, {}, json.dumps(value).encode())))

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Record the request; unprepared ones are answered 404."""
        from botkit.x.wire import Response  # noqa: PLC0415

        self.requests.append(Request(method, url, headers, body))
        for wanted, path, response in self._answers:
            if wanted == method and url.partition("?")[0].endswith(path):
                return dataclasses.replace(response, received_at=self._clock.now)
        return Response(
            404, {}, b'{"title":"Not Found","detail":"no answer was prepared","type":"about:blank"}'
        )

    @asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: dict[str, str], *, silence_s: float
    ) -> AsyncIterator[Incoming]:
        """Answer like `send`; what comes ends with the prepared answer."""
        from botkit.network.transport import Incoming  # noqa: PLC0415

        response = await self.send(method, url, headers, None)

        async def chunks() -> AsyncIterator[bytes]:
            yield response.body

        yield Incoming(response, chunks())

    async def close(self) -> None:
        """Nothing is open."""


class BotTester:
    """A bot with real plugins, a real store and no network.

    :ivar actions: everything that the bot wanted done, in order.
    :ivar transport: answers ``bot.api``.
    :ivar clock: the bot's clock; ``clock.now += minutes(5)`` lets time pass.
    """

    def __init__(self, hooks: Hooks, store: Store, clock: Clock) -> None:
        from botkit.engine.turn import Turns, TurnSettings  # noqa: PLC0415
        from botkit.log import make_logger  # noqa: PLC0415
        from botkit.network.client import Client, Credentials  # noqa: PLC0415

        self.actions: list[Action] = []
        self.transport = FakeTransport(clock)
        self.clock = clock
        self._store = store
        self._worker = 0
        self._count = 0
        credentials = Credentials("key", "secret", f"{ACCOUNT_ID}-token", "token-secret")
        self._turns = Turns(
            store=store,
            hooks=hooks,
            caller=Client(self.transport, credentials, api_url="https://api.x.com"),
            settings=TurnSettings(attempts=1),
            log=make_logger(level="error", format="console", stream=sys.stderr),
            rng=random.Random(0),  # noqa: S311 - jitter
            now=clock,
        )

    async def dm(self, text: str, *, sender: str | User = "alice", **fields: Any) -> list[str]:
        """Send the bot a direct message, and return the texts that it answers to its sender.

        :param fields: further fields of `botkit.events.DirectMessage`.
        :raises AssertionError: a handler raised.
        """
        from botkit.actions import SendDirectMessage  # noqa: PLC0415
        from botkit.events import DirectMessage, User  # noqa: PLC0415

        who = user(sender) if isinstance(sender, str) else sender
        self._count += 1
        event = DirectMessage(
            id=f"{ACCOUNT_ID}:dm:{self._count}",
            account_id=ACCOUNT_ID,
            at=self.clock.at,
            message_id=str(self._count),
            sender=who,
            recipient=User(id=ACCOUNT_ID, username="bot", name="bot"),
            text=text,
            **fields,
        )
        wanted = await self.send(event, other_id=who.id)
        return [
            action.text for action in wanted if isinstance(action, SendDirectMessage) and action.to == who.id
        ]

    async def send(self, event: Event, *, other_id: str) -> list[Action]:
        """Give the bot any event, and return what it wants done.

        :param other_id: the user whose conversation it belongs to.
        :raises AssertionError: a handler raised.
        """
        from botkit import actions  # noqa: PLC0415
        from botkit.store.contract import NewItem  # noqa: PLC0415

        if not self._worker:
            self._worker = await self._store.register("test", 3600.0)
        await self._store.put([NewItem("in", f"{ACCOUNT_ID}:{other_id}", event.id, b"{}")])
        (claim,) = await self._store.claim(self._worker, "in", 1, 1)
        settlement = await self._turns.handle(event, claim, claim.items[0])
        assert await self._store.settle(self._worker, settlement)  # noqa: S101 - nobody else has the lane
        for letter in settlement.effects.dead:
            raise AssertionError(f"{letter.handler} failed: {letter.error}")
        items = [*settlement.effects.items, *(timer.item for timer in settlement.effects.timers)]
        wanted = [actions.decode(item.payload).action for item in items]
        self.actions += wanted
        return wanted


Maker = Callable[..., Awaitable[BotTester]]


@pytest.fixture
async def bot_tester(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Maker]:
    """Makes a `BotTester` of a plugin, found as bot.yaml beside the test would find it, with settings."""
    from botkit.config import parse_config  # noqa: PLC0415
    from botkit.hooks.manager import load_plugins  # noqa: PLC0415
    from botkit.store import open_store  # noqa: PLC0415

    numbers = itertools.count(1)
    async with AsyncExitStack() as stack:

        async def make(plugin: str, *, folder: Path | None = None, **settings: Any) -> BotTester:
            clock, number = Clock(), next(numbers)
            entry: object = {plugin: settings} if settings else plugin
            config = parse_config(
                json.dumps({"plugins": [entry]}),
                file=(folder or request.path.parent) / "bot.yaml",
                environ={},
            )
            store = open_store(f"sqlite:///{tmp_path}/bot-{number}.db", clock=clock)
            await store.open()
            stack.push_async_callback(store.close)
            return BotTester(load_plugins(config), store, clock)

        yield make
