"""Clients that nobody here wrote work against the simulator: X's own SDK for Python, and tweepy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
import requests
import tweepy
import xdk
from requests.adapters import HTTPAdapter
from requests_oauthlib import OAuth1Session
from xdk.oauth1_auth import OAuth1
from xdk.streaming import StreamConfig

from botkit.simulator import Simulator
from tests.simulator.signing_in import allow, callback_of


class ToSimulator(HTTPAdapter):
    """Brings requests for X's fixed hosts to a simulator; they are signed for X, and stay so."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Send it there, with the host it was made for."""
        parts = urlsplit(str(request.url))
        request.headers["Host"] = parts.netloc
        request.url = self._url + str(request.url).removeprefix(f"{parts.scheme}://{parts.netloc}")
        return super().send(request, *args, **kwargs)


@pytest.fixture
def sdk(sim: Simulator) -> Iterator[xdk.Client]:
    """X's SDK as the app, with its own token."""
    client = xdk.Client(base_url=sim.url, bearer_token=sim.config.bearer_token)
    yield client
    client.session.close()


@pytest.fixture
def user_sdk(sim: Simulator) -> Iterator[xdk.Client]:
    """X's SDK as the bot, with its OAuth 1.0a tokens. It has none of the app's: it would prefer them."""
    keys = sim.config
    auth = OAuth1(keys.consumer_key, keys.consumer_secret, "oob", keys.access_token, keys.access_token_secret)
    client = xdk.Client(base_url=sim.url, auth=auth)
    yield client
    client.session.close()


@pytest.fixture
def bird(sim: Simulator) -> Iterator[tweepy.Client]:
    """tweepy, with the same."""
    keys = sim.config
    client = tweepy.Client(
        keys.bearer_token,
        keys.consumer_key,
        keys.consumer_secret,
        keys.access_token,
        keys.access_token_secret,
    )
    for host in ("https://api.twitter.com", "https://api.x.com"):
        client.session.mount(host, ToSimulator(sim.url))
    yield client
    client.session.close()


def _id(sim: Simulator, name: str) -> str:
    user = sim.world.named(name)
    assert user is not None
    return user.id


async def test_x_s_sdk_registers_and_subscribes(
    sim: Simulator, sdk: xdk.Client, user_sdk: xdk.Client, hook: str
) -> None:
    def journey() -> str:
        made = sdk.webhooks.create(xdk.schemas.CreateWebhooksRequest(url=hook))
        assert made.data.url == hook
        assert made.data.valid
        assert [one.id for one in sdk.webhooks.get().data] == [made.data.id]
        assert sdk.webhooks.validate(made.data.id).data.valid
        everything = user_sdk.account_activity.create_subscription(made.data.id, {})
        assert everything.data.subscribed
        counted = sdk.account_activity.get_subscription_count()
        assert counted.data.subscriptions_count_all == "1"
        one = user_sdk.activity.create_subscription(
            {
                "event_type": "dm.received",
                "filter": {"user_id": sim.config.bot_id},
                "webhook_id": made.data.id,
            }
        )
        assert one.data.subscription.event_type == "dm.received"
        listed = next(iter(sdk.activity.get_subscriptions()))
        assert [each.subscription_id for each in listed.data] == [one.data.subscription.subscription_id]
        return str(made.data.id)

    hook_id = await asyncio.to_thread(journey)
    assert list(sim.subscriptions.accounts[hook_id]) == [sim.config.bot_id]
    assert len(sim.subscriptions.activity) == 1


async def test_x_s_sdk_sends_and_reads_messages(sim: Simulator, user_sdk: xdk.Client) -> None:
    alice = _id(sim, "alice")

    def journey() -> None:
        sent = user_sdk.direct_messages.create_by_participant_id(alice, {"text": "hello alice"})
        page = next(
            iter(
                user_sdk.direct_messages.get_events_by_participant_id(
                    alice, dm_event_fields=["id", "text", "created_at"], max_results=10
                )
            )
        )
        assert [(one["id"], one["text"]) for one in _plain(page)] == [(sent.data.dm_event_id, "hello alice")]

    await asyncio.to_thread(journey)


async def test_x_s_sdk_sends_and_reads_posts(sim: Simulator, user_sdk: xdk.Client) -> None:
    def journey() -> None:
        made = user_sdk.posts.create({"text": "hello world"})
        read = user_sdk.posts.get_by_id(made.data.id)
        assert read.data.text == "hello world"
        mine = next(iter(user_sdk.users.get_posts(sim.config.bot_id, max_results=5)))
        assert made.data.id in [one["id"] for one in _plain(mine)]
        assert user_sdk.posts.delete(made.data.id).data.deleted

    await asyncio.to_thread(journey)


async def test_x_s_sdk_signs_in_with_pkce_and_refreshes(sim: Simulator) -> None:
    keys = sim.config
    client = xdk.Client(
        base_url=sim.url,
        client_id=keys.client_id,
        client_secret=keys.client_secret,
        redirect_uri="http://127.0.0.1:9/callback",
        scope=["tweet.read", "users.read", "dm.read", "dm.write", "offline.access"],
    )
    url = client.get_authorization_url(state="s t/&").replace("https://x.com", sim.url)
    async with aiohttp.ClientSession() as browser:
        back = callback_of(await allow(browser, url, as_user=_id(sim, "alice")))
    assert back["state"] == "s t/&"

    def journey() -> None:
        first = client.exchange_code(back["code"])
        assert client.users.get_me().data.username == "alice"
        # its library refreshes over https alone
        client.oauth2_auth.base_url = "https://api.x.com"
        client.oauth2_session.mount("https://api.x.com", ToSimulator(sim.url))
        again = client.refresh_token()
        assert again["refresh_token"] != first["refresh_token"]
        client.oauth2_auth.base_url = sim.url
        with pytest.raises(ValueError, match="invalid"):
            client.exchange_code(back["code"])

    await asyncio.to_thread(journey)
    client.session.close()


async def test_x_s_sdk_reads_the_stream(sim: Simulator, sdk: xdk.Client) -> None:
    """A changed profile: the SDK drops posts, whose live bodies say *tweet* where its models want *post*."""
    bot = sim.world.users[sim.config.bot_id]
    subscription = {"event_type": "profile.update.bio", "filter": {"user_id": bot.id}}

    def journey() -> dict[str, Any]:
        sdk.activity.create_subscription(subscription)
        asyncio.run_coroutine_threadsafe(_change(sim), loop).result()
        events = sdk.stream.activity(backfill_minutes=1, stream_config=StreamConfig(max_retries=0, timeout=5))
        try:
            return dict(next(events).model_dump(exclude_none=True)["data"])
        finally:
            events.close()

    loop = asyncio.get_running_loop()
    event = await asyncio.to_thread(journey)
    assert event["event_type"] == "profile.update.bio"
    assert event["payload"] == {"before": "", "after": "I am a bot."}


async def _change(sim: Simulator) -> None:
    sim.world.change_profile(sim.world.users[sim.config.bot_id], "bio", "I am a bot.")


async def test_tweepy_sends_and_reads_messages(sim: Simulator, bird: tweepy.Client) -> None:
    alice = _id(sim, "alice")

    def journey() -> None:
        sent = bird.create_direct_message(participant_id=alice, text="hello & goodbye")
        events = bird.get_direct_message_events(
            participant_id=alice, dm_event_fields=["sender_id", "created_at"], user_auth=True
        )
        assert [str(one.id) for one in events.data] == [sent.data["dm_event_id"]]
        assert events.data[0].text == "hello &amp; goodbye"
        assert str(events.data[0].sender_id) == sim.config.bot_id

    await asyncio.to_thread(journey)


async def test_tweepy_sends_and_reads_posts(sim: Simulator, bird: tweepy.Client) -> None:
    def journey() -> None:
        made = bird.create_tweet(text="hello from afar")
        read = bird.get_tweet(made.data["id"], tweet_fields=["created_at"], user_auth=True)
        assert read.data.text == "hello from afar"
        mine = bird.get_users_tweets(sim.config.bot_id, max_results=5)
        assert str(mine.data[0].id) == made.data["id"]
        with pytest.raises(tweepy.Forbidden, match="duplicate content"):
            bird.create_tweet(text="hello from afar")

    await asyncio.to_thread(journey)


async def test_three_legs_of_oauthlib_end_in_tokens_that_tweepy_works_with(sim: Simulator) -> None:
    keys, bob = sim.config, _id(sim, "bob")
    app = OAuth1Session(keys.consumer_key, client_secret=keys.consumer_secret, callback_uri="oob")
    first = await asyncio.to_thread(app.fetch_request_token, f"{sim.url}/oauth/request_token")
    assert first["oauth_callback_confirmed"] == "true"
    async with aiohttp.ClientSession() as browser:
        url = app.authorization_url(f"{sim.url}/oauth/authorize")
        page = await allow(browser, url, as_user=bob)
    user = OAuth1Session(
        keys.consumer_key,
        client_secret=keys.consumer_secret,
        resource_owner_key=first["oauth_token"],
        resource_owner_secret=first["oauth_token_secret"],
        verifier=page.pin,
    )
    token = await asyncio.to_thread(user.fetch_access_token, f"{sim.url}/oauth/access_token")
    assert (token["user_id"], token["screen_name"]) == (bob, "bob")
    client = tweepy.Client(
        consumer_key=keys.consumer_key,
        consumer_secret=keys.consumer_secret,
        access_token=token["oauth_token"],
        access_token_secret=token["oauth_token_secret"],
    )
    client.session.mount("https://api.twitter.com", ToSimulator(sim.url))
    me = await asyncio.to_thread(client.get_me)
    assert me.data.username == "bob"
    for session in (app, user, client.session):
        session.close()


def _plain(page: Any) -> list[dict[str, Any]]:
    """The items of a page of the SDK's, which are sometimes models and sometimes not."""
    return [
        json.loads(one.model_dump_json()) if hasattr(one, "model_dump_json") else one for one in page.data
    ]
