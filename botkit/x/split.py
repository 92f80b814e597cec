"""One webhook body of X's → the items in it, each with its dedup id and its conversation.

This runs before X is answered, so it looks at ids only, and hands a body that holds one event on as it is. X
says nowhere whether it mixes kinds or puts several events into one body (no sample does); both are taken
here, and an item that makes no sense loses none of its neighbours: it gets an id made of its content and
stays.

Source: X docs, account-activity/introduction, activity/event-payloads, webhooks/stream/quickstart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import Raw

from botkit.errors import BadPayload
from botkit.x.identity.aaa import Parties, of_account_activity
from botkit.x.identity.names import account_of, of_unknown
from botkit.x.identity.xaa import Typed, message_arrays, of_activity, stream_post
from botkit.x.item import Item
from botkit.x.values import mend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["split"]

_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[Raw])
_type = msgspec.json.Decoder(Typed)
_parties = msgspec.json.Decoder(Parties)
_encode = msgspec.json.Encoder().encode

_OPEN_ARRAY = ord("[")


class _Cut(msgspec.Struct, frozen=True):
    """Where one event stands: under ``key``; XAA's direct messages under ``inner_key`` of its payload."""

    key: str
    part: Raw
    in_array: bool
    inner_key: str = ""
    inner: Raw | None = None


def split(body: bytes, *, own_ids: frozenset[str] = frozenset()) -> list[Item]:
    """Cut a body into items, in X's order. A body that holds one event is its item's payload as it is.

    The id of an item is ``<account>:<kind>:<key>``, the same whenever and in whichever wire format X
    delivers the thing again, as long as X gives the thing an id.

    :param own_ids: the connected accounts; they tell whose event it is where X does not (bodies of 2017).
    :raises BadPayload: no UTF-8, no JSON, or JSON that is no object.
    """
    body, top = _decode(body)
    account = account_of(top.get("for_user_id"))
    if "matching_rules" in top:
        cuts = []
        named = [stream_post(top.get("data"), body)]
    else:
        cuts = list(_cuts(top))
        named = [
            of_activity(cut.part, cut.inner_key, cut.inner, own_ids)
            if cut.key == "data"
            else of_account_activity(cut.key, cut.part, account, own_ids)
            for cut in cuts
        ]
    if not named:
        named = [of_unknown(body, account)]
    if len(named) == 1:
        return [Item(*named[0], body)]
    return [Item(*name, _join(top, cut)) for name, cut in zip(named, cuts, strict=True)]


def _decode(body: bytes) -> tuple[bytes, dict[str, Raw]]:
    try:
        body.decode()
        return body, _object.decode(body)
    except UnicodeDecodeError:
        raise BadPayload("the body is not UTF-8") from None
    except RecursionError:
        raise BadPayload("the body is nested too deeply") from None
    except msgspec.DecodeError as error:
        mended = mend(body)
        if mended != body:
            return _decode(mended)
        reason = "is JSON, but no object" if isinstance(error, msgspec.ValidationError) else "is not JSON"
        raise BadPayload(f"the body {reason}") from None


def _cuts(top: Mapping[str, Raw]) -> Iterator[_Cut]:
    for key, raw in top.items():
        if key.endswith("_events") or key in {"user_event", "replay_job_status"}:
            if _is_array(raw):
                yield from (_Cut(key, part, in_array=True) for part in _array.decode(raw))
            else:
                yield _Cut(key, raw, in_array=False)
        elif key == "data":
            in_array = _is_array(raw)
            for part in _array.decode(raw) if in_array else (raw,):
                yield from _activity_cuts(part, in_array=in_array)


def _activity_cuts(part: Raw, *, in_array: bool) -> Iterator[_Cut]:
    """The events of one XAA envelope: one, or as many direct messages as its payload holds."""
    try:
        event_type = _type.decode(part).event_type
    except msgspec.ValidationError:
        # No object, or an event type that is no text: nothing of XAA's. Alone, it is an unknown body.
        if in_array:
            yield _Cut("data", part, in_array=True)
        return
    if event_type == "" and not in_array:
        return
    found = False
    if event_type.startswith("dm."):
        for inner_key, inner in message_arrays(part):
            if _is_array(inner):
                for one in _array.decode(inner):
                    found = True
                    yield _Cut("data", part, in_array, inner_key, one)
    if not found:
        yield _Cut("data", part, in_array)


def _is_array(raw: Raw) -> bool:
    # The bytes of a Raw start at its value: whitespace around it is not part of it.
    return memoryview(raw)[0] == _OPEN_ARRAY


def _join(top: Mapping[str, Raw], cut: _Cut) -> bytes:
    """A body with this event alone, in the envelope it came in."""
    if cut.inner is not None:
        envelope = _object.decode(cut.part)
        payload = _object.decode(envelope["payload"])
        envelope["payload"] = _object_of(_alone(payload, cut.inner_key, cut.inner, in_array=True))
        part = _object_of(envelope)
    else:
        part = cut.part
    return bytes(_object_of(_alone(top, cut.key, part, in_array=cut.in_array)))


def _alone(members: Mapping[str, Raw], key: str, part: Raw, *, in_array: bool) -> dict[str, Raw]:
    alone = {
        name: raw
        for name, raw in members.items()
        if not (name.endswith("_events") or name in {"user_event", "replay_job_status", "data"})
    }
    if key.startswith("direct_message") and "users" in alone:
        # Only those the event names: a copy of the whole map in each of n items would grow with n².
        alone["users"] = _only(alone["users"], _named_in(part))
    alone[key] = Raw(b"[" + bytes(part) + b"]") if in_array else part
    return alone


def _named_in(part: Raw) -> frozenset[str]:
    try:
        return _parties.decode(part).ids()
    except msgspec.ValidationError:
        return frozenset()


def _only(users: Raw, wanted: frozenset[str]) -> Raw:
    try:
        members = _object.decode(users)
    except msgspec.ValidationError:
        return users
    return _object_of({key: raw for key, raw in members.items() if key in wanted})


def _object_of(members: Mapping[str, Raw]) -> Raw:
    return Raw(b"{" + b",".join(_encode(key) + b":" + bytes(raw) for key, raw in members.items()) + b"}")
