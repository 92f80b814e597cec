"""Both sides agree: every call of botkit's own client, against the simulator, gives its typed answer."""

from __future__ import annotations

import base64
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import aiohttp
import pytest
import structlog
from aiohttp import web

from botkit.api import Api
from botkit.errors import (
    ActionRefused,
    Forbidden,
    InvalidRequest,
    OutcomeUnknown,
    RateLimited,
    Unauthorized,
    XUnavailable,
)
from botkit.events import DirectMessage, Follow, Like, Media, Mention, QuickReplyOption
from botkit.network import lifecycle
from botkit.network.client import Client, Credentials
from botkit.network.transport import AiohttpTransport
from botkit.simulator import Simulator, SimulatorConfig
from botkit.x.calls import (
    account_activity,
    activity,
    dm,
    dm_v11,
    media,
    posts,
    sign_in,
    users,
    webhooks,
    welcome,
)
from botkit.x.calls import account_activity_v11 as v11
from botkit.x.signature import answer_crc

_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Pair:
    """A simulator on the machine's clock, and botkit's client."""

    def __init__(self, sim: Simulator, client: Client, url: str) -> None:
        self.sim, self.client, self.url = sim, client, url
        self.bot = sim.config.bot_id

    def id(self, name: str) -> str:
        """A user's id."""
        user = self.sim.world.named(name)
        assert user is not None
        return user.id

    async def do(self, call):
        """Carry the call out as the bot."""
        return await self.client.do(call, self.bot)


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    async with Simulator(SimulatorConfig(replay_ages_s=(0, 0)), log=structlog.get_logger()) as sim:
        keys = sim.config

        async def hook(request: web.Request) -> web.Response:
            if request.method == "POST":
                return web.Response()
            body = answer_crc([keys.consumer_secret], request.rel_url.raw_query_string)
            return web.Response(body=body, content_type="application/json")

        app = web.Application()
        app.add_routes([web.route("*", "/hook", hook)])
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        transport = AiohttpTransport(now=time.time)
        credentials = Credentials(
            consumer_key=keys.consumer_key,
            consumer_secret=keys.consumer_secret,
            access_token=keys.access_token,
            access_token_secret=keys.access_token_secret,
        )
        client = Client(transport, credentials, api_url=sim.url)
        yield Pair(sim, client, f"http://127.0.0.1:{runner.addresses[0][1]}/hook")
        await transport.close()
        await runner.cleanup()


async def test_a_picture_that_somebody_sent_is_the_accounts_to_get(pair):
    api = Api(pair.client, pair.bot)
    async with aiohttp.ClientSession() as session:
        body = {"from": "alice", "picture": base64.b64encode(_PNG).decode()}
        async with session.post(f"{pair.sim.url}/_sim/dm", json=body) as answer:
            sent = await answer.json()
        assert answer.status == 200, sent
        async with session.get(sent["media"]) as answer:
            assert answer.status == 401, "without the account's signature"
        async with session.post(
            f"{pair.sim.url}/_sim/dm", json={"from": "alice", "picture": "bm8="}
        ) as answer:
            assert "the picture can't be taken" in (await answer.json())["error"]
    assert await api.download(Media(url=sent["media"])) == _PNG
    with pytest.raises(InvalidRequest):
        await api.download(f"{pair.sim.url}/simulated/media/5")
    with pytest.raises(ActionRefused, match="no address"):
        await api.download(Media())


@pytest.mark.parametrize("delivery", ["activity", "account_activity"])
async def test_a_bot_connects_and_connects_again(pair, delivery):
    wanted = [DirectMessage, Follow, Like, Mention]
    for _ in range(2):
        connected = await lifecycle.connect(
            pair.client, url=pair.url, delivery=delivery, events=wanted, log=structlog.get_logger()
        )
        assert connected.account.id == pair.bot
    assert len(pair.sim.webhooks.all()) == 1
    assert connected.webhook_id == pair.sim.webhooks.all()[0].id


async def test_messages(pair):
    alice = pair.id("alice")
    sent = await pair.do(dm.send(alice, "1 < 2 & 3"))
    assert sent.conversation_id == dm.conversation_of(pair.bot, alice)
    again = await pair.do(dm.send_to_conversation(sent.conversation_id, "again"))
    for call in (dm.messages(), dm.messages_with(alice), dm.messages_in(sent.conversation_id)):
        page = await pair.do(call)
        assert [one.message_id for one in page.messages] == [again.message_id, sent.message_id]
    assert (await pair.do(dm.message(sent.message_id))).text == "1 < 2 & 3"
    group = await pair.do(dm.start_group([alice, pair.id("bob")], "all"))
    assert group.message_id
    assert await pair.do(dm.delete_message(sent.message_id))
    assert await pair.do(dm.block_messages(alice)) is True
    assert await pair.do(dm.unblock_messages(alice)) is False


async def test_rich_messages(pair):
    alice = pair.id("alice")
    options = (QuickReplyOption(label="Yes", metadata="y"), QuickReplyOption(label="No", metadata="n"))
    sent = await pair.do(dm_v11.send_rich(alice, "Sure?", options=options))
    assert pair.sim.world.messages[sent.message_id].options[1] == {"label": "No", "metadata": "n"}
    await pair.do(dm_v11.typing(alice))
    mine = pair.sim.world.send(pair.sim.world.users[alice], pair.sim.world.users[pair.bot], "yes")
    await pair.do(dm_v11.mark_read(alice, mine.id))


async def test_posts(pair):
    made = await pair.do(posts.create_post("hello"))
    post_id = pair.sim.world.posts[made.post_id].id
    assert await pair.do(posts.like(pair.bot, post_id)) is True
    assert await pair.do(posts.unlike(pair.bot, post_id)) is False
    assert await pair.do(posts.repost(pair.bot, post_id)) is True
    assert await pair.do(posts.unrepost(pair.bot, post_id)) is False
    listed = await pair.do(posts.recent_posts(pair.bot))
    assert (listed[0].post_id, listed[0].text) == (post_id, "hello")
    alice = pair.sim.world.users[pair.id("alice")]
    reply = pair.sim.world.publish_post(alice, "nice", in_reply_to_id=post_id)
    assert await pair.do(posts.hide_reply(reply.id)) is True
    assert await pair.do(posts.delete_post(post_id)) is True


async def test_people(pair):
    alice = pair.id("alice")
    assert (await pair.do(users.me())).id == pair.bot
    assert (await pair.do(users.user(alice))).username == "alice"
    assert (await pair.do(users.user_by_name("@alice"))).id == alice
    assert [user.id for user in await pair.do(users.users([alice, pair.bot]))] == [alice, pair.bot]
    assert [user.id for user in await pair.do(users.users_by_name(["alice"]))] == [alice]
    assert (await pair.do(users.follow(pair.bot, alice))).following
    for call, now in (
        (users.unfollow(pair.bot, alice), False),
        (users.mute(pair.bot, alice), True),
        (users.unmute(pair.bot, alice), False),
        (users.block(pair.bot, alice), True),
        (users.unblock(pair.bot, alice), False),
    ):
        assert await pair.do(call) is now


async def test_management(pair):
    hook = await pair.do(webhooks.create_webhook(pair.url))
    assert [one.url for one in await pair.do(webhooks.list_webhooks())] == [pair.url]
    assert await pair.do(webhooks.validate_webhook(hook.id)) is True
    for _ in range(2):
        assert await pair.do(account_activity.subscribe(hook.id)) is True
    assert await pair.do(account_activity.check(hook.id)) is True
    assert await pair.do(account_activity.subscribed_users(hook.id)) == (pair.bot,)
    assert await pair.do(account_activity.count())
    await pair.do(account_activity.unsubscribe(hook.id, pair.bot))
    assert await pair.do(account_activity.check(hook.id)) is False
    page = await pair.do(activity.list_subscriptions())
    assert page.subscriptions == ()
    assert await pair.do(webhooks.delete_webhook(hook.id)) is True


async def test_refusals_are_typed(pair):
    faults = pair.sim.faults
    for fault, error in (
        ("rate_limited", RateLimited),
        ("server_error", XUnavailable),
        ("unavailable", XUnavailable),
        ("lost_answer", OutcomeUnknown),
    ):
        faults.change({fault: 1})
        with pytest.raises(error):
            await pair.do(dm.send(pair.id("alice"), f"hi {fault}"))
    texts = [message.text for message in pair.sim.world.messages.values()]
    assert texts == ["hi lost_answer"]
    with pytest.raises(Forbidden):
        await pair.do(dm.send("5", "nobody"))
    with pytest.raises(InvalidRequest):
        await pair.do(posts.delete_post("5"))
    pair.sim.world.users[pair.bot].name = "Gone"
    pair.sim.tokens.revoke(pair.bot)
    with pytest.raises(Unauthorized):
        await pair.do(users.me())


@pytest.mark.parametrize("environment", ["", "dev"])
async def test_management_of_v1_1(pair, environment):
    where = {"environment": environment}
    made = await pair.do(v11.create_webhook(pair.url, **where))
    assert [hook.id for hook in await pair.do(v11.list_webhooks(**where))] == [made.id]
    assert made.valid
    await pair.do(v11.validate_webhook(made.id, **where))
    assert await pair.do(v11.check(made.id, **where)) is False
    for _ in range(2):
        assert await pair.do(v11.subscribe(made.id, **where)) is True
    assert await pair.do(v11.check(made.id, **where)) is True
    assert await pair.do(v11.subscribed_users(made.id, **where)) == (pair.bot,)
    assert (await pair.do(v11.count(**where))).active == 1
    for _ in range(2):
        assert await pair.do(v11.unsubscribe(pair.bot, made.id, **where)) is False
    await pair.do(v11.delete_webhook(made.id, **where))
    assert await pair.do(v11.list_webhooks(**where)) == ()
    with pytest.raises(Forbidden):
        await pair.do(v11.list_webhooks(environment="Dev"))


async def test_a_replay_of_v1_1(pair):
    made = await pair.do(v11.create_webhook(pair.url))
    now = datetime.now(UTC)
    job = await pair.do(v11.replay(made.id, now - timedelta(hours=2), now - timedelta(hours=1)))
    assert job.job_id


async def test_uploads(pair):
    made = await pair.do(media.upload(_PNG, "dm_image"))
    await pair.do(media.set_alt_text(made.media_id, "a dot"))
    sent = await pair.do(dm.send(pair.id("alice"), media_id=made.media_id))
    assert pair.sim.world.messages[sent.message_id].media_id == made.media_id
    begun = await pair.do(media.initialize("image/png", len(_PNG), "tweet_image"))
    await pair.do(media.append(begun.media_id, 0, _PNG[:9]))
    await pair.do(media.append(begun.media_id, 1, _PNG[9:]))
    await pair.do(media.finalize(begun.media_id))
    posted = await pair.do(posts.create_post("see", media_ids=[begun.media_id]))
    assert pair.sim.world.posts[posted.post_id].media_ids == (begun.media_id,)


async def test_lists_of_people(pair):
    alice = pair.sim.world.users[pair.id("alice")]
    pair.sim.world.relate("follow", alice, pair.sim.world.users[pair.bot])
    assert [user.id for user in (await pair.do(users.followers(pair.bot))).users] == [alice.id]
    assert [user.id for user in (await pair.do(users.following(alice.id))).users] == [pair.bot]


async def test_welcome_messages(pair):
    made = await pair.do(welcome.create_welcome_message("hello & welcome", name="first"))
    page = await pair.do(welcome.welcome_messages())
    assert [(one.id, one.name, one.text) for one in page.messages] == [(made.id, "first", "hello & welcome")]
    rule = await pair.do(welcome.create_rule(made.id))
    assert await pair.do(welcome.rules()) == (rule,)
    await pair.do(welcome.delete_rule(rule.id))
    await pair.do(welcome.delete_welcome_message(made.id))
    assert (await pair.do(welcome.welcome_messages())).messages == ()


async def test_signing_out(pair):
    await pair.do(webhooks.list_webhooks())
    await pair.do(sign_in.invalidate_app_token(pair.sim.config.bearer_token))
    await pair.do(webhooks.list_webhooks())
    await pair.do(sign_in.invalidate_token())
    with pytest.raises(Unauthorized):
        await pair.do(users.me())
