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
from botkit.x.identity.names import Name, id_in, of_unknown
from botkit.x.identity.xaa import Envelope, message_arrays, of_activity, of_message, stream_post
from botkit.x.item import Item
from botkit.x.values import mend

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["split"]

_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[Raw])
_envelope = msgspec.json.Decoder(Envelope)
_parties = msgspec.json.Decoder(Parties)
_encode = msgspec.json.Encoder().encode

_OPEN_ARRAY = ord("[")
_SINGLE = frozenset({"user_event", "replay_job_status"})


class _Cut(msgspec.Struct, frozen=True):
    """Where one event stands: under ``key``; XAA's direct messages under ``inner_key`` of its payload."""

    key: str
    part: Raw
    in_array: bool
    envelope: Envelope | None = None
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
    account = id_in(top.get("for_user_id"))
    if "matching_rules" in top:
        cuts = []
        named = [stream_post(top.get("data"), body)]
    else:
        cuts = _cuts(top)
        named = [_named(cut, account, own_ids) for cut in cuts]
    if not named:
        named = [of_unknown(body, account)]
    if len(named) == 1:
        return [Item(*named[0], body)]
    return [Item(*name, body) for name, body in zip(named, _joined(top, cuts), strict=True)]


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


def _cuts(top: Mapping[str, Raw]) -> list[_Cut]:
    cuts: list[_Cut] = []
    for key, raw in top.items():
        if key.endswith("_events") or key in _SINGLE:
            if _is_array(raw):
                cuts += [_Cut(key, part, in_array=True) for part in _array.decode(raw)]
            else:
                cuts.append(_Cut(key, raw, in_array=False))
        elif key == "data":
            in_array = _is_array(raw)
            for part in _array.decode(raw) if in_array else (raw,):
                cuts += _activity_cuts(part, in_array=in_array)
    return cuts


def _activity_cuts(part: Raw, *, in_array: bool) -> Iterator[_Cut]:
    """The events of one XAA envelope: one, or as many direct messages as its payload holds."""
    try:
        envelope = _envelope.decode(part)
    except msgspec.ValidationError:
        # No object, or an event type that is no text: nothing of XAA's. Alone, it is an unknown body.
        if in_array:
            yield _Cut("data", part, in_array=True)
        return
    if envelope.event_type == "" and not in_array:
        return
    found = False
    if envelope.event_type.startswith("dm."):
        for inner_key, inner in message_arrays(envelope):
            if _is_array(inner):
                for one in _array.decode(inner):
                    found = True
                    yield _Cut("data", part, in_array, envelope, inner_key, one)
    if not found:
        yield _Cut("data", part, in_array, envelope)


def _named(cut: _Cut, account: str, own_ids: frozenset[str]) -> Name:
    if cut.envelope is None:
        return of_account_activity(cut.key, cut.part, account, own_ids)
    if cut.inner is None:
        return of_activity(cut.envelope)
    return of_message(cut.envelope, cut.inner_key, cut.inner, own_ids)


def _is_array(raw: Raw) -> bool:
    # The bytes of a Raw start at its value: whitespace around it is not part of it.
    return memoryview(raw)[0] == _OPEN_ARRAY


class _Around:
    """What stands around the events of one object; read once, however many events there are."""

    def __init__(self, members: Mapping[str, Raw]) -> None:
        same = {name: raw for name, raw in members.items() if not _holds_events(name)}
        users = same.get("users")
        self._users: dict[str, Raw] | None = None
        if users is not None:
            try:
                self._users = _object.decode(users)
                del same["users"]
            except msgspec.ValidationError:
                pass
        self._same = b"".join(_encode(name) + b":" + bytes(raw) + b"," for name, raw in same.items())

    def object_with(self, cut: _Cut, key: str, part: bytes | Raw, *, in_array: bool) -> bytes:
        """The object with this event alone.

        Of the users beside direct messages it holds those the event names: a copy of the whole map in each of
        n items would grow with n².
        """
        users = self._users
        if users is not None:
            if (cut.inner_key or cut.key).startswith("direct_message"):
                named = _named_in(cut.part if cut.inner is None else cut.inner)
                users = {name: users[name] for name in named if name in users}
            inside = b",".join(_encode(name) + b":" + bytes(raw) for name, raw in users.items())
            head = self._same + b'"users":{' + inside + b"},"
        else:
            head = self._same
        value = b"[" + bytes(part) + b"]" if in_array else bytes(part)
        return b"{" + head + _encode(key) + b":" + value + b"}"


def _holds_events(name: str) -> bool:
    return name.endswith("_events") or name in _SINGLE or name in {"data", "payload"}


def _named_in(part: Raw) -> list[str]:
    try:
        return sorted(_parties.decode(part).ids())
    except msgspec.ValidationError:
        return []


def _joined(top: Mapping[str, Raw], cuts: Sequence[_Cut]) -> Iterator[bytes]:
    """For each event a body with it alone, in the envelope it came in."""
    around = _Around(top)
    envelopes: dict[int, tuple[_Around, _Around]] = {}
    for cut in cuts:
        part: bytes | Raw = cut.part
        if cut.inner is not None:
            if id(cut.part) not in envelopes:
                envelope = _object.decode(cut.part)
                envelopes[id(cut.part)] = _Around(envelope), _Around(_object.decode(envelope["payload"]))
            outer, inner = envelopes[id(cut.part)]
            payload = inner.object_with(cut, cut.inner_key, cut.inner, in_array=True)
            part = outer.object_with(cut, "payload", payload, in_array=False)
        yield around.object_with(cut, cut.key, part, in_array=cut.in_array)
