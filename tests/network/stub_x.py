"""The part of X that knows tokens: takes refresh tokens once, and refuses what is dead."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from urllib.parse import parse_qsl, urlsplit

from botkit.errors import OutcomeUnknown, XUnavailable
from botkit.testing import Clock
from botkit.x.wire import Response

CLIENT = ("client", "client-secret")
CONSUMER = ("key", "consumer-secret")
DEAD = {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}
UNAUTHORIZED = {"title": "Unauthorized", "type": "about:blank", "status": 401, "detail": "Unauthorized"}


class StubX:
    """A `Transport` that is X.

    :ivar asked: method and path of each request, with the credential's kind.
    :ivar refreshes: refresh tokens that were used, in order.
    :ivar alive: which account each access token is of.
    :ivar fails: raised instead of the next answers to a refresh; ``after``: X has done it all the same.
    :ivar answers: what stands for an answer of X's, by method and path.
    :ivar looks: awaited with method, path and credential before each answer.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.clock = clock or Clock()
        self.asked: list[str] = []
        self.shown: list[str] = []
        self.refreshes: list[str] = []
        self.alive: dict[str, str] = {}
        self.refresh_tokens: dict[str, str] = {}
        self.revoked: list[str] = []
        self.fails: list[tuple[str, str]] = []
        self.answers: dict[str, tuple[int, object]] = {}
        self.app_token = "app-1"
        self.looks: Callable[[str, str, str], Awaitable[None]] | None = None
        self.dates = True
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = asyncio.Event()
        self._came = asyncio.Condition()

    def grant(self, account_id: str, number: int = 1) -> tuple[str, str]:
        """A pair that is good."""
        access, refresh = f"{account_id}-access-{number}", f"{account_id}-refresh-{number}"
        self.alive[access] = account_id
        self.refresh_tokens[refresh] = account_id
        return access, refresh

    async def send(self, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Response:
        path = urlsplit(url).path
        shown = headers.get("authorization", "")
        self.asked.append(f"{method} {path}")
        self.shown.append(shown)
        if self.looks is not None:
            await self.looks(method, path, shown)
        form = dict(parse_qsl((body or b"").decode()))
        status, value = await self._answer(method, path, shown, form)
        dates = {"date": formatdate(self.clock(), usegmt=True)} if self.dates else {}
        return Response(status, dates, json.dumps(value).encode(), self.clock())

    async def came(self, count: int) -> None:
        """Return when that many refreshes have come."""
        async with self._came:
            await self._came.wait_for(lambda: len(self.refreshes) >= count)

    async def close(self) -> None:
        """Nothing is open."""

    async def _answer(self, method: str, path: str, shown: str, form: dict[str, str]) -> tuple[int, object]:
        if path == "/2/oauth2/token":
            return await self._refresh(shown, form)
        if path == "/2/oauth2/revoke":
            self.revoked.append(form["token"])
            return 200, {"revoked": True}
        if path == "/1.1/oauth/invalidate_token.json":
            return 200, {"access_token": "x"}
        if path == "/oauth2/token":
            if shown != _basic(*CONSUMER):
                return 403, {"errors": [{"code": 99, "message": "Unable to verify your credentials"}]}
            return 200, {"token_type": "bearer", "access_token": self.app_token}
        if f"{method} {path}" in self.answers:
            return self.answers[f"{method} {path}"]
        if shown == f"Bearer {self.app_token}":
            return 200, {"data": []}
        account = self.alive.get(_token(shown))
        if account is None:
            return 401, UNAUTHORIZED
        return 200, {"data": {"id": account, "username": f"user{account}", "name": "Somebody"}}

    async def _refresh(self, shown: str, form: dict[str, str]) -> tuple[int, object]:
        if shown != _basic(*CLIENT):
            return 401, {"error": "unauthorized_client", "error_description": "Missing valid authorization"}
        token = form["refresh_token"]
        self.refreshes.append(token)
        self.waiting.set()
        async with self._came:
            self._came.notify_all()
        await self.gate.wait()
        how, when = self.fails.pop(0) if self.fails else ("", "")
        if when == "before":
            raise XUnavailable("can't connect") if how == "unsent" else OutcomeUnknown("no answer")
        account = self.refresh_tokens.pop(token, None)
        if account is None:
            return 400, DEAD
        for access in [each for each, owner in self.alive.items() if owner == account]:
            del self.alive[access]
        access, refresh = self.grant(account, int(token.rpartition("-")[2]) + 1)
        if when == "after":
            raise OutcomeUnknown("no answer")
        return 200, {
            "token_type": "bearer",
            "expires_in": 7200,
            "access_token": access,
            "refresh_token": refresh,
            "scope": "tweet.read users.read dm.read dm.write offline.access",
        }


def _token(shown: str) -> str:
    if shown.startswith("Bearer "):
        return shown.removeprefix("Bearer ")
    _, _, rest = shown.partition('oauth_token="')
    return rest.partition('"')[0]


def _basic(key: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
