"""Holds requests and answers to X's OpenAPI description, but for what is known to differ.

The description (2.167) says *post* since 2026-08-07 where X's live answers, its own prose and the streaming
part of the same description say *tweet*. The simulator follows the live bodies; the differences are listed
here one by one, and each must be needed.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse
from openapi_schema_validator import OAS30Validator

from botkit.simulator.multipart import multipart_fields

TRIMMED = Path(__file__).parent.parent / "payloads" / "openapi-trimmed.json"

_PAYLOAD = "ActivityStreamingResponsePayload"

#: members of answers: as the simulator (and X, seen live in July 2026) names them → as the description does
MEMBERS = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "referenced_tweets": "referenced_posts",
    "retweet_count": "repost_count",
    "tweet_count": "post_count",
    "tweets": "posts",
}
#: parameters and their values: as X's prose and live API take them → as the description does
PARAMETERS = {"tweet.fields": "post.fields"}
VALUES = {
    "expansions": {"referenced_tweets.id": "referenced_posts"},
    # the prose lists these as fields; the description has them only as members
    "post.fields": dict.fromkeys(
        ("author_id", "edit_history_tweet_ids", "in_reply_to_user_id", "note_tweet", "referenced_tweets"),
        "text",
    ),
    # the prose uses it, the list of the description forgot it
    "dm_event.fields": {"sender_id": "text", "participant_ids": "text", "referenced_tweets": "text"},
    # the description's enumeration has the old streams only, and not the activity stream
    "endpoints": {"activity_stream": "filtered_stream"},
}
#: types of error bodies that were seen, and that the description does not have
PROBLEMS = frozenset(
    {
        "about:blank",
        "client-forbidden",
        "credits-depleted",
        "oauth1-permissions",
        "streaming-connection",
        "unsupported-authentication",
    }
)
#: of events: X's recorded bodies have them so
EVENTS = frozenset({"event_uuid is negative", "like.create has timestamp_ms as text"})
#: served as X's other documents have it; the description does not
UNDESCRIBED = frozenset({("POST", "/2/users/{}/blocking"), ("DELETE", "/2/users/{}/blocking/{}")})


class Differs(AssertionError):
    """A request or an answer is not as X describes it."""


class Description:
    """The description itself, read once."""

    def __init__(self) -> None:
        self.whole: dict[str, Any] = json.loads(TRIMMED.read_text("utf-8"))
        # openapi-core knows no OAuth: which credential a call takes is compared by `Spec.security`
        described = _without(self.whole, "security")
        # its discriminator is outside of it, which no validator knows: see `Spec.check_event`
        self.payloads: dict[str, str] = described["components"]["schemas"].pop(_PAYLOAD)["discriminator"][
            "mapping"
        ]
        described["components"]["schemas"][_PAYLOAD] = {"type": "object"}
        self.components: dict[str, Any] = described["components"]
        self.openapi = OpenAPI.from_dict(described)


class Spec:
    """Checks by the description, and remembers what was checked.

    :ivar seen: the operations that were checked, as method and path of the description.
    :ivar tolerated: the differences that occurred.
    """

    def __init__(self, description: Description) -> None:
        self._spec, self._openapi = description.whole, description.openapi
        self._payloads, self._components = description.payloads, description.components
        self._host = self._spec["servers"][0]["url"]
        self._patterns = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path, operations)
            for path, operations in self._spec["paths"].items()
        ]
        self.seen: set[tuple[str, str]] = set()
        self.tolerated: set[str] = set()
        self._described = {
            kind.removeprefix("https://api.x.com/2/problems/")
            for problem in self._spec["components"]["schemas"]["Problem"]["oneOf"]
            for kind in self._resolved(problem)["properties"]["type"]["enum"]
        }

    @property
    def operations(self) -> set[tuple[str, str]]:
        """All that the description has."""
        return {(method.upper(), path) for path, each in self._spec["paths"].items() for method in each}

    def security(self, method: str, path: str) -> dict[str, frozenset[str]]:
        """The credential kinds that an operation takes, and the scopes of each."""
        described: list[dict[str, list[str]]] = self._spec["paths"][path][method.lower()]["security"]
        return {kind: frozenset(scopes) for each in described for kind, scopes in each.items()}

    @property
    def problems(self) -> set[str]:
        """The types of error bodies that the description has."""
        return self._described

    def check(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None,
        *,
        status: int,
        answer: bytes,
        answer_type: str,
        wrong: bool = False,
    ) -> None:
        """Check one exchange.

        :param wrong: the request is meant to be wrong: only the answer is checked.
        :raises Differs: it is not as described, and that is not known.
        """
        parts = urlsplit(url)
        operation = self._operation(method, parts.path)
        if operation is None:
            raise Differs(f"{method} {parts.path} is not in the description")
        path, described = operation
        query = [
            self._parameter(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True)
        ]
        known = {self._resolved(each)["name"] for each in described.get("parameters", ())}
        unknown = {name for name, _ in query} - known
        if unknown and not wrong:
            raise Differs(f"{method} {path} has no parameters {sorted(unknown)}")
        content_type = headers.get("content-type", "application/json")
        if content_type.startswith("multipart/"):
            body, content_type = _as_json(content_type, body or b""), "application/json"
        request = MockRequest(
            self._host,
            method,
            parts.path,
            args=dict(query),
            headers=headers,
            data=body,
            content_type=content_type,
        )
        try:
            if not wrong:
                self._openapi.validate_request(request)
            if status >= 400:
                self._check_problem(method, path, json.loads(answer), answer_type)
            else:
                shown = self._answer(answer, answer_type)
                self._openapi.validate_response(
                    request, MockResponse(shown, status, content_type=answer_type)
                )
        except OpenAPIError as error:
            raise Differs(f"{method} {path} → {status}: {_told(error)}") from error
        if status < 400:
            self.seen.add((method, path))

    def check_event(self, line: bytes) -> str:
        """Check one line of the activity stream, its payload by the type of the event, and return the type.

        :raises Differs: it is not as described.
        """
        url = f"{self._host}/2/activity/stream"
        body = json.loads(line)
        self._smooth(body["data"])
        answer = json.dumps(body).encode()
        self.check("GET", url, {}, None, status=200, answer=answer, answer_type="application/json")
        data = self._renamed(body["data"])
        event_type = str(data["event_type"])
        schema = {"$ref": self._payloads[event_type], "components": self._components}
        for error in OAS30Validator(schema).iter_errors(data["payload"]):
            raise Differs(f"{event_type}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
        return event_type

    def _smooth(self, data: dict[str, Any]) -> None:
        """What `EVENTS` lists, made as the description has it."""
        if data["event_uuid"].startswith("-"):
            self.tolerated.add("event_uuid is negative")
            data["event_uuid"] = data["event_uuid"].removeprefix("-")
        if isinstance(data["payload"].get("timestamp_ms"), str):
            self.tolerated.add("like.create has timestamp_ms as text")
            data["payload"]["timestamp_ms"] = int(data["payload"]["timestamp_ms"])

    @property
    def events(self) -> set[str]:
        """The types of events whose payload is described."""
        return set(self._payloads)

    def _operation(self, method: str, path: str) -> tuple[str, dict[str, Any]] | None:
        # a fixed path is meant before one with a parameter in the same place
        found = sorted(
            (one for one in self._patterns if one[0].fullmatch(path)), key=lambda one: "{" in one[1]
        )
        for _, known, operations in found:
            if method.lower() in operations:
                return known, operations[method.lower()]
        return None

    def _resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        reference = value.get("$ref")
        if reference is None:
            return value
        _, _, kind, name = reference.split("/")
        found: dict[str, Any] = self._spec["components"][kind][name]
        return found

    def _parameter(self, name: str, value: str) -> tuple[str, str]:
        named = PARAMETERS.get(name, name)
        if named != name:
            self.tolerated.add(name)
        known = VALUES.get(named, {})
        values = []
        for one in value.split(","):
            if one in known:
                self.tolerated.add(f"{named}={one}")
            if (made := known.get(one, one)) not in values:
                values.append(made)
        return named, ",".join(values)

    def _answer(self, answer: bytes, answer_type: str) -> bytes:
        if answer_type != "application/json":
            return answer
        return json.dumps(self._renamed(json.loads(answer))).encode()

    def _renamed(self, value: Any) -> Any:
        if isinstance(value, dict):
            self.tolerated |= value.keys() & MEMBERS.keys()
            return {MEMBERS.get(name, name): self._renamed(inner) for name, inner in value.items()}
        if isinstance(value, list):
            return [self._renamed(inner) for inner in value]
        return value

    def _check_problem(self, method: str, path: str, body: dict[str, Any], answer_type: str) -> None:
        if answer_type != "application/problem+json" or not {"title", "detail", "type"} <= body.keys():
            raise Differs(f"{method} {path}: {body} is no problem, as {answer_type}")
        kind = str(body["type"]).removeprefix("https://api.x.com/2/problems/")
        if kind in PROBLEMS:
            self.tolerated.add(kind)
        elif kind not in self._described:
            raise Differs(f"{method} {path}: nobody knows {body['type']}")


def _as_json(content_type: str, body: bytes) -> bytes:
    """A multipart body as JSON, which the same schema describes: openapi-core takes every part for a text."""
    fields = multipart_fields(content_type, body)
    if fields is None:
        raise Differs("the multipart body is malformed")
    made: dict[str, Any] = {name: value.decode("latin-1") for name, value in fields.items()}
    if made.get("segment_index", "").isdecimal():
        made["segment_index"] = int(made["segment_index"])
    return json.dumps(made).encode()


def _without(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _without(inner, name) for key, inner in value.items() if key != name}
    return [_without(inner, name) for inner in value] if isinstance(value, list) else value


def _told(error: BaseException) -> str:
    """What is wrong, and where: the reasons behind the error, too."""
    found = [str(error)[:300]]
    cause = error.__cause__
    found += [
        f"{'/'.join(str(part) for part in each.absolute_path)}: {each.message[:300]}"
        for each in getattr(cause, "schema_errors", ())
    ]
    if cause is not None and not hasattr(cause, "schema_errors"):
        found.append(str(cause)[:1000])
    return "; ".join(found)
