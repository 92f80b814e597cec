"""X's two signatures: over every event it posts, and in the answer to its challenge (CRC).

Both are one function of one key: ``sha256=`` and the base64 of HMAC-SHA256(consumer secret, message). So
whoever signs any challenge signs forgeries for everybody: a stranger asks for the signature of an event body
and posts that body with the answer. `answer_crc` therefore signs only what can't be a body or a query
string.

Source: X docs, webhooks/introduction and webhooks/quickstart; enterprise account activity, "Securing
webhooks".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from botkit.errors import BadSignature, BadToken
from botkit.x.values import decode_object, text

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TOKEN_PATTERN", "answer_crc", "answers_crc", "check_signature", "sign", "token_pattern"]

_PREFIX = b"sha256="
# A query string with more parts than this is not X's; parse_qsl stops counting there.
_MAX_PARTS = 16


def token_pattern(min_length: int = 16, max_length: int = 128) -> re.Pattern[str]:
    """The shape of a challenge token between two lengths (padding not counted).

    X documents neither alphabet nor length; every live token was base64 of a UUID, 48 characters. The
    alphabet is what keeps bodies and query strings from being signed; the lengths are only tidiness and may
    be changed.
    """
    if not 1 <= min_length <= max_length:
        msg = f"token lengths must satisfy 1 <= {min_length} <= {max_length}"
        raise ValueError(msg)
    return re.compile(rf"^[A-Za-z0-9+/_-]{{{min_length},{max_length}}}={{0,2}}$")


#: What is signed unless the caller says otherwise.
TOKEN_PATTERN = token_pattern()


def sign(secret: str, message: bytes) -> str:
    """``sha256=`` and the padded standard base64 of HMAC-SHA256 over the bytes, with the secret as UTF-8.

    :raises ValueError: the secret is empty, so that anybody could make the signature.
    """
    return _sign(secret, message).decode("ascii")


def _sign(secret: str, message: bytes) -> bytes:
    if not secret:
        raise ValueError("an empty consumer secret signs nothing")
    digest = hmac.digest(secret.encode(), message, hashlib.sha256)
    return _PREFIX + base64.b64encode(digest)


def _signer(secrets: Sequence[str], message: bytes, header: str | None) -> str:
    """The secret that made the header; every secret is tried, whichever fits."""
    usable = [secret for secret in secrets if secret]
    if not usable:
        raise BadSignature("no consumer secret is configured, so no signature can be right")
    if not header:
        raise BadSignature("the request is not signed")
    # Lone surrogates are what a server makes of bytes that are no text; they are part of no signature.
    given = header.encode("utf-8", "surrogatepass")
    if not given.startswith(_PREFIX):
        raise BadSignature("the signature does not start with sha256=")
    found = ""
    for secret in usable:
        if hmac.compare_digest(_sign(secret, message), given) and not found:
            found = secret
    if not found:
        raise BadSignature("the signature was not made with our consumer secret")
    return found


def check_signature(secrets: Sequence[str], body: bytes, header: str | None) -> None:
    """Return when ``header`` signs exactly these bytes with one of the secrets.

    ``header`` is the value of ``x-twitter-webhooks-signature``. The body must be the bytes as received:
    encoded anew, the same JSON has another signature. Compared in constant time. Empty secrets are never
    tried.

    :raises BadSignature: no usable secret, no header, a malformed one, or one that was made otherwise.
    """
    _signer(secrets, body, header)


def answer_crc(
    secrets: Sequence[str],
    query: str,
    header: str | None = None,
    *,
    token_pattern: re.Pattern[str] | None = None,
) -> bytes:
    """The JSON body that answers a challenge, with status 200 and ``content-type: application/json``.

    The first secret signs; when X signed the challenge itself, the secret that it used does, so that a
    secret can be rotated in any order. X signs some challenges (on creation and re-validation), not all: a
    header that is there must be right, one that is missing is no fault.

    :param query: the query string as sent, still encoded.
    :param header: ``x-twitter-webhooks-signature`` of the request, if it has one.
    :param token_pattern: what the decoded token must match in full, `TOKEN_PATTERN` unless given. However
        wide it is, nothing that could be an event body or a signed query string is signed.
    :raises BadToken: not exactly one ``crc_token``, or it does not look like a token.
    :raises BadSignature: a header that does not sign the query string, or no secret to sign with.
    """
    token = _token(query, token_pattern or TOKEN_PATTERN)
    if header is not None:
        secret = _signer(secrets, query.encode("utf-8", "surrogatepass"), header)
    else:
        secret = next((secret for secret in secrets if secret), "")
        if not secret:
            raise BadSignature("no consumer secret is configured, so the challenge can't be answered")
    return b'{"response_token":"' + _sign(secret, token.encode()) + b'"}'


def answers_crc(secrets: Sequence[str], token: str, body: bytes) -> bool:
    """Whether a body is the right answer to a challenge, as X sees it.

    :param token: the challenge's ``crc_token``, decoded.
    """
    given = text(decode_object(body), "response_token").encode("utf-8", "surrogatepass")
    return any(hmac.compare_digest(given, sign(secret, token.encode()).encode()) for secret in secrets)


def _token(query: str, pattern: re.Pattern[str]) -> str:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MAX_PARTS)
    except ValueError:
        raise BadToken("the query string is not one that X sends") from None
    tokens = [value for name, value in pairs if name == "crc_token"]
    if len(tokens) != 1:
        raise BadToken(f"exactly one crc_token is needed, there are {len(tokens)}")
    token = tokens[0]
    # Holds under any pattern: a JSON object has a brace, a query string an inner "=" or an "&".
    if "{" in token or "&" in token or "=" in token.rstrip("="):
        raise BadToken("the crc_token could be a forged event or query string; it is not signed")
    if pattern.fullmatch(token) is None:
        raise BadToken("the crc_token does not have the shape of a token; it is not signed")
    return token
