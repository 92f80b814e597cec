"""Every v2 call of botkit's own client is as X describes it: the request it makes, the answer it reads."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import botkit.x.calls
from botkit.errors import XError
from botkit.network.client import Client, Credentials
from botkit.network.transport import AiohttpTransport, Incoming
from botkit.simulator import Simulator
from botkit.x.wire import Call, Response
from tests.parity.spec import UNDESCRIBED, Spec
from tests.parity.test_openapi import PNG
from tests.parity.trim_openapi import shape

#: the streams' beginning is tried in test_openapi; these modules don't speak v2, or hold tokens
_ELSEWHERE = frozenset({"account_activity_v11", "dm_v11", "welcome", "sign_in", "tokens", "activity_stream"})


class Checked:
    """A transport that holds what it brings to X's description."""

    def __init__(self, spec: Spec) -> None:
        self._real, self._spec = AiohttpTransport(now=time.time), spec

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        """Send it, and check both."""
        response = await self._real.send(method, url, headers, body)
        path = url.partition("://")[2].partition("/")[2].partition("?")[0]
        if (method, shape_of(f"/{path}")) not in UNDESCRIBED and path.startswith("2/"):
            kind = next(
                (value for name, value in response.headers.items() if name.lower() == "content-type"), ""
            )
            self._spec.check(
                method,
                url,
                headers,
                body,
                status=response.status,
                answer=response.body,
                answer_type=kind.partition(";")[0],
            )
        return response

    def stream(
        self, method: str, url: str, headers: dict[str, str], *, silence_s: float
    ) -> AbstractAsyncContextManager[Incoming]:
        """Not tried here."""
        return self._real.stream(method, url, headers, silence_s=silence_s)

    async def close(self) -> None:
        """Close the real one."""
        await self._real.close()


def shape_of(path: str) -> str:
    """A path with its ids left out."""
    return "/".join("{}" if re.fullmatch(r"[0-9-]{2,}", part) else part for part in path.split("/"))


class World:
    """Something of every kind that a call may name, made for each call anew."""

    def __init__(self, sim: Simulator, hook: str) -> None:
        self._sim, self._hook = sim, hook

    def value(self, name: str) -> Any:
        """What a parameter of this name is given."""
        made: dict[str, Callable[[], Any]] = {
            "account_id": lambda: self._sim.config.bot_id,
            "user_id": lambda: self._id("alice"),
            "target_id": lambda: self._id("alice"),
            "recipient_id": lambda: self._id("alice"),
            "participant_ids": lambda: [self._id("alice"), self._id("bob")],
            "user_ids": lambda: [self._id("alice"), self._id("bob")],
            "username": lambda: "alice",
            "usernames": lambda: ["alice", "bob"],
            "text": lambda: f"text {self._sim.world.ids.next()}",
            "post_id": self._post,
            "post_ids": lambda: [self._post()],
            "message_id": self._message,
            "conversation_id": lambda: self._sim.world.messages[self._message()].conversation_id,
            "media_id": lambda: self._media("dm_image"),
            "media_ids": lambda: [self._media("tweet_image")],
            "url": lambda: self._hook,
            "address": lambda: self._sim._parts.media.address(self._media("dm_image")),
            "webhook_id": self._webhook,
            "subscription_id": self._subscription,
            "subscription_ids": lambda: [self._subscription()],
            "event_type": lambda: "post.create",
            "connection_ids": lambda: ["none"],
            "from_at": lambda: datetime.now(UTC) - timedelta(minutes=5),
            "to_at": lambda: datetime.now(UTC) - timedelta(minutes=2),
            "days": lambda: 3,
            "alt_text": lambda: "a dot",
            "category": lambda: "tweet_image",
            "media_category": lambda: "tweet_image",
            "media_type": lambda: "image/png",
            "total_bytes": lambda: len(PNG),
            "segment_index": lambda: 0,
            "upload_id": self._uploading,
            "data": lambda: PNG,
        }
        if name not in made:
            raise AssertionError(f"World.value does not know what to give a parameter `{name}`: add it there")
        return made[name]()

    def _id(self, name: str) -> str:
        user = self._sim.world.named(name)
        assert user is not None
        return user.id

    def _post(self) -> str:
        """A reply to the bot's: it can be read, liked, hidden, and (being the bot's own) deleted."""
        world = self._sim.world
        bot = world.users[self._sim.config.bot_id]
        first = world.publish_post(bot, f"post {world.ids.next()}")
        return world.publish_post(bot, f"reply {world.ids.next()}", in_reply_to_id=first.id).id

    def _message(self) -> str:
        world = self._sim.world
        return world.send(world.users[self._sim.config.bot_id], world.users[self._id("alice")], "hello").id

    def _media(self, category: str) -> str:
        library = self._sim._parts.media
        return library.whole(category, PNG, [self._sim.config.bot_id]).id

    def _uploading(self) -> str:
        """An upload whose bytes are there, and which is not finalized."""
        owners = [self._sim.config.bot_id]
        media = self._sim._parts.media.begin("tweet_image", "image/png", len(PNG), owners)
        media.chunks[0] = PNG
        return media.id

    def _webhook(self) -> str:
        hooks = self._sim.webhooks.all()
        hook = hooks[0] if hooks else self._sim.webhooks.put(self._hook)
        self._sim.subscriptions.accounts[hook.id] = {self._id("alice"): None}
        return hook.id

    def _subscription(self) -> str:
        made = self._sim.subscriptions
        for one in list(made.activity.values()):
            made.remove(one.id)
        wanted = {"user_id": self._sim.config.bot_id}
        return made.add("post.delete", wanted, tag="", webhook_id=self._webhook()).id

    def forget_webhooks(self) -> None:
        """Make room for one."""
        for hook in self._sim.webhooks.all():
            self._sim.subscriptions.drop_webhook(self._sim.webhooks.delete(hook.id).id)


def _calls() -> list[tuple[str, Callable[..., Call[Any]]]]:
    found = []
    for module in pkgutil.iter_modules(botkit.x.calls.__path__):
        if module.name in _ELSEWHERE:
            continue
        loaded = importlib.import_module(f"botkit.x.calls.{module.name}")
        for name in loaded.__all__ if hasattr(loaded, "__all__") else ():
            made = getattr(loaded, name)
            told = inspect.signature(made).return_annotation if inspect.isfunction(made) else ""
            if str(told).startswith("Call[") and name not in _ELSEWHERE:
                found.append((f"{module.name}.{name}", made))
    return found


CALLS = dict(_calls())


@pytest.fixture
async def client(sim: Simulator, spec: Spec) -> AsyncIterator[Client]:
    """botkit's client, whose transport checks everything."""
    transport, keys = Checked(spec), sim.config
    credentials = Credentials(
        consumer_key=keys.consumer_key,
        consumer_secret=keys.consumer_secret,
        access_token=keys.access_token,
        access_token_secret=keys.access_token_secret,
    )
    yield Client(transport, credentials, api_url=sim.url)
    await transport.close()


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_a_call_is_as_x_describes_it(sim: Simulator, client: Client, hook: str, name: str) -> None:
    world, made = World(sim, hook), CALLS[name]
    parameters = inspect.signature(made).parameters.values()
    needed = {one.name for one in parameters if one.default is one.empty}
    given = {each: world.value(each) for each in needed | _WANTED.get(name, set())}
    if name == "webhooks.create_webhook":
        world.forget_webhooks()
    call = made(**given)
    try:
        await client.do(call, sim.config.bot_id)
    except XError as refused:
        pytest.fail(f"{name} was refused: {refused}")


#: optional parameters without which a call says nothing
_WANTED = {
    "posts.create_post": {"text", "media_ids"},
    "dm.send": {"text", "media_id"},
    "dm.send_to_conversation": {"text"},
    "dm.start_group": {"text"},
    "activity.create_subscription": {"user_id", "webhook_id"},
    "activity.update_subscription": {"webhook_id"},
}


def test_no_call_is_forgotten() -> None:
    assert {"webhooks.replay", "posts.create_post", "dm.send", "users.me"} <= CALLS.keys()
    assert shape("/2/users/{id:[0-9]{1,19}}/likes") == shape_of("/2/users/12/likes")
