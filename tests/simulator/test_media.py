"""Uploads: what is taken, how long it is processed, and where it may be used."""

from __future__ import annotations

import base64
import io
import json

import pytest

from botkit.simulator.multipart import multipart_fields
from botkit.simulator.pictures import picture_of

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAYAAAC56t6BAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
JPEG = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xc0\x00\x11\x08\x00\x05\x00\x07" + b"\x00" * 20
BOUNDARY = "xyz"


def _gif(width=4, height=5):
    return b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x00\x00\x00;"


async def _multipart(rig, path, fields):
    lines = b"".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="f"\r\n'.encode()
        + b"Content-Type: application/octet-stream\r\n\r\n"
        + (value if isinstance(value, bytes) else str(value).encode())
        + b"\r\n"
        for name, value in fields.items()
    )
    url = f"{rig.sim.url}{path}"
    headers = rig.signed("POST", url, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})
    body = lines + f"--{BOUNDARY}--\r\n".encode()
    async with rig.http.post(url, data=io.BytesIO(body), headers=headers) as answer:
        text = await answer.text()
        return answer.status, json.loads(text)


async def _upload(rig, category="tweet_image", data=PNG):
    status, body = await _multipart(rig, "/2/media/upload", {"media": data, "media_category": category})
    assert status == 200, body
    return body["data"]


async def _begin(rig, category="tweet_video", media_type="video/mp4", total=10):
    body = {"media_category": category, "media_type": media_type, "total_bytes": total}
    status, answer, _ = await rig.call("POST", "/2/media/upload/initialize", body)
    assert status == 200, answer
    return answer["data"]["id"]


async def _append(rig, media_id, number, data):
    path = f"/2/media/upload/{media_id}/append"
    return await _multipart(rig, path, {"segment_index": number, "media": data})


async def _finalize(rig, media_id):
    return (await rig.call("POST", f"/2/media/upload/{media_id}/finalize"))[:2]


async def _status(rig, media_id):
    path = f"/2/media/upload?command=STATUS&media_id={media_id}"
    return (await rig.call("GET", path))[1]["data"].get("processing_info")


async def test_a_picture_in_one_request(rig):
    made = await _upload(rig)
    assert made == {
        "id": made["id"],
        "media_key": f"3_{made['id']}",
        "size": len(PNG),
        "expires_after_secs": 86_400,
        "image": {"image_type": "image/png", "w": 2, "h": 3},
    }
    body = {"media": base64.b64encode(PNG).decode(), "media_category": "tweet_image"}
    status, answer, _ = await rig.call("POST", "/2/media/upload", body)
    assert (status, answer["data"]["size"]) == (200, len(PNG))


@pytest.mark.parametrize(
    "body",
    [
        {"media": "!!!", "media_category": "tweet_image"},
        {"media": base64.b64encode(b"no picture").decode(), "media_category": "tweet_image"},
        {"media": base64.b64encode(PNG).decode(), "media_category": "tweet_gif"},
        {"media": base64.b64encode(PNG).decode(), "media_category": "amplify_video"},
        {"media": base64.b64encode(PNG).decode()},
        {"media": "", "media_category": "tweet_image"},
        {"media": base64.b64encode(PNG).decode(), "media_category": "tweet_image", "more": "x"},
    ],
)
async def test_what_is_no_upload_is_400(rig, body):
    assert (await rig.call("POST", "/2/media/upload", body))[0] == 400


async def test_a_picture_has_5_mb_and_a_gif_1280_by_1080(rig):
    fields = {"media": PNG + b"\x00" * (5 << 20), "media_category": "tweet_image"}
    assert (await _multipart(rig, "/2/media/upload", fields))[0] == 400
    await _upload(rig, "dm_gif", _gif(1280, 1080))
    for size in ((1281, 1), (1, 1081)):
        fields = {"media": _gif(*size), "media_category": "tweet_gif"}
        assert (await _multipart(rig, "/2/media/upload", fields))[0] == 400
    body = {"media_category": "tweet_video", "media_type": "video/mp4", "total_bytes": (512 << 20) + 1}
    assert (await rig.call("POST", "/2/media/upload/initialize", body))[0] == 400


async def test_a_body_that_is_far_too_long_is_413(rig):
    url = f"{rig.sim.url}/2/tweets"
    headers = rig.signed("POST", url, {"Content-Type": "application/json"})
    async with rig.http.post(url, data=io.BytesIO(b" " * (2 << 20)), headers=headers) as answer:
        assert answer.status == 413


async def test_a_video_in_chunks_is_processed_by_the_clock(rig):
    media = await _begin(rig)
    for number, chunk in ((1, b"world"), (0, b"hello")):
        status, body = await _append(rig, media, number, chunk)
        assert (status, body["data"].keys()) == (200, {"expires_at"})
    status, body = await _finalize(rig, media)
    assert (status, body["data"]["processing_info"]["state"]) == (200, "pending")
    assert body["data"]["media_key"] == f"7_{media}"
    rig.clock.move(1)
    assert await _status(rig, media) == {
        "state": "in_progress",
        "check_after_secs": 1,
        "progress_percent": 50,
    }
    assert (await rig.call("POST", "/2/tweets", {"text": "x", "media": {"media_ids": [media]}}))[0] == 400
    rig.clock.move(1)
    assert await _status(rig, media) == {"state": "succeeded", "progress_percent": 100}
    assert (await rig.call("POST", "/2/tweets", {"text": "x", "media": {"media_ids": [media]}}))[0] == 201


async def test_a_picture_in_chunks_needs_no_processing(rig):
    media = await _begin(rig, "dm_image", "image/png", len(PNG))
    assert (await _append(rig, media, 0, PNG))[0] == 200
    _, body = await _finalize(rig, media)
    assert "processing_info" not in body["data"]


async def test_processing_fails_on_request(rig):
    rig.sim.faults.change({"media_failed": 1})
    media = await _begin(rig)
    await _append(rig, media, 0, b"helloworld")
    await _finalize(rig, media)
    rig.clock.move(2)
    assert await _status(rig, media) == {"state": "failed"}
    assert (await rig.call("POST", "/2/tweets", {"text": "x", "media": {"media_ids": [media]}}))[0] == 400


async def test_chunks_must_be_all_there_and_no_more(rig):
    media = await _begin(rig)
    assert (await _append(rig, media, 1000, b"x"))[0] == 400
    assert (await _append(rig, media, "first", b"x"))[0] == 400
    assert (await _append(rig, media, 0, b"far too much data"))[0] == 400
    assert (await _append(rig, media, 1, b"world"))[0] == 200
    assert (await _finalize(rig, media))[0] == 400
    assert (await _append(rig, media, 0, b"hello"))[0] == 200
    assert (await _append(rig, media, 0, b"HELLO"))[0] == 200, "a segment may come again"
    assert (await _finalize(rig, media))[0] == 200
    assert (await _finalize(rig, media))[0] == 400
    assert (await _append(rig, media, 2, b""))[0] == 400


@pytest.mark.parametrize("missing", ["media_category", "media_type", "total_bytes"])
async def test_a_beginning_names_everything(rig, missing):
    body = {"media_category": "tweet_video", "media_type": "video/mp4", "total_bytes": 5}
    del body[missing]
    assert (await rig.call("POST", "/2/media/upload/initialize", body))[0] == 400


async def test_messages_refuse_what_was_uploaded_for_posts(rig):
    path = f"/2/dm_conversations/with/{rig.user('alice')}/messages"
    for category, wanted in (("tweet_image", 400), ("dm_image", 201)):
        media = (await _upload(rig, category))["id"]
        status, body, _ = await rig.call("POST", path, {"attachments": [{"media_id": media}]})
        assert status == wanted, body
        event = {
            "type": "message_create",
            "message_create": {
                "target": {"recipient_id": rig.user("alice")},
                "message_data": {"text": "x", "attachment": {"type": "media", "media": {"id": media}}},
            },
        }
        status, _, _ = await rig.call("POST", "/1.1/direct_messages/events/new.json", {"event": event})
        assert status == (200 if wanted == 201 else 400)
    status, body, _ = await rig.call("POST", path, {"attachments": [{"media_id": "77"}]})
    assert (status, body["errors"][0]["message"]) == (400, "Your media IDs are invalid.")


async def test_a_post_takes_four_pictures_or_one_video(rig):
    pictures = [(await _upload(rig))["id"] for _ in range(4)]
    assert (await rig.call("POST", "/2/tweets", {"media": {"media_ids": pictures}}))[0] == 201
    gif = (await _upload(rig, "tweet_gif", _gif()))["id"]
    rig.clock.move(2)
    body = {"text": "x", "media": {"media_ids": [gif, pictures[0]]}}
    assert (await rig.call("POST", "/2/tweets", body))[0] == 400
    assert (await rig.call("POST", "/2/tweets", {"text": "x", "media": {"media_ids": [gif]}}))[0] == 201


async def test_an_upload_is_the_owner_s_and_lasts_a_day(rig):
    key = rig.sim.tokens.issue_key(rig.user("alice"), "read-write-directmessages")
    keys = {"token": key.token, "token_secret": key.secret}
    media = (await _upload(rig))["id"]
    body = {"text": "mine", "media": {"media_ids": [media]}}
    assert (await rig.call("POST", "/2/tweets", body, **keys))[0] == 400
    assert (await rig.call("GET", f"/2/media/upload?media_id={media}", **keys))[0] == 400
    shared = {
        "media": base64.b64encode(PNG).decode(),
        "media_category": "tweet_image",
        "additional_owners": rig.user("alice"),
    }
    _, answer, _ = await rig.call("POST", "/2/media/upload", shared)
    body["media"] = {"media_ids": [answer["data"]["id"]]}
    assert (await rig.call("POST", "/2/tweets", body, **keys))[0] == 201
    rig.clock.move(86_400)
    body = {"text": "late", "media": {"media_ids": [media]}}
    assert (await rig.call("POST", "/2/tweets", body))[0] == 400


async def test_alt_text_is_kept_and_shown(rig):
    media = (await _upload(rig))["id"]
    body = {"id": media, "metadata": {"alt_text": {"text": "x" * 1000}}}
    status, answer, _ = await rig.call("POST", "/2/media/metadata", body)
    assert (status, answer["data"]["id"]) == (200, media)
    body["metadata"]["alt_text"]["text"] += "x"
    assert (await rig.call("POST", "/2/media/metadata", body))[0] == 400
    assert (await rig.call("POST", "/2/media/metadata", {"id": "5", "metadata": {}}))[0] == 400
    _, made, _ = await rig.call("POST", "/2/tweets", {"media": {"media_ids": [media]}})
    path = f"/2/tweets/{made['data']['id']}?expansions=attachments.media_keys&media.fields=alt_text,width"
    _, answer, _ = await rig.call("GET", path)
    assert answer["includes"]["media"] == [
        {"media_key": f"3_{media}", "type": "photo", "alt_text": "x" * 1000, "width": 2}
    ]


async def test_media_of_a_message_is_for_those_who_take_part(rig):
    media = (await _upload(rig, "dm_image"))["id"]
    path = f"/2/dm_conversations/with/{rig.user('alice')}/messages"
    _, sent, _ = await rig.call("POST", path, {"attachments": [{"media_id": media}]})
    dm_id = sent["data"]["dm_event_id"]
    url = f"{rig.sim.url}/2/dm_conversations/media/{dm_id}/{media}/x.png"
    headers = {"authorization": f"Bearer {rig.sim.config.oauth2_token}"}
    async with rig.http.get(url, headers=headers) as answer:
        assert (answer.status, await answer.read()) == (200, PNG)
    for wrong in (url.replace(dm_id, "5"), url.replace(media, "5")):
        async with rig.http.get(wrong, headers=headers) as answer:
            assert answer.status == 400
    assert (await rig.call("GET", url.removeprefix(rig.sim.url)))[0] == 403, "OAuth 2.0 only"


@pytest.mark.parametrize(
    ("data", "kind", "size"),
    [
        (PNG, "image/png", (2, 3)),
        (_gif(7, 9), "image/gif", (7, 9)),
        (JPEG, "image/jpeg", (7, 5)),
        (b"\xff\xd8\xff\xd9", "image/jpeg", (0, 0)),
        (b"RIFF....WEBPVP8X" + b"\x00" * 8 + b"\x09\x00\x00\x04\x00\x00", "image/webp", (10, 5)),
        (b"RIFF....WEBPVP8 " + b"\x00" * 10 + b"\x0a\x00\x05\x00", "image/webp", (10, 5)),
        (b"RIFF....WEBPVP8L" + b"\x00" * 5 + (9 | 4 << 14).to_bytes(4, "little"), "image/webp", (10, 5)),
        (b"RIFF....WEBPxxxx", "image/webp", (0, 0)),
    ],
)
def test_pictures_are_known_by_their_first_bytes(data, kind, size):
    picture = picture_of(data)
    assert (picture.type, picture.width, picture.height) == (kind, *size)
    assert picture_of(b"no picture") is None


def test_a_multipart_body_is_read_byte_by_byte():
    kind = 'multipart/form-data; boundary="a b"'
    body = b'--a b\r\ncontent-disposition: form-data; name="x"\r\n\r\n\r\n--not\r\n\r\n--a b--\r\n'
    assert multipart_fields(kind, body) == {"x": b"\r\n--not\r\n"}
    for wrong in (b"", b"--a b--", b"--a b\r\n\r\n\r\n--a b--", body.replace(b"name=", b"nam=")):
        assert multipart_fields(kind, wrong) is None
    assert multipart_fields("text/plain", body) is None


async def test_a_malformed_multipart_body_is_400(rig):
    url = f"{rig.sim.url}/2/media/upload"
    headers = rig.signed("POST", url, {"Content-Type": "multipart/form-data; boundary=x"})
    async with rig.http.post(url, data=b"nonsense", headers=headers) as answer:
        assert answer.status == 400
