"""Connecting to the simulator: what is missing is made, what is there is kept, and errors are one line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from botkit.errors import UserError
from botkit.events import DirectMessage, DirectMessageSent, Event, Follow, Like, NewsPublished
from botkit.network import lifecycle
from botkit.network.client import Client, Credentials
from botkit.network.transport import AiohttpTransport
from botkit.simulator import Simulator, SimulatorConfig
from botkit.x.calls import activity, webhooks
from botkit.x.signature import answer_crc
from botkit.x.wire import Response

EVENTS: tuple[type[Event], ...] = (DirectMessage, Follow, Like)
TYPES = {"dm.received", "follow.follow", "like.create"}


class Recording(AiohttpTransport):
    """The real transport, with a list of what went out."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        self.sent.append(f"{method} {url.partition('?')[0].partition('/2/')[2] or 'token'}")
        return await super().send(method, url, headers, body)


@dataclass
class Place:
    """A simulator, a webhook that answers its challenges (or not), and the way to connect."""

    sim: Simulator
    client: Client
    transport: Recording
    url: str
    log: Any
    answers: list[bool] = field(default_factory=lambda: [True])

    @property
    def keys(self) -> Credentials:
        """The keys of the simulator's app."""
        keys = self.sim.config
        return Credentials(
            consumer_key=keys.consumer_key,
            consumer_secret=keys.consumer_secret,
            access_token=keys.access_token,
            access_token_secret=keys.access_token_secret,
        )

    async def connect(
        self,
        *events: type[Event],
        url: str = "",
        delivery: lifecycle.Delivery = "activity",
        client: Client | None = None,
    ) -> lifecycle.Connected:
        """Connect as a bot does that wants these events."""
        self.transport.sent.clear()
        return await lifecycle.connect(
            client or self.client,
            url=url or self.url,
            delivery=delivery,
            events=events or EVENTS,
            log=self.log.logger,
        )

    @property
    def made(self) -> list[str]:
        """What the last connecting changed at X."""
        return [one for one in self.transport.sent if not one.startswith("GET") and one != "POST token"]

    async def refused(self, **how: Any) -> str:
        """The one line with which connecting ends."""
        with pytest.raises(UserError) as caught:
            await self.connect(**how)
        line = str(caught.value)
        assert "\n" not in line
        return line

    async def types(self) -> dict[str, activity.Subscription]:
        """The subscriptions by type."""
        page = await self.client.do(activity.list_subscriptions())
        return {one.event_type: one for one in page.subscriptions}


@pytest.fixture
async def place_with(log: Any) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def start(**settings: Any) -> Place:
            sim = await stack.enter_async_context(Simulator(SimulatorConfig(**settings), log=log.logger))
            answers = [True]

            async def hook(request: web.Request) -> web.Response:
                if not answers[0]:
                    return web.json_response({"response_token": "sha256=wrong"})
                body = answer_crc([sim.config.consumer_secret], request.rel_url.raw_query_string)
                return web.Response(body=body, content_type="application/json")

            app = web.Application()
            app.router.add_route("*", "/{path:.*}", hook)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            transport = Recording()
            stack.push_async_callback(transport.close)
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
            place = Place(
                sim, Client(transport, Credentials(), api_url=sim.url), transport, url, log, answers
            )
            place.client = Client(transport, place.keys, api_url=sim.url)
            return place

        yield start


@pytest.fixture
async def place(place_with: Callable[..., Any]) -> Place:
    started: Place = await place_with()
    return started


# -- the straight way ----------------------------------------------------------------------------------------


async def test_the_first_run_registers_and_subscribes(place):
    connected = await place.connect()
    (hook,) = place.sim.webhooks.all()
    assert (hook.id, hook.url, hook.valid) == (connected.webhook_id, place.url, True)
    assert (connected.account.username, connected.subscribed) == (place.sim.config.bot_username, 3)
    found = await place.types()
    assert set(found) == TYPES
    for one in found.values():
        assert (one.user_id, one.webhook_id, one.tag) == (place.sim.config.bot_id, hook.id, lifecycle.TAG)
    (line,) = place.log.lines("connected")
    assert (line["account"], line["subscriptions_made"]) == (place.sim.config.bot_username, 3)


@pytest.mark.parametrize("delivery", ["activity", "account_activity"])
async def test_the_second_run_makes_nothing(place, delivery):
    first = await place.connect(delivery=delivery)
    second = await place.connect(delivery=delivery)
    assert place.made == []
    assert (second.webhook_id, second.subscribed, second.problems) == (first.webhook_id, 0, ())


async def test_only_what_is_missing_is_made(place):
    await place.connect(DirectMessage)
    connected = await place.connect(DirectMessage, DirectMessageSent, Follow)
    assert place.made == ["POST activity/subscriptions"] * 2
    assert connected.subscribed == 2
    assert set(await place.types()) == {"dm.received", "dm.sent", "follow.follow"}


async def test_what_is_not_needed_any_more_is_removed(place):
    await place.connect()
    connected = await place.connect(DirectMessage)
    assert (connected.subscribed, connected.removed) == (0, 2)
    assert set(await place.types()) == {"dm.received"}
    assert place.made == ["DELETE activity/subscriptions"]


async def test_what_others_subscribed_is_kept(place):
    """Another tag, none, another living webhook: whatever is not provably ours."""
    first = await place.connect(DirectMessage)
    me = {"user_id": place.sim.config.bot_id}
    add = place.sim.subscriptions.add
    add("post.create", me, tag="mine", webhook_id=first.webhook_id)
    add("like.create", me, tag="", webhook_id=first.webhook_id)
    add("mute.mute", {"user_id": "777"}, tag=lifecycle.TAG, webhook_id="")
    kept = {one.id for one in place.sim.subscriptions.activity.values()}
    add("spaces.start", me, tag=lifecycle.TAG, webhook_id=first.webhook_id)
    add("spaces.end", me, tag=lifecycle.TAG, webhook_id="404404")
    assert (await place.connect(DirectMessage)).removed == 2
    assert {one.id for one in place.sim.subscriptions.activity.values()} == kept


async def test_everything_is_one_subscription_with_account_activity(place):
    connected = await place.connect(delivery="account_activity")
    assert connected.subscribed == 1
    assert {each: set(users) for each, users in place.sim.subscriptions.accounts.items()} == {
        connected.webhook_id: {place.sim.config.bot_id}
    }
    assert await place.types() == {}


async def test_subscriptions_on_the_second_page_are_seen(place):
    await place.connect()
    subscriptions = place.sim.subscriptions
    first = list(subscriptions.activity.values())
    for one in first:
        subscriptions.remove(one.id)
    for number in range(1_000):
        subscriptions.add("post.create", {"user_id": str(number + 1)}, tag="", webhook_id="")
    for one in first:
        subscriptions.add(one.event_type, one.filter, tag="", webhook_id=one.webhook_id)
    assert (await place.connect()).subscribed == 0
    assert place.made == []


# -- what is not as it should be -----------------------------------------------------------------------------


async def test_an_invalid_webhook_is_validated_again(place):
    webhook_id = (await place.connect()).webhook_id
    place.answers[0] = False
    await place.sim.webhooks.check_all()
    assert not place.sim.webhooks.get(webhook_id).valid
    place.answers[0] = True
    assert (await place.connect()).webhook_id == webhook_id
    assert place.made == [f"PUT webhooks/{webhook_id}"]
    assert place.sim.webhooks.get(webhook_id).valid
    assert place.log.lines("webhook_validated")


@pytest.mark.parametrize(("after", "works"), [(True, True), (False, False)])
async def test_an_answer_that_does_not_say_valid_is_looked_up(place, after, works):
    """Some of X's answers say only that the challenge was attempted."""

    class Attempted(Recording):
        async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
            answer = await super().send(method, url, headers, body)
            if method != "PUT":
                return answer
            place.sim.webhooks.get(webhook_id).valid = after
            return replace(answer, body=b'{"data":{"attempted":true}}')

    webhook_id = (await place.connect()).webhook_id
    place.sim.webhooks.get(webhook_id).valid = False
    transport = Attempted()
    client = Client(transport, place.keys, api_url=place.sim.url)
    try:
        if works:
            assert (await place.connect(client=client)).webhook_id == webhook_id
        else:
            line = await place.refused(client=client)
            assert line == (
                f"X still holds webhook {webhook_id} for invalid; see that {place.url} reaches this bot"
            )
    finally:
        await transport.close()


async def test_a_subscription_for_one_direction_is_not_the_whole(place):
    hook = await place.client.do(webhooks.create_webhook(place.url))
    call = activity.create_subscription(
        "follow.follow", user_id=place.sim.config.bot_id, direction="inbound", webhook_id=hook.id
    )
    await place.client.do(call)
    assert (await place.connect(Follow)).subscribed == 1
    assert sorted(one.filter.get("direction", "") for one in place.sim.subscriptions.activity.values()) == [
        "",
        "inbound",
    ]


async def test_a_subscription_of_another_account_is_not_ours(place):
    hook = await place.client.do(webhooks.create_webhook(place.url))
    other = place.sim.world.named("alice").id
    await place.client.do(activity.create_subscription("post.create", user_id=other, webhook_id=hook.id))
    await place.client.do(activity.create_subscription("follow.follow", user_id=other, webhook_id=hook.id))
    assert (await place.connect(Follow)).subscribed == 1


@pytest.mark.parametrize("old", ["", "777"])
async def test_a_subscription_whose_webhook_is_gone_is_moved(place, old):
    for kind in ("dm.received", "like.create"):
        place.sim.subscriptions.add(kind, {"user_id": place.sim.config.bot_id}, tag="mine", webhook_id=old)
    connected = await place.connect()
    assert connected.subscribed == 1
    found = await place.types()
    assert {one.webhook_id for one in found.values()} == {connected.webhook_id}
    assert found["dm.received"].tag == "mine"
    assert len(place.log.lines("subscription_moved")) == 2


async def test_a_subscription_of_another_living_webhook_is_left(place_with):
    place = await place_with(webhook_limit=2)
    first = await place.connect()
    other = place.url.replace("/webhook", "/other")
    line = await place.refused(url=other)
    subscription = (await place.types())["dm.received"]
    assert line == (
        f"dm.received of account {place.sim.config.bot_id} is subscribed to another webhook, "
        f"{first.webhook_id}; delete subscription {subscription.id} at X "
        f"(botkit subscription remove {subscription.id}), or that webhook"
    )
    assert subscription.webhook_id == first.webhook_id


# -- several accounts ----------------------------------------------------------------------------------------


async def made_so(place, delivery, *accounts, own=None):
    """Make it so for the bot's own account and others, of which nothing but the id is known."""
    desired = lifecycle.Desired(delivery=delivery, url=place.url, events=EVENTS, accounts=accounts)
    place.transport.sent.clear()
    return await lifecycle.make_so(place.client, desired, log=place.log.logger, own=own)


async def test_an_account_without_tokens_gets_what_the_app_may_have_and_the_rest_is_told(place):
    done = await made_so(place, "activity", "777")
    mine = [one for one in place.sim.subscriptions.activity.values() if one.filter["user_id"] != "777"]
    assert len(mine) == 3
    (problem,) = done.problems
    assert problem.line.startswith(
        "X refused when asked to subscribe dm.received, like.create of account 777"
    )
    assert problem.line.endswith(
        "; the account must have granted dm.read like.read, or OAuth 1.0a with direct messages"
    )


@pytest.mark.parametrize("delivery", ["account_activity", "enterprise"])
async def test_an_account_without_tokens_keeps_no_other_out(place, delivery):
    done = await made_so(place, delivery, "777")
    assert done.subscribed == 1
    (problem,) = done.problems
    assert (problem.about, problem.account_id) == ("account", "777")
    assert problem.line.endswith("; sign the account in again")


@pytest.mark.parametrize("delivery", ["account_activity", "enterprise"])
async def test_the_subscription_of_an_account_that_went_is_ended_if_it_was_ours(place, delivery):
    first = await made_so(place, delivery)
    (subscribed,) = [each for each in place.sim.subscriptions.accounts.values() if each]
    subscribed["777"] = subscribed["888"] = 0.0
    own = replace(first.own, accounts=first.own.accounts | {"777"})
    second = await made_so(place, delivery, own=own)
    assert second.removed == 1
    assert set(subscribed) == {place.sim.config.bot_id, "888"}
    assert "777" not in second.own.accounts


async def test_the_subscriptions_of_an_account_that_went_are_ended(place):
    first = await made_so(place, "activity")
    place.sim.subscriptions.add("like.create", {"user_id": "777"}, tag=lifecycle.TAG, webhook_id="")
    place.sim.subscriptions.add("like.create", {"user_id": "888"}, tag=lifecycle.TAG, webhook_id="")
    own = replace(first.own, accounts=first.own.accounts | {"777"})
    assert (await made_so(place, "activity", own=own)).removed == 1
    users = {one.filter["user_id"] for one in place.sim.subscriptions.activity.values()}
    assert users == {place.sim.config.bot_id, "888"}


async def test_news_are_asked_for_by_keyword_and_refused_to_most_packages_in_one_line(place):
    """X gives them to enterprise and partner apps only."""
    desired = lifecycle.Desired(
        delivery="activity", url=place.url, events=[NewsPublished], keywords=("X API", "bots")
    )
    place.transport.sent.clear()
    done = await lifecycle.make_so(place.client, desired, log=place.log.logger)
    assert place.made.count("POST activity/subscriptions") >= 2
    (problem,) = done.problems
    assert problem.line == (
        "X refused when asked to subscribe news.new of the keywords X API, bots: "
        "This feature is not available in your package."
    )


async def test_a_limit_of_subscriptions_becomes_advice(place_with):
    place = await place_with(activity_limit=2)
    done = await made_so(place, "activity")
    assert done.subscribed == 2
    (problem,) = done.problems
    assert problem.line.endswith("; end some (botkit subscription list), or handle fewer kinds of events")


# -- refusals ------------------------------------------------------------------------------------------------


async def test_the_limit_names_the_webhook_that_is_there(place):
    webhook_id = (await place.connect()).webhook_id
    other = place.url.replace("/webhook", "/other")
    assert await place.refused(url=other) == (
        f"X takes no further webhook, so {other} can't be registered; "
        f"delete the one that is there at X (botkit webhook remove {webhook_id}), "
        f"or use its address: {place.url} (id {webhook_id})"
    )


async def test_a_challenge_that_fails(place):
    place.answers[0] = False
    line = await place.refused()
    assert line.startswith(f"X refused when asked to register {place.url}: ")
    assert "response_token" in line
    assert place.sim.webhooks.all() == []


async def test_an_address_that_x_does_not_take(place):
    line = await place.refused(url="http://bot.example.com/webhook")
    assert line.startswith("X refused when asked to register http://bot.example.com/webhook: ")
    assert "https" in line


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        ({"server_error": -1}, "X refused when asked whose account this is: "),
        ({"unavailable": -1}, "X refused when asked whose account this is: "),
        ({"outage": -1}, "X could not be asked whose account this is: no answer"),
        ({"no_credits": -1}, "X refused when asked whose account this is: credits depleted"),
        ({"rate_limited": -1, "path": "/2/webhooks"}, "X refused when asked for the list of webhooks: "),
        (
            {"server_error": -1, "path": "/2/activity"},
            "X refused when asked for the list of subscriptions: ",
        ),
    ],
)
async def test_what_x_says_is_told_with_what_was_asked(place, faults, said):
    place.sim.faults.change(faults)
    assert (await place.refused()).startswith(said)


async def test_wrong_keys(place):
    wrong = replace(place.keys, access_token_secret="wrong")
    client = Client(place.transport, wrong, api_url=place.sim.url)
    line = await place.refused(client=client)
    assert line == "X refused when asked whose account this is: Unauthorized"
    assert "wrong" not in line


async def test_no_keys(place):
    client = Client(place.transport, Credentials(), api_url=place.sim.url)
    line = await place.refused(client=client)
    assert line.startswith("X could not be asked whose account this is: user.me needs ")
    assert "x.consumer_key" in line


async def test_nobody_there(place):
    await place.sim.stop()
    assert (await place.refused()).startswith("X could not be asked whose account this is: can't connect")


async def test_an_account_that_x_does_not_subscribe(place):
    class Silent(Recording):
        async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
            if method == "POST" and url.endswith("/subscriptions/all"):
                return Response(200, {}, b'{"data":{"subscribed":false}}')
            return await super().send(method, url, headers, body)

    transport = Silent()
    client = Client(transport, place.keys, api_url=place.sim.url)
    try:
        line = await place.refused(delivery="account_activity", client=client)
    finally:
        await transport.close()
    assert line.startswith(f"X did not subscribe account {place.sim.config.bot_id} to webhook ")
