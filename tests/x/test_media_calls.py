"""Uploads on the wire: forms that any reader takes apart, answers of every stage."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import ActionRefused, XUnavailable
from botkit.simulator.multipart import multipart_fields
from botkit.x.calls import media
from botkit.x.wire import Call, Response


def _fields(call: Call[object]) -> dict[str, bytes] | None:
    assert call.request.content_type is not None
    assert call.request.body is not None
    return multipart_fields(call.request.content_type, call.request.body)


@given(st.binary(max_size=300))
def test_any_bytes_come_through_a_form(data: bytes) -> None:
    assert _fields(media.upload(data, "dm_image")) == {"media_category": b"dm_image", "media": data}
    assert _fields(media.append("7", 3, data)) == {"segment_index": b"3", "media": data}


def test_a_form_is_no_part_of_an_oauth_1_signature() -> None:
    assert media.upload(b"x", "dm_image").request.form == ()


@pytest.mark.parametrize(
    ("data", "upload"),
    [
        ({"id": "1"}, media.Upload("1", 86_400)),
        ({"id": "1", "expires_after_secs": 5}, media.Upload("1", 5)),
        (
            {"id": 1, "processing_info": {"state": "pending", "check_after_secs": 4}},
            media.Upload("1", 86_400, "pending", 4),
        ),
        (
            {"id": "1", "processing_info": {"state": "in_progress", "progress_percent": 40}},
            media.Upload("1", 86_400, "in_progress", 0, 40),
        ),
    ],
)
def test_every_stage_is_read(data: dict[str, object], upload: media.Upload) -> None:
    answer = Response(200, {}, json.dumps({"data": data}).encode())
    assert media.finalize("1").read(answer) == upload
    assert upload.is_ready == (not upload.state)


def test_an_answer_without_an_id_is_asked_for_again() -> None:
    with pytest.raises(XUnavailable):
        media.upload(b"x", "dm_image").read(Response(200, {}, b'{"data": {}}'))


def test_what_x_does_not_take_is_refused() -> None:
    with pytest.raises(ActionRefused, match="1000 chunks"):
        media.append("1", 1000, b"x")
    with pytest.raises(ActionRefused, match="1000 characters"):
        media.set_alt_text("1", "x" * 1001)
    with pytest.raises(ActionRefused, match="missing"):
        media.set_alt_text("1", "")
