"""X's signatures: its published vectors, every way to be wrong, and the challenge that must not forge."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import BadSignature, BadToken
from botkit.x import answer_crc, check_signature, sign, split, token_pattern
from botkit.x.signature import answers_crc

PAYLOADS = Path(__file__).parent.parent / "payloads"
VECTORS = json.loads((PAYLOADS / "signature_vectors.json").read_text("utf-8"))
SECRET = "the consumer secret"
TOKEN = "MTYwZjgwNDAtMjI4Ni00MWI2LTk4MTktMjJjZjU4OGYxOTU4"
BODY = b'{"for_user_id":"1","direct_message_events":[]}'


def answered(body: bytes) -> str:
    answer = json.loads(body)
    assert list(answer) == ["response_token"]
    return str(answer["response_token"])


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["value"][7:15])
def test_every_published_vector(vector: dict[str, str]) -> None:
    message = vector["message"].encode()
    assert sign(vector["secret"], message) == vector["value"]
    check_signature([vector["secret"]], message, vector["value"])
    with pytest.raises(BadSignature):
        check_signature([vector["secret"]], message + b" ", vector["value"])


def test_the_vector_of_a_challenge_signed_by_x() -> None:
    vectors = {vector["what"]: vector for vector in VECTORS["vectors"]}
    get = vectors["CRC GET signature header (over the query string as sent)"]
    answer = vectors["CRC response_token"]
    assert answered(answer_crc([get["secret"]], get["message"], get["value"])) == answer["value"]


def test_the_token_is_form_decoded_before_it_is_signed() -> None:
    vector = next(each for each in VECTORS["vectors"] if each["message"] == "test token")
    wide = re.compile(r"[A-Za-z ]+")
    body = answer_crc([vector["secret"]], "crc_token=test+token", token_pattern=wide)
    assert answered(body) == vector["value"]
    assert answered(answer_crc([SECRET], "crc_token=%4d" + TOKEN[1:])) == sign(SECRET, TOKEN.encode())


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha1=abc",
        sign(SECRET, BODY).removeprefix("sha256="),
        sign(SECRET, BODY).upper(),
        sign(SECRET, BODY)[:-1],
        sign(SECRET, BODY) + "=",
        " " + sign(SECRET, BODY),
        sign("another", BODY),
        "sha256=ünïcode",
        "sha256=\udcff",
    ],
)
def test_a_missing_malformed_or_wrong_header_is_refused(header: str | None) -> None:
    with pytest.raises(BadSignature):
        check_signature([SECRET], BODY, header)


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_nothing_is_right(secrets: list[str]) -> None:
    empty_key = "sha256=" + "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    with pytest.raises(BadSignature):
        check_signature(secrets, BODY, empty_key)
    with pytest.raises(BadSignature):
        answer_crc(secrets, f"crc_token={TOKEN}")
    with pytest.raises(ValueError, match="empty"):
        sign("", BODY)


def test_all_secrets_verify_while_one_is_rotated() -> None:
    for secret in ("new", "old"):
        check_signature(["new", "", "old"], BODY, sign(secret, BODY))


def test_the_first_secret_answers_an_unsigned_challenge() -> None:
    assert answered(answer_crc(["new", "old"], f"crc_token={TOKEN}")) == sign("new", TOKEN.encode())


def test_a_signed_challenge_is_answered_with_the_secret_that_signed_it() -> None:
    query = f"crc_token={TOKEN}&nonce=MTY4NTY2MjQ0ODA2MA"
    body = answer_crc(["new", "old"], query, sign("old", query.encode()))
    assert answered(body) == sign("old", TOKEN.encode())


@pytest.mark.parametrize(
    "header", ["", "sha256=x", sign(SECRET, b"crc_token=other"), sign("wrong", f"crc_token={TOKEN}".encode())]
)
def test_a_challenge_with_a_wrong_signature_is_refused(header: str) -> None:
    with pytest.raises(BadSignature):
        answer_crc([SECRET], f"crc_token={TOKEN}", header)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "crc_token",
        "crc_token=",
        "token=" + TOKEN,
        "CRC_TOKEN=" + TOKEN,
        "crc_token=short",
        f"crc_token={TOKEN}&crc_token={TOKEN}",
        f"crc_token={TOKEN}&crc_token=",
        "crc_token=" + "A" * 129,
        f"crc_token={TOKEN}%0A",
        f"crc_token={TOKEN}===",
        f"crc_token={TOKEN}%20",
        f"crc_token=%ff{TOKEN}",
        f"crc_token=ﬀ{TOKEN}",
        f"crc_token={TOKEN}" + "&a=1" * 16,
    ],
)
def test_what_is_no_token_is_not_signed(query: str) -> None:
    with pytest.raises(BadToken):
        answer_crc([SECRET], query)


@pytest.mark.parametrize("pattern", [None, re.compile(r".*", re.DOTALL)])
@pytest.mark.parametrize(
    "wanted",
    [
        '{"for_user_id":"1","direct_message_events":[{"type":"message_create"}]}',
        ' \n{"a":1}',
        "{}",
        f"crc_token={TOKEN}&nonce=MTY4NTY2MjQ0ODA2MA",
        f"crc_token={TOKEN}",
        f"nonce=MTY4&crc_token={TOKEN}",
        f"{TOKEN}&{TOKEN}",
    ],
)
def test_no_forgery_can_be_had_through_the_challenge(wanted: str, pattern: re.Pattern[str] | None) -> None:
    """The attack: ask for the signature of a body or of a challenge, then use it."""
    with pytest.raises(BadToken):
        answer_crc([SECRET], f"crc_token={quote_plus(wanted)}", token_pattern=pattern)


def test_the_attack_works_on_a_server_that_signs_anything() -> None:
    """The control: it is the refusal above that stands in the way, nothing else does."""
    forged = '{"for_user_id":"1"}'
    check_signature([SECRET], forged.encode(), sign(SECRET, forged.encode()))
    assert split(forged.encode())


def test_a_pattern_must_match_the_whole_token() -> None:
    with pytest.raises(BadToken):
        answer_crc([SECRET], "crc_token=foobar", token_pattern=re.compile("foo"))


def test_the_lengths_of_a_token_can_be_chosen() -> None:
    body = answer_crc([SECRET], "crc_token=foo", token_pattern=token_pattern(3))
    assert answered(body) == sign(SECRET, b"foo")
    with pytest.raises(BadToken):
        answer_crc([SECRET], "crc_token=foo", token_pattern=token_pattern(4))
    with pytest.raises(ValueError, match="1 <= 5 <= 4"):
        token_pattern(5, 4)


@given(st.text(), st.one_of(st.none(), st.text()))
def test_any_query_is_answered_or_refused(query: str, header: str | None) -> None:
    try:
        answer = answered(answer_crc([SECRET], query, header))
    except (BadToken, BadSignature):
        return
    assert answer.startswith("sha256=")


@given(st.text(), st.text())
def test_nothing_with_a_brace_is_ever_signed(before: str, behind: str) -> None:
    wanted = quote_plus(f"{before}{{{behind}", errors="replace")
    with pytest.raises(BadToken):
        answer_crc([SECRET], f"crc_token={wanted}", token_pattern=re.compile(r"(?s).*"))


@given(st.binary(), st.binary())
def test_a_signature_holds_for_its_bytes_alone(body: bytes, other: bytes) -> None:
    header = sign(SECRET, body)
    check_signature([SECRET], body, header)
    if other != body:
        with pytest.raises(BadSignature):
            check_signature([SECRET], other, header)


def test_the_answer_to_a_challenge_is_right_or_it_is_not() -> None:
    body = answer_crc([SECRET], f"crc_token={TOKEN}")
    assert answers_crc(["old", SECRET], TOKEN, body)
    assert not answers_crc(["another"], TOKEN, body)
    assert not answers_crc([SECRET], TOKEN[1:], body)
    for wrong in (b"", b"no json", b"[]", b'{"response_token":5}', b'{"response_token":"\\ud800"}'):
        assert not answers_crc([SECRET], TOKEN, wrong)
