"""Every v2 call that the simulator serves takes and answers what X's OpenAPI description says."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from tests.parity.conftest import Wire
from tests.parity.spec import EVENTS, MEMBERS, PARAMETERS, PROBLEMS, UNDESCRIBED, VALUES, Spec
from tests.parity.trim_openapi import ENDPOINTS, shape

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
GIF = b"GIF89a" + (2).to_bytes(2, "little") * 2 + b"\x00\x00\x00;"

_USER = (
    "user.fields=created_at,description,location,name,profile_image_url,protected,public_metrics,url,username"
)
_POST = (
    "tweet.fields=author_id,attachments,conversation_id,created_at,edit_controls,edit_history_tweet_ids,entities,"
    "in_reply_to_user_id,lang,note_tweet,possibly_sensitive,public_metrics,referenced_tweets,reply_settings"
    "&expansions=author_id,referenced_tweets.id,attachments.media_keys&media.fields=alt_text,height,width"
    "&user.fields=public_metrics"
)
_MESSAGE = (
    "dm_event.fields=attachments,created_at,dm_conversation_id,entities,event_type,id,sender_id,text,"
    "participant_ids,referenced_tweets&expansions=sender_id,attachments.media_keys"
)


async def _people(wire: Wire) -> None:
    alice, bot = wire.id("alice"), wire.bot
    await wire.call("GET", f"/2/users/me?{_USER}")
    await wire.call("GET", f"/2/users/{alice}?{_USER}", auth="app")
    await wire.call("GET", f"/2/users?ids={alice},{bot},5")
    await wire.call("GET", "/2/users/by/username/alice")
    await wire.call("GET", "/2/users/by?usernames=alice,bob,nobody")
    for collection in ("following", "muting"):
        await wire.call("POST", f"/2/users/{bot}/{collection}", {"target_user_id": alice})
    wire.sim.world.relate("block", wire.sim.world.users[bot], wire.sim.world.users[wire.id("bob")])
    wire.sim.world.relate("follow", wire.sim.world.users[alice], wire.sim.world.users[bot])
    for collection in ("following", "followers"):
        body = await wire.call("GET", f"/2/users/{bot}/{collection}?max_results=10&{_USER}", auth="app")
        assert body["data"][0]["username"] == "alice"
    for collection, name in (("muting", "alice"), ("blocking", "bob")):
        body = await wire.call("GET", f"/2/users/{bot}/{collection}")
        assert body["data"][0]["username"] == name
    for collection in ("following", "muting"):
        await wire.call("DELETE", f"/2/users/{bot}/{collection}/{alice}")


async def _posts(wire: Wire) -> None:
    bot, world = wire.bot, wire.sim.world
    alice = world.users[wire.id("alice")]
    text = "hello @alice #tag $CASH https://example.com/a & <b>"
    made = (await wire.call("POST", "/2/tweets", {"text": text}, status=201))["data"]["id"]
    asked = world.publish_post(alice, "hey @my_bot", in_reply_to_id=made)
    body = {"text": "yes", "reply": {"in_reply_to_tweet_id": asked.id}}
    reply = (await wire.call("POST", "/2/tweets", body, status=201))["data"]["id"]
    quote = {"text": "look", "quote_tweet_id": asked.id}
    await wire.call("POST", "/2/tweets", quote, status=201)
    await wire.call("GET", f"/2/tweets/{reply}?{_POST}")
    await wire.call("GET", f"/2/tweets?ids={made},{asked.id},5&{_POST}", auth="app")
    world.like(alice, world.posts[made])
    await wire.call("POST", f"/2/users/{bot}/likes", {"tweet_id": asked.id})
    await wire.call("POST", f"/2/users/{bot}/retweets", {"tweet_id": asked.id})
    await wire.call("PUT", f"/2/tweets/{asked.id}/hidden", {"hidden": True})
    for path in (
        f"/2/users/{bot}/tweets",
        f"/2/users/{bot}/mentions",
        f"/2/users/{bot}/liked_tweets",
        f"/2/users/{bot}/timelines/reverse_chronological",
    ):
        assert (await wire.call("GET", f"{path}?max_results=5&{_POST}"))["data"]
    body = await wire.call("GET", f"/2/tweets/{asked.id}/quote_tweets?max_results=10")
    assert body["data"][0]["text"].startswith("look")
    for path in (f"/2/tweets/{made}/liking_users", f"/2/tweets/{asked.id}/retweeted_by"):
        assert (await wire.call("GET", f"{path}?max_results=10"))["data"]
    await wire.call("DELETE", f"/2/users/{bot}/likes/{asked.id}")
    await wire.call("DELETE", f"/2/users/{bot}/retweets/{asked.id}")
    await wire.call("DELETE", f"/2/tweets/{reply}")


async def _messages(wire: Wire) -> None:
    alice, bob = wire.id("alice"), wire.id("bob")
    body = await wire.call(
        "POST", f"/2/dm_conversations/with/{alice}/messages", {"text": "hi https://example.com"}, status=201
    )
    conversation, event = body["data"]["dm_conversation_id"], body["data"]["dm_event_id"]
    media = (await _uploaded(wire, "dm_image", PNG))["id"]
    path = f"/2/dm_conversations/{conversation}/messages"
    with_media = await wire.call("POST", path, {"attachments": [{"media_id": media}]}, status=201)
    group = {
        "conversation_type": "Group",
        "participant_ids": [alice, bob],
        "message": {"text": "hello"},
    }
    await wire.call("POST", "/2/dm_conversations", group, status=201)
    for path in (
        "/2/dm_events",
        f"/2/dm_conversations/{conversation}/dm_events",
        f"/2/dm_conversations/with/{alice}/dm_events",
        f"/2/dm_events/{event}",
    ):
        query = "" if path.endswith(event) else "event_types=MessageCreate&max_results=10&"
        assert (await wire.call("GET", f"{path}?{query}{_MESSAGE}"))["data"]
    dm_id = with_media["data"]["dm_event_id"]
    path = f"/2/dm_conversations/media/{dm_id}/{media}/picture.png"
    assert await wire.call("GET", path, auth="oauth2") == PNG
    for what in ("block", "unblock"):
        await wire.call("POST", f"/2/users/{alice}/dm/{what}")
    await wire.call("DELETE", f"/2/dm_events/{event}")


async def _uploaded(wire: Wire, category: str, data: bytes) -> Any:
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("media_category", category)
    form.add_field("media", data, filename="picture.png", content_type="image/png")
    return (await wire.call("POST", "/2/media/upload", form=form))["data"]


async def _media(wire: Wire) -> None:
    picture = await _uploaded(wire, "tweet_image", PNG)
    assert picture["image"] == {"image_type": "image/png", "w": 1, "h": 1}
    await wire.call(
        "POST",
        "/2/media/upload",
        {"media": base64.b64encode(PNG).decode(), "media_category": "tweet_image"},
    )
    text = {"id": picture["id"], "metadata": {"alt_text": {"text": "a dot"}}}
    await wire.call("POST", "/2/media/metadata", text)
    begin = {"media_type": "image/gif", "media_category": "tweet_gif", "total_bytes": len(GIF)}
    gif = (await wire.call("POST", "/2/media/upload/initialize", begin))["data"]["id"]
    for number, chunk in enumerate((GIF[:5], GIF[5:])):
        body = {"media": base64.b64encode(chunk).decode(), "segment_index": number}
        await wire.call("POST", f"/2/media/upload/{gif}/append", body)
    await wire.call("POST", f"/2/media/upload/{gif}/finalize")
    body = await wire.call("GET", f"/2/media/upload?command=STATUS&media_id={gif}")
    assert body["data"]["processing_info"]["state"] == "succeeded"
    post = {"text": "see", "media": {"media_ids": [picture["id"]]}}
    made = (await wire.call("POST", "/2/tweets", post, status=201))["data"]["id"]
    body = await wire.call("GET", f"/2/tweets/{made}?{_POST}")
    assert body["includes"]["media"][0]["alt_text"] == "a dot"


async def _webhooks(wire: Wire) -> None:
    body = await wire.call("POST", "/2/webhooks", {"url": wire.hook}, auth="app")
    hook = body["data"]["id"]
    await wire.call("GET", "/2/webhooks?webhook_config.fields=created_at,id,url,valid", auth="app")
    await wire.call("PUT", f"/2/webhooks/{hook}", auth="app")
    path = f"/2/account_activity/webhooks/{hook}/subscriptions/all"
    await wire.call("POST", path, {})
    await wire.call("GET", path)
    await wire.call("GET", f"{path}/list", auth="app")
    await wire.call("GET", "/2/account_activity/subscriptions/count", auth="app")
    now = datetime.now(UTC)
    window = [f"{now - timedelta(minutes=ago):%Y%m%d%H%M}" for ago in (5, 1)]
    job = {"webhook_id": hook, "from_date": window[0], "to_date": window[1]}
    await wire.call("POST", "/2/webhooks/replay", job, auth="app")
    await wire.sim.replays.idle()
    await _subscriptions(wire, hook)
    account = f"/2/account_activity/webhooks/{hook}/subscriptions/{wire.bot}/all"
    await wire.call("DELETE", account, auth="app")
    await wire.call("DELETE", f"/2/webhooks/{hook}", auth="app")


async def _subscriptions(wire: Wire, hook: str) -> None:
    path, made = "/2/activity/subscriptions", []
    for event_type in ("dm.received", "like.create", "post.create"):
        wanted = {
            "event_type": event_type,
            "filter": {"user_id": wire.bot},
            "webhook_id": hook,
            "tag": "t",
        }
        body = await wire.call("POST", path, wanted)
        made.append(body["data"]["subscription"]["subscription_id"])
    await wire.call("GET", f"{path}?max_results=100", auth="app")
    await wire.call("PUT", f"{path}/{made[0]}", {"tag": "other"}, auth="app")
    await wire.call("DELETE", f"{path}/{made[0]}", auth="app")
    await wire.call("DELETE", f"{path}?ids={made[1]},{made[2]},{made[0]}", auth="app")


async def _streams(wire: Wire) -> None:
    for event_type in sorted(wire.spec.events - {"news.new"}):
        body = {"event_type": event_type, "filter": {"user_id": wire.bot}}
        await wire.call("POST", "/2/activity/subscriptions", body)
    url = f"{wire.sim.url}/2/activity/stream?backfill_minutes=2"
    headers = {"authorization": f"Bearer {wire.sim.config.bearer_token}"}
    async with wire.http.get(url, headers=headers) as answer:
        expected = _happen(wire)
        seen = [wire.spec.check_event(await answer.content.readline()) for _ in expected]
        assert sorted(seen) == sorted(expected)
        assert set(seen) == wire.spec.events - {"news.new"}
        body = await wire.call("GET", "/2/connections?endpoints=activity_stream&max_results=5", auth="app")
        await wire.call("DELETE", "/2/connections", {"uuids": [body["data"][0]["id"], "none"]}, auth="app")
        await answer.content.read()
    await wire.call("GET", "/2/connections?status=all", auth="app")
    await wire.call("DELETE", "/2/connections/filtered_stream", auth="app")
    await wire.call("DELETE", "/2/connections/all", auth="app")
    await wire.call(
        "GET", "/2/usage/tweets?days=2&usage.fields=daily_client_app_usage,project_cap", auth="app"
    )


def _happen(wire: Wire) -> list[str]:
    """One of every event that the description knows."""
    world = wire.sim.world
    bot, alice = world.users[wire.bot], world.users[wire.id("alice")]
    mine = world.publish_post(bot, "to the stream")
    gone = world.publish_post(bot, "gone soon")
    world.remove_post(gone)
    world.publish_post(alice, "an answer", in_reply_to_id=mine.id)
    world.publish_post(alice, "a quote", quoted_id=mine.id)
    world.publish_post(alice, "hey @my_bot and @my_bot")
    world.repost(alice, mine)
    world.like(alice, mine)
    world.relate("follow", world.users[wire.id("bob")], bot)
    world.relate("unfollow", world.users[wire.id("bob")], bot)
    happened = ["post.create", "post.create", "post.delete", "post.reply.create", "post.quote.create"]
    happened += ["post.mention.create", "post.repost.create", "like.create"]
    happened += ["follow.follow", "follow.unfollow"]
    for part in ("affiliate_badge", "banner_picture", "bio", "geo", "profile_picture", "url"):
        world.change_profile(bot, part, "https://example.com/new")
        happened.append(f"profile.update.{part}")
    for part, value in (("screenname", "New Name"), ("handle", "newer_bot"), ("verified_badge", "blue")):
        world.change_profile(bot, part, value)
        happened.append(f"profile.update.{part}")
    return happened


async def _refusals(wire: Wire) -> None:
    alice = wire.id("alice")
    path = f"/2/dm_conversations/with/{alice}/messages"
    await wire.call("POST", path, {}, wrong=True, status=400)
    await wire.call("POST", path, {"text": "x"}, auth="app", wrong=True, status=403)
    wire.sim.world.users[alice].dms_open = False
    await wire.call("POST", path, {"text": "x"}, status=403)
    wire.sim.faults.change({"no_credits": 1})
    await wire.call("GET", "/2/users/me", status=402)
    wire.sim.faults.change({"rate_limited": 1})
    await wire.call("GET", "/2/users/me", status=429)
    wire.sim.faults.change({"server_error": 1})
    await wire.call("GET", "/2/users/me", status=500)
    wire.sim.rules.change({"engagement_allowed": False, "stream_limit": 0})
    post = wire.sim.world.newest_post_by(wire.bot)
    assert post is not None
    await wire.call("POST", f"/2/users/{wire.bot}/likes", {"tweet_id": post.id}, status=403)
    await wire.call("GET", "/2/activity/stream", auth="app", status=429)
    wire.sim.tokens.set_permission(wire.bot, "read")
    await wire.call("POST", "/2/tweets", {"text": "x"}, status=403)


async def test_every_call_is_as_x_describes_it(wire: Wire, spec: Spec) -> None:
    for group in (_people, _posts, _messages, _media, _webhooks, _streams, _refusals):
        await group(wire)
    assert spec.operations - spec.seen == set()


async def test_every_tolerated_difference_is_needed(wire: Wire, spec: Spec) -> None:
    for group in (_people, _posts, _messages, _media, _streams, _refusals):
        await group(wire)
    values = {f"{name}={value}" for name, known in VALUES.items() for value in known}
    assert {*MEMBERS, *PARAMETERS, *PROBLEMS, *EVENTS, *values} - spec.tolerated == set()
    assert not PROBLEMS & spec.problems


def test_what_is_served_beyond_the_description_is_listed(spec: Spec) -> None:
    described = {(method, shape(path)) for method, path in spec.operations}
    served = {(one.method, shape(one.path)) for one in ENDPOINTS}
    assert served - described == UNDESCRIBED


def test_every_call_takes_the_credentials_and_scopes_that_x_describes(spec: Spec) -> None:
    paths = {(method, shape(path)): path for method, path in spec.operations}
    for endpoint in ENDPOINTS:
        path = paths.get((endpoint.method, shape(endpoint.path)))
        if path is None:
            continue
        described = spec.security(endpoint.method, path)
        kinds = {"oauth1": "UserToken", "oauth2": "OAuth2UserToken", "app": "BearerToken"}
        assert {kinds[kind] for kind in endpoint.accepts} == described.keys(), (endpoint.method, path)
        if "oauth2" in endpoint.accepts:
            assert endpoint.scopes == described["OAuth2UserToken"], (endpoint.method, path)
