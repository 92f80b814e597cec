"""The webhook: X's challenge (GET) is answered, its events (POST) are verified, stored and acknowledged.

200 means that the event is on disk. Whatever is refused is answered 4xx with one line of JSON, and nothing of
it is stored; what can't be taken now (the store is full or away, too much waits) is answered 503, for X to
deliver again. Challenges are answered whatever the load: X takes the webhook out of service without them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import FilteringBoundLogger

from botkit.errors import BadToken, Refused, StoreError, StoreUnavailable
from botkit.store.contract import NewItem
from botkit.web.answers import refused
from botkit.web.plain import Delivery
from botkit.x import Item, answer_crc, check_signature, split

__all__ = ["INBOX", "Webhook", "WebhookSettings"]

#: the queue that the engine's worker takes events from
INBOX = "in"

_SIGNATURE = "x-twitter-webhooks-signature"
_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """What the webhook verifies with and accepts.

    :param secrets: the consumer secrets; the first signs, all verify.
    :param own_ids: the bot's own account ids, for bodies that don't say whose they are.
    :param max_body: bytes; what is longer is refused unread.
    :param token_pattern: the shape of a challenge token that is signed.
    :param retry_after_s: what a 503 asks X to wait.
    :param body_timeout_s: how long a body may take to arrive (X gives the whole delivery 10 s).
    :param max_pending: bytes of verified bodies that may wait for the store at once; beyond them 503 is
        answered, so that a store that hangs costs no memory.
    """

    secrets: Sequence[str]
    own_ids: frozenset[str] = frozenset()
    max_body: int = 1024 * 1024
    token_pattern: re.Pattern[str] | None = None
    retry_after_s: int = 5
    body_timeout_s: float = 10.0
    max_pending: int = 64 * 1024 * 1024


class Puts(Protocol):
    """What is needed of the store."""

    async def put(self, items: Sequence[NewItem]) -> int:
        """See `botkit.store.contract.Store.put`."""


class Webhook:
    """Answers X at one URL.

    :param full: whether too much waits already to take more.
    :param challenged: told of each challenge that was answered.
    """

    def __init__(
        self,
        store: Puts,
        settings: WebhookSettings,
        *,
        log: FilteringBoundLogger,
        full: Callable[[], bool] = lambda: False,
        challenged: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._log = log
        self._full = full
        self._challenged = challenged
        self._pending = 0
        self._gathered: list[_Gathered] = []
        self._storing: set[asyncio.Task[None]] = set()

    async def challenge(self, request: web.Request) -> web.Response:
        """Answer X's challenge, if it is one: see `botkit.x.signature.answer_crc`."""
        settings = self._settings
        try:
            answer = answer_crc(
                settings.secrets,
                request.rel_url.raw_query_string,
                request.headers.get(_SIGNATURE),
                token_pattern=settings.token_pattern,
            )
        except Refused as refusal:
            if isinstance(refusal, BadToken):
                # Either X changed its tokens, or somebody wants a forgery signed: a person should know.
                self._log.warning("crc_refused", reason=str(refusal), remote=request.remote)
            return refused(refusal.status, str(refusal))
        self._challenged()
        return web.Response(body=answer, content_type="application/json")

    async def receive(self, request: web.Request) -> web.Response:
        """Verify, store, acknowledge: in this order, and nothing else."""
        settings = self._settings
        if request.content_type != _JSON:
            return refused(415, f"content-type must be {_JSON}")
        if (request.content_length or 0) > settings.max_body:
            return self._too_large()
        try:
            async with asyncio.timeout(settings.body_timeout_s):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._too_large()
        except TimeoutError:
            return refused(408, f"the body did not arrive within {settings.body_timeout_s:g} s")
        except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
            return refused(400, "the body did not arrive whole")
        try:
            check_signature(settings.secrets, body, request.headers.get(_SIGNATURE))
            items = split(body, own_ids=settings.own_ids)
        except Refused as refusal:
            self._log.info("event_refused", reason=str(refusal), remote=request.remote, bytes=len(body))
            return refused(refusal.status, str(refusal))
        if self._has_no_room(len(body)):
            return self._later("too many events wait; deliver it again")
        self._pending += len(body)
        try:
            await self._store.put(_new(items))
        except StoreUnavailable as error:
            self._log.error("store_unavailable", error=str(error))
            return self._later("the event can't be stored now; deliver it again")
        finally:
            self._pending -= len(body)
        return web.Response()

    def take(self, delivery: Delivery, done: Callable[[bool], None]) -> bool:
        """The short way of `receive`, for `botkit.web.direct`: see `botkit.web.direct.Intake.take`.

        What comes in one turn of the loop is put together. Whatever keeps a delivery from being taken or
        stored is found again, answered and logged by `receive`.
        """
        settings, size = self._settings, len(delivery.body)
        try:
            check_signature(settings.secrets, delivery.body, delivery.signature)
            items = split(delivery.body, own_ids=settings.own_ids)
        except Refused:
            return False
        if self._has_no_room(size):
            return False
        self._pending += size
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self._put_gathered)
        self._gathered.append(_Gathered(_new(items), size, done))
        return True

    def _put_gathered(self) -> None:
        gathered, self._gathered = self._gathered, []
        storing = asyncio.create_task(self._put(gathered))
        self._storing.add(storing)
        storing.add_done_callback(self._storing.discard)

    async def _put(self, gathered: Sequence[_Gathered]) -> None:
        stored = False
        try:
            await self._store.put([item for each in gathered for item in each.items])
            stored = True
        except StoreError:
            pass  # which of them the store refuses, and why, comes out when each is put by itself
        finally:
            for each in gathered:
                self._pending -= each.size
                each.done(stored)

    def _has_no_room(self, size: int) -> bool:
        return self._full() or (self._pending > 0 and self._pending + size > self._settings.max_pending)

    def _too_large(self) -> web.Response:
        return refused(413, f"the body is larger than {self._settings.max_body} bytes")

    def _later(self, reason: str) -> web.Response:
        return refused(503, reason, {"retry-after": str(self._settings.retry_after_s)})


@dataclass(frozen=True, slots=True)
class _Gathered:
    """A delivery that waits for the next put."""

    items: Sequence[NewItem]
    size: int
    done: Callable[[bool], None]


def _new(items: Sequence[Item]) -> list[NewItem]:
    return [NewItem(INBOX, item.conversation.key, item.id, item.payload) for item in items]
