"""The prepared signer makes the signatures that authlib makes, whatever is signed."""

from __future__ import annotations

import random
import re
from urllib.parse import quote, urlencode

import pytest
from authlib.oauth1.rfc5849.client_auth import ClientAuth
from authlib.oauth1.rfc5849.parameters import prepare_headers
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import BadSignature
from botkit.network.signing import Signer
from botkit.x.oauth import check_oauth1, parse_authorization

KEYS = ("consumer-key", "consumer secret/+%&", "14235326-tökén", "token&secret=")
FORM = "application/x-www-form-urlencoded"

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
names = texts.filter(lambda name: name and not name.startswith("oauth_") and name != "realm")
pairs = st.lists(st.tuples(names, texts), max_size=5)
segments = st.lists(texts.filter(lambda part: part not in {"", ".", ".."}), max_size=4)
origins = st.sampled_from(
    [
        "https://api.x.com",
        "https://API.x.com",
        "https://api.x.com:443",
        "http://127.0.0.1:80",
        "http://localhost:8081",
    ]
)


def by_authlib(
    method: str,
    url: str,
    form: list[tuple[str, str]],
    *,
    nonce: str,
    timestamp: str,
    keys: tuple[str, ...] = KEYS,
) -> str:
    """The signature that authlib makes of the same request."""
    key, secret, token, token_secret = keys
    auth = ClientAuth(key, client_secret=secret, token=token, token_secret=token_secret)
    headers = {"Content-Type": FORM} if form else {}
    rendered = prepare_headers(auth.get_oauth_params(nonce, timestamp), headers)
    body = urlencode(form, quote_via=quote)
    return str(auth.get_oauth_signature(method, url, rendered, body))


def by_us(
    method: str,
    url: str,
    form: list[tuple[str, str]],
    *,
    nonce: str = "nonce",
    timestamp: int = 1,
    keys: tuple[str, str, str, str] = KEYS,
) -> dict[str, str]:
    signer = Signer(*keys, nonce=lambda: nonce, now=lambda: timestamp + 0.75)
    return parse_authorization(signer.authorization(method, url, form))


@given(
    origin=origins,
    path=segments,
    query=pairs,
    form=pairs,
    method=st.sampled_from(["GET", "POST", "put", "DELETE"]),
    seed=st.integers(0, 2**64),
)
def test_signatures_are_those_of_authlib(
    *,
    origin: str,
    path: list[str],
    query: list[tuple[str, str]],
    form: list[tuple[str, str]],
    method: str,
    seed: int,
) -> None:
    url = origin + "".join(f"/{quote(part, safe='')}" for part in path)
    url += f"?{urlencode(query, quote_via=quote)}" if query else ""
    rng = random.Random(seed)
    nonce, timestamp = f"{rng.getrandbits(128):032x}", rng.randrange(1, 2**33)
    made = by_us(method, url, form, nonce=nonce, timestamp=timestamp)
    assert made["oauth_signature"] == by_authlib(method, url, form, nonce=nonce, timestamp=str(timestamp))
    assert (made["oauth_nonce"], made["oauth_timestamp"]) == (nonce, str(timestamp))


def test_a_thousand_plain_requests_are_signed_as_authlib_signs_them() -> None:
    """Without query and form, as nearly every request is: the prepared way, one signer for all."""
    rng = random.Random(7)
    nonces: list[str] = []

    def nonce() -> str:
        nonces.append(f"{rng.getrandbits(128):032x}")
        return nonces[-1]

    signer = Signer(*KEYS, nonce=nonce, now=lambda: 1_548_711_582.4)
    for number in range(1000):
        url = f"https://api.x.com/2/dm_conversations/with/{rng.getrandbits(63)}/messages"
        made = parse_authorization(signer.authorization("POST", url))
        assert made["oauth_signature"] == by_authlib(
            "POST", url, [], nonce=nonces[number], timestamp="1548711582"
        )


# authlib decodes what the header holds twice: a percent sign in a key or token is not what it was. See below.
named = texts.filter(lambda text: text and "%" not in text)


@given(st.tuples(named, texts, named, texts))
def test_keys_may_hold_any_text(keys: tuple[str, str, str, str]) -> None:
    url = "https://api.x.com/2/users/me"
    made = by_us("GET", url, [], keys=keys)
    assert made["oauth_signature"] == by_authlib("GET", url, [], nonce="nonce", timestamp="1", keys=keys)


@given(st.tuples(texts.filter(bool), texts.filter(bool), texts.filter(bool), texts))
def test_even_percent_signs_in_keys_are_signed_as_they_are(keys: tuple[str, str, str, str]) -> None:
    """Held to the long way, which X's documented examples pin."""
    url = "https://api.x.com/2/users/me"
    signer = Signer(*keys, nonce=lambda: "nonce", now=lambda: 1.0)
    header = signer.authorization("GET", url)
    found = check_oauth1("GET", url, header, (), keys[1], keys[3])
    assert (found["oauth_consumer_key"], found["oauth_token"]) == (keys[0], keys[2])


def test_the_prepared_way_writes_what_the_long_way_writes() -> None:
    """A fragment is no part of what is signed, and sends the same request the long way."""
    signer = Signer(*KEYS, nonce=lambda: "n1", now=lambda: 2.0)
    url = "https://api.x.com/2/users/me"
    assert signer.authorization("GET", url) == signer.authorization("GET", f"{url}#there")


@pytest.mark.parametrize("origin", [f"http://127.0.0.{number}:8080" for number in range(1, 20)] * 2)
def test_every_origin_is_signed_for_itself(origin: str) -> None:
    signer = Signer(*KEYS, nonce=lambda: "n", now=lambda: 1.0)
    for other in range(30):
        signer.authorization("GET", f"http://host-{other}/x")
    made = parse_authorization(signer.authorization("GET", f"{origin}/x"))
    assert made["oauth_signature"] == by_authlib("GET", f"{origin}/x", [], nonce="n", timestamp="1")


def test_no_two_signatures_share_a_nonce() -> None:
    signer = Signer(*KEYS)
    made = [
        parse_authorization(signer.authorization("GET", "https://api.x.com/2/users/me")) for _ in range(500)
    ]
    assert len({one["oauth_nonce"] for one in made}) == 500
    assert all(re.fullmatch(r"[0-9a-f]{32}", one["oauth_nonce"]) for one in made)


def test_another_address_or_method_has_another_signature() -> None:
    """The control: a checker refuses the header for anything but the request that it was made for."""
    url = "https://api.x.com/2/dm_conversations/with/1/messages"
    header = Signer(*KEYS).authorization("POST", url)
    assert check_oauth1("POST", url, header, (), KEYS[1], KEYS[3])
    for method, other in (("POST", url.replace("/1/", "/2/")), ("PUT", url), ("POST", f"{url}?a=b")):
        with pytest.raises(BadSignature):
            check_oauth1(method, other, header, (), KEYS[1], KEYS[3])
