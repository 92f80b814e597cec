"""OAuth 1.0a as X speaks it: HMAC-SHA1 over method, address and parameters. No clock, nothing sent.

Source: X docs, authentication/oauth-1-0a: creating-a-signature, percent-encoding-parameters,
authorizing-a-request.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from botkit.errors import BadSignature

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "authorization",
    "base_string",
    "check_oauth1",
    "parse_authorization",
    "percent_encode",
    "signature",
]

Pair = tuple[str, str]

_SCHEME = re.compile(r"OAuth\s+", re.IGNORECASE)
_PART = re.compile(r'\s*([A-Za-z_]+)\s*=\s*"([^"]*)"\s*')
_NEEDED = (
    "oauth_consumer_key",
    "oauth_nonce",
    "oauth_signature",
    "oauth_signature_method",
    "oauth_timestamp",
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def percent_encode(value: str) -> str:
    """RFC 3986: everything but letters, digits and ``-._~`` becomes ``%XX``, of its UTF-8 bytes."""
    return quote(value, safe="-._~", errors="replace")


def base_string(method: str, url: str, parameters: Iterable[Pair]) -> str:
    """What is signed.

    :param url: as called; its query takes part, its fragment does not.
    :param parameters: form parts and ``oauth_…`` parameters, decoded; ``oauth_signature`` is left out.
    """
    split = urlsplit(url)
    host = (split.hostname or "").lower()
    scheme = split.scheme.lower()
    if split.port is not None and split.port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{split.port}"
    pairs = [*parse_qsl(split.query, keep_blank_values=True), *parameters]
    encoded = sorted(
        (percent_encode(name), percent_encode(value)) for name, value in pairs if name != "oauth_signature"
    )
    together = "&".join(f"{name}={value}" for name, value in encoded)
    address = f"{scheme}://{host}{split.path or '/'}"
    return "&".join(percent_encode(part) for part in (method.upper(), address, together))


def signature(base: str, consumer_secret: str, token_secret: str = "") -> str:
    """The base64 of HMAC-SHA1 over a base string; ``token_secret`` is empty before there is a token."""
    key = f"{percent_encode(consumer_secret)}&{percent_encode(token_secret)}"
    return base64.b64encode(hmac.digest(key.encode(), base.encode(), hashlib.sha1)).decode("ascii")


def authorization(
    method: str,
    url: str,
    parameters: Mapping[str, str],
    *,
    consumer_secret: str,
    token_secret: str = "",
    form: Iterable[Pair] = (),
) -> str:
    """The value of the ``Authorization`` header.

    :param parameters: the ``oauth_…`` parameters but the signature, with nonce and timestamp.
    :param form: the decoded parts of a form body; JSON and multipart bodies are not signed.
    """
    base = base_string(method, url, (*parameters.items(), *form))
    signed = {**parameters, "oauth_signature": signature(base, consumer_secret, token_secret)}
    return "OAuth " + ", ".join(
        f'{percent_encode(name)}="{percent_encode(value)}"' for name, value in sorted(signed.items())
    )


def parse_authorization(header: str | None) -> dict[str, str]:
    """The parameters of an ``Authorization: OAuth …`` header, decoded, without ``realm``.

    :raises BadSignature: another scheme, malformed, a parameter twice, or one missing that must be there.
    """
    scheme = _SCHEME.match(header or "")
    if header is None or scheme is None:
        raise BadSignature("the request is not signed with OAuth 1.0a")
    found: dict[str, str] = {}
    for part in header[scheme.end() :].split(","):
        pair = _PART.fullmatch(part)
        if pair is None:
            raise BadSignature("the Authorization header is malformed")
        name, value = pair[1], unquote(pair[2])
        if name in found:
            raise BadSignature("the Authorization header has a parameter twice")
        found[name] = value
    found.pop("realm", None)
    missing = [name for name in _NEEDED if not found.get(name)]
    if missing:
        raise BadSignature(f"the Authorization header lacks {', '.join(missing)}")
    if found["oauth_signature_method"] != "HMAC-SHA1" or found.get("oauth_version", "1.0") != "1.0":
        raise BadSignature("only OAuth 1.0 with HMAC-SHA1 is taken")
    return found


def check_oauth1(  # noqa: PLR0917  # the request as it came, then the two secrets
    method: str,
    url: str,
    header: str | None,
    form_params: Iterable[Pair],
    consumer_secret: str,
    token_secret: str,
) -> dict[str, str]:
    """The header's parameters, when it signs this request with these secrets.

    Whether consumer key, token, nonce and timestamp are acceptable is for the caller to decide.

    :param url: the whole address as called, with its query.
    :raises BadSignature: no, malformed or wrong signature, or an empty consumer secret.
    """
    found = parse_authorization(header)
    if not consumer_secret:
        raise BadSignature("no consumer secret to check with")
    base = base_string(method, url, (*found.items(), *form_params))
    right = signature(base, consumer_secret, token_secret)
    if not hmac.compare_digest(right.encode(), found["oauth_signature"].encode("utf-8", "replace")):
        raise BadSignature("the OAuth signature is wrong for this request")
    return found
