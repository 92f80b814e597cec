"""The bodies that X's description (spec 2.167) allows for each call; see `botkit.simulator.schema`."""

from __future__ import annotations

from typing import Any

__all__ = [
    "ACTIVITY_CREATE",
    "ACTIVITY_UPDATE",
    "APPEND",
    "EMPTY",
    "EVENT_TYPES",
    "GROUP",
    "HIDDEN",
    "INITIALIZE",
    "MESSAGE",
    "METADATA",
    "POST",
    "REPLAY",
    "TARGET_USER",
    "TWEET_ID",
    "UPLOAD",
    "UUIDS",
    "WEBHOOK",
]

Schema = dict[str, Any]

_ID: Schema = {"type": "string", "pattern": "^[0-9]{1,19}$"}
_TEXT: Schema = {"type": "string"}
_FLAG: Schema = {"type": "boolean"}
_WHO_REPLIES: Schema = {"type": "string", "enum": ["following", "mentionedUsers", "subscribers", "verified"]}


def _object(required: tuple[str, ...] = (), any_of: tuple[str, ...] = (), **members: Schema) -> Schema:
    return {"type": "object", "required": required, "any_of": any_of, "properties": members}


def _list(items: Schema, low: int = 0, high: int | None = None) -> Schema:
    return {"type": "array", "items": items, "minItems": low, "maxItems": high}


EMPTY = _object()

_ATTACHMENTS = _list(_object(("media_id",), media_id=_ID), 1, 1)
_MESSAGE_TEXT: Schema = {"type": "string", "minLength": 1}

MESSAGE = _object((), ("text", "attachments"), text=_MESSAGE_TEXT, attachments=_ATTACHMENTS)

GROUP = _object(
    ("conversation_type", "participant_ids", "message"),
    conversation_type={"type": "string", "enum": ["Group"]},
    participant_ids=_list(_ID, 2, 49),
    message=MESSAGE,
)

POST = _object(
    text=_TEXT,
    reply=_object(
        ("in_reply_to_tweet_id",),
        in_reply_to_tweet_id=_ID,
        exclude_reply_user_ids=_list(_TEXT),
        auto_populate_reply_metadata=_FLAG,
    ),
    quote_tweet_id=_ID,
    media=_object(
        ("media_ids",),
        media_ids=_list(_ID, 1, 4),
        tagged_user_ids=_list(_ID, 0, 10),
        preview_media_id=_ID,
        description=_TEXT,
        title=_TEXT,
        embeddable=_FLAG,
        call_to_actions={"type": "object", "open": True},
    ),
    poll=_object(
        ("options", "duration_minutes"),
        options=_list({"type": "string", "minLength": 1, "maxLength": 25}, 2, 4),
        duration_minutes={"type": "integer", "minimum": 5, "maximum": 10080},
        reply_settings=_WHO_REPLIES,
    ),
    reply_settings=_WHO_REPLIES,
    community_id=_ID,
    share_with_followers=_FLAG,
    edit_options=_object(("previous_post_id",), previous_post_id=_ID),
    made_with_ai=_FLAG,
    paid_partnership=_FLAG,
    for_super_followers_only=_FLAG,
    geo=_object(("place_id",), place_id=_TEXT),
    nullcast=_FLAG,
    card_uri=_TEXT,
    direct_message_deep_link=_TEXT,
)

TWEET_ID = _object(("tweet_id",), tweet_id=_ID)
TARGET_USER = _object(("target_user_id",), target_user_id=_ID)
HIDDEN = _object(("hidden",), hidden=_FLAG)
WEBHOOK = _object(("url",), url={"type": "string", "minLength": 1, "maxLength": 200})

_MINUTE: Schema = {"type": "string", "pattern": "^[0-9]{12}$"}
REPLAY = _object(("webhook_id", "from_date", "to_date"), webhook_id=_ID, from_date=_MINUTE, to_date=_MINUTE)

UUIDS = _object(("uuids",), uuids=_list(_TEXT, 1, 100))

_CATEGORIES = (*("tweet_image", "tweet_video", "tweet_gif", "dm_image", "dm_video", "dm_gif", "subtitles"),)
_MEDIA_TYPES = (
    *("video/mp4", "video/webm", "video/mp2t", "video/quicktime", "text/srt", "text/vtt"),
    *("image/jpeg", "image/gif", "image/bmp", "image/png", "image/webp", "image/pjpeg", "image/tiff"),
    *("model/gltf-binary", "model/vnd.usdz+zip"),
)
UPLOAD = _object(
    ("media", "media_category"),
    media=_TEXT,
    media_category={"type": "string", "enum": _CATEGORIES},
    additional_owners=_TEXT,
)
INITIALIZE = _object(
    media_type={"type": "string", "enum": _MEDIA_TYPES},
    total_bytes={"type": "integer", "minimum": 0, "maximum": 17_179_869_184},
    media_category={"type": "string", "enum": (*_CATEGORIES, "amplify_video")},
    shared=_FLAG,
    additional_owners=_list(_ID),
)
APPEND = _object(
    ("media", "segment_index"),
    media=_TEXT,
    segment_index={"type": "integer", "minimum": 0, "maximum": 999},
)
METADATA = _object(
    ("id",),
    id=_ID,
    metadata={
        "type": "object",
        "open": True,
        "properties": {
            "alt_text": _object(("text",), text={"type": "string", "maxLength": 1000}),
        },
    },
)

_PROFILE_PARTS = (
    "bio",
    "profile_picture",
    "banner_picture",
    "screenname",
    "geo",
    "url",
    "verified_badge",
    "affiliate_badge",
    "handle",
)
_CHAT = ("join", "member_added", "member_removed", "admin_added", "admin_removed")

#: what an activity subscription may ask for
EVENT_TYPES: tuple[str, ...] = (
    *(f"profile.update.{part}" for part in _PROFILE_PARTS),
    *("news.new", "follow.follow", "follow.unfollow", "spaces.start", "spaces.end"),
    *("broadcast.start", "broadcast.end", "broadcast.chat", "chat.received", "chat.sent"),
    *(f"chat.conversation.{what}" for what in _CHAT),
    *("chat.conversation_join", "chat.update.group_name", "chat.update.restrictions"),
    *("dm.sent", "dm.received", "dm.indicate_typing", "dm.read", "post.create", "post.delete"),
    *("post.mention.create", "post.reply.create", "post.quote.create", "post.repost.create"),
    *("like.create", "mute.mute", "mute.unmute", "block.block", "block.unblock"),
)

_TAG: Schema = {"type": "string", "minLength": 1, "maxLength": 200}

ACTIVITY_CREATE = _object(
    ("event_type", "filter"),
    event_type={"type": "string", "enum": EVENT_TYPES},
    filter=_object(
        (),
        ("user_id", "keyword"),
        user_id=_ID,
        keyword={"type": "string", "minLength": 1, "maxLength": 150},
        direction={"type": "string", "enum": ["inbound", "outbound"]},
    ),
    tag=_TAG,
    webhook_id=_ID,
)

ACTIVITY_UPDATE = _object(tag=_TAG, webhook_id=_ID)
