"""Logs: readable or JSON, and never a secret."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botkit.config import Secret
from botkit.events import User
from botkit.log import HIDDEN, is_sensitive, make_logger


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Broken(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_piped_logs_are_json_lines() -> None:
    stream = io.StringIO()
    make_logger(stream=stream).bind(part="engine").info("started", plugins=2)
    (line,) = lines(stream)
    assert line.pop("at").endswith("Z")
    assert line == {"event": "started", "level": "info", "part": "engine", "plugins": 2}


def test_a_terminal_gets_text_for_people() -> None:
    stream = Terminal()
    make_logger(stream=stream).warning("rate_limited", seconds=3)
    assert "rate_limited" in stream.getvalue()
    assert "\x1b[" in stream.getvalue()


def test_the_format_can_be_fixed() -> None:
    stream = Terminal()
    make_logger(format="json", stream=stream).info("started")
    assert lines(stream)[0]["event"] == "started"
    plain = io.StringIO()
    make_logger(format="console", stream=plain).info("started")
    assert "\x1b[" not in plain.getvalue()
    assert "[info" in plain.getvalue()


def test_lower_levels_are_not_written() -> None:
    stream = io.StringIO()
    log = make_logger(level="warning", stream=stream)
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    assert [line["event"] for line in lines(stream)] == ["c", "d"]


@pytest.mark.parametrize(
    "key",
    [
        "token",
        "access_token",
        "accessToken",
        "ACCESS_TOKEN",
        "X-Authorization",
        "password",
        "text",
        "dm_text",
        "body",
        "payload",
        "raw",
        "consumer_key",
        "api_key",
        "client_secret",
        "bearer",
        "cookie",
        "message",
        "signature",
    ],
)
def test_a_telling_key_is_hidden_at_any_depth(key: str) -> None:
    stream = io.StringIO()
    forms: tuple[Any, ...] = ("json", "console")
    for form in forms:
        make_logger(format=form, stream=stream).info("x", **{key: "hush"}, deep=[{"a": {key: "hush"}}])
    assert is_sensitive(key)
    assert "hush" not in stream.getvalue()
    assert stream.getvalue().count(HIDDEN) == 4


@pytest.mark.parametrize(
    "key",
    [
        "message_id",
        "event",
        "handler",
        "key",
        "lane",
        "body_bytes",
        "tokens_count",
        "text_length",
        "status",
        "context",
        "author",
        "payload_kind",
        "content_type",
        "keyboard",
        "textual",
        "account",
    ],
)
def test_a_key_that_only_tells_about_it_stays(key: str) -> None:
    assert not is_sensitive(key)


def test_logins_and_tokens_in_addresses_are_hidden() -> None:
    stream = io.StringIO()
    log = make_logger(stream=stream)
    log.info("x", url="postgresql://me:hush@db/bot", called="https://a.b/c?oauth_token=hush&x=1")
    (line,) = lines(stream)
    assert line["url"] == f"postgresql://me:{HIDDEN}@db/bot"
    assert line["called"] == f"https://a.b/c?oauth_token={HIDDEN}&x=1"


def test_secrets_events_and_bytes_do_not_tell_what_they_hold() -> None:
    stream = io.StringIO()
    user = User(id="1", username="alice", description="hush")
    make_logger(stream=stream).info(
        "x", value=Secret("hush"), user=user, some=b"hush", several=(Secret("hush"),)
    )
    assert "hush" not in stream.getvalue()
    assert "alice" in stream.getvalue()


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_traceback_shows_no_local_variable(form: Any) -> None:
    stream = io.StringIO()
    hidden = "hu" + "sh"
    try:
        {}[len(hidden)]
    except KeyError:
        make_logger(format=form, stream=stream).exception("failed", lane="a")
    written = stream.getvalue()
    assert "KeyError: 4" in written
    assert "Traceback" in written
    assert "hush" not in written


def test_a_strangers_name_can_not_steer_the_terminal() -> None:
    stream = Terminal()
    make_logger(stream=stream).info("x", username="bob\x1b[2J\r\nfake line")
    assert "\x1b[2J" not in stream.getvalue()
    assert stream.getvalue().count("\n") == 1


def test_a_log_that_can_not_be_written_never_raises() -> None:
    make_logger(stream=Broken()).info("x")
    closed = io.StringIO()
    log = make_logger(stream=closed)
    closed.close()
    log.info("x")


def test_what_the_terminal_can_not_show_is_escaped() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    make_logger(format="json", stream=stream).info("x", name="☀")
    assert b"\\u2600" in raw.getvalue()


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.text() | st.binary() | st.floats(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_can_be_logged_as_one_line(value: object) -> None:
    stream = io.StringIO()
    make_logger(format="json", stream=stream).info("x", value=value)
    assert len(stream.getvalue().split("\n")) == 2
