"""``botkit trigger`` against a control API that answers as told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from botkit.cli import main

Answer = tuple[int, Any]


class Control:
    """A control API with canned answers by ``METHOD /path``, the next of them for each request."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, Any]] = []
        control = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(parse_qs(urlsplit(self.path).query))

            def do_POST(self) -> None:
                assert self.headers["content-type"] == "application/json"
                self._answer(json.loads(self.rfile.read(int(self.headers["content-length"]))))

            def _answer(self, asked: Any) -> None:
                what = f"{self.command} {urlsplit(self.path).path}"
                control.asked.append((what, asked))
                status, answer = control.answers.get(what, [(404, "nothing here")]).pop(0)
                body = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - the base class's name
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def control() -> Iterator[Control]:
    control = Control()
    yield control
    control.close()


def test_a_message_is_sent_as_the_person(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    control.answers["POST /_sim/dm"] = [(200, {"message_id": "7"})]
    assert main(["trigger", "dm", "--from", "@bob", "hello", "--simulator", control.url]) == 0
    assert control.asked == [("POST /_sim/dm", {"from": "bob", "text": "hello"})]
    assert capsys.readouterr() == ("dm from @bob (7)\n", "")


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (["follow"], {"from": "alice"}),
        (["typing", "--from", "bob"], {"from": "bob"}),
        (["mention", "hi"], {"from": "alice", "text": "hi"}),
        (["reply", "hi", "--post", "3"], {"from": "alice", "text": "hi", "post_id": "3"}),
        (["like", "--post", "3"], {"from": "alice", "post_id": "3"}),
        (["dm", "--quick-reply", "yes"], {"from": "alice", "quick_reply": "yes"}),
    ],
)
def test_every_kind_has_its_path_and_body(
    control: Control, arguments: list[str], body: dict[str, str]
) -> None:
    control.answers[f"POST /_sim/{arguments[0]}"] = [(200, {"post_id": "9"})]
    assert main(["trigger", *arguments, "--simulator", control.url]) == 0
    assert control.asked == [(f"POST /_sim/{arguments[0]}", body)]


def test_wait_prints_the_answer_alone(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    control.answers["POST /_sim/dm"] = [(200, {"message_id": "7"})]
    control.answers["GET /_sim/replies"] = [(200, {"message_id": "8", "text": "Hello Alice! ☀"})]
    assert main(["trigger", "dm", "hello", "--wait", "--timeout", "1m", "--simulator", control.url]) == 0
    assert capsys.readouterr() == ("Hello Alice! ☀\n", "")
    what, query = control.asked[1]
    assert (what, query["user"], query["after"]) == ("GET /_sim/replies", ["alice"], ["7"])
    assert 59 < float(query["timeout"][0]) <= 60


def test_count_waits_for_more_answers_each_behind_the_last(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    control.answers["POST /_sim/dm"] = [(200, {"message_id": "7"})]
    control.answers["GET /_sim/replies"] = [
        (200, {"message_id": "8", "text": "one"}),
        (200, {"message_id": "9", "text": "two"}),
    ]
    assert main(["trigger", "dm", "hello", "--wait", "--count", "2", "--simulator", control.url]) == 0
    assert capsys.readouterr().out == "one\ntwo\n"
    assert [query["after"] for _, query in control.asked[1:]] == [["7"], ["8"]]


@pytest.mark.parametrize("status", [204, 408])
def test_no_answer_in_time_is_status_1(
    control: Control, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    control.answers["POST /_sim/dm"] = [(200, {"message_id": "7"})]
    control.answers["GET /_sim/replies"] = [(status, "")]
    assert main(["trigger", "dm", "hello", "--wait", "--timeout", "2s", "--simulator", control.url]) == 1
    assert capsys.readouterr() == ("", "botkit: no answer within 2s\n")


def test_fewer_answers_than_wanted_is_status_1(control: Control, capsys: pytest.CaptureFixture[str]) -> None:
    control.answers["POST /_sim/dm"] = [(200, {"message_id": "7"})]
    control.answers["GET /_sim/replies"] = [(200, {"message_id": "8", "text": "one"}), (204, "")]
    assert main(["trigger", "dm", "hello", "--wait", "--count", "2", "--simulator", control.url]) == 1
    assert capsys.readouterr() == ("one\n", "botkit: 1 of 2 answers within 10s\n")


def test_an_answer_to_something_else_than_a_message_comes_behind_the_last_message(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    control.answers["GET /_sim/conversation"] = [(200, {"messages": [{"id": "3"}, {"id": "5"}]})]
    control.answers["POST /_sim/follow"] = [(200, {})]
    control.answers["GET /_sim/replies"] = [(200, {"message_id": "8", "text": "welcome"})]
    assert main(["trigger", "follow", "--wait", "--simulator", control.url]) == 0
    assert capsys.readouterr().out == "welcome\n"
    assert [what for what, _ in control.asked] == [
        "GET /_sim/conversation",
        "POST /_sim/follow",
        "GET /_sim/replies",
    ]
    assert control.asked[2][1]["after"] == ["5"]


def test_a_person_who_is_not_there_yet_can_be_waited_for(control: Control) -> None:
    control.answers["GET /_sim/conversation"] = [(404, {"error": "there is no user"})]
    control.answers["POST /_sim/follow"] = [(200, {})]
    control.answers["GET /_sim/replies"] = [(200, {"message_id": "8", "text": "welcome"})]
    assert main(["trigger", "follow", "--from", "new", "--wait", "--simulator", control.url]) == 0


def test_json_holds_what_happened_and_what_was_answered(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    control.answers["POST /_sim/dm"] = [(200, {"message_id": "7"})] * 2
    control.answers["GET /_sim/replies"] = [(200, {"message_id": "8", "text": "hi", "latency_ms": 12})]
    arguments = ["trigger", "dm", "hello", "--json", "--simulator", control.url]
    assert main([*arguments, "--wait"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "event": {"message_id": "7"},
        "answers": [{"message_id": "8", "text": "hi", "latency_ms": 12}],
    }
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out) == {"message_id": "7"}


def test_a_refusal_is_told_in_the_simulators_words(
    control: Control, capsys: pytest.CaptureFixture[str]
) -> None:
    control.answers["POST /_sim/like"] = [(400, {"error": "the account has no post yet"})]
    assert main(["trigger", "like", "--simulator", control.url]) == 2
    assert capsys.readouterr().err == "botkit: error: the simulator refuses: the account has no post yet\n"


@pytest.mark.parametrize("answer", [(404, "<html>"), (200, "[]")])
def test_another_server_is_told_apart(
    control: Control, capsys: pytest.CaptureFixture[str], answer: Answer
) -> None:
    control.answers["POST /_sim/follow"] = [answer]
    assert main(["trigger", "follow", "--simulator", control.url]) == 2
    assert f"what answers at {control.url} is no simulator" in capsys.readouterr().err


def test_nobody_there_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        assert main(["trigger", "dm", "hello", "--simulator", url]) == 2
    assert capsys.readouterr() == (
        "",
        f"botkit: error: no simulator at {url}; start one with: botkit run bot.yaml\n",
    )
