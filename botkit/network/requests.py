"""Requests as they leave: one call, one credential, one answer."""

from __future__ import annotations

from typing import TypeVar

from botkit.network.credentials import Shown
from botkit.network.transport import Transport
from botkit.version import __version__
from botkit.x.wire import Call, Response

__all__ = ["Requests"]

T = TypeVar("T")

_ACCEPT = "application/json"
_USER_AGENT = f"botkit/{__version__}"


class Requests:
    """Sends calls over a transport.

    :param api_url: X's address.
    """

    def __init__(self, transport: Transport, api_url: str) -> None:
        self._transport = transport
        self.api_url = api_url.rstrip("/")

    async def send(self, call: Call[T], shown: Shown) -> Response:
        """Send the call with that credential and return X's answer as it came.

        :raises XUnavailable, OutcomeUnknown: there was no answer.
        """
        request = call.request
        url = f"{request.origin or self.api_url}{request.target}"
        headers = {"accept": _ACCEPT, "user-agent": _USER_AGENT}
        if request.content_type:
            headers["content-type"] = request.content_type
        if authorization := shown.header(request, url, headers):
            headers["authorization"] = authorization
        return await self._transport.send(request.method, url, headers, request.body)

    async def do(self, call: Call[T], shown: Shown) -> T:
        """Send the call with that credential and read its answer.

        :raises XError: what X answered, or that it did not.
        """
        return call.read(await self.send(call, shown))
