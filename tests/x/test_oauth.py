"""OAuth 1.0a against X's published vector, and every way in which a signature is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from authlib.oauth1 import ClientAuth
from hypothesis import given
from hypothesis import strategies as st

from botkit.errors import BadSignature
from botkit.x.oauth import (
    authorization,
    base_string,
    check_oauth1,
    parse_authorization,
    percent_encode,
    signature,
)

PAYLOADS = Path(__file__).parent.parent / "payloads"
VECTOR: dict[str, Any] = json.loads((PAYLOADS / "signature_vectors.json").read_text("utf-8"))["oauth1"]
FORM = tuple(VECTOR["form"].items())
SECRETS = {"consumer_secret": VECTOR["consumer_secret"], "token_secret": VECTOR["token_secret"]}
PARAMETERS = {
    "oauth_signature_method": "HMAC-SHA1",
    **{name: VECTOR[name] for name in VECTOR if name.startswith("oauth_")},
}


def header(url: str = VECTOR["url"]) -> str:
    return authorization("POST", url, PARAMETERS, form=FORM, **SECRETS)


def check(
    method: str = "POST",
    url: str = VECTOR["url"],
    *,
    sent: str | None = None,
    form: Any = FORM,
    consumer_secret: str = SECRETS["consumer_secret"],
    token_secret: str = SECRETS["token_secret"],
) -> dict[str, str]:
    return check_oauth1(method, url, header() if sent is None else sent, form, consumer_secret, token_secret)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("api.x.com", VECTOR["signature"]), ("api.twitter.com", VECTOR["same_with_host_api.twitter.com"])],
)
def test_the_published_vector(host: str, expected: str) -> None:
    url = VECTOR["url"].replace("api.x.com", host)
    base = base_string("post", url, (*PARAMETERS.items(), *FORM))
    assert signature(base, **SECRETS) == expected
    assert check(url=url, sent=header(url))["oauth_signature"] == expected


def test_a_signature_for_one_host_is_none_for_another() -> None:
    with pytest.raises(BadSignature):
        check(url=VECTOR["url"].replace("api.x.com", "api.twitter.com"))


@pytest.mark.parametrize(
    "url",
    [
        VECTOR["url"].replace("https://api.x.com", "HTTPS://API.X.COM:443"),
        VECTOR["url"] + "#fragment",
    ],
)
def test_the_same_address_in_other_words(url: str) -> None:
    check(url=url)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "PUT"},
        {"url": VECTOR["url"] + "&a=b"},
        {"url": VECTOR["url"].replace("https", "http")},
        {"url": VECTOR["url"].replace("api.x.com", "api.x.com:8443")},
        {"form": ()},
        {"form": (*FORM, ("a", "b"))},
        {"consumer_secret": "other"},
        {"consumer_secret": ""},
        {"token_secret": "other"},
        {"token_secret": ""},
        {"sent": header().replace("kYjzVBB8", "kYjzVBB9")},
        {"sent": header().replace('oauth_signature="', 'oauth_signature="a')},
        {"sent": header().replace('oauth_signature="', 'oauth_signature="%FFé')},
    ],
)
def test_anything_changed_is_refused(changes: dict[str, Any]) -> None:
    check()
    with pytest.raises(BadSignature):
        check(**changes)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "Bearer abc",
        "OAuth",
        "OAuth ",
        "OAuth nonsense",
        header() + ', oauth_nonce="again"',
        header().replace("HMAC-SHA1", "PLAINTEXT"),
        header().replace('oauth_version="1.0"', 'oauth_version="2.0"'),
        header().replace("oauth_timestamp", "oauth_time"),
        header().replace('"', ""),
    ],
)
def test_a_malformed_header_is_refused(sent: str | None) -> None:
    with pytest.raises(BadSignature):
        parse_authorization(sent)


def test_an_empty_consumer_secret_verifies_nothing_not_even_its_own_signature() -> None:
    sent = authorization("POST", VECTOR["url"], PARAMETERS, consumer_secret="", form=FORM)
    with pytest.raises(BadSignature):
        check(sent=sent, consumer_secret="", token_secret="")


def test_a_header_is_read_back_as_it_was_meant() -> None:
    found = parse_authorization('OAuth realm="x", ' + header().removeprefix("OAuth "))
    assert found == {**PARAMETERS, "oauth_signature": VECTOR["signature"]}


def test_percent_encoding() -> None:
    assert percent_encode("Ladies + Gentlemen") == "Ladies%20%2B%20Gentlemen"
    assert percent_encode("An encoded string!") == "An%20encoded%20string%21"
    assert percent_encode("☃ -._~/") == "%E2%98%83%20-._~%2F"


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_whatever_is_signed_verifies(form: dict[str, str]) -> None:
    pairs = tuple(form.items())
    sent = authorization("POST", VECTOR["url"], PARAMETERS, form=pairs, **SECRETS)
    check(sent=sent, form=pairs)


@given(st.dictionaries(st.text("abc =&+%~é", min_size=1), st.text("abc =&+%~é"), max_size=4))
def test_another_implementation_agrees(query: dict[str, str]) -> None:
    """authlib signs; this verifies."""
    encoded = "&".join(f"{percent_encode(name)}={percent_encode(value)}" for name, value in query.items())
    url = f"https://api.x.com/2/users/me?{encoded}" if encoded else "https://api.x.com/2/users/me"
    auth = ClientAuth(
        VECTOR["oauth_consumer_key"],
        client_secret=VECTOR["consumer_secret"],
        token=VECTOR["oauth_token"],
        token_secret=VECTOR["token_secret"],
    )
    _, headers, _ = auth.prepare("GET", url, {}, "")
    check("GET", url, sent=headers["Authorization"], form=())
