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

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from structlog.typing import FilteringBoundLogger

from botkit.errors import BadToken, Refused, StoreUnavailable
from botkit.store.contract import NewItem, Store
from botkit.web.accepted import Accepted
from botkit.web.front import refused
from botkit.x import answer_crc, check_signature, split

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


class Webhook:
    """Answers X at one URL.

    :param full: whether too much waits already to take more.
    """

    def __init__(
        self,
        store: Store,
        settings: WebhookSettings,
        *,
        log: FilteringBoundLogger,
        full: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._settings = settings
        self._log = log
        self._full = full
        self._pending = 0
        self._accepted = Accepted()

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
        return web.Response(body=answer, content_type="application/json")

    async def receive(self, request: web.Request) -> web.StreamResponse:
        """Verify, store, acknowledge: in this order, and nothing else."""
        settings = self._settings
        headers = request.headers
        # Most requests write it just so; only the others are parsed.
        if headers.get("content-type") != _JSON and request.content_type != _JSON:
            return refused(415, f"content-type must be {_JSON}")
        if (request.content_length or 0) > settings.max_body:
            return self._too_large()
        if (content := request.content).is_eof() and "content-encoding" not in headers:
            body = content.read_nowait()  # the whole body came with the headers
            if len(body) > settings.max_body:
                return self._too_large()
        else:
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
            check_signature(settings.secrets, body, headers.get(_SIGNATURE))
            items = split(body, own_ids=settings.own_ids)
        except Refused as refusal:
            self._log.info("event_refused", reason=str(refusal), remote=request.remote, bytes=len(body))
            return refused(refusal.status, str(refusal))
        if self._full() or (self._pending and self._pending + len(body) > settings.max_pending):
            return self._later("too many events wait; deliver it again")
        self._pending += len(body)
        try:
            await self._store.put(
                [NewItem(INBOX, item.conversation.key, item.id, item.payload) for item in items]
            )
        except StoreUnavailable as error:
            self._log.error("store_unavailable", error=str(error))
            return self._later("the event can't be stored now; deliver it again")
        finally:
            self._pending -= len(body)
        return self._accepted.answer(request)

    def _too_large(self) -> web.Response:
        return refused(413, f"the body is larger than {self._settings.max_body} bytes")

    def _later(self, reason: str) -> web.Response:
        return refused(503, reason, {"retry-after": str(self._settings.retry_after_s)})
