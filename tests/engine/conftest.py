"""A bench for the engine: real plugins from source texts, the real store, a transport that records."""

from __future__ import annotations

import json
import random
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from botkit import actions
from botkit.actions import Queued
from botkit.config import parse_config
from botkit.engine.backoff import Backoff
from botkit.engine.carrier import Carrier, CarrierSettings
from botkit.engine.lease import Lease
from botkit.engine.sender import Sender
from botkit.engine.turn import Turns, TurnSettings
from botkit.engine.worker import Worker
from botkit.hooks.manager import Hooks, load_plugins
from botkit.network.client import Client, Credentials
from botkit.store.contract import NewItem, Settlement, Store
from botkit.testing import Clock, FakeTransport
from botkit.x import split
from botkit.x.wire import Response

ACCOUNT = "14235326"
ALICE = "707685546848550916"


def dm(text: str = "hello", *, message_id: str = "1", sender: str = ALICE, recipient: str = ACCOUNT) -> bytes:
    """A direct message as X sends it; from the account itself when it is the sender."""
    event = {
        "type": "message_create",
        "id": message_id,
        "created_timestamp": "1548711582440",
        "message_create": {
            "target": {"recipient_id": recipient},
            "sender_id": sender,
            "message_data": {"text": text, "entities": {}},
        },
    }
    users = {sender: {"id": sender, "name": "Alice", "screen_name": "alice"}}
    return json.dumps({"for_user_id": ACCOUNT, "direct_message_events": [event], "users": users}).encode()


class Switch:
    """A transport that hands on to another, which a test may change."""

    def __init__(self, to: Any) -> None:
        self.to = to

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        answer: Response = await self.to.send(method, url, headers, body)
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self.to, name)


class Bench:
    """The engine, taken apart: one step at a time."""

    def __init__(self, folder: Path, store: Store, clock: Clock, log: Any) -> None:
        self.folder, self.store, self.clock, self.log = folder, store, clock, log
        self.transport = FakeTransport(clock)
        self._switch = Switch(self.transport)
        self.client = Client(
            self._switch,
            Credentials("key", "secret", f"{ACCOUNT}-token", "token-secret"),
            api_url="https://api.x.com",
        )
        self.hooks = Hooks()
        self.settings = TurnSettings(attempts=3, handler_timeout_s=5.0, backoff=Backoff(1.0, 2.0, 60.0))

    def use(self, transport: Any) -> None:
        """Send requests over another transport from now on."""
        self._switch.to = transport

    def load(self, *sources: str, **named: str) -> Hooks:
        """Load plugins from source texts, in order."""
        named = {f"plugin{number}": source for number, source in enumerate(sources, 1)} | named
        (self.folder / "plugins").mkdir(exist_ok=True)
        for name, source in named.items():
            (self.folder / "plugins" / f"{name}.py").write_text(
                "from botkit import *\n" + textwrap.dedent(source)
            )
        config = parse_config(json.dumps({"plugins": list(named)}), file=self.folder / "bot.yaml", environ={})
        self.hooks = load_plugins(config, log=self.log.logger)
        return self.hooks

    @property
    def turns(self) -> Turns:
        """Turns with the loaded plugins."""
        return Turns(
            store=self.store,
            hooks=self.hooks,
            caller=self.client,
            settings=self.settings,
            log=self.log.logger,
            rng=random.Random(1),
            now=self.clock,
        )

    async def put(self, *bodies: bytes) -> None:
        """Receive bodies, as the webhook does."""
        for body in bodies:
            await self.store.put(
                [NewItem("in", item.conversation.key, item.id, item.payload) for item in split(body)]
            )

    async def step(self) -> Settlement | None:
        """Handle one item that is due, and settle it; None when nothing is due."""
        worker = await self.store.register("step", 1000.0)
        claims = await self.store.claim(worker, "in", 1, 1)
        if not claims:
            return None
        turns = self.turns
        settlement = await turns.run(claims[0], claims[0].items[0])
        assert await self.store.settle(worker, settlement)
        await turns.report(settlement)
        return settlement

    async def queued(self) -> list[Queued]:
        """What stands in the outbox, in no matter which queue."""
        worker = await self.store.register("look", 1000.0)
        found: list[Queued] = []
        for queue in await self.store.queues("out:"):
            claims = await self.store.claim(worker, queue, 100, 100)
            found += [actions.decode(item.payload) for claim in claims for item in claim.items]
            await self.store.release(worker, claims)
        return found

    async def texts(self) -> list[str]:
        """The texts that stand in the outbox, sorted."""
        return sorted(getattr(queued.action, "text", queued.action.kind) for queued in await self.queued())

    async def lease(self) -> Lease:
        lease = Lease(self.store, name="bench", ttl_s=1000.0, log=self.log.logger)
        await lease.open()
        return lease

    async def worker(self, *, concurrency: int = 4, grace_s: float = 5.0) -> Worker:
        return Worker(
            store=self.store,
            lease=await self.lease(),
            turns=self.turns,
            concurrency=concurrency,
            grace_s=grace_s,
            log=self.log.logger,
        )

    async def sender(
        self,
        dead_letter: Callable[..., Any] | None = None,
        *,
        concurrency: int = 16,
        signed_in: Callable[[str], Awaitable[float]] | None = None,
        **settings: Any,
    ) -> Sender:
        carrier = Carrier(
            store=self.store,
            client=self.client,
            settings=CarrierSettings(**{"attempts": 3, **settings}),
            log=self.log.logger,
            rng=random.Random(1),
        )
        return Sender(
            store=self.store,
            lease=await self.lease(),
            carrier=carrier,
            log=self.log.logger,
            dead_letter=dead_letter or self.hooks.dead_letter,
            signed_in=signed_in,
            concurrency=concurrency,
            grace_s=5.0,
        )


@pytest.fixture
def bench(tmp_path: Path, store: Store, clock: Clock, log: Any) -> Bench:
    return Bench(tmp_path, store, clock, log)
