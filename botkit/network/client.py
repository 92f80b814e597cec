"""The client: picks a credential, signs, sends, and reads the answer of a call of `botkit.x.calls`."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote

from botkit.errors import Unauthorized
from botkit.network.signing import Signer
from botkit.network.transport import Transport
from botkit.version import __version__
from botkit.x.calls import tokens
from botkit.x.wire import Auth, Call, Response

__all__ = ["Client", "Credentials"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one app and one account can show to X; empty texts are what it does not have.

    ``oauth2_token`` is an OAuth 2.0 user token, ``bearer_token`` the app's own. Without a bearer token one is
    asked for with the consumer key and secret when a call needs it.
    """

    consumer_key: str = ""
    consumer_secret: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    access_token_secret: str = field(default="", repr=False)
    oauth2_token: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)

    @property
    def account_id(self) -> str:
        """The id of the account that the access token belongs to, as far as it tells.

        Its prefix before ``-`` in every token X shows; not promised. Source: X docs, oauth-1-0a.
        """
        prefix, dash, _ = self.access_token.partition("-")
        return prefix if dash and prefix.isdigit() else ""


class Client:
    """Carries calls out over a transport.

    :param api_url: X's address, without a slash at the end.
    """

    def __init__(
        self,
        transport: Transport,
        credentials: Credentials,
        *,
        api_url: str,
    ) -> None:
        self._transport = transport
        self._credentials = credentials
        self._api_url = api_url.rstrip("/")
        self._signer = Signer(
            credentials.consumer_key,
            credentials.consumer_secret,
            credentials.access_token,
            credentials.access_token_secret,
        )
        self._bearer = credentials.bearer_token
        self._bearer_lock = asyncio.Lock()

    async def do(self, call: Call[T], account_id: str = "") -> T:
        """Send the call as that account and read its answer.

        :raises XError: what X answered, or that it did not.
        """
        return call.read(await self.send(call, account_id))

    async def send(self, call: Call[T], account_id: str = "") -> Response:
        """Send the call and return X's answer as it came.

        :raises Unauthorized: no credential that the call accepts is configured; the message names them.
        :raises XUnavailable, OutcomeUnknown: there was no answer.
        """
        request = call.request
        url = f"{self._api_url}{request.target}"
        headers = {"accept": "application/json", "user-agent": f"botkit/{__version__}"}
        if request.content_type:
            headers["content-type"] = request.content_type
        await self._authorize(call, url, headers)
        return await self._transport.send(request.method, url, headers, request.body)

    async def _authorize(self, call: Call[T], url: str, headers: dict[str, str]) -> None:
        have = self._credentials
        for kind in call.auth:
            match kind:
                case Auth.OAUTH1_USER if have.access_token and have.consumer_key:
                    headers["authorization"] = self._signer.authorization(
                        call.request.method, url, call.request.form
                    )
                    return
                case Auth.OAUTH2_USER if have.oauth2_token:
                    headers["authorization"] = f"Bearer {have.oauth2_token}"
                    return
                case Auth.APP if self._bearer or have.consumer_key:
                    headers["authorization"] = f"Bearer {await self._app_token()}"
                    return
                case Auth.APP_BASIC if have.consumer_key:
                    headers["authorization"] = f"Basic {self._basic()}"
                    return
                case _:
                    continue
        wanted = " or ".join(kind.value for kind in call.auth)
        raise Unauthorized(f"{call.name} needs {wanted}, and no such credential is configured")

    def _basic(self) -> str:
        key, secret = self._credentials.consumer_key, self._credentials.consumer_secret
        pair = f"{quote(key, safe='')}:{quote(secret, safe='')}"
        return base64.b64encode(pair.encode()).decode("ascii")

    async def _app_token(self) -> str:
        """The app-only bearer token; asked for once. X gives the same one again until it is invalidated."""
        async with self._bearer_lock:
            if not self._bearer:
                self._bearer = await self.do(tokens.app_token())
            return self._bearer
