"""What is delivered: signed, in both wire formats, with the members of the recorded bodies."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from botkit import events
from botkit.x.parse import parse
from botkit.x.split import split

_ALL = (
    "post.create", "post.delete", "post.mention.create", "post.reply.create", "post.quote.create",
    "post.repost.create", "like.create", "follow.follow", "follow.unfollow", "mute.mute", "mute.unmute",
    "block.block", "block.unblock", "dm.received", "dm.sent", "dm.read", "dm.indicate_typing",
    "profile.update.bio",
)  # fmt: skip


@pytest.fixture(params=["account_activity", "activity"])
async def subscribed(request, rig):
    """A rig with everything subscribed, by one product and by the other."""
    if request.param == "account_activity":
        await rig.subscribe_all()
    else:
        await rig.subscribe(*_ALL)
    return rig


async def _events(rig, count: int = 1):
    await rig.webhook.until(count)
    await rig.sim.courier.idle()
    rig.webhook.check()
    assert len(rig.webhook.bodies) == count
    now = datetime.fromtimestamp(rig.clock.now, UTC)
    return [parse(item, received_at=now) for body in rig.webhook.bodies for item in split(body)]


async def test_a_message_arrives_as_written(subscribed):
    text = "1 < 2 & 3 > 2 😀 https://example.com/a?b=c&d=e"
    _, sent = await subscribed.control("POST", "dm", {"from": "alice", "text": text})
    (event,) = await _events(subscribed)
    assert isinstance(event, events.DirectMessage)
    assert (event.message_id, event.account_id) == (sent["message_id"], subscribed.bot_id)
    assert (event.sender.username, event.recipient.username) == ("alice", "my_bot")
    assert event.text.startswith("1 < 2 & 3 > 2 😀 https://")
    assert event.links[0].expanded_url == "https://example.com/a?b=c&d=e"
    assert event.at.timestamp() == subscribed.clock.now
    assert not event.by_us
    raw = subscribed.webhook.bodies[0].decode()
    assert "1 &lt; 2 &amp; 3 &gt; 2 😀" in raw


async def test_a_message_with_media(subscribed):
    await subscribed.control("POST", "dm", {"from": "alice", "text": "look", "media": "https://x.y/z.jpg"})
    (event,) = await _events(subscribed)
    assert (event.text, [media.url for media in event.media]) == ("look", ["https://x.y/z.jpg"])


async def test_the_bot_s_own_message_comes_back(subscribed):
    path = f"/2/dm_conversations/with/{subscribed.user('alice')}/messages"
    _, sent, _ = await subscribed.call("POST", path, {"text": "hi & bye"})
    (event,) = await _events(subscribed)
    assert isinstance(event, events.DirectMessageSent)
    assert (event.message_id, event.text) == (sent["data"]["dm_event_id"], "hi & bye")
    assert event.by_us


async def test_what_the_owner_types_comes_too(subscribed):
    await subscribed.control("POST", "dm", {"from": "my_bot", "to": "alice", "text": "by hand"})
    (event,) = await _events(subscribed)
    assert isinstance(event, events.DirectMessageSent)
    assert event.app_id == ""


async def test_typing_and_read(subscribed):
    await subscribed.call(
        "POST", f"/2/dm_conversations/with/{subscribed.user('alice')}/messages", {"text": "hi"}
    )
    await subscribed.control("POST", "typing", {"from": "alice"})
    _, read = await subscribed.control("POST", "read", {"from": "alice"})
    found = {type(event): event for event in await _events(subscribed, 3)}
    assert found[events.Typing].sender.id == subscribed.user("alice")
    receipt = found[events.DirectMessageRead]
    assert receipt.last_read_message_id == read["last_read_message_id"]
    assert receipt.sender.id == subscribed.user("alice")


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("mention", events.Mention),
        ("reply", events.Reply),
        ("quote", events.Quote),
        ("repost", events.Repost),
    ],
)
async def test_posts_about_the_bot(subscribed, what, kind):
    _, made = await subscribed.control("POST", what, {"from": "alice", "text": "well & good"})
    (event,) = await _events(subscribed)
    assert type(event) is kind
    assert (event.post_id, event.author.id) == (made["post_id"], subscribed.user("alice"))
    if what != "repost":
        assert event.text.endswith("well & good")
    if what == "repost":
        assert event.reposted_post_id == made["reposted"]
    elif what == "quote":
        assert event.quoted_post_id == made["quoted"]
    elif what == "reply":
        assert event.in_reply_to_post_id == made["in_reply_to"]
    else:
        assert [user.id for user in event.mentions] == [subscribed.bot_id]


async def test_a_long_post_arrives_whole(subscribed):
    text = "@my_bot " + "word " * 45 + "#end"
    await subscribed.control("POST", "mention", {"from": "alice", "text": text})
    (event,) = await _events(subscribed)
    assert (event.text, event.hashtags) == (text, ("end",))


async def test_the_bot_s_own_posts_and_deletions(subscribed):
    _, made, _ = await subscribed.call("POST", "/2/tweets", {"text": "hello @alice"})
    await subscribed.webhook.until(1)
    await subscribed.call("DELETE", f"/2/tweets/{made['data']['id']}")
    post, deleted = await _events(subscribed, 2)
    assert isinstance(post, events.Post)
    assert post.by_us
    assert isinstance(deleted, events.PostDeleted)
    assert deleted.post_id == post.post_id == made["data"]["id"]


async def test_likes_in_both_directions(subscribed):
    _, liked = await subscribed.control("POST", "like", {"from": "alice"})
    await subscribed.webhook.until(1)
    _, theirs = await subscribed.control("POST", "mention", {"from": "bob"})
    await subscribed.webhook.until(2)
    path = f"/2/users/{subscribed.bot_id}/likes"
    await subscribed.call("POST", path, {"tweet_id": theirs["post_id"]})
    inbound, _, outbound = await _events(subscribed, 3)
    assert (inbound.post_id, inbound.user.id) == (liked["post_id"], subscribed.user("alice"))
    assert (outbound.post_id, outbound.user.id) == (theirs["post_id"], subscribed.bot_id)
    assert (inbound.by_us, outbound.by_us) == (False, True)


async def test_relations(subscribed):
    for what in ("follow", "unfollow"):
        await subscribed.control("POST", what, {"from": "alice"})
        await subscribed.sim.courier.idle()
    for collection in ("muting", "blocking"):
        path = f"/2/users/{subscribed.bot_id}/{collection}"
        await subscribed.call("POST", path, {"target_user_id": subscribed.user("bob")})
        await subscribed.sim.courier.idle()
        await subscribed.call("DELETE", f"{path}/{subscribed.user('bob')}")
        await subscribed.sim.courier.idle()
    found = await _events(subscribed, 6)
    kinds = [events.Follow, events.Unfollow, events.Mute, events.Unmute, events.Block, events.Unblock]
    assert [type(event) for event in found] == kinds
    assert [event.by_us for event in found] == [False, False, True, True, True, True]


async def test_being_blocked_is_told_to_nobody(subscribed):
    await subscribed.control("POST", "block", {"from": "alice"})
    await subscribed.sim.courier.idle()
    assert subscribed.webhook.bodies == []


async def test_revoking_ends_the_subscriptions(subscribed):
    await subscribed.control("POST", "revoke", {})
    (event,) = await _events(subscribed)
    assert isinstance(event, events.Revoked)
    assert (event.user_id, event.app_id) == (subscribed.bot_id, subscribed.sim.config.app_id)
    await subscribed.control("POST", "dm", {"from": "alice", "text": "anybody?"})
    await subscribed.sim.courier.idle()
    assert len(subscribed.webhook.bodies) == 1


async def test_profile_changes_are_only_in_the_newer_product(rig):
    await rig.subscribe("profile.update.bio")
    await rig.control("POST", "profile", {"part": "bio", "value": "I am a bot"})
    (event,) = await _events(rig)
    assert isinstance(event, events.ProfileUpdated)
    assert (event.part, event.before, event.after) == ("bio", "", "I am a bot")


async def test_the_newer_product_says_no_posts_of_protected_people(rig):
    await rig.subscribe("post.mention.create")
    await rig.control("POST", "users", {"username": "alice", "protected": True})
    await rig.control("POST", "mention", {"from": "alice"})
    await rig.sim.courier.idle()
    assert rig.webhook.bodies == []


async def test_the_older_product_says_them_to_followers(rig):
    await rig.subscribe_all()
    await rig.control("POST", "users", {"username": "alice", "protected": True})
    await rig.control("POST", "mention", {"from": "alice"})
    await rig.sim.courier.idle()
    assert rig.webhook.bodies == []
    rig.sim.world.relations["follow"][rig.bot_id, rig.user("alice")] = None
    await rig.control("POST", "mention", {"from": "alice"})
    (event,) = await _events(rig)
    assert isinstance(event, events.Mention)


async def test_one_post_can_match_two_subscriptions_with_one_id(rig):
    await rig.subscribe("post.reply.create", "post.mention.create")
    await rig.control("POST", "reply", {"from": "alice", "text": "hey @my_bot"})
    found = await _events(rig, 2)
    kinds = {json.loads(body)["data"]["event_type"] for body in rig.webhook.bodies}
    assert kinds == {"post.reply.create", "post.mention.create"}
    assert len({event.post_id for event in found}) == 1


async def test_a_direction_narrows(rig):
    webhook_id = await rig.register()
    for direction in ("inbound", "outbound"):
        wanted = {
            "event_type": "follow.follow",
            "filter": {"user_id": rig.bot_id, "direction": direction},
            "webhook_id": webhook_id,
            "tag": direction,
        }
        assert (await rig.call("POST", "/2/activity/subscriptions", wanted))[0] == 200
    await rig.control("POST", "follow", {"from": "alice"})
    (body,) = await rig.webhook.until(1)
    await rig.sim.courier.idle()
    assert len(rig.webhook.bodies) == 1
    assert (body["data"]["tag"], body["data"]["filter"]["direction"]) == ("inbound", "inbound")


async def test_two_connected_accounts_get_one_copy_each(rig_with):
    from botkit.simulator import BotAccount  # noqa: PLC0415 - only here

    other = BotAccount(
        id="2000", username="other_bot", name="Other", access_token="2000-t", access_token_secret="s"
    )
    rig = await rig_with(accounts=(other,))
    webhook_id = await rig.subscribe_all()
    path = f"/2/account_activity/webhooks/{webhook_id}/subscriptions/all"
    assert (await rig.call("POST", path, {}, token="2000-t", token_secret="s"))[0] == 200
    await rig.call("POST", "/2/dm_conversations/with/2000/messages", {"text": "hi"})
    found = await _events(rig, 2)
    assert {type(event) for event in found} == {events.DirectMessage, events.DirectMessageSent}


async def test_group_messages_are_told_to_nobody(subscribed):
    members = [subscribed.user("alice"), subscribed.user("bob")]
    wanted = {"conversation_type": "Group", "participant_ids": members, "message": {"text": "all"}}
    assert (await subscribed.call("POST", "/2/dm_conversations", wanted))[0] == 201
    await subscribed.sim.courier.idle()
    assert subscribed.webhook.bodies == []


# -- member by member, against what X was recorded to send ---------------------------------------------------

#: what the simulator leaves out of X's objects: looks and badges that no bot reads
_LOOKS = {
    "affiliation", "is_identity_verified", "profile_banner_url", "entities", "most_recent_tweet_id",
    "pinned_tweet_id", "profile_geo_enrichment", "verified_type",
}  # fmt: skip
_OLD_LOOKS = {
    "default_profile", "default_profile_image", "utc_offset", "time_zone", "geo_enabled", "lang", "url",
    "contributors_enabled", "is_translator", "following", "follow_request_sent", "notifications",
    "profile_banner_url", "description", "location", "source", "possibly_sensitive", "translator_type",
}  # fmt: skip


def _missing(known, made, path: str = "$") -> list[str]:
    """Members of a recorded body that ours lacks; ids as keys and looks aside."""
    if isinstance(known, list) and isinstance(made, list):
        return _missing(known[0], made[0], f"{path}[]") if known and made else []
    if not isinstance(known, dict) or not isinstance(made, dict):
        return []
    if known and all(key.isdecimal() for key in known):
        return _missing(next(iter(known.values())), next(iter(made.values())), f"{path}.*")
    found = []
    for key, inner in known.items():
        if key in _LOOKS | _OLD_LOOKS or key.startswith("profile_"):
            continue
        found += [f"{path}.{key}"] if key not in made else _missing(inner, made[key], f"{path}.{key}")
    return found


async def test_members_of_the_older_product(rig, sample):
    await rig.subscribe_all()
    for what, body in (
        ("dm", {"text": "hi"}),
        ("typing", {}),
        ("mention", {"text": "hi @my_bot #a"}),
        ("like", {}),
        ("follow", {}),
        ("unfollow", {}),
        ("quote", {"text": "thanks @my_bot"}),
        ("repost", {}),
    ):
        assert (await rig.control("POST", what, {"from": "alice", **body}))[0] == 200
        await rig.sim.courier.idle()
    made = [json.loads(body) for body in rig.webhook.bodies]
    names = (
        "direct_message_received", "direct_message_indicate_typing", "tweet_create_mention", "favorite",
        "follow", "unfollow", "tweet_create_quote_extended", "tweet_create_retweet_of_user",
    )  # fmt: skip
    for name, body in zip(names, made, strict=True):
        known = sample(f"aaa/{name}")
        if name.startswith("tweet_create_quote"):
            del known["tweet_create_events"][0]["quoted_status"]["extended_tweet"]
            for key in ("quoted_status_id", "quoted_status_id_str"):
                del known["tweet_create_events"][0]["quoted_status"][key]
        assert _missing(known, body) == [], name


async def test_members_of_the_newer_product(rig, sample):
    await rig.subscribe(*_ALL, tag="all")
    for what, body in (
        ("dm", {"text": "hi"}),
        ("mention", {"text": "hi @my_bot"}),
        ("reply", {"text": "yes"}),
        ("quote", {"text": "see https://example.com"}),
        ("repost", {}),
        ("like", {}),
        ("follow", {}),
        ("unfollow", {}),
    ):
        assert (await rig.control("POST", what, {"from": "alice", **body}))[0] == 200
        await rig.sim.courier.idle()
    await rig.control("POST", "profile", {"part": "bio", "value": "x"})
    await rig.sim.courier.idle()
    _, post, _ = await rig.call("POST", "/2/tweets", {"text": "mine"})
    await rig.sim.courier.idle()
    await rig.call("DELETE", f"/2/tweets/{post['data']['id']}")
    await rig.sim.courier.idle()
    names = (
        "dm_received", "post_mention_create", "post_reply_create", "post_quote_create", "post_repost_create",
        "like_create", "follow_follow", "follow_unfollow", "profile_update_bio", "post_create", "post_delete",
    )  # fmt: skip
    for name, body in zip(names, rig.webhook.bodies, strict=True):
        made, known = json.loads(body), sample(f"xaa/{name}")
        includes = known["data"].get("includes")
        if name == "like_create":
            known["data"]["includes"]["tweets"][0].pop("referenced_tweets")
        assert _missing(known, made) == [], name
        assert bool(made["data"].get("includes")) is bool(includes), name


async def test_event_uuids_are_decimal_and_the_post_s_own_where_x_s_are(rig):
    await rig.subscribe("post.create", "dm.sent")
    _, post, _ = await rig.call("POST", "/2/tweets", {"text": "mine"})
    await rig.sim.courier.idle()
    await rig.call("POST", f"/2/dm_conversations/with/{rig.user('alice')}/messages", {"text": "hi"})
    first, second = (body["data"]["event_uuid"] for body in await rig.webhook.until(2))
    assert first == post["data"]["id"]
    assert -(2**63) <= int(second) < 2**63
