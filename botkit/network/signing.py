"""OAuth 1.0a signatures for one account, with everything prepared that does not change between requests.

authlib makes the same signatures from scratch each time, at a multiple of what the request itself costs; it
stays the reference that the tests compare with.

Source: X docs, authentication/oauth-1-0a: creating-a-signature, authorizing-a-request.
"""

from __future__ import annotations

import binascii
import hashlib
import itertools
import re
import secrets
import time
from collections.abc import Callable, Sequence

from botkit.x.oauth import authorization, base_string, percent_encode

__all__ = ["Signer"]

#: an address whose path needs no more than its slashes encoded, and that has neither query nor fragment
_PLAIN = re.compile(r"(https?://[^/?#]+)(/[A-Za-z0-9._~/-]*)")
#: origins whose encoded form is kept; a bot speaks to one or two
_ORIGINS = 8


class Signer:
    """Signs requests as one app and one account.

    :param nonce: makes letters and digits that are never used again.
    :param now: Unix seconds.
    """

    def __init__(
        self,
        consumer_key: str,
        consumer_secret: str,
        token: str,
        token_secret: str,
        *,
        nonce: Callable[[], str] | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._consumer_key, self._consumer_secret = consumer_key, consumer_secret
        self._token, self._token_secret = token, token_secret
        self._nonce = nonce or _nonces()
        self._now = now
        secret = f"{percent_encode(consumer_secret)}&{percent_encode(token_secret)}".encode()
        self._digest = _hmac_sha1(secret)
        key, account = percent_encode(consumer_key), percent_encode(token)
        # In the base string the parameters stand sorted and joined, and as a whole encoded once more.
        self._until_nonce = f"oauth_consumer_key%3D{percent_encode(key)}%26oauth_nonce%3D"
        self._after_time = f"%26oauth_token%3D{percent_encode(account)}%26oauth_version%3D1.0"
        self._head_until_nonce = f'OAuth oauth_consumer_key="{key}", oauth_nonce="'
        self._head_after_time = f'", oauth_token="{account}", oauth_version="1.0"'
        self._origins: dict[str, str] = {}
        self._at(0)

    def authorization(self, method: str, url: str, form: Sequence[tuple[str, str]] = ()) -> str:
        """The value of the ``Authorization`` header of a request.

        :param url: the whole address as it is called, with its query.
        :param form: the decoded parts of a form body; other bodies are not signed.
        """
        nonce, second = self._nonce(), int(self._now())
        plain = _PLAIN.fullmatch(url)
        if form or plain is None:
            return self._from_scratch(method, url, form, nonce, str(second))
        if second != self._second:
            self._at(second)
        origin, path = plain.groups()
        base = (
            f"{method.upper()}&{self._origins.get(origin) or self._encoded(origin)}"
            f"{path.replace('/', '%2F')}&"
            f"{self._until_nonce}{nonce}{self._behind_nonce}"
        )
        digest = binascii.b2a_base64(self._digest(base.encode("ascii")), newline=False).decode("ascii")
        # Of what base64 is made of, these three are encoded.
        signature = digest.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        return f'{self._head_until_nonce}{nonce}", oauth_signature="{signature}{self._head_behind_signature}'

    def _at(self, second: int) -> None:
        """Prepare what is the same for all requests of a second."""
        self._second = second
        self._behind_nonce = (
            f"%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D{second}{self._after_time}"
        )
        self._head_behind_signature = (
            f'", oauth_signature_method="HMAC-SHA1", oauth_timestamp="{second}{self._head_after_time}'
        )

    def _from_scratch(
        self, method: str, url: str, form: Sequence[tuple[str, str]], nonce: str, timestamp: str
    ) -> str:
        parameters = {
            "oauth_consumer_key": self._consumer_key,
            "oauth_nonce": nonce,
            "oauth_signature_method": "HMAC-SHA1",
            "oauth_timestamp": timestamp,
            "oauth_token": self._token,
            "oauth_version": "1.0",
        }
        return authorization(
            method,
            url,
            parameters,
            consumer_secret=self._consumer_secret,
            token_secret=self._token_secret,
            form=form,
        )

    def _encoded(self, origin: str) -> str:
        """The origin as it stands in a base string: lower case, without a default port, encoded."""
        if len(self._origins) >= _ORIGINS:
            self._origins.clear()
        _, address, _ = base_string("GET", origin, ()).split("&")
        encoded = self._origins[origin] = address.removesuffix("%2F")
        return encoded


def _nonces() -> Callable[[], str]:
    """Texts that are never used again: what nobody else has, and a count."""
    own, numbers = secrets.token_hex(12), itertools.count()
    return lambda: f"{own}{next(numbers):08x}"


def _hmac_sha1(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA1 with that key (RFC 2104), which is worked in once: each digest goes on from copies."""
    sha1 = hashlib.sha1  # X's documented method; HMAC does not rest on what SHA-1 has lost
    block = (sha1(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner, outer = sha1(bytes(byte ^ 0x36 for byte in block)), sha1(bytes(byte ^ 0x5C for byte in block))

    def digest(message: bytes) -> bytes:
        within, around = inner.copy(), outer.copy()
        within.update(message)
        around.update(within.digest())
        return around.digest()

    return digest
